"""The courses of a programme as its figures count them: read in bulk, a constant number of queries however many courses there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from handrail.actions.errors import NotAllowedError
from handrail.actions.figures_kept import KEPT, NOBODY, Record, digest, marks
from handrail.actions.payer_requests import waivers
from handrail.measures.data import Definitions, definitions
from handrail.measures.figures import in_period
from handrail.measures.outcomes import KINDS, Outcome, outcome
from handrail.measures.utilisation import Used, settled_from, used
from handrail.people import permissions
from handrail.people.models import User
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.records.reach import courses_of
from handrail.rules.history import History
from handrail.rules.pinned import policy_for
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, UnusableInput, civil_date

VERB: Final = "view_figures"
AFTER: Final = timedelta(days=31)
"""Readings later than this after the first treatment dose are not read: the window closed long before."""
DAILY: Final = ("checkin_received", "contact_made", "home_status", "medicine_given", "visit_done", "vitals_measured")
"""What is written down again and again for years; everything else is read whole."""
_STARTS: Final = (*STEP_UP_STEPS, FIRST_TREATMENT, None)


@dataclass(frozen=True, slots=True)
class Row:
    """A course that is counted: its id, the name of its site, None: it has none, and what is known of the person, as JSON."""

    pk: UUID
    site: str | None
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of one course and what it used, and the course as a row."""

    course: Row
    outcome: Outcome
    used: Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was read: the courses that are counted, and those of which nothing can be said because their record cannot be read."""

    reads: tuple[Read, ...]
    unreadable: frozenset[UUID]
    today: date

    @property
    def outcomes(self) -> list[Outcome]:
        """Those of the courses, in the order of their start."""
        return [each.outcome for each in self.reads]


def read_figures(person: User, now: datetime, rules: Definitions | None = None) -> Figures:
    """Every course of the person's organisations whose step-up began in the quarters that are counted. Constant number of queries.

    Raises:
        NotAllowedError: the person's role reads no figures at any organisation.
    """
    if not permissions.may(person, VERB, None, now):
        raise NotAllowedError("Your role reads no figures of the programme.")
    return _read(courses_of(person, now, VERB), now, rules or definitions())


def figures_of(organisation_id: UUID, now: datetime, rules: Definitions | None = None) -> Figures:
    """The same of the courses of one organisation, whoever asks: nothing of it leaves but what `measures.withholding` lets go."""
    return _read(Course.objects.filter(organisation_id=organisation_id), now, rules or definitions())


def _read(reached: QuerySet[Course], now: datetime, rules: Definitions) -> Figures:
    courses = _begun(reached, now, rules)
    waived = set(waivers(courses))
    rows: dict[UUID, Row] = {}
    headers: dict[UUID, str] = {}
    zones: list[str] = []
    columns = courses.annotate(told=Cast("facts", TextField()), header=digest(*wire.HEADER))
    for pk, site, told, header, zone in columns.values_list(
        "pk", "site__name", "told", "header", "organisation__time_zone"
    ):
        rows[pk] = Row(pk, site, told)
        headers[pk] = header
        zones.append(zone)
    records = {
        key: Record(mark=mark, header=headers[key], waived=key in waived, rules=rules)
        for key, mark in marks(rows).items()
    }
    known = {key: found for key, record in records.items() if (found := KEPT.get(key, record, now)) is not None}
    reads = [Read(course=rows[key], outcome=found[0], used=found[1]) for key, found in known.items()]
    unreadable = set()
    anew = [key for key in rows if key not in known]
    held = _courses(anew)
    for key, events in _events(anew, now):
        try:
            answer = _counted(held[key], events, rules, now, waived=key in waived)
        except UnusableInput:
            unreadable.add(key)
            continue
        if answer is not None:
            reads.append(Read(course=rows[key], outcome=answer.outcome, used=answer.used))
            if held[key].header == headers[key]:  # nobody changed it in between
                _keep(key, records.get(key), answer, events, now)
    # The zone whose calendar says which quarter it is: that of the first organisation; of nobody any will do.
    today = civil_date(now, zones[0] if zones else "UTC")
    counted = {id(each) for each in in_period((read.outcome for read in reads), rules, today)}
    kept = sorted(
        (read for read in reads if id(read.outcome) in counted),
        key=lambda read: (read.outcome.began_on, read.course.pk),
    )
    return Figures(reads=tuple(kept), unreadable=frozenset(unreadable), today=today)


def _courses(keys: Collection[UUID]) -> dict[UUID, Any]:
    """The courses that are read anew, by id, each with the digest of what it says now. One query."""
    rows = Course.objects.filter(pk__in=[NOBODY, *keys]).only(*wire.HEADER).annotate(header=digest(*wire.HEADER))
    return {each.pk: each for each in rows}


def _begun(courses: QuerySet[Course], now: datetime, rules: Definitions) -> QuerySet[Course]:
    """Those with a dose that may have been one of a step-up, in a span that holds the quarters and more."""
    since = now - timedelta(days=93 * rules.look_back.quarters + 1)
    first = Q(payload__step__in=STEP_UP_STEPS) | Q(payload__step__isnull=True) | Q(payload__step=None)
    doses = Event.objects.filter(
        first, course=OuterRef("pk"), kind="dose_given", occurred_at__gte=since, occurred_at__lte=now
    )
    return courses.filter(Exists(doses))


def _events(courses: Iterable[UUID], now: datetime) -> Iterator[tuple[UUID, list[Event]]]:
    """The events of each of these courses. One query, also where there are none: their number says nothing."""
    rows = Event.objects.filter(course__in=[NOBODY, *courses], kind__in=KINDS, recorded_at__lte=now)
    ordered = rows.order_by("course", *Event.ORDER)
    for key, events in groupby(ordered.iterator(chunk_size=2000), key=lambda row: row.course_id):
        yield key, list(events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What became of one course and what it used; `settled_from`: from when on time alone changes neither, None: not known."""

    outcome: Outcome
    used: Used
    settled_from: datetime | None


