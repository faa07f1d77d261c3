"""The pages of the access desk: what is urgent is on top and never left out, who sees none is told so, and each label has its own field."""

import io
import re
from datetime import timedelta

import pypdf
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.payer_papers import papers_of
from handrail.people.scope import everything
from handrail.records.models import PayerRequest
from handrail.records.wire import history_of
from tests.support.factories import MONDAY_0900, World, dose, event, make_member
from tests.support.payers import APPROVAL, asked, write

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(days=10)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(NOW)), everything():
        yield World()


@pytest.fixture
def by(world):
    return person(make_member(world.alice.organisation, "coordinator", "Coordinator Vega"))


@pytest.fixture
def client(by):
    found = Client()
    found.force_login(by.user)
    return found


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def ids_of(answer):
    return re.findall(r'\sid="([^"]*)"', answer.content.decode())


def many(world, number):
    """So many old requests that nobody has touched."""
    opened = [
        PayerRequest(
            organisation=world.alice.organisation, course=world.course, drug="teclistamab", payer=f"Old Health {each}",
            opened_at=NOW - timedelta(hours=1, minutes=each), opened_by=world.alice.nurse,
        )
        for each in range(number)
    ]  # fmt: skip
    PayerRequest.objects.bulk_create(opened)


def test_what_is_overdue_or_expedited_is_on_the_first_page_however_late_it_was_opened(world, by, client):
    many(world, 120)
    late = asked(world, by, payer="Late Health", internal=False, now=NOW - timedelta(minutes=30))
    asked(world, by, payer="Urgent Health", urgency="expedited", now=NOW - timedelta(minutes=1))
    write(late, by, "submitted", 239.9, reason="as planned", answer_due=(NOW - timedelta(minutes=1)).isoformat())
    first = text(client.get(reverse("access")))
    assert "Open (122)" in first
    assert "page 1 of 2, 100 on a page" in first
    assert first.index("Late Health") < first.index("Urgent Health") < first.index("Old Health 119")
    assert "expedited" in first
    second = text(client.get(reverse("access"), {"page": "2"}))
    assert len(re.findall(r"Old Health \d+", first + second)) == 120, "each of them stands on one of the pages"
    for odd in ("0", "99", "x", "-1"):
        assert client.get(reverse("access"), {"page": odd}).status_code == 200


def test_the_queue_asks_as_often_for_many_requests_as_for_one(world, by, client):
    asked(world, by)
    client.get(reverse("access"))
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("access"))
    many(world, 120)
    with CaptureQueriesContext(connection) as several:
        client.get(reverse("access"))
    assert len(several) == len(one)


def test_a_role_that_sees_no_request_is_told_so_and_whom_to_ask(world, by, client):
    """Nothing green: whether anything is open is not known to whom nothing is shown."""
    asked(world, by)
    client.force_login(world.alice.director)
    answer = client.get(reverse("access"))
    shown = text(answer)
    assert "Your role works on no request, so none is listed; whether any is open cannot be said here" in shown
    assert "Ask Coordinator Vega (coordinator)" in shown
    assert "Nothing is open" not in shown
    assert 'class="mark good"' not in answer.content.decode()
    client.force_login(make_member(world.charlie.organisation, "director"))
    assert "Coordinator Vega" not in text(client.get(reverse("access")))
    client.force_login(by.user)
    write(PayerRequest.objects.get(), by, "withdrawn", 1, reason="not wanted")
    assert "Nothing is open" in text(client.get(reverse("access")))


def test_a_director_reads_for_how_many_prevention_was_meant_and_a_viewer_is_told_that_it_is_not_shown(
    world, by, client
):
    asked(world, by, drug="tocilizumab", product="tyenne")
    client.force_login(world.alice.director)
    assert "Of 1 course for which it was meant" in text(client.get(reverse("prevention")))
    client.force_login(make_member(world.alice.organisation, "viewer"))
    shown = text(client.get(reverse("prevention")))
    assert "Your role reads no requests" in shown
    assert "It was meant for none" not in shown


