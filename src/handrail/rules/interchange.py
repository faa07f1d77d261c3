"""Which tocilizumab may be given for which: what the label said on a day, and what an exchange needs.

Emergency treatment uses whatever is on the shelf: nothing here ever delays it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from handrail.rules.caredata import Care, Form, LabelRow, tocilizumab
from handrail.rules.terms import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAnswer:
    """What a label said about CRS on a day: `says` is `ask` when no row of that day was verified."""

    says: Literal["crs", "no_crs", "ask"]
    because: str
    row: str | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeAnswer:
    """Whether one product may stand in for another. `needs` names what must be there first."""

    allowed: bool
    because: str
    needs: str | None = None


def label_on(product: str, form: Form, day: date, care: Care | None = None) -> LabelAnswer:
    """What the label of a product and form said about CRS on that day.

    Args:
        product: an id of the care data, such as `tyenne`.
        form: iv or sc.
        day: the civil day.
        care: the care data; None: the shipped ones.
    """
    rows = (care or tocilizumab()).label
    known = [row for row in rows if (row.product, row.form) == (product, form) and row.since <= day]
    latest: LabelRow | None = max(known, key=lambda row: row.since, default=None)
    if latest is None:
        return LabelAnswer(says="ask", because="nothing is known about this product and form on that day")
    if latest.status is Status.UNVERIFIED or latest.says == "check":
        because = f"{latest.words}; not verified: check the label"
        return LabelAnswer(says="ask", because=because, row=latest.id, status=latest.status)
    return LabelAnswer(
        says="crs" if latest.says == "crs" else "no_crs", because=latest.words, row=latest.id, status=latest.status
    )


def exchange(
    ordered: tuple[str, Form],
    offered: tuple[str, Form],
    *,
    emergency: bool,
    protocol_signed: bool,
    care: Care | None = None,
) -> ExchangeAnswer:
    """Whether the offered product may be given for the ordered one, milligram for milligram.

    Args:
        ordered, offered: product id and form.
        emergency: rescue treatment of CRS now.
        protocol_signed: the site's therapeutic interchange protocol is signed.
    """
    listed = {(row.id, form) for row in (care or tocilizumab()).product for form in row.forms}
    if offered not in listed:
        return ExchangeAnswer(allowed=False, because="this product and form is not known here: ask the pharmacist")
    if offered == ordered:
        return ExchangeAnswer(allowed=True, because="it is the product that was ordered")
    if ordered[1] == "iv" and offered[1] == "sc":
        return ExchangeAnswer(allowed=False, because="a subcutaneous product never stands in for an intravenous one")
    if ordered[1] != offered[1]:
        return ExchangeAnswer(allowed=False, because="the forms differ: ask the prescriber")
    if emergency:
        return ExchangeAnswer(
            allowed=True, because="rescue treatment uses what is on the shelf, milligram for milligram"
        )
    if not protocol_signed:
        needs = "the site's signed therapeutic interchange protocol, or a new order"
        return ExchangeAnswer(allowed=False, because="another product than the one ordered", needs=needs)
    return ExchangeAnswer(allowed=True, because="the site's interchange protocol, milligram for milligram")
