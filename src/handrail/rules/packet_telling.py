"""How the sections of a packet write a field: with its value and where it comes from, or as not known and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from handrail.rules.answer import Assessment
from handrail.rules.doses import Given
from handrail.rules.episodes import Episodes
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.packet_parts import Around, Field, Line, Origin, Section, Table, Who
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.terms import Status, say_date, say_instant

NEVER_RECORDED: Final = "nobody has recorded it"
ASKED: Final = "asked, and not known"


@dataclass(slots=True, kw_only=True)
class Telling:
    """What the sections read, and how they write a field."""

    protocol: Protocol
    policy: Policy
    history: History
    answer: Assessment
    doses: tuple[Given, ...]
    toxicity: Episodes
    who: Who
    around: Around
    _fields: list[Field] = field(default_factory=list)
    _tables: list[Table] = field(default_factory=list)

    @property
    def zone(self) -> str:
        """The zone in which instants are told."""
        return self.history.course.time_zone

    def say(self, at: datetime | None) -> str | None:
        """An instant in words, None when it is not known."""
        return say_instant(at, self.zone) if at is not None else None

    def add(self, key: str, label: str, words: str | None, origin: Origin | None = None, why: str = "") -> None:
        """A field of the section that is being written; empty words are not known."""
        self._fields.append(
            Field(
                key=key,
                label=label,
                words=words or None,
                why="" if words else why or NEVER_RECORDED,
                origin=origin,
                identity=origin is not None and origin.kind == "people",
            )
        )

    def of_event(
        self,
        key: str,
        label: str,
        kind: str,
        name: str,
        *,
        words: Callable[[Any], str] | None = None,
        fits: Callable[[Any], bool] | None = None,
    ) -> None:
        """A field from the latest word on one value (`name`) of an event kind: not known when that was asked in vain."""
        asked = [e for e in self.history.of(kind) if fits is None or fits(e.body)]
        asked = [e for e in asked if getattr(e.body, name) is not None or name in e.nulls]
        if not asked:
            self.add(key, label, None)
            return
        value = getattr(asked[-1].body, name)
        if value is None:
            self.add(key, label, None, origin_of(asked[-1]), ASKED)
            return
        said = words(value) if words is not None else number(value)
        self.add(key, label, f"{said} ({self.say(asked[-1].at)})", origin_of(asked[-1]))

    def table(
        self, key: str, title: str, columns: Sequence[str], lines: Iterable[Line], none: str = "none recorded"
    ) -> None:
        """A table of the section that is being written."""
        self._tables.append(Table(key=key, title=title, columns=tuple(columns), lines=tuple(lines), none=none))

    def take(self, number: int, key: str, title: str) -> Section:
        """The section written so far; the next one begins empty."""
        found = Section(number=number, key=key, title=title, fields=tuple(self._fields), tables=tuple(self._tables))
        self._fields, self._tables = [], []
        return found


def origin_of(event: Event, row: str | None = None, status: Status | None = None) -> Origin:
    """Where a field comes from that rests on one event."""
    return Origin(
        kind="event", event=event.id, at=event.at, by=event.by.role if event.by else None, row=row, status=status
    )


def number(value: Any) -> str:
    """A value in words: decimals without an exponent, dates with their weekday."""
    if isinstance(value, Decimal):
        return format(value.normalize() if value == value.to_integral_value() else value, "f")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date) and not isinstance(value, datetime):
        return say_date(value)
    return str(value).replace("_", " ")
