"""Who else reaches a course, who answers for the patient, and who looked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor, person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import Recorded, locked, record
from handrail.alerts import ledger
from handrail.alerts.ledger import Wanted
from handrail.people import permissions, scope
from handrail.people.models import LinkToken, Organisation, ServiceClient, Step, User
from handrail.records.accountability import responsible_for
from handrail.records.models import Course, CourseAccess, Look
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder

BREAK_GLASS_LASTS: Final = timedelta(hours=1)


def grant_access(
    course_id: UUID,
    to_organisation: Organisation,
    *,
    purpose: str,
    by: Actor,
    valid_until: datetime | None = None,
    user: User | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> CourseAccess:
    """Let another organisation (or one person of it) reach a course for a purpose, from now until a date or until revoked.

    Raises:
        RefusedError: an unknown purpose, break-glass (it is taken, not given), the owner itself, an end in the past, or a
            demonstration and a live organisation together.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("grant_access", course, now)
        if purpose not in CourseAccess.Purpose.values or purpose == CourseAccess.Purpose.BREAK_GLASS:
            raise RefusedError("That is not a purpose for which access is given.", code="unknown_word", path="purpose")
        if to_organisation.pk == course.organisation_id:
            raise RefusedError("The course belongs to that organisation.", code="own_course")
        if to_organisation.mode != course.organisation.mode:
            raise RefusedError("Demonstration and live organisations share nothing.", code="demo_and_live")
        if valid_until is not None and valid_until <= now:
            raise RefusedError("The access would be over before it begins.", code="not_a_time", path="valid_until")
        _look_again(course, now)
        return CourseAccess.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            to_organisation=to_organisation,
            person=user,
            purpose=purpose,
            valid_from=now,
            valid_until=valid_until,
            granted_by=by.user,
            reason=reason,
        )


def _look_again(course: Course, now: datetime) -> None:
    """Who may answer for the patient has changed: the watcher judges the course anew."""
    course.look_again_at = now
    course.save(update_fields=["look_again_at"])


def revoke_access(course_id: UUID, access_id: UUID, *, by: Actor, now: datetime | None = None) -> CourseAccess:
    """End a grant now; the row stays.

    Raises:
        NotVisibleError: the course has no such grant. RefusedError: its organisation answers for the patient.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("grant_access", course, now)
        access = course.accesses.filter(pk=access_id).first()
        if access is None:
            raise NotVisibleError("There is no such access.")
        if responsible_for(course, now) == access.to_organisation_id:
            raise RefusedError(
                "That organisation is responsible for the patient: move accountability first.", code="accountable"
            )
        if access.revoked_at is None:
            access.revoked_at = now
            access.save(update_fields=["revoked_at"])
            _look_again(course, now)
        return access


def move_accountability(
    course_id: UUID,
    to_organisation: Organisation,
    *,
    accepted_by: User,
    by: Actor,
    from_at: datetime | None = None,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Another organisation is responsible for the patient from an instant on, because a named person of it has accepted.

    What was before stays with the sender. Within that, the agreement of the two says who answers for which task at which hour.

    Raises:
        RefusedError: the accepting person may not accept for that organisation, the organisation does not reach the course, or the
            move would begin before it was accepted.
    """
    now = now or clock.now()
    start = from_at or now
    with locked(course_id, by, now) as course:
        by.role_for("move_accountability", course, now)
        current = responsible_for(course, now)
        data = {
            "id": str(id or uuid4()),
            "kind": "accountability_moved",
            "at": now.isoformat(),
            "from_party": str(current),
            "to_party": str(to_organisation.pk),
            "accepted_by": str(accepted_by.pk),
            "from_at": start.isoformat(),
        }
        return record(course_id, data, by=by, verbs=("move_accountability",), now=now)


