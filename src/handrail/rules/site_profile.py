"""What a payer asks a site, and what the record of the site answers: levels, checklist, stock, drills, doses and hand-offs, each with its
day and evidence, or not known with whom to ask.

No answer is about one patient: people are counted, a count of few is withheld, and what somebody typed about an item stays with the site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from statistics import median
from typing import Final, Literal

from handrail.rules.access_gate import Stock
from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.drills import DrillBook, Run, judge
from handrail.rules.setting_facts import LEVELS
from handrail.rules.site_levels import Line, SiteFacts, SiteLevel, load_site_levels
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status, say_date

FORMAT: Final = "handrail-payer-questions/1"
Reads = Literal["levels", "items", "places", "stock", "drills", "doses", "read_back", "outcomes"]
_NEEDS_ITEMS: Final = ("items", "drills", "stock", "read_back")
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingRow:
    """How people are counted: a count from 1 to one less than `least` is withheld; `days` up to today are counted."""

    least: int
    days: int
    least_hand_offs: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """One question, which record answers it, and who is asked while it does not."""

    id: str
    part: str
    words: str
    reads: Reads
    owner: str
    source: tuple[str, ...]
    status: Status
    items: tuple[str, ...] = ()
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """The file of the questions."""

    format: str
    counting: CountingRow
    question: tuple[QuestionRow, ...]


@cache
def payer_questions() -> Questions:
    """The shipped questions."""
    return questions_from_toml((FOLDER / "payers" / "questions-1.toml").read_text(encoding="utf-8"))


def questions_from_toml(text: str) -> Questions:
    """The questions from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a question that names no item where it reads one, or one that is not on the
            checklist; a count of people so small that it could be one person.
    """
    found = read_care(Questions, text, FORMAT)
    if found.counting.least < 2 or found.counting.least_hand_offs < 2 or found.counting.days <= 0:
        raise ProtocolDataError("bad_number", "A count of one is one person.", "counting")
    levels = load_site_levels()
    known = {row.id for row in (*levels.item, *levels.licence_item)}
    for row in found.question:
        if row.reads in _NEEDS_ITEMS and not row.items:
            raise ProtocolDataError("missing_key", "Name the items that answer it.", f"question.{row.id}")
        if not set(row.items) <= known:
            raise ProtocolDataError("unknown_word", "There is no such item.", f"question.{row.id}")
        if (row.reads == "places") != (row.kind is not None):
            raise ProtocolDataError("missing_key", "Name the kind of the places.", f"question.{row.id}")
    return found


# --- what is known of the site --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A place that patients are sent to, and since when it is on record."""

    kind: str
    words: str
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """How often something happened in the courses of the site, in words in which no count of few stands.

    `known`: False where nobody knows it. `beside`: published counts of the same, each in words.
    """

    words: str
    known: bool
    evidence: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSite:
    """Everything that answers a question, read at once.

    Attributes:
        levels: of each product in use.
        checked_by: the role of who checked an item last, by item and product ('' for every product).
        patients: how many were given each product in the days that are counted.
        read_hours: of each hand-off to the practice in those days, the hours until a named person read it; None: nobody has.
        count_holds_days: for so many days a count of doses counts.
        stock_touched: doses were given since that count.
        happened: reactions, visits and admissions after the step-ups that began here; empty: none is counted.
    """

    facts: SiteFacts
    today: date
    levels: tuple[SiteLevel, ...] = ()
    checked_by: Mapping[tuple[str, str], str] = field(default_factory=dict)
    places: tuple[Named, ...] = ()
    stock: Stock = field(default_factory=Stock)
    count_holds_days: int = 0
    stock_touched: bool = False
    drills: tuple[Run, ...] = ()
    patients: Mapping[str, int] = field(default_factory=dict)
    read_hours: tuple[Decimal | None, ...] = ()
    happened: tuple[Happened, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One answer: in words, on which day it was known, by what.

    `owner`: who is asked, where it is not known. `holds`: False where what is known speaks against the site.
    """

    words: str
    known: bool
    on: date | None = None
    evidence: str = ""
    product: str = ""
    owner: str = ""
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A question with everything that answers it; at least one part, and each that is not known says who is asked."""

    question: QuestionRow
    parts: tuple[Part, ...]

    @property
    def known(self) -> bool:
        """Whether every part is known."""
        return all(each.known for each in self.parts)


def profile(questions: Questions, site: KnownSite, drills: DrillBook) -> tuple[Answer, ...]:
    """Every question with its answer. Nothing is left without one: where the record holds nothing, that is said, with whom to ask."""
    found = []
    for row in questions.question:
        parts = tuple(_parts(row, site, questions.counting, drills))
        found.append(Answer(question=row, parts=parts or (_unknown(row, "Not known: nothing is on record."),)))
    return tuple(found)


def _parts(row: QuestionRow, site: KnownSite, counting: CountingRow, drills: DrillBook) -> Iterator[Part]:
    if row.reads == "levels":
        yield from (_level(row, level, site) for level in site.levels)
    elif row.reads == "places":
        yield from (
            Part(words=each.words, known=True, on=each.since, evidence="the programme’s list of places")
            for each in site.places
            if each.kind == row.kind
        )
    elif row.reads == "doses":
        yield from _patients(site, counting)
    elif row.reads == "stock":
        yield _stock(row, site)
    elif row.reads == "drills":
        yield from _drills(row, site, drills)
    elif row.reads == "read_back":
        yield _read_back(row, site, counting)
    elif row.reads == "outcomes":
        yield from (_happened(row, each, site) for each in site.happened)
        if not site.happened:
            yield _unknown(row, "Not known: no step-up that began here is counted.")
    yield from _items(row, site)


def _unknown(row: QuestionRow, words: str, *, on: date | None = None, evidence: str = "", product: str = "") -> Part:
    return Part(words=words, known=False, owner=row.owner, on=on, evidence=evidence, product=product)


def _level(row: QuestionRow, level: SiteLevel, site: KnownSite) -> Part:
    signed = [each for each in site.facts.granted if each.product == level.product and each.from_on <= level.on]
    if not signed:
        words = "Not known: no director has signed a level."
        return _unknown(row, words, product=level.product)
    until = (
        f", until {say_date(level.until)} if nothing is recorded" if level.until and level.level != LEVELS[0] else ""
    )
    held = level.granted is None or level.granted == level.level
    beside = "" if held else f" Level {level.granted} is signed, and items of it do not hold."
    return Part(
        words=f"Level {level.level}: {level.words}{until}.{beside}",
        known=True,
        on=level.on,
        evidence=f"signed by a director on {say_date(max(each.from_on for each in signed))}; the checklist as it stands",
        product=level.product,
        holds=held and level.level != LEVELS[0],
    )


def _items(row: QuestionRow, site: KnownSite) -> Iterator[Part]:
    """The lines of the checklist, those of each product apart; without a product in use, none can be read."""
    if row.items and not site.levels:
        yield _unknown(row, "Not known: no product is in use at this site.")
        return
    per_product = {each.id for each in load_site_levels().item if each.per_product}
    for item in row.items:
        for level in site.levels if item in per_product else site.levels[:1]:
            line = next((each for each in level.lines if each.item == item), None)
            if line is not None:
                yield _line(line, level.product if item in per_product else "", site)


def _line(line: Line, product: str, site: KnownSite) -> Part:
    """One line, in words that hold nothing anybody typed: neither the evidence kept, nor the reason of an exception."""
    told = [
        each.checked_on
        for each in site.facts.shown
        if each.item == line.item and each.product in (None, product) and each.checked_on and each.checked_on <= site.today
    ]  # fmt: skip
    role = site.checked_by.get((line.item, product), "")
    until = f" until {say_date(line.until)}" if line.until else ""
    # Of an exception the rule's own sentence names a person and a typed reason: neither leaves the site.
    why = f"by a director{until}" if line.state == "excepted" else line.because
    state = {"shown": "Shown", "excepted": "Excepted", "ended": "Not shown any more", "not_met": "Not met"}
    words = f"{state.get(line.state, 'Not known')}: {line.criterion} ({why})."
    by = f", checked by the {role}" if role else ", computed from what is on record" if told else ""
    return Part(
        words=words,
        known=line.state != "not_known",
        on=max(told, default=None),
        evidence=f"{line.evidence}{by}" if told else "",
        product=product,
        owner=line.owner if line.state == "not_known" else "",
        holds=line.state == "shown",
    )


def _happened(row: QuestionRow, told: Happened, site: KnownSite) -> Part:
    beside = f"Published: {'; '.join(told.beside)}." if told.beside else "No published count of this was found."
    return Part(
        words=f"{told.words} {beside}",
        known=told.known,
        on=site.today,
        evidence=told.evidence,
        owner="" if told.known else row.owner,
    )


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]


