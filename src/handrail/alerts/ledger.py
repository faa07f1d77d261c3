"""Alerts follow the answer: what it wants is opened under its key, kept while it is wanted, and closed when it is not.

Alerts whose key begins with `shell:` come from Handrail itself (a record opened in an emergency, a course that could not be
assessed); the answer neither opens nor closes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from handrail.alerts.models import PLACE, Alert
from handrail.alerts.wake import wake
from handrail.people import permissions
from handrail.people.models import LinkToken
from handrail.records.models import Course
from handrail.rules.call_back import steps_of
from handrail.rules.paging import Step
from handrail.rules.policy import Policy
from handrail.rules.terms import Ladder

SHELL: Final = "shell:"

# How long the texts of an alert may be; the whole reason stands in the assessment.
_WHAT, _KEY = 200, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An alert that should be open. `steps` are those of the ladder."""

    key: str
    urgency: str
    ladder: str
    what: str
    because: str
    steps: tuple[Step, ...]
    follows: str | None = None
    """The key of another alert for the same reason: this one opens only once somebody had that and it did not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What became of the alerts of a course.

    `resumed`: "I have it" held no longer. `left`: it was said by somebody who may not say it any more. `look_again_at`: when one that
    waits for another may open, a hold ends, or somebody who has one ends here.
    """

    opened: tuple[Alert, ...] = ()
    kept: tuple[Alert, ...] = ()
    closed: tuple[Alert, ...] = ()
    resumed: tuple[Alert, ...] = ()
    left: tuple[Alert, ...] = ()
    look_again_at: datetime | None = None


def wanted_from(pages: Iterable[Any], policy: Policy) -> list[Wanted]:
    """The pages of an assessment with the steps that the policy gives them: those of the ladder, or their own."""
    return [
        Wanted(
            key=page.key,
            urgency=page.urgency.value,
            ladder=page.ladder.value,
            what=page.what,
            because=page.because,
            steps=steps_of(page.key, policy) or policy.ladders[page.ladder].steps,
            follows=page.follows,
        )
        for page in pages
    ]


def reconcile(course: Course, wanted: Sequence[Wanted], now: datetime, *, close_others: bool = True) -> Changes:
    """Open, keep and close the alerts of a course so that they are those wanted.

    The caller holds the lock of the course. An alert that is wanted more urgently than it is open is closed and opened anew:
    it has to page again, even when somebody had said "I have it". One that is wanted less urgently stays as it is. Nobody has an
    alert who left, or may not answer it any more: its pages go on.
    """
    standing = {alert.key: alert for alert in course.alerts.filter(closed_at__isnull=True).select_for_update()}
    holds = dict(standing)
    opened, kept, closed = [], [], []
    looks: list[datetime] = []
    for want in wanted:
        alert = standing.pop(want.key[:_KEY], None)
        if alert is None and (before := holds.get((want.follows or "")[:_KEY])) is not None:
            opens_at = _opens_after(before, want)
            if opens_at is None or now < opens_at:
                looks += [opens_at] if opens_at is not None else []
                continue
        if alert is not None and Ladder(want.ladder).rank >= Ladder(alert.ladder).rank:
            kept.append(alert)
            continue
        if alert is not None:
            closed.append(close(alert, "more urgent now", now))
        opened.append(open_alert(course, want, now))
    for alert in standing.values():
        if close_others and not alert.key.startswith(SHELL):
            closed.append(close(alert, "the reason is over", now))
        else:
            kept.append(alert)
    resumed = [resume(alert, now) for alert in kept if alert.resume_at is not None and alert.resume_at <= now]
    looks += [alert.resume_at for alert in kept if alert.resume_at is not None]
    left = _resume_left(kept, now)
    for alert in kept:
        if alert.acknowledged_by is not None:
            looks += permissions.ends_of(alert.acknowledged_by, course, now)
    return Changes(
        opened=tuple(opened),
        kept=tuple(kept),
        closed=tuple(closed),
        resumed=tuple(resumed),
        left=left,
        look_again_at=min(looks, default=None),
    )


def _resume_left(standing: Iterable[Alert], now: datetime) -> tuple[Alert, ...]:
    """Let those go on that somebody has who left, or may not answer them any more."""
    return tuple(
        resume(alert, now)
        for alert in standing
        if alert.acknowledged_by is not None
        and not permissions.may(
            alert.acknowledged_by, alert.verb, alert.course, now, organisation_id=alert.organisation_id
        )
    )


