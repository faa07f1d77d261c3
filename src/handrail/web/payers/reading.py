"""What the access desk reads for its pages: the queue, one's own waits with a payer, and what will be billed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from handrail.actions.payer_gate import Held, held
from handrail.actions.payer_requests import waivers
from handrail.people import permissions
from handrail.people.models import Holiday, Membership, Role, User
from handrail.records import wire
from handrail.records.models import AccessPaper, Course, Event, PayerEntry, PayerRequest
from handrail.records.reach import courses_of
from handrail.rules.access import SETTLED, Kind, precedence
from handrail.rules.access_data import TOCILIZUMAB, access_rules
from handrail.rules.access_waits import Waits, waits
from handrail.rules.amount import amount_for
from handrail.rules.billing import units_of
from handrail.rules.caredata import is_prevention, tocilizumab
from handrail.rules.doses import given_doses
from handrail.rules.nextdose import latest_weight
from handrail.rules.pinned import protocol_for
from handrail.rules.terms import UnusableInput, civil_date, say_date, step_words

READ: Final = "view_identity"
"""Who reads the requests of a course."""
WORK_ON_REQUESTS: Final = (Role.COORDINATOR, Role.PHARMACIST, Role.SITE_MANAGER, Role.NURSE, Role.APP, Role.ONCOLOGIST)
"""Who is asked about a request, the nearest first."""
NAMED: Final = 3
"""So many of them are named."""
LATEST: Final = 200
"""Requests of a history."""
PER_PAGE: Final = 100
"""Requests on one page of the queue; how many there are in all is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One open request and the day of the dose that waits for it."""

    held: Held
    course: Course
    planned_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One page of the open requests. `total`: how many are open; `page` of `pages`, from 1."""

    rows: tuple[Queued, ...]
    total: int
    page: int
    pages: int


def open_requests(person: User, now: datetime, page: int = 1) -> Queue:
    """The open requests of the courses that a person may work on, also of those that ended: what was given is still asked for.

    In the order of `access.precedence`: all of them are put in order before any is left to another page, so that an urgent one that was
    opened last is not hidden behind the old ones.

    Args:
        page: which page, from 1; one that there is not: the nearest.

    Constant number of queries.
    """
    courses = courses_of(person, now, "manage_access")
    waiting = _unsettled(courses)
    entries: dict[UUID, list[PayerEntry]] = {}
    for entry in PayerEntry.objects.filter(request__in=waiting.values("pk")):
        entries.setdefault(entry.request_id, []).append(entry)
    rows = list(waiting.select_related("course__site"))
    free = _holidays({row.organisation_id for row in rows})
    plans = _planned(waiting.values("course"), now)
    found = [
        Queued(
            held=held(row.course, row, tuple(entries.get(row.pk, ())), free.get(row.organisation_id, frozenset())),
            course=row.course,
            planned_on=plans.get(row.course_id),
        )
        for row in rows
    ]
    found = [each for each in found if each.held.standing.state not in SETTLED]
    found.sort(key=lambda each: precedence(each.held.request, each.held.standing, each.planned_on, now))
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(page, 1), pages)
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    named = Course.objects.select_related("patient", "site", "organisation").in_bulk({each.course.pk for each in shown})
    rows_ = tuple(replace(each, course=named[each.course.pk]) for each in shown)
    return Queue(rows=rows_, total=len(found), page=page, pages=pages)


def protocols_named(held: Held) -> dict[str, str]:
    """The interchange protocols under which another product is given, by id: who approved it, and for which days. One query."""
    named = {str(each.payload["paper"]) for each in held.entries if each.payload.get("paper")}
    rows = AccessPaper.objects.filter(pk__in=named) if named else AccessPaper.objects.none()
    return {
        str(
            row.pk
        ): f"{row.pk}, approved by {row.payload.get('approved_by', 'nobody named')}, from {say_date(row.since)}"
        + (f" until {say_date(row.until)}" if row.until else "")
        for row in rows
    }


def _unsettled(courses: Any) -> Any:
    """The requests of courses that no entry settled, or that an entry may have opened again: an error taken back, or a payer that
    takes its approval back."""
    said = PayerEntry.objects.filter(request=OuterRef("pk"))
    settled = said.filter(kind__in=[state.value for state in SETTLED])
    reopens = said.filter(kind__in=[Kind.TAKEN_BACK.value, Kind.DENIED.value])
    return PayerRequest.objects.filter(Q(~Exists(settled)) | Exists(reopens), course__in=courses)


