"""Facts on a limit: at the very minute of a dose, of an assessment, or of the last hour that counts. The more cautious side wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handrail.rules.episodes import Episode
from handrail.rules.terms import Action
from tests.support.courses import ELRA, TEC, Told, civil, instant, well
from tests.support.reactions import crs, resolved

SUD1, SUD2, FTD = "step_up_1", "step_up_2", "first_treatment"
DOSE, OVER, VISIT = "2026-03-09 09:00", "2026-03-11 09:00", "2026-03-16 09:00"
NORMAL = {"loc_other": False, "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
T0 = datetime(2026, 3, 3, tzinfo=UTC)


def treated(key: str = ELRA) -> Told:
    """A course up to its first treatment dose on 9 March at 09:00."""
    told = Told(key)
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "05"), (FTD, "09")):
        told.dose(step, f"2026-03-{day} 09:00")
    return told


@pytest.mark.parametrize(
    # CRS of grade 2 graded at | premedication before the next dose, and 48 h near the facility after it
    ("graded", "counts"),
    [("2026-03-09 09:01", True), ("2026-03-09 09:00", True), ("2026-03-09 08:59", False)],
)
def test_crs_graded_at_the_minute_of_the_last_dose_counts_for_the_next(graded: str, counts: bool):
    told = treated()
    crs(told, graded, 2)
    resolved(told, "crs", graded if not counts else OVER)
    well(told, "2026-03-16 08:00")
    dose = told.assess(VISIT).next_dose
    assert (dose.action, len(dose.premedication)) == (Action.CONTINUE, 3 if counts else 0)
    assert dose.monitoring is not None
    assert (dose.monitoring.setting, dose.monitoring.hours) == (
        ("near_facility", 48) if counts else ("none_stated", None)
    )


@pytest.mark.parametrize(("noted", "asked"), [("2026-03-09 09:00", True), ("2026-03-09 08:59", False)])
def test_a_grade_4_infection_from_the_minute_of_the_last_dose_is_the_prescribers_question(noted: str, asked: bool):
    told = treated(TEC)
    told.tell("condition_noted", noted, what="infection", grade=4, active=True)
    told.tell("condition_noted", OVER if asked else noted, what="infection", active=False)
    well(told, "2026-03-16 08:00")
    dose = told.assess(VISIT).next_dose
    assert (dose.action is Action.ASK and "stop" in dose.because) == asked, dose.because


def test_a_grade_3_that_still_lasts_is_looked_at_again_at_its_48th_hour():
    """From then on the label stops the drug for good."""
    told = Told(TEC)
    well(told, "2026-03-02 08:00")
    told.dose(SUD1, "2026-03-02 09:00")
    crs(told, "2026-03-03 02:00", 3)
    assert civil(told.assess("2026-03-05 01:59").look_again_at) == "2026-03-05 02:00"


@pytest.mark.parametrize(
    # hours after the first assessment: grade | hours at grade 3 or worse, 50 hours after it
    ("graded", "hours"),
    [
        ([(0, 3)], 50),
        ([(0, 3), (10, 3)], 50),
        ([(0, 3), (10, 4)], 50),
        ([(0, 3), (10, 2)], 10),
        ([(0, 3), (0, 1)], 50),
        ([(0, 2), (5, 3), (10, 1)], 5),
        ([(0, 2)], None),
    ],
)
def test_how_long_a_grade_lasted(graded: list[tuple[int, int]], hours: int | None):
    episode = Episode(
        toxicity="crs", opened_at=T0, graded=[(T0 + timedelta(hours=hour), grade) for hour, grade in graded]
    )
    assert episode.lasted_hours(3, T0 + timedelta(hours=50)) == hours


@pytest.mark.parametrize(
    # the end is dated | still open
    ("ended", "still"),
    [("2026-03-10 02:00", False), ("2026-03-10 01:59", True)],
)
def test_an_end_at_the_minute_of_the_last_evidence_ends_it(ended: str, still: bool):
    told = treated()
    crs(told, "2026-03-10 02:00", 1)
    resolved(told, "crs", "2026-03-10 02:00")
    told.events[-1]["resolved_at"] = instant(ended).isoformat()
    assert told.assess("2026-03-10 02:30").toxicity.crs.open is still


@pytest.mark.parametrize(("fever_at", "suspected"), [("2026-03-02 09:00", True), ("2026-03-02 08:59", False)])
def test_fever_from_the_minute_of_the_first_dose_on_may_be_crs(fever_at: str, suspected: bool):
    told = Told(TEC)
    told.dose(SUD1, "2026-03-02 09:00")
    told.tell("checkin_received", fever_at, temperature_c="38.4", symptoms=[])
    assert told.assess("2026-03-02 09:30").toxicity.crs.suspected is suspected


@pytest.mark.parametrize(
    # the ICE score was taken | grade of the ICANS assessment at 12:00 that names none
    ("taken", "grade"),
    [("2026-03-10 08:00", 2), ("2026-03-10 07:59", None), ("2026-03-10 12:00", 2), ("2026-03-10 12:01", None)],
)
def test_an_ice_score_counts_for_an_assessment_up_to_four_hours_later(taken: str, grade: int | None):
    told = treated()
    told.tell("ice_assessed", taken, total_0_10=4)
    told.tell("icans_assessed", "2026-03-10 12:00", loc="alert", **NORMAL)
    found = told.assess("2026-03-10 12:05").toxicity.icans
    assert found.grade == grade


@pytest.mark.parametrize(("noted", "mg"), [("2026-03-16 09:00", "40 mg"), ("2026-03-16 08:59", "10 mg")])
def test_an_infusion_reaction_from_the_minute_of_the_last_dose_keeps_the_full_premedication(noted: str, mg: str):
    told = Told("linvoseltamab/EU/2025")
    well(told, "2026-03-02 08:00")
    for step, day in ((SUD1, "02"), (SUD2, "09"), (FTD, "16")):
        told.dose(step, f"2026-03-{day} 09:00")
    told.tell("condition_noted", noted, what="infusion reaction", active=True, grade=1)
    well(told, "2026-03-23 08:00")
    found = [
        item.dose for item in told.assess("2026-03-23 09:00").next_dose.premedication if item.agent == "dexamethasone"
    ]
    assert found == [mg]
