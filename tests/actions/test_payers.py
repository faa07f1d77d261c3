"""Requests to payers through the verbs: refused in one sentence where they do not fit, told to the course, and never in the way of rescue."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.payer_gate import evidence_of, held_of
from handrail.actions.payer_papers import card_key, papers_from, papers_of, take_paper_back, write_paper
from handrail.actions.payer_requests import add_entry, event_of, open_request, waivers
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import AccessPaper, Course, PayerEntry
from handrail.rules.access import State
from tests.support.factories import MONDAY_0900, World, event, make_member, make_site
from tests.support.payers import APPROVAL, PAYER, asked, coordinator, interchange, write

pytestmark = pytest.mark.django_db
DAY = MONDAY_0900.date()
END = MONDAY_0900 + timedelta(days=30)


@pytest.fixture
def world():
    with clock.use(clock.FrozenClock(END)), everything():
        yield World()


@pytest.fixture
def by(world):
    return coordinator(world)


@pytest.fixture
def director(world):
    return world.actor("alice", "director")


def stands(world):
    return [each.standing.state for each in held_of(world.course)]


def test_from_the_internal_step_to_the_appeal(world, by):
    request = asked(world, by)
    with pytest.raises(RefusedError, match="billing team has not cleared it"):
        write(request, by, "submitted", 1)
    write(request, by, "internal_cleared", 1)
    with pytest.raises(RefusedError, match="does not come next"):
        write(request, by, "approved", 2)
    steps = [
        ("submitted", {"urgency": "standard"}, State.SUBMITTED),
        ("more_asked", {}, State.ASKED),
        ("more_sent", {}, State.SUBMITTED),
        ("denied", {"reason": "not on the text"}, State.DENIED),
        ("peer_to_peer_asked", {}, State.TALK),
        ("peer_to_peer_held", {"reason": "upheld"}, State.DENIED),
        ("appealed", {}, State.APPEALED),
        ("approved", APPROVAL, State.APPROVED),
    ]
    for n, (kind, says, state) in enumerate(steps, start=3):
        write(request, by, kind, n, **says)
        assert stands(world) == [state]


@pytest.mark.parametrize(
    ("kind", "says", "words"),
    [
        ("denied", {"reason": "x"}, "does not come next"),
        ("withdrawn", {}, "Say why"),
        ("internal_refused", {"reason": "x" * 1001}, "At most"),
        ("internal_cleared", {"number": "7"}, "does not belong"),
        ("nonsense", {}, "no such entry"),
        ("choice", {"option": "hope", "reason": "x"}, "Choose one of the ways"),
        (
            "choice",
            {"option": "without_prophylaxis", "reason": "x"},
            "Choose one of the ways",
        ),  # that is for tocilizumab
        ("choice", {"option": "wait"}, "Say why"),
        ("taken_back", {"takes_back": "x", "reason": "y"}, "Choose the entry"),
        ("not_required", {"reason": "x", "valid_from": "2026-03-05", "valid_until": "2026-03-04"}, "runs out before"),
        ("not_required", {"reason": "x", "valid_from": "soon"}, "no day"),
    ],
)
def test_what_is_refused_and_why(world, by, kind, says, words):
    request = asked(world, by)
    with pytest.raises(RefusedError, match=words):
        write(request, by, kind, 1, **says)
    assert not request.entries.exists()


def test_two_entries_of_one_moment_keep_their_order_and_one_before_its_time_is_refused(world, by):
    request = asked(world, by)
    write(request, by, "internal_cleared", 2)
    with pytest.raises(RefusedError, match="At that time it does not fit"):
        add_entry(
            request.pk, kind="submitted", says={}, by=by, at=MONDAY_0900 + timedelta(hours=1),
            now=MONDAY_0900 + timedelta(hours=2),
        )  # fmt: skip
    write(request, by, "submitted", 2, reason="as planned")
    write(request, by, "followed_up", 2)
    assert stands(world) == [State.SUBMITTED]
    assert held_of(world.course)[0].standing.ignored == ()


@pytest.mark.parametrize("hours", [-1, 2])
def test_an_entry_lies_between_the_opening_and_now(world, by, hours):
    request = asked(world, by)
    with pytest.raises(RefusedError, match="look at the time again"):
        add_entry(
            request.pk, kind="internal_cleared", says={}, by=by, at=MONDAY_0900 + timedelta(hours=hours),
            now=MONDAY_0900 + timedelta(hours=1),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"drug": "aspirin"}, "drug"),
        ({"payer": " "}, "payer"),
        ({"product": "tyenne"}, "product"),
        ({"limit": "whenever"}, "limit"),
        ({"setting": "garden"}, "setting"),
        ({"supply": "mail"}, "supply"),
        ({"urgency": "very"}, "urgency"),
    ],
)
def test_a_request_names_what_is_known(world, by, fields, path):
    with pytest.raises(RefusedError) as refused:
        asked(world, by, **fields)
    assert refused.value.path == path


def test_an_entry_that_lets_a_later_one_fall_is_refused_although_it_lets_another_one_count(world, by):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    error = write(request, by, "denied", 2, reason="of another patient")
    write(request, by, "peer_to_peer_asked", 3)
    write(request, by, "taken_back", 4, takes_back=str(error.pk), reason="of another patient")
    write(request, by, "followed_up", 5)
    at = MONDAY_0900 + timedelta(hours=2.5)
    with pytest.raises(RefusedError, match="At that time it does not fit"):
        add_entry(request.pk, kind="denied", says={"reason": "x"}, by=by, at=at, now=MONDAY_0900 + timedelta(hours=6))
    assert len(held_of(world.course)[0].standing.ignored) == 1


def test_the_course_hears_what_the_payer_answered_and_that_it_was_an_error(world, by):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1)
    row = write(request, by, "approved", 2, **APPROVAL)
    history, _ = wire.history_of(world.course, END)
    told = history.last("authorisation_set")
    assert (told.id, told.body.subject, told.body.status) == (str(event_of(row)), "teclistamab", "granted")
    assert str(told.body.valid_until) == "2026-09-01"
    write(request, by, "taken_back", 3, takes_back=str(row.pk), reason="the wrong patient's letter")
    assert stands(world) == [State.SUBMITTED]
    history, _ = wire.history_of(world.course, END)
    assert history.last("authorisation_set") is None


def test_who_may_and_who_does_not_learn_that_it_exists(world, by, director):
    request = asked(world, by)
    with pytest.raises(NotVisibleError):
        add_entry(request.pk, kind="internal_cleared", says={}, by=world.actor("charlie"))
    with pytest.raises(NotAllowedError):
        add_entry(
            request.pk, kind="internal_cleared", says={}, by=person(make_member(world.alice.organisation, "viewer"))
        )
    with pytest.raises(NotVisibleError):
        open_request(world.course.pk, drug="teclistamab", payer=PAYER, by=world.actor("charlie"))
    with pytest.raises(NotAllowedError):
        write_paper(world.alice.id, kind="stock", key="x", payload={"doses": 2}, since=DAY, by=by)
    with pytest.raises(NotVisibleError):
        write_paper(world.alice.id, kind="stock", key="x", payload={"doses": 2}, since=DAY, by=world.actor("charlie"))


def test_only_who_decides_goes_on_without_the_payer_and_until_a_day(world, by):
    request = asked(world, by, drug="tocilizumab", product="tyenne")
    choice = {"option": "without_prophylaxis", "reason": "the disease grows fast", "valid_until": "2026-03-10"}
    with pytest.raises(NotAllowedError):
        write(request, by, "choice", 1, **choice)
    prescriber = world.actor("alice", "oncologist")
    with pytest.raises(RefusedError, match="until which day"):
        write(request, prescriber, "choice", 1, option="without_prophylaxis", reason="x")
    write(request, prescriber, "choice", 1, **choice)
    assert held_of(world.course)[0].standing.choices[0].reason == "the disease grows fast"


def test_entries_are_never_changed(world, by):
    row = write(asked(world, by), by, "internal_cleared", 1)
    with pytest.raises(DatabaseError), transaction.atomic():
        PayerEntry.objects.filter(pk=row.pk).update(kind="submitted")
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


# --- papers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"until": None}, "until when"),
        ({"payload": {"products": ["actemra", "tyenne"], "uses": []}}, "who approved"),
        ({"payload": {"products": ["actemra"], "approved_by": "x"}}, "at least two"),
        ({"payload": {"products": ["actemra", "aspirin"], "approved_by": "x"}}, "at least two"),
        ({"until": DAY - timedelta(days=1)}, "runs out before"),
        ({"key": " "}, "what paper"),
        ({"kind": "poem"}, "what paper"),
        ({"kind": "stock", "payload": {"doses": -1}}, "how many"),
        ({"kind": "stock", "payload": {}}, "how many"),
        ({"kind": "card", "key": card_key("x", "teclistamab"), "payload": {"indication": "x", "months": 99}}, "months"),
        ({"kind": "card", "key": card_key("x", "teclistamab"), "payload": {}}, "cannot be read"),
    ],
)
def test_a_paper_that_cannot_be_right_is_refused(world, director, fields, words):
    with pytest.raises(RefusedError, match=words):
        interchange(world, director, **fields)


def test_a_paper_counts_on_its_days_and_not_after_it_was_taken_back(world, director):
    paper = interchange(world, director)
    for day, there in (
        (DAY - timedelta(days=1), False),
        (DAY, True),
        (paper.until, True),
        (paper.until + timedelta(days=1), False),
    ):
        assert bool(papers_of(world.alice.id).interchange("actemra", "tyenne", "prophylaxis", day)) is there
    assert papers_of(world.alice.id).interchange("actemra", "tyenne", "treatment", DAY) is None
    assert papers_of(world.alice.id).interchange("actemra", "avtozma", "prophylaxis", DAY) is None
    with pytest.raises(RefusedError, match="Say why"):
        take_paper_back(paper.pk, reason=" ", by=director)
    take_paper_back(paper.pk, reason="another committee", by=director)
    assert papers_of(world.alice.id).interchange("actemra", "tyenne", "prophylaxis", DAY) is None


def test_an_own_card_comes_before_a_shipped_one(world, director):
    day = DAY
    assert papers_of(world.alice.id).card("Blue Cross NC", "tocilizumab", day).preferred == ("tyenne",)
    write_paper(
        world.alice.id, kind="card", key=card_key("Blue Cross NC", "tocilizumab"), since=day, by=director,
        payload={"indication": "as its letter says", "preferred": ["avtozma"], "inpatient_steps": []}, now=MONDAY_0900,
    )  # fmt: skip
    assert papers_of(world.alice.id).card("Blue Cross NC", "tocilizumab", day).preferred == ("avtozma",)
    assert papers_of(world.charlie.id).card("Blue Cross NC", "tocilizumab", day).preferred == ("tyenne",)


# --- the gate, and rescue --------------------------------------------------------------------------------------------------


def test_the_gate_of_an_empty_desk_is_not_known_and_names_who_begins(world):
    found = evidence_of(world.course, DAY)
    assert [found[line].met for line in (6, 7)] == [None, None]
    assert all(found[line].owner and found[line].next_step for line in (6, 7))


def test_the_gate_is_met_by_an_answer_that_covers_the_planned_dose(world, by, director):
    record_event(
        world.course.pk, event("dose_planned", step="step_up_1", on=DAY.isoformat(), setting="outpatient"),
        by=world.actor("alice", "oncologist"), now=MONDAY_0900 + timedelta(hours=1),
    )  # fmt: skip
    for drug in ("teclistamab", "tocilizumab"):
        request = asked(world, by, internal=False, drug=drug)
        write(request, by, "submitted", 1, reason="as planned")
        write(request, by, "approved", 2, **APPROVAL)
    site = world.course.site.code
    write_paper(world.alice.id, kind="stock", key=site, payload={"doses": 2}, since=DAY, by=director, now=MONDAY_0900)
    found = evidence_of(world.course, DAY, now=MONDAY_0900 + timedelta(hours=3))
    assert [(found[line].met, found[line].because) for line in (6, 7) if found[line].met is not True] == []
    later = evidence_of(world.course, DAY + timedelta(days=200), now=MONDAY_0900 + timedelta(hours=3))
    assert later[6].met is not True


@pytest.mark.parametrize("days", [0, 1])
def test_a_plan_at_another_site_whose_day_is_over_is_still_asked_for_that_site(world, by, days):
    """The approval is for the site of the course, and the dose was planned elsewhere."""
    other = make_site(world.alice.organisation, name="Other Site", code="other")
    body = {"step": "step_up_1", "on": DAY.isoformat(), "setting": "outpatient", "at_site": other.code}
    at = MONDAY_0900 + timedelta(hours=1)
    record_event(world.course.pk, event("dose_planned", **body), by=world.actor("alice", "oncologist"), now=at)
    request = asked(world, by, internal=False, drug="teclistamab")
    write(request, by, "submitted", 1, reason="as planned")
    write(request, by, "approved", 2, **{**APPROVAL, "site": world.course.site.code})
    found = evidence_of(world.course, DAY + timedelta(days=days), now=MONDAY_0900 + timedelta(hours=3))
    assert found[6].met is False and "it is for another site" in found[6].because


def test_rescue_tocilizumab_is_given_whatever_a_request_says(world, by):
    """Denied, still internal, or never asked for: a dose for a reaction is recorded at once, and no desk is asked."""
    denied = asked(world, by, internal=False, drug="tocilizumab", product="actemra")
    write(denied, by, "submitted", 1, reason="as planned")
    write(denied, by, "denied", 2, reason="not on the text")
    asked(world, by, drug="tocilizumab", product="tyenne")
    dose = event("medicine_given", agent="Tyenne", dose_mg="560", route="intravenous", purpose="treatment")
    recorded = record_event(world.course.pk, dose, by=world.actor("alice"), now=MONDAY_0900 + timedelta(hours=3))
    assert recorded.event.payload["purpose"] == "treatment"
    assert not [each for each in recorded.assessment.findings if "payer" in each.what or "authoris" in each.what]


def granted(world) -> list[str]:
    history, _ = wire.history_of(world.course, END)
    return [each.body.status for each in history.of("authorisation_set")]


def test_an_answer_falls_with_the_submission_that_it_answered_and_counts_again_with_a_new_one(world, by):
    """The desk said "ready to be submitted", and the course went on saying "granted"."""
    request = asked(world, by, internal=False)
    sent = write(request, by, "submitted", 1, reason="as planned")
    write(request, by, "approved", 3, **APPROVAL)
    assert granted(world) == ["granted"]
    write(request, by, "taken_back", 4, takes_back=str(sent.pk), reason="sent to another payer")
    assert (stands(world), granted(world)) == ([State.TO_SUBMIT], [])
    at = MONDAY_0900 + timedelta(hours=2)
    now = MONDAY_0900 + timedelta(hours=5)
    again = add_entry(request.pk, kind="submitted", says={"reason": "by fax"}, by=by, at=at, now=now)
    assert (stands(world), granted(world)) == ([State.APPROVED], ["granted"])
    write(request, by, "taken_back", 6, takes_back=str(again.pk), reason="that was another one")
    assert (stands(world), granted(world)) == ([State.TO_SUBMIT], [])


def test_the_ways_of_writing_a_code_and_any_site_are_one(world, by):
    request = asked(world, by, internal=False)
    write(request, by, "submitted", 1, reason="as planned")
    row = write(request, by, "approved", 2, **{**APPROVAL, "code": " j9380", "site": "Any "})
    assert (row.payload["code"], row.payload["site"]) == ("J9380", "any")


@pytest.mark.parametrize("option", ["wait", "free_drug"])
def test_a_choice_that_another_one_follows_is_no_waiver_any_more(world, by, option):
    doctor = world.actor("alice", "oncologist")
    request = asked(world, by, drug="tocilizumab", product="actemra")
    for hours, chosen in ((1, "without_prophylaxis"), (2, option)):
        write(request, doctor, "choice", hours, option=chosen, reason=f"chosen: {chosen}", valid_until="2026-03-20")
    assert waivers(Course.objects.all()) == {}
    write(request, doctor, "choice", 3, option="without_prophylaxis", reason="after all", valid_until="2026-03-20")
    assert waivers(Course.objects.all()) == {world.course.pk: "after all"}


def test_after_an_own_card_ended_neither_an_older_own_one_nor_an_older_shipped_one_counts(world, director):
    key, until = card_key("Blue Cross NC", "tocilizumab"), DAY + timedelta(days=9)
    older, newer = DAY - timedelta(days=9), DAY
    for since, last in ((older, None), (newer, until)):
        write_paper(
            world.alice.id, kind="card", key=key, since=since, until=last, by=director, now=MONDAY_0900,
            payload={"indication": f"as its letter of {since} says", "inpatient_steps": []},
        )  # fmt: skip
    papers = papers_of(world.alice.id)
    found = [papers.card("Blue Cross NC", "tocilizumab", day) for day in (older, until, until + timedelta(days=1))]
    assert [each and each.since for each in found] == [older, newer, None], "its policy has to be read first"
    last, first = papers.of("card")
    assert [papers.replaced(each, DAY) for each in (last, first)] == [False, True]


def test_the_papers_of_two_organisations_never_stand_in_for_one_another(world, director):
    interchange(world, director)
    bobs = world.actor("bob", "director")
    theirs = {"products": ["actemra", "avtozma"], "uses": ["prophylaxis"], "approved_by": "another committee"}
    paper = write_paper(
        world.bob.id, kind="interchange", key="tocilizumab", since=DAY, until=DAY + timedelta(days=9), by=bobs, payload=theirs,
        now=MONDAY_0900,
    )  # fmt: skip
    assert len(papers_from(AccessPaper.objects.all()).rows) == 2
    take_paper_back(paper.pk, reason="an error", by=bobs)
    assert [each.organisation_id for each in papers_from(AccessPaper.objects.all()).rows] == [world.alice.id]
