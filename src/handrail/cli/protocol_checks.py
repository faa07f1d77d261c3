"""What `handrail protocols check` asks of a label's numbers: amounts that fit their vials, spans, dates, and caution that grows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from handrail.rules.protocol import TABLES, Protocol
from handrail.rules.protocol_rows import BandRow, GapRow, Row, StepRow, StrengthRow
from handrail.rules.terms import STEP_WORDS, STEPS, Status

REVISION = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")
GRADES = range(1, 6)
SPANS = (
    ("lead_min_minutes", "lead_max_minutes"),
    ("from_week", "to_week"),
    ("from_day", "to_day"),
    ("in_force_from", "in_force_to"),
    ("from_kg", "to_kg"),
    ("hours_at_least", "hours"),
)


def placed(protocol: Protocol) -> Iterator[tuple[str, Row]]:
    """Every row with its place in the file: its table and its id."""
    yield "product", protocol.product
    for table in TABLES:
        for row in getattr(protocol, table):
            yield f"{table}.{row.id}", row


def of_numbers(protocol: Protocol) -> Iterator[str]:
    """Every problem of indications, amounts, spans, dates and order of caution, one sentence each."""
    yield from _indications(protocol)
    yield from _amounts(protocol)
    yield from _bands(protocol)
    yield from _spans(protocol)
    yield from _dates(protocol)
    yield from _bolder(protocol)


# --- whom the label is for -----------------------------------------------------------------------------------------


def _indications(protocol: Protocol) -> Iterator[str]:
    head = protocol.product
    if head.can_start_live and not protocol.indication:
        yield "A label that can start a live course says whom it is for (at indication)."
    elif head.regimen == "mono" and protocol.indication and all(row.with_agents for row in protocol.indication):
        yield "No indication is for this drug alone (at indication)."
    for row in protocol.indication:
        classes = row.prior_classes or ()
        if len(set(classes)) < len(classes):
            yield f"A class stands there twice (at indication.{row.id}.prior_classes)."
        if row.in_force_from is not None and f"{row.in_force_from}"[: len(head.revision)] > head.revision:
            yield f"It begins after the revision that was read (at indication.{row.id}.in_force_from)."


# --- amounts within vials and syringes -----------------------------------------------------------------------------


def _amounts(protocol: Protocol) -> Iterator[str]:
    strengths = {row.id: row for row in protocol.strength}
    for vial in protocol.strength:
        if vial.mg_per_ml * vial.vial_ml != vial.vial_mg:
            yield f"Concentration times volume is not the content of the vial (at strength.{vial.id}.vial_mg)."
    dosed: list[tuple[str, StepRow | BandRow]] = [(f"step.{row.id}", row) for row in protocol.step]
    dosed += [(f"band.{row.id}", row) for row in protocol.band]
    for place, row in dosed:
        if row.mg is not None and row.strength is not None:
            for problem in _amount(protocol, row, strengths[row.strength]):
                yield f"{problem} (at {place})."


def _amount(protocol: Protocol, row: StepRow | BandRow, vial: StrengthRow) -> Iterator[str]:
    assert row.mg is not None
    if row.ml is not None and abs(row.ml * vial.mg_per_ml - row.mg) > _rounding(row.ml) * vial.mg_per_ml + _rounding(
        row.mg
    ):
        yield f"{row.ml} mL of {vial.mg_per_ml} mg/mL are not {row.mg} mg"
    volume = row.mg / vial.mg_per_ml if row.ml is None else row.ml
    if row.vials is not None and volume > row.vials * vial.vial_ml:
        yield f"The volume does not fit into what {row.vials} {_vials(row.vials)} hold"
    if row.vials is not None and volume <= (row.vials - 1) * vial.vial_ml:
        yield f"Fewer vials than {row.vials} hold this volume"
    limit = protocol.product.syringe_limit_ml
    needed = int((volume / vial.vial_ml).to_integral_value(ROUND_CEILING)) if row.vials is None else row.vials
    injections = 1 if limit is None else int((volume / limit).to_integral_value(ROUND_CEILING))
    if injections > needed + 1:
        yield f"The volume needs {injections} injections out of {needed} {_vials(needed)}: is the syringe limit right"


def _rounding(number: Decimal) -> Decimal:
    """Half a unit of the last digit that is written."""
    exponent = number.as_tuple().exponent
    return Decimal(5).scaleb(int(exponent) - 1)


def _vials(number: int) -> str:
    return "vial" if number == 1 else "vials"


def _bands(protocol: Protocol) -> Iterator[str]:
    wanted = {
        *(row.mg_per_kg for row in protocol.step),
        *(row.mg_per_kg for row in protocol.phase_dose),
        *(follow.mg_per_kg for row in protocol.after_toxicity for follow in row.schedule_next),
    }
    for dose in sorted({band.mg_per_kg for band in protocol.band}):
        bands = sorted((b for b in protocol.band if b.mg_per_kg == dose), key=lambda b: b.from_kg)
        if dose not in wanted:
            yield f"No dose of this label is {dose} mg/kg (at band.{bands[0].id}.mg_per_kg)."
        for band in bands:
            slack = _rounding(band.mg) + _rounding(band.ml) * _concentration(protocol, band)
            if not dose * band.from_kg - slack <= band.mg <= dose * (band.to_kg + 1) + slack:
                yield f"{dose} mg/kg is not {band.mg} mg at any weight of the band (at band.{band.id}.mg)."
        for lower, upper in pairwise(bands):
            if upper.from_kg <= lower.to_kg:
                yield f"The weight bands overlap (at band.{upper.id} and band.{lower.id})."
            elif upper.from_kg > lower.to_kg + 1:
                yield f"No weight band holds for {lower.to_kg + 1} kg at {dose} mg/kg (at band.{upper.id}.from_kg)."
            if upper.mg < lower.mg:
                yield f"A heavier patient gets less than in band {lower.id} (at band.{upper.id}.mg)."


def _concentration(protocol: Protocol, band: BandRow) -> Decimal:
    return next(row.mg_per_ml for row in protocol.strength if row.id == band.strength)


# --- spans and dates -----------------------------------------------------------------------------------------------


def _spans(protocol: Protocol) -> Iterator[str]:
    for place, row in placed(protocol):
        for low, high in SPANS:
            start, end = getattr(row, low, None), getattr(row, high, None)
            if start is not None and end is not None and end < start:
                yield f"The row ends before it begins (at {place}.{high})."
        if any(grade not in GRADES for grade in getattr(row, "grades", ())):
            yield f"A grade is 1 to 5 (at {place}.grades)."
    for monitoring in protocol.monitoring:
        if monitoring.then is not None and monitoring.then.hours <= (monitoring.hours or 0):
            yield f"The second place is left before it is reached (at monitoring.{monitoring.id}.then.hours)."
    for schedule in {row.schedule for row in protocol.phase_dose}:
        phases = sorted((row for row in protocol.phase_dose if row.schedule == schedule), key=lambda row: row.from_week)
        for before, after in pairwise(phases):
            if before.to_week is None or after.from_week <= before.to_week:
                yield f"Two doses hold for week {after.from_week} (at phase_dose.{after.id}.from_week)."


def _dates(protocol: Protocol) -> Iterator[str]:
    head = protocol.product
    if not REVISION.fullmatch(head.revision):
        yield "The revision is a year, with its month where the text shows one, such as 2026-03 (at product.revision)."
    if head.active == (head.superseded_by is not None):
        yield "A label is either active or superseded by another (at product.superseded_by)."
    for key, source in protocol.sources.items():
        if source.date is not None and not is_date(source.date):
            yield f"The date is a year, a month or a day, such as 2026-03-31 (at sources.{key}.date)."
    named = {key for key, source in protocol.sources.items() if source.date or source.revision}
    if not any(key in named for row in protocol.rows() if row.acts for key in row.source):
        yield "No row that may act names an edition, a date or a revision, that was read (at sources)."


def is_date(text: str) -> bool:
    """True for a year, a month or a day of the calendar."""
    filled = text + {4: "-01-01", 7: "-01"}.get(len(text), "")
    try:
        return date.fromisoformat(filled).isoformat() == filled
    except ValueError:
        return False


# --- caution that grows with the gap -------------------------------------------------------------------------------


def _bolder(protocol: Protocol) -> Iterator[str]:
    """A longer gap that is answered less cautiously is reported, unless the row says that the label does so."""
    found: dict[str, str] = {}
    for schedule in protocol.schedules:
        for step in protocol.steps_of(schedule):
            for row, before in bolder_rows(protocol.gap_rows(step, schedule)):
                found.setdefault(
                    row.id, f"After {STEP_WORDS[step]}, {schedule.replace('_', ' ')}: bolder than {before.id}"
                )
    for row in protocol.gap:
        if row.id in found and not row.bolder_as_labelled:
            yield f"{found[row.id]}, although the gap is longer (at gap.{row.id})."
        if row.bolder_as_labelled and row.id not in found:
            yield f"No answer to a shorter gap is more cautious (at gap.{row.id}.bolder_as_labelled)."
        if row.bolder_as_labelled and not (row.note and row.status is not Status.UNVERIFIED):
            yield f"A bolder row has a note that says where the label does so (at gap.{row.id}.bolder_as_labelled)."


def bolder_rows(rows: Sequence[GapRow]) -> Iterable[tuple[GapRow, GapRow]]:
    """Rows that give more than one before them did, after the first that gives anything; each with that earlier row.

    Bolder is less withheld, or a dose further up the ladder. Rows that may not act ask, whatever they say, and are passed over.
    """
    acting = [row for row in rows if row.acts]
    first = next((number for number, row in enumerate(acting) if row.action.gives), len(acting))
    for number, row in enumerate(acting[first + 1 :], start=first + 1):
        if not row.action.gives:
            continue
        for before in acting[first:number]:
            if row.action.caution < before.action.caution or _further(row, before):
                yield row, before
                break


def _further(row: GapRow, before: GapRow) -> bool:
    if row.step is None or before.step is None:
        return False
    return before.action.gives and STEPS.index(row.step) > STEPS.index(before.step)