def test_each_label_leads_to_a_field_of_its_own_form(world, by, client):
    """A request shows many forms that ask "Why": with one id for all of them a label leads to the first, folded away."""
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    page = client.get(reverse("payer_request", args=[request.pk]))
    client.force_login(make_member(world.alice.organisation, "pharmacist"))
    for answer in (
        page,
        client.get(reverse("payer_cards")),
        client.get(reverse("course_access", args=[world.course.pk])),
    ):
        found = ids_of(answer)
        assert len(found) == len(set(found)), sorted({each for each in found if found.count(each) > 1})
        labels = re.findall(r'<label for="([^"]*)"', answer.content.decode())
        assert labels
        assert set(labels) <= set(found)
    assert {"f-denied-reason", "f-withdrawn-reason"} <= set(ids_of(page))


def test_going_on_without_the_payer_is_for_who_decides_and_what_was_typed_stays(world, by, client):
    request = asked(world, by, drug="tocilizumab", product="tyenne")
    typed = {
        "form": "choice",
        "option": "without_prophylaxis",
        "reason": "the disease grows fast",
        "valid_until": "2026-03-20",
    }
    answer = client.post(reverse("payer_request", args=[request.pk]), typed)
    assert answer.status_code == 422
    assert "whoever prescribes, or a pharmacist, decides it" in text(answer)
    assert 'value="the disease grows fast"' in answer.content.decode()
    assert not request.entries.exists()
    client.force_login(world.alice.oncologist)
    assert client.post(reverse("payer_request", args=[request.pk]), typed).status_code == 302


@pytest.mark.parametrize("role", ["site_manager", "coordinator"])
def test_whoever_wrote_an_answer_down_takes_it_back_and_the_course_unlearns_it(world, client, role):
    client.force_login(make_member(world.alice.organisation, role))
    request = asked(world, world.actor("alice"), internal=False)
    address = reverse("payer_request", args=[request.pk])
    client.post(address, {"form": "submitted", "reason": "as planned"})
    client.post(address, {"form": "approved", **APPROVAL})
    assert history_of(world.course, NOW)[0].last("authorisation_set").body.status == "granted"
    row = request.entries.get(kind="approved")
    answer = client.post(
        address, {"form": "taken_back", "takes_back": str(row.pk), "reason": "another patient's letter"}
    )
    assert answer.status_code == 302
    assert history_of(world.course, NOW)[0].last("authorisation_set") is None


def test_rescue_is_recorded_on_the_page_whatever_both_desks_say(world, by, client):
    """Denied, no code, no representative, no count of doses: no desk is asked before tocilizumab is given for a reaction."""
    denied = asked(world, by, drug="tocilizumab", product="actemra", internal=False)
    write(denied, by, "submitted", 1, reason="as planned")
    write(denied, by, "denied", 2, reason="not on the text")
    reaction = event(
        "crs_assessed", at=NOW - timedelta(minutes=20), tmax_c="39.4", hypotension=True, o2="none", clinician_grade=2
    )
    record_event(world.course.pk, reaction, by=world.actor("alice"), now=NOW)
    client.force_login(world.alice.nurse)
    assert client.get(reverse("rems_course", args=[world.course.pk])).status_code == 200
    assert "never waits for a payer" in text(client.get(reverse("course_access", args=[world.course.pk])))
    address = reverse("record", args=[world.course.pk, "medicine"])
    batch = re.search(r'name="batch" value="([^"]+)"', client.get(address).content.decode())
    typed = {
        "agent": "Tyenne",
        "dose_mg": "560",
        "route": "intravenous",
        "purpose": "treatment",
        "at": "2026-03-12T09:00",
    }
    answer = client.post(address, {**typed, **({"batch": batch.group(1)} if batch else {})})
    assert answer.status_code == 302, re.findall(r'class="error"[^>]*>([^<]*)<', answer.content.decode())
    given = world.course.events.get(kind="medicine_given")
    assert (given.payload["agent"], given.payload["purpose"]) == ("Tyenne", "treatment")
    assert "never waits for a payer" in text(client.get(reverse("payer_request", args=[denied.pk])))


