"""How many milligrams: a flat dose as the label gives it, or the weight band's own row; never mg/kg times weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from handrail.rules.answer import Amount, Finding
from handrail.rules.protocol import BandRow, Protocol, StepRow
from handrail.rules.terms import STEP_WORDS, Missing, Status, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountAnswer:
    """The amount, or None with the reason; an unverified band stands in `would_be`."""

    amount: Amount | None
    because: str
    would_be: Amount | None = None
    cannot_say: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VialsAnswer:
    """Why the vials differ from the protocol, or None; `finding` when different concentrations were mixed."""

    differs: str | None
    finding: Finding | None = None


def amount_for(protocol: Protocol, *, step: str, schedule: str, weight_kg: Decimal | None) -> AmountAnswer:
    """The amount of a step.

    Args:
        protocol: the label revision.
        step: the step to be given; schedule: the interval in force.
        weight_kg: actual body weight in kg, None when not known; read only where the dose goes by weight.
    """
    row = protocol.step_row(step, schedule)
    if row.mg is not None and row.acts:
        return AmountAnswer(amount=_flat(protocol, row, row.mg), because=f"flat dose: {row.words}")
    if row.mg is not None:
        because = f"the amount of {STEP_WORDS[step]} is not verified: ask the prescriber"
        missing = Missing(missing="amount", why_it_matters=because)
        shown = _flat(protocol, row, row.mg)
        return AmountAnswer(amount=None, because=because, would_be=shown, cannot_say=(missing,))
    assert row.mg_per_kg is not None
    if weight_kg is None:
        missing = Missing(missing="weight_kg", why_it_matters="the label gives the amount by weight band")
        return AmountAnswer(amount=None, because="the weight is not known: ask the prescriber", cannot_say=(missing,))
    bands = [band for band in protocol.band if band.mg_per_kg == row.mg_per_kg]
    if not bands:
        return AmountAnswer(amount=None, because=f"no weight table for {row.mg_per_kg} mg/kg was found")
    band = next((b for b in bands if b.from_kg <= weight_kg <= b.to_kg), None)
    if band is None:
        return AmountAnswer(amount=None, because=_outside(bands, weight_kg))
    amount = _band(protocol, band)
    if band.acts:
        return AmountAnswer(amount=amount, because=f"weight band {band.from_kg}-{band.to_kg} kg")
    because = f"the weight band {band.from_kg}-{band.to_kg} kg is not verified: ask the prescriber"
    missing = Missing(missing="amount", why_it_matters=because)
    return AmountAnswer(amount=None, because=because, would_be=amount, cannot_say=(missing,))


def _outside(bands: list[BandRow], weight_kg: Decimal) -> str:
    lowest, highest = min(b.from_kg for b in bands), max(b.to_kg for b in bands)
    if lowest <= weight_kg <= highest:
        return "the weight lies between two whole-kilogram bands: the site's written rounding rule decides"
    return f"the weight is outside the label's bands ({lowest}-{highest} kg): ask the prescriber"


def _flat(protocol: Protocol, row: StepRow, mg: Decimal) -> Amount:
    return Amount(
        mg=mg,
        ml=row.ml,
        vials=row.vials,
        syringes=_syringes(protocol, row.ml),
        basis=f"flat {row.words}",
        row=row.id,
        status=row.status,
    )


def _band(protocol: Protocol, band: BandRow) -> Amount:
    return Amount(
        mg=band.mg,
        ml=band.ml,
        vials=band.vials,
        syringes=_syringes(protocol, band.ml),
        basis=f"weight band {band.from_kg}-{band.to_kg} kg, {band.mg_per_kg} mg/kg, {_strength_words(protocol, band)}"
        + (f"; row signed by {band.signed_by}" if band.signed_by else ""),
        row=band.id,
        status=band.status,
    )


def _strength_words(protocol: Protocol, band: BandRow) -> str:
    strength = next(row for row in protocol.strength if row.id == band.strength)
    return f"{strength.mg_per_ml} mg/mL"


def _syringes(protocol: Protocol, ml: Decimal | None) -> int | None:
    """How many equal injections a volume needs under the label's limit for one."""
    limit = protocol.product.syringe_limit_ml
    if ml is None:
        return None
    return 1 if limit is None else int((ml / limit).to_integral_value(ROUND_CEILING))


