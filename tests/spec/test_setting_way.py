"""The way to the receiving hospital: the worst case of the months and the weather, lodging, and the seasonal plan of the site.

A row: what differs from V1 (`tests/support/settings.py`), and what is recommended.
"""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.settings import at, decided, facts, fired, minutes

END_OF_OCTOBER = date(2026, 10, 26)
WAYS = [
    # rows (months, minutes, weather) | the weather expected | recommended from 26 October to 6 November
    ([([10], 20, None), ([11], 70, None)], [], "INPATIENT"),  # the span reaches into November
    ([([10], 20, None), ([11], 60, None)], [], "OUTPATIENT"),
    ([([10], 20, None)], [], None),  # nobody knows November
    ([([10], 61, None)], [], "INPATIENT"),  # October alone is enough
    ([([10, 11], 20, None), ([10, 11], 75, "snow")], ["snow"], "INPATIENT"),
    ([([10, 11], 20, None), ([10, 11], 75, "snow")], ["rain"], "OUTPATIENT"),
    ([([10, 11], 20, None), ([10, 11], 75, "snow")], None, "INPATIENT"),  # nobody foretold it: the worst
    ([([10, 11], 20, "clear"), ([10, 11], 75, "snow")], ["clear"], "OUTPATIENT"),
    ([([10, 11], 20, "clear"), ([10, 11], 75, "snow")], ["clear", "snow"], "INPATIENT"),
    ([([10, 11], 20, "clear")], ["clear", "snow"], None),  # no row for snow
    ([([10, 11], 20, "clear")], ["snow"], None),
    ([([10, 11], 20, "clear")], None, None),
    ([], [], None),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "weather", "recommended"), WAYS)
def test_the_worst_case_of_the_months_and_the_weather(rows, weather, recommended):
    worst = [{"months": months, "minutes": number, "weather": kind} for months, number, kind in rows]
    answer = decided(facts(END_OF_OCTOBER, travel={"worst": worst}, weather_expected=weather))
    # 60 minutes are a consideration, and the one point of it changes nothing
    assert answer.recommendation == recommended


def test_the_weather_of_the_worst_case_is_said():
    worst = [{"months": [7], "minutes": 20}, {"months": [7], "minutes": 75, "weather": "flood"}]
    (reason,) = decided(facts(travel={"worst": worst}, weather_expected=["flood"])).inpatient_reasons
    assert "75 min in July, flood (limit 60 min)" in reason.because


def test_a_window_that_ends_at_midnight_does_not_reach_into_the_next_month():
    first = date(2026, 10, 22)  # day 10 ends with October
    worst = [{"months": [10], "minutes": 20}, {"months": [11], "minutes": 70}]
    assert decided(facts(first, travel={"worst": worst})).recommendation == "OUTPATIENT"
    assert decided(facts(date(2026, 10, 23), travel={"worst": worst})).recommendation == "INPATIENT"


FAR = minutes(75)
LODGINGS = [
    # lodging (from, until, minutes) | the way from home | recommended
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(11, 0), "worst_minutes": 29}, FAR, "OUTPATIENT"),
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(11, 0), "worst_minutes": 61}, FAR, "INPATIENT"),
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(11, 0), "worst_minutes": 61}, minutes(20), "INPATIENT"),
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(11, 0)}, FAR, None),  # how far from there?
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(10, 0), "worst_minutes": 5}, FAR, "INPATIENT"),  # leaves early
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(10, 0), "worst_minutes": 5}, minutes(20), "OUTPATIENT"),
    ({"accepted": True, "from_at": at(1, 9), "until_at": at(10, 0), "worst_minutes": 5}, {}, None),
    ({"accepted": True, "from_at": at(1, 10), "until_at": at(11, 0), "worst_minutes": 5}, FAR, "INPATIENT"),
    ({"accepted": True, "from_at": at(1, 9), "worst_minutes": 5}, FAR, None),  # until when?
    ({"accepted": True, "until_at": at(11, 0), "worst_minutes": 5}, FAR, None),
    ({"accepted": True, "worst_minutes": 5}, minutes(20), "OUTPATIENT"),  # near, from either
    ({"accepted": True, "worst_minutes": 61}, minutes(20), "INPATIENT"),
    ({"worst_minutes": 61, "from_at": at(1, 9), "until_at": at(11, 0)}, FAR, "INPATIENT"),  # too far from either
    ({"worst_minutes": 5, "from_at": at(1, 9), "until_at": at(11, 0)}, FAR, None),
    ({"worst_minutes": 5, "from_at": at(1, 9), "until_at": at(11, 0)}, minutes(20), "OUTPATIENT"),
    ({"accepted": False, "worst_minutes": 5}, FAR, "INPATIENT"),
]  # fmt: skip