def test_a_request_of_a_course_that_ended_stays_in_the_queue_until_somebody_settles_it(world, by, client):
    """The appeal of what was given runs out all the same; the end of the course took it off the list without a word."""
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    fact = event("course_ended", at=MONDAY_0900 + timedelta(days=1), because="progression", died=False)
    record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=MONDAY_0900 + timedelta(days=1))
    shown = text(client.get(reverse("access")))
    assert "Open (1)" in shown
    assert "The course has ended: what was given is still asked for" in shown
    write(request, by, "denied", 30, reason="not on the text")
    assert "An appeal is due by" in text(client.get(reverse("access")))
    write(request, by, "withdrawn", 31, reason="nothing was given")
    assert "Open (0)" in text(client.get(reverse("access")))


def test_two_interchange_protocols_of_one_day_both_count(world, client):
    """The committee's second protocol of the day took the first one off the list, and nothing said so."""
    client.force_login(world.alice.director)
    usual = {"form": "interchange", "approved_by": "P&T committee", "since": "2026-03-02", "until": "2027-03-01"}
    for products, uses in ((["actemra", "tyenne"], ["prophylaxis"]), (["actemra", "avtozma"], ["treatment"])):
        client.post(reverse("payer_cards"), {**usual, "products": products, "uses": uses})
    papers = papers_of(world.alice.id)
    for other, use in (("tyenne", "prophylaxis"), ("avtozma", "treatment")):
        assert papers.interchange("actemra", other, use, MONDAY_0900.date()) is not None, use
    assert text(client.get(reverse("payer_cards"))).count("P&amp;T committee") == 2


def test_a_card_that_a_later_one_replaced_does_not_say_that_it_counts(world, client):
    client.force_login(world.alice.director)
    for since in ("2026-01-01", "2026-03-01"):
        sent = {"form": "card", "payer": "Synthetic Health", "drug": "teclistamab", "since": since, "indication": "x"}
        client.post(reverse("payer_cards"), sent)
    shown = text(client.get(reverse("payer_cards")))
    assert shown.count("Replaced by a later one") == 1


def test_a_dose_of_an_unknown_day_has_no_code_and_the_count_says_of_which_day_its_code_is(world, by, client):
    """The code of today was shown for it, as if it had been given today."""
    fact = dose("step_up_1", at=MONDAY_0900 + timedelta(hours=1), mg="4.2", started_at=None, ended_at=None)
    record_event(world.course.pk, fact, by=world.actor("alice"), now=MONDAY_0900 + timedelta(hours=2))
    shown = text(client.get(reverse("course_access", args=[world.course.pk])))
    assert "step-up dose 1 on an unknown day: the day it was given is not known, and a code is one of a day" in shown
    counted = text(
        client.get(reverse("course_access", args=[world.course.pk]), {"agent": "teclistamab", "mg_given": "105"})
    )
    assert "the code of today, Thu 12 Mar 2026; of another day it may be another" in counted


def test_a_request_that_was_answered_is_neither_in_time_nor_too_late(world, by, client):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    write(request, by, "denied", 30, reason="not on the text")
    shown = text(client.get(reverse("payer_request", args=[request.pk])))
    assert "It was first answered on Tue 3 Mar 2026; how long anything after that takes is not known" in shown


def test_no_letter_of_the_appeal_pack_runs_off_the_page(world, by, client):
    """An address or a number without a space was cut off at the edge, with what followed it."""
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    word = "policyofmedicalnecessity" * 8
    write(request, by, "denied", 30, reason=f"See https://example.org/{word}")
    answer = client.get(reverse("payer_letter", args=[request.pk, "letter"]))
    told = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages]
    lines = "\n".join(told).split("\n")
    assert max(len(line) for line in lines if "necessity" in line) < 140, "it goes on on the next line"
    assert "".join(lines).count(word) == 2
