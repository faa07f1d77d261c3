"""Nothing but `ask` rests on a row that nobody has verified: every product, schedule, step, day, weight and reaction.

No course is drawn here: the whole grid is gone through, day by day, and then each answer of it as a patient would get it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from handrail.rules import protocol_rows
from handrail.rules.amount import amount_for
from handrail.rules.answer import NextDose
from handrail.rules.grid import LAST_DAY, runs
from handrail.rules.holds import FEVER, FOLLOWED
from handrail.rules.protocol import AfterToxicityRow, Protocol, catalogue, load
from handrail.rules.redosing import redosing
from handrail.rules.terms import Action
from tests.support.courses import Told, well
from tests.support.label_courses import FIRST, on_their_days
from tests.support.reactions import crs, icans, resolved

ALL = pytest.mark.parametrize("protocol", catalogue(), ids=lambda protocol: protocol.key)
WEIGHTS = [Decimal(kg) / 2 for kg in range(60, 340)]


def unread(protocol: Protocol) -> set[str]:
    """The rows that nobody has verified or signed, told from the data and not from what the rules make of it."""
    return {row.id for row in protocol.rows() if row.status.value == "unverified" and row.signed_by is None}


def broken(protocol: Protocol) -> Iterator[str]:
    """Every place of the grid, and every amount, that rests on such a row and is no `ask`."""
    never = unread(protocol)
    for run in runs(protocol):
        place = f"{run.schedule} {run.last_dose} {run.from_day}-{run.to_day} {run.row}"
        if (run.row in never) != (run.status == "unverified"):
            yield f"{place}: its status is another than that of the row"
        if run.row in never and (run.action, run.step, run.then, run.confirm) != ("ask", "", "", ""):
            yield f"{place}: {run.action} {run.step}"
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            for weight in WEIGHTS:
                amount = amount_for(protocol, step=step, schedule=schedule, weight_kg=weight).amount
                if amount is not None and amount.row in never:
                    yield f"{schedule} {step}: {amount.mg} mg at {weight} kg"


@pytest.mark.slow
@ALL
def test_on_no_day_and_at_no_weight(protocol: Protocol):
    assert list(broken(protocol)) == []


def test_a_row_that_acts_unread_would_be_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol_rows.Row, "acts", True)
    found = list(broken(load("teclistamab/EU/2022/mono")))
    assert "weekly step_up_1 8-400 R1: restart step_up_1" in found
    found = list(broken(load("teclistamab/US/2026-03/mono")))
    assert any("4.5 mg at 72 kg" in place for place in found)


@ALL
def test_a_signature_is_what_lets_it_act(protocol: Protocol):
    """The same rows, each signed: the answer is the row's own, so that the grid above was not `ask` for another reason."""
    signed = [replace(row, signed_by="both") for row in protocol.gap if row.id in unread(protocol)]
    for row in signed:
        schedule, last = (row.schedules or protocol.schedules)[0], row.last[0]
        if last not in protocol.steps_of(schedule):
            continue
        only = replace(protocol, _gaps={(last, schedule): (row,)})
        day = FIRST + timedelta(days=row.from_day)
        answer = redosing(only, last_step=last, schedule=schedule, last_on=FIRST, today=day, cause=None)
        assert (answer.action, answer.would_be) == (row.action, None)


# --- the whole answer, as a patient would get it ---------------------------------------------------------------------


def rests_on_what_was_read(protocol: Protocol, dose: NextDose) -> bool:
    """True for `ask`, and for any other answer whose row and amount are read or signed."""
    if dose.action is Action.ASK:
        return dose.step is None and dose.amount is None
    never = unread(protocol)
    amount = dose.amount.row if dose.amount is not None else None
    return dose.row is not None and dose.row not in never and amount not in never


@pytest.mark.slow
@ALL
def test_no_whole_answer_on_the_first_day_of_any_row(protocol: Protocol):
    seen: set[Action] = set()
    for schedule in protocol.schedules:
        for last in protocol.steps_of(schedule):
            told, on = on_their_days(protocol, schedule, last)
            written = list(told.events)
            for row in protocol.gap_rows(last, schedule):
                told.events = list(written)
                visit = on + timedelta(days=min(row.from_day, LAST_DAY))
                if row.from_day:
                    well(told, f"{visit} 10:00")
                dose = told.assess(f"{visit} 11:00").next_dose
                assert rests_on_what_was_read(protocol, dose), (schedule, last, row.id, dose.action, dose.because)
                seen.add(dose.action)
    assert Action.ASK in seen


# --- after a reaction ------------------------------------------------------------------------------------------------


def after(protocol: Protocol, row: AfterToxicityRow) -> NextDose:
    """The answer two days after step-up dose 1 and the reaction of that row, resolved where it is followed as an episode."""
    told = Told(protocol.key, schedule=protocol.schedules[0])
    first = protocol.step_row(protocol.steps_of(protocol.schedules[0])[0], protocol.schedules[0])
    told.dose(first.step, "2026-03-02 09:00", **({"dose_mg": str(first.mg)} if first.mg is not None else {}))
    well(told, "2026-03-09 08:00")
    if row.analyte is not None:
        value = str(row.below - Decimal("0.1")) if row.below is not None else str(row.up_to)
        if row.together_with is not None:
            named = row.toxicity if row.together_with == FEVER else row.together_with  # a fever withholds by itself
            told.tell("condition_noted", "2026-03-09 08:20", what=named, active=True)
        told.tell("lab_resulted", "2026-03-09 08:30", code=row.analyte, value=value, unit=row.unit)
    elif row.toxicity in ("crs", "icans"):
        grade, tell = min(row.grades[0], 4), {"crs": crs, "icans": icans}[row.toxicity]
        tell(told, "2026-03-03 02:00", grade)
        if row.min_hours is not None:
            tell(told, "2026-03-06 02:00", grade)
        tell(told, "2026-03-06 03:00" if row.min_hours is not None else "2026-03-03 20:00", 0)
        resolved(told, row.toxicity, "2026-03-06 04:00")
        well(told, "2026-03-09 08:30")
    else:
        grade_of = {"grade": row.grades[0]} if row.grades else {}
        told.tell("condition_noted", "2026-03-03 08:30", what=row.toxicity, active=True, **grade_of)
        if row.toxicity in FOLLOWED:
            told.tell("condition_noted", "2026-03-04 08:30", what=row.toxicity, active=False)
    return told.assess("2026-03-09 09:00").next_dose


@ALL
def test_no_answer_after_a_reaction_rests_on_a_row_that_nobody_has_read(protocol: Protocol):
    never = unread(protocol)
    rows = [row for row in protocol.after_toxicity if row.id in never and row.occurrence != "recurrent"]
    for row in rows:
        if row.toxicity == "infection" and row.action == "withhold":
            continue  # an active infection withholds by itself, whatever a label says of it
        dose = after(protocol, row)
        assert (dose.action, dose.step, dose.amount) == (Action.ASK, None, None), (row.id, dose.because)


def test_a_reaction_row_that_acts_unread_would_be_found(monkeypatch: pytest.MonkeyPatch):
    protocol = load("teclistamab/US/2026-03/mono")
    [row] = [row for row in protocol.after_toxicity if row.id == "CRS-1"]
    assert after(protocol, row).action is Action.ASK
    monkeypatch.setattr(protocol_rows.Row, "acts", True)
    assert after(protocol, row).action is not Action.ASK