def workers_for(person: User, now: datetime) -> list[str]:
    """Who works on the requests of a person's organisations, by name and role, whoever does it as a job first."""
    current = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    found = Membership.objects.filter(
        current, organisation__in=permissions.organisations_of(person, now), valid_from__lte=now, user__is_active=True,
        role__in=WORK_ON_REQUESTS,
    ).select_related("user")  # fmt: skip
    ranked = sorted(found, key=lambda each: (WORK_ON_REQUESTS.index(Role(each.role)), each.user.name, str(each.pk)))
    return list(dict.fromkeys(f"{each.user.name} ({Role(each.role).label.lower()})" for each in ranked))[:NAMED]


def _holidays(organisations: Iterable[UUID]) -> dict[UUID, frozenset[date]]:
    found: dict[UUID, set[date]] = {}
    for owner, on in Holiday.objects.filter(organisation__in=list(organisations), site=None).values_list(
        "organisation", "on"
    ):
        found.setdefault(owner, set()).add(on)
    return {owner: frozenset(days) for owner, days in found.items()}


def _planned(courses: Any, now: datetime) -> dict[UUID, date]:
    """The day of the latest plan of each course that was not taken back. A list shows it; the gate reads the record."""
    rows = Event.objects.filter(course__in=courses, kind__in=["dose_planned", "fact_withdrawn"], recorded_at__lte=now)
    wanted = list(rows.order_by(*Event.ORDER).values_list("id", "course", "kind", "payload", "supersedes"))
    gone = {supersedes for *_, supersedes in wanted if supersedes is not None}
    found: dict[UUID, date] = {}
    for key, course, kind, payload, _ in wanted:
        if kind == "dose_planned" and key not in gone and payload.get("on"):
            found[course] = date.fromisoformat(payload["on"])
    return found


def waits_with(organisation_id: UUID, payer: str, drug: str, now: datetime) -> Waits:
    """An organisation's own history with a payer and a drug: its latest requests that were answered, and those that wait. Two queries."""
    rows = (
        PayerRequest.objects.filter(organisation_id=organisation_id, payer=payer, drug=drug)
        .select_related("course__site", "course__organisation")
        .prefetch_related("entries")
        .order_by("-opened_at", "id")[:LATEST]
    )
    answered, waiting = [], []
    for row in rows:
        stands = held(row.course, row, tuple(row.entries.all()), frozenset()).standing
        if stands.submitted is not None and stands.first_answer_at is not None:
            answered.append((stands.submitted.at, stands.first_answer_at))
        elif stands.submitted is not None and stands.state not in SETTLED:
            waiting.append(now - stands.submitted.at)
    return waits(payer, answered, access_rules(), waiting)


def payers_of(organisation_id: UUID) -> list[str]:
    """The payers that were asked before, by name."""
    return sorted(
        PayerRequest.objects.filter(organisation_id=organisation_id).values_list("payer", flat=True).distinct()
    )


# --- what will be billed ---------------------------------------------------------------------------------------------------


def billing_rows(course: Course, now: datetime) -> dict[str, Any]:
    """What the doses of the step-up are expected to be billed as, and what was given. Units follow the milligrams, never the weight.

    Of a course that cannot be judged: nothing; why, says `payer_gate.planned_of`.
    """
    try:
        history, _ = wire.history_of(course, now)
        protocol = protocol_for(history, now)
    except UnusableInput:
        return {"expected": [], "given": [], "prevention": None}
    today = civil_date(now, course.time_zone)
    weight = latest_weight(history)
    expected = []
    for row in protocol.step:
        if row.agent not in (None, course.product) or (row.schedules and course.schedule not in ("", *row.schedules)):
            continue
        schedule = course.schedule or (row.schedules[0] if row.schedules else "")
        answer = amount_for(protocol, step=row.step, schedule=schedule, weight_kg=weight)
        mg = answer.amount.mg if answer.amount is not None else None
        shown = answer.would_be.mg if mg is None and answer.would_be is not None else None
        would_be = _billed(course.product, shown, today, "") if shown is not None else None
        billed = _billed(course.product, mg, today, answer.because)
        expected.append({"step": step_words(row.step), **billed, "would_be": would_be})
    given = [
        {
            "words": dose.words(),
            **_billed(course.product, dose.body.dose_mg, dose.on, "the milligrams given are not known"),
        }
        for dose in given_doses(history)
    ]
    return {
        "expected": expected,
        "given": given,
        "prevention": _prevention(weight, today),
        "weight": weight,
    }


