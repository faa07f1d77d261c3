"""Four T-cell engagers for other diseases, as data only: one table a product, both sides of every boundary.

What was recalled and not read is `ask` with the row's words beside it, written here as `ask(action step)`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from handrail.rules.amount import amount_for
from handrail.rules.answer import NextDose
from handrail.rules.giving import companions_for, infusion_for
from handrail.rules.protocol import load, newest_active
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.schedule import early_discharge_finding, premedication_for
from handrail.rules.terms import STEPS, Action, Status, UnusableInput
from tests.support.courses import Told, well

SHORT = {"PRE": "pretreatment", "FTD": "first_treatment", "TD": "treatment"}
SHORT |= {f"SUD{n}": f"step_up_{n}" for n in (1, 2, 3)} | {f"TD{n}": f"treatment_{n}" for n in range(2, 9)}
SAID = {step: name for name, step in SHORT.items()}
SCHEDULE = {"Q1W": "weekly", "Q2W": "every_2_weeks", "Q3W": "every_3_weeks", "Q4W": "every_4_weeks"}

# Every step with its milligrams, in the label's order.
STEPS_OF = {
    "epcoritamab/US/2024-07/dlbcl": "SUD1 0.16, SUD2 0.8, FTD 48, TD2 48, TD 48",
    "epcoritamab/US/2025-11/fl": "SUD1 0.16, SUD2 0.8, SUD3 3, FTD 48, TD 48",
    "epcoritamab/US/2025-11/fl-r2": "SUD1 0.16, SUD2 0.8, SUD3 3, FTD 48, TD 48",
    "glofitamab/US/2023-06": "PRE 1000, SUD1 2.5, SUD2 10, FTD 30, TD2 30, TD 30",
    "mosunetuzumab/US/2022-12/iv": "SUD1 1, SUD2 2, FTD 60, TD2 60, TD 30",
    "mosunetuzumab/US/2025-12/sc": "SUD1 ask(5), FTD ask(45), TD2 ask(45), TD ask(45)",
    "tarlatamab/US/2025-11": "SUD1 1, FTD 10, TD2 10, TD3 10, TD4 10, TD5 10, TD6 10, TD7 10, TD8 10, TD 10",
}

# Key and schedule, last step: first day of every row and its answer.
TABLES = """
epcoritamab/US/2024-07/dlbcl Q1W
SUD1 | 0 ask, 7 give SUD2, 9 restart SUD1
SUD2 | 0 ask, 7 give FTD, 8 give FTD, 15 restart SUD1
FTD  | 0 ask, 7 continue TD2, 8 give TD2, 43 restart SUD1
TD2  | 0 ask, 7 continue TD, 8 give TD, 43 restart SUD1
TD   | 0 ask, 7 continue TD, 8 give TD, 43 restart SUD1
epcoritamab/US/2024-07/dlbcl Q2W
TD   | 0 ask, 14 continue TD, 15 give TD, 43 restart SUD1
epcoritamab/US/2024-07/dlbcl Q4W
TD   | 0 ask, 28 continue TD, 29 give TD, 43 restart SUD1
epcoritamab/US/2025-11/fl Q1W
SUD1 | 0 ask, 7 give SUD2, 9 restart SUD1
SUD2 | 0 ask, 7 give SUD3, 8 ask(give SUD3), 15 ask(restart SUD1)
SUD3 | 0 ask, 7 give FTD, 8 ask(give FTD), 15 ask(restart SUD1)
FTD  | 0 ask, 7 continue TD, 8 give TD, 43 restart SUD1
epcoritamab/US/2025-11/fl Q2W
TD   | 0 ask, 14 continue TD, 15 give TD, 43 restart SUD1
epcoritamab/US/2025-11/fl-r2 Q1W
SUD3 | 0 ask, 7 give FTD, 8 ask(give FTD), 15 ask(restart SUD1)
TD   | 0 ask, 7 continue TD, 8 give TD, 43 restart SUD1
epcoritamab/US/2025-11/fl-r2 Q4W
TD   | 0 ask, 28 continue TD, 29 give TD, 43 restart SUD1
glofitamab/US/2023-06 Q3W
PRE  | 0 ask, 7 give SUD1, 8 ask(give SUD1), 15 ask(repeat PRE)
SUD1 | 0 ask, 7 give SUD2, 8 ask, 14 ask(repeat SUD1), 43 ask(restart PRE)
SUD2 | 0 ask, 7 give FTD, 8 ask, 14 ask(repeat SUD2), 43 ask(restart PRE)
FTD  | 0 ask, 21 continue TD2, 22 ask
TD   | 0 ask, 21 continue TD, 22 ask
mosunetuzumab/US/2022-12/iv Q3W
SUD1 | 0 ask, 7 give SUD2, 8 ask(give SUD2), 15 ask(repeat SUD1)
SUD2 | 0 ask, 7 give FTD, 8 ask(give FTD), 15 ask(repeat SUD2), 42 ask(restart SUD1)
FTD  | 0 ask, 7 give TD2, 8 ask(give TD2), 42 ask(restart SUD1)
TD2  | 0 ask, 21 continue TD, 22 ask(continue TD), 42 ask(restart SUD1)
TD   | 0 ask, 21 continue TD, 22 ask(continue TD), 42 ask(restart SUD1)
mosunetuzumab/US/2025-12/sc Q3W
SUD1 | 0 ask, 7 ask(give FTD), 8 ask
FTD  | 0 ask, 7 ask(give TD2), 8 ask
TD2  | 0 ask, 21 ask(continue TD), 22 ask
TD   | 0 ask, 21 ask(continue TD), 22 ask
tarlatamab/US/2025-11 Q2W
SUD1 | 0 ask, 7 give FTD, 8 ask(give FTD), 15 ask(repeat SUD1)
FTD  | 0 ask, 7 give TD2, 8 ask(give TD2), 22 ask(restart SUD1)
TD2  | 0 ask, 14 continue TD3, 15 ask(continue TD3), 29 ask(restart SUD1)
TD8  | 0 ask, 14 continue TD, 15 ask(continue TD), 29 ask(restart SUD1)
TD   | 0 ask, 14 continue TD, 15 ask(continue TD), 29 ask(restart SUD1)
"""


def edges() -> list[tuple[str, str, str, str]]:
    found, key, schedule = [], "", ""
    for line in TABLES.strip().splitlines():
        if "|" in line:
            last, words = line.split("|")
            found.append((key, schedule, last.strip(), words.strip()))
        else:
            key, schedule = line.split()
    return found


EDGES = edges()


def after(key: str, schedule: str, last: str, days: int) -> GapAnswer:
    given = date(2026, 1, 5)
    return redosing(
        load(key),
        last_step=SHORT[last],
        schedule=SCHEDULE[schedule],
        last_on=given,
        today=given + timedelta(days=days),
        cause=None,
    )


def said(answer: GapAnswer) -> str:
    """`give SUD2`, `ask`, or `ask(give SUD2)` for what an unverified row says."""
    would = answer.would_be
    if would is not None and would.action is not None and would.action is not Action.ASK:
        assert answer.action is Action.ASK and would.step is not None
        return f"ask({would.action.value} {SAID[would.step]})"
    if answer.action is Action.ASK:
        return "ask"
    assert answer.step is not None and answer.status is not Status.UNVERIFIED
    return f"{answer.action.value} {SAID[answer.step]}"


@pytest.mark.parametrize(("key", "words"), STEPS_OF.items(), ids=STEPS_OF)
def test_the_steps_and_their_amounts(key: str, words: str) -> None:
    protocol = load(key)
    for schedule in protocol.schedules:
        found = []
        for step in protocol.steps_of(schedule):
            answer = amount_for(protocol, step=step, schedule=schedule, weight_kg=None)
            mg = answer.amount.mg if answer.amount else f"ask({answer.would_be.mg})" if answer.would_be else "ask"
            found.append(f"{SAID[step]} {mg}")
        assert ", ".join(found) == words
    steps = [STEPS.index(step) for step in protocol.steps_of(protocol.schedules[0])]
    assert steps == sorted(steps), "the names stand in their order"


@pytest.mark.parametrize(("key", "schedule", "last", "words"), EDGES, ids=[" ".join(edge[:3]) for edge in EDGES])
def test_every_edge_has_its_own_answer_on_both_sides(key: str, schedule: str, last: str, words: str) -> None:
    before = ""
    for item in words.split(", "):
        first, now = item.split(" ", 1)
        for day, wanted in ((int(first) - 1, before), (int(first), now)):
            if day >= 0:
                assert said(after(key, schedule, last, day)) == wanted, day
        before = now
    assert said(after(key, schedule, last, 400)) == before


def test_every_product_has_its_tables_here() -> None:
    names = {"epcoritamab", "glofitamab", "mosunetuzumab", "tarlatamab"}
    assert {key.split("/")[0] for key in STEPS_OF} == names
    assert {edge[0] for edge in EDGES} == set(STEPS_OF)
    assert not any(load(key).product.can_start_live for key in STEPS_OF)


# --- whole courses ---------------------------------------------------------------------------------------------------

DLBCL, FL, FL_R2 = "epcoritamab/US/2024-07/dlbcl", "epcoritamab/US/2025-11/fl", "epcoritamab/US/2025-11/fl-r2"
TARLA, GLOFIT = "tarlatamab/US/2025-11", "glofitamab/US/2023-06"
MOSUN = "mosunetuzumab/US/2022-12/iv"
GAPS = {
    FL: ("weekly", [("SUD1", 7), ("SUD2", 7), ("SUD3", 7), ("FTD", 7), ("TD", 7)]),
    FL_R2: ("weekly", [("SUD1", 7), ("SUD2", 7), ("SUD3", 7), ("FTD", 7), ("TD", 7)]),
    DLBCL: ("weekly", [("SUD1", 7), ("SUD2", 7), ("FTD", 7), ("TD2", 7), ("TD", 7)]),
    TARLA: ("every_2_weeks", [("SUD1", 7), ("FTD", 7), *((f"TD{n}", 14) for n in range(2, 9)), ("TD", 14)]),
    GLOFIT: ("every_3_weeks", [("PRE", 7), ("SUD1", 7), ("SUD2", 7), ("FTD", 21), ("TD2", 21), ("TD", 21)]),
    MOSUN: ("every_3_weeks", [("SUD1", 7), ("SUD2", 7), ("FTD", 7), ("TD2", 21), ("TD", 21)]),
}


def next_dose(key: str, last: str, days: int, *, times: int = 1, response: str | None = None) -> NextDose:
    """The answer some days after a step, every dose before it on its day, `times` doses of the last step."""
    schedule, order = GAPS[key]
    told, at = Told(key, schedule=schedule), date(2026, 1, 5)
    names = [name for name, _ in order]
    taken = [*names[: names.index(last) + 1], *[last] * (times - 1)]
    for number, name in enumerate(taken):
        row = load(key).step_row(SHORT[name], schedule)
        told.dose(SHORT[name], f"{at} 10:00", dose_mg=str(row.mg))
        at += timedelta(days=dict(order)[name] if number + 1 < len(taken) else days)
    if response is not None:
        told.tell("response_assessed", f"{at - timedelta(days=1)} 10:00", response=response)
    well(told, f"{at} 09:00")
    answer = told.assess(f"{at} 10:00")
    assert [finding.what for finding in answer.findings if "differs" in finding.what] == []
    return answer.next_dose


# case, protocol, last step, days since it, action, step, mg, row
CASES = """
X46|DLBCL|SUD2|15|restart|SUD1|0.16|S2-RESTART
X47|DLBCL|SUD2|14|give|FTD|48|S2-LATE
X48|DLBCL|TD|42|give|TD|48|Q1W-LATE
X48|DLBCL|TD|43|restart|SUD1|0.16|TD-RESTART
X49|DLBCL|SUD1|8|give|SUD2|0.8|S1-WINDOW
X49|DLBCL|SUD1|9|restart|SUD1|0.16|S1-RESTART
"""


@pytest.mark.parametrize("line", CASES.strip().splitlines())
def test_epcoritamab_repeats_the_whole_of_cycle_1(line: str) -> None:
    _, key, last, days, action, step, mg, row = line.split("|")
    dose = next_dose(globals()[key], last, int(days))
    assert (dose.action.value, dose.step, dose.row) == (action, SHORT[step], row)
    assert dose.amount is not None and dose.amount.mg == Decimal(mg)


def test_follicular_lymphoma_has_a_third_step_up_dose() -> None:
    dose = next_dose(FL, "SUD3", 7)
    assert (dose.action, dose.step, dose.row) == (Action.GIVE, "first_treatment", "S3-WINDOW")


@pytest.mark.parametrize(("times", "action"), [(16, "continue"), (17, "ask")])
def test_with_lenalidomide_and_rituximab_treatment_ends_after_12_cycles(times: int, action: str) -> None:
    """Day 22 of cycle 1, and then that many: eighteen doses of 48 mg in all."""
    assert next_dose(FL_R2, "TD", 7, times=times).action.value == action
    assert next_dose(FL, "TD", 7, times=times).action.value == "continue", "alone it has no end"


def test_x50_tarlatamab_is_watched_from_the_start_of_the_infusion_and_then_nearby() -> None:
    watch = next_dose(TARLA, "SUD1", 7).monitoring
    assert watch is not None and watch.then is not None
    assert (watch.setting, watch.hours_at_least, watch.hours, watch.anchor) == ("observation", 22, 24, "infusion_start")
    assert (watch.then.setting, watch.then.hours) == ("near_facility", 48)
    assert early_discharge_finding(load(TARLA), step=SHORT["FTD"], hours_observed=Decimal("21.9")) is not None
    assert early_discharge_finding(load(TARLA), step=SHORT["FTD"], hours_observed=Decimal(22)) is None


@pytest.mark.parametrize(
    ("last", "hours"),
    [("FTD", (6, 8)), ("TD2", (6, 8)), ("TD3", (6, 8)), ("TD4", (3, 4)), ("TD7", (3, 4)), ("TD8", (None, 2))],
)
def test_watching_grows_shorter_with_each_cycle(last: str, hours: tuple[int | None, int]) -> None:
    watch = next_dose(TARLA, last, dict(GAPS[TARLA][1])[last]).monitoring
    assert watch is not None and (watch.hours_at_least, watch.hours) == hours


@pytest.mark.parametrize(("grade", "action"), [(2, "give"), (1, "ask")])
def test_after_grade_2_the_next_dose_is_watched_long_and_of_other_grades_nothing_was_read(
    grade: int, action: str
) -> None:
    told = Told(TARLA, schedule="every_2_weeks")
    for step, on, mg in (("step_up_1", "2026-01-05", "1"), ("first_treatment", "2026-01-12", "10")):
        told.dose(step, f"{on} 10:00", dose_mg=mg)
    told.tell(
        "crs_assessed",
        "2026-01-13 10:00",
        tmax_c="38.5",
        fever_other=False,
        hypotension=False,
        hypotension_other=False,
        pressors=[],
        o2="nasal_cannula" if grade == 2 else "none",
        flow_l_per_min="2" if grade == 2 else "0",
        hypoxia_other=False,
    )
    told.tell("toxicity_resolved", "2026-01-14 10:00", toxicity="crs", confirmed_by="oncologist")
    well(told, "2026-01-19 09:00")
    dose = told.assess("2026-01-19 10:00").next_dose
    assert dose.action.value == action
    assert grade != 2 or (
        dose.monitoring is not None and (dose.monitoring.setting, dose.monitoring.hours) == ("observation", 24)
    )


def test_what_goes_with_the_doses_of_cycle_1() -> None:
    tarlatamab, epcoritamab = load(TARLA), load(DLBCL)
    for name, wanted in (("SUD1", True), ("FTD", True), ("TD2", True), ("TD3", False)):
        step = SHORT[name]
        assert bool(companions_for(tarlatamab, step=step)) is wanted
        assert bool(premedication_for(tarlatamab, step=step, crs_after_last=False, after_delay=False)) is wanted
    days = [(item.from_day, item.to_day, item.status) for item in companions_for(epcoritamab, step=SHORT["TD2"])]
    assert days == [(1, 3, Status.UNVERIFIED)]
    assert companions_for(epcoritamab, step=SHORT["TD"]) == ()


def test_glofitamab_begins_with_another_drug_and_its_delay_goes_back_to_it() -> None:
    told = Told(GLOFIT, schedule="every_3_weeks")
    well(told, "2026-01-05 09:00")
    dose = told.assess("2026-01-05 10:00").next_dose
    assert (dose.action, dose.step) == (Action.GIVE, "pretreatment")
    assert dose.amount is not None and "obinutuzumab" in dose.amount.basis
    assert load(GLOFIT).step_row("pretreatment", "every_3_weeks").agent == "obinutuzumab"
    assert next_dose(GLOFIT, "PRE", 7).step == "step_up_1"


@pytest.mark.parametrize(
    ("step", "crs", "minutes"),
    [("SUD1", False, 240), ("SUD2", True, 480), ("FTD", True, 480), ("TD2", False, 120), ("TD2", True, 240)],
)
def test_glofitamab_runs_slower_after_crs(step: str, crs: bool, minutes: int) -> None:
    infusion = infusion_for(load(GLOFIT), step=SHORT[step], crs_after_last=crs)
    assert infusion is not None and infusion.minutes == minutes


@pytest.mark.parametrize(("hours", "action", "words"), [(71, "hold", "72 h"), (72, "ask", "not found")])
def test_glofitamab_rests_72_hours_after_crs_and_then_is_still_asked(hours: int, action: str, words: str) -> None:
    told = Told(GLOFIT, schedule="every_3_weeks")
    told.dose("pretreatment", "2026-01-05 10:00", dose_mg="1000")
    told.dose("step_up_1", "2026-01-12 10:00", dose_mg="2.5")
    told.tell("crs_assessed", "2026-01-16 06:00", tmax_c="38.5", fever_other=False, hypotension=False,
              hypotension_other=False, pressors=[], o2="none", flow_l_per_min="0", hypoxia_other=False)  # fmt: skip
    told.tell("toxicity_resolved", "2026-01-16 10:00", toxicity="crs", confirmed_by="oncologist")
    on = date(2026, 1, 19)
    well(told, f"{on} 08:30")
    dose = told.assess(f"{on} {'09:59' if hours == 71 else '10:00'}").next_dose
    assert dose.action.value == action and words in dose.because


@pytest.mark.parametrize(("times", "action"), [(8, "continue"), (9, "ask")])
def test_glofitamab_ends_after_12_cycles(times: int, action: str) -> None:
    """Cycles 2 and 3, and then that many: eleven doses of 30 mg in all."""
    assert next_dose(GLOFIT, "TD", 21, times=times).action.value == action


@pytest.mark.parametrize(
    ("times", "response", "action"),
    [
        (5, "CR", "continue"),
        (6, "CR", "ask"),
        (6, None, "ask"),
        (6, "PR", "continue"),
        (6, "SD", "continue"),
        (5, "PD", "continue"),
        (5, "VGPR", "continue"),
        (6, "PD", "ask"),
        (6, "VGPR", "ask"),
        (14, "PR", "continue"),
        (15, "PR", "ask"),
    ],
)
def test_mosunetuzumab_ends_after_8_cycles_or_17_by_the_response(times: int, response: str | None, action: str) -> None:
    """Day 15 of cycle 1, day 1 of cycle 2, and then that many."""
    assert next_dose(MOSUN, "TD", 21, times=times, response=response).action.value == action


@pytest.mark.parametrize(("last", "mg"), [("SUD2", "60"), ("FTD", "60"), ("TD2", "30"), ("TD", "30")])
def test_mosunetuzumab_goes_down_from_60_to_30_in_cycle_3(last: str, mg: str) -> None:
    dose = next_dose(MOSUN, last, dict(GAPS[MOSUN][1])[last])
    assert dose.amount is not None and dose.amount.mg == Decimal(mg)


@pytest.mark.parametrize("product", ["epcoritamab", "mosunetuzumab"])
def test_which_regimen_is_never_guessed(product: str) -> None:
    with pytest.raises(UnusableInput) as refused:
        newest_active(product, "US")
    assert refused.value.code == "several_regimens"
