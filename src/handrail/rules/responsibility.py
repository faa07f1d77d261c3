"""Who answers for what, as data: the shipped matrix of tasks, and the agreement that organisations make of it and sign.

A row of `accountable` holds at every hour, unless it names days, hours or a phase. Hours are civil hours of the agreement's time zone:
a span that ends before it starts runs into the next morning and belongs to the day on which it began. A holiday counts as a Sunday.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from handrail.rules.strict import ProtocolDataError, read_table
from handrail.rules.terms import Status, UnusableInput, day_start, zone_named

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "responsibility"
TEMPLATE_FORMAT: Final = "handrail-responsibility/1"
AGREEMENT_FORMAT: Final = "handrail-agreement/1"
PAIR, ALONE = "hub-and-community", "independent-practice"

Holidays = tuple[date, ...]
"""Days on which the clinic is closed, by the rota."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DUTIES: Final = ("first_on_call", "second_on_call", "attending", "nurse", "site_manager", "director")
"""Steps of the rota: as what the person on duty for a task is found."""
DOSING_SITE: Final = "dosing_site"
"""Instead of a party: the site that gave the dose while its window lasts, then whoever has accepted the patient."""
FIRST: Final = {PAIR: "hub", ALONE: "practice"}
"""The party that owns an agreement and proposes it."""
SECOND: Final = {PAIR: "community"}
"""The party that it is made with."""
MINUTES_OF_A_DAY: Final = 24 * 60


