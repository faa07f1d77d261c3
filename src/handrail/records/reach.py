"""Which courses somebody reaches: the query that every list starts from."""

from datetime import datetime

from django.db.models import Q, QuerySet

from handrail.people import permissions
from handrail.people.models import User
from handrail.records.models import Course, CourseAccess


def courses_of(person: User, now: datetime) -> QuerySet[Course]:
    """The courses whose organisation a person belongs to at `now`, and those granted to it or to the person."""
    organisations = permissions.organisations_of(person, now)
    grants = CourseAccess.objects.valid(now).filter(
        Q(person__isnull=True) | Q(person=person), to_organisation__in=organisations
    )
    return Course.objects.filter(Q(organisation__in=organisations) | Q(pk__in=grants.values("course")))
