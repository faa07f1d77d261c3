"""The dispense record of a dose, and the report of a serious reaction: verbs about one course. Nothing is ever changed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.recording import locked
from handrail.actions.rems import checked_text, writer
from handrail.actions.rems_reports import settle_soon
from handrail.people import permissions
from handrail.people.models import RemsDispense, RemsReport, User
from handrail.records.models import Course
from handrail.rules.rems_data import programme_for

HOWS: Final = {
    "portal": "portal of the programme",
    "phone": "by phone",
    "fax": "by fax",
    "system": "by the pharmacy system",
}
"""How a code was obtained, in words."""
RECEIVERS: Final = {"rems": "the REMS", "maker": "the manufacturer", "fda": "the FDA"}
"""To whom a reaction is reported, in words."""


def record_dispense(
    course_id: UUID,
    *,
    on: date,
    by: Actor,
    prescriber_id: UUID | str | None = None,
    checked: bool | None = None,
    code: str = "",
    how: str = "",
    obtained_at: datetime | None = None,
    corrects: UUID | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> RemsDispense:
    """Write down what was done before a dose was dispensed. It is never refused for being late or a second code: that is shown.

    A record without a code is completed by the next one, and one with the same code by what it lacked. The check of the prescriber also
    stands in the record of the course.

    Args:
        on: the day of the dose. checked: None: not known.
        corrects: the record that was wrong, with a reason; of another day, where the day was wrong.

    Raises:
        RefusedError: the product has no REMS here, an unknown word, a code without the time it was obtained, a correction without a reason;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("record_dispense", course, now)
        if programme_for(course.product, course.jurisdiction) is None:
            raise RefusedError("No REMS on file covers this product here.", code="unknown_word", path="course")
        code = checked_text(code, "code")
        if how and how not in HOWS:
            raise RefusedError("There is no such way.", code="unknown_word", path="how")
        if obtained_at is not None and obtained_at > now:
            raise RefusedError("That lies in the future.", code="not_a_time", path="obtained_at")
        prescriber = _prescriber(course, prescriber_id, now)
        told = {"code": code, "checked": checked, "prescriber": prescriber, "how": how, "obtained_at": obtained_at}
        live = list(live_dispenses(course).select_related("prescriber").order_by("at", "id"))
        standing = [each for each in live if each.on == on]
        if code and corrects is None:
            again = next((each for each in standing if _says_it(each, told)), None)
            if again is not None:
                return again
        former = _corrected(live, corrects, reason) if corrects is not None else _completed(standing, told)
        row = RemsDispense.objects.create(
            organisation=course.organisation,
            course=course,
            on=on,
            product=course.product,
            **told,
            supersedes=former,
            reason=checked_text(reason, "reason"),
            by=writer(by),
            at=now,
        )
        _tell_course(course, row, by, now)
        return row


def record_report(
    course_id: UUID,
    *,
    event_id: UUID,
    owed: bool,
    by: Actor,
    to: str = "",
    reported_at: datetime | None = None,
    reference: str = "",
    reason: str = "",
    now: datetime | None = None,
) -> RemsReport:
    """Say that a reaction was reported, or that it is not serious and why; either closes the task, and ends the pages about it.

    Raises:
        RefusedError: no such assessment, an unknown receiver, no time of the report, no reason why none is owed;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("report_reaction", course, now)
        kinds = {"crs_assessed": "crs", "icans_assessed": "icans"}
        event = course.events.filter(id=event_id, kind__in=kinds).first()
        if event is None:
            raise RefusedError("There is no such assessment.", code="unknown_word", path="event")
        if owed and to not in RECEIVERS:
            raise RefusedError("Say to whom it was reported.", code="missing_key", path="to")
        if owed and (reported_at is None or reported_at > now):
            raise RefusedError("Say when it was reported.", code="not_a_time", path="reported_at")
        needed = "" if owed else "Say why it is not serious."
        settle_soon(course, now)
        return RemsReport.objects.create(
            organisation=course.organisation,
            course=course,
            event=event.id,
            toxicity=kinds[event.kind],
            owed=owed,
            to=to if owed else "",
            reported_at=reported_at if owed else None,
            reference=checked_text(reference, "reference"),
            reason=checked_text(reason, "reason", needed=needed),
            by=writer(by),
            at=now,
        )


def live_dispenses(course: Course) -> Any:
    """The dispense records of a course that no other one corrects or completes."""
    return RemsDispense.objects.filter(course=course, superseded_by__isnull=True)


def _prescriber(course: Course, user_id: UUID | str | None, now: datetime) -> User | None:
    """A prescriber of an organisation that looks after the course, at home or by a grant."""
    if not user_id:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not permissions.may(user, "decide", course, now):
        raise RefusedError("That person does not prescribe for this course.", code="unknown_word", path="prescriber")
    return user


_DETAILS: Final = ("prescriber", "how", "obtained_at")
"""What a record of a code may lack, beside the check."""
_NOTHING: Final = (None, "")


def _says_it(row: RemsDispense, told: dict[str, Any]) -> bool:
    """Whether a record says all of it already: the same again is the same."""
    same = (row.code, row.checked) == (told["code"], told["checked"])
    return same and all(told[name] in _NOTHING or told[name] == getattr(row, name) for name in _DETAILS)


def _completed(standing: list[RemsDispense], told: dict[str, Any]) -> RemsDispense | None:
    """The record that the new one completes: one without a code stands for nothing once there is another; of one code, what it lacked."""
    for row in standing:
        more = row.code == told["code"] and row.checked in (None, told["checked"])
        if not row.code or (
            more and all(getattr(row, name) in _NOTHING or told[name] == getattr(row, name) for name in _DETAILS)
        ):
            return row
    return None


def _corrected(live: list[RemsDispense], corrects: UUID, reason: str) -> RemsDispense:
    """The record that the new one corrects, of whatever day."""
    found = next((each for each in live if each.pk == corrects), None)
    if found is None:
        raise RefusedError("It was corrected meanwhile: look at it again.", code="changed", path="corrects")
    if not reason.strip():
        raise RefusedError("Say why it is corrected.", code="missing_key", path="reason")
    return found


def _tell_course(course: Course, row: RemsDispense, by: Actor, now: datetime) -> None:
    """The rules of the course read of the check too, so that nobody writes it down twice. It holds for that dispensing alone.

    That it is not known is told only where the course was told otherwise before.
    """
    if row.checked is None and (row.supersedes is None or row.supersedes.checked is None):
        return
    fact = {
        "id": str(uuid4()),
        "kind": "rems_met",
        "at": now.isoformat(),
        "requirement": "prescriber_certified",
        "met": row.checked,
        "valid_until": row.on.isoformat(),
    }
    record_event(course.pk, fact, by=by, now=now)