class Phase(StrEnum):
    """Whether the community has accepted the patient: until then the sender is responsible."""

    BEFORE = "before_handoff"
    AFTER = "after_handoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One party answers for a task: always, or on some days, in some hours, in one phase."""

    party: str
    role: str
    duty: str = "first_on_call"
    phase: Phase | None = None
    days: tuple[Day, ...] = ()
    starts: str | None = None
    ends: str | None = None

    def holds(self, local: datetime, phase: Phase | None, holidays: Holidays = ()) -> bool:
        """Whether the rule holds at a civil time of the agreement's zone."""
        if self.phase is not None and phase is not None and self.phase is not phase:
            return False
        return in_hours(local, self.days, self.starts, self.ends, holidays)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task of the matrix: who answers for it, who does it, who is asked, who is told."""

    id: str
    name: str
    accountable: tuple[Rule, ...] = ()
    responsible: tuple[str, ...] = ()
    consulted: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    status: Status = Status.SITE_CHOICE


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicHours:
    """When the clinic answers; everything else is after hours."""

    days: tuple[Day, ...]
    starts: str
    ends: str
    source: tuple[str, ...] = ()
    status: Status = Status.SITE_CHOICE

    def open_at(self, local: datetime, holidays: Holidays = ()) -> bool:
        """Whether the clinic is open at a civil time."""
        return in_hours(local, self.days, self.starts, self.ends, holidays)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSource:
    """Where a row comes from."""

    document: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The matrix as it ships, before anybody has agreed to it."""

    format: str
    id: str
    version: str
    title: str
    parties: tuple[str, ...]
    clinic_hours: ClinicHours
    task: tuple[TaskRow, ...]
    sources: Mapping[str, MatrixSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who a party of an agreement is. The receiving hospital is named, and is no organisation here."""

    key: str
    name: str
    number: str
    organisation: str | None = None
    sites: tuple[str, ...] = ()
    after_hours_number: str | None = None
    admitting_service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Who answers for what between two organisations, or within one, from a day until another, both included."""

    format: str
    template: str
    time_zone: str
    valid_from: date
    valid_until: date
    clinic_hours: ClinicHours
    party: tuple[Party, ...]
    task: tuple[TaskRow, ...]
    holidays: Holidays = ()
    """Of the parties' rotas, as they stand now: no part of what is signed."""

    @property
    def starts_at(self) -> datetime:
        """The first instant."""
        return day_start(self.valid_from, self.time_zone)

    @property
    def ends_at(self) -> datetime:
        """The instant after the last."""
        return day_start(self.valid_until + timedelta(days=1), self.time_zone)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in which somebody must answer: one organisation alone hands nobody over."""
        return (Phase.BEFORE, Phase.AFTER) if self.template == PAIR else (Phase.BEFORE,)

    def party_named(self, key: str) -> Party | None:
        """The party of that key; None for the dosing site, which is one or the other."""
        return next((party for party in self.party if party.key == key), None)

    def task_named(self, task_id: str) -> TaskRow | None:
        """The task of that id."""
        return next((task for task in self.task if task.id == task_id), None)


def day_of(day: date, holidays: Holidays = ()) -> Day:
    """As which day of the week a day counts: a holiday as a Sunday, whoever answers then answers on it."""
    return "sun" if day in holidays else DAYS[day.weekday()]


def in_hours(
    local: datetime, days: tuple[Day, ...], starts: str | None, ends: str | None, holidays: Holidays = ()
) -> bool:
    """Whether a civil time falls into a span of hours on some days (none: every day; no hours: the whole day)."""
    today, before = day_of(local.date(), holidays), day_of(local.date() - timedelta(days=1), holidays)
    first, last = minutes_of(starts or "00:00"), minutes_of(ends or "24:00")
    now = local.hour * 60 + local.minute
    if first < last:
        return (not days or today in days) and first <= now < last
    began_today = (not days or today in days) and now >= first
    began_yesterday = (not days or before in days) and now < last
    return began_today or began_yesterday


def minutes_of(text: str) -> int:
    """Minutes after midnight of `17:30`; `24:00` is the end of the day.

    Raises:
        ValueError: not such a time.
    """
    hours, colon, minutes = text.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        raise ValueError(text)
    total = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or total > MINUTES_OF_A_DAY:
        raise ValueError(text)
    return total


# --- reading ----------------------------------------------------------------------------------------------------------


@cache
def template(name: str = PAIR) -> Template:
    """A shipped template.

    Raises:
        ProtocolDataError: there is no such template.
    """
    found = {each.id: each for each in templates()}.get(name)
    if found is None:
        raise ProtocolDataError("unknown_template", f"There is no responsibility template {name!r}.", "template")
    return found


@cache
def templates() -> tuple[Template, ...]:
    """Every shipped template."""
    return tuple(template_from_toml(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.toml")))


def template_from_toml(text: str) -> Template:
    """A template from its file.

    Raises:
        ProtocolDataError: with the place of what cannot be used.
    """
    body = tomllib.loads(text, parse_float=Decimal)
    if body.get("format") != TEMPLATE_FORMAT:
        raise ProtocolDataError("wrong_format", f"The format is {TEMPLATE_FORMAT}.", "format")
    sources = {key: read_table(MatrixSource, each, f"sources.{key}") for key, each in body.pop("sources", {}).items()}
    read = read_table(_Unsourced, body, "")
    found = Template(**{item.name: getattr(read, item.name) for item in fields(_Unsourced)}, sources=sources)
    named = [("clinic_hours", found.clinic_hours.source), *((f"task.{task.id}", task.source) for task in found.task)]
    for path, source in named:
        if not source or any(key not in sources for key in source):
            raise ProtocolDataError("unknown_source", "The row names no source of this file.", f"{path}.source")
    _check(found.task, found.parties, found.clinic_hours)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsourced:
    format: str
    id: str
    version: str
    title: str
    parties: tuple[str, ...]
    clinic_hours: ClinicHours
    task: tuple[TaskRow, ...]


def agreement_from_document(document: Any) -> Agreement:
    """An agreement from its JSON form; a task of the template that it leaves out is there and has nobody.

    Raises:
        ProtocolDataError: with the place of what cannot be used.
    """
    if not isinstance(document, Mapping) or document.get("format") != AGREEMENT_FORMAT:
        raise ProtocolDataError("wrong_format", f"The format is {AGREEMENT_FORMAT}.", "format")
    if "holidays" in document:
        raise ProtocolDataError("unknown_key", "Holidays stand in the rota.", "holidays")
    body = dict(document)
    for name in ("valid_from", "valid_until"):
        try:
            body[name] = date.fromisoformat(str(body.get(name)))
        except ValueError as error:
            raise ProtocolDataError("wrong_type", "The value is a day, such as 2026-03-31.", name) from error
    found = read_table(Agreement, body, "")
    shipped = template(found.template)
    if found.valid_until < found.valid_from:
        raise ProtocolDataError("wrong_value", "The agreement ends before it begins.", "valid_until")
    try:
        zone_named(found.time_zone)
    except UnusableInput as error:
        raise ProtocolDataError(error.code, error.message, "time_zone") from error
    keys = [party.key for party in found.party]
    if sorted(keys) != sorted(shipped.parties):
        words = ", ".join(shipped.parties)
        raise ProtocolDataError("wrong_value", f"The parties are: {words}; each stands once.", "party")
    for party in found.party:
        _check_party(party, found.template)
    _check(found.task, tuple(keys), found.clinic_hours)
    known = {task.id for task in found.task}
    left_out = tuple(TaskRow(id=task.id, name=task.name) for task in shipped.task if task.id not in known)
    whole = {item.name: getattr(found, item.name) for item in fields(Agreement)}
    return Agreement(**{**whole, "task": (*found.task, *left_out)})


@lru_cache(maxsize=256)
def agreement_from_text(text: str) -> Agreement:
    """An agreement from its JSON text, read once.

    Raises:
        ProtocolDataError: with the place of what cannot be used.
    """
    return agreement_from_document(json.loads(text))


def _check_party(party: Party, template_id: str) -> None:
    ours = party.key in (FIRST[template_id], SECOND.get(template_id))
    if ours and party.organisation is None:
        raise ProtocolDataError("missing_key", "The party is an organisation.", f"party.{party.key}.organisation")
    if not ours and party.admitting_service is None:
        raise ProtocolDataError(
            "missing_key", "The receiving hospital has an admitting service.", f"party.{party.key}.admitting_service"
        )


def _check(tasks: Iterable[TaskRow], parties: tuple[str, ...], hours: ClinicHours) -> None:
    seen: set[str] = set()
    for task in tasks:
        path = f"task.{task.id}"
        if task.id in seen:
            raise ProtocolDataError("duplicate_key", "The task stands twice.", path)
        seen.add(task.id)
        for number, rule in enumerate(task.accountable):
            check_rule(rule, parties, f"{path}.accountable[{number}]")
    _check_hours(hours.starts, hours.ends, "clinic_hours")


def check_rule(rule: Rule, parties: Iterable[str], path: str) -> None:
    """Refuse a rule for nobody, for an unknown duty, or for hours that are none.

    Raises:
        ProtocolDataError: with its place.
    """
    allowed = (*parties, DOSING_SITE)
    if rule.party not in allowed:
        raise ProtocolDataError("unknown_word", f"The party is one of: {', '.join(allowed)}.", f"{path}.party")
    if rule.duty not in DUTIES:
        raise ProtocolDataError("unknown_word", f"The duty is one of: {', '.join(DUTIES)}.", f"{path}.duty")
    if (rule.starts is None) != (rule.ends is None):
        raise ProtocolDataError("missing_key", "Hours have a start and an end.", f"{path}.starts")
    if rule.starts is not None and rule.ends is not None:
        _check_hours(rule.starts, rule.ends, path)


def _check_hours(starts: str, ends: str, path: str) -> None:
    try:
        first, last = minutes_of(starts), minutes_of(ends)
    except ValueError as error:
        raise ProtocolDataError("wrong_value", "Hours read like 08:00.", f"{path}.starts") from error
    if first in (last, MINUTES_OF_A_DAY):
        raise ProtocolDataError("wrong_value", "The hours are none: leave them out for the whole day.", f"{path}.ends")


def matrix_agreement(matrix: Template) -> Agreement:
    """A template as if it had been agreed as it is, for a month: what `protocols check` looks at."""
    return Agreement(
        format=AGREEMENT_FORMAT,
        template=matrix.id,
        time_zone="UTC",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 1, 31),
        clinic_hours=matrix.clinic_hours,
        party=tuple(Party(key=key, name=key, number="") for key in matrix.parties),
        task=matrix.task,
    )


# --- writing ----------------------------------------------------------------------------------------------------------


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule in the JSON form of an agreement: what it does not say is left out."""
    body: dict[str, Any] = {"party": rule.party, "role": rule.role, "duty": rule.duty}
    if rule.phase is not None:
        body["phase"] = rule.phase.value
    if rule.days:
        body["days"] = list(rule.days)
    if rule.starts is not None:
        body |= {"starts": rule.starts, "ends": rule.ends}
    return body


def task_document(task: TaskRow, rules: Iterable[Rule] | None = None) -> dict[str, Any]:
    """A task in the JSON form of an agreement, with other rules when some are given."""
    return {
        "id": task.id,
        "name": task.name,
        "accountable": [rule_document(rule) for rule in (task.accountable if rules is None else rules)],
        "responsible": list(task.responsible),
        "consulted": list(task.consulted),
        "informed": list(task.informed),
    }


def hours_document(hours: ClinicHours) -> dict[str, Any]:
    """Clinic hours in the JSON form of an agreement."""
    return {"days": list(hours.days), "starts": hours.starts, "ends": hours.ends}


def canonical(document: Any) -> str:
    """The one text of an agreement's content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(document: Mapping[str, Any]) -> str:
    """The hash of an agreement's content: what a signature is for."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()