def _counted(course: Course, rows: list[Event], rules: Definitions, now: datetime, *, waived: bool) -> _Answer | None:
    """What became of one course, and what it used, from its rows; None: it has no step-up. No query.

    Raises:
        UnusableInput: corrections in a circle, or a policy that is not here.
    """
    facts = [wire.to_fact(row) for row in _of_the_window(rows)]
    first = History.build(wire.header(course), facts)
    policy = policy_for(first, now)
    history = History.build(first.course, first.recorded, policy.plausible)
    found = outcome(history, policy, rules, now, waived=waived)
    spent = used(history, found, rules, now) if found is not None else None
    if found is None or spent is None:
        return None
    return _Answer(outcome=found, used=spent, settled_from=settled_from(history, rules))


def _keep(key: UUID, record: Record | None, answer: _Answer, read: Collection[Event], now: datetime) -> None:
    """Keep an answer that only a new fact can change, from when on all of its events have happened and are recorded.

    Args:
        read: the events it was worked out from: those of the mark, unless one came in between or is not recorded yet.
    """
    if record is None or answer.settled_from is None or len(read) != record.mark.count:
        return
    valid_from = max(answer.settled_from, *(max(event.recorded_at, event.occurred_at) for event in read))
    if valid_from <= now:
        KEPT.put(key, record, valid_from, (answer.outcome, answer.used))


def _of_the_window(rows: list[Event]) -> list[Event]:
    """Without the readings of the years after the first treatment dose; a correction, and what it corrects, always stays."""
    doses = [row for row in rows if row.kind == "dose_given" and row.payload.get("step") in _STARTS]
    if not any(row.payload.get("step") == FIRST_TREATMENT for row in doses):
        return rows
    until = max(row.occurred_at for row in doses) + AFTER
    corrected = {row.supersedes for row in rows if row.supersedes is not None}
    return [
        row
        for row in rows
        if row.kind not in DAILY or row.occurred_at <= until or row.supersedes is not None or row.id in corrected
    ]
