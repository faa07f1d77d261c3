"""Days and hours on their limit: months of every length, the days on which an answer changes, and the stricter of two stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from handrail.rules.answer import Monitoring
from handrail.rules.pinned import protocol_for
from handrail.rules.protocol import load
from handrail.rules.schedule import dose_dates, monitoring_for, months_later, premedication_findings
from handrail.rules.terms import Status
from tests.spec.test_label_reactions import ALL
from tests.spec.test_overlays import document
from tests.support.courses import Told, instant

LAST = date(2026, 3, 2)


@pytest.mark.parametrize(
    # from | months | the same day of the later month, or its last day
    ("day", "months", "later"),
    [
        ("2026-01-05", 2, "2026-03-05"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-08-30", 6, "2024-02-29"),
        ("2026-08-29", 6, "2027-02-28"),
        ("2026-08-28", 6, "2027-02-28"),
        ("2026-10-31", 8, "2027-06-30"),
        ("2026-10-30", 8, "2027-06-30"),
        ("2026-06-30", 6, "2026-12-30"),
        ("2026-11-15", 1, "2026-12-15"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-07-01", 6, "2027-01-01"),
    ],
)
def test_months_are_counted_by_the_calendar(day: str, months: int, later: str):
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(later)


@pytest.mark.parametrize(
    # label | schedule | last step | days after it on which the answer changes (29: benefit and risk are weighed from then on)
    ("label", "schedule", "last", "days"),
    [
        ("TEC", "weekly", "step_up_1", [2, 5, 8, 29]),
        ("TEC", "weekly", "treatment", [7, 29, 57]),
        ("TEC", "every_2_weeks", "treatment", [14, 29, 64, 113]),
        ("ELR-OLD", "weekly", "treatment", [6, 8, 43, 85]),
        ("TAL-EU", "every_2_weeks", "step_up_3", [2, 3, 8, 36, 57]),
    ],
)
def test_the_days_on_which_the_answer_changes(label: str, schedule: str, last: str, days: list[int]):
    dates = dose_dates(load(ALL[label]), last_step=last, schedule=schedule, last_on=LAST)
    assert [(day - LAST).days for day in dates.change_days] == days


@pytest.mark.parametrize(
    # label | schedule | last step | earliest, usual until, last day without repeat or restart, last day before step-up dose 1
    ("label", "schedule", "last", "days"),
    [
        ("TAL", "weekly", "step_up_1", (2, 4, None, None)),  # U1 is not verified: no last day is named
        ("TAL-EU", "weekly", "step_up_1", (2, 4, 7, 7)),
        ("TAL-EU", "weekly", "step_up_2", (2, 4, 7, 28)),
        ("TAL-EU", "weekly", "treatment", (7, 35, 35, None)),  # E6 is not verified
        ("TEC-EU", "weekly", "step_up_2", (2, 7, None, None)),
        ("ELR-OLD", "every_2_weeks", "treatment", (14, 14, 42, 84)),
        ("TEC-COMBO", "every_4_weeks", "treatment", (28, 63, 63, 112)),
        ("TEC-COMBO", "weekly", "step_up_2", (None, None, None, 28)),  # when it may be given is not verified
        ("LIN", "weekly", "step_up_1", (5, 7, None, None)),
        ("EPC-DLBCL", "weekly", "step_up_1", (7, 8, 8, 8)),
    ],
)
def test_the_last_days_of_other_labels(label: str, schedule: str, last: str, days: tuple[int | None, ...]):
    dates = dose_dates(load(ALL[label]), last_step=last, schedule=schedule, last_on=LAST)
    found = (dates.earliest_on, dates.usual_until, dates.give_by, dates.restart_if_after)
    assert tuple((day - LAST).days if day else None for day in found) == days


@pytest.mark.parametrize(
    # signed by the organisation | last day without repeat or restart, last day before step-up dose 1
    ("signed", "days"),
    [
        ((), (None, None)),
        (("R2",), (7, None)),
        (("R3",), (None, None)),  # R2, on which nobody may act, stands before it
        (("R2", "R3"), (7, 28)),
    ],
)
def test_a_row_on_which_nobody_may_act_leaves_the_last_day_open(signed: tuple[str, ...], days: tuple[int | None, ...]):
    told = Told(ALL["TEC-EU"], overlays=[document(*signed, key=ALL["TEC-EU"])])
    label = protocol_for(told.history(), instant("2026-03-02 09:00"))
    dates = dose_dates(label, last_step="step_up_2", schedule="weekly", last_on=LAST)
    assert tuple((day - LAST).days if day else None for day in (dates.give_by, dates.restart_if_after)) == days


def stay(setting: str, hours: int | None, because: str = "after CRS") -> Monitoring:
    return Monitoring(
        setting=setting, hours=hours, anchor="administration", row=because, status=Status.SOURCED, because=because
    )


@pytest.mark.parametrize(
    # what earlier reactions ask for | where, how long, by which row
    ("carried", "setting", "hours", "row"),
    [
        ([], "none_stated", None, "MON-4"),
        ([stay("hospital", None, "A"), stay("hospital", 1, "B")], "hospital", 1, "B"),
        ([stay("hospital", 24, "A"), stay("near_facility", 48, "B")], "hospital", 48, "A"),
        ([stay("near_facility", 48, "A"), stay("observation", 24, "B")], "observation", 48, "B"),
    ],
)
def test_the_stricter_of_two_stays(carried: list[Monitoring], setting: str, hours: int | None, row: str):
    found = monitoring_for(load(ALL["TEC"]), step="treatment", carried=carried)
    assert found is not None and (found.setting, found.hours, found.row) == (setting, hours, row)


@pytest.mark.parametrize(
    # hours in hospital after an earlier reaction | near the centre after that until hour 48
    ("hours", "then"),
    [(47, True), (48, False), (72, False)],
)
def test_a_second_place_matters_only_after_the_first_is_left(hours: int, then: bool):
    found = monitoring_for(load(ALL["TAR"]), step="step_up_1", carried=[stay("hospital", hours)])
    assert found is not None and (found.then is not None) == then


def test_a_second_place_without_hours_in_the_first_counts_from_the_beginning():
    protocol = load(ALL["TAR"])
    row: Any = protocol.row("MON-1")
    alone = replace(row, hours=None, hours_at_least=None, then=replace(row.then, hours=1))
    found = monitoring_for(replace(protocol, monitoring=(alone,)), step="step_up_1", carried=())
    assert found is not None and found.then is not None and found.then.hours == 1


@pytest.mark.parametrize(("last", "on"), [(LAST, "2026-03-02"), (LAST + timedelta(days=1), "2026-03-03")])
def test_a_row_that_begins_on_the_first_day_is_a_day_of_change(last: date, on: str):
    protocol = load(ALL["TEC"])
    rows = protocol.gap_rows("step_up_1", "weekly")
    early, window = replace(rows[0], to_day=0), replace(rows[1], from_day=1)
    table = {("step_up_1", "weekly"): (early, window, *rows[2:])}
    dates = dose_dates(replace(protocol, _gaps=table), last_step="step_up_1", schedule="weekly", last_on=last)
    assert dates.change_days[0] == date.fromisoformat(on) + timedelta(days=1)


def test_an_agent_that_the_label_does_not_name_is_not_judged():
    assert (
        premedication_findings(load(ALL["TEC"]), step="step_up_1", agent="ibuprofen", dose_mg=None, minutes_before=5)
        == ()
    )


def test_a_repeat_on_one_day_only_is_not_its_own_day_before():
    """Nothing was given before it, so that no last day to give can be named."""
    protocol = load(ALL["TEC"])
    early, repeat, restart = (protocol.row(name) for name in ("SUD2-EARLY", "R2", "R3"))
    one_day: Any = (replace(early, to_day=6), replace(repeat, from_day=7, to_day=7), replace(restart, from_day=8))
    table = {("step_up_2", "weekly"): one_day}
    dates = dose_dates(replace(protocol, _gaps=table), last_step="step_up_2", schedule="weekly", last_on=LAST)
    assert (dates.give_by, dates.restart_if_after) == (None, LAST + timedelta(days=7))
