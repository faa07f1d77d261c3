"""Who of the staff lacks which module, and by when; what nobody has signed; who is certified and not trained.

A module counts in the version in force on the day that is asked about. Bringing out a newer one opens it again for everybody who holds
an older one: at once, or from a day that whoever brings it out names. "Was once trained" is never "is trained now", and a paper
without a day or a version is not known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from handrail.rules.schedule import months_later
from handrail.rules.setting_rules import SettingRow, SettingSource
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import say_date

FOLDER: Final = Path(__file__).resolve().parent.parent / "protocols" / "training"
FORMAT: Final = "handrail-training/1"
State = Literal["current", "opened_again", "old_version", "ended", "never", "not_known"]
"""`opened_again`: an older version that counts for some days yet; `old_version`: one that does not count any more."""
COUNTS: Final = ("current", "opened_again")
File = TypeVar("File")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRow(SettingRow):
    """One module: for whom, in which form, in which version since when, and for how many months it counts."""

    id: str
    title: str
    audience: str
    roles: tuple[str, ...]
    form: str
    version: str
    since: date
    valid_months: int | None = None
    per_product: bool = False
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRow(SettingRow):
    """Days: how long an older version still counts, when an unsigned document is flagged, how far ahead the list looks."""

    grace_days: int
    unsigned_days: int
    warn_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivilegeRow(SettingRow):
    """What a person or a site may be given to do after so many courses."""

    id: str
    of: Literal["person", "site"]
    from_courses: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curriculum:
    """The shipped modules, how changes count, and the privileges."""

    format: str
    id: str
    version: str
    changes: ChangesRow
    module: tuple[ModuleRow, ...]
    privilege: tuple[PrivilegeRow, ...]

    def of(self, module: str) -> ModuleRow | None:
        """The module of that id."""
        return next((row for row in self.module if row.id == module), None)

    def for_role(self, role: str) -> tuple[ModuleRow, ...]:
        """The modules that are asked of whoever has a role."""
        return tuple(row for row in self.module if role in row.roles)


@cache
def load_curriculum() -> Curriculum:
    """The shipped curriculum.

    Raises:
        ProtocolDataError: an unknown key, a missing source, an id twice, a number that makes no sense.
    """
    return curriculum_from_toml((FOLDER / "modules-1.toml").read_text(encoding="utf-8"))


def curriculum_from_toml(text: str) -> Curriculum:
    """A curriculum from its text; see `load_curriculum`."""
    found, sources = read_training(Curriculum, text, FORMAT, "A curriculum starts")
    named: list[tuple[str, SettingRow]] = [("changes", found.changes)]
    named += [(row.id, row) for row in found.module]
    named += [(row.id, row) for row in found.privilege]
    check_rows(named, sources)
    changes = found.changes
    if changes.grace_days < 0 or min(changes.unsigned_days, changes.warn_days) <= 0:
        raise ProtocolDataError("bad_number", "A list looks some days ahead.", "changes")
    for row in found.module:
        if row.valid_months is not None and row.valid_months <= 0:
            raise ProtocolDataError("bad_number", "A module counts for some months.", f"{row.id}.valid_months")
        if row.roles and row.valid_months is None:
            raise ProtocolDataError("missing_key", "What a role is asked for runs out.", f"{row.id}.valid_months")
    for of in ("person", "site"):
        steps = [row.from_courses for row in found.privilege if row.of == of]
        if not steps or steps[0] != 0 or steps != sorted(set(steps)):
            raise ProtocolDataError(
                "wrong_order", "Privileges begin at 0 courses, and each asks for more.", "privilege"
            )
    return found


def read_training(cls: type[File], text: str, form: str, words: str) -> tuple[File, Mapping[str, SettingSource]]:
    """A file of training data and its sources.

    Args:
        form: the format that the file has to name; `words`: what such a file is called.

    Raises:
        ProtocolDataError: an unknown key, a key that is missing, another format.
    """
    document: dict[str, Any] = tomllib.loads(text)
    sources = read_tables(SettingSource, document.pop("sources", None), "sources")
    found = read_table(cls, document, "")
    if document.get("format") != form:
        raise ProtocolDataError("unknown_format", f'{words} with format = "{form}".', "format")
    return found, sources


def check_rows(named: Sequence[tuple[str, SettingRow]], sources: Mapping[str, SettingSource]) -> None:
    """Every row names a source of its file, and no two rows have one name.

    Raises:
        ProtocolDataError: one that does not.
    """
    seen: set[str] = set()
    for place, row in named:
        if not row.source or set(row.source) - set(sources):
            raise ProtocolDataError("missing_source", "The row names no source of this file.", f"{place}.source")
        if place in seen:
            raise ProtocolDataError("duplicate_id", f"Two rows are called {place!r}.", place)
        seen.add(place)


# --- what is known of the staff ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of the staff: an id that is no name, the roles, and since when they belong here; None: not known."""

    person: str
    roles: frozenset[str]
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A module that somebody passed: which version, for which product, on which day. None is not known."""

    person: str
    module: str
    version: str | None = None
    product: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtOut:
    """A version of a module, or of a document to read and sign, that an organisation brought out; older ones count before `only_from`."""

    subject: str
    version: str
    on: date
    only_from: date
    product: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Everything recorded of the training of an organisation. `brought_out` in the order of recording."""

    members: tuple[Member, ...] = ()
    completed: tuple[Completed, ...] = ()
    brought_out: tuple[BroughtOut, ...] = ()
    products: tuple[str, ...] = ()
    """The products that are given here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where somebody stands with a module on a day; `until` is the last day on which it counts if nothing is recorded."""

    person: str
    module: str
    product: str | None
    state: State
    because: str
    until: date | None = None
    ever: bool = False

    @property
    def current(self) -> bool | None:
        """Whether it counts on that day; None: not known."""
        return None if self.state == "not_known" else self.state in COUNTS


