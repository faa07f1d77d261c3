"""The pages of an organisation's own policy: the form, the comparison, the signature, and the policy that a course carries."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import PolicyProposal
from handrail.rules.policy import load_policy, shipped_document
from handrail.rules.policy_own import values_of
from tests.support.factories import MONDAY_0900, World, event
from tests.support.signing import pharmacist_of

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=3)
FEVER, PAGED = "triage.fever_c", "watch.phase.risk_window.page_after_minutes"
TIGHT = {f"v:{FEVER}": "37.9"}
LOOSE = {f"v:{PAGED}": "75"}
REASON = {f"r:{PAGED}": "two nurses look within the hour", f"d:{PAGED}": "2026-09-01"}


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(NOW)):
        yield


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def lead(client, world):
    client.force_login(world.alice.oncologist)
    return client


def send(client, world, what="propose", **data):
    address = reverse("propose_policy", args=[world.alice.id])
    return client.post(address, {**data, "what": what}, follow=True)


def proposals() -> list[PolicyProposal]:
    with everything():
        return list(PolicyProposal.objects.order_by("number"))


def text(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_form_has_every_value_with_its_direction(lead, world):
    page = text(lead.get(reverse("propose_policy", args=[world.alice.id])))
    for value in values_of(shipped_document(), load_policy().caution):
        assert f'name="v:{value.place}"' in page, value.place
    assert page.count("is more careful") > 60 and "every change is a departure" in page


def test_comparing_stores_nothing_and_asks_for_a_reason_where_it_is_looser(lead, world):
    page = text(send(lead, world, "compare", **TIGHT, **LOOSE))
    assert proposals() == []
    assert re.search(rf"Tighter</span>\s*<div><strong class=.place.>{FEVER}</strong>: 38.0 becomes <b>37.9</b>", page)
    assert re.search(rf"Looser</span>\s*<div><strong class=.place.>{PAGED}</strong>: 60 becomes <b>75</b>", page)
    assert f'name="r:{PAGED}"' in page and f'name="r:{FEVER}"' not in page
    assert 'value="37.9"' in page and "Shipped: 38.0" in page


def test_what_only_tightens_is_in_force_at_once(lead, world):
    answer = send(lead, world, **TIGHT)
    [proposal] = proposals()
    assert answer.request["PATH_INFO"] == reverse("own_policy", args=[proposal.pk])
    assert "In force from now on." in text(answer)
    overview = text(lead.get(reverse("policies")))
    assert "every change is tighter" in overview and "Version 1" in overview


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (LOOSE, "Give the day of review."),
        (LOOSE | {f"d:{PAGED}": "2026-09-01"}, "why this departs"),
        (LOOSE | REASON | {f"d:{PAGED}": "2026-03-01"}, "The day of review lies ahead"),
        ({f"v:{FEVER}": "warm"}, "Type a number"),
        ({f"v:{FEVER}": "37.0"}, "A lower temperature is measured again"),
        ({"v:triage.symptom.rash.ladder": "PINK"}, "One of: RED-1"),
        ({}, "Nothing differs"),
    ],
)
def test_what_cannot_be_proposed_says_why_and_keeps_what_was_typed(lead, world, typed, said):
    answer = send(lead, world, **typed)
    assert (answer.status_code, proposals()) == (422, [])
    page = text(answer)
    assert said in page
    for name, value in typed.items():
        if "ladder" not in name:
            assert f'name="{name}" value="{value}"' in page, name


def test_a_second_person_signs_and_the_departure_is_counted_and_listed(lead, client, world):
    send(lead, world, **LOOSE, **REASON)
    [proposal] = proposals()
    address = reverse("own_policy", args=[proposal.pk])
    sign = reverse("approve_policy", args=[proposal.pk])
    page = text(lead.get(address))
    assert "You proposed it: another person signs" in page and "Sign the" not in page
    assert lead.post(sign, {"seen": "yes", "sha256": proposal.sha256}).status_code == 422
    client.force_login(pharmacist_of(world.alice))
    assert "Sign the 1 departure" in text(client.get(address))
    unseen = client.post(sign, {"sha256": proposal.sha256})
    assert (unseen.status_code, "read each departure" in text(unseen)) == (422, True)
    assert client.post(sign, {"seen": "yes", "sha256": "0" * 64}).status_code == 422
    assert "Signed. In force" in text(client.post(sign, {"seen": "yes", "sha256": proposal.sha256}, follow=True))
    overview = text(client.get(reverse("policies")))
    assert "1 value departs from the shipped policy." in overview
    for word in (PAGED, "two nurses look within the hour", "Review on 2026-09-01", "Synthetic Pharmacist"):
        assert word in overview


def test_a_review_that_is_over_is_said(lead, client, world):
    send(lead, world, **LOOSE, **REASON)
    [proposal] = proposals()
    client.force_login(pharmacist_of(world.alice))
    client.post(reverse("approve_policy", args=[proposal.pk]), {"seen": "yes", "sha256": proposal.sha256})
    for day, overdue in ((timedelta(days=183), False), (timedelta(days=184), True)):  # 1 and 2 September
        with clock.use(clock.FrozenClock(NOW + day)):
            assert ("Review overdue" in text(client.get(reverse("policies")))) is overdue


def test_a_nurse_reads_and_proposes_nothing(client, world):
    client.force_login(world.alice.nurse)
    assert "Propose values" not in text(client.get(reverse("policies")))
    assert client.get(reverse("propose_policy", args=[world.alice.id])).status_code == 403


def test_a_running_course_is_listed_until_somebody_moves_it(lead, world):
    course = world.course
    send(lead, world, **TIGHT)
    [proposal] = proposals()
    address = reverse("own_policy", args=[proposal.pk])
    assert "1 running course not on this version" in text(lead.get(address))
    moved = text(lead.post(reverse("take_up_policy", args=[course.pk]), follow=True))
    assert "Moved to the policy in force" in moved
    assert f"policy {proposal.document['id']} v1" in moved
    assert "Every running course" in text(lead.get(address))


def test_the_policy_of_a_course_is_read_where_the_course_is_read(lead, client, world):
    course = world.course
    assert "Policy default, version 1" in text(lead.get(reverse("course_policy", args=[course.pk])))
    send(lead, world, **TIGHT)
    lead.post(reverse("take_up_policy", args=[course.pk]))
    fever = event("checkin_received", at=NOW, temperature_c="37.9", antipyretic_last_6_h=False)
    record_event(course.pk, fever, by=person(world.alice.nurse), now=NOW)
    client.force_login(world.bob.oncologist)
    page = text(client.get(reverse("course", args=[course.pk])))
    link = f"{reverse('course_policy', args=[course.pk])}#row-triage"
    assert link in page
    book = text(client.get(link.partition("#")[0]))
    assert re.search(r'id="row-triage".*?fever c: 37\.9', book)
    assert "Decision of" in book


def test_the_file_is_the_whole_policy(lead, world):
    send(lead, world, **TIGHT)
    [proposal] = proposals()
    answer = lead.get(reverse("own_policy_file", args=[proposal.pk]))
    document = json.loads(answer.content)
    assert load_policy(document).ref.sha256 == proposal.sha256
    assert answer["Content-Disposition"].startswith("attachment")
    with everything():
        assert wire.course_file(world.make_course())["policy"] == document
