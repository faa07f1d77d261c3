"""When a fact is written down: after whatever stands for its minute, so that of two words on one thing the last one holds."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from handrail.records.models import Course, Event
from handrail.rules.events import Event as Fact

A_MOMENT: Final = timedelta(milliseconds=1)
"""So much later than its request a fact may be written down, and no more; see `written_after`."""


def facts_beside(course: Course, fact: Fact) -> tuple[Event | None, list[datetime]]:
    """The fact that has this id already, and when those of its kind and minute were written down. One query."""
    alike = Q(course=course, kind=fact.kind, occurred_at=fact.at)
    rows = list(Event.objects.filter(Q(id=fact.id) | alike, organisation_id=course.organisation_id))
    former = next((row for row in rows if row.id == UUID(fact.id)), None)
    return former, [row.recorded_at for row in rows]


def written_after(fact: Fact, beside: Iterable[datetime]) -> Fact:
    """A fact, written down after whatever stands for the same minute: of two words on one thing the one that came last holds.

    Facts of one request, or of two that waited for the course, have one instant; and a clock may have been set back.
    """
    last = max(beside, default=None)
    if last is None or last < fact.recorded_at:
        return fact
    return replace(fact, recorded_at=last + timedelta.resolution)
