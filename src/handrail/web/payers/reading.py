"""What the access desk reads for its pages: the queue, one's own waits with a payer, and what will be billed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from handrail.actions.payer_gate import Held, held
from handrail.people.models import Holiday, User
from handrail.records import wire
from handrail.records.models import Course, Event, PayerEntry, PayerRequest
from handrail.records.reach import courses_of
from handrail.rules.access import SETTLED, Kind
from handrail.rules.access_data import TOCILIZUMAB, access_rules
from handrail.rules.access_waits import Waits, waits
from handrail.rules.amount import amount_for
from handrail.rules.billing import units_of
from handrail.rules.caredata import is_tocilizumab, tocilizumab
from handrail.rules.doses import given_doses
from handrail.rules.nextdose import latest_weight
from handrail.rules.pinned import protocol_for
from handrail.rules.terms import UnusableInput, civil_date, step_words

WAIVES: Final = "without_prophylaxis"
"""The option that waives it."""
MOST: Final = 200
"""Requests on one page of the queue, and answered requests of a history; what is more is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One open request and the day of the dose that waits for it."""

    held: Held
    course: Course
    planned_on: date | None


def open_requests(person: User, now: datetime) -> tuple[list[Queued], bool]:
    """The open requests of the courses that a person may work on, the clock that runs out first before the others.

    Returns:
        The requests, and whether there are more than are shown. Constant number of queries.
    """
    settled = PayerEntry.objects.filter(request=OuterRef("pk"), kind__in=[state.value for state in SETTLED])
    errors = PayerEntry.objects.filter(request=OuterRef("pk"), kind=Kind.TAKEN_BACK.value)
    courses = courses_of(person, now, "manage_access").filter(ended_at__isnull=True)
    rows = list(
        PayerRequest.objects.filter(Q(~Exists(settled)) | Exists(errors) | Exists(_denied_after()), course__in=courses)
        .select_related("course__patient", "course__site", "course__organisation", "opened_by")
        .prefetch_related("entries__by")
        .order_by("opened_at", "id")[: MOST + 1]
    )
    free = _holidays({row.organisation_id for row in rows})
    plans = _planned({row.course_id for row in rows}, now)
    found = [
        Queued(
            held=held(row.course, row, tuple(row.entries.all()), free.get(row.organisation_id, frozenset())),
            course=row.course,
            planned_on=plans.get(row.course_id),
        )
        for row in rows[:MOST]
    ]
    waiting = [each for each in found if each.held.standing.state not in SETTLED]
    return sorted(waiting, key=_first), len(rows) > MOST


def _denied_after() -> Any:
    """A payer that takes an approval back opens the request again."""
    return PayerEntry.objects.filter(request=OuterRef("pk"), kind=Kind.DENIED.value)


def _first(each: Queued) -> tuple[float, date, str]:
    clock = each.held.standing.clock
    due = clock.due.timestamp() if clock is not None else float("inf")
    return due, each.planned_on or date.max, str(each.held.row.pk)


def _holidays(organisations: Iterable[UUID]) -> dict[UUID, frozenset[date]]:
    found: dict[UUID, set[date]] = {}
    for owner, on in Holiday.objects.filter(organisation__in=list(organisations), site=None).values_list(
        "organisation", "on"
    ):
        found.setdefault(owner, set()).add(on)
    return {owner: frozenset(days) for owner, days in found.items()}


def _planned(courses: Iterable[UUID], now: datetime) -> dict[UUID, date]:
    """The day of the latest plan of each course that was not taken back. A list shows it; the gate reads the record."""
    rows = Event.objects.filter(
        course__in=list(courses), kind__in=["dose_planned", "fact_withdrawn"], recorded_at__lte=now
    )
    wanted = list(rows.order_by("occurred_at", "id").values_list("id", "course", "kind", "payload", "supersedes"))
    gone = {supersedes for *_, supersedes in wanted if supersedes is not None}
    found: dict[UUID, date] = {}
    for key, course, kind, payload, _ in wanted:
        if kind == "dose_planned" and key not in gone and payload.get("on"):
            found[course] = date.fromisoformat(payload["on"])
    return found


def waits_with(organisation_id: UUID, payer: str, drug: str) -> Waits:
    """An organisation's own history with a payer and a drug: its latest answered requests. Two queries."""
    rows = (
        PayerRequest.objects.filter(organisation_id=organisation_id, payer=payer, drug=drug)
        .select_related("course__site", "course__organisation")
        .prefetch_related("entries")
        .order_by("-opened_at", "id")[:MOST]
    )
    answered = []
    for row in rows:
        stands = held(row.course, row, tuple(row.entries.all()), frozenset()).standing
        if stands.submitted is not None and stands.first_answer_at is not None:
            answered.append((stands.submitted.at, stands.first_answer_at))
    return waits(payer, answered, access_rules())


