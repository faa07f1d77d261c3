"""One hand-off as somebody signed in sees it: which side they are on, what their role allows, and which doors stand open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest

from handrail import clock
from handrail.actions import handoffs
from handrail.actions.errors import RefusedError
from handrail.people import permissions
from handrail.records.models import Course, HandoffDoor
from handrail.rules.handoff_loop import Loop
from handrail.rules.terms import say_instant
from handrail.web import handoff_page as page
from handrail.web.doors import course_for, signed_in
from handrail.web.presenters import patient_words
from handrail.web.words import local_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One hand-off as somebody sees it: which side they are on, and what their role allows."""

    course: Course
    loop: Loop
    verbs: frozenset[str]
    mine: frozenset[str]
    now: datetime

    @property
    def receives(self) -> bool:
        """It was offered to an organisation of theirs."""
        return self.loop.offered.body.to_party in self.mine

    @property
    def sends(self) -> bool:
        """It was not, and their role may offer one."""
        return not self.receives and handoffs.OFFER in self.verbs


def held_for(request: HttpRequest, course_id: UUID, handoff_id: UUID, verb: str = "view_course") -> Held:
    user, now = signed_in(request), clock.now()
    course = course_for(request, course_id, verb)
    loop = page.loop_of(course, handoff_id, now)
    if loop is None:
        raise Http404("There is no such hand-off.")
    mine = frozenset(str(each) for each in permissions.organisations_of(user, now))
    return Held(course=course, loop=loop, verbs=permissions.verbs_on(user, course, now), mine=mine, now=now)


def doors_of(held: Held) -> dict[str, Any]:
    rows = HandoffDoor.objects.filter(
        course=held.course, handoff=UUID(held.loop.id), closed_at__isnull=True, expires_at__gt=held.now
    )
    zone = held.course.time_zone
    found = {
        each.kind: {"made": local_time(each.made_at, zone), "until": say_instant(each.expires_at, zone)}
        for each in rows.order_by("made_at", "id")
    }
    return {"link": found.get("link"), "fax": found.get("fax")}


def head(request: HttpRequest, course: Course, now: datetime) -> dict[str, Any]:
    names = permissions.may(signed_in(request), "view_identity", course, now)
    return {"course": {"id": course.pk, "who": patient_words(course, names=names), "product": course.product}}


def typed_day(text: str) -> date | None:
    """A day that was typed, None for none.

    Raises:
        RefusedError: it is no day.
    """
    try:
        return page.day_or_none(text)
    except ValueError:
        raise RefusedError("Type a date such as 2026-03-04.", code="not_a_time", path="from_on") from None