def break_glass(user: User, course_id: UUID, reason: str, *, now: datetime | None = None) -> CourseAccess:
    """Open a record in an emergency: one hour, logged, and the director of the owning organisation is called.

    Any active member of staff with a clinical role somewhere may; a reason is required. Those who already reach the course
    need no glass to break.

    Raises:
        NotAllowedError: no clinical role. RefusedError: no reason. NotVisibleError: no such course, or the other kind of
        organisation (demonstration or live).
    """
    now = now or clock.now()
    if not reason.strip():
        raise RefusedError("Opening a record in an emergency needs a reason.", code="missing_key", path="reason")
    clinical = [each for each in permissions.memberships(user, now) if each.role in permissions.CLINICIANS]
    if not clinical:
        raise NotAllowedError("Only clinical staff can open a record in an emergency.")
    with transaction.atomic(), scope.everything():
        home = Organisation.objects.get(pk=clinical[0].organisation_id)
        course = (
            Course.objects.select_for_update(no_key=True).filter(pk=course_id, organisation__mode=home.mode).first()
        )
        if course is None:
            raise NotVisibleError("There is no such course.")
        access = CourseAccess.objects.create(
            organisation_id=course.organisation_id,
            course=course,
            to_organisation=home,
            person=user,
            purpose=CourseAccess.Purpose.BREAK_GLASS,
            valid_from=now,
            valid_until=now + BREAK_GLASS_LASTS,
            granted_by=user,
            reason=reason.strip(),
        )
        _insert_look(course, "break_glass", "break_glass", now, user=user, reason=reason.strip())
        first = load_policy().ladders[Ladder.AMBER].steps[0]
        ledger.open_alert(
            course,
            Wanted(
                key=f"{ledger.SHELL}break_glass:{access.pk}",
                urgency=Ladder.AMBER.urgency.value,
                ladder=Ladder.AMBER.value,
                what="A record was opened in an emergency",
                because="break-glass; the reason stands in the log of looks",
                steps=(replace(first, who=Step.DIRECTOR.value),),
            ),
            now,
        )
        return access


def log_look(
    course: Course,
    what: str,
    *,
    user: User | None = None,
    link: LinkToken | None = None,
    client: ServiceClient | None = None,
    now: datetime | None = None,
) -> Look:
    """Write down that somebody saw a record: `what` is the name of the page or route.

    Raises:
        NotVisibleError: somebody who does not reach the course was about to see it.
    """
    now = now or clock.now()
    if user is not None:
        ways = permissions.reach(user, course, now)
        if not ways:
            raise NotVisibleError("There is no such course.")
        kinds = [way.through for way in ways]
        through = "membership" if "membership" in kinds else next((k for k in kinds if k != "break_glass"), kinds[0])
        with transaction.atomic(), scope.acting_for(*person(user).organisations(now)):
            return _insert_look(course, what, through, now, user=user)
    if link is not None:
        with transaction.atomic(), scope.acting_for(link.organisation_id):
            return _insert_look(course, what, "link", now, link=link.pk)
    if client is None or client.ended_at is not None:
        raise NotVisibleError("There is no such course.")
    with transaction.atomic(), scope.acting_for(client.organisation_id):
        if not course.device_links.filter(client=client, ended_at__isnull=True).exists():
            raise NotVisibleError("There is no such course.")
        return _insert_look(course, what, "client", now, client=client)


def log_looks(
    courses: Sequence[Course],
    what: str,
    *,
    user: User | None = None,
    client: ServiceClient | None = None,
    now: datetime,
) -> None:
    """Write down that a member of their organisation, or a system, saw many records at once. The caller has asked whether they may."""
    through = "membership" if client is None else "client"
    with transaction.atomic(), scope.acting_for(*{course.organisation_id for course in courses}):
        Look.objects.bulk_create(
            Look(
                organisation_id=course.organisation_id,
                course=course,
                user=user,
                client=client,
                at=now,
                what=what[:80],
                through=through,
            )
            for course in courses
        )


def _insert_look(course: Course, what: str, through: str, now: datetime, **who: Any) -> Look:
    return Look.objects.create(
        organisation_id=course.organisation_id, course=course, at=now, what=what[:80], through=through, **who
    )
