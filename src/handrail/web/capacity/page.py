"""What the pages of capacity show: strings are made here, templates place them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from handrail.actions.capacity import Capacity
from handrail.actions.capacity_starts import Asked
from handrail.actions.waiting import OWNERS, NotStarted
from handrail.people.models import WaitEntry
from handrail.records.models import Course
from handrail.rules.capacity import Against, Cell, DayLoad, ahead
from handrail.rules.capacity_data import NUMBERS, Need, Number, load_capacity
from handrail.rules.capacity_data import OWNERS as NEED_OWNERS
from handrail.rules.course_load import WHO, Who
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date
from handrail.web.words import local_time

COLUMNS: Final[tuple[tuple[Need, str], ...]] = (
    ("assessments", "Watched patients to assess"),
    ("chairs", "Doses to give"),
    ("on_call", "Watched, for who is on call"),
    ("beds", "Watched, for beds"),
    ("tocilizumab", "Rescue tocilizumab, doses"),
    ("starts", "First doses"),
)
STATES: Final = {
    "room": ("good", "room"),
    "full": ("today", "full"),
    "over": ("now", "too many"),
    "not_known": ("routine", "not known"),
}
"""Colour and word of each state; the word alone says it."""
HANDS: Final[tuple[Who, ...]] = ("app", "nurse", "physician", "not_known")
NAMED_HOLES: Final = 2
Named = Callable[[Course], str]
"""How a patient is called for this reader."""


def days(capacity: Capacity) -> Iterator[dict[str, Any]]:
    """Each day of the table."""
    for each in ahead(capacity.can, capacity.today, load_capacity()):
        yield {
            "day": say_date(each.on),
            "holiday": each.on in capacity.can.holidays,
            "cells": [_cell(one) for one in each.cells],
            "rota": _rota(each),
            "mark": ROOM[each.room],
        }


ROOM: Final = {
    True: ("good", "room for one more"),
    False: ("now", "no room for one more"),
    None: ("routine", "not known"),
}


def _cell(cell: Cell) -> dict[str, str]:
    mark, word = STATES[cell.state]
    there = "?" if cell.there is None else str(cell.there)
    return {"mark": mark, "word": word, "numbers": f"{cell.used} of {there}", "label": dict(COLUMNS)[cell.need]}


def _rota(load: DayLoad) -> dict[str, Any]:
    open_: list[Against] = [each for each in load.against if each.need == "rota"]
    if not open_:
        return {"mark": "good", "word": "covered", "holes": [], "more": 0}
    known = [each for each in open_ if each.met is False]
    mark, word = ("now", "not covered") if known else ("routine", "not known")
    words = list(dict.fromkeys(each.because for each in (known or open_)))
    return {"mark": mark, "word": word, "holes": words[:NAMED_HOLES], "more": max(0, len(words) - NAMED_HOLES)}


def reviews(capacity: Capacity) -> dict[str, Any]:
    """On whom the daily reviews of these days fall, day by day and together."""
    last = capacity.today + timedelta(days=load_capacity().ahead.days)
    counted = Counter(
        (seen.on, seen.who) for each in capacity.booked for seen in each.load.seen if capacity.today <= seen.on < last
    )
    on = sorted({day for day, _who in counted})
    total = {who: sum(count for (_day, each), count in counted.items() if each == who) for who in HANDS}
    shown = [who for who in HANDS if who != "not_known" or total[who]]
    hands = {who: _upper(WHO[who]) for who in shown}
    return {
        "hands": list(hands.values()),
        "total": [(words, total[who]) for who, words in hands.items()],
        "physician": total["physician"],
        "rows": [(say_date(each), [(words, counted[each, who]) for who, words in hands.items()]) for each in on],
    }


def tasks(capacity: Capacity, named: Named, reached: frozenset[UUID]) -> Iterator[dict[str, str]]:
    """What is not known, each with who says it."""
    today = capacity.today
    for what, words in NUMBERS.items():
        told = capacity.can.told(what, today)
        if told.there is None and what != "patients_each":
            last = f" (it was {told.last} when it was last known)" if told.last is not None else ""
            yield {"what": f"{_upper(words)}: not known{last}", "owner": "Site manager", "step": "say the number below"}
    if capacity.can.on_call is None:
        yield {
            "what": "Who is on call: not known, the rota has no shift",
            "owner": "Site manager",
            "step": "fill the rota",
        }
    if capacity.shelf.told.there is None:
        yield {
            "what": f"Rescue tocilizumab: not known, {capacity.shelf.words}",
            "owner": _upper(NEED_OWNERS["tocilizumab"]),
            "step": "count it at the access desk",
        }
    for each in capacity.booked:
        if each.load.because:
            name = named(each.course) if each.course.pk in reached else "a patient whom you do not reach"
            yield {
                "what": f"{_upper(name)} is counted on every day: {each.load.because}",
                "owner": "Prescriber",
                "step": "plan the next dose, or correct the record",
            }
    lost = sum(each.load.no_day for each in capacity.booked)
    if lost:
        yield {
            "what": f"{lost} with a next dose that has no day: their chairs are not counted",
            "owner": "Coordinator",
            "step": "plan the dose, or end the course",
        }


def numbers(capacity: Capacity) -> Iterator[dict[str, str]]:
    """Each number as it stands today, and a later word that is written already."""
    rules = load_capacity()
    for what, words in NUMBERS.items():
        told = capacity.can.told(what, capacity.today)
        row = capacity.word(what, capacity.today)
        value = "not known" if told.there is None else str(told.there)
        if what == "patients_each" and row is None:
            value = f"{rules.on_call.patients_each}, the shipped default, to be signed by the medical lead"
        yield {
            "words": _upper(words),
            "value": value,
            "by": f"since {say_date(row.from_on)}, by {row.by.name}, {role_words(row.role)}" if row is not None else "",
            "later": "; ".join(_later(capacity, what)),
        }
    shelf = capacity.shelf.told.there
    yield {
        "words": "Rescue tocilizumab in stock, doses",
        "value": "not known" if shelf is None else str(shelf),
        "by": capacity.shelf.words,
        "later": "",
    }


def _later(capacity: Capacity, what: Number) -> Iterator[str]:
    for on in sorted(
        {each.from_on for each in capacity.numbers if each.what == what and each.from_on > capacity.today}
    ):
        number = capacity.can.told(what, on).there
        yield f"from {say_date(on)}: {'not known' if number is None else number}"


def booked(starts: Sequence[Asked], named: Named) -> Iterator[dict[str, Any]]:
    """Each start that is booked, and whether its site covers it."""
    for asked in starts:
        mark, word = _state(asked)
        decided = asked.decided
        yield {
            "id": asked.course.pk,
            "name": named(asked.course),
            "day": say_date(asked.on),
            "mark": mark,
            "word": word,
            "against": list(
                dict.fromkeys(each.because for each in (*asked.answer.refused_by, *asked.answer.not_known))
            ),
            "first": asked.answer.first_words if asked.answer.covered is not True else "",
            "decided": f"{_upper(decided.get_kind_display())} it goes on: {decided.reason} ({decided.by.name}, {role_words(decided.role)})"
            if decided is not None
            else "",
        }


def _state(asked: Asked) -> tuple[str, str]:
    if asked.answer.covered:
        return "good", "covered"
    if asked.refused:
        return "now", "not covered"
    if asked.not_counted:
        return "today", "nobody has counted: decide"
    return "today", "goes on by decision"


def waiting(rows: Sequence[NotStarted], named: Named, now: datetime) -> Iterator[dict[str, Any]]:
    """Each patient who is not started."""
    for row in rows:
        yield {
            "id": row.course.pk,
            "name": named(row.course),
            "site": row.course.site.name if row.course.site else row.course.organisation.name,
            "product": row.course.product,
            "mark": "routine" if row.ended else "today",
            "word": "never started" if row.ended else "waits" if row.cause else "ask",
            "cause": _upper(row.words),
            "since": local_time(row.since, row.zone),
            "days": row.days(now),
            "wanted": say_date(row.wanted_on) if row.wanted_on else "",
            "reason": row.reason,
            "by": row.by.name if row.by is not None else "",
            "owner": _upper(row.owner),
        }


def by_cause(rows: Sequence[NotStarted]) -> list[tuple[str, int, int, str]]:
    """Each cause: who waits now, who was never started, and who mends it."""
    causes = [*WaitEntry.Cause.values, ""]
    words = {**{each.value: each.label for each in WaitEntry.Cause}, "": "no cause is written down"}
    return [
        (
            _upper(words[cause]),
            sum(row.cause == cause and not row.ended for row in rows),
            sum(row.cause == cause and row.ended for row in rows),
            _upper(OWNERS[cause]),
        )
        for cause in causes
    ]


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