def payers_of(organisation_id: UUID) -> list[str]:
    """The payers that were asked before, by name."""
    return sorted(
        PayerRequest.objects.filter(organisation_id=organisation_id).values_list("payer", flat=True).distinct()
    )


# --- what will be billed ---------------------------------------------------------------------------------------------------


def billing_rows(course: Course, now: datetime) -> dict[str, Any]:
    """What the doses of the step-up are expected to be billed as, and what was given. Units follow the milligrams, never the weight."""
    try:
        history, _ = wire.history_of(course, now)
        protocol = protocol_for(history, now)
    except UnusableInput as error:
        return {"trouble": error.message, "expected": [], "given": [], "prevention": None}
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
            **_billed(course.product, dose.body.dose_mg, dose.on or today, "the milligrams given are not known"),
        }
        for dose in given_doses(history)
    ]
    return {
        "trouble": "",
        "expected": expected,
        "given": given,
        "prevention": _prevention(weight, today),
        "weight": weight,
    }


def _billed(agent: str, mg: Decimal | None, on: date, because: str) -> dict[str, Any]:
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


def prevention_report(person: User, now: datetime) -> dict[str, Any]:
    """Of the courses that a person works on: for how many tocilizumab before step-up was meant, given of those, and why not.

    Meant: a request for tocilizumab was opened. Given: a dose to prevent is on record. Constant number of queries.
    """
    courses = courses_of(person, now, "manage_access")
    meant = set(PayerRequest.objects.filter(course__in=courses, drug=TOCILIZUMAB).values_list("course", flat=True))
    doses = Event.objects.filter(course__in=courses, kind="medicine_given", payload__purpose="prophylaxis")
    gone = set(
        Event.objects.filter(course__in=courses, kind="fact_withdrawn", supersedes__isnull=False).values_list(
            "supersedes", flat=True
        )
    )
    given = {
        course
        for key, course, payload in doses.values_list("id", "course", "payload")
        if key not in gone and is_tocilizumab(payload.get("agent"))
    }
    errors = {
        entry["takes_back"]
        for entry in PayerEntry.objects.filter(course__in=courses, kind=Kind.TAKEN_BACK.value).values_list(
            "payload", flat=True
        )
    }
    choices = PayerEntry.objects.filter(course__in=courses, kind=Kind.CHOICE.value, request__drug=TOCILIZUMAB)
    waived: dict[UUID, str] = {}
    for key, course, payload in choices.order_by("occurred_at", "recorded_at").values_list("id", "course", "payload"):
        if str(key) not in errors and payload.get("option") == WAIVES:
            waived[course] = payload.get("reason", "")
    not_given = meant - given
    return {
        "meant": len(meant),
        "given": len(meant & given),
        "percent": round(100 * len(meant & given) / len(meant)) if meant else None,
        "reasons": sorted(waived[course] for course in not_given if course in waived),
        "no_reason": len([course for course in not_given if course not in waived]),
        "given_without": len(given - meant),
    }
