"""True of the gate of every course: a value that is not known, a word less, a paper that ended, or corrections that contradict one another
never turn a line greener.

Each property takes a course told fact by fact, of one of several products, with words left out and words added, and changes one thing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.rules.gate_evidence import TREATMENT
from handrail.rules.protocol import Protocol, load
from tests.spec.test_gate_lines import LEFT_OUT, SIGNED, TURNED, after_step_one
from tests.support.courses import ELRA, Told, well
from tests.support.gates import ANSWERS, DAY_BEFORE, DOSE_ON, prepared, read

TALQUE, LINVO = "talquetamab/US/2023-08/mono", "linvoseltamab/US/2025-07"
AFTER = "2026-03-05 10:00"
FRAME = {"id", "kind", "at", "recorded_at", "by", "zone", "source", "supersedes", "reason"}
BAD_NEWS = {
    "course_started",
    "dose_given",
    "dose_planned",
    "hold_started",
    "vitals_measured",
    "condition_noted",
    "crs_assessed",
    "home_status",
}
"""Without them another question is asked, or what speaks against the dose is gone."""
LAST_DAYS = ("valid_until", "review_on", "pack_expires_on")
MORE = [
    ("readiness_confirmed", {"item": "language_channel", "confirmed": True}),
    ("contact_made", {"with": "patient", "reached": False, "outcome": "none"}),
    ("medicine_given", {"agent": "dexamethasone", "purpose": "home", "dose_mg": "20"}),
    ("rems_met", {"requirement": "wallet_card", "met": True, "valid_until": "2026-03-03"}),
    ("setting_decided", {"recommendation": "INPATIENT", "step": "step_up_1", "on": "2026-03-03", "valid_until": "2026-03-04T15:00:00+00:00"}),
    ("weight_measured", {"weight_kg": "66"}),
    ("lab_resulted", {"code": "platelets", "value": "20", "unit": "10*9/L"}),
]  # fmt: skip


class Made(NamedTuple):
    """A course, when its gate is looked at, the label, and in short what makes it this one."""

    told: Told
    at: str
    protocol: Protocol
    words: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"<{self.told.key} {self.at} {self.words}>"


@st.composite
def courses(draw: st.DrawFn) -> Made:
    """A course before its first dose or its second, with some words left out and some added."""
    without = tuple(draw(st.sets(st.sampled_from(sorted(LEFT_OUT)), max_size=2)))
    key = draw(st.sampled_from([ELRA, ELRA, SIGNED.key, TALQUE, LINVO]))
    protocol = SIGNED if key == SIGNED.key else load(key)
    if key == SIGNED.key and draw(st.booleans()):
        told, at = after_step_one(crs=draw(st.booleans()), without=without), AFTER
    else:
        told, at = prepared(key, without=without), DAY_BEFORE
    added = [*((kind, fields) for _line, kind, fields, _met, _words in TURNED), *MORE]
    more = draw(st.lists(st.sampled_from(added), max_size=3))
    for kind, fields in more:
        told.tell(kind, "2026-03-02 09:30", **deepcopy(fields))
    return Made(told, at, protocol, (without, more))


def open_lines(made: Made, events: list[dict[str, Any]]) -> set[str]:
    """The lines that are not green; all of them where no dose is ahead."""
    told, at, protocol, _ = made
    other = Told(told.key)
    other.header, other.events = told.header, events
    found = read(other, at, protocol=protocol)
    return {
        name for name, answer in ANSWERS.items() if found is None or answer(found).evidence.met is not True
    }  # fmt: skip


def some(draw: Any, made: Made, names: Any) -> list[tuple[int, Any]]:
    """Some of the places of a course, each with one of what may be changed there."""
    found = [(place, name) for place, event in enumerate(made.told.events) for name in names(event)]
    return draw(st.lists(st.sampled_from(found), min_size=1, max_size=6, unique=True)) if found else []


def fields_of(event: dict[str, Any]) -> list[str]:
    return [name for name in event if name not in FRAME and event[name] is not None]


def changed(events: list[dict[str, Any]], place: int, *instead: dict[str, Any]) -> list[dict[str, Any]]:
    return [*events[:place], *instead, *events[place + 1 :]]


def number(n: int) -> str:
    return str(UUID(int=10_000 + n))


@settings(deadline=None)
@given(courses(), st.data())
def test_a_value_that_becomes_not_known_turns_no_line_greener(made: Made, data: st.DataObject):
    events = made.told.events
    before = open_lines(made, events)
    for place, name in some(data.draw, made, fields_of):
        event = events[place]
        less = {**event, name: None}
        assert before <= open_lines(made, changed(events, place, less)), (event["kind"], name)
        said_again = {**less, "id": number(0)}
        if event["kind"] not in BAD_NEWS:
            assert before <= open_lines(made, [*events, said_again]), (event["kind"], name, "said again")


@settings(deadline=None)
@given(courses(), st.data())
def test_a_word_less_turns_no_line_greener(made: Made, data: st.DataObject):
    events = made.told.events
    before = open_lines(made, events)
    for place, _ in some(data.draw, made, lambda event: [] if event["kind"] in BAD_NEWS else [""]):
        without = open_lines(made, changed(events, place))
        if not speaks_against(made, events, place):
            assert before <= without, events[place]


def speaks_against(made: Made, events: list[dict[str, Any]], place: int) -> bool:
    """Whether a word only opens lines, so that it is no reassurance: the course of which everything else is known is greener without it."""
    alone = prepared(made.told.key)
    if made.at == AFTER:
        alone = after_step_one()
    whole = Made(alone, made.at, made.protocol, ())
    word = {**events[place], "id": number(1), "at": events[place]["at"]}
    return not open_lines(whole, [*alone.events, word]) <= open_lines(whole, alone.events)


@settings(deadline=None)
@given(courses(), st.data())
def test_a_paper_that_ended_the_day_before_turns_no_line_greener(made: Made, data: st.DataObject):
    events = made.told.events
    before = open_lines(made, events)
    for place, name in some(data.draw, made, lambda event: [one for one in LAST_DAYS if event.get(one)]):
        value = events[place][name]
        ended = "2026-03-01" if len(value) == len("2026-03-01") else "2026-03-02T06:00:00+00:00"
        less = {**events[place], name: min(value, ended)}
        assert before <= open_lines(made, changed(events, place, less)), events[place]


@settings(deadline=None)
@given(courses(), st.data())
def test_of_corrections_that_contradict_one_another_the_more_cautious_counts_on_every_line(
    made: Made, data: st.DataObject
):
    events = made.told.events
    places = some(data.draw, made, lambda event: fields_of(event) if event["kind"] != "course_started" else [])
    for place, name in places[:3]:
        event = events[place]
        kind = event["kind"]
        other = data.draw(st.sampled_from([None, *(e[name] for e in events if e["kind"] == kind and name in e)]))
        why = {"reason": event.get("reason", "typed wrong"), "supersedes": event["id"]}
        rivals = [{**event, **why}, {**event, **why, name: other}]
        if data.draw(st.booleans()):
            rivals[0] = {key: event[key] for key in ("zone", "source") if key in event} | {
                "kind": "fact_withdrawn", "at": event["at"], **why,
            }  # fmt: skip
        if data.draw(st.booleans()):
            rivals.reverse()
        rivals = [{**each, "id": number(n)} for n, each in enumerate(rivals)]
        worst = set().union(*(open_lines(made, [*events, each]) for each in rivals))
        assert worst <= open_lines(made, [*events, *rivals]), (kind, name, other)


REPORTS: list[tuple[str, dict[str, Any]]] = [
    ("checkin_received", {"temperature_c": "36.5", "none_of_these": True}),
    ("checkin_received", {"temperature_c": "36.5", "symptoms": None}),
    ("checkin_received", {"temperature_c": "36.5", "home_neuro": {"year": "not_done"}}),
    ("checkin_received", {"temperature_c": "36.5", "alarm": True}),
    ("checkin_received", {"temperature_c": "36.5", "antipyretic_last_6_h": True}),
    ("vitals_measured", {"temperature_c": None}),
    ("condition_noted", {"what": None, "active": True}),
    ("crs_assessed", {"tmax_c": "36.6", "hypotension": True, "o2": "none"}),
    ("icans_assessed", {"loc": None}),
    ("hold_started", {"because": "surgery"}),
    ("schedule_changed", {"schedule": None}),
    ("dose_not_given", {"step": "step_up_1", "because": "other"}),
    ("protocol_changed", {"protocol_key": None}),
    ("dose_given", {"step": None}),
]


@settings(deadline=None)
@given(courses(), st.lists(st.sampled_from(REPORTS), max_size=2))
def test_the_lines_of_the_treatment_are_green_only_where_the_rules_would_give_that_step(made: Made, reports: Any):
    told, at, protocol, _ = made
    day = DOSE_ON if at == DAY_BEFORE else "2026-03-06"
    well(told, f"{day} 07:00", weight_kg="65")
    for kind, fields in reports:
        told.tell(kind, f"{day} 07:20", **deepcopy(fields))
    found = read(told, f"{day} 08:00", protocol=protocol)
    if found is None or any(ANSWERS[name](found).evidence.met is not True for name in TREATMENT):
        return
    dose = found.answer.next_dose
    assert dose.action.gives, dose.because
    assert dose.step == found.dose.step