def few(count: int, least: int) -> bool:
    """Whether a count of people is too small to leave the programme; none at all is not."""
    return 0 < count < least


def _patients(site: KnownSite, counting: CountingRow) -> Iterator[Part]:
    """Patients of each product. No sum is said: from it a withheld count could be found by subtracting."""
    since = site.today - timedelta(days=counting.days)
    for product in sorted({*site.patients, *(level.product for level in site.levels)}):
        count = site.patients.get(product, 0)
        said = (
            f"withheld: fewer than {counting.least}" if few(count, counting.least) else str(count) if count else "none"
        )
        yield Part(
            words=f"Patients given a dose since {say_date(since)}: {said}.",
            known=True,
            on=site.today,
            evidence="doses on record here; what was given before Handrail came is not counted",
            product=product,
        )


def _stock(row: QuestionRow, site: KnownSite) -> Part:
    counted, doses = site.stock.counted_on, site.stock.doses
    if counted is None or doses is None:
        return _unknown(row, "Not known: nobody has counted the rescue doses here.")
    said = f"{doses} rescue dose{'' if doses == 1 else 's'}, counted on {say_date(counted)}"
    if (site.today - counted).days > site.count_holds_days:
        words = f"Not known today: {said}; a count holds for {site.count_holds_days} days."
        return _unknown(row, words, on=counted, evidence="count of the stock")
    if site.stock_touched:  # how many were given, and so how many reactions were treated, is nobody's to read here
        words = f"Not known today: {said}, and that count does not stand any more."
        return _unknown(row, words, on=counted, evidence="count of the stock")
    return Part(words=f"{said}.", known=True, on=counted, evidence="count of the stock", holds=doses > 0)


