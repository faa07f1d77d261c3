"""An organisation's own policy in force, and which of its running courses carry another one."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from handrail.people import scope
from handrail.records import wire
from handrail.records.models import Course, PolicyProposal
from handrail.rules.policy import load_policy
from handrail.rules.terms import UnusableInput


def in_force(organisation_id: UUID) -> PolicyProposal | None:
    """The policy that new courses of an organisation start with; None: the shipped one."""
    with scope.everything():
        return (
            PolicyProposal.objects.filter(organisation_id=organisation_id, adoptions__isnull=False)
            .order_by("-number")
            .first()
        )


def not_on(proposal: PolicyProposal | None, courses: Iterable[Course], now: datetime) -> Iterator[Course]:
    """The running courses that carry another policy than this one (None: than the shipped one), or one that cannot be read."""
    wanted = proposal.sha256 if proposal is not None else load_policy().ref.sha256
    for course in courses:
        if course.ended_at is None and carried_sha256(course, now) != wanted:
            yield course


def carried_sha256(course: Course, now: datetime) -> str | None:
    """The policy of a course at an instant, by its hash; None: it cannot be read."""
    try:
        return wire.policy_of(course, now).ref.sha256
    except UnusableInput:
        return None
