"""What whoever has an alert may do with it: put it off for a while, or ask a named person to take it over."""

from datetime import datetime, timedelta
from uuid import UUID

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.answering import held, note_alert
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.alerts.models import Alert
from handrail.alerts.wake import wake
from handrail.people import permissions
from handrail.people.models import User
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.policy import Policy, load_policy
from handrail.rules.terms import Ladder, UnusableInput, Urgency


def put_off(alert_id: UUID, minutes: int, *, by: Actor, now: datetime | None = None) -> Alert:
    """Put an alert off: it stays with whoever does, pages nobody for so many minutes, and then pages again.

    Raises:
        RefusedError: a RED alert, more minutes than the policy allows, somebody else has it, or it is closed;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with held(alert_id, by, now) as (alert, _role):
        course = _open(alert, by)
        if Ladder(alert.ladder).urgency is Urgency.NOW:
            raise RefusedError("A RED page is never put off.", code="never_for_red")
        most = _policy(course, now).ladders[Ladder(alert.ladder)].snooze_minutes
        if most is None or not 0 < minutes <= most:
            raise RefusedError(
                f"This page may be put off for {most or 0} minutes at most.", code="too_long", path="minutes"
            )
        if alert.acknowledged_at is None:
            alert.acknowledged_by, alert.acknowledged_at = by.user, now
        alert.resume_at, alert.handed_to, alert.next_page_at = now + timedelta(minutes=minutes), None, None
        _save(alert, course)
        payload = {"alert": str(alert.pk), "key": alert.key, "how": "put_off", "until": alert.resume_at.isoformat()}
        note_alert(alert, "page_held", payload, now, by=by)
        return alert


def hand_over(alert_id: UUID, to: User, *, by: Actor, now: datetime | None = None) -> Alert:
    """Ask a named person to take an alert over. It stays with whoever has it until that person says "I have it"; else pages go on.

    Raises:
        RefusedError: the actor does not have it, that person may not have it, or it is closed;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with held(alert_id, by, now) as (alert, _role):
        course = _open(alert, by)
        if alert.acknowledged_by is None:
            raise RefusedError('Say "I have it" first.', code="not_acknowledged")
        if by.user is None or to.pk == by.user.pk or not permissions.may(to, "acknowledge", course, now):
            raise RefusedError("That person cannot take this page over.", code="not_for_them", path="to")
        contact = _policy(course, now).contact or load_policy().contact
        assert contact is not None
        alert.resume_at, alert.handed_to = now + timedelta(minutes=contact.hand_over_within_minutes), to
        alert.next_page_at = now  # the watcher pages that person
        _save(alert, course)
        wake()
        until = alert.resume_at.isoformat()
        payload = {"alert": str(alert.pk), "key": alert.key, "how": "handing_over", "until": until, "to": str(to.pk)}
        note_alert(alert, "page_held", payload, now, by=by)
        return alert


def who_may_have(alert: Alert, now: datetime, *, besides: User) -> list[User]:
    """The people of the organisation of a course who may take an alert over, by name."""
    course = alert.course
    if course is None:
        return []
    members = User.objects.filter(is_active=True, memberships__organisation_id=course.organisation_id).distinct()
    able = [user for user in members.exclude(pk=besides.pk) if permissions.may(user, "acknowledge", course, now)]
    return sorted(able, key=lambda user: user.name)


def _open(alert: Alert, by: Actor) -> Course:
    """The course of an alert that this actor may hold.

    Raises:
        NotAllowedError, RefusedError: nobody is signed in, it is closed, about no patient, or somebody else has it.
    """
    if by.user is None:
        raise NotAllowedError("Only a person holds a page.")
    if alert.course is None:
        raise RefusedError("This page is about no patient: answer it.", code="no_course")
    if alert.closed_at is not None:
        raise RefusedError("This alert is closed: its reason is over.", code="closed")
    if alert.acknowledged_by is not None and alert.acknowledged_by_id != by.user.pk:
        raise RefusedError(f"{alert.acknowledged_by.name} has it.", code="not_yours")
    return alert.course


def _policy(course: Course, now: datetime) -> Policy:
    try:
        return wire.policy_of(course, now)
    except UnusableInput:
        return load_policy()


def _save(alert: Alert, course: Course) -> None:
    """Store it, and have the course looked at when the hold ends."""
    alert.save(update_fields=["acknowledged_by", "acknowledged_at", "resume_at", "handed_to", "next_page_at"])
    if alert.resume_at is not None and (course.look_again_at is None or alert.resume_at < course.look_again_at):
        course.look_again_at = alert.resume_at
        course.save(update_fields=["look_again_at"])
