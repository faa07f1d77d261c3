"""Two persons let one line of the gate stay open for one dose: the prescriber with a reason, then a second clinician.

Nothing is undone by it: the line stays open, the gate is not ready, and the month's report counts it. Some lines nobody overrides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.gate_signatures import PRESCRIBES, SECONDS, dose_key, same_person
from handrail.actions.readiness import Gated, gate_of
from handrail.actions.recording import locked
from handrail.people.models import User
from handrail.records.models import Course, GateSignature
from handrail.records.reach import courses_of
from handrail.rules.readiness import Line, gate_data
from handrail.rules.terms import day_start

REASON_LENGTH: Final = 500
CHANGED: Final = (
    "This line says something else by now, another dose is planned, or who signed first may not sign any more. "
    "Look at the gate again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One dose for which two persons let a line stay open."""

    course: Course
    number: int
    words: str
    dose: str
    state: str
    because: str
    reason: str
    prescriber: str
    second: str
    at: datetime


def sign_override(course_id: UUID, line: str, *, reason: str, by: Actor, now: datetime | None = None) -> GateSignature:
    """The prescriber signs that a line may stay open for the dose that is ahead. It counts once a second clinician has signed too.

    Raises:
        RefusedError: no dose is ahead, the line is green, nobody may override it, or no reason;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        role = by.role_for(PRESCRIBES, course, now)
        gated, found = _open_line(course, line, now)
        if not reason.strip():
            raise RefusedError(
                "Say why this dose cannot wait until the line is mended.", code="missing_key", path="reason"
            )
        if len(reason.strip()) > REASON_LENGTH:
            raise RefusedError(f"At most {REASON_LENGTH} letters.", code="wrong_value", path="reason")
        return _write(course, gated, found, reason.strip(), by, role, now)


def countersign(course_id: UUID, signature_id: UUID, *, by: Actor, now: datetime | None = None) -> GateSignature:
    """A second clinician signs what a prescriber has signed for the same dose, while the line still says the same.

    Raises:
        RefusedError: it is for another dose by now, the line says something else, the same person, signed already, signed again
            since, or the first signer may not sign any more;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        role = by.role_for(SECONDS, course, now)
        first = GateSignature.objects.filter(course=course, pk=signature_id, first__isnull=True).first()
        if first is None:
            raise NotVisibleError("There is no such signature.")
        gated, found = _open_line(course, first.line, now)
        assert gated.read is not None
        if by.user is None or same_person(by.user, first.user):
            raise RefusedError(
                "Two different persons sign, under two names. Another clinician has to sign this.",
                code="same_person",
                path="line",
            )
        if first.seconds.exists():
            raise RefusedError("Two persons have signed this already.", code="twice", path="line")
        if gated.signed.waiting(found, gated.read) != first:
            raise RefusedError(CHANGED, code="changed", path="line")
        return _write(course, gated, found, first.reason, by, role, now, first)


def _open_line(course: Course, line: str, now: datetime) -> tuple[Gated, Line]:
    gated = gate_of(course, now)
    if gated.read is None:
        raise RefusedError(gated.trouble, code="no_dose", path="line")
    found = next((each for each in gated.gate.lines if each.row.id == line), None)
    if found is None:
        raise RefusedError("The gate has no such line.", code="unknown_word", path="line")
    if not found.open:
        raise RefusedError("This line is met: there is nothing to override.", code="met", path="line")
    if found.barred is not None:
        raise RefusedError(f"{found.barred[0].upper()}{found.barred[1:]}.", code="never", path="line")
    return gated, found


def _write(
    course: Course,
    gated: Gated,
    found: Line,
    reason: str,
    by: Actor,
    role: str,
    now: datetime,
    first: GateSignature | None = None,
) -> GateSignature:
    assert gated.read is not None
    if by.user is None:
        raise RefusedError("Only a person signs.", code="same_person", path="line")
    return GateSignature.objects.create(
        organisation_id=course.organisation_id,
        course=course,
        line=found.row.id,
        dose=dose_key(gated.read),
        state=found.state.value,
        because=found.because,
        reason=reason,
        first=first,
        user=by.user,
        role=role,
        at=now,
    )


# --- the month ----------------------------------------------------------------------------------------------------------------


def given_in(month: date, zone: str, person: User, now: datetime) -> list[Given]:
    """Every override that counted, signed in a month (any day of it) by that clock, on the courses that the person reaches."""
    first = month.replace(day=1)
    last = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    rows = GateSignature.objects.filter(
        first__isnull=False,
        at__gte=day_start(first, zone),
        at__lt=day_start(last, zone),
        course__in=courses_of(person, now),
    )
    seconds = rows.select_related("first__user", "user", "course", "course__site").order_by("at", "id")
    return [_given(second, second.first) for second in seconds if second.first is not None]


def _given(second: GateSignature, first: GateSignature) -> Given:
    known = {row.id: row for row in gate_data().line}
    line = known.get(second.line)
    return Given(
        course=second.course,
        number=line.number if line else 0,
        words=line.words if line else second.line,
        dose=second.dose,
        state=second.state,
        because=second.because,
        reason=first.reason,
        prescriber=first.user.name,
        second=second.user.name,
        at=second.at,
    )
