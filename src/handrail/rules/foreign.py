"""A document that somebody else wrote, beside what is on record: what is new, what is known already, and what might harm.

Nothing of it counts until a person has chosen it. A fact is the same as one on record when kind, instant and every value that it has
agree; nobody's facts are ever matched by looking alike on another day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from handrail.rules.caredata import is_tocilizumab
from handrail.rules.coursefile import event_from_json
from handrail.rules.events import Event
from handrail.rules.history import History, implausible_fields
from handrail.rules.protocol import catalogue
from handrail.rules.terms import civil_date

WEIGHT: Final = "weight"
LABORATORY: Final = "laboratory"
VITALS: Final = "vitals"
DOSE: Final = "dose"
MEDICINE: Final = "medicine"
CONDITION: Final = "condition"
NOTE: Final = "note"
GROUPS: Final = (DOSE, WEIGHT, LABORATORY, VITALS, MEDICINE, CONDITION, NOTE)
"""The groups of facts, in the order of reading."""
MEASURED: Final = (WEIGHT, LABORATORY, VITALS)
"""What is measured may stand chosen at first; what somebody did or judged is always chosen by hand."""


class UnreadableDocument(ValueError):
    """A document that cannot be read. `message` is one sentence that says what to do and holds no name or reading."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPerson:
    """Who a document says that it is about. Empty: it does not say. `died` None: it does not say."""

    names: tuple[str, ...] = ()
    birth_date: str = ""
    sex: str = ""
    record_numbers: tuple[tuple[str, str], ...] = ()
    died: bool | None = None

    def __repr__(self) -> str:
        return "ForeignPerson(…)"  # who it is never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A fact that a document offers, as an event in wire form.

    `topic` is the same for the same thing measured again; `entry` names the resource it comes from. `doubt` says why it is not
    chosen at first although it is new: preliminary, or a newer value in the document cannot be used.
    """

    event: Mapping[str, Any]
    group: str
    topic: str
    entry: str
    doubt: str = ""

    @property
    def id(self) -> str:
        """The id of the event: the same for the same fact of the same document."""
        return str(self.event["id"])

    def __repr__(self) -> str:
        return f"Offer({self.id})"  # no reading reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays in the document and is not offered: its code as sent, and why."""

    why: str
    system: str = ""
    code: str = ""
    display: str = ""
    times: int = 1
    entry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A medicine or an allergy by its words, with what the document says about it."""

    words: str
    said: str
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignDocument:
    """What was read of a document. `lists` says of each list whether it has entries, says that there are none, or was not there."""

    person: ForeignPerson | None
    sender: str
    title: str
    made_on: str
    ours: bool
    offers: tuple[Offer, ...]
    kept: tuple[Kept, ...]
    notes: tuple[str, ...]
    lists: tuple[tuple[str, str], ...]
    medicines: tuple[Named, ...] = ()
    allergies: tuple[Named, ...] = ()
    incomplete: bool = False

    def __repr__(self) -> str:
        return f"ForeignDocument({len(self.offers)} offers)"


class Standing(StrEnum):
    """How an offered fact stands to the record."""

    NEW = "new"
    KNOWN = "already in the record"
    SAME_DAY = "perhaps already in the record: the same value on the same day"
    UNDONE = "was imported before, and corrected or withdrawn since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An offered fact beside the record. `why` says why it does not stand chosen at first; empty when it does."""

    offer: Offer
    fact: Event
    standing: Standing
    chosen: bool
    why: str

    @property
    def may(self) -> bool:
        """Whether a person can still choose it."""
        return self.standing in (Standing.NEW, Standing.SAME_DAY)


NEWER_HERE: Final = "the record has a newer one"
NEWER_THERE: Final = "the document has a newer one"
SAME_TIME_HERE: Final = "the record has another one of the same time or day: compare them"
SAME_TIME_THERE: Final = "the document has another one of the same time or day: compare them"
BY_HAND: Final = "choose it yourself"
UNBELIEVABLE: Final = "it is outside what is believable: it would be kept and used for nothing"


def beside(offers: Iterable[Offer], history: History, zone: str) -> tuple[Placed, ...]:
    """Each offered fact beside the record: groups in the order of reading, the newest first in each.

    Args:
        offers: what the document offers.
        history: the record, with the limits of the policy in force.
        zone: IANA zone of the course, in which facts dated by day are compared.
    """
    read = [(offer, event_from_json(offer.event, zone=zone)) for offer in offers]
    # by instant, never by its text: senders write it in zones of their own
    read.sort(key=lambda each: (each[1].at, each[1].id), reverse=True)
    there: dict[str, list[Event]] = {}
    for offer, fact in read:
        for part in _parts(offer.topic):
            there.setdefault(part, []).append(fact)
    placed = []
    for offer, fact in read:
        standing = _standing(offer, fact, history, zone)
        why = _why_not(offer, fact, standing, history, zone) or _older(offer, fact, there, zone)
        placed.append(Placed(offer=offer, fact=fact, standing=standing, chosen=not why, why=why))
    return tuple(sorted(placed, key=lambda each: GROUPS.index(each.offer.group)))


