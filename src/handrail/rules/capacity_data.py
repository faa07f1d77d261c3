"""What a site says of its capacity and what it has taken already, and the shipped limits. What a site has not said is not known."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from handrail.rules.setting_rules import SettingRow, SettingSource
from handrail.rules.strict import ProtocolDataError, read_table, read_tables

FILE: Final = Path(__file__).resolve().parent.parent / "protocols" / "care" / "capacity.toml"
FORMAT: Final = "handrail-capacity/1"
Need = Literal["rota", "on_call", "assessments", "chairs", "beds", "tocilizumab", "starts", "window"]
OWNERS: Final[dict[Need, str]] = {
    "rota": "site manager",
    "on_call": "site manager",
    "assessments": "site manager",
    "chairs": "site manager",
    "beds": "site manager",
    "tocilizumab": "pharmacist",
    "starts": "site manager",
    "window": "prescriber",
}
"""Who mends what stands against a start."""
Number = Literal[
    "slots_weekday",
    "slots_saturday",
    "slots_sunday",
    "slots_holiday",
    "chairs_weekday",
    "chairs_saturday",
    "chairs_sunday",
    "chairs_holiday",
    "beds",
    "patients_each",
    "starts_a_day",
]
NUMBERS: Final[dict[Number, str]] = {
    "slots_weekday": "watched patients who can be assessed on a day, Monday to Friday",
    "slots_saturday": "watched patients who can be assessed on a Saturday",
    "slots_sunday": "watched patients who can be assessed on a Sunday",
    "slots_holiday": "watched patients who can be assessed on a holiday",
    "chairs_weekday": "doses that can be given on a day, Monday to Friday",
    "chairs_saturday": "doses that can be given on a Saturday",
    "chairs_sunday": "doses that can be given on a Sunday",
    "chairs_holiday": "doses that can be given on a holiday",
    "beds": "watched patients for whom a bed is promised at once",
    "patients_each": "watched patients for one person on call",
    "starts_a_day": "first doses on one day",
}
"""What a site says of itself, in words."""
SATURDAY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AheadRow(SettingRow):
    """How far ahead a start is looked for: days."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallRow(SettingRow):
    """The most watched patients for one person on call."""

    patients_each: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TocilizumabRow(SettingRow):
    """Rescue doses for each watched patient."""

    doses_each: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRules:
    """The shipped limits."""

    format: str
    id: str
    version: str
    ahead: AheadRow
    on_call: OnCallRow
    tocilizumab: TocilizumabRow


@cache
def load_capacity() -> CapacityRules:
    """The shipped limits.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that makes no sense.
    """
    return capacity_from_toml(FILE.read_text(encoding="utf-8"))


def capacity_from_toml(text: str) -> CapacityRules:
    """Limits from their text; see `load_capacity`."""
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(SettingSource, document.pop("sources", None), "sources")
    found = read_table(CapacityRules, document, "")
    if found.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'Limits of capacity start with format = "{FORMAT}".', "format")
    named: dict[str, SettingRow] = {
        "ahead": found.ahead,
        "on_call": found.on_call,
        "tocilizumab": found.tocilizumab,
    }
    for place, row in named.items():
        if not row.source or set(row.source) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{place}.source")
    if min(found.ahead.days, found.on_call.patients_each, found.tocilizumab.doses_each) <= 0:
        raise ProtocolDataError("bad_number", "Days, patients and doses are more than none.", "ahead")
    return found


# --- what is known of a site ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one instant to another, the end not included."""

    begins: datetime
    ends: datetime

    def meets(self, begins: datetime, ends: datetime) -> bool:
        """Whether any of it lies between two instants."""
        return self.begins < ends and begins < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered(Span):
    """Hours of the rota that somebody has to fill, and the sentence that says so."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One word about a number of a site, from a day on. None: it was asked, and is not known."""

    what: Number
    number: int | None
    from_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A number of a site on a day: `there` None is not known, and `last` is then what was said before, None: nothing ever was."""

    there: int | None = None
    last: int | None = None

    @property
    def most(self) -> int | None:
        """What is too much for sure begins above this."""
        return self.there if self.there is not None else self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCan:
    """What a site can take, and what it has taken already. None: nobody has said.

    Attributes:
        zone: of the site; its days are civil days there.
        said: every word about its numbers, in the order in which they were written; of one day the later counts.
        on_call: every span in which somebody is on call, one for each person; None: the rota is not known.
        uncovered: other hours of the rota that somebody has to fill.
        holidays: the days on which the numbers of a holiday count.
        rescue: doses of tocilizumab in stock.
        watched: the spans in which a patient is watched, or booked to be: of one patient none overlap.
        seen: the days on which a patient is to be assessed: one for each patient and day.
        doses: the days of doses, one for each.
        starts: the days of the first doses that are booked.
    """

    zone: str
    said: tuple[Said, ...] = ()
    on_call: tuple[Span, ...] | None = None
    uncovered: tuple[Uncovered, ...] = ()
    holidays: frozenset[date] = frozenset()
    rescue: Told = Told()
    watched: tuple[Span, ...] = ()
    seen: tuple[date, ...] = ()
    doses: tuple[date, ...] = ()
    starts: tuple[date, ...] = ()

    def told(self, what: Number, on: date) -> Told:
        """A number on a day."""
        words = [each for each in self.said if each.what == what and each.from_on <= on]
        words.sort(key=lambda each: each.from_on)
        if not words:
            return Told()
        known = [each.number for each in words if each.number is not None]
        return Told(there=words[-1].number, last=known[-1] if known else None)

    def of_day(self, what: Literal["slots", "chairs"], on: date) -> Told:
        """The number of slots or chairs of the kind of day that it is."""
        weekday = on.weekday()
        kind = "weekday" if weekday < SATURDAY else "saturday" if weekday == SATURDAY else "sunday"
        return self.told(_number(what, "holiday" if on in self.holidays else kind), on)

    def patients_each(self, on: date, rules: CapacityRules) -> Told:
        """The most watched patients for one person on call: the site's own word, else the shipped limit."""
        own = self.told("patients_each", on)
        return own if own != Told() else Told(there=rules.on_call.patients_each)


def _number(what: str, kind: str) -> Number:
    return next(each for each in NUMBERS if each == f"{what}_{kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a start asks of its site. Days are counted from the first dose, which is 0.

    Attributes:
        watched: the days on which the patient is watched; None: nobody can say, so that no day is covered.
        dosing: the days on which a dose is given.
        in_hospital: given and watched in hospital, which assesses and has the chair.
        because: why nobody can say.
    """

    watched: tuple[int, ...] | None
    dosing: tuple[int, ...] = (0,)
    in_hospital: bool = False
    because: str = ""

    @classmethod
    def whole(cls, days: int, dosing: tuple[int, ...] = (0,)) -> Wanted:
        """A window of so many days on end.

        Raises:
            ValueError: a window of no days.
        """
        if days <= 0:
            raise ValueError("a watched window has some days")
        return cls(watched=tuple(range(days)), dosing=dosing)
