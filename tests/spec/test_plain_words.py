"""What a nurse reads at two in the morning: plain words, no name of a field, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from handrail.rules.answer import Assessment
from tests.spec.test_after_dose import crs, resolved
from tests.support.courses import ELRA, Told, well

DOSE, MORNING, NOW = "2026-03-02 09:00", "2026-03-05 08:00", "2026-03-05 09:00"


def sentences(answer: Assessment) -> Iterator[str]:
    """Every sentence of an answer that is shown as it stands."""
    yield from (answer.next_dose.because, answer.triage.because, answer.watch.because)
    yield from (state.because for state in (answer.toxicity.crs, answer.toxicity.icans, answer.toxicity.infection))
    for item in answer.findings:
        yield from (item.what, item.because)
    for page in answer.pages:
        yield from (page.what, page.because)
    yield from (task.what for task in answer.tasks)
    yield from (item.why_it_matters for item in answer.cannot_say)


def told_well(**extra: Any) -> Told:
    told = Told(ELRA)
    well(told, "2026-03-02 08:00")
    told.dose("step_up_1", DOSE, dose_mg="12")
    well(told, MORNING)
    return told


@pytest.mark.parametrize(
    # one more fact at 08:30 | what the next dose then says
    ("kind", "fields", "says"),
    [
        ("lab_resulted", {"code": "anc", "value": None}, "the latest neutrophil count is not known: repeat it"),
        ("lab_resulted", {"code": "hemoglobin", "value": None}, "the latest haemoglobin is not known: repeat it"),
        ("lab_resulted", {"code": "platelets", "value": None}, "the latest platelet count is not known: repeat it"),
        ("condition_noted", {"what": "pneumonia", "active": True}, "infection since Thu 5 Mar 2026 08:30 CST: nobody"),
        (
            "vitals_measured",
            {"temperature_c": "38.4"},
            "CRS suspected since Thu 5 Mar 2026 08:30 CST: record its grade",
        ),
        ("hold_started", {}, "a clinician holds the drug: reason not known; only a clinician lifts it"),
        ("crs_assessed", {"tmax_c": None}, "a fact was asked and is not known: assess the patient"),
    ],
)
def test_the_reason_is_plain_and_names_the_next_step(kind: str, fields: dict[str, Any], says: str):
    told = told_well()
    told.tell(kind, "2026-03-05 08:30", **fields)
    answer = told.assess(NOW)
    assert says in answer.next_dose.because
    assert [text for text in sentences(answer) if re.search(r"[a-z]_[a-z]", text)] == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"spo2_percent": None, "systolic_mmhg": None}, "oxygen saturation, systolic pressure"),
        ({"pulse_per_min": None}, "pulse"),
        ({"breaths_per_min": None}, "breaths"),
    ],
)
def test_what_may_hide_an_emergency_is_named_in_words(fields: dict[str, Any], says: str):
    told = Told(ELRA)
    well(told, MORNING)
    told.tell("vitals_measured", "2026-03-05 08:30", temperature_c="36.8", **fields)
    answer = told.assess(NOW)
    assert answer.next_dose.because == (
        f"a report may have been urgent: asked at Thu 5 Mar 2026 08:30 CST, {says} not known: "
        "ask again, or assess the patient"
    )


def test_a_stop_is_said_once():
    told = told_well()
    crs(told, "2026-03-05 08:30", 4)
    assert told.assess(NOW).next_dose.because == "CRS grade 4: stop for good"


def test_a_grade_that_is_not_known_says_what_to_record():
    told = Told(ELRA)
    told.dose("step_up_1", DOSE, dose_mg="12")
    fields = {"what": "neurotoxicity", "active": True, "onset_at": None}
    told.tell("condition_noted", "2026-03-03 08:00", **fields)
    resolved(told, "neurotoxicity", "2026-03-04 08:00")
    well(told, MORNING)
    assert told.assess(NOW).next_dose.because == (
        "one grade of the neurotoxicity episode is not known: record it under the time it was assessed, "
        "or ask the prescriber"
    )


def test_the_overdue_page_says_whom_to_call():
    told = Told(ELRA)
    told.dose("step_up_1", DOSE, dose_mg="12")
    answer = told.assess("2026-03-02 14:00")
    assert {page.key.split(":")[0] for page in answer.pages} == {"overdue", "welfare"}
    for text in [page.because for page in answer.pages]:
        assert text.startswith("call the patient and the caregiver")
