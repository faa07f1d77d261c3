""" "I have it", and what the watcher writes into the record about its pages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import locked, write_shell_event
from handrail.alerts import ed_packets, ledger
from handrail.alerts.duty import steps_of
from handrail.alerts.models import PLACE, Alert, AlertEntry, EdPacket, Notice, Page
from handrail.people import permissions, scope
from handrail.people.models import Contact, Role, User
from handrail.records.models import Course, Event
from handrail.rules.paging import TellPatient
from handrail.rules.terms import Ladder

_NOT_SENT: Final[dict[str, str]] = {
    Page.State.NOT_CONFIGURED: "the channel is not configured",
    Page.State.NOBODY_ON: "nobody is on",
    Page.State.NOT_REACHED: "whoever is on has no way but the inbox, and it is not open",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Who has the alert. `mine` is False when somebody else was faster."""

    alert: Alert
    mine: bool
    who: User
    at: datetime


def acknowledge(alert_id: UUID, *, by: Actor, now: datetime | None = None) -> Acknowledged:
    """Say "I have it": paging stops, the alert stays open, and the first one to say it wins.

    Whoever was asked to take it over takes it over by saying so.

    Raises:
        NotVisibleError: no such alert for this person; NotAllowedError: the role may not, or nobody is signed in;
        RefusedError: the alert is closed and nobody had acknowledged it.
    """
    now = now or clock.now()
    if by.user is None:
        raise NotAllowedError("Only a person can say: I have it.")
    with held(alert_id, by, now) as (alert, role):
        taken_over = alert.closed_at is None and alert.handed_to_id == by.user.pk
        if alert.acknowledged_by is not None and alert.acknowledged_at is not None and not taken_over:
            mine = alert.acknowledged_by_id == by.user.pk
            return Acknowledged(alert=alert, mine=mine, who=alert.acknowledged_by, at=alert.acknowledged_at)
        if alert.closed_at is not None:
            raise RefusedError("This alert is closed: its reason is over.", code="closed")
        alert.acknowledged_by, alert.acknowledged_at, alert.next_page_at = by.user, now, None
        alert.resume_at = alert.handed_to = None
        alert.save(update_fields=["acknowledged_by", "acknowledged_at", "next_page_at", "resume_at", "handed_to"])
        ledger.end_links(alert, now)
        _look_at_what_follows(alert, now)
        _look_when_they_leave(alert, by.user, now)
        payload = {"alert": str(alert.pk), "key": alert.key, "by_role": role}
        note_alert(alert, "page_acknowledged", payload, now, by=by)
        return Acknowledged(alert=alert, mine=True, who=by.user, at=now)


def _look_at_what_follows(alert: Alert, now: datetime) -> None:
    """A clock of the same report may have run out while this alert paged: it speaks up soon, when nothing has come of it."""
    course = alert.course
    pages = (course.assessment or {}).get("pages", []) if course is not None else []
    if course is None or not any(page.get("follows") == alert.key for page in pages):
        return
    _look_by(course, now + timedelta(minutes=steps_of(alert)[0].wait_minutes))


def _look_when_they_leave(alert: Alert, user: User, now: datetime) -> None:
    """Whoever has it may answer it until an instant that is known: then the pages go on, unless it is over."""
    if alert.course is not None:
        for ends in permissions.ends_of(user, alert.course, now):
            _look_by(alert.course, ends)


def _look_by(course: Course, at: datetime) -> None:
    if course.look_again_at is None or at < course.look_again_at:
        course.look_again_at = at
        course.save(update_fields=["look_again_at"])


def close_alert(alert_id: UUID, because: str, *, by: Actor, now: datetime | None = None) -> Alert:
    """Close an alert that Handrail itself raised (`shell:`, `place:shell:`), with a reason, once somebody has it.

    Raises:
        RefusedError: an alert of the rules (it closes when its reason is over), one nobody has acknowledged, or no reason.
    """
    now = now or clock.now()
    with held(alert_id, by, now) as (alert, role):
        if not alert.key.startswith((ledger.SHELL, f"{PLACE}{ledger.SHELL}")):
            raise RefusedError("This alert closes when its reason is over.", code="not_by_hand")
        if alert.acknowledged_at is None:
            raise RefusedError('Say "I have it" first.', code="not_acknowledged")
        if not because.strip():
            raise RefusedError("Closing an alert needs a reason.", code="missing_key", path="because")
        if alert.closed_at is None:
            ledger.close(alert, because.strip()[:200], now)
            payload = {"alert": str(alert.pk), "key": alert.key, "because": f"closed by {role}"}
            note_alert(alert, "alert_closed", payload, now, by=by)
        return alert


def note_page(page: Page, now: datetime) -> Event | AlertEntry:
    """Write into the record of the course, or of the alert, that a page went out, or that it did not.

    The caller holds the transaction.

    Raises:
        ValueError: a page that is still being sent.
    """
    alert = page.alert
    common = {"alert": str(alert.pk), "key": alert.key, "step": page.step, "to_role": page.who}
    if page.state == Page.State.SENT:
        payload = {**common, "ladder": alert.ladder, "channel": page.channel}
        return note_alert(alert, "page_sent", payload, now)
    if page.state == Page.State.FAILED or page.state in _NOT_SENT:
        why = _NOT_SENT.get(page.state, page.why)
        payload = {
            **common,
            "channel": page.channel or None,
            "permanent": page.state != Page.State.FAILED or page.trouble == Page.Trouble.PERMANENT,
            "why": why,
        }
        return note_alert(alert, "page_failed", payload, now)
    raise ValueError(f"a page that is {page.state} is not yet a fact")