def _opens_after(before: Alert, want: Wanted) -> datetime | None:
    """When an alert may open beside the one that it follows: never while that pages, then a step after "I have it"."""
    if before.acknowledged_at is None:
        return None
    return before.acknowledged_at + timedelta(minutes=want.steps[0].wait_minutes)


def resume(alert: Alert, now: datetime) -> Alert:
    """Let the ladder of an alert go on, where it stood: "I have it" holds no longer."""
    alert.acknowledged_by = alert.acknowledged_at = alert.resume_at = alert.handed_to = None
    alert.next_page_at = now
    alert.save(update_fields=["acknowledged_by", "acknowledged_at", "resume_at", "handed_to", "next_page_at"])
    wake()
    return alert


def hurry(alert_id: UUID, now: datetime) -> None:
    """A message failed for good: its alert is looked at now, and goes on at once when nothing else reached the person.

    One that somebody has, or that is over, is left alone.
    """
    waiting = Alert.objects.filter(pk=alert_id, acknowledged_at__isnull=True, closed_at__isnull=True)
    if waiting.filter(next_page_at__gt=now).update(next_page_at=now):
        wake()


def open_alert(course: Course, want: Wanted, now: datetime) -> Alert:
    """Open an alert: its steps are pinned, and its first page is due now."""
    former = course.alerts.filter(key=want.key[:_KEY]).order_by("-opened_at").first()
    return _open(want, now, former, organisation_id=course.organisation_id, site_id=course.site_id, course_id=course.pk)


def _open(want: Wanted, now: datetime, former: Alert | None, **about: Any) -> Alert:
    """A new row, and a call to the watchers with the commit."""
    wake()
    return Alert.objects.create(
        **about,
        key=want.key[:_KEY],
        urgency=want.urgency,
        ladder=want.ladder,
        what=want.what[:_WHAT],
        because=want.because,
        steps=[asdict(step) for step in want.steps],
        opened_at=now,
        next_page_at=now,
        reopened_of=former,
    )


def reconcile_place(
    organisation_id: UUID, about: str, wanted: Sequence[Wanted], now: datetime, *, site_id: UUID | None = None
) -> Changes:
    """The same for alerts about a site or an organisation: those whose key begins with `place:` and `about`.

    The caller holds a lock that keeps others from settling the same place. `wanted` come with whole keys. As with those of a course,
    nobody has one who left.

    Raises:
        ValueError: a key that is not about this place.
    """
    prefix = f"{PLACE}{about}:"
    if any(not want.key.startswith(prefix) or len(want.key) > _KEY for want in wanted):
        raise ValueError(f"a key of this place begins with {prefix}")
    own = Alert.objects.filter(organisation_id=organisation_id, course__isnull=True)
    found = own.filter(key__startswith=prefix, closed_at__isnull=True).select_for_update()
    standing = {alert.key: alert for alert in found}
    opened, kept, closed = [], [], []
    for want in wanted:
        alert = standing.pop(want.key, None)
        if alert is not None and Ladder(want.ladder).rank >= Ladder(alert.ladder).rank:
            kept.append(alert)
            continue
        if alert is not None:
            closed.append(close(alert, "more urgent now", now))
        former = own.filter(key=want.key).order_by("-opened_at").first()
        opened.append(_open(want, now, former, organisation_id=organisation_id, site_id=site_id))
    closed += [close(alert, "the reason is over", now) for alert in standing.values()]
    return Changes(opened=tuple(opened), kept=tuple(kept), closed=tuple(closed), left=_resume_left(kept, now))


def close(alert: Alert, because: str, now: datetime) -> Alert:
    """Close an alert; it pages no more, and no link answers it."""
    alert.closed_at = now
    alert.closed_because = because
    alert.next_page_at = alert.resume_at = alert.handed_to = None
    alert.save(update_fields=["closed_at", "closed_because", "next_page_at", "resume_at", "handed_to"])
    end_links(alert, now)
    return alert


def end_links(alert: Alert, now: datetime) -> None:
    """Revoke every link that says "I have it" to this alert."""
    LinkToken.objects.filter(alert=alert, revoked_at__isnull=True).update(revoked_at=now)
