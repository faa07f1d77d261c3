"""Small readers of FHIR JSON: each takes anything and gives a clean value or nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from handrail.fhir.codes import UCUM
from handrail.fhir.record import Coded

LONGEST_TEXT: Final = 300
"""Characters kept of a text: enough for every display met, too few to fill a page."""

MOST_DIGITS: Final = 12
"""Digits kept before and after the point: every measured value fits, and no arithmetic on it grows."""


_JOINERS: Final = "\u200c\u200d"
"""Invisible signs that names in several scripts need."""


def items(value: Any) -> list[Any]:
    """A JSON list, or nothing."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; a `null` that stands beside an extension is passed over."""
    return (item for item in items(value) if isinstance(item, dict))


def text(value: Any) -> str | None:
    """A text without signs that could command a terminal or cannot be stored, cut to length; None when nothing is left."""
    if not isinstance(value, str):
        return None
    kept = "".join(" " if _is_unsafe(sign) else sign for sign in value[: LONGEST_TEXT * 4])
    return " ".join(kept.split())[:LONGEST_TEXT] or None


def _is_unsafe(sign: str) -> bool:
    return sign not in _JOINERS and unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Zl", "Zp")


def codings(concept: Any) -> Iterator[Coded]:
    """The codes of a CodeableConcept; its text alone when it has no code."""
    if not isinstance(concept, dict):
        return
    words = text(concept.get("text")) or ""
    found = False
    for item in objects(concept.get("coding")):
        code = text(item.get("code"))
        if code is not None:
            found = True
            yield Coded(
                system=text(item.get("system")) or "", code=code, display=text(item.get("display")) or words or code
            )
    if not found and words:
        yield Coded(system="", code="", display=words)


def first_coding(concept: Any) -> Coded | None:
    """The first code or the text of a CodeableConcept."""
    return next(codings(concept), None)


def status_code(concept: Any) -> str | None:
    """The code of a status given as a CodeableConcept."""
    found = first_coding(concept)
    return found.code or None if found else None


def number(value: Any) -> Decimal | None:
    """A JSON number with the digits as sent; None for anything else and for numbers that no measurement has."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    if not found.is_finite():
        return None
    exponent = found.as_tuple().exponent
    assert isinstance(exponent, int)
    fits = -MOST_DIGITS * 2 <= exponent <= MOST_DIGITS and found.adjusted() < MOST_DIGITS
    return found if fits else None


def unit_of(quantity: Mapping[str, Any], known: tuple[str, ...]) -> str | None:
    """The UCUM unit of a Quantity when it is one of `known`; None when it is another, in doubt or not given.

    The code counts; where there is none, a unit text that is itself such a code. A text that names another known unit
    than the code makes both doubtful.
    """
    code, words, system = text(quantity.get("code")), text(quantity.get("unit")), text(quantity.get("system"))
    if system not in (None, UCUM):
        return None
    unit = code or words
    if unit not in known or (words in known and words != unit):
        return None
    return unit
