"""Who answers for a task as a line that a person types, and back: `community | Community oncologist | attending | Mon-Fri 08:00-17:00`.

The parts stand between bars: the party, who that is, and, where it matters, as which step of the rota, on which days and hours, and
before or after the hand-off.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from handrail.rules.accountability import PHASE_WORDS
from handrail.rules.responsibility import DAYS, DOSING_SITE, DUTIES, Day, Rule, check_rule
from handrail.rules.strict import ProtocolDataError

SITE_WORDS: Final = "dosing site"
DUTY_WORDS: Final = {duty: duty.replace("_", " ") for duty in DUTIES}
_PHASES: Final = {words: phase for phase, words in PHASE_WORDS.items()}
_DUTIES: Final = {words: duty for duty, words in DUTY_WORDS.items()}
USUAL_DUTY: Final = "first_on_call"


def say_rule(rule: Rule) -> str:
    """The line of a rule."""
    parts = [SITE_WORDS if rule.party == DOSING_SITE else rule.party, rule.role]
    if rule.duty != USUAL_DUTY:
        parts.append(DUTY_WORDS[rule.duty])
    if when := say_when(rule):
        parts.append(when)
    if rule.phase is not None:
        parts.append(PHASE_WORDS[rule.phase])
    return " | ".join(parts)


def say_when(rule: Rule) -> str:
    """`Mon-Fri 08:00-17:00`; nothing for always."""
    hours = f"{rule.starts}-{rule.ends}" if rule.starts is not None else ""
    return " ".join(part for part in (say_days(rule.days), hours) if part)


def say_days(days: tuple[Day, ...]) -> str:
    """`Mon-Fri, Sun`: days that follow one another as a span."""
    numbers = sorted(DAYS.index(day) for day in days)
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    said = [_span(span) for span in spans]
    return ",".join(said)


def _span(span: list[int]) -> str:
    names = [DAYS[number].capitalize() for number in span]
    return f"{names[0]}-{names[-1]}" if len(span) > 2 else ",".join(names)


def read_rules(text: str, parties: Iterable[str], path: str) -> list[Rule]:
    """The rules of several lines.

    Raises:
        ProtocolDataError: with the number of the line that cannot be used.
    """
    lines = [line.strip() for line in text.splitlines()]
    return [read_rule(line, parties, f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line]


def read_rule(line: str, parties: Iterable[str], path: str) -> Rule:
    """The rule of one line.

    Raises:
        ProtocolDataError: with what it should have been.
    """
    words = [part.strip() for part in line.split("|")]
    if len(words) < 2 or not words[0] or not words[1]:
        raise ProtocolDataError("wrong_value", "A line is: party | who | duty | days and hours | phase.", path)
    party = DOSING_SITE if words[0].lower() in (SITE_WORDS, DOSING_SITE) else words[0].lower()
    duty, phase, when = USUAL_DUTY, None, ""
    for part in words[2:]:
        said = " ".join(part.lower().split())
        if said in _DUTIES:
            duty = _DUTIES[said]
        elif said in _PHASES:
            phase = _PHASES[said]
        elif said not in ("", "always"):
            when = said
    days, starts, ends = read_when(when, path)
    rule = Rule(party=party, role=words[1], duty=duty, phase=phase, days=days, starts=starts, ends=ends)
    check_rule(rule, parties, path)
    return rule


def read_when(text: str, path: str) -> tuple[tuple[Day, ...], str | None, str | None]:
    """Days, start and end of `Mon-Fri 08:00-17:00`.

    Raises:
        ProtocolDataError: neither days nor hours, nor a duty, nor a phase.
    """
    days: list[Day] = []
    starts = ends = None
    for word in text.replace(",", " ").split():
        first, dash, last = word.partition("-")
        if ":" in word and dash:
            starts, ends = first, last
        elif first in DAYS and (not dash or last in DAYS):
            begin, end = DAYS.index(first), DAYS.index(last if dash else first)
            days += [DAYS[number % 7] for number in range(begin, (end if end >= begin else end + 7) + 1)]
        else:
            raise ProtocolDataError(
                "unknown_word",
                f"{word!r} is no day, no hours, no duty and no phase; write like Mon-Fri 08:00-17:00.",
                path,
            )
    return tuple(day for day in DAYS if day in days), starts, ends
