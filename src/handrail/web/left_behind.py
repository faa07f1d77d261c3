"""The running courses that carry something else than what their organisation signed last: nobody has moved them.

The page of a signed set and that of a policy show the same list (`left_behind.html`), from which a course is moved by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import Course
from handrail.records.reach import courses_of
from handrail.rules.terms import say_instant
from handrail.web.presenters import patient_words


def running_of(organisation_id: UUID, person: User, now: datetime) -> QuerySet[Course]:
    """The running courses of an organisation that a person reaches, the longest running first."""
    own = courses_of(person, now).filter(organisation_id=organisation_id, ended_at__isnull=True)
    return own.select_related("patient", "site").order_by("started_at", "id")


def left_behind(courses: Iterable[Course], person: User, now: datetime) -> list[dict[str, Any]]:
    """What the list shows of each course: whose, since when, and whether this person may move it."""
    found = []
    for course in courses:
        verbs = permissions.verbs_on(person, course, now)
        row = {
            "id": course.pk,
            "who": patient_words(course, names="view_identity" in verbs),
            "started": say_instant(course.started_at, course.time_zone),
            "may_move": "decide" in verbs,
        }
        found.append(row)
    return found
