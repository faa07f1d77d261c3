"""The events of a setting in one plain sentence each, instants as they were written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from handrail.rules.setting_case import FACT_WORDS
from handrail.rules.setting_facts import MONTHS, Dated, Paper, Suspension
from handrail.rules.terms import say_date, step_words

Body = Any
Nulls = frozenset[str]
NOT_KNOWN: Final = "not known"

_NOTED_WORDS: Final = {
    "site_level": "level of the site",
    "level_paper": "the level of the site holds",
    "hospital_agreement": "agreement with the receiving hospital",
    "payer_inpatient_steps": "doses that the payer pays in hospital only",
    "payer_waiver": "the payer's waiver",
    "payer_policy": "the payer's policy",
}


def _calendar(body: Body, _nulls: Nulls) -> str:
    if body.doses is None:
        return NOT_KNOWN
    return "; ".join(f"{step_words(dose.step)} {_instant(dose.at)}" for dose in body.doses) or "no dose"


def _roster(body: Body, _nulls: Nulls) -> str:
    if body.hours is None:
        return NOT_KNOWN
    spans = (f"{_plainly(each.who)} {_instant(each.from_at)} to {_instant(each.until_at)}" for each in body.hours)
    return "; ".join(spans) or "nobody"


def _way(body: Body, nulls: Nulls) -> str:
    worst = [
        f"{row.minutes} min in {', '.join(MONTHS[month - 1] for month in row.months if 1 <= month <= len(MONTHS))}"
        f"{f' in {row.weather}' if row.weather else ''}"
        for row in body.worst or ()
    ]
    parts = ["worst case " + (", ".join(worst) or NOT_KNOWN)]
    for name, words in (("typical_minutes", "typical"), ("night_minutes", "at night")):
        if getattr(body, name) is not None or name in nulls:
            parts.append(f"{words} {_minutes(getattr(body, name))}")
    parts += [f"to {body.to}"] if body.to else []
    parts += [f"told by {body.told_by}"] if body.told_by else []
    parts += [f"as of {say_date(body.as_of)}"] if body.as_of else []
    return "; ".join(parts)


def _lodging(body: Body, _nulls: Nulls) -> str:
    if body.accepted is not True:
        return "not accepted" if body.accepted is False else "not known whether accepted"
    from_at = _instant(body.from_at) if body.from_at else NOT_KNOWN
    until_at = _instant(body.until_at) if body.until_at else NOT_KNOWN
    return f"accepted; from {from_at}; until {until_at}; {_minutes(body.worst_minutes)} from the hospital"


def _noted(body: Body, nulls: Nulls) -> str:
    return "; ".join(_answers(body, nulls)) or "nothing answered"


def _answers(body: Body, nulls: Nulls) -> Iterator[str]:
    for item in fields(body):
        value = getattr(body, item.name)
        if value is not None or item.name in nulls:
            words = _NOTED_WORDS.get(item.name) or FACT_WORDS.get(item.name) or _plainly(item.name)
            yield f"{words}: {_said(value)}"


def _decided(body: Body, nulls: Nulls) -> str:
    parts = [body.recommendation.lower() if body.recommendation else NOT_KNOWN]
    parts += [f"for {step_words(body.step)}"] if body.step or "step" in nulls else []
    parts += [f"on {say_date(body.on)}"] if body.on else []
    parts += [f"until {_instant(body.valid_until)}"] if body.valid_until else []
    parts += [f"the rules recommended {body.advised.lower()}"] if body.advised else []
    return "; ".join([*parts, *([body.because] if body.because else [])])


def _said(value: Any) -> str:
    if value is None:
        return NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Dated):
        day = f" on {say_date(value.on)}" if value.on else ""
        return f"{_said(value.happened)}{day}"
    if isinstance(value, Paper):
        until = f" until {say_date(value.until)}" if value.until else ", without an end" if value.no_end else ""
        return f"{_said(value.held)}{until}"
    if isinstance(value, tuple):
        return ", ".join(each.words if isinstance(each, Suspension) else _plainly(each) for each in value) or "none"
    return str(value)


def _plainly(word: str) -> str:
    return word.replace("_", " ")


def _minutes(number: int | None) -> str:
    return f"{number} min" if number is not None else f"minutes {NOT_KNOWN}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="minutes")


SETTING_TELLERS: Final[Mapping[str, Callable[[Body, Nulls], str]]] = {
    "step_up_planned": _calendar,
    "caregivers_rostered": _roster,
    "travel_noted": _way,
    "lodging_noted": _lodging,
    "setting_facts_noted": _noted,
    "setting_decided": _decided,
}
"""How each kind is told."""