def _billed(agent: str, mg: Decimal | None, on: date | None, because: str) -> dict[str, Any]:
    if on is None:
        because = "the day it was given is not known, and a code is one of a day"
        return {"mg": mg, "code": None, "units": None, "because": because}
    if mg is None or mg <= 0:
        return {"mg": None, "code": units_of(agent, Decimal(1), on).code, "units": None, "because": because}
    units = units_of(agent, mg, on)
    return {"mg": mg, "code": units.code, "units": units.units, "because": units.because}


def _prevention(weight: Decimal | None, on: date) -> list[dict[str, Any]]:
    """One dose of each tocilizumab product before step-up: 8 mg for each kilogram up to the cap, as the shipped row says."""
    care = tocilizumab()
    way = care.prophylaxis[0]
    mg = None if weight is None else min(weight * way.mg_per_kg, way.cap_mg)
    return [
        {
            "product": f"{row.brand} {row.suffix or ''}".strip(),
            **_billed(f"{TOCILIZUMAB}{row.suffix or ''}", mg, on, "the weight is not known"),
        }
        for row in care.product
    ]


# --- tocilizumab before step-up: meant, given, or waived -------------------------------------------------------------------


_COUNTED: Final = ("fact_withdrawn", "medicine_given", "readiness_confirmed", "setting_facts_noted")
"""The kinds that say what was meant, given and waived, and what takes one of them back."""


def prevention_report(person: User, now: datetime) -> dict[str, Any]:
    """Of the courses that a person reads: for how many tocilizumab before step-up was meant, given of those, and why not.

    Meant: a request for tocilizumab was opened, or the last answer for the setting says that it is planned; a house that never asks a payer
    means it too. Given: a dose to prevent is on record. Why not: the choice at the access desk, else the waiver before a dose. What was
    corrected or withdrawn counts for nothing. Constant number of queries.
    """
    courses = courses_of(person, now, READ)
    facts = Event.objects.filter(course__in=courses)
    gone = set(facts.filter(kind__in=_COUNTED, supersedes__isnull=False).values_list("supersedes", flat=True))
    noted = facts.filter(kind="setting_facts_noted", payload__has_key="tocilizumab_planned").order_by(*Event.ORDER)
    said = {
        course: payload["tocilizumab_planned"]
        for key, course, payload in noted.values_list("id", "course", "payload")
        if key not in gone
    }
    meant = set(PayerRequest.objects.filter(course__in=courses, drug=TOCILIZUMAB).values_list("course", flat=True))
    meant |= {course for course, planned in said.items() if planned is True}
    doses = facts.filter(kind="medicine_given", payload__purpose="prophylaxis")
    given = {
        course
        for key, course, payload in doses.values_list("id", "course", "payload")
        if key not in gone and is_prevention(payload.get("agent"), payload.get("purpose"))
    }
    waived = {**_waived_at_the_gate(facts, gone), **waivers(courses)}
    not_given = meant - given
    return {
        "meant": len(meant),
        "given": len(meant & given),
        "percent": round(100 * len(meant & given) / len(meant)) if meant else None,
        "reasons": sorted(waived[course] for course in not_given if course in waived),
        "no_reason": len([course for course in not_given if course not in waived]),
        "given_without": len(given - meant),
    }


def _waived_at_the_gate(facts: QuerySet[Event], gone: Collection[UUID | None]) -> dict[UUID, str]:
    """Of which courses somebody confirmed before a dose that it is given without, and why; the last word on it counts. One query.

    A word about a thing that is not known may have been about this one.
    """
    found: dict[UUID, str] = {}
    about = Q(payload__item="prophylaxis_waived") | Q(payload__item=None) | Q(payload__item__isnull=True)
    told = facts.filter(about, kind="readiness_confirmed").order_by(*Event.ORDER)
    for key, course, payload in told.values_list("id", "course", "payload"):
        if key not in gone:
            found[course] = (payload.get("evidence") or "") if payload.get("item") and payload.get("confirmed") else ""
    return {course: reason for course, reason in found.items() if reason}