# --- modules ------------------------------------------------------------------------------------------------------------------


def in_force(row: ModuleRow, product: str | None, brought_out: Iterable[BroughtOut], on: date) -> BroughtOut:
    """The version of a module in force on a day: the latest that came out by then, the shipped one among them."""
    own = [each for each in brought_out if each.subject == row.id and each.product in (None, product)]
    shipped = BroughtOut(subject=row.id, version=row.version, on=row.since, only_from=row.since)
    return _latest([each for each in (shipped, *own) if each.on <= on] or [shipped])


def _latest(known: Sequence[BroughtOut]) -> BroughtOut:
    """The one that came out last; of two of one day the one recorded later."""
    newest = max(each.on for each in known)
    return [each for each in known if each.on == newest][-1]


def standing(row: ModuleRow, member: str, product: str | None, training: Training, on: date) -> Standing:
    """Where somebody stands with a module (for a product) on a day."""
    own = [each for each in training.completed if each.person == member and each.module == row.id]
    product = product if row.per_product else None
    return _standing(row, member, product, own, in_force(row, product, training.brought_out, on), on)


def _standing(
    row: ModuleRow, member: str, product: str | None, own: Sequence[Completed], version: BroughtOut, on: date
) -> Standing:
    """The same. `product`: none where the module is not one of each product; `version`: the one in force on that day."""
    held = [each for each in own if not row.per_product or each.product == product]

    def said(state: State, because: str, until: date | None = None) -> Standing:
        return Standing(
            person=member, module=row.id, product=product, state=state, because=because, until=until, ever=bool(held)
        )

    dated = sorted(
        ((each.on, each) for each in held if each.on is not None and each.on <= on and each.version is not None),
        key=lambda pair: pair[0],
    )
    good = [(_until(row, day), day) for day, each in dated if each.version == version.version]
    lasting = [pair for pair in good if pair[0] is None or pair[0] >= on]
    if lasting:
        until = None if any(last is None for last, _ in lasting) else max(last for last, _ in lasting if last)
        return said("current", f"version {version.version}, {_ends(until)}", until)
    older = [
        (_until(row, day), each) for day, each in dated if each.version != version.version and day < version.only_from
    ]
    still = [last for last, _ in older if last is None or last >= on]
    last_day = version.only_from - timedelta(days=1)
    if still and on <= last_day:
        until = last_day if None in still else min(last_day, max(last for last in still if last))
        words = f"version {version.version} came out on {say_date(version.on)}; the older one {_ends(until)}"
        return said("opened_again", words, until)
    if any(each.on is None or each.version is None for each in held):
        return said("not_known", "a record without a day or a version")
    if good:
        ended = max(last for last, _ in good if last is not None)
        return said("ended", f"ran out on {say_date(ended)}", ended)
    if dated:
        return said(
            "old_version", f"version {version.version} came out on {say_date(version.on)}, and an older one was passed"
        )
    return said("never", "never passed")


def _until(row: ModuleRow, passed: date) -> date | None:
    """The last day on which a module passed on a day counts; None: until its version changes."""
    return None if row.valid_months is None else months_later(passed, row.valid_months)


def _ends(until: date | None) -> str:
    return "until its version changes" if until is None else f"counts until {say_date(until)}"


def asked_of(member: Member, curriculum: Curriculum, products: Iterable[str]) -> Iterator[tuple[ModuleRow, str | None]]:
    """What is asked of one of the staff: every module of the roles, those of each product for each product given here."""
    for row in curriculum.module:
        if member.roles & set(row.roles):
            if row.per_product:
                yield from ((row, product) for product in products)
            else:
                yield row, None


