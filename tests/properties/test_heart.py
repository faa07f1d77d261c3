"""The laws of the rules, for every course a clinic could write: forgetting never calms, time and order play no tricks.

Each property takes a generated course and an instant (`tests/support/histories.py`), changes one thing, and compares the
two answers.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hypothesis import given
from hypothesis import strategies as st

from handrail.rules.answer import Assessment, ToxicityState
from handrail.rules.history import History
from handrail.rules.terms import Action, Ladder, Status, Urgency
from handrail.rules.validity import Judged
from tests.support.course_documents import FIRM, FULL_ICE, POLICY, SHELL, Document, at_of, payload, wire
from tests.support.histories import Case, cases, judged, shifted
from tests.support.reached import count

AN_ERA = timedelta(days=400)
REST_OF_A_STOP = ("crs_assessed", "icans_assessed", "ice_assessed", "toxicity_resolved")
"""A stop rests on known grades and on how many episodes they belong to: without these it is `ask`, never a dose."""
A_MOMENT = timedelta(microseconds=1)


def said(case: Case) -> Judged:
    """The answer, counted."""
    return count(case.judged())


def changed(case: Case, events: list[Document]) -> Judged:
    """The answer for the same course with other events."""
    return judged(case.course | {"events": events}, case.now)


def in_force(case: Case, history: History) -> Iterator[int]:
    """The places of the events that count at that instant: not superseded, not withdrawn, not yet to come."""
    counted = {event.id for event in history.until(case.now).events}
    contested = {event.id for group in history.conflicts for event in group}
    for place, event in enumerate(case.course["events"]):
        if event["id"] in counted - contested:
            yield place


# --- what is missing is not normal --------------------------------------------------------------------------------


def forgotten(event: Document) -> Iterator[tuple[str, Document]]:
    """The event once for each fact of it, with that fact asked and not known."""
    for name, value in payload(event).items():
        if value is None or name in FIRM:
            continue
        yield name, {**event, name: None}
        if isinstance(value, dict):
            for item in value:
                yield f"{name}.{item}", {**event, name: value | {item: "not_done"}}


def grades_kept(before: ToxicityState, after: ToxicityState) -> None:
    """The grade is the same, higher, or not known; what was open or suspected is not closed."""
    if before.grade is not None and after.grade is not None:
        assert after.grade >= before.grade
    if before.grade is None or before.open is not False:
        assert after.open is not False, "an episode was closed"


@given(cases(), st.randoms(use_true_random=False))
def test_forgetting_a_fact_never_moves_the_next_dose_towards_giving(case: Case, chance: random.Random):
    whole = said(case)
    before = whole.answer
    events = case.course["events"]
    choices = [(place, *one) for place in in_force(case, whole.history) for one in forgotten(events[place])]
    for place, name, event in chance.sample(choices, min(12, len(choices))):
        after = changed(case, [*events[:place], event, *events[place + 1 :]]).answer
        what = f"{event['kind']}.{name}: {before.next_dose.because!r} then {after.next_dose.because!r}"
        if after.next_dose.action.caution < before.next_dose.action.caution:
            assert before.next_dose.action is Action.STOP and event["kind"] in REST_OF_A_STOP, what
            assert after.next_dose.action in (Action.ASK, Action.HOLD), what
        for toxicity in ("crs", "icans", "infection"):
            grades_kept(getattr(before.toxicity, toxicity), getattr(after.toxicity, toxicity))
        if "." not in name and event["kind"] not in SHELL:
            assert f"{event['kind']}.{name}" in {missing.missing for missing in after.cannot_say}, what


def highest(answer: Assessment) -> tuple[int, int, int]:
    """How urgent the answer is at most: findings and pages, the ladder, the disposition (lower is more urgent).

    A routine finding asks nobody for anything: it may say what a dose that goes ahead rests on.
    """
    urgencies = [item.urgency for item in (*answer.findings, *answer.pages) if item.urgency is not Urgency.ROUTINE]
    ladder = answer.triage.ladder
    return (
        min((urgency.rank for urgency in urgencies), default=len(Urgency)),
        ladder.rank if ladder is not None else len(Ladder),
        answer.triage.disposition.rank,
    )


NORMAL = {
    "systolic_mmhg": (120,),
    "pulse_per_min": (80,),
    "breaths_per_min": (16,),
    "spo2_percent": (97,),
    "symptoms": ([],),
    "home_neuro": ({"today": "right"},),
    "antipyretic_last_6_h": (False,),
    "caregiver_present": (True,),
    "none_of_these": (True,),
}


def reassures(event: Document) -> bool:
    """A normal reading, a resolution, a negative answer, a hold that ended: nothing in it is worrying or not known."""
    facts = {name: value for name, value in payload(event).items() if name not in ("resolved_at", "confirmed_by")}
    match event["kind"]:
        case "checkin_received" | "vitals_measured":
            temperature = facts.pop("temperature_c", None)
            cool = temperature is not None and Decimal(temperature) < POLICY.triage.recheck_c
            return cool and all(value in NORMAL.get(name, ()) for name, value in facts.items())
        case "condition_noted":
            return facts.get("active") is False
        case "ice_assessed":
            return facts == FULL_ICE or facts == {"total_0_10": 10}
        case "hub_call_made":
            return facts.get("reached") is True and facts.get("next_call_at") is None
        case "call_back_made":
            return facts.get("reached") is True
        case "toxicity_resolved" | "hold_ended" | "discharge_noted":
            return True
        case _:
            return False


@given(cases())
def test_deleting_what_reassures_never_lowers_the_highest_urgency(case: Case):
    whole = said(case)
    events = case.course["events"]
    for place in in_force(case, whole.history):
        if reassures(events[place]):
            without = changed(case, [*events[:place], *events[place + 1 :]]).answer
            calmer = [now > then for now, then in zip(highest(without), highest(whole.answer), strict=True)]
            assert not any(calmer), f"without {events[place]}"


@given(cases())
def test_a_row_that_nobody_has_verified_never_gives(case: Case):
    whole = said(case)
    dose = whole.answer.next_dose
    if not dose.action.gives:
        assert dose.amount is None
        return
    assert dose.status is not Status.UNVERIFIED
    assert dose.row is not None and whole.protocol.row(dose.row).status is not Status.UNVERIFIED
    assert dose.amount is None or dose.amount.status is not Status.UNVERIFIED
    assert dose.amount is None or dose.amount.row is None or whole.protocol.row(dose.amount.row).acts
    assert dose.amount is not None or "amount: ask the prescriber" in dose.flags


# --- order, repeats, and what the shell writes ---------------------------------------------------------------------


@given(cases(), st.sampled_from(["coming_in", "sent_to_ed", "handed_over", "staying_home"]))
def test_no_call_from_before_a_report_came_in_makes_it_less_urgent(case: Case, outcome: str):
    """A phone without a signal: "fainted" was written ten minutes ago and comes in now; somebody called five minutes ago."""
    before = said(case).answer.triage.ladder
    written, called = wire(case.now - timedelta(minutes=10)), wire(case.now - timedelta(minutes=5))
    report = {"id": str(uuid5(NAMESPACE_URL, "report")), "kind": "checkin_received", "at": written, "source": "patient"}
    report |= {"recorded_at": wire(case.now), "symptoms": ["fainted"]}
    call = {"id": str(uuid5(NAMESPACE_URL, "call")), "kind": "contact_made", "at": called, "outcome": outcome}
    call |= {"with": "patient", "reached": True}
    events = case.course["events"]
    if before is not Ladder.RED_1 and changed(case, [*events, report]).answer.triage.ladder is Ladder.RED_1:
        assert changed(case, [*events, report, call]).answer.triage.ladder is Ladder.RED_1


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_and_repeats_change_nothing(case: Case, chance: random.Random):
    events = [dict(event) for event in case.course["events"]]
    again = [event | {"recorded_at": wire(at_of(event) + AN_ERA)} for event in chance.sample(events, len(events) // 2)]
    mixed = [*events, *again]
    chance.shuffle(mixed)
    assert changed(case, mixed).answer == said(case).answer


@given(cases(), st.lists(st.tuples(st.sampled_from(sorted(SHELL)), st.integers(-3000, 3000)), min_size=1, max_size=4))
def test_what_the_shell_wrote_about_its_pages_changes_nothing(case: Case, written: list[tuple[str, int]]):
    before = said(case).answer
    bare = [event for event in case.course["events"] if event["kind"] not in SHELL]
    more = [
        {"id": f"00000000-0000-4000-8000-{n:012}", "kind": kind, "at": wire(case.now + timedelta(minutes=after))}
        for n, (kind, after) in enumerate(written)
    ]
    started = [event for event in more if at_of(event) > at_of(case.course["events"][0])]
    for events in (bare, [*bare, *[event | SHELL[event["kind"]] for event in started]]):
        assert changed(case, events).answer == before


# --- time ----------------------------------------------------------------------------------------------------------


@given(cases(), st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
def test_the_answer_is_the_same_until_it_says_to_look_again(case: Case, parts: list[float]):
    before = said(case).answer
    look = before.look_again_at
    assert look is None or look > case.now
    end = look or case.now + AN_ERA
    moments = [case.now + (end - case.now) * part for part in (*parts, 0.5)]
    for now in (case.now + A_MOMENT, *moments, end - A_MOMENT):
        if case.now <= now < end:
            assert replace(case.judged(now).answer, at=case.now) == before, f"at {now}, to look again at {look}"


WRITTEN = re.compile(
    r"(?P<iso>20\d\d-\d\d-\d\d(T[\d:.]+Z)?)|(?P<day>(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d+ [A-Z][a-z]{2} 20\d\d))"
)


def moved_words(text: str, by: timedelta) -> str:
    """A sentence of the answer with every date in it moved."""

    def move(found: re.Match[str]) -> str:
        if found["iso"] is not None:
            return str(shifted(found["iso"], by))
        day = datetime.strptime(found[5], "%d %b %Y").replace(tzinfo=UTC).date() + by
        return f"{day:%a} {day.day} {day:%b %Y}"

    return WRITTEN.sub(move, text)


def moved(value: Any, by: timedelta) -> Any:
    """A plain answer with every instant and date in it moved, but for the date of a source."""
    if isinstance(value, dict):
        return {key: item if key == "source" else moved(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item, by) for item in value]
    return moved_words(value, by) if isinstance(value, str) else value


@given(cases(zones=["UTC"]), st.integers(-150, 150))
def test_moving_everything_by_whole_weeks_moves_every_instant_and_nothing_else(case: Case, weeks: int):
    by = timedelta(weeks=weeks)
    for event in case.course["events"]:
        for name in ("response", "response_since"):  # a response held for two months: months are not all as long
            event.pop(name, None)
    later = Case(course=shifted(case.course, by), now=case.now + by)
    before, after = said(case).answer.to_json(), later.judged().answer.to_json()
    keys = ("protocol_key", "policy")  # a revision is named by its date: it does not move
    assert {key: after.pop(key) for key in keys} == {key: before.pop(key) for key in keys}
    assert after == moved(before, by)
