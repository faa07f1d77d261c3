"""Calls back: the promise, what settles it, whom its pages call, and the figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.answering import EXPERT_LINE
from handrail.rules.call_back import Ask, ask_of, asks, call_back_rules, steps_of
from handrail.rules.call_back_events import CallBackAsked, CallBackMade
from handrail.rules.call_back_figures import Figures, figures
from handrail.rules.events import Event
from handrail.rules.policy import load_policy, policy_from_document, shipped_document
from handrail.rules.strict import ProtocolDataError
from handrail.rules.telling import sentence
from handrail.rules.terms import Urgency
from tests.spec.test_answering import CLINIC, HUB, course, dose, event, moved
from tests.spec.test_answering import asked as answers
from tests.support import agreements
from tests.support.courses import Told, instant

ASKED = "2026-03-03 02:14"
DUE = "2026-03-03 02:24"
RULES = call_back_rules(load_policy())


def told(at: str = ASKED, **fields: Any) -> Told:
    found = Told()
    found.dose("step_up_1", "2026-03-02 09:00")
    promised = instant(at) + timedelta(minutes=10)
    found.tell(
        "call_back_asked",
        at,
        **{
            "ask": "a",
            "who": "ed_physician",
            "through": "emergency_page",
            "promised_by": promised.isoformat(),
            **fields,
        },
    )
    return found


def made(found: Told, at: str, **fields: Any) -> Told:
    found.tell("call_back_made", at, **{"ask": "a", "reached": True, **fields})
    return found


def pages(said: Assessment) -> list[str]:
    return sorted(page.key for page in said.pages if page.key.startswith("call_back:"))


def found(said: Assessment) -> list[tuple[str, str]]:
    return [(each.urgency.value, each.owner) for each in said.findings if each.rule == "call_back"]


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # now               | the finding            | pages
    ("now", "finding", "paged"),
    [
        ("2026-03-03 02:13", [], []),
        (ASKED, [("now", "on_call")], ["call_back:a"]),
        ("2026-03-03 02:23", [("now", "on_call")], ["call_back:a"]),
        (DUE, [("now", "director")], ["call_back:a", "call_back:a:late"]),
        ("2026-03-03 02:53", [("now", "director")], ["call_back:a", "call_back:a:late"]),
        ("2026-03-03 02:54", [("now", "director")], ["call_back:a", "call_back:a:late", "call_back:a:late:1"]),
        ("2026-03-03 03:24", [("now", "director")], ["call_back:a", "call_back:a:late", "call_back:a:late:2"]),
        (
            "2026-03-09 02:24",
            [("now", "director")],
            ["call_back:a", "call_back:a:late", "call_back:a:late:286"],
        ),  # an hour was skipped
    ],
)
def test_an_ask_pages_at_once_and_a_broken_promise_pages_beside_it_and_again(now, finding, paged):
    said = told().assess(now)
    assert (found(said), pages(said)) == (finding, paged)


@pytest.mark.parametrize(
    # the call                                              | whether it settles the ask
    ("at", "fields", "settled"),
    [
        ("2026-03-03 02:20", {}, True),
        (ASKED, {}, True),  # in the minute of the ask
        ("2026-03-03 04:00", {}, True),  # late, and made
        ("2026-03-03 02:13", {}, False),  # before it was asked for: another call
        ("2026-03-03 02:20", {"reached": False}, False),
        ("2026-03-03 02:20", {"reached": None}, False),
        ("2026-03-03 02:20", {"ask": "b"}, False),
        ("2026-03-03 02:20", {"ask": None}, False),
    ],
)
def test_only_a_call_that_reached_whoever_asked_settles_it(at, fields, settled):
    said = made(told(), at, **fields).assess("2026-03-03 05:00")
    assert (found(said) == []) == settled
    assert (pages(said) == []) == settled
    assert any(task.what == "call back the emergency physician" for task in said.tasks) != settled


@pytest.mark.parametrize("kind", ["contact_made", "hub_call_made"])
def test_another_call_settles_nothing(kind):
    found = told()
    found.tell(kind, "2026-03-03 02:20", **{"reached": True, "with": "ed"})
    assert pages(found.assess("2026-03-03 02:21")) == ["call_back:a"]


def test_neither_the_end_of_the_course_nor_a_death_leaves_somebody_waiting_at_a_phone():
    over = told()
    over.tell("course_ended", "2026-03-03 02:16", because="died", died=True)
    assert pages(over.assess("2026-03-03 02:30")) == ["call_back:a", "call_back:a:late"]


@pytest.mark.parametrize(
    # promised_by in the fact                       | the first instant of the incident
    ("promised", "late"),
    [
        (instant("2026-03-03 02:19"), "2026-03-03 02:19"),  # promised sooner than the policy says
        (instant("2026-03-03 09:00"), DUE),  # a policy that was tightened since
        (instant("2026-03-03 01:00"), ASKED),
        (None, DUE),
    ],
)
def test_the_promise_is_what_was_said_and_never_longer_than_the_policy(promised, late):
    found = told(promised_by=promised.isoformat() if promised else None)
    before = instant(late) - timedelta(microseconds=1)
    assert "call_back:a:late" in pages(found.assess(late))
    assert "call_back:a:late" not in pages(found.assess(before.isoformat()))


def test_asked_again_with_another_number_the_first_clock_runs_on():
    again = told()
    again.tell("call_back_asked", "2026-03-03 02:20", ask="a", who="hospitalist", person="other")
    (ask,) = asks(again.history(), RULES)
    assert (ask.at, ask.due, ask.who) == (instant(ASKED), instant(DUE), "hospitalist")
    assert ask.latest.body.person == "other"
    assert pages(made(again, "2026-03-03 02:22").assess("2026-03-03 02:25")) == []


def test_two_asks_are_two_promises():
    two = told()
    two.tell("call_back_asked", "2026-03-03 02:20", ask="b", who="nurse")
    made(two, "2026-03-03 02:21")
    assert pages(two.assess("2026-03-03 02:22")) == ["call_back:b"]


def test_an_ask_without_a_name_is_known_by_its_fact_and_no_call_settles_it():
    nameless = told(ask=None)
    made(nameless, "2026-03-03 02:20")
    (key,) = pages(nameless.assess("2026-03-03 02:21"))
    assert ask_of(key) == nameless.events[-2]["id"]


def test_until_the_next_look_nothing_changes_by_itself():
    one = told()
    for now, look in ((ASKED, DUE), (DUE, "2026-03-03 02:54"), ("2026-03-03 02:54", "2026-03-03 03:24")):
        said = one.assess(now)
        assert said.look_again_at is not None and said.look_again_at <= instant(look)
        just_before = (instant(look) - timedelta(microseconds=1)).isoformat()
        assert pages(one.assess(just_before)) == pages(said)
        assert found(one.assess(just_before)) == found(said)


# --- whom it calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "who"),
    [
        ("call_back:a", ["first_on_call", "first_on_call", "second_on_call", "attending"]),
        ("call_back:a:late", ["attending", "second_on_call", "first_on_call", "director"]),
        ("call_back:a:late:7", ["attending", "second_on_call", "first_on_call", "director"]),
    ],
)
def test_the_steps_stand_in_the_policy(key, who):
    steps = steps_of(key, load_policy())
    assert steps is not None and [step.who for step in steps] == who


@pytest.mark.parametrize("key", ["report:a", "shell:emergency_opened", "inpatient:hub_call:2026-03-03", "call_back"])
def test_a_page_about_something_else_climbs_its_ladder(key):
    assert steps_of(key, load_policy()) is None


def test_before_the_promise_is_over_everybody_of_the_first_steps_was_paged():
    assert sum(step.wait_minutes for step in RULES.steps) <= RULES.promise_minutes == 10


NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    # what happened                                          | who answers the expert line
    ("events", "agreement", "who"),
    [
        ([], True, HUB),
        ([moved(CLINIC, NOW)], True, HUB),  # the practice has the patient; the centre is asked
        ([moved(CLINIC, NOW), dose(NOW, "clinic")], True, HUB),
        ([moved(CLINIC, NOW), event("home_status", NOW, location="ed")], True, HUB),
        ([], False, HUB),
        ([moved(CLINIC, NOW)], False, CLINIC),  # without an agreement whoever has the patient answers for everything
    ],
)
def test_the_centre_answers_the_expert_line_whoever_has_the_patient(events, agreement, who):
    document = agreements.document() if agreement else None
    said = answers(*events, at=NOW, task=EXPERT_LINE, agreement=document)
    assert (said.organisation, said.duty) == (who, "first_on_call")


def test_a_centre_that_does_not_reach_the_course_is_not_called():
    site = agreements.context(agreement=agreements.document())
    for partner in site["accountability"]["partners"]:
        partner["id"] = "somebody-else"
    said = answers(at=NOW, task=EXPERT_LINE, known=site)
    assert said.organisation == HUB
    assert course()["events"], "the course of the other table"


# --- the policy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"promise_minutes": 0}, "call_back"),
        ({"again_minutes": -1}, "call_back"),
        ({"promise_minutes": 3}, "call_back.steps"),  # the first step alone lasts as long
        ({"steps": []}, "call_back.steps"),
        ({"late_steps": []}, "call_back.late_steps"),
        ({"late_steps": [{"who": "patient_to_ed", "wait_minutes": 1}]}, "call_back.late_steps"),
        ({"steps": [{"who": "first_on_call", "wait_minutes": 0}]}, "call_back.steps"),
    ],
)
def test_a_promise_that_cannot_be_kept_or_that_would_go_quiet_is_refused(change, path):
    document = shipped_document()
    document["call_back"] |= change
    with pytest.raises(ProtocolDataError) as caught:
        policy_from_document(document, "0")
    assert caught.value.path == path


def test_a_policy_from_before_promises_what_the_shipped_one_does():
    document = shipped_document()
    del document["call_back"]
    document["caution"] = {
        place: way for place, way in document["caution"].items() if not place.startswith("call_back")
    }
    assert call_back_rules(policy_from_document(document, "0")) == RULES
    assert RULES.ladder.urgency is Urgency.NOW


# --- what is told -----------------------------------------------------------------------------------------------------


def test_the_facts_are_told_without_a_number():
    said = [sentence(e) for e in made(told(person="somebody"), "2026-03-03 02:20").history().events[-2:]]
    assert said == [
        "call back asked for: by the emergency physician; on the emergency page; promised by 2026-03-03T08:24+00:00",
        "call back: reached",
    ]
    other = made(told(who=None, promised_by=None, through=None), "2026-03-03 02:20", reached=None)
    assert [sentence(e) for e in other.history().events[-2:]] == [
        "call back asked for: by somebody who has the patient; promised by not known",
        "call back: not known whether reached",
    ]


# --- the figures ------------------------------------------------------------------------------------------------------


def ask(minutes: float | None, *, ago: int = 120, number: int = 0) -> Ask:
    """One ask so many minutes ago, called back after so many minutes; None: never."""
    at = NOW - timedelta(minutes=ago)
    fact = Event(id=str(number), kind="call_back_asked", at=at, recorded_at=at, zone="UTC", body=CallBackAsked())
    then = at + timedelta(minutes=minutes or 0)
    call = Event(id="c", kind="call_back_made", at=then, recorded_at=then, zone="UTC", body=CallBackMade(reached=True))
    return Ask(
        id=str(number),
        at=at,
        due=at + RULES.promise,
        who=None,
        through=None,
        latest=fact,
        tries=(call,) if minutes is not None else (),
        made=call if minutes is not None else None,
    )


def said(found: Figures) -> tuple[Any, ...]:
    def minutes(of: timedelta | None) -> float | None:
        return of.total_seconds() / 60 if of is not None else None

    share = float(found.share) if found.share is not None else None
    return (
        found.counted,
        found.within,
        found.late,
        found.not_called,
        minutes(found.median),
        minutes(found.centile_90),
        share,
    )


@pytest.mark.parametrize(
    # minutes until the call              | counted, within, late, not called, median, 90th centile, share
    ("waits", "expected"),
    [
        ([], (0, 0, 0, 0, None, None, None)),
        ([4], (1, 1, 0, 0, 4, 4, 100)),
        ([10], (1, 1, 0, 0, 10, 10, 100)),
        ([10.01], (1, 0, 1, 0, 10.01, 10.01, 0)),
        ([9, 1, 5], (3, 3, 0, 0, 5, 9, 100)),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 30], (10, 9, 1, 0, 5, 9, 90)),
        ([1, 2, 3, None], (4, 3, 1, 1, 2, None, 75)),  # nobody called: later than every call
        ([None, None, 3], (3, 1, 2, 2, None, None, 33.3)),
    ],
)
def test_the_figures_count_an_ask_that_nobody_settled_as_the_latest_of_all(waits, expected):
    found = figures([ask(wait, number=number) for number, wait in enumerate(waits)], NOW)
    assert said(found) == expected


def test_an_ask_whose_promise_still_runs_is_not_counted_yet():
    found = figures([ask(None, ago=9), ask(None, ago=10), ask(3, ago=5)], NOW)
    assert (found.asked, found.running, found.counted, found.late) == (3, 1, 2, 1)
