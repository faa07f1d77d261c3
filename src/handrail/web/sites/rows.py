"""What the pages of sites show, as plain strings made once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from handrail.actions.site_facts import Experience, Gathered
from handrail.rules.setting_facts import LEVELS, reaches
from handrail.rules.site_booking import why_not_yet
from handrail.rules.site_levels import HOLDS, LICENSED, Line, SiteLevel, load_site_levels
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date

STATES: Final = {
    "shown": ("good", "Shown"),
    "excepted": ("today", "Excepted"),
    "ended": ("soon", "Ended"),
    "not_met": ("soon", "Not met"),
    "not_known": ("routine", "Not known"),
}
"""Colour and word of each state; the word alone says it."""


def site_row(known: Gathered, product: str) -> dict[str, Any]:
    """One site and product of the list."""
    level = known.level(product)
    held = level.level != LEVELS[0]
    return {
        "id": known.site.pk,
        "site": known.site.name,
        "organisation": known.site.organisation.name,
        "product": product,
        "mark": "good" if held else "routine",
        "level": f"Level {level.level}",
        "words": level.words,
        "until": say_date(level.until) if level.until else "",
        "next": why_not_yet(level),
        "signed": _signed(level),
    }


def _signed(level: SiteLevel) -> str:
    if level.granted is None:
        return "No director has signed a level."
    if level.granted != level.level:
        return f"Level {level.granted} is signed, and items of it do not hold."
    return ""


def groups(known: Gathered, level: SiteLevel, *, may_record: bool, may_sign: bool) -> Iterator[dict[str, Any]]:
    """The checklist by level: what stands open first, with who does what; what holds is folded away."""
    following = level.next_level
    words = load_site_levels().words
    for each in LEVELS[1:]:
        lines = [line for line in level.lines if line.from_level == each]
        open_ = [line for line in lines if line.state not in HOLDS]
        yield {
            "level": each,
            "words": words(each),
            "count": len(open_),
            "later": following is not None and not reaches(following, each),
            "open": [_line(known, line, may_record, may_sign) for line in open_],
            "held": [_line(known, line, may_record, may_sign) for line in lines if line.state in HOLDS],
        }


def _line(known: Gathered, line: Line, may_record: bool, may_sign: bool) -> dict[str, Any]:
    mark, word = STATES[line.state]
    last = next((row for row in known.items if row.item == line.item), None)
    row = next(row for row in (*load_site_levels().item, *load_site_levels().licence_item) if row.id == line.item)
    return {
        "item": line.item,
        "mark": mark,
        "word": word,
        "criterion": line.criterion,
        "because": line.because,
        "needs": line.evidence,
        "owner": role_words(line.owner),
        "next": line.next_step or "",
        "until": say_date(line.until) if line.until else "",
        "computed": known.computed.get(line.item, ""),
        "evidence": f"{last.evidence}, by {last.by.name}" if last is not None and last.evidence else "",
        "may_record": may_record,
        "may_except": may_sign and row.exception and line.state not in HOLDS,
        "may_take_back": may_sign and line.state == "excepted",
    }


def licence_words(known: Gathered, level: SiteLevel) -> str:
    """The type of licence and who answers for dispensing; empty: not recorded."""
    if level.licence is None:
        return ""
    row = next(row for row in load_site_levels().licence if row.id == level.licence)
    last = next((each for each in known.items if each.item == LICENSED and each.licence == level.licence), None)
    who = f"{row.dispenser}: {last.dispenser}" if last is not None and last.dispenser else row.dispenser
    return f"{row.words}; for dispensing answers {who}"


def experience_rows(experience: Experience, level: SiteLevel) -> list[tuple[str, str]]:
    """What the site did at its level, and what a director looks at before signing the next one."""
    since = f"since {say_date(experience.since)}" if experience.since else "no level holds"
    last = say_date(experience.last_serious) if experience.last_serious else "none on record"
    rows = [
        ("Patients looked after at this level", f"{experience.patients} ({since})"),
        ("Last serious event", last),
        ("Serious events that nobody reviewed", str(experience.not_reviewed)),
    ]
    asked = [(each.because, each.met) for each in level.promotion]
    met = {True: "met", False: "NOT met", None: "not known"}
    return [*rows, *((f"For level {level.next_level}: {because}", met[state]) for because, state in asked)]