def note_alert(
    alert: Alert, kind: str, payload: Mapping[str, Any], now: datetime, *, by: Actor | None = None
) -> Event | AlertEntry:
    """Write what happened to an alert into the record of its course; into its own, when it has no course."""
    if alert.course is not None:
        return write_shell_event(alert.course, kind, payload, now, by=by)
    return AlertEntry.objects.create(
        organisation_id=alert.organisation_id,
        alert=alert,
        kind=kind,
        payload={name: value for name, value in payload.items() if value is not None},
        at=now,
        by=by.user if by is not None else None,
    )


def tell_patient(alert: Alert, decision: TellPatient, now: datetime) -> list[Notice]:
    """From now on the patient is told where to go: write it down, and what is to leave. The caller holds the transaction.

    What the patient's own screen says follows from the alert. Word to the patient and to each caregiver is written anew each time
    the ladder comes to this step; the packet for the emergency department is pushed once per visit.
    """
    course = alert.course
    if course is None:
        return []  # about a site or an organisation: no patient waits for it
    told = Notice.Told.CALL_911 if Ladder(alert.ladder).calls_911 else Notice.Told.GO_TO_ED
    caregivers = list(course.patient.contacts.filter(is_caregiver=True))
    notices = [_notice(alert, course, decision, now, Notice.To.PATIENT, told)]
    notices += [_notice(alert, course, decision, now, Notice.To.CAREGIVER, told, each) for each in caregivers]
    pushed = alert.notices.filter(to=Notice.To.ED).exists() or ed_packets.of_this_visit(course, now) is not None
    if not pushed:
        notice = _notice(alert, course, decision, now, Notice.To.ED, Notice.Told.PACKET)
        key = f"notice:{notice.pk}"
        ed_packets.ask(course, EdPacket.Because.NOBODY, now, key=key, alert=alert, notice=notice)
        notices.append(notice)
    payload = {
        "alert": str(alert.pk),
        "key": alert.key,
        "ladder": alert.ladder,
        "step": decision.step,
        "told": told.value,
        "because": _why_told(alert, decision),
        "packet": not pushed,
        "caregivers": len(caregivers),
    }
    write_shell_event(course, "patient_told", payload, now)
    return notices


def _why_told(alert: Alert, decision: TellPatient) -> str:
    """Nobody answered; or nobody was on; or somebody was, whom no page of this round could reach."""
    if not decision.nobody_on:
        return "nobody_answered"
    this_round = alert.pages.filter(attempt__gte=decision.attempt - len(alert.steps))
    return "nobody_reached" if this_round.filter(state=Page.State.NOT_REACHED).exists() else "nobody_on"


def _notice(
    alert: Alert,
    course: Course,
    decision: TellPatient,
    now: datetime,
    to: str,
    told: str,
    contact: Contact | None = None,
) -> Notice:
    whom = contact.pk if contact is not None else to
    return Notice.objects.create(
        organisation_id=alert.organisation_id,
        alert=alert,
        course=course,
        attempt=decision.attempt,
        to=to,
        contact=contact,
        told=told,
        idempotency_key=f"{alert.id}:{decision.attempt}:{whom}",
        created_at=now,
        send_at=now,
    )


@contextmanager
def held(alert_id: UUID, by: Actor, now: datetime) -> Iterator[tuple[Alert, str]]:
    """An alert that nobody else changes meanwhile, and the role in which this actor may answer it.

    The course is locked first, then the alert: always in this order.

    Raises:
        NotVisibleError: no such alert for this actor; NotAllowedError: the role may not.
    """
    with scope.acting_for(*by.organisations(now)):
        found = Alert.objects.filter(pk=alert_id).first()
    if found is None:
        raise NotVisibleError("There is no such alert.")
    if found.course_id is not None:
        with locked(found.course_id, by, now) as course:
            role = by.role_for("acknowledge", course, now)
            yield _lock(alert_id), role
        return
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        role = _role_at(found.organisation_id, found.verb, by, now)
        yield _lock(alert_id), role


def _lock(alert_id: UUID) -> Alert:
    rows = Alert.objects.select_for_update(of=("self",)).select_related("acknowledged_by", "course")
    return rows.get(pk=alert_id)


def _role_at(organisation_id: UUID, verb: str, by: Actor, now: datetime) -> str:
    """The role in which a member answers an alert about the organisation."""
    if by.user is None:
        raise NotAllowedError("Only a person answers for an organisation.")
    roles = permissions.roles_at(by.user, organisation_id, now)
    if not roles:
        raise NotVisibleError("There is no such alert.")
    able = roles & permissions.VERBS[verb]
    if not able:
        raise NotAllowedError("Your role does not allow that here.")
    return next(role.value for role in Role if role in able)
