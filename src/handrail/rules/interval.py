"""Is the longer interval that the label names due, or may it be considered?

The conditions stand in the `[[interval_change]]` rows: response, how long it has held, weeks of treatment, weeks on the present
interval. Nothing changes by itself: the prescriber chooses the interval, and the schedule counts from that choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from handrail.rules.answer import Finding, NextDose
from handrail.rules.doses import Given
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.protocol import IntervalChangeRow, Protocol
from handrail.rules.schedule import RESPONSES, doses_wanting, months_later, unmet_conditions
from handrail.rules.switching import schedule_at
from handrail.rules.terms import Action, Urgency, civil_date, day_start, say_date
from handrail.rules.upcoming import Upcoming

NOT_NOW = {Action.STOP, Action.RESTART, Action.REPEAT}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalAnswer:
    """The longer interval that is due, and when time alone changes that."""

    findings: tuple[Finding, ...] = ()
    changes_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """The latest response, and since when every word on it was at least as good as a row asks."""

    category: str | None
    since: date | None


def interval(
    protocol: Protocol, history: History, doses: Sequence[Given], dose: NextDose, coming: Upcoming | None
) -> IntervalAnswer:
    """Whether a longer interval is due on the day of the next dose.

    Args:
        dose: while step-up doses are repeated (also when that is withheld), or after a stop, nothing is due.
        coming: the dose that comes next; without one nothing is said.
    """
    current = schedule_at(history, protocol)
    dated = [given.on for given in doses if given.on is not None]
    treated = bool(doses) and doses[-1].is_treatment and len(dated) == len(doses)
    withheld = dose.would_be.action if dose.would_be is not None else None
    if coming is None or current is None or not treated or {dose.action, withheld} & NOT_NOW:
        return IntervalAnswer()
    since = _on_schedule_since(history, current, dated[0])
    findings: list[Finding] = []
    changes: list[datetime] = []
    for row in protocol.interval_change:
        if row.from_schedule != current or row.to_schedule not in protocol.schedules:
            continue
        response = _response(history, row)
        changes += [day_start(day, coming.zone) for day in _edges(row, response, dated[0], since)]
        unmet = list(unmet_conditions(row, response.category, response.since, dated[0], since, coming.on))
        unmet += doses_wanting(row, [given.step for given in doses])
        said = _said(row, response, unmet)
        if said is not None:
            findings.append(_finding(protocol, row, said, _counts(doses, current, dated[0], since)))
    return IntervalAnswer(findings=tuple(findings), changes_at=tuple(changes))


def _said(row: IntervalChangeRow, response: _Response, unmet: Sequence[str]) -> str | None:
    """The sentence, or None while the label's conditions are not met.

    Where the weeks have passed and only the response is not known, a label that says "should" is worth a question.
    """
    words = row.to_schedule.replace("_", " ")
    if not unmet:
        return f"The switch to {words} is due" if row.wording == "should" else f"A switch to {words} may be considered"
    asks_weeks = row.min_weeks_since_first_dose is not None or row.min_weeks_on_from is not None
    if row.wording == "should" and asks_weeks and response.category is None and not any("weeks" in u for u in unmet):
        return f"The switch to {words} may be due: the response is not known"
    return None


def _finding(protocol: Protocol, row: IntervalChangeRow, said: str, counts: str) -> Finding:
    return Finding(
        rule="interval",
        what=said,
        urgency=Urgency.ROUTINE,
        owner="prescriber",
        because=f"{row.words}; {counts}; the prescriber chooses the interval",
        source=protocol.source_of(row),
    )


def _counts(doses: Sequence[Given], current: str, first_on: date, since: date) -> str:
    """Both counts, because the label does not say whether weeks of delay are weeks of treatment."""
    on_it = sum(1 for dose in doses if dose.on is not None and dose.on >= since)
    return (
        f"first dose on {say_date(first_on)} ({len(doses)} doses since), "
        f"{current.replace('_', ' ')} since {say_date(since)} ({on_it} doses since)"
    )


def _on_schedule_since(history: History, current: str, first_on: date) -> date:
    """The day from which the present interval has been in force without a break."""
    since: date | None = None
    for event in history.of("schedule_changed", "protocol_changed"):
        if event.body.schedule is None and "schedule" not in event.nulls:
            continue
        if event.body.schedule != current:
            since = None
        elif since is None:
            since = civil_date(event.at, event.zone)
    return first_on if since is None else max(since, first_on)


def _response(history: History, row: IntervalChangeRow) -> _Response:
    """The latest response and since when it has held, from the assessments and from what was written with a choice."""
    said = [e for e in history.of("response_assessed", "schedule_changed") if _says(e)]
    if not said or said[-1].body.response not in RESPONSES:
        return _Response(category=None, since=None)
    since: date | None = None
    for event in said:
        if not _good(event, row):
            since = None
            continue
        written = getattr(event.body, "response_since", None)
        day = written or civil_date(event.at, event.zone)
        since = day if since is None else min(since, day)
    return _Response(category=said[-1].body.response, since=since)


def _says(event: Event) -> bool:
    return event.body.response is not None or "response" in event.nulls


def _good(event: Event, row: IntervalChangeRow) -> bool:
    wanted, response = row.response_at_least, event.body.response
    if response not in RESPONSES:
        return False
    return wanted is None or RESPONSES.index(response) <= RESPONSES.index(wanted)


def _edges(row: IntervalChangeRow, response: _Response, first_on: date, since: date) -> list[date]:
    """The days on which a condition becomes true."""
    days = []
    if row.response_held_months is not None and response.since is not None:
        days.append(months_later(response.since, row.response_held_months))
    if row.min_weeks_since_first_dose is not None:
        days.append(first_on + timedelta(weeks=row.min_weeks_since_first_dose))
    if row.min_weeks_on_from is not None:
        days.append(since + timedelta(weeks=row.min_weeks_on_from))
    return days
