"""Courses in which one forgotten fact once moved the answer towards giving; each was found by a generated course."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from handrail.rules.terms import Action, say_instant
from tests.support.course_documents import FULL_ICE, NO_CRS, NO_ICANS, Document, wire
from tests.support.histories import BEGIN, judged

STEP_UP_1 = {"step": "step_up_1", "dose_mg": "12"}


def course(*events: tuple[float, str, Document], start: Document | None = None, **header: Any) -> Document:
    """A synthetic elranatamab course: (hours since the first dose, kind, payload) each."""
    told = [(-48.0, "course_started", {"intent": "step_up"} if start is None else start), *events]
    return {
        "format": "handrail-course/1",
        "id": "00000000-0000-4000-8000-00000000c0de",
        "synthetic": True,
        "product": "elranatamab",
        "jurisdiction": "US",
        "protocol_key": "elranatamab/US/2023-08",
        "schedule": "weekly",
        "time_zone": "UTC",
        "events": [
            {"id": f"00000000-0000-0000-0000-{n:012}", "kind": kind, "at": wire(_at(hours))} | body
            for n, (hours, kind, body) in enumerate(told, start=1)
        ],
    } | header


def _at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def clear(hours: float) -> list[tuple[float, str, Document]]:
    """Everything a dose needs, known and normal."""
    return [
        (hours, "crs_assessed", NO_CRS | {"tmax_c": "36.8", "o2": "none", "flow_l_per_min": "0"}),
        (hours, "ice_assessed", FULL_ICE),
        (hours, "icans_assessed", NO_ICANS),
        (hours, "condition_noted", {"what": "infection", "active": False}),
        (hours, "vitals_measured", {"temperature_c": "36.6"}),
    ]


def after(document: Document, hours: float) -> Assessment:
    return judged(document, _at(hours)).answer


@pytest.mark.parametrize("motor", [True, None])
def test_a_clinician_s_grade_0_does_not_speak_for_weakness_that_was_asked_and_is_not_known(motor: bool | None):
    inputs = NO_ICANS | {"motor": motor, "clinician_grade": 0}
    answer = after(course((0, "dose_given", STEP_UP_1), (1, "icans_assessed", inputs), *clear(47)), 48)
    assert answer.next_dose.action in (Action.HOLD, Action.ASK)
    assert answer.toxicity.icans.open is True or "ICANS" in {missing.missing for missing in answer.cannot_say}


def test_a_clinician_s_grade_0_does_not_speak_for_an_ice_score_that_is_not_known():
    visit = [
        (1, "ice_assessed", FULL_ICE | {"month": None}),
        (1.1, "icans_assessed", NO_ICANS | {"clinician_grade": 0}),
    ]
    answer = after(course((0, "dose_given", STEP_UP_1), *visit, *clear(47)), 48)
    assert answer.next_dose.action is Action.ASK


def test_a_clinician_s_grade_alone_stands():
    answer = after(course((0, "dose_given", STEP_UP_1), (1, "icans_assessed", {"clinician_grade": 2})), 2)
    assert answer.toxicity.icans.grade == 2


def test_a_clinician_s_grade_4_still_stops_the_drug_beside_a_fact_that_is_not_known():
    inputs = NO_CRS | {"tmax_c": None, "o2": "none", "clinician_grade": 4}
    answer = after(course((0, "dose_given", STEP_UP_1), (1, "crs_assessed", inputs)), 2)
    assert answer.next_dose.action is Action.STOP
    assert answer.toxicity.crs.grade is None


@pytest.mark.parametrize("start", [{"intent": "step_up"}, {"intent": None}])
def test_a_stop_outranks_a_start_that_is_not_on_record(start: Document):
    ventilated = NO_CRS | {"tmax_c": "39.0", "o2": "ventilator", "flow_l_per_min": "0"}
    given = (0, "dose_given", STEP_UP_1)
    assert after(course(given, (1, "crs_assessed", ventilated), start=start), 2).next_dose.action is Action.STOP


def test_a_response_in_words_that_no_criteria_know_is_a_response_that_is_not_known():
    change = {"schedule": "every_2_weeks", "response": "much better", "response_since": "2026-01-01"}
    answer = after(course((0, "dose_given", STEP_UP_1), (1, "schedule_changed", change)), 2)
    assert any("the response is not known" in finding.what for finding in answer.findings)


def test_a_course_whose_schedule_the_new_revision_lacks_is_asked_about_and_not_refused():
    moved = (1, "protocol_changed", {"protocol_key": "elranatamab/US/2023-08"})
    header = {"protocol_key": "elranatamab/US/2025-07", "schedule": "every_4_weeks"}
    answer = after(course((0, "dose_given", STEP_UP_1), moved, **header), 2)
    assert answer.next_dose.action is Action.ASK
    assert "schedule" in {missing.missing for missing in answer.cannot_say}


def test_an_earlier_grade_that_is_not_known_may_hide_a_stop():
    graded = NO_CRS | {"tmax_c": "38.5", "fever_other": None, "o2": "facemask", "flow_l_per_min": "8"}
    before = [(1, "crs_assessed", graded), (30, "toxicity_resolved", {"toxicity": "crs", "confirmed_by": "lead"})]
    second = (48, "dose_given", {"step": "step_up_2", "dose_mg": "32"})
    answer = after(course((0, "dose_given", STEP_UP_1), *before, second, *clear(119)), 120)
    assert answer.next_dose.action is Action.ASK
    assert "grade of an earlier CRS episode" in answer.next_dose.because


RIVALS = {
    "a withdrawal": (60, "fact_withdrawn", {}),
    "a later time": (60, "dose_given", STEP_UP_1),
}


@pytest.mark.parametrize("note_at", [47, 49], ids=["a note before", "a note after"])
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_correction_dated_later_counts_whatever_else_is_still_to_come(rival: str, note_at: int):
    """The dose was corrected twice: it was given as written, or it is still to come, or never was."""
    first = course((0, "dose_given", STEP_UP_1))["events"][1]["id"]
    said = [
        (hours, kind, body | {"supersedes": first})
        for hours, kind, body in ((0, "dose_given", STEP_UP_1), RIVALS[rival])
    ]
    document = course((0, "dose_given", STEP_UP_1), *said, (note_at, "note_added", {"text": "a note"}), *clear(47))
    answer = after(document, 48)
    assert any(finding.rule == "history" for finding in answer.findings)
    assert answer.next_dose.action is Action.ASK


@pytest.mark.parametrize(
    "moved",
    [("protocol_changed", {"protocol_key": None}), ("policy_changed", {"policy_id": None, "version": "2"})],
    ids=["protocol", "policy"],
)
def test_a_move_to_a_revision_that_is_not_known_never_leaves_the_one_before_in_force(moved: tuple[str, Document]):
    told = course((0, "dose_given", STEP_UP_1), *clear(47))
    assert after(told, 48).next_dose.action is Action.GIVE
    unknown = after(course((0, "dose_given", STEP_UP_1), (1, *moved), *clear(47)), 48)
    assert unknown.next_dose.action is Action.ASK
    assert {"protocol_key", "policy_id"} & {missing.missing for missing in unknown.cannot_say}


def test_a_move_of_the_schedule_alone_keeps_the_revision():
    moved = (1, "protocol_changed", {"schedule": "weekly"})
    assert after(course((0, "dose_given", STEP_UP_1), moved, *clear(47)), 48).next_dose.action is Action.GIVE


def test_two_withdrawals_of_one_fact_agree():
    first = course((0, "weight_measured", {"weight_kg": "70"}))["events"][1]["id"]
    gone = [(hours, "fact_withdrawn", {"supersedes": first}) for hours in (1, 2)]
    answer = after(course((0, "weight_measured", {"weight_kg": "70"}), *gone), 3)
    assert not [finding for finding in answer.findings if finding.rule == "history"]


@pytest.mark.parametrize(
    ("kind", "worrying", "name"),
    [
        ("vitals_measured", {"temperature_c": "36.6", "pulse_per_min": 140}, "pulse_per_min"),
        ("checkin_received", {"temperature_c": "36.6", "symptoms": ["fainted"]}, "symptoms"),
        ("checkin_received", {"temperature_c": "38.6"}, "temperature_c"),
    ],
)
def test_a_report_that_may_have_been_urgent_withholds_the_first_dose_like_one_that_was(
    kind: str, worrying: Any, name: str
):
    ready = [
        (-1.0, "condition_noted", {"what": "infection", "active": False}),
        (-1.0, "vitals_measured", {"temperature_c": "36.6"}),
    ]
    assert after(course(*ready), 0).next_dose.action is Action.GIVE
    assert after(course((-2, kind, worrying), *ready), 0).next_dose.action is Action.HOLD
    hidden = (-2, kind, worrying | {name: None})
    assert after(course(hidden, *ready), 0).next_dose.action is Action.ASK
    seen = (-1.5, "contact_made", {"reached": True, "outcome": "coming_in"})
    cleared = after(course(hidden, seen, *clear(-1)), 0)
    assert cleared.next_dose.action is Action.GIVE


BAND = {"product": "teclistamab", "protocol_key": "teclistamab/US/2025-03/mono"}


@pytest.mark.parametrize("name", ["dose_mg_per_kg", "dose_mg", "weight_kg", "schedule"])
def test_an_amount_that_was_asked_and_is_not_known_may_have_been_another(name: str):
    given = {"step": "step_up_1", "dose_mg_per_kg": "0.06", "dose_mg": "4.5", "weight_kg": "70", "schedule": "weekly"}
    told = [(-40.0, "weight_measured", {"weight_kg": "70"}), (0.0, "dose_given", given), *clear(47)]
    assert after(course(*told, **BAND), 48).next_dose.action is Action.GIVE
    told[1] = (0.0, "dose_given", given | {name: None})
    assert after(course(*told, **BAND), 48).next_dose.action is Action.ASK


def test_a_schedule_that_is_not_known_when_a_dose_was_given_is_not_the_one_before():
    given = [(0, "dose_given", STEP_UP_1), (48, "dose_given", {"step": "step_up_2", "dose_mg": "32"})]
    given += [(120, "dose_given", {"step": "first_treatment", "dose_mg": "76"})]
    forgotten = (121, "schedule_changed", {"schedule": None})
    later = [
        (288, "dose_given", {"step": "treatment", "dose_mg": "76"}),
        (289, "schedule_changed", {"schedule": "weekly"}),
    ]
    assert after(course(*given, *later, *clear(455)), 456).next_dose.action is Action.CONTINUE
    assert after(course(*given, forgotten, *later, *clear(455)), 456).next_dose.action is Action.ASK


def test_an_unverified_stop_is_shown_before_an_unverified_hold():
    severe = NO_CRS | {"tmax_c": "38.5", "o2": "facemask", "flow_l_per_min": "8"}
    over = {"toxicity": "crs", "confirmed_by": "lead"}
    twice = [
        (hours, kind, body)
        for at in (1, 20)
        for hours, kind, body in ((at, "crs_assessed", severe), (at + 9, "toxicity_resolved", over))
    ]
    given = (0, "dose_given", {"step": "step_up_1", "dose_mg_per_kg": "0.06"})
    answer = after(course(given, *twice, *clear(47), **BAND), 48)
    assert answer.next_dose.action is Action.ASK and answer.next_dose.withheld
    assert "stop for good" in answer.next_dose.because


@pytest.mark.parametrize("days", [0, 3, 7])
def test_what_cannot_be_said_stands_in_the_same_order_whenever_it_was(days: int):
    """`Fri 9` comes after `Fri 16` in the alphabet, and before it in the calendar."""
    first = course((0, "dose_given", STEP_UP_1))["events"][1]["id"]
    hours = 24.0 * days
    rivals = [(hours + at, "weight_measured", {"weight_kg": None, "supersedes": first}) for at in (0, 168)]
    document = course((0, "weight_measured", {"weight_kg": "70"}), *rivals)
    words = [
        m.why_it_matters for m in after(document, hours + 169).cannot_say if m.missing == "weight_measured.weight_kg"
    ]
    assert [text.split(" at ")[1] for text in words] == [say_instant(_at(hours + at), "UTC") for at in (0, 168)]
