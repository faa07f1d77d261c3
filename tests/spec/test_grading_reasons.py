"""The whole answer of a grade: the sentence with every fact used, what a reader must notice, and the rows of the scale it rests on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.grading import crs, icans

CRS: list[tuple[dict[str, Any], int | None, str, str, str]] = [
    # what differs from a patient with nothing wrong | grade | flags | rows of the scale | the reason
    ({}, 0, "", "CRS-FEVER",
     "CRS grade 0: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; no oxygen given."),
    ({"tmax_c": None}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 0 or 1: the highest temperature is not known; no hypotension; no oxygen given."),
    ({"tmax_c": None, "hypotension": None, "pressors": None, "o2": None, "flow": None}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 0, 1, 2, 3 or 4: the highest temperature is not known; whether there is hypotension is not known; whether oxygen is given is not known."),
    ({"tmax_c": "38.5", "fever_other": None}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 0 or 1: the highest temperature is 38.5 °C, fever (38.0 °C or more), whether from another cause is not known; no hypotension; no oxygen given."),
    ({"tmax_c": "38.5", "fever_other": True}, 0, "", "CRS-FEVER",
     "CRS grade 0: the highest temperature is 38.5 °C, fever (38.0 °C or more), from another cause: it does not count; no hypotension; no oxygen given."),
    ({"hypotension": True}, 0, "SAME_DAY_REVIEW", "CRS-FEVER CRS-BP-2",
     "CRS grade 0: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); hypotension without a vasopressor, which in CRS would be grade 2; no oxygen given."),
    ({"hypotension": True, "premed_masking": True}, None, "PREMED_MASKING", "CRS-FEVER CRS-G3 CRS-BP-2",
     "CRS is suspected and has no grade, a clinician decides: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); hypotension without a vasopressor, which in CRS would be grade 2; no oxygen given; premedication may hide fever."),
    ({"hypotension": True, "premed_masking": None}, None, "", "CRS-FEVER CRS-BP-2",
     "The CRS grade is not known, it may be 0 or suspected without a grade: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); hypotension without a vasopressor, which in CRS would be grade 2; no oxygen given."),
    ({"episode_open": True, "masked": True}, 1, "MASKED RESOLVING", "CRS-FEVER CRS-G2",
     "CRS grade 1: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; no oxygen given; a CRS episode is open and treated, which hides fever."),
    ({"episode_open": True, "masked": True, "died_of_crs": None}, None, "MASKED", "CRS-FEVER CRS-G2",
     "The CRS grade is not known, it may be 1 or 5: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; no oxygen given; a CRS episode is open and treated, which hides fever."),
    ({"episode_open": True, "masked": True, "hypotension": True}, 2, "MASKED", "CRS-FEVER CRS-G2 CRS-BP-2",
     "CRS grade 2: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); hypotension without a vasopressor, grade 2; no oxygen given; a CRS episode is open and treated, which hides fever."),
    ({"episode_open": True, "hypotension": True}, 2, "", "CRS-FEVER CRS-G2 CRS-BP-2",
     "CRS grade 2: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); hypotension without a vasopressor, grade 2; no oxygen given; a CRS episode is open."),
    ({"episode_open": True}, 0, "", "CRS-FEVER",
     "CRS grade 0: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; no oxygen given; a CRS episode is open."),
    ({"episode_open": True, "masked": True, "tmax_c": "38.5"}, 1, "", "CRS-FEVER",
     "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; no oxygen given."),
    ({"tmax_c": "38.5", "hypotension": True, "hypotension_other": True}, 1, "", "CRS-FEVER CRS-G4",
     "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension without a vasopressor, from another cause: it does not count; no oxygen given."),
    ({"tmax_c": "38.5", "hypotension": True, "hypotension_other": None}, None, "", "CRS-FEVER CRS-BP-2",
     "The CRS grade is not known, it may be 1 or 2: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension without a vasopressor, grade 2, whether from another cause is not known; no oxygen given."),
    ({"tmax_c": "38.5", "pressors": ["norepinephrine"], "hypotension_other": True, "hypotension": False}, 1, "", "CRS-FEVER CRS-G4",
     "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension with one vasopressor (norepinephrine), from another cause: it does not count; no oxygen given."),
    ({"tmax_c": "38.5", "hypotension": True, "pressors": ["vasopressin"]}, 3, "VASOPRESSIN_ALONE", "CRS-FEVER CRS-BP-3 CRS-VASOPRESSIN",
     "CRS grade 3: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension with one vasopressor (vasopressin), grade 3; no oxygen given."),
    ({"tmax_c": "38.5", "hypotension": True, "pressors": None}, None, "", "CRS-FEVER CRS-BP-2 CRS-BP-3 CRS-BP-4",
     "The CRS grade is not known, it may be 2, 3 or 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension, whether a vasopressor runs is not known; no oxygen given."),
    ({"tmax_c": "38.5", "pressors": None}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 1, 3 or 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension, whether a vasopressor runs is not known; no oxygen given."),
    ({"tmax_c": "38.5", "hypotension": None}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 1 or 2: the highest temperature is 38.5 °C, fever (38.0 °C or more); whether there is hypotension is not known; no oxygen given."),
    ({"tmax_c": "38.5", "pressors": ["dopamine"]}, 3, "PRESSOR_WITHOUT_HYPOTENSION", "CRS-FEVER CRS-BP-3",
     "CRS grade 3: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension with one vasopressor (dopamine), grade 3; no oxygen given."),
    ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": "6"}, 2, "FLOW_AT_LIMIT", "CRS-FEVER CRS-O2-2-CANNULA",
     "CRS grade 2: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; oxygen by nasal cannula at 6 L/min, low-flow nasal cannula, grade 2."),
    ({"tmax_c": "38.5", "o2": "nasal_cannula", "flow": None}, None, "", "CRS-FEVER CRS-O2-2-CANNULA CRS-O2-3-CANNULA",
     "The CRS grade is not known, it may be 2 or 3: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; oxygen by nasal cannula, the flow is not known."),
    ({"tmax_c": "38.5", "o2": "cpap", "flow": None}, 4, "", "CRS-FEVER CRS-O2-4",
     "CRS grade 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; oxygen by cpap, positive pressure, grade 4."),
    ({"tmax_c": "38.5", "o2": None, "flow": "4"}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 1, 2, 3 or 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; whether oxygen is given is not known."),
    ({"tmax_c": "38.5", "o2": "none", "flow": "2"}, 1, "FLOW_WITHOUT_OXYGEN", "CRS-FEVER",
     "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; no oxygen given."),
    ({"tmax_c": "38.5", "o2": "venturi", "flow": "0", "hypoxia_other": True}, 1, "", "CRS-FEVER CRS-G4",
     "CRS grade 1: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; oxygen by venturi, high-flow oxygen or a mask, from another cause: it does not count."),
    ({"tmax_c": "38.5", "o2": "venturi", "hypoxia_other": None, "flow": "2"}, None, "", "CRS-FEVER CRS-O2-3",
     "The CRS grade is not known, it may be 1 or 3: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; oxygen by venturi at 2 L/min, high-flow oxygen or a mask, grade 3, whether from another cause is not known."),
    ({"o2": "venturi", "flow": "2"}, 0, "SAME_DAY_REVIEW", "CRS-FEVER CRS-O2-3",
     "CRS grade 0: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; oxygen by venturi at 2 L/min, high-flow oxygen or a mask, which in CRS would be grade 3."),
    ({"o2": None}, 0, "", "CRS-FEVER",
     "CRS grade 0: the highest temperature is 36.8 °C, no fever (fever is 38.0 °C or more); no hypotension; whether oxygen is given is not known."),
    ({"tmax_c": "38.5", "hypotension": True, "o2": "cpap", "flow": "2"}, 4, "", "CRS-FEVER CRS-BP-2 CRS-O2-4 CRS-G5",
     "CRS grade 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); hypotension without a vasopressor, grade 2; oxygen by cpap at 2 L/min, positive pressure, grade 4."),
    ({"tmax_c": "44"}, None, "IMPLAUSIBLE", "CRS-FEVER PLAUSIBLE-TMAX",
     "The CRS grade is not known, it may be 0 or 1: the temperature recorded is not believable and counts as not known; no hypotension; no oxygen given."),
    ({"tmax_c": "38.5", "pressors": ["none"]}, None, "IMPLAUSIBLE", "CRS-FEVER",
     "The CRS grade is not known, it may be 1, 3 or 4: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension, whether a vasopressor runs is not known; no oxygen given."),
    ({"died_of_crs": True}, 5, "", "CRS-DEATH",
     "CRS grade 5: death from CRS."),
    ({"died_of_crs": None, "tmax_c": "38.5"}, None, "", "CRS-FEVER",
     "The CRS grade is not known, it may be 1 or 5: the highest temperature is 38.5 °C, fever (38.0 °C or more); no hypotension; no oxygen given."),
]  # fmt: skip

ICANS: list[tuple[dict[str, Any], int | None, str, str, str]] = [
    # what differs from a patient with nothing wrong | grade | flags | rows of the scale | the reason
    ({}, 0, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 0: ICE 10 of 10, grade 0; no other finding."),
    ({"ice": None}, None, "", "ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "The ICANS grade is not known, it may be 0, 1, 2 or 3: not known: the ICE score."),
    ({"ice": 8}, 1, "", "ICANS-ICE-1 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 1: ICE 8 of 10, grade 1; no other finding."),
    ({"ice": 0, "loc": "voice"}, 3, "", "ICANS-ICE-3 ICANS-LOC-2 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 3: ICE 0 of 10, grade 3; wakes to voice, grade 2."),
    ({"ice": 0, "loc": "unarousable"}, 4, "", "ICANS-ICE-3 ICANS-LOC-4 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 4: ICE 0 of 10, grade 3; cannot be woken, grade 4."),
    ({"loc": "voice", "loc_other": True}, 0, "", "ICANS-ICE-0 ICA-2 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 0: ICE 10 of 10, grade 0; wakes to voice, from another cause: it does not count."),
    ({"loc": "voice", "loc_other": None}, None, "", "ICANS-ICE-0 ICANS-LOC-2 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "The ICANS grade is not known, it may be 0 or 2: ICE 10 of 10, grade 0; wakes to voice, grade 2, whether from another cause is not known."),
    ({"loc": None}, None, "", "ICANS-ICE-0 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "The ICANS grade is not known, it may be 0, 1, 2, 3 or 4: ICE 10 of 10, grade 0; not known: consciousness."),
    ({"seizure": "prolonged"}, 4, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-4-PROLONGED ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 4: ICE 10 of 10, grade 0; a prolonged or life-threatening seizure (more than 5 minutes), grade 4."),
    ({"seizure": None, "motor": None}, None, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-EDEMA-0 ICANS-ICP-0",
     "The ICANS grade is not known, it may be 0, 3 or 4: ICE 10 of 10, grade 0; not known: seizure, weakness."),
    ({"edema": "diffuse", "ich": True}, 0, "HAEMORRHAGE", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICA-3 ICANS-ICP-0",
     "ICANS grade 0: ICE 10 of 10, grade 0; diffuse cerebral oedema, around a bleeding in the head: it does not count."),
    ({"edema": "focal", "ich": None}, None, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-3 ICANS-ICP-0",
     "The ICANS grade is not known, it may be 0 or 3: ICE 10 of 10, grade 0; focal oedema on imaging, grade 3, whether from another cause is not known."),
    ({"edema": "focal", "ich": False}, 3, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-3 ICANS-ICP-0",
     "ICANS grade 3: ICE 10 of 10, grade 0; focal oedema on imaging, grade 3."),
    ({"motor": True}, 4, "", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-4 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 4: ICE 10 of 10, grade 0; deep focal weakness, grade 4."),
    ({"icp_signs": True, "ich": True}, 4, "HAEMORRHAGE", "ICANS-ICE-0 ICANS-LOC-ALERT ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-4",
     "ICANS grade 4: ICE 10 of 10, grade 0; signs of raised pressure in the head, grade 4."),
    ({"ice": 5, "loc": "tactile"}, 3, "", "ICANS-ICE-2 ICANS-LOC-3 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 3: ICE 5 of 10, grade 2; wakes only to touch, grade 3."),
    ({"ice": None, "loc": None, "seizure": None, "motor": None, "edema": None, "icp_signs": None}, None, "", "",
     "The ICANS grade is not known, it may be 0, 1, 2, 3 or 4: not known: the ICE score, consciousness, seizure, weakness, cerebral oedema, signs of raised pressure in the head."),
    ({"ice": None, "loc": "unarousable"}, 4, "", "ICANS-LOC-4 ICANS-SEIZURE-0 ICANS-MOTOR-0 ICANS-EDEMA-0 ICANS-ICP-0",
     "ICANS grade 4: cannot be woken, grade 4; not known: the ICE score."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "grade", "flags", "rows", "because"), CRS)
def test_the_whole_answer_of_crs(changes: dict[str, Any], grade: int | None, flags: str, rows: str, because: str):
    found = crs(**changes)
    assert (found.grade, " ".join(found.flags), " ".join(found.rows)) == (grade, flags, rows)
    assert found.because == because


@pytest.mark.parametrize(("changes", "grade", "flags", "rows", "because"), ICANS)
def test_the_whole_answer_of_icans(changes: dict[str, Any], grade: int | None, flags: str, rows: str, because: str):
    found = icans(**changes)
    assert (found.grade, " ".join(found.flags), " ".join(found.rows)) == (grade, flags, rows)
    assert found.because == because
