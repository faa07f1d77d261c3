"""Which alerts somebody reaches: those of the courses in reach, and those about the person's own organisations."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from handrail.alerts.models import Alert
from handrail.people import permissions
from handrail.people.models import User
from handrail.records.reach import courses_at


def alerts_of(person: User, now: datetime, verb: str = "view_pages") -> QuerySet[Alert]:
    """The alerts on which a person may do a verb at `now`: `permissions.may` as a query."""
    able = organisations_where(person, now, verb)[verb]
    places = Q(course__isnull=True, organisation__in=able)
    return Alert.objects.filter(Q(course__in=courses_at(able, person, now, verb)) | places)


def organisations_where(person: User, now: datetime, *verbs: str) -> dict[str, frozenset[UUID]]:
    """By verb, the organisations at which a person may do it. One query."""
    held = permissions.memberships(person, now)
    return {
        verb: frozenset(each.organisation_id for each in held if each.role in permissions.VERBS[verb]) for verb in verbs
    }
