"""Where and how long each label wants the patient watched, how long an infusion lasts, and when treatment changes or ends."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from handrail.rules.giving import companions_for, infusion_for
from handrail.rules.protocol import load
from handrail.rules.schedule import doses_wanting, early_discharge_finding, monitoring_for, unmet_conditions
from tests.spec.test_label_reactions import ALL
from tests.support.courses import Told, well

# labels | steps | setting | hours, with the fewest that are enough where the label gives a span | then
STAYS = """
TEC-OLD | step_up_1 step_up_2 first_treatment | hospital | 48 | -
TEC TEC-COMBO | step_up_1 step_up_2 | hospital | 48 | -
TEC TEC-COMBO | first_treatment | near_facility | 48 | -
TEC-EU | step_up_1 step_up_2 first_treatment | near_facility | 48 | -
TAL | step_up_1 step_up_2 step_up_3 first_treatment | hospital | 48 | -
TAL-EU | step_up_1 step_up_2 step_up_3 first_treatment | near_facility | 48 | -
ELR ELR-OLD | step_up_1 | hospital | 48 | -
ELR ELR-OLD | step_up_2 | hospital | 24 | -
ELR-EU | step_up_1 step_up_2 | near_facility | 48 | -
LIN | step_up_1 step_up_2 | hospital | 24 | -
LIN-EU | step_up_1 step_up_2 first_treatment treatment_2 treatment | near_facility | 24 | -
EPC-DLBCL | first_treatment | hospital | 24 | -
GLO | step_up_1 step_up_2 | hospital | 24 | -
TAR | step_up_1 first_treatment | observation | 22-24 | near_facility 48
TAR | treatment_2 treatment_3 treatment_4 | observation | 6-8 | -
TAR | treatment_5 treatment_6 treatment_7 treatment_8 | observation | 3-4 | -
TAR | treatment | observation | 2 | -
TEC TEC-OLD TEC-COMBO TEC-EU TAL TAL-EU ELR ELR-OLD ELR-EU | treatment | none_stated | - | -
ELR ELR-OLD ELR-EU LIN EPC-FL EPC-FL-R2 GLO MOS MOS-SC | first_treatment | none_stated | - | -
"""


@pytest.mark.parametrize("line", STAYS.strip().splitlines())
def test_where_and_how_long_the_patient_is_watched(line: str):
    labels, steps, setting, hours, then = (cell.strip() for cell in line.split("|"))
    for label in labels.split():
        for step in steps.split():
            found = monitoring_for(load(ALL[label]), step=step, carried=())
            assert found is not None
            least, _, most = hours.rpartition("-") if hours != "-" else ("", "", "")
            assert (found.setting, found.hours) == (setting, int(most) if most else None), (label, step)
            assert found.hours_at_least == (int(least) if least else None), (label, step)
            assert (f"{found.then.setting} {found.then.hours}" if found.then else "-") == then, (label, step)
            if most:
                enough = Decimal(least or most)
                for observed, early in ((enough, False), (enough - Decimal("0.1"), True)):
                    left = early_discharge_finding(load(ALL[label]), step=step, hours_observed=observed)
                    assert (left is not None) == early, (label, step, observed)


@pytest.mark.parametrize(
    # label | step | CRS with the dose before | minutes | at most so long
    ("label", "step", "crs", "minutes", "up_to"),
    [
        ("LIN", "step_up_1", False, 240, False),
        ("LIN", "step_up_2", False, 240, False),
        ("LIN", "first_treatment", False, 240, False),
        ("LIN", "treatment_2", False, 60, False),
        ("LIN", "treatment", False, 30, False),
        ("LIN-EU", "step_up_1", False, 240, False),
        ("LIN-EU", "step_up_2", False, 240, False),
        ("LIN-EU", "first_treatment", False, 240, False),
        ("LIN-EU", "treatment_2", False, 60, False),
        ("LIN-EU", "treatment", False, 30, False),
        ("GLO", "step_up_1", False, 240, False),
        ("GLO", "step_up_2", True, 480, True),
        ("GLO", "first_treatment", True, 480, True),
        ("GLO", "treatment_2", False, 120, False),
        ("GLO", "treatment", True, 240, True),
        ("MOS", "first_treatment", False, 240, False),
        ("MOS", "treatment_2", False, 120, False),
        ("MOS", "treatment", True, 120, False),
        ("TAR", "step_up_1", False, 60, False),
        ("TAR", "treatment", True, 60, False),
    ],
)
def test_how_long_an_infusion_lasts(label: str, step: str, crs: bool, minutes: int, up_to: bool):
    found = infusion_for(load(ALL[label]), step=step, crs_after_last=crs)
    assert found is not None and (found.minutes, found.up_to) == (minutes, up_to)


@pytest.mark.parametrize(
    # label | step | agent | first and last day after the dose
    ("label", "step", "agent", "days"),
    [
        ("EPC-DLBCL", "treatment_2", "prednisolone or dexamethasone", (1, 3)),
        ("EPC-FL", "step_up_3", "prednisolone or dexamethasone", (1, 3)),
        ("EPC-FL-R2", "first_treatment", "prednisolone or dexamethasone", (1, 3)),
        ("TAR", "step_up_1", "saline", (0, 0)),
    ],
)
def test_what_goes_with_a_dose_and_on_which_days(label: str, step: str, agent: str, days: tuple[int, int]):
    (found,) = companions_for(load(ALL[label]), step=step)
    assert (found.agent, (found.from_day, found.to_day)) == (agent, days)


# --- a longer interval ---------------------------------------------------------------------------------------------

BEGAN = date(2026, 1, 5)


@pytest.mark.parametrize(
    # label | row | response | what is just enough: weeks since the first dose, weeks on the interval, months held, doses
    ("label", "row", "response", "enough"),
    [
        ("TEC", "Q2W", "CR", {"months": 6}),
        ("TEC-OLD", "Q2W", "CR", {"months": 6}),
        ("TEC-EU", "Q2W", "CR", {"months": 6}),
        ("ELR", "Q2W", "PR", {"weeks": 24, "months": 2}),
        ("ELR", "Q4W", "PR", {"on": 24}),
        ("ELR-OLD", "Q2W", "PR", {"weeks": 24, "months": 2}),
        ("ELR-EU", "Q2W", "PR", {"weeks": 24}),
        ("LIN", "Q2W", None, {"weeks": 13, "doses": 10}),
        ("LIN", "Q4W", "VGPR", {"weeks": 24, "doses": 17}),
        ("LIN-EU", "Q2W", None, {"weeks": 13, "doses": 10}),
        ("EPC-DLBCL", "Q2W", None, {"weeks": 12}),
        ("EPC-DLBCL", "Q4W", None, {"weeks": 36}),
        ("EPC-FL", "Q2W", None, {"weeks": 12}),
        ("EPC-FL", "Q4W", None, {"weeks": 36}),
        ("EPC-FL-R2", "Q4W", None, {"weeks": 12}),
    ],
)
def test_what_a_longer_interval_needs_and_one_less_is_not_enough(
    label: str, row: str, response: str | None, enough: dict[str, int]
):
    rule: Any = load(ALL[label]).row(row)

    def unmet(**less: int) -> int:
        has = {name: number - less.get(name, 0) for name, number in enough.items()}
        on = date(2026, 9, 5)
        months = enough.get("months", 0)
        held_since = date(2026, 9 - months, 5) + timedelta(days=less.get("months", 0))
        first = on - timedelta(weeks=enough.get("weeks", 60)) + timedelta(days=less.get("weeks", 0))
        since = on - timedelta(weeks=enough.get("on", 60)) + timedelta(days=less.get("on", 0))
        found = [*unmet_conditions(rule, response, held_since, first, since, on)]
        return len(found) + len(doses_wanting(rule, [*rule.doses_of[:1]] * has.get("doses", 60)))

    assert unmet() == 0
    for name in enough:
        assert unmet(**{name: 1}) == 1, name


def test_talquetamab_in_europe_wants_two_assessments_before_two_weeks():
    rule: Any = load(ALL["TAL-EU"]).row("Q2W")
    (said,) = unmet_conditions(rule, "CR", BEGAN, BEGAN, BEGAN, date(2026, 9, 5))
    assert "at least 2 consecutive assessments" in said


def test_teclistamab_with_daratumumab_goes_by_the_week():
    """1.5 mg/kg weekly in weeks 2 to 8, 3 mg/kg every 2 weeks in weeks 9 to 24, every 4 weeks from week 25 on."""
    phases = [
        (row.schedule, str(row.mg_per_kg), row.from_week, row.to_week) for row in load(ALL["TEC-COMBO"]).phase_dose
    ]
    assert phases == [("weekly", "1.5", 2, 8), ("every_2_weeks", "3", 9, 24), ("every_4_weeks", "3", 25, None)]


@pytest.mark.parametrize("label", ["TEC", "TEC-OLD", "TEC-COMBO", "TEC-EU", "TAL-EU", "ELR", "ELR-OLD", "ELR-EU"])
@pytest.mark.parametrize(("days", "said"), [(27, True), (28, False)])
def test_a_live_vaccine_keeps_four_weeks_from_a_dose(label: str, days: int, said: bool):
    told = Told(ALL[label])
    given = datetime(2026, 3, 2) - timedelta(days=days)
    told.tell(
        "vaccine_noted", "2026-02-01 08:00", vaccine="yellow fever", live=True, given=True, on=f"{given:%Y-%m-%d}"
    )
    well(told, "2026-03-02 08:00")
    found = [f for f in told.assess("2026-03-02 09:00").findings if "yellow fever" in f.what]
    assert bool(found) == said


@pytest.mark.parametrize("label", ["TEC", "TEC-OLD", "TEC-COMBO"])
@pytest.mark.parametrize(("on", "asked"), [("2022-11-07", 0), ("2022-11-08", 3)])
def test_the_rems_of_teclistamab_holds_from_its_day(label: str, on: str, asked: int):
    rows = load(ALL[label]).rems
    day = date.fromisoformat(on)
    assert sum(1 for row in rows if row.in_force_from is None or row.in_force_from <= day) == asked
