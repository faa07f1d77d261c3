"""The picture of a course: what is drawn also stands in words, and nothing is drawn where nothing is known."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from handrail import clock
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from handrail.web.timeline import picture_of, svg

STARTED = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
NOW = STARTED + timedelta(hours=31)
LABEL = load("teclistamab/US/2026-03/mono")
POLICY = load_policy()
NO_CRS = {
    "tmax_c": "38.4", "fever_other": False, "hypotension": False, "pressors": [], "o2": "none", "episode_open": False,
    "masked": False, "premed_masking": False, "hypoxia_other": False, "hypotension_other": False, "died_of_crs": False,
}  # fmt: skip


def history(*events: dict) -> History:
    facts = [{"kind": "course_started", "hours": 0}, *events]
    course = course_from_json(
        {
            "format": "handrail-course/1",
            "id": "00000000-0000-4000-8000-0000000000aa",
            "synthetic": True,
            "product": "teclistamab",
            "jurisdiction": "US",
            "protocol_key": "teclistamab/US/2026-03/mono",
            "time_zone": "America/Chicago",
            "events": [
                {
                    "id": f"00000000-0000-4000-8000-{number:012d}",
                    "at": (STARTED + timedelta(hours=fact["hours"])).isoformat(),
                    **{name: value for name, value in fact.items() if name != "hours"},
                }
                for number, fact in enumerate(facts)
            ],
        }
    )
    return History.build(course, plausible=POLICY.plausible)


DOSE = {"kind": "dose_given", "hours": 1, "step": "step_up_1", "dose_mg": "4.8"}
FEVER = {"kind": "checkin_received", "hours": 27, "temperature_c": "38.4", "symptoms": [], "none_of_these": True}
CRS = {"kind": "crs_assessed", "hours": 28, **NO_CRS}
MEDICINE = {"kind": "medicine_given", "hours": 29, "agent": "acetaminophen", "dose_mg": "650", "purpose": "treatment"}


def test_nothing_known_is_no_picture():
    assert picture_of(history(), LABEL, POLICY, NOW) is None


def test_every_fact_is_drawn_and_said():
    with clock.use(clock.FrozenClock(NOW)):
        picture = picture_of(history(DOSE, FEVER, CRS, MEDICINE), LABEL, POLICY, NOW)
        assert picture is not None
        text = str(svg(picture))
    for words in (
        "step-up dose 1 given Mon 2 Mar 10:00 CST",
        "38.4 °C from home, Tue 3 Mar 12:00 CST",
        "CRS grade 1",
        "acetaminophen",
        "1 temperatures, highest 38.4 °C; 1 doses; 1 graded CRS assessments; 1 medicines.",
    ):
        assert words in text, words
    assert text.count("t-dot fever") == 1
    assert text.count('class="t-window"') == 1


def test_the_drawing_is_well_formed():
    picture = picture_of(history(DOSE, FEVER, CRS, MEDICINE), LABEL, POLICY, NOW)
    ElementTree.fromstring(f"<div>{svg(picture)}</div>")


def test_a_text_of_a_person_is_never_markup():
    picture = picture_of(history(DOSE, {**MEDICINE, "agent": "<script>x"}), LABEL, POLICY, NOW)
    assert "<script>" not in str(svg(picture))


@pytest.mark.parametrize("celsius", ["31.0", "42.9"])
def test_a_reading_beyond_the_axis_stays_inside_the_drawing(celsius: str):
    picture = picture_of(history(DOSE, {**FEVER, "temperature_c": celsius}), LABEL, POLICY, NOW)
    dots = list(ElementTree.fromstring(f"<div>{svg(picture)}</div>").iter("circle"))
    assert all(46 <= float(dot.get("cy")) <= 210 for dot in dots)
    assert f"{celsius} °C" in str(svg(picture))


ICE = {"kind": "ice_assessed", "hours": 20, "total_0_10": 5}
ICANS = {
    "kind": "icans_assessed", "hours": 20, "loc": "alert", "loc_other": False, "seizure": "none", "motor": False, "edema": "none",
    "icp_signs": False, "ich": False,
}  # fmt: skip
AGAIN = {"kind": "dose_given", "hours": 170, "step": "treatment", "dose_mg": "105"}


@pytest.mark.parametrize(("reaction", "windows"), [((), 0), ((ICE, ICANS), 1)], ids=["none", "ICANS grade 2"])
def test_the_window_after_a_reaction_is_drawn_like_that_of_a_step(reaction, windows):
    """A later treatment dose is watched only for a reaction before it, and then the picture says so."""
    told = history({**DOSE, "step": "treatment", "dose_mg": "105"}, *reaction, AGAIN)
    picture = picture_of(told, LABEL, POLICY, NOW + timedelta(hours=150))
    begins = STARTED + timedelta(hours=170)
    assert [window[0] for window in picture.windows] == [begins] * windows
    assert all(window[1] >= begins + timedelta(hours=48) for window in picture.windows)
    assert str(svg(picture)).count('class="t-window"') == windows


def test_a_later_look_moves_the_picture_and_drops_what_is_older_than_four_weeks():
    later = picture_of(history(DOSE, FEVER), LABEL, POLICY, NOW + timedelta(days=40))
    assert later is None


def test_no_temperature_still_shows_the_doses():
    picture = picture_of(history(DOSE), LABEL, POLICY, NOW)
    assert "highest not known °C" in str(svg(picture))
    assert replace(picture, temperatures=()).doses[0].label == "Step-up 1"
    assert picture.fever_c == Decimal("38.0")


def test_a_dose_of_an_unknown_step_has_its_window_drawn_as_it_is_watched():
    picture = picture_of(history({**DOSE, "step": None}), LABEL, POLICY, NOW)
    assert picture is not None and len(picture.windows) == 1