def _standing(offer: Offer, fact: Event, history: History, zone: str) -> Standing:
    in_force = {event.id for event in history.events}
    if fact.id in in_force:
        return Standing.KNOWN
    if any(event.id == fact.id for event in history.recorded):
        return Standing.UNDONE
    same = [event for event in history.of(fact.kind) if _says(event, fact)]
    if fact.kind == "note_added":
        return Standing.KNOWN if same else Standing.NEW
    if any(event.at == fact.at for event in same):
        return Standing.KNOWN
    if "x_date_only" in offer.event:
        day = civil_date(fact.at, zone)
        return Standing.SAME_DAY if any(civil_date(event.at, zone) == day for event in same) else Standing.NEW
    day_only = [event for event in same if "x_date_only" in event.extra]
    same_day = any(civil_date(event.at, zone) == civil_date(fact.at, zone) for event in day_only)
    return Standing.SAME_DAY if same_day else Standing.NEW


def _says(known: Event, offered: Event) -> bool:
    """Whether an event on record says all that an offered one says."""
    wanted = [(f.name, getattr(offered.body, f.name)) for f in fields(offered.body) if f.name != "implausible"]
    told = [(name, value) for name, value in wanted if value is not None]
    unknown = set(offered.nulls) <= set(known.nulls)
    return bool(told) and unknown and all(getattr(known.body, name) == value for name, value in told)


def _why_not(offer: Offer, fact: Event, standing: Standing, history: History, zone: str) -> str:
    if standing is not Standing.NEW:
        return standing.value
    if offer.group not in MEASURED:
        return BY_HAND
    if implausible_fields(fact, history.plausible):
        return UNBELIEVABLE
    parts = _parts(offer.topic)
    here = [event for event in history.of(fact.kind) if parts & _parts(_topic(event))]
    if any(_newer(event, fact, zone) for event in here):
        return NEWER_HERE
    if any(_same_time(event, fact, zone) for event in here):
        return SAME_TIME_HERE
    return offer.doubt


def _older(offer: Offer, fact: Event, there: Mapping[str, list[Event]], zone: str) -> str:
    """Why a fact is not the newest of its document: `there` has the facts of each thing measured, the newest first."""
    groups = [there[part] for part in _parts(offer.topic)]
    if any(_newer(group[0], fact, zone) for group in groups):
        return NEWER_THERE
    for group in groups:
        beside_it = [each for each in group if each is not fact and _same_time(each, fact, zone)]
        alike = all(_says(each, fact) and _says(fact, each) for each in beside_it)
        if not alike or group[0] is not fact:  # one that is there twice stands chosen once
            return SAME_TIME_THERE
    return ""


def _same_time(one: Event, other: Event, zone: str) -> bool:
    """Whether nobody can say which of two is newer: one instant, or one day and only the day of either is known."""
    by_day = "x_date_only" in one.extra or "x_date_only" in other.extra
    return one.at == other.at or (by_day and civil_date(one.at, zone) == civil_date(other.at, zone))


def _newer(one: Event, other: Event, zone: str) -> bool:
    return one.at > other.at and not _same_time(one, other, zone)


def _parts(topic: str) -> frozenset[str]:
    """The things measured in a topic: each of several vital signs for itself."""
    kind, _, about = topic.partition(":")
    return frozenset(f"{kind}:{part}" for part in about.split(","))


def topic_of(kind: str, body: Mapping[str, Any]) -> str:
    """What an event is about, so that a newer one can be told from an older one of the same thing."""
    if kind == "lab_resulted":
        return f"{kind}:{body.get('code')}"
    if kind == "vitals_measured":
        known = sorted(name for name in VITAL_SIGNS if body.get(name) is not None)
        return f"{kind}:{','.join(known)}"
    return kind


VITAL_SIGNS: Final = (
    "temperature_c",
    "systolic_mmhg",
    "diastolic_mmhg",
    "pulse_per_min",
    "breaths_per_min",
    "spo2_percent",
)


def _topic(event: Event) -> str:
    return topic_of(event.kind, {f.name: getattr(event.body, f.name) for f in fields(event.body)})


# --- who it is about --------------------------------------------------------------------------------------------------


class Agreement(StrEnum):
    """Whether two sides say the same of a person."""

    SAME = "the same"
    DIFFERS = "DIFFERENT"
    NOT_SAID = "cannot be compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One line of who the document and the course are about."""

    what: str
    there: str
    here: str
    agreement: Agreement

    def __repr__(self) -> str:
        return f"Compared({self.what}: {self.agreement})"


