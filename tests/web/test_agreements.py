"""The pages of the agreements: the list, the matrix with its holes, the form, signing and being refused; and the banner."""

import html
from datetime import timedelta

import pytest
from django.urls import reverse

from handrail import clock
from handrail.actions.access import move_accountability
from handrail.people import agreements
from handrail.people.models import Agreement
from handrail.people.scope import everything
from tests.support.agreements import NIGHTS, agreed_between
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=2)
DOUBLE = {"after_hours_contact": ({"party": "hub"}, NIGHTS[2])}


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)):
        yield World()


def text(response) -> str:
    return html.unescape(response.content.decode())


def page_of(client, row) -> str:
    return text(client.get(reverse("agreement", args=[row.pk])))


# --- the banner -------------------------------------------------------------------------------------------------------


def banner(client, world) -> str:
    client.force_login(world.alice.nurse)
    found = text(client.get(reverse("course", args=[world.course.pk])))
    return found[found.index("Accountable now") : found.index("Since the last dose")]


def test_the_banner_says_that_nothing_is_agreed_and_who_answers_then(world, client):
    said = banner(client, world)
    assert f"{world.alice.organisation.name} and {world.bob.organisation.name} have no agreement now" in said
    assert "Alice On-Call is on call" in said
    assert "tel:5550111" in said and "555-0100" not in said, "the number of the site, which the patient calls too"


def test_the_banner_says_the_task_the_party_the_person_and_the_number(world, client):
    agreed_between(world.alice, world.bob, tasks={"candidacy": NIGHTS})
    said = banner(client, world)
    for words in (world.bob.organisation.name, "Candidacy, product, setting: Somebody", "Bob On-Call", "tel:5550120"):
        assert words in said
    assert "agreement version 1" in said
    assert "no agreement" not in said
    with clock.use(clock.FrozenClock(NOW + timedelta(hours=8))):
        said = banner(client, world)
    assert world.alice.organisation.name in said
    assert "tel:5550100" in said


def test_after_the_hand_off_the_banner_names_the_other_side(world, client):
    agreed_between(world.alice, world.bob, tasks={"candidacy": ({"party": "hub", "phase": "before_handoff"}, {"party": "community", "phase": "after_handoff"})})  # fmt: skip
    assert world.bob.organisation.name not in banner(client, world)
    oncologist = world.actor("alice", "oncologist")
    move_accountability(world.course.pk, world.bob.organisation, accepted_by=world.bob.oncologist, by=oncologist)
    assert world.bob.organisation.name in banner(client, world)


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_shows_what_is_in_force_what_waits_and_what_is_missing(world, client):
    world.course  # noqa: B018 (shared with Bob's house)
    client.force_login(world.alice.nurse)
    assert "None in force" in text(client.get(reverse("agreements")))
    agreed_between(world.alice, world.bob)
    agreed_between(world.alice, world.charlie, in_force=False)
    said = text(client.get(reverse("agreements")))
    assert "In force" in said
    assert "Signed by all, not in force" in said
    client.force_login(world.bob.nurse)
    said = text(client.get(reverse("agreements")))
    assert world.alice.organisation.name in said
    assert world.charlie.organisation.name not in said


def test_one_that_runs_out_is_a_hole_in_the_list(world, client):
    agreed_between(world.alice, world.bob, valid_until="2026-03-18")
    client.force_login(world.alice.nurse)
    with clock.use(clock.FrozenClock(NOW + timedelta(days=7))):
        assert "No agreement is in force: Thu 19 Mar 2026 00:00 CDT to" in text(client.get(reverse("agreements")))


# --- one version ------------------------------------------------------------------------------------------------------


def test_the_matrix_the_parties_and_a_clean_check_are_shown(world, client):
    row = agreed_between(world.alice, world.bob)
    client.force_login(world.bob.nurse)
    said = page_of(client, row)
    for words in (
        "Exactly one party answers for every task at every hour",
        "General Hospital",
        "admits to: Haematology",
        "The site that gave the dose",
        "after hours",
        row.sha256,
        "Alice Director",
        "Bob Director",
    ):
        assert words in said
    assert "Sign for my organisation" not in said
    assert "End this version now" not in said


def test_a_double_owner_is_named_and_refused(world, client):
    row = agreed_between(world.alice, world.bob, in_force=False, tasks=DOUBLE)
    client.force_login(world.alice.director)
    words = "both answer for After-hours contact in the window: Mon 2 Mar 2026 11:00 CST to Mon 2 Mar 2026 17:00 CST"
    assert words in page_of(client, row)
    answer = client.post(reverse("activate_agreement", args=[row.pk]))
    assert answer.status_code == 422
    assert "Not put in force: " in text(answer)
    with everything():
        assert agreements.version_of(row).activated is None