@pytest.mark.parametrize(("lodging", "travel", "recommended"), LODGINGS)
def test_lodging_near_the_hospital(lodging, travel, recommended):
    assert decided(facts(lodging=lodging, travel=travel)).recommendation == recommended


def test_lodging_that_is_too_far_or_ends_early_says_so():
    far, early = LODGINGS[1][0], LODGINGS[4][0]
    assert "61 min from the lodging (limit 60 min)" in decided(facts(lodging=far)).inpatient_reasons[0].because
    (reason,) = decided(facts(lodging=early, travel=FAR)).inpatient_reasons
    words = (
        "no lodging from Wed 15 Jul 2026 00:00 CDT to Thu 16 Jul 2026 00:00 CDT (24 h): 75 min in July (limit 60 min)"
    )
    assert words in reason.because


SNOW = {"words": "from November to March nobody goes home", "months": [11, 12, 1, 2, 3]}
SUSPENDED = [
    # the seasonal plan | what is expected | lodging | recommended in November
    ([SNOW], [], {"accepted": False}, "INPATIENT"),
    ([{**SNOW, "months": [12]}], [], {"accepted": False}, "OUTPATIENT"),
    ([{**SNOW, "weather": "snow"}], [], {"accepted": False}, "OUTPATIENT"),
    ([{**SNOW, "weather": "snow"}], ["snow"], {"accepted": False}, "INPATIENT"),
    ([{**SNOW, "weather": "snow"}], None, {"accepted": False}, "INPATIENT"),
    ([{**SNOW, "unless_lodging": True}], [], {"accepted": False}, "INPATIENT"),
    ([{**SNOW, "unless_lodging": True}], [], "lodged", "OUTPATIENT"),
    ([{**SNOW, "unless_lodging": True}], [], "leaves early", "INPATIENT"),
    ([SNOW], [], "lodged", "INPATIENT"),
    ([{**SNOW, "unless_lodging": True}], [], {"accepted": True, "worst_minutes": 5}, None),
    ([{**SNOW, "unless_lodging": True}], [], {"worst_minutes": 5}, None),
    ([{**SNOW, "unless_lodging": True}], [], {"accepted": True, "from_at": at(1, 9, date(2026, 11, 16)), "worst_minutes": 5}, None),
    ([{**SNOW, "months": [12]}, SNOW], [], {"accepted": False}, "INPATIENT"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "weather", "lodging", "recommended"), SUSPENDED)
def test_the_seasonal_plan_of_the_site(rows, weather, lodging, recommended):
    first = date(2026, 11, 16)
    if isinstance(lodging, str):
        until = at(11 if lodging == "lodged" else 10, 0, first)
        lodging = {"accepted": True, "from_at": at(1, 9, first), "until_at": until, "worst_minutes": 5}
    answer = decided(facts(first, site__suspensions=rows, weather_expected=weather, lodging=lodging))
    assert answer.recommendation == recommended
    if recommended == "INPATIENT":
        assert "from November to March nobody goes home" in answer.inpatient_reasons[0].because


def test_a_span_that_only_reaches_into_a_suspended_month_is_suspended():
    answer = decided(facts(END_OF_OCTOBER, site__suspensions=[SNOW]))
    assert (answer.recommendation, fired(answer)) == ("INPATIENT", ["IP-11"])
    turn_of_the_year = decided(facts(date(2026, 12, 28), site__suspensions=[{**SNOW, "months": [1]}]))
    assert fired(turn_of_the_year) == ["IP-11"]
    assert fired(decided(facts(date(2026, 12, 28), site__suspensions=[{**SNOW, "months": [2, 11]}]))) == []
    assert fired(decided(facts(date(2026, 12, 28), site__suspensions=[{**SNOW, "months": [12]}]))) == ["IP-11"]
