"""Billing units from the milligrams really given, and the code of a graded reaction: never from a code that nobody has read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from handrail.rules.caredata import Billing, UnitRow
from handrail.rules.caredata import billing as shipped
from handrail.rules.terms import Status, UnusableInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What is billed. `code` None: check the payer's table, `because` says why.

    `units` for the milligrams given (rounded up to whole units), `discarded_units` for what was thrown away, `modifier` JW
    with waste and JZ without.
    """

    code: str | None
    because: str
    units: int | None = None
    discarded_units: int | None = None
    modifier: str | None = None
    row: str | None = None
    status: Status | None = None


def units_of(
    agent_id: str, mg_given: Decimal, on: date, *, mg_opened: Decimal | None = None, data: Billing | None = None
) -> Units:
    """Units for a dose.

    Args:
        agent_id: the id of a row, such as `teclistamab`.
        mg_given: milligrams given, more than 0.
        on: the civil day of the service.
        mg_opened: milligrams in the vials that were opened; None: nothing is said about waste.

    Raises:
        UnusableInput: milligrams that make no sense, or more given than was opened.
    """
    if mg_given <= 0:
        raise UnusableInput("bad_number", "The milligrams given are more than 0.", "mg_given")
    if mg_opened is not None and mg_opened < mg_given:
        raise UnusableInput("bad_number", "More was given than was opened.", "mg_opened")
    row = _row_on(agent_id, on, data or shipped())
    if row is None:
        return Units(code=None, because="no code of that day is known: check the payer's table")
    if row.status is Status.UNVERIFIED:
        because = f"{row.code} was not read: check the payer's table"
        return Units(code=None, because=because, row=row.id, status=row.status)
    units = _whole(mg_given / row.mg)
    discarded = None if mg_opened is None else max(0, int(mg_opened / row.mg) - units)
    return Units(
        code=row.code,
        because=f"{mg_given.normalize():f} mg at {row.mg} mg a unit, rounded up",
        units=units,
        discarded_units=discarded,
        modifier=None if discarded is None else ("JW" if discarded else "JZ"),
        row=row.id,
        status=row.status,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """The code of a reaction. `code` None: a coder decides, `because` says why."""

    code: str | None
    because: str
    row: str | None = None
    status: Status | None = None


def diagnosis_of(
    toxicity: Literal["crs", "icans"], grade: int | None, on: date, *, documented: bool, data: Billing | None = None
) -> Coded:
    """The diagnosis code of CRS or ICANS as a clinician graded it.

    Args:
        toxicity: crs or icans.
        grade: 1 to 5 as documented; None: documented without a grade.
        on: the civil day of the service.
        documented: a clinician documented the reaction and this grade; a computed grade is never coded.
        data: the table; None: the shipped one.
    """
    if not documented:
        because = "a code carries the grade that a clinician documented, not one that was computed"
        return Coded(code=None, because=because)
    rows = [
        row
        for row in (data or shipped()).diagnosis
        if (row.toxicity, row.grade) == (toxicity, grade) and row.since <= on and (row.until is None or on <= row.until)
    ]
    row = max(rows, key=lambda each: each.since, default=None)
    if row is None:
        return Coded(code=None, because="no code of that day is known: ask the coder")
    if row.status is Status.UNVERIFIED:
        because = f"{row.code} was not read: ask the coder"
        return Coded(code=None, because=because, row=row.id, status=row.status)
    return Coded(code=row.code, because=row.words, row=row.id, status=row.status)


def _row_on(agent_id: str, on: date, data: Billing) -> UnitRow | None:
    rows = [
        row for row in data.unit if row.id == agent_id and row.since <= on and (row.until is None or on <= row.until)
    ]
    return max(rows, key=lambda row: row.since, default=None)


def _whole(units: Decimal) -> int:
    return int(units.to_integral_value(rounding=ROUND_CEILING))