def staff_standings(training: Training, curriculum: Curriculum, on: date) -> tuple[Standing, ...]:
    """Where everybody stands with everything that is asked of them. Linear in what is recorded."""
    held: dict[tuple[str, str], list[Completed]] = {}
    for each in training.completed:
        held.setdefault((each.person, each.module), []).append(each)
    versions: dict[tuple[str, str | None], BroughtOut] = {}
    found = []
    for member in training.members:
        for row, asked in asked_of(member, curriculum, training.products):
            product = asked if row.per_product else None
            own = held.get((member.person, row.id), [])
            if (row.id, product) not in versions:
                versions[row.id, product] = in_force(row, product, training.brought_out, on)
            found.append(_standing(row, member.person, product, own, versions[row.id, product], on))
    return tuple(found)


def lacking(standings: Iterable[Standing], curriculum: Curriculum, on: date) -> tuple[Standing, ...]:
    """Who lacks what: what does not count now first, then what ends soon, the nearest first."""
    edge = on + timedelta(days=curriculum.changes.warn_days)
    open_ = [
        each
        for each in standings
        if each.current is not True or each.state == "opened_again" or (each.until is not None and each.until <= edge)
    ]
    return tuple(
        sorted(open_, key=lambda each: (each.current is True, each.until or date.min, each.module, each.person))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedOnly:
    """A prescriber who is certified for a product and not trained in it: which modules do not count."""

    person: str
    product: str
    modules: tuple[str, ...]


def certified_not_trained(
    standings: Iterable[Standing], certified: Mapping[str, Iterable[str]]
) -> tuple[CertifiedOnly, ...]:
    """Who holds the certification of a product and lacks a module of theirs that is about it, or about every product.

    Args:
        standings: of the staff, with every certified product among the products.
        certified: the products of which each person holds the certification on that day.
    """
    lacks: dict[str, list[Standing]] = {}
    for each in standings:
        if each.current is not True:
            lacks.setdefault(each.person, []).append(each)
    return tuple(
        CertifiedOnly(person=person, product=product, modules=tuple(each.module for each in missing))
        for person, products in sorted(certified.items())
        for product in sorted(products)
        if (missing := [each for each in lacks.get(person, []) if each.product in (None, product)])
    )


# --- read and sign ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSigned:
    """Somebody read a version of a document and signed that."""

    person: str
    document: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A document that somebody has not signed in its version in force: since when, for how many days, and whether that is too long."""

    person: str
    document: str
    version: str
    title: str
    since: date
    days: int
    flagged: bool


def unsigned(
    members: Iterable[Member], documents: Sequence[BroughtOut], signed: Iterable[ReadSigned], curriculum: Curriculum, on: date
) -> tuple[Unsigned, ...]:  # fmt: skip
    """What the staff has still to read and sign on a day; the longest first. Only the version that came out last counts."""
    by_subject: dict[str, list[BroughtOut]] = {}
    for each in documents:
        if each.on <= on:
            by_subject.setdefault(each.subject, []).append(each)
    newest = [_latest(versions) for _, versions in sorted(by_subject.items())]
    done = {(each.person, each.document, each.version) for each in signed}
    found = []
    for member in members:
        for document in newest:
            if (member.person, document.subject, document.version) in done:
                continue
            since = max(document.on, member.since) if member.since is not None else document.on
            days = (on - since).days
            found.append(
                Unsigned(
                    person=member.person,
                    document=document.subject,
                    version=document.version,
                    title=document.title or document.subject,
                    since=since,
                    days=days,
                    flagged=days > curriculum.changes.unsigned_days,
                )
            )
    return tuple(sorted(found, key=lambda each: (-each.days, each.title, each.person)))


# --- experience ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """How many courses a person or a site has had, the last reaction among them, and what may be signed next."""

    courses: int
    last_event_on: date | None
    reached: PrivilegeRow
    following: PrivilegeRow | None

    @property
    def courses_left(self) -> int | None:
        """Courses before the next privilege may be signed; None: there is none above."""
        return None if self.following is None else self.following.from_courses - self.courses


def experience(
    of: Literal["person", "site"], courses: int, last_event_on: date | None, curriculum: Curriculum
) -> Experience:
    """What so many courses amount to. A counter grants nothing: a person signs it."""
    rows = [row for row in curriculum.privilege if row.of == of]
    reached = [row for row in rows if row.from_courses <= courses]
    above = [row for row in rows if row.from_courses > courses]
    return Experience(
        courses=courses, last_event_on=last_event_on, reached=reached[-1], following=above[0] if above else None
    )
