"""What one course used in its first weeks: bed days, visits to an emergency department, visits to the clinic, days at home.

A day of which nobody wrote down where the patient was is not known: neither a bed day nor a day at home.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final

from handrail.measures.data import Definitions
from handrail.measures.outcomes import Outcome, Window, step_up_window
from handrail.measures.places import OUTPATIENT, moves, setting_of
from handrail.measures.withholding import WITHHELD
from handrail.rules.doses import given_doses
from handrail.rules.history import History
from handrail.rules.site_profile import few
from handrail.rules.terms import civil_date, day_start

IN_PERSON = "in_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Of one course, and nothing that says whose.

    Attributes:
        whole: whether all the days had passed when it was counted.
        bed_days, home_days, days_not_known: civil days by where the patient was at their end; they add up to the days that passed.
        ed_visits: arrivals that are recorded; None: one may be missing.
        visits: days with a dose or an assessment in person.
    """

    product: str
    tocilizumab: str
    whole: bool
    bed_days: int
    home_days: int
    days_not_known: int
    ed_visits: int | None
    visits: int


def used(history: History, outcome: Outcome, rules: Definitions, now: datetime) -> Used | None:
    """What a course used by `now`; None: it has no step-up window.

    Args:
        history: the facts of `outcomes.KINDS` and the visits, of all the days that are counted.
        outcome: of the same course.
    """
    history = history.until(now)
    window = step_up_window(history, rules)
    if window is None:
        return None
    zone = window.doses[0].event.zone
    days, ends = _days(window, rules)
    start = False if setting_of(history, window.doses[0]) == OUTPATIENT else None
    where = [_where(history, end, start) for end in ends if end <= now]
    span = (window.begins, ends[-1])
    return Used(
        product=outcome.product,
        tocilizumab=outcome.prevention,
        whole=ends[-1] <= now,
        bed_days=where.count(True),
        home_days=where.count(False),
        days_not_known=where.count(None),
        ed_visits=_emergencies(history, *span),
        visits=len(_visits(history, days, zone)),
    )


def settled_from(history: History, rules: Definitions) -> datetime | None:
    """From when on time alone changes neither what became of a course nor what it used; None: nobody can say.

    Args:
        history: with every fact of the course that is counted, each of which has happened.
    """
    window = step_up_window(history, rules)
    if window is None or window.ends is None:
        return None
    return max(window.ends, _days(window, rules)[1][-1])


def _days(window: Window, rules: Definitions) -> tuple[list[date], list[datetime]]:
    """The civil days that are counted, and the end of each."""
    zone = window.doses[0].event.zone
    first = civil_date(window.begins, zone)
    days = [first + timedelta(days=number) for number in range(rules.utilisation.days)]
    return days, [day_start(day + timedelta(days=1), zone) for day in days]


def _where(history: History, at: datetime, start: bool | None) -> bool | None:
    """In hospital at an instant, not there, or not known. `start`: before anything was written down."""
    inside = start
    for moved_at, now_in in moves(history):
        if moved_at >= at:
            break
        inside = now_in
    return inside


def _emergencies(history: History, begins: datetime, ends: datetime) -> int | None:
    """Arrivals at an emergency department; None when somebody was sent there and none is recorded, or a place is not known."""
    places = [
        e for e in history.of("home_status") if begins <= e.at < ends and ("location" in e.nulls or e.body.location)
    ]
    if any("location" in each.nulls for each in places):
        return None
    arrived = sum(
        each.body.location == "ed" and (number == 0 or places[number - 1].body.location != "ed")
        for number, each in enumerate(places)
    )
    sent = any(
        e.body.outcome == "sent_to_ed" or "outcome" in e.nulls
        for e in history.of("contact_made")
        if begins <= e.at < ends
    )
    return None if sent and not arrived else arrived


def _visits(history: History, days: Sequence[date], zone: str) -> set[date]:
    """The days on which the patient was seen: a dose, or an assessment in person."""
    found = {dose.on for dose in given_doses(history) if dose.on is not None}
    found |= {
        e.body.on or civil_date(e.at, zone) for e in history.of("visit_done") if e.body.contact == IN_PERSON
    }  # fmt: skip
    return found & set(days)


def without_identity(courses: Iterable[Used], least: int) -> list[Used]:
    """The courses in an order that says nothing of when they began, and without a product, or a word about tocilizumab, that few share."""
    told = list(courses)
    sizes = Counter((each.product, each.tocilizumab) for each in told)
    shared = sorted((key for key, size in sizes.items() if size >= least), key=lambda key: (sizes[key], key))
    # whoever is alone among those withheld is as easily found as before
    while shared and few(len(told) - sum(sizes[key] for key in shared), least):
        shared.pop(0)
    plain = [
        each if (each.product, each.tocilizumab) in shared else replace(each, product=WITHHELD, tocilizumab=WITHHELD)
        for each in told
    ]
    return sorted(plain, key=lambda each: tuple(map(str, columns(each))))


columns: Final[Callable[[Used], tuple[object, ...]]] = attrgetter(*(each.name for each in fields(Used)))
"""What a course used, one value for each field."""