def _drills(row: QuestionRow, site: KnownSite, book: DrillBook) -> Iterator[Part]:
    """The last drill of each kind on record."""
    for kind in book.kind:
        runs = [each for each in site.drills if each.kind == kind.id and each.on is not None and each.on <= site.today]
        if not runs:
            if kind.required:
                yield _unknown(row, f"Not known: {kind.words}: none is on record.")
            continue
        last = max(runs, key=lambda each: each.on or date.min)
        passed = judge(last, book).passed
        words = {True: "passed", False: "not passed", None: "whether it was passed is not known"}[passed]
        on = say_date(last.on) if last.on else ""
        yield Part(
            words=f"{_begun(kind.words)}, last on {on}: {words}.",
            known=passed is not None,
            on=last.on,
            evidence="record of the drill with its times",
            product=last.product or "",
            owner=row.owner if passed is None else "",
            holds=passed is True,
        )


def _read_back(row: QuestionRow, site: KnownSite, counting: CountingRow) -> Part:
    """The median of the hours, an unread one counted as longer than every other: what nobody has read never makes it look quicker."""
    number = len(site.read_hours)
    if number < counting.least_hand_offs:
        words = f"Not known: fewer than {counting.least_hand_offs} hand-offs came in the last {counting.days} days."
        return _unknown(row, words)
    middle = median(Decimal("Infinity") if each is None else each for each in site.read_hours)
    unread = sum(1 for each in site.read_hours if each is None)
    open_ = "withheld" if few(unread, counting.least) else str(unread) if unread else "none"
    if not middle.is_finite():
        said = "no median: half of them or more were not read"
    else:
        said = f"median {Decimal(middle).quantize(_TENTH, rounding=ROUND_HALF_UP)} hours until a named person read it"
    return Part(
        words=f"{number} hand-offs in {counting.days} days: {said}; not read so far: {open_}.",
        known=True,
        on=site.today,
        evidence="hand-offs on record; a machine that delivers is no reader",
        holds=middle.is_finite(),
    )


def not_known(answers: Sequence[Answer]) -> list[tuple[Answer, Part]]:
    """What is still to be asked, with its owner."""
    return [(each, part) for each in answers for part in each.parts if not part.known]
