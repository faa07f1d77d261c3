"""A made-up ninth product is one TOML file and one table: copied into the folder of protocols, it answers.

`ninth.toml` uses whatever a label may need that multiple myeloma's do not: another drug first, infusions, watching that
moves on, medicines on the days after, rest after CRS, an end of treatment. No Python stands here but what reads the tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from handrail.cli.protocols import check
from handrail.rules import protocol as protocols
from handrail.rules.answer import Assessment
from handrail.rules.terms import say_instant
from tests.support.courses import CHICAGO, Told, instant, well

KEY = "exemplimab/US/2026-11"
FILE = Path(__file__).with_name("ninth.toml")


@pytest.fixture(autouse=True, scope="module")
def _in_the_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folder of protocols holds this one file: that is all it takes."""
    folder = tmp_path_factory.mktemp("products")
    shutil.copy(FILE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocols, "FOLDER", folder)
        forget()
        yield
    forget()


def forget() -> None:
    """Read the folder anew."""
    protocols.catalogue.cache_clear()
    protocols._named.cache_clear()


SHORT = {
    "PRE": "pretreatment",
    "SUD1": "step_up_1",
    "SUD2": "step_up_2",
    "SUD3": "step_up_3",
    "FTD": "first_treatment",
    "TD2": "treatment_2",
    "TD": "treatment",
    "-": None,
}
USUAL = [("PRE", 7), ("SUD1", 7), ("SUD2", 7), ("SUD3", 7), ("FTD", 21), ("TD2", 21), ("TD", 21), ("TD", 21)]
MG = {"PRE": "500", "SUD1": "1", "SUD2": "4", "SUD3": "16", "FTD": "50", "TD2": "50", "TD": "30"}

