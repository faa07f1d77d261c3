"""Putting people on the rota and taking them off it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people import permissions, scope
from handrail.people.models import Membership, Organisation, Shift, Site, Step, User


def put_on_rota(
    organisation_id: UUID,
    *,
    step: str,
    user_id: UUID | str,
    starts_at: datetime,
    ends_at: datetime,
    by: Actor,
    site_id: UUID | None = None,
    instead: bool = False,
    now: datetime | None = None,
) -> Shift:
    """Let a person answer as a step of the ladder between two instants.

    Args:
        organisation_id: whose rota.
        step: first_on_call, second_on_call, attending, nurse, site_manager or director.
        user_id: a member of the organisation for the whole time.
        site_id: for one site only; None for every site.
        instead: the person answers instead of whoever is planned.

    Raises:
        RefusedError: an unknown step, times that make no shift, somebody who is no member or may not answer pages;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _organisation(organisation_id, by, now)
        if step not in Step.values:
            raise RefusedError("There is no such step of the ladder.", code="unknown_word", path="step")
        if ends_at <= starts_at:
            raise RefusedError("The shift ends before it begins.", code="not_a_time", path="ends_at")
        if ends_at <= now:
            raise RefusedError("The shift is already over.", code="not_a_time", path="ends_at")
        member = _member(organisation, user_id, starts_at, ends_at)
        site = Site.objects.filter(pk=site_id, organisation=organisation).first() if site_id else None
        if site_id and site is None:
            raise RefusedError("There is no such site.", code="unknown_word", path="site")
        return Shift.objects.create(
            organisation=organisation,
            site=site,
            step=step,
            user=member,
            starts_at=starts_at,
            ends_at=ends_at,
            is_override=instead,
        )


def take_off_rota(shift_id: UUID, *, by: Actor, now: datetime | None = None) -> None:
    """End a shift now; one that has not begun is removed. Whoever else is on answers from now on."""
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        shift = Shift.objects.select_for_update().filter(pk=shift_id).first()
        if shift is None:
            raise NotVisibleError("There is no such shift.")
        _organisation(shift.organisation_id, by, now)
        if shift.starts_at >= now:
            shift.delete()
        elif shift.ends_at > now:
            shift.ends_at = now
            shift.save(update_fields=["ends_at"])


def _organisation(organisation_id: UUID, by: Actor, now: datetime) -> Organisation:
    if by.user is None:
        raise NotAllowedError("Only a person changes the rota.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, "manage_rota", None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return Organisation.objects.get(pk=organisation_id)


def _member(organisation: Organisation, user_id: UUID | str, starts_at: datetime, ends_at: datetime) -> User:
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gte=ends_at)
    found = Membership.objects.filter(
        lasting, organisation=organisation, user_id=user_id, valid_from__lte=starts_at, user__is_active=True
    )
    member = found.filter(role__in=permissions.VERBS["acknowledge"]).select_related("user").first()
    if member is None and found.exists():
        raise RefusedError("That person's role may not answer pages.", code="not_allowed", path="user")
    if member is None:
        raise RefusedError("That person does not belong here for the whole shift.", code="unknown_word", path="user")
    return member.user