def check_given(
    protocol: Protocol,
    *,
    step: str,
    schedule: str,
    dose_mg: Decimal | None,
    dose_mg_per_kg: Decimal | None,
    weight_kg: Decimal | None,
) -> str | None:
    """Why a given amount differs from the protocol, or None. An amount that is not known is not judged here.

    An unverified band may tighten: an amount that differs from it is reported, although the band could not permit one.
    """
    row = protocol.step_row(step, schedule)
    words = STEP_WORDS[step]
    if row.mg is not None:
        if dose_mg is not None and dose_mg != row.mg:
            return f"{words} is {row.mg} mg in this label, another amount was given"
        return None
    if dose_mg_per_kg is not None and dose_mg_per_kg != row.mg_per_kg:
        return f"{words} is {row.mg_per_kg} mg/kg in this label, another dose was given"
    if dose_mg is None or weight_kg is None:
        return None
    answer = amount_for(protocol, step=step, schedule=schedule, weight_kg=weight_kg)
    band = answer.amount or answer.would_be
    if band is not None and band.mg != dose_mg:
        note = "" if answer.amount is not None else " (a row not verified)"
        return f"the weight band's row for {words} names another amount{note}"
    return None


def mixing_refused(protocol: Protocol, strengths: tuple[str, ...]) -> Finding | None:
    """A dose made from vials of different concentrations; `strengths` are the ids of their rows."""
    if len({_mg_per_ml(protocol, strength) for strength in strengths}) < 2:
        return None
    row = protocol.row(strengths[0])
    return Finding(
        rule="amount",
        what="One dose is never made from vials of different concentrations",
        urgency=Urgency.NOW,
        owner="pharmacist",
        because=row.words,
        source=protocol.source_of(row),
    )


def _mg_per_ml(protocol: Protocol, strength: str) -> Decimal:
    return next(row.mg_per_ml for row in protocol.strength if row.id == strength)


def vials_of(protocol: Protocol, step: str, schedule: str, mg_per_ml: tuple[Decimal, ...]) -> VialsAnswer:
    """Why the vials of a given dose differ from the protocol.

    Args:
        protocol: the label revision.
        step: the step that was given; schedule: the interval in force.
        mg_per_ml: the concentration of every vial that the dose was made from.
    """
    if not protocol.strength:
        return VialsAnswer(differs=None)
    known = {row.mg_per_ml: row.id for row in reversed(protocol.strength)}
    strange = sorted({value for value in mg_per_ml if value not in known})
    if strange:
        return VialsAnswer(differs=f"this label has no vial of {strange[0]} mg/mL")
    mixed = mixing_refused(protocol, tuple(known[value] for value in mg_per_ml))
    if mixed is not None:
        return VialsAnswer(differs="one dose was made from vials of different concentrations", finding=mixed)
    strength = protocol.step_row(step, schedule).strength
    if strength is None:
        return VialsAnswer(differs=None)
    wanted = _mg_per_ml(protocol, strength)
    if mg_per_ml and mg_per_ml[0] != wanted:
        return VialsAnswer(differs=f"{STEP_WORDS[step]} is made from vials of {wanted} mg/mL in this label")
    return VialsAnswer(differs=None)


def unverified(amount: Amount) -> bool:
    """True when the amount may be shown and not acted on."""
    return amount.status is Status.UNVERIFIED


def split(amount: Amount) -> Amount:
    """The share of one syringe of an amount that needs several, in mL; the amount itself when one is enough."""
    if amount.ml is None or amount.syringes is None or amount.syringes < 2:
        return amount
    return replace(amount, ml=amount.ml / amount.syringes)