def test_two_people_sign_and_one_puts_it_in_force(world, client):
    agreed_between(world.alice, world.charlie)
    client.force_login(world.alice.director)
    form = {"as": str(world.alice.id), "with": str(world.bob.id)}
    page = client.get(reverse("new_agreement"), form)
    typed = {
        **form,
        **page.context["typed"],
        "hospital": "General",
        "hospital_number": "1",
        "admitting_service": "Ward 3",
    }
    bad = client.post(reverse("new_agreement"), {**typed, "task-incidents": "hub | Director | someday", "hospital": ""})
    assert bad.status_code == 422
    assert "'someday' is no day" in text(bad)
    assert "Receiving hospital: please answer." in text(bad)
    assert "hub | Director | someday" in text(bad)
    assert client.post(reverse("new_agreement"), typed).status_code == 302
    row = Agreement.objects.get(partner=world.bob.organisation)
    for house in (world.alice, world.bob):
        client.force_login(house.director)
        assert "Sign for my organisation" in page_of(client, row)
        client.post(reverse("sign_agreement", args=[row.pk]), {"sha256": row.sha256})
        assert "Sign for my organisation" not in page_of(client, row)
    client.post(reverse("activate_agreement", args=[row.pk]))
    assert "In force" in page_of(client, row)


def test_a_new_version_starts_from_the_one_before_and_says_what_changed(world, client):
    agreed_between(world.alice, world.bob)
    client.force_login(world.alice.director)
    form = {"as": str(world.alice.id), "with": str(world.bob.id)}
    typed = dict(client.get(reverse("new_agreement"), form).context["typed"])
    assert typed["second_night"] == "555-0129"
    typed |= {
        **form,
        "second_night": "555-0128",
        "task-incidents": "community | Their director | director",
        "why": "moved",
    }
    typed |= {"valid_from": "2026-03-02", "valid_until": "2027-12-31"}
    assert client.post(reverse("new_agreement"), typed).status_code == 302
    said = page_of(client, Agreement.objects.get(number=2))
    assert f"{world.bob.organisation.name}, number after hours: 555-0129 → 555-0128" in said
    assert "Incident report and review: no longer hub | Programme director | director" in said
    assert "Incident report and review: now community | Their director | director" in said
    assert "From: Wed 1 Jan 2025 → Mon 2 Mar 2026" in said
    assert "Version 1" in said
    assert "nobody yet" in said


def test_ending_it_needs_a_reason_and_is_told(world, client):
    row = agreed_between(world.alice, world.bob)
    client.force_login(world.bob.director)
    address = reverse("end_agreement", args=[row.pk])
    assert client.post(address).status_code == 422
    client.post(address, {"why": "we part"})
    said = page_of(client, row)
    assert "Ended" in said
    assert "we part" in said


def test_one_practice_alone_writes_signs_and_is_checked(world, client):
    client.force_login(world.charlie.director)
    form = {"as": str(world.charlie.id), "with": ""}
    typed = {**form, **client.get(reverse("new_agreement"), form).context["typed"]}
    typed |= {"hospital": "General", "hospital_number": "1", "admitting_service": "Ward 3"}
    assert client.post(reverse("new_agreement"), typed).status_code == 302
    row = Agreement.objects.get(organisation=world.charlie.organisation)
    client.post(reverse("sign_agreement", args=[row.pk]), {"sha256": row.sha256})
    client.post(reverse("activate_agreement", args=[row.pk]))
    assert "In force" in page_of(client, row)


def test_nobody_without_the_role_is_offered_the_form(world, client):
    client.force_login(world.alice.nurse)
    assert client.get(reverse("new_agreement")).status_code == 403
    assert "Propose an agreement" not in text(client.get(reverse("agreements")))
    client.force_login(world.alice.director)
    assert client.get(reverse("new_agreement"), {"as": str(world.bob.id)}).status_code == 404
    assert client.get(reverse("new_agreement"), {"with": "no-such"}).status_code == 404


def test_a_version_that_another_has_replaced_is_not_called_in_force(world, client):
    first = agreed_between(world.alice, world.bob, now=NOW)
    second = agreed_between(world.alice, world.bob, now=NOW, valid_until="2027-06-30")
    client.force_login(world.alice.director)
    for row, words, others in ((first, "Replaced by a newer version", 1), (second, "In force", 1)):
        said = page_of(client, row)
        assert words in said
        assert said.count("Replaced by a newer version") == others + (row == first)


def test_a_version_that_begins_later_says_until_when_it_was_looked_at(world, client):
    agreed_between(world.alice, world.bob, now=NOW)
    later = agreed_between(world.alice, world.bob, now=NOW, valid_from="2026-10-01")
    client.force_login(world.alice.director)
    assert "until Thu 15 Oct 2026" in page_of(client, later)