def compared(there: ForeignPerson | None, here: ForeignPerson) -> tuple[Compared, ...]:
    """Who a document is about beside who the course is about. It matches nobody: a person says whether it is the same."""
    found = there or ForeignPerson()
    numbers = {(system, value) for system, value in found.record_numbers}
    own = {(system, value) for system, value in here.record_numbers}
    systems = {system for system, _ in numbers} & {system for system, _ in own}
    return (
        _line("name", "; ".join(found.names), "; ".join(here.names), _names(found.names, here.names)),
        _line("birth date", found.birth_date, here.birth_date, _dates(found.birth_date, here.birth_date)),
        _line("sex", found.sex, here.sex, _same(found.sex, here.sex)),
        _line(
            "record number",
            ", ".join(value for _, value in found.record_numbers),
            ", ".join(value for _, value in here.record_numbers),
            Agreement.SAME if numbers & own else Agreement.DIFFERS if systems else Agreement.NOT_SAID,
        ),
    )


def _line(what: str, there: str, here: str, agreement: Agreement) -> Compared:
    return Compared(what=what, there=there or "not said", here=here or "not known", agreement=agreement)


def _same(there: str, here: str) -> Agreement:
    if not there or not here:
        return Agreement.NOT_SAID
    return Agreement.SAME if there.strip().casefold() == here.strip().casefold() else Agreement.DIFFERS


def _dates(there: str, here: str) -> Agreement:
    """A date known to the month or year agrees with a whole one of that month or year, as far as it goes."""
    short = min(len(there), len(here))
    return _same(there[:short], here[:short])


def _names(there: tuple[str, ...], here: tuple[str, ...]) -> Agreement:
    if not there or not here:
        return Agreement.NOT_SAID
    ours = [_words(name) for name in here]
    return Agreement.SAME if any(_words(name) in ours for name in there) else Agreement.DIFFERS


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\w+", name.casefold())))


# --- what might harm --------------------------------------------------------------------------------------------------


def bispecific_in(words: str) -> str | None:
    """The product of the catalogue that a medicine's words name, by product or brand; None for none or several."""
    found = {product for word in re.findall(r"[a-z]+", words.lower()) if (product := _products().get(word)) is not None}
    return next(iter(found)) if len(found) == 1 else None


def names_a_bispecific(words: str) -> bool:
    """Whether a medicine's words name any product of the class."""
    return any(word in _products() for word in re.findall(r"[a-z]+", words.lower()))


@cache
def _products() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for protocol in catalogue():
        head = protocol.product
        found[head.product.lower()] = head.product
        found[head.brand.lower().split()[0]] = head.product
    return found


def harms(
    document: ForeignDocument, placed: Iterable[Placed], product: str, premedication: Iterable[str]
) -> Iterator[str]:
    """What in the document might harm the patient of a course, one sentence each, the gravest first.

    Args:
        document: what was read.
        placed: its facts beside the record.
        product: the product of the course.
        premedication: what the label gives before a dose, by name.
    """
    if document.person is not None and document.person.died:
        yield "The document says that this person has died."
    placed = tuple(placed)
    waiting = [each for each in placed if each.may]
    doses = [each for each in waiting if each.offer.group == DOSE]
    if doses:
        many = "a dose" if len(doses) == 1 else f"{len(doses)} doses"
        yield f"The document has {many} of {product} that the record does not have: the day and amount of the next dose may change."
    others = {each.words for each in document.medicines if names_a_bispecific(each.words)}
    for words in sorted(others):
        if bispecific_in(words) != product:
            yield f"Another medicine of the same class is in the document: {words}. Ask the prescriber before any dose."
    if any(each.fact.kind == "medicine_given" and is_tocilizumab(each.fact.body.agent) for each in waiting):
        yield "The document has tocilizumab that the record does not have: it counts towards the most that may be given."
    offered = {each.offer.entry for each in placed if each.offer.group in (DOSE, MEDICINE)}
    told = ("given",) if document.ours else ("given", "stated")
    for each in document.medicines:
        counts = bispecific_in(each.words) == product or is_tocilizumab(each.words)
        if counts and each.entry not in offered and each.said.startswith(told):
            yield f"{each.words} ({each.said}) is in the document and cannot be taken as given: ask the sender what was given, and when."
    used = {
        word.lower() for name in (product, "tocilizumab", *premedication) for word in re.findall(r"[A-Za-z]{4,}", name)
    }
    for each in document.allergies:
        ours = sorted(used & {word.lower() for word in re.findall(r"[A-Za-z]{4,}", each.words)})
        grave = f" This course uses {', '.join(ours)}: ask the prescriber now." if ours else ""
        yield f"Allergy or intolerance: {each.words}{f' ({each.said})' if each.said else ''}.{grave} No rule of Handrail reads it."
    if document.incomplete:
        yield "The document is not complete: what is not in it may still be so."


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A document beside a course, for the person who decides."""

    document: ForeignDocument
    compared: tuple[Compared, ...]
    placed: tuple[Placed, ...]
    harms: tuple[str, ...]
    read_at: datetime

    @property
    def differences(self) -> tuple[str, ...]:
        """What the two sides say differently about the person."""
        return tuple(each.what for each in self.compared if each.agreement is Agreement.DIFFERS)

    @property
    def compared_nothing(self) -> bool:
        """Whether there is nothing by which the two could be compared."""
        return all(each.agreement is Agreement.NOT_SAID for each in self.compared)

    def __repr__(self) -> str:
        return f"Review({len(self.placed)} facts)"
