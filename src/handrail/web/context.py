"""What every staff page needs around its content: who is on call, whether anybody is watching, how many pages wait."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from handrail import clock
from handrail.actions.recording import CANNOT_ASSESS
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert
from handrail.alerts.reach import alerts_of, organisations_where
from handrail.people import permissions
from handrail.people.models import Organisation, User
from handrail.people.rota import who_is_on
from handrail.records.models import Course
from handrail.records.reach import courses_of
from handrail.web.presenters import Allowed
from handrail.web.words import instant_iso, local_time, since_words

CALLED = ("now", "soon")
MOST_DIGITS = 7
"""A number of a page with more digits is none."""


def frame(request: HttpRequest, here: str = "") -> dict[str, Any]:
    """The context of the frame. Constant number of queries."""
    now = clock.now()
    person = request.user
    base: dict[str, Any] = {
        "here": here,
        "now_iso": instant_iso(now),
        "clock_speed": f"{clock.speed():g}",
    }
    if not isinstance(person, User):
        return base
    organisations = list(Organisation.objects.filter(pk__in=permissions.organisations_of(person, now)))
    first = organisations[0] if organisations else None
    status = heartbeat.status(now)
    return {
        **base,
        "organisation_name": ", ".join(o.name for o in organisations) or "no organisation",
        "zone": first.time_zone if first else "UTC",
        "demo": any(o.mode == Organisation.Mode.DEMO for o in organisations),
        "on_call_words": _on_call(first, now) if first else "not known",
        "watcher": status,
        "watcher_looked_iso": instant_iso(status.looked_at) if status.looked_at else "",
        "watcher_since": since_words(status.looked_at, now) if status.looked_at else "",
        "open_pages": open_alerts(person).filter(acknowledged_at__isnull=True).count(),
    }


def page_asked(request: HttpRequest) -> int:
    """Which page of a list is asked for; 1 where that is no number."""
    asked = request.GET.get("page", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < MOST_DIGITS else 1


def open_alerts(person: User) -> Any:
    """The open alerts that a person may see: now or soon for a course, every one for a site or an organisation."""
    seen = alerts_of(person, clock.now()).filter(closed_at__isnull=True)
    return seen.filter(Q(urgency__in=CALLED) | Q(course__isnull=True))


def _on_call(organisation: Organisation, now: Any) -> str:
    names = []
    for step in ("first_on_call", "second_on_call"):
        duty = who_is_on(organisation.pk, step, now)
        names.append(duty.user.name if duty.user else "nobody")
    return f"{names[0]} → {names[1]} ({local_time(now, organisation.time_zone)})"


def allowed(person: User, now: datetime, among: Collection[UUID] | None = None) -> Allowed:
    """What a person may see and do on each course of a list. Constant number of queries.

    Args:
        among: the courses that are shown; None: all in reach.
    """

    def courses(verb: str) -> frozenset[UUID]:
        return frozenset(_among(courses_of(person, now, verb), among).values_list("pk", flat=True))

    reached = _among(courses_of(person, now), among)
    unjudged = Alert.objects.filter(key=CANNOT_ASSESS, closed_at__isnull=True, course__in=reached)
    return Allowed(
        names=courses("view_identity"),
        pages=courses("view_pages"),
        acknowledge=courses("acknowledge"),
        unjudged=frozenset(unjudged.values_list("course_id", flat=True)),
        answers_for=organisations_where(
            person, now, "acknowledge", "answer_referral", "view_referrals", "view_pages", "record_contact"
        ),
    )


def _among(courses: QuerySet[Course], among: Collection[UUID] | None) -> QuerySet[Course]:
    return courses if among is None else courses.filter(pk__in=among)
