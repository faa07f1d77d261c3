"""Did patient and caregiver say it back: every item, each of the two apart, since the last time that it had to be asked anew?

Every item is asked before the first dose, and again after the first dose, after every reaction or infection, and when another team takes
over. What was to be repeated and then said is passed. What nobody recorded, or was not taught in the person's own language, is not passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, Literal

from handrail.rules.curriculum import FOLDER, check_rows, read_training
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.events import Event
from handrail.rules.evidence import Evidence
from handrail.rules.history import History
from handrail.rules.home_events import TeachBackDone
from handrail.rules.home_medicines import standing_authorisations
from handrail.rules.policy import Policy
from handrail.rules.setting_rules import SettingRow
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import say_date, say_instant, zone_named

FORMAT: Final = "handrail-teach-back/1"
KIND: Final = "teach_back_done"
Who = Literal["patient", "caregiver"]
PEOPLE: Final[tuple[Who, ...]] = ("patient", "caregiver")
ItemState = Literal["repeat", "not_done", "not_known", "passed"]
CAUTION: Final[tuple[ItemState, ...]] = ("repeat", "not_done", "not_known", "passed")
"""The most cautious first."""
LINES: Final[dict[int, Who]] = {10: "caregiver", 12: "patient"}
"""Lines of the readiness gate: 10, the caregiver is trained; 12, the patient can measure and reach us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow(SettingRow):
    """One item: what the person can do, the question, and the medicine at home without which it is not asked."""

    id: str
    words: str
    ask: str
    only_with: Literal["dexamethasone", "antipyretic", "antibiotic"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachBackBook:
    """The shipped items."""

    format: str
    id: str
    version: str
    item: tuple[ItemRow, ...]


@cache
def load_teach_back() -> TeachBackBook:
    """The shipped items.

    Raises:
        ProtocolDataError: an unknown key, a missing source, an id twice, or no item.
    """
    return teach_back_from_toml((FOLDER / "teach-back-1.toml").read_text(encoding="utf-8"))


def teach_back_from_toml(text: str) -> TeachBackBook:
    """Items from their text; see `load_teach_back`."""
    book, sources = read_training(TeachBackBook, text, FORMAT, "A teach-back starts")
    check_rows([(row.id, row) for row in book.item], sources)
    if not any(row.only_with is None for row in book.item):
        raise ProtocolDataError("missing_key", "Some item is asked of everybody.", "item")
    return book


# --- the answer ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Where one person stands with one item since it was to be asked; `before`: it was passed before that."""

    id: str
    words: str
    ask: str
    state: ItemState
    at: datetime | None
    repeats: int
    before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """One person: every item that is asked, and whether all are passed. None: nobody has recorded some of them."""

    who: Who
    met: bool | None
    items: tuple[Item, ...]

    @property
    def open(self) -> tuple[Item, ...]:
        """What is not passed."""
        return tuple(each for each in self.items if each.state != "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachBack:
    """Both people, and since when and why every item is asked. `since` None: from the beginning."""

    since: datetime | None
    because: str
    people: tuple[Taught, ...]
    zone: str

    def of(self, who: Who) -> Taught:
        """One of the two."""
        return next(each for each in self.people if each.who == who)


def teach_back(history: History, book: TeachBackBook, policy: Policy, now: datetime) -> TeachBack:
    """Where patient and caregiver stand at `now`. Of corrections that contradict one another the more cautious counts."""
    history = history.until(now)
    if not history.conflicts:
        return _told(history, book, policy)
    ways = history.ways()
    answers = [_told(way, book, policy) for way in ways]
    latest = max(answers, key=lambda each: each.since.timestamp() if each.since else 0.0)
    people = tuple(_cautious([answer.of(who) for answer in answers]) for who in PEOPLE)
    return TeachBack(since=latest.since, because=latest.because, people=people, zone=latest.zone)


def _told(history: History, book: TeachBackBook, policy: Policy) -> TeachBack:
    since, because = _asked_since(history, policy)
    given = {event.body.agent for event in standing_authorisations(history)}
    rows = [row for row in book.item if row.only_with is None or row.only_with in given]
    people = tuple(_person(who, rows, history.of(KIND), since) for who in PEOPLE)
    return TeachBack(since=since, because=because, people=people, zone=history.course.time_zone)


def _asked_since(history: History, policy: Policy) -> tuple[datetime | None, str]:
    """The last instant since which everything is asked anew, and why."""
    zone = history.course.time_zone
    asked: list[tuple[datetime, str]] = []
    if doses := history.of("dose_given"):
        asked.append((doses[0].at, f"after the first dose on {_day(doses[0].at, zone)}, before the next"))
    followed = episodes(history, given_doses(history), policy)
    for course in (followed.crs, followed.icans, followed.infection, followed.neurotoxicity):
        for episode in course.episodes:
            at = episode.last_evidence or episode.opened_at
            words = episode.toxicity.upper() if episode.toxicity in ("crs", "icans") else episode.toxicity
            perhaps = "what may have been " if episode.grade is None else ""
            asked.append((at, f"after {perhaps}{words}, last seen on {_day(at, zone)}"))
    asked += [(e.at, f"another team takes over, {_day(e.at, zone)}") for e in history.of("accountability_moved")]
    if not asked:
        return None, "before the first dose"
    return max(asked)


def _day(at: datetime, zone: str) -> str:
    return say_date(at.astimezone(zone_named(zone)).date())


def _person(who: Who, rows: Sequence[ItemRow], told: Sequence[Event], since: datetime | None) -> Taught:
    """One person, item by item; an answer about nobody in particular may be about this one, and passes nothing."""
    own = [event for event in told if event.body.who in (who, None)]
    items = tuple(_item(row, who, own, since) for row in rows)
    return Taught(who=who, met=_met([each.state for each in items]), items=items)


def _met(states: Sequence[ItemState]) -> bool | None:
    if "repeat" in states or "not_done" in states:
        return False
    return None if "not_known" in states else True


def _item(row: ItemRow, who: Who, told: Sequence[Event], since: datetime | None) -> Item:
    answers = [(event.at, state) for event in told if (state := _answer(event, row.id, who)) is not None]
    now = [(at, state) for at, state in answers if since is None or at >= since]
    last = max((at for at, _ in now), default=None)
    found = [state for at, state in now if at == last]
    return Item(
        id=row.id,
        words=row.words,
        ask=row.ask,
        state=min(found, key=CAUTION.index, default="not_known"),
        at=last,
        repeats=sum(state == "repeat" for _, state in now),
        before=any(state == "passed" for at, state in answers if since is not None and at < since),
    )


def _answer(event: Event, item: str, who: Who) -> ItemState | None:
    """What one teach-back says of an item; None: nothing."""
    body: TeachBackDone = event.body
    if body.items is None:
        return "not_known" if "items" in event.nulls else None
    said = body.items.get(item)
    if said != "passed":
        return said
    if body.who != who or body.own_language is None:
        return "not_known"
    return "passed" if body.own_language else "repeat"


def _cautious(answers: Sequence[Taught]) -> Taught:
    """Several readings of one person's answers as one: every item by the most cautious."""
    items: dict[str, Item] = {}
    for each in (item for answer in answers for item in answer.items):
        held = items.get(each.id)
        if held is None or CAUTION.index(each.state) < CAUTION.index(held.state):
            items[each.id] = each
    return Taught(who=answers[0].who, met=_met([each.state for each in items.values()]), items=tuple(items.values()))


# --- the readiness gate -------------------------------------------------------------------------------------------------------


def gate_evidence(line: int, told: TeachBack) -> Evidence:
    """Line 10: the caregiver is trained. Line 12: the patient was taught, in their own language, to measure and to reach us.

    Raises:
        KeyError: another line.
    """
    taught = told.of(LINES[line])
    name = f"teach-back of the {taught.who}"
    times = [each.at for each in taught.items if each.at is not None]
    shown = f"{name}, {say_instant(max(times), told.zone)}" if times else None
    if taught.met:
        return Evidence(met=True, because=f"{name}: every item passed ({told.because})", owner="nurse", evidence=shown)
    words = "; ".join(_open_words(taught))
    return Evidence(
        met=taught.met,
        because=f"{name}, asked {told.because}: {words}",
        owner="nurse",
        next_step=f"teach the {taught.who}, and record every item",
        evidence=shown,
    )


STATE_WORDS: Final = {"repeat": "to be repeated", "not_done": "not done", "not_known": "not recorded"}


def _open_words(taught: Taught) -> Iterator[str]:
    """`to be repeated: fever number, card`; all of one state are counted rather than named when they are many."""
    for state, words in STATE_WORDS.items():
        items = [each for each in taught.items if each.state == state]
        if items and len(items) == len(taught.items):
            yield f"every item {words}"
        elif items:
            yield f"{words}: {', '.join(each.id.replace('_', ' ') for each in items)}"
