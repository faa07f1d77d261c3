"""Which courses somebody reaches: the query that every list starts from."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import Course, CourseAccess


def courses_of(person: User, now: datetime, verb: str = "view_course") -> QuerySet[Course]:
    """The courses on which a person may do a verb at `now`: `permissions.may` as a query.

    Those of the organisations where the person's role allows it, and those granted to them or to the person for a purpose that
    lends it. A role at one organisation counts for nothing at another.
    """
    able = {
        each.organisation_id for each in permissions.memberships(person, now) if each.role in permissions.VERBS[verb]
    }
    return courses_at(able, person, now, verb)


def courses_at(able: Collection[UUID], person: User, now: datetime, verb: str) -> QuerySet[Course]:
    """The same, for whoever knows already at which organisations the person's role allows the verb."""
    lending = [purpose for purpose, verbs in permissions.LENT.items() if verb in verbs]
    grants = CourseAccess.objects.valid(now).filter(
        Q(person__isnull=True) | Q(person=person), to_organisation__in=able, purpose__in=lending
    )
    return Course.objects.filter(Q(organisation__in=able) | Q(pk__in=grants.values("course")))
