"""Who is on: people are looked up at the moment of paging."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from handrail.people import permissions
from handrail.people.models import Membership, Role, Shift, Site, Step, User

log = logging.getLogger(__name__)

_ROLES_THAT_STAND_IN: Final[dict[str, tuple[str, ...]]] = {
    Step.SITE_MANAGER: (Role.SITE_MANAGER,),
    Step.DIRECTOR: (Role.DIRECTOR,),
    Step.INTAKE: (Role.COORDINATOR, Role.NURSE),
}
"""Steps that need no shift: whoever holds the role is on; of several roles the first that somebody holds."""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """The answer to "who is on": a person, or nobody and the reason."""

    step: str
    user: User | None
    because: str


def who_is_on(organisation_id: UUID, step: str, now: datetime, *, site_id: UUID | None = None) -> OnDuty:
    """The person who answers as a step of the ladder at `now`.

    An override wins over the plan, a shift of the site over one of the whole organisation, and of two equal ones that which
    began last. People who are no longer active, or have no role at the organisation (any more) that may answer, are passed over.
    Nobody on is an answer, and is logged.
    """
    shifts = (
        of_members(now)
        .filter(
            Q(site__isnull=True) | Q(site_id=site_id),
            organisation_id=organisation_id,
            step=step,
            starts_at__lte=now,
            ends_at__gt=now,
        )
        .select_related("user")
        .order_by("-is_override", "-starts_at", "id")
    )
    found = sorted(shifts, key=lambda shift: (not shift.is_override, shift.site_id is None))
    if found:
        return OnDuty(step, found[0].user, "override" if found[0].is_override else "rota")
    stand_in = _holder_of_role(organisation_id, step, now, site_id)
    if stand_in is not None:
        return OnDuty(step, stand_in, "role")
    log.warning("nobody on: organisation %s, step %s, at %s", organisation_id, step, now.isoformat())
    return OnDuty(step, None, "nobody on")


def only_site(organisation_id: UUID) -> Site | None:
    """The site of an organisation that has one: its rota answers for patients of another organisation too. Of several, none does."""
    sites = list(Site.objects.filter(organisation_id=organisation_id)[:2])
    return sites[0] if len(sites) == 1 else None


def of_members(now: datetime) -> QuerySet[Shift]:
    """The shifts of people who can answer: active, and at `now` in a role at the organisation of the rota that may say "I have it"."""
    member = Membership.objects.filter(
        permissions.in_force(now), user_id=OuterRef("user_id"), organisation_id=OuterRef("organisation_id")
    )
    able = Exists(member.filter(role__in=permissions.answering_roles(Step.FIRST_ON_CALL)))
    intake = Q(step=Step.INTAKE) & Exists(member.filter(role__in=permissions.answering_roles(Step.INTAKE)))
    return Shift.objects.filter(able | intake, user__is_active=True)


def _holder_of_role(organisation_id: UUID, step: str, now: datetime, site_id: UUID | None) -> User | None:
    roles = _ROLES_THAT_STAND_IN.get(step, ())
    if not roles:
        return None
    holders = (
        Membership.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=now),
            Q(site__isnull=True) | Q(site_id=site_id),
            organisation_id=organisation_id,
            role__in=roles,
            valid_from__lte=now,
            user__is_active=True,
        )
        .select_related("user")
        .order_by("-valid_from", "id")
    )
    found = min(holders, key=lambda each: roles.index(each.role), default=None)
    return found.user if found else None
