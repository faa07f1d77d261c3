"""The forms with which staff record what happened: each a list of fields and a function that makes events of them.

A field left alone is absent in the event (never asked); "not known" is null (asked, not known). What was typed is kept when
something is wrong, and each error is one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from handrail.rules.terms import civil_instant, civil_time_trouble, zone_named

SEVERAL: Final = re.compile(r"[\s;&+]+|and|,\s+")
"""Between several numbers in one answer; a comma alone is a decimal comma."""
NOT_KNOWN: Final = "not_known"
YEARS: Final = range(1900, 2200)
"""The years that the rules take; a slip of the pen outside them is asked again."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:[.,][0-9]{1,9})?")
YES_NO: Final = (("yes", "Yes"), ("no", "No"), (NOT_KNOWN, "Not known"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question. `kind`: decimal, decimals, whole, text, lines, choice, choices, yes_no, date, moment. `group` is its heading."""

    name: str
    label: str
    kind: str
    hint: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    required: bool = False
    may_be_unknown: bool = False
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form: its fields, the verb it needs, and the events it makes of the values."""

    key: str
    title: str
    verb: str
    fields: tuple[Field, ...]
    events: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    intro: str = ""


AT: Final = Field(name="at", label="When", kind="moment", required=True, hint="Clock time at the site.")


def one(kind: str) -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """Forms whose values are one event of that kind."""
    return lambda values: [{"kind": kind, **values}]


@dataclass(slots=True)
class Filled:
    """A form with what was typed: values that could be read, and errors by field."""

    form: Form
    typed: dict[str, list[str]]
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Each field as a template shows it."""
        found = []
        group = ""
        for item in self.form.fields:
            typed = self.typed.get(item.name, [item.start] if item.start else [])
            found.append(
                {
                    "field": item,
                    "value": typed[0] if typed else "",
                    "ticked": set(typed),
                    "error": self.errors.get(item.name),
                    "heading": item.group if item.group != group else "",
                }
            )
            group = item.group
        return found


def fill(form: Form, typed: Mapping[str, Sequence[str]], zone: str) -> Filled:
    """Read what was typed; civil times are in `zone`."""
    filled = Filled(form=form, typed={name: list(values) for name, values in typed.items()})
    for item in form.fields:
        texts = [text.strip() for text in filled.typed.get(item.name, []) if text.strip()]
        if not texts:
            if item.required:
                filled.errors[item.name] = _("%(label)s: please answer.") % {"label": item.label}
            continue
        try:
            filled.values[item.name] = _read(item, texts, filled.typed, zone)
        except ValueError as error:
            filled.errors[item.name] = str(error)
    return filled


def _read(item: Field, texts: list[str], typed: Mapping[str, list[str]], zone: str) -> Any:
    text = texts[0]
    if text == NOT_KNOWN and (item.may_be_unknown or item.kind == "yes_no"):
        return None
    if item.kind == "yes_no":
        return text == "yes"
    if item.kind == "choice":
        if text not in {choice[0] for choice in item.choices}:
            raise ValueError(_("%(label)s: choose one of the answers.") % {"label": item.label})
        return text
    if item.kind == "choices":
        return texts
    if item.kind == "decimals":
        return [str(_number(item, part)) for part in SEVERAL.split(text) if part]
    if item.kind in ("decimal", "whole"):
        return _number(item, text)
    if item.kind == "date":
        return _date(item, text).isoformat()
    if item.kind == "moment":
        return _moment(item, text, typed.get(f"{item.name}_which", []), zone)
    return text


def _number(item: Field, text: str) -> str | int:
    if _NUMBER.fullmatch(text) is None:
        if item.unit:
            raise ValueError(_("%(label)s: type a number, in %(unit)s.") % {"label": item.label, "unit": item.unit})
        raise ValueError(_("%(label)s: type a number.") % {"label": item.label})
    number = Decimal(text.replace(",", "."))
    if item.kind == "whole":
        if number != number.to_integral_value():
            raise ValueError(_("%(label)s: type a whole number.") % {"label": item.label})
        return int(number)
    return format(number, "f")


def _date(item: Field, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(_("%(label)s: type a date such as 2026-03-04.") % {"label": item.label}) from error
    if day.year not in YEARS:
        raise ValueError(_("%(label)s: type a date such as 2026-03-04.") % {"label": item.label})
    return day


def _moment(item: Field, text: str, which: list[str], zone: str) -> str:
    """A civil time of the site as an instant; on a clock-change night the person says which of the two is meant."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{item.label}: type a date and time.") from error
    if local.year not in YEARS:
        raise ValueError(f"{item.label}: type a date and time.")
    if local.tzinfo is not None:
        return local.isoformat()
    trouble = civil_time_trouble(local.date(), local.time(), zone)
    if trouble == "does not exist":
        raise ValueError(f"{item.label}: the clock was put forward and this time does not exist; type another.")
    if trouble == "occurs twice":
        if not which or which[0] not in ("first", "second"):
            raise ValueError(f"{item.label}: this time occurs twice that night; choose the first or the second.")
        fold = int(which[0] == "second")
        return local.replace(tzinfo=zone_named(zone), fold=fold).isoformat()
    return civil_instant(local.date(), local.time(), zone).isoformat()


def events_of(filled: Filled, batch: UUID, zone: str) -> list[dict[str, Any]]:
    """The events of a filled form in wire form; ids follow from `batch`, so that sending twice is harmless."""
    when = filled.values.get("at")
    events = filled.form.events({k: v for k, v in filled.values.items() if k != "at"})
    ids = {event["kind"]: str(uuid5(batch, f"{n}:{event['kind']}")) for n, event in enumerate(events)}
    out = []
    for event in events:
        if event.get("ice_event") == "this":
            event = (
                {**event, "ice_event": ids["ice_assessed"]} if "ice_assessed" in ids else _without(event, "ice_event")
            )
        out.append({**event, "id": ids[event["kind"]], "at": when, "zone": zone})
    return out


def _without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != name}


def prefilled(form: Form, starts: Mapping[str, str]) -> Form:
    """The form with starting values for some fields."""
    return replace(form, fields=tuple(replace(f, start=starts.get(f.name, f.start)) for f in form.fields))
