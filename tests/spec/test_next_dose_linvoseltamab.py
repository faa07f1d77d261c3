"""Linvoseltamab in the United States and Europe: the steps on their days; no delay rule was read, and none is borrowed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.amount import amount_for
from handrail.rules.giving import infusion_for
from handrail.rules.protocol import load
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.schedule import early_discharge_finding, monitoring_for, premedication_findings, premedication_for
from handrail.rules.terms import Action, Status
from tests.support.courses import Told, well

US, EU = "linvoseltamab/US/2025-07", "linvoseltamab/EU/2025"
SUD1, SUD2, FTD, TD2, TD = "step_up_1", "step_up_2", "first_treatment", "treatment_2", "treatment"
QW, Q2W, Q4W = "weekly", "every_2_weeks", "every_4_weeks"
HOSPITAL, NONE = ("hospital", 24), ("none_stated", None)
MG = {SUD1: "5", SUD2: "25", FTD: "200", TD2: "200", TD: "200"}

# case, protocol, schedule, last step, given on, visit on, action, step, confirmed?, premedication, monitoring, row
CASES = """
W117|US|QW|SUD1|2026-10-05|2026-10-12|give|SUD2|-|yes|HOSPITAL|SUD1-WINDOW
W119|US|QW|SUD1|2026-10-05|2026-10-10|give|SUD2|confirm|yes|HOSPITAL|SUD1-AHEAD
W121|US|QW|SUD2|2026-10-12|2026-10-19|give|FTD|-|yes|NONE|SUD2-WINDOW
W123|US|QW|TD|2026-10-26|2026-11-02|continue|TD|-|if_crs|NONE|TD-QW-WINDOW
W125|US|Q4W|TD|2027-01-04|2027-02-01|continue|TD|-|if_crs|NONE|TD-Q4W-WINDOW
W126|US|Q2W|TD|2027-01-04|2027-01-18|continue|TD|-|if_crs|NONE|TD-Q2W-WINDOW
"""
# The cases in which no dose goes ahead; the last is the row.
WITHHELD = """
W118|US|QW|SUD1|2026-10-05|2026-10-09|wait|SUD1-EARLY
W120|US|QW|SUD1|2026-10-05|2026-10-13|ask|SUD1-LATE
W122|US|QW|SUD2|2026-10-12|2026-11-02|ask|SUD2-LATE
W124|US|QW|TD|2026-10-26|2026-12-05|ask|TD-QW-LATE
"""
ROWS = [line.split("|") for line in CASES.strip().splitlines()]


def after(key: str, last: str, schedule: str, days: int) -> GapAnswer:
    given = date(2026, 10, 5)
    return redosing(
        load(key), last_step=last, schedule=schedule, last_on=given, today=given + timedelta(days=days), cause=None
    )


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_next_dose(row: list[str]) -> None:
    _, key, schedule, last, given, visit, action, step, confirmed, premedicate, monitoring, row_id = row
    names, protocol = globals(), load(globals()[key])
    assert protocol is load("LIN/US/2025-07")
    answer = redosing(
        protocol,
        last_step=names[last],
        schedule=names[schedule],
        last_on=date.fromisoformat(given),
        today=date.fromisoformat(visit),
        cause="logistics",
    )
    assert (answer.action, answer.step, answer.status) == (Action(action), names[step], Status.SOURCED)
    assert (answer.confirm is not None) is (confirmed == "confirm")
    assert answer.row is not None and answer.row.id == row_id
    assert answer.premedicate == {"yes": "yes", "if_crs": "if_crs_after_last"}[premedicate]
    amount = amount_for(protocol, step=names[step], schedule=names[schedule], weight_kg=None).amount
    assert amount is not None and amount.mg == Decimal(MG[names[step]])
    after_it = monitoring_for(protocol, step=names[step], carried=())
    assert after_it is not None and (after_it.setting, after_it.hours) == names[monitoring]


def test_w118_too_early_names_the_earliest_day() -> None:
    answer = after(US, SUD1, QW, 4)
    assert (answer.action, answer.step, answer.until) == (Action.WAIT, SUD2, date(2026, 10, 10))


@pytest.mark.parametrize("line", WITHHELD.strip().splitlines())
def test_a_delay_is_asked_and_no_other_products_table_is_borrowed(line: str) -> None:
    _, key, schedule, last, given, visit, action, row_id = line.split("|")
    names = globals()
    for protocol in (load(names[key]), load(EU)):
        answer = redosing(
            protocol,
            last_step=names[last],
            schedule=names[schedule],
            last_on=date.fromisoformat(given),
            today=date.fromisoformat(visit),
            cause=None,
        )
        assert answer.row is not None and answer.row.id == row_id
        if answer.action is Action.ASK:
            assert (answer.step, answer.status) == (None, Status.UNVERIFIED)
            assert answer.would_be is not None and answer.would_be.action is Action.ASK
        if protocol.key == US:
            assert answer.action is Action(action)
        else:
            assert answer.action is Action.ASK, "nothing was read of the shortest interval in Europe"


# Last step and schedule: first day of every row and its answer.
EDGES = {
    (US, SUD1, QW): "0 wait SUD2, 5 give SUD2, 8 ask -",
    (US, SUD2, QW): "0 wait FTD, 5 give FTD, 8 ask -",
    (US, FTD, QW): "0 wait TD2, 5 continue TD2, 8 ask -",
    (US, TD2, QW): "0 wait TD, 5 continue TD, 8 ask -",
    (US, TD, QW): "0 wait TD, 5 continue TD, 8 ask -",
    (US, TD, Q2W): "0 ask -, 14 continue TD, 15 ask -",
    (US, TD, Q4W): "0 ask -, 28 continue TD, 29 ask -",
    (EU, SUD1, QW): "0 ask -",
    (EU, SUD2, QW): "0 ask -",
    (EU, FTD, QW): "0 ask -, 7 continue TD2, 8 ask -",
    (EU, TD, QW): "0 ask -, 7 continue TD, 8 ask -",
    (EU, TD, Q2W): "0 ask -, 14 continue TD, 15 ask -",
}


@pytest.mark.parametrize(("place", "words"), EDGES.items(), ids=["-".join(place) for place in EDGES])
def test_every_edge_has_its_own_answer_on_both_sides(place: tuple[str, str, str], words: str) -> None:
    names, said = globals(), ("", "")
    for item in words.split(", "):
        first, action, step = item.split()
        now = (action, names.get(step, ""))
        for day, wanted in ((int(first) - 1, said), (int(first), now)):
            if day >= 0:
                answer = after(*place, day)
                assert (answer.action.value, answer.step or "") == wanted, day
        said = now
    assert (after(*place, 400).action.value, after(*place, 400).step or "") == said


@pytest.mark.parametrize("days", [5, 6, 7])
@pytest.mark.parametrize("last", [SUD1, SUD2, TD])
def test_ahead_of_the_week_the_prescriber_confirms(last: str, days: int) -> None:
    assert (after(US, last, QW, days).confirm is not None) is (days < 7)


# --- Europe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "days", "action", "step"), [(SUD1, 7, "give", SUD2), (SUD2, 7, "give", FTD), (SUD1, 6, "ask", SUD2)]
)
def test_in_europe_the_step_up_was_read_in_the_us_text_only(last: str, days: int, action: str, step: str) -> None:
    answer = after(EU, last, QW, days)
    assert answer.action is Action.ASK and answer.step is None
    assert answer.would_be is not None and (answer.would_be.action, answer.would_be.step) == (Action(action), step)


def test_in_europe_the_first_dose_is_asked_with_the_amount_shown() -> None:
    told = Told(EU)
    well(told, "2026-01-05 08:00")
    dose = told.assess("2026-01-05 09:00").next_dose
    assert (dose.action, dose.step, dose.amount, dose.row) == (Action.ASK, None, None, "STEP-1")
    assert dose.would_be is not None and dose.would_be.amount is not None
    assert (dose.would_be.step, dose.would_be.amount.mg) == (SUD1, Decimal(5))


@pytest.mark.parametrize(("case", "reaction", "dexamethasone"), [("X12", False, "10 mg"), ("X13", True, "40 mg")])
def test_premedication_of_the_second_full_dose_depends_on_the_first(
    case: str, reaction: bool, dexamethasone: str
) -> None:
    agents = premedication_for(load(EU), step=TD2, crs_after_last=reaction, after_delay=False)
    assert [(item.agent.split(",")[0], item.dose) for item in agents] == [
        ("dexamethasone", dexamethasone),
        ("antihistamine", "25 mg of diphenhydramine or equivalent"),
        ("paracetamol", "500 to 1,000 mg"),
    ], case
    assert agents[0].route == "intravenous" and all(item.status is Status.SOURCED for item in agents)
    leads = [(item.lead_min_minutes, item.lead_max_minutes) for item in agents]
    assert leads == [(60, 180), (30, 60), (30, 60)]


@pytest.mark.parametrize("step", [SUD1, SUD2, FTD])
def test_both_step_ups_and_the_first_full_dose_have_40_mg(step: str) -> None:
    for reaction in (False, True):
        agents = premedication_for(load(EU), step=step, crs_after_last=reaction, after_delay=True)
        assert agents[0].dose == "40 mg" and len(agents) == 3


def test_later_doses_have_the_premedication_before_only_after_a_reaction() -> None:
    assert premedication_for(load(EU), step=TD, crs_after_last=False, after_delay=False) == ()
    assert [item.row for item in premedication_for(load(EU), step=TD, crs_after_last=True, after_delay=False)] == [
        "PM-LATER-REACTION"
    ]


@pytest.mark.parametrize(("mg", "said"), [("10", 0), ("40", 0), ("20", 1)])
def test_an_amount_of_either_row_is_not_held_against_the_dose(mg: str, said: int) -> None:
    found = premedication_findings(load(EU), step=TD2, agent="dexamethasone", dose_mg=Decimal(mg), minutes_before=90)
    assert len(found) == said


def test_in_the_us_premedication_is_shown_as_recalled() -> None:
    agents = premedication_for(load(US), step=SUD2, crs_after_last=False, after_delay=False)
    assert len(agents) == 3 and {item.status for item in agents} == {Status.UNVERIFIED}


# X19 counts from the end of the infusion: 14:00 to 13:00 the next day is 23 hours.
@pytest.mark.parametrize(("case", "hours", "warned"), [("X19", "23", True), ("-", "23.9", True), ("-", "24", False)])
def test_x19_near_the_centre_for_24_hours_from_the_end_of_the_infusion(case: str, hours: str, warned: bool) -> None:
    wanted = monitoring_for(load(EU), step=SUD1, carried=())
    assert wanted is not None
    assert (wanted.setting, wanted.hours, wanted.anchor) == ("near_facility", 24, "infusion_end")
    found = early_discharge_finding(load(EU), step=SUD1, hours_observed=Decimal(hours))
    assert (found is not None) is warned, case


def test_in_europe_the_condition_for_later_doses_was_not_found_and_the_stricter_reading_is_shown() -> None:
    for step in (SUD2, FTD, TD2, TD):
        wanted = monitoring_for(load(EU), step=step, carried=())
        assert wanted is not None
        assert (wanted.setting, wanted.hours, wanted.status) == ("near_facility", 24, Status.UNVERIFIED)


@pytest.mark.parametrize(
    ("step", "minutes", "status"), [(SUD1, 240, "sourced"), (SUD2, 240, "unverified"), (TD2, 60, "unverified")]
)
def test_infusion_times_of_the_us_text(step: str, minutes: int, status: str) -> None:
    infusion = infusion_for(load(US), step=step, crs_after_last=False)
    assert infusion is not None and (infusion.minutes, infusion.status.value) == (minutes, status)


# --- longer intervals: weeks, response and a dose count -------------------------------------------------------------


def full_doses(number: int, last: str) -> Told:
    """Steps on Mondays, ten weekly full doses after the first, then every 2 weeks; the last of `number` doses on `last`."""
    end = date.fromisoformat(last)
    days = [0, 7, 14, *(14 + 7 * n for n in range(1, 11)), *(84 + 14 * n for n in range(1, 20))]
    steps = [SUD1, SUD2, FTD, TD2, *[TD] * 30]
    given = list(zip(days, steps, strict=False))[: number + 2]
    begin = end - timedelta(days=given[-1][0])
    told = Told(US)
    for day, step in given:
        if day == 98:
            told.tell("schedule_changed", f"{begin + timedelta(days=97)} 09:00", schedule=Q2W)
        told.dose(step, f"{begin + timedelta(days=day)} 09:00", dose_mg=MG[step])
    return told


def chosen(told: Told, on: str, response: str | None = "VGPR") -> list[str]:
    """What is said of the choice of every 4 weeks."""
    told.tell("schedule_changed", f"{on} 09:00", schedule=Q4W, response=response)
    return [finding.what for finding in told.assess(f"{on} 10:00").findings if finding.what.startswith("Every 4 weeks")]


def test_w125_all_three_conditions_of_every_4_weeks_are_met() -> None:
    told = full_doses(17, "2027-01-04")
    assert chosen(told, "2027-01-05") == []
    well(told, "2027-02-01 08:00")
    dose = told.assess("2027-02-01 09:00").next_dose
    assert (dose.action, dose.step, dose.row) == (Action.CONTINUE, TD, "TD-Q4W-WINDOW")


def test_w126_sixteen_full_doses_are_one_too_few() -> None:
    told = full_doses(16, "2027-01-04")
    well(told, "2027-01-18 08:00")
    dose = told.assess("2027-01-18 09:00").next_dose
    assert (dose.action, dose.step, dose.row) == (Action.CONTINUE, TD, "TD-Q2W-WINDOW")
    assert any("16 of at least 17 doses" in what for what in chosen(told, "2027-01-18"))


@pytest.mark.parametrize(("response", "said"), [("PR", "VGPR or better is needed"), (None, "response is not known")])
def test_the_response_is_asked_for_too(response: str | None, said: str) -> None:
    assert any(said in what for what in chosen(full_doses(17, "2027-01-04"), "2027-01-05", response))


@pytest.mark.parametrize(("number", "said"), [(10, True), (11, False)])
def test_every_2_weeks_comes_after_ten_weekly_doses_that_follow_the_first(number: int, said: bool) -> None:
    told = full_doses(number, "2026-12-07")
    told.tell("schedule_changed", "2026-12-21 09:00", schedule=Q2W)
    found = [finding.what for finding in told.assess("2026-12-21 10:00").findings if "doses have been" in finding.what]
    assert bool(found) is said


def test_after_a_restart_it_is_not_said_which_full_doses_count() -> None:
    told = full_doses(17, "2027-01-04")
    told.dose(SUD1, "2027-06-01 09:00", dose_mg="5")
    assert any("is not settled" in what for what in chosen(told, "2027-06-02"))


@pytest.mark.parametrize("days", [27, 29])
def test_only_on_its_own_day_does_the_longer_interval_begin(days: int) -> None:
    """A day later the delay of the shorter interval counts, and no rule for it was read."""
    told = full_doses(17, "2027-01-04")
    told.tell("schedule_changed", "2027-01-05 09:00", schedule=Q4W, response="VGPR")
    visit = date(2027, 1, 4) + timedelta(days=days)
    well(told, f"{visit} 08:00")
    assert told.assess(f"{visit} 09:00").next_dose.action is Action.ASK
