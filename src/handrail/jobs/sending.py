"""Writing the pages of an alert: the next step of its ladder when it is due, and the next way to a person whom one has not reached.

Writing is one transaction: the attempt, what it shows on screen, and its place in the ladder. What leaves the machine is only
written down here, and sent by `outgoing`: a slow mail server holds up neither the screen nor the ladder.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.answering import note_page, tell_patient
from handrail.alerts import ledger
from handrail.alerts.channels import channels
from handrail.alerts.duty import on_duty, steps_of
from handrail.alerts.models import Alert, Page
from handrail.alerts.ways import (
    ON_SCREEN,
    can_be_reached,
    first_points,
    lost_attempts,
    next_point,
    patience,
    points_for,
    still_needed,
)
from handrail.jobs.checkpoints import checkpoint
from handrail.jobs.outgoing import Claim
from handrail.jobs.setback import as_long_ago
from handrail.people.models import ContactPoint, User
from handrail.rules.paging import NAMED_PERSON, PATIENT, SendPage, Step, Stop, TellPatient, Wait, next_page

log = logging.getLogger(__name__)

FOUND_NOBODY: Final = (Page.State.NOBODY_ON, Page.State.NOT_REACHED)
"""After such an attempt the next step of the ladder follows at once."""


def write_next_page(claim: Claim) -> None:
    """Write what an alert has due, and give it back: a step that found nobody, or waits for nobody, and those that follow at once.

    One transaction: nobody else's page comes between the word to the patient and the page that is due with it. A round of the
    ladder at the most, so that no alert keeps the others waiting.
    """
    with transaction.atomic():
        related = ("course__organisation", "course__site")
        alert = Alert.objects.select_for_update(of=("self",)).select_related(*related).filter(**claim.row()).first()
        if alert is None:
            return
        now = clock.now()  # with the row held: an "I have it" that was waited for lies in the past
        steps, attempts = steps_of(alert), _attempts(alert, now)
        if alert.handed_to is not None and alert.acknowledged_at is not None and alert.next_page_at is not None:
            asked = SendPage(who=NAMED_PERSON, step=0, attempt=len(attempts), wait_until=now)
            _page_user(alert, asked, alert.handed_to, now)
        alert.next_page_at = _climb(alert, steps, attempts, now)
        alert.claimed_by, alert.lease_until = "", None
        alert.save(update_fields=["next_page_at", "claimed_by", "lease_until"])
    checkpoint("page_written")


def _climb(
    alert: Alert, steps: Sequence[Step], attempts: list[tuple[datetime, bool]], now: datetime
) -> datetime | None:
    """Take the steps that are due; returns when the next one is, None when no more follows."""
    taken = 0
    while alert.closed_at is None:
        empty = [n for n, (_, nobody) in enumerate(attempts) if nobody]
        decision = next_page(steps, [at for at, _ in attempts], alert.acknowledged_at, now, empty)
        if isinstance(decision, Wait):
            return decision.until if taken or alert.next_page_at is not None else None
        if isinstance(decision, Stop):
            return None
        if taken == len(steps):
            return now
        attempts.append((now, not _take(alert, decision, now)))
        taken += 1
    return None


def next_way_due(now: datetime) -> UUID | None:
    """The page that has waited for longest for its next way; None when none waits."""
    due = Page.objects.filter(next_way_at__lte=now).order_by("next_way_at", "id")
    return due.values_list("pk", flat=True).first()


def try_next_way(page_id: UUID, now: datetime) -> bool:
    """Write a page to the next contact point of somebody whom the former has not reached in time; False when somebody else does.

    One transaction and no claim: two watchers pass by each other, and the key of the page lets it be written once.
    """
    with transaction.atomic():
        rows = Page.objects.filter(pk=page_id, next_way_at__lte=now)
        due = rows.select_for_update(of=("self",), skip_locked=True)
        page = due.select_related("alert", "user").first()
        if page is None:
            return False
        page.next_way_at = None
        page.save(update_fields=["next_way_at"])
        alert = page.alert
        if still_needed(page):
            point = next_point(page)
            if point is not None:
                decision = SendPage(who=page.who, step=page.step, attempt=page.attempt, wait_until=now)
                _to_point(alert, decision, now, page.user, point)
            else:
                ledger.hurry(alert.pk, now)
    return True


def _attempts(alert: Alert, now: datetime) -> list[tuple[datetime, bool]]:
    """When each attempt was made, and whether it found nobody: nobody on, nobody who can be reached, or nothing that arrived."""
    made: dict[int, datetime] = {}
    pages = list(alert.pages.exclude(who=NAMED_PERSON).order_by("attempt", "created_at"))
    empty = set(lost_attempts(pages, now))
    for page in pages:
        made.setdefault(page.attempt, as_long_ago(page.created_at, now))
        if page.state in FOUND_NOBODY:
            empty.add(page.attempt)
    return [(made[number], number in empty) for number in sorted(made)]


def _take(alert: Alert, decision: SendPage | TellPatient, now: datetime) -> bool:
    """Take one step of the ladder; False when it found nobody."""
    if isinstance(decision, SendPage):
        return _page_person(alert, decision, now)
    _page(alert, decision, now, "patient_screen", Page.State.SENT, sent_at=now)
    tell_patient(alert, decision, now)
    return True


def _page_person(alert: Alert, decision: SendPage, now: datetime) -> bool:
    """Page whoever is on; False when nobody is, or nobody who can be reached."""
    duty = on_duty(alert, decision.who, now)
    if duty.user is None:
        page = _page(alert, decision, now, "", Page.State.NOBODY_ON)
        note_page(page, now)
        log.warning("alert %s: nobody on as %s", alert.code, decision.who)
        return False
    return _page_user(alert, decision, duty.user, now)


def _page_user(alert: Alert, decision: SendPage, user: User, now: datetime) -> bool:
    """Page one person by every way that is set up; False when the only way is an inbox that is not open."""
    points = points_for(user, alert)
    reached = can_be_reached(user, alert, now, points)
    for channel in channels():
        if channel.own_address:
            continue
        if channel.name == ON_SCREEN:
            state = {"state": Page.State.SENT, "sent_at": now} if reached else {"state": Page.State.NOT_REACHED}
            note_page(_page(alert, decision, now, channel.name, user=user, **state), now)
            if not reached:
                log.warning("alert %s: %s cannot be reached", alert.code, decision.who)
        elif channel.configured():
            _page(alert, decision, now, channel.name, Page.State.SENDING, user=user, send_at=now)
        else:
            note_page(_page(alert, decision, now, channel.name, Page.State.NOT_CONFIGURED, user=user), now)
    for point in first_points(points, user, alert, decision):
        _to_point(alert, decision, now, user, point)
    return reached


def _to_point(alert: Alert, decision: SendPage, now: datetime, user: User | None, point: ContactPoint) -> None:
    waits = now + patience(alert, now)
    state = Page.State.SENDING
    _page(alert, decision, now, point.channel, state, user=user, point=point, send_at=now, next_way_at=waits)


def _page(
    alert: Alert,
    decision: SendPage | TellPatient,
    now: datetime,
    channel: str,
    state: str,
    *,
    point: ContactPoint | None = None,
    **more: object,
) -> Page:
    who = PATIENT if isinstance(decision, TellPatient) else decision.who
    number = f"{who}:{now.isoformat()}" if who == NAMED_PERSON else str(decision.attempt)
    return Page.objects.create(
        organisation_id=alert.organisation_id,
        alert=alert,
        course_id=alert.course_id,
        step=decision.step,
        attempt=decision.attempt,
        who=who,
        channel=channel,
        idempotency_key=f"{alert.id}:{number}:{channel or 'nobody'}{f':{point.pk}' if point else ''}",
        point=point,
        state=state,
        created_at=now,
        **more,
    )