# The table. Last dose (the doses before it on their usual days), days since it, action, step, mg, row.
TABLE = """
-    |  0 | give     | PRE  | 500 | STEP-PRE
PRE  |  4 | wait     | SUD1 | -   | UP-EARLY
PRE  |  5 | give     | SUD1 | 1   | UP-AHEAD
PRE  |  7 | give     | SUD1 | 1   | UP
PRE  | 14 | give     | SUD1 | 1   | UP
PRE  | 15 | repeat   | PRE  | 500 | PRE-AGAIN
SUD1 |  4 | wait     | SUD2 | -   | UP-EARLY
SUD1 |  6 | give     | SUD2 | 4   | UP-AHEAD
SUD1 |  7 | give     | SUD2 | 4   | UP
SUD1 | 14 | give     | SUD2 | 4   | UP
SUD1 | 15 | restart  | SUD1 | 1   | UP-AGAIN
SUD1 | 28 | restart  | SUD1 | 1   | UP-AGAIN
SUD1 | 29 | restart  | PRE  | 500 | UP-START
SUD2 |  7 | give     | SUD3 | 16  | UP
SUD3 |  7 | give     | FTD  | 50  | UP
SUD3 | 15 | restart  | SUD1 | 1   | UP-AGAIN
FTD  | 20 | ask      | -    | -   | Q3W-EARLY
FTD  | 21 | continue | TD2  | 50  | Q3W
FTD  | 42 | continue | TD2  | 50  | Q3W
FTD  | 43 | restart  | PRE  | 500 | LATE
TD2  | 21 | continue | TD   | 30  | Q3W
TD   | 21 | continue | TD   | 30  | Q3W
TD   | 43 | restart  | PRE  | 500 | LATE
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
BEGIN = datetime(2026, 1, 5, 9)


class Course:
    """A course of the made-up product, dose after dose on the usual days."""

    def __init__(self, last: str = "-", times: int = 1) -> None:
        self.told, self.at = Told(KEY, schedule="every_3_weeks"), BEGIN
        names = [name for name, _ in USUAL]
        order = names[: names.index(last) + 1] if last != "-" else []
        order += ["TD"] * (times - 1)
        for number, name in enumerate(order):
            step = SHORT[name]
            assert step is not None
            self.told.dose(step, self.on(), dose_mg=MG[name])
            if number + 1 < len(order):
                self.at += timedelta(days=dict(USUAL)[name])

    def on(self, days: float = 0) -> str:
        return f"{self.at + timedelta(days=days):%Y-%m-%d %H:%M}"

    def crs(self, grade: int, hours: int) -> None:
        """CRS some hours after the last dose, over four hours later."""
        device = ["none", "none", "nasal_cannula"][grade]
        self.told.tell(
            "crs_assessed",
            self.on(hours / 24),
            tmax_c="38.5",
            fever_other=False,
            hypotension=False,
            hypotension_other=False,
            pressors=[],
            o2=device,
            flow_l_per_min="2" if grade == 2 else "0",
            hypoxia_other=False,
        )
        self.told.tell("toxicity_resolved", self.on((hours + 4) / 24), toxicity="crs", confirmed_by="hematologist")

    def after(self, days: float) -> Assessment:
        """The answer at a visit that many days later at which everything is known and normal."""
        well(self.told, self.on(days - 0.05))
        return self.told.assess(self.on(days))


def test_the_file_alone_has_no_problem() -> None:
    assert check([FILE]) == []


@pytest.mark.parametrize(("last", "days", "action", "step", "mg", "row"), ROWS)
def test_the_table(last: str, days: str, action: str, step: str, mg: str, row: str) -> None:
    dose = Course(last).after(int(days)).next_dose
    assert (dose.action.value, dose.step, dose.row) == (action, SHORT[step], row)
    assert str(dose.amount.mg if dose.amount else "-") == mg


def test_the_dates_are_read_off_the_rows() -> None:
    course = Course("SUD1")
    dose, last = course.after(1).next_dose, course.at.date()
    days = [dose.earliest_on, dose.due_on, dose.usual_until, dose.give_by, dose.restart_if_after]
    assert [(day - last).days for day in days if isinstance(day, date)] == [5, 7, 14, 14, 28]


def test_the_table_is_followed_without_a_word_about_a_departure() -> None:
    answer = Course("TD").after(21)
    assert [finding.what for finding in answer.findings if "differs" in finding.what] == []


@pytest.mark.parametrize(
    ("last", "crs", "agents", "minutes", "up_to"),
    [
        ("PRE", 0, ["20 mg"], 240, False),
        ("SUD1", 0, ["20 mg"], 240, False),
        ("SUD1", 2, ["20 mg"], 480, True),
        ("FTD", 0, ["10 mg"], 60, False),
        ("FTD", 2, ["20 mg"], 60, False),
        ("TD2", 0, [], 60, False),
    ],
)
def test_what_goes_before_and_how_long_it_runs(
    last: str, crs: int, agents: list[str], minutes: int, up_to: bool
) -> None:
    course = Course(last)
    if crs:
        course.crs(crs, 8)
    dose = course.after(dict(USUAL)[last]).next_dose
    assert [item.dose for item in dose.premedication] == agents
    assert all((item.lead_min_minutes, item.lead_max_minutes) == (60, None) for item in dose.premedication)
    assert dose.infusion is not None
    assert (dose.infusion.minutes, dose.infusion.up_to) == (minutes, up_to)


def test_an_infusion_reaction_counts_as_a_reaction() -> None:
    course = Course("FTD")
    course.told.tell("condition_noted", course.on(0.1), what="infusion reaction", active=True)
    assert [item.dose for item in course.after(21).next_dose.premedication] == ["20 mg"]


def test_what_goes_with_the_dose_and_on_the_days_after() -> None:
    dose = Course("SUD2").after(7).next_dose
    given = [(item.agent, item.from_day, item.to_day, item.status.value) for item in dose.companions]
    assert given == [("sodium chloride 0.9%", 0, 0, "sourced"), ("prednisolone", 1, 3, "unverified")]
    assert Course("FTD").after(21).next_dose.companions == ()


def test_watching_has_a_span_a_second_place_and_its_own_anchor() -> None:
    watch = Course("PRE").after(7).next_dose.monitoring
    assert watch is not None and watch.then is not None
    assert (watch.setting, watch.hours_at_least, watch.hours, watch.anchor) == ("observation", 22, 24, "infusion_start")
    assert (watch.then.setting, watch.then.hours) == ("near_facility", 48)


def test_after_crs_the_stricter_of_the_two_is_asked_for() -> None:
    course = Course("SUD3")
    course.crs(2, 8)
    watch = course.after(7).next_dose.monitoring
    assert watch is not None and (watch.setting, watch.hours) == ("hospital", 24)


@pytest.mark.parametrize(("hours", "action"), [(72, "hold"), (92, "give"), (91, "hold")])
def test_the_next_dose_rests_until_crs_has_been_over_long_enough(hours: int, action: str) -> None:
    """CRS over at hour 76 after the dose: the label's 72 hours end at hour 148; the visit is on day 6, at hour `hours + 56`."""
    course = Course("SUD1")
    course.crs(1, 72)
    answer = course.after((hours + 56) / 24)
    assert answer.next_dose.action.value == action
    if action == "hold":
        assert answer.next_dose.because.endswith(f"not before {say_instant(instant(course.on(148 / 24)), CHICAGO)}")


@pytest.mark.parametrize(
    ("times", "response", "action"),
    [
        (2, None, "continue"),
        (3, "PR", "continue"),
        (3, "CR", "ask"),
        (3, None, "ask"),
        (4, "PR", "continue"),
        (5, "PR", "ask"),
    ],
)
def test_treatment_ends_where_the_label_ends_it(times: int, response: str | None, action: str) -> None:
    """FTD and treatment dose 2, then that many further doses."""
    course = Course("TD", times)
    if response:
        course.told.tell("response_assessed", course.on(1), response=response)
    dose = course.after(21).next_dose
    assert dose.action.value == action
    assert dose.withheld is (action == "ask")


@pytest.mark.parametrize(("times", "due"), [(1, False), (2, True)])
def test_the_longer_interval_counts_doses(times: int, due: bool) -> None:
    course = Course("TD", times)
    course.told.tell("schedule_changed", course.on(1), schedule="every_6_weeks", response="PR")
    said = [finding.what for finding in course.after(2).findings if "not yet what this label asks for" in finding.what]
    assert bool(said) is not due
    assert course.after(42).next_dose.action.value == "continue"
