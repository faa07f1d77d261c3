"""Putting people on the rota, taking them off it, and swapping: trained and current people only, each change written down."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people import coverage, permissions, scope
from handrail.people.models import Membership, Organisation, RotaEntry, Shift, Site, Step, Swap, User


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
        RefusedError: an unknown step, times that make no shift, somebody who is no member, may not answer pages, or is not
        trained and current for the whole of it;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now)
        if step not in Step.values:
            raise RefusedError("There is no such step of the ladder.", code="unknown_word", path="step")
        if ends_at <= starts_at:
            raise RefusedError("The shift ends before it begins.", code="not_a_time", path="ends_at")
        if ends_at <= now:
            raise RefusedError("The shift is already over.", code="not_a_time", path="ends_at")
        site = site_of(organisation, site_id)
        member = member_for(organisation, site, step, user_id, (starts_at, ends_at))
        shift = Shift.objects.create(
            organisation=organisation,
            site=site,
            step=step,
            user=member,
            starts_at=starts_at,
            ends_at=ends_at,
            is_override=instead,
        )
        write_entry(organisation, "put_on", told(shift), now, by)
        return shift


def take_off_rota(shift_id: UUID, *, by: Actor, now: datetime | None = None) -> None:
    """End a shift now; one that has not begun is removed. Whoever else is on answers from now on."""
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        shift = Shift.objects.select_for_update().filter(pk=shift_id).first()
        if shift is None:
            raise NotVisibleError("There is no such shift.")
        organisation = managed(shift.organisation_id, by, now)
        write_entry(organisation, "taken_off", told(shift), now, by)
        if shift.starts_at >= now:
            shift.delete()
        elif shift.ends_at > now:
            shift.ends_at = now
            shift.save(update_fields=["ends_at"])


# --- swaps --------------------------------------------------------------------------------------------------------------


def ask_swap(shift_id: UUID, to_user_id: UUID | str, *, by: Actor, now: datetime | None = None) -> Swap:
    """Ask somebody to take a shift. Until they accept, nothing changes.

    Raises:
        RefusedError: the shift is over or asked about already, or the other may not take it;
        NotAllowedError: it is not one's own shift; NotVisibleError: no such shift for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        shift = _shift_of(shift_id, by, now)
        assert by.user is not None
        mine = shift.user_id == by.user.pk
        may = permissions.may(by.user, "manage_rota", None, now, organisation_id=shift.organisation_id)
        if not mine and not may:
            raise NotAllowedError("Only the person of a shift, or who manages the rota, asks for a swap.")
        if shift.ends_at <= now:
            raise RefusedError("The shift is already over.", code="not_a_time", path="shift")
        if shift.swaps.filter(answer=Swap.Answer.OPEN).exists():
            raise RefusedError("Somebody was asked already: take that back first.", code="twice", path="shift")
        span = (max(now, shift.starts_at), shift.ends_at)
        other = member_for(shift.organisation, shift.site, shift.step, to_user_id, span)
        if other.pk == shift.user_id:
            raise RefusedError("That is the same person.", code="same_person", path="user")
        swap = Swap.objects.create(
            organisation=shift.organisation, shift=shift, asked_by=by.user, to_user=other, asked_at=now
        )
        write_entry(shift.organisation, "swap_asked", {**told(shift), "to": str(other.pk)}, now, by)
        return swap


def answer_swap(swap_id: UUID, *, accept: bool, by: Actor, now: datetime | None = None) -> Swap:
    """Accept or decline a swap: only the person who was asked does. A shift that has begun passes on from now.

    Raises:
        RefusedError: answered before, the shift is over, or the person may no longer take it;
        NotAllowedError: somebody else was asked; NotVisibleError: no such swap for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        swap = _swap_of(swap_id, by, now)
        if by.user is None or swap.to_user_id != by.user.pk:
            raise NotAllowedError("Only the person who was asked can answer.")
        shift = _shift_of(swap.shift_id, by, now)
        if accept:
            if shift.ends_at <= now:
                raise RefusedError("The shift is already over.", code="not_a_time", path="shift")
            span = (max(now, shift.starts_at), shift.ends_at)
            member_for(shift.organisation, shift.site, shift.step, by.user.pk, span)
            _pass_on(shift, by.user, now)
        return _answered(swap, Swap.Answer.ACCEPTED if accept else Swap.Answer.DECLINED, by, now)


def withdraw_swap(swap_id: UUID, *, by: Actor, now: datetime | None = None) -> Swap:
    """Take a question back that nobody has answered: who asked does, or who manages the rota."""
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        swap = _swap_of(swap_id, by, now)
        mine = by.user is not None and swap.asked_by_id == by.user.pk
        if not mine and not permissions.may(by.user, "manage_rota", None, now, organisation_id=swap.organisation_id):
            raise NotAllowedError("Only who asked can take it back.")
        return _answered(swap, Swap.Answer.WITHDRAWN, by, now)


def _answered(swap: Swap, answer: Swap.Answer, by: Actor, now: datetime) -> Swap:
    swap.answer, swap.answered_at = answer, now
    swap.save(update_fields=["answer", "answered_at"])
    payload = {"swap": str(swap.pk), "shift": str(swap.shift_id), "to": str(swap.to_user_id)}
    write_entry(swap.organisation, f"swap_{answer.value}", payload, now, by)
    return swap


def _pass_on(shift: Shift, to: User, now: datetime) -> None:
    if shift.starts_at < now:
        ends_at, shift.ends_at = shift.ends_at, now
        shift.save(update_fields=["ends_at"])
        Shift.objects.create(
            organisation=shift.organisation,
            site=shift.site,
            step=shift.step,
            user=to,
            starts_at=now,
            ends_at=ends_at,
            is_override=shift.is_override,
        )
        return
    shift.user = to
    shift.save(update_fields=["user"])


def _shift_of(shift_id: UUID, by: Actor, now: datetime) -> Shift:
    rows = Shift.objects.select_for_update(of=("self",)).select_related("organisation", "site", "user")
    shift = rows.filter(pk=shift_id).first()
    if shift is None or by.user is None or not permissions.roles_at(by.user, shift.organisation_id, now):
        raise NotVisibleError("There is no such shift.")
    return shift


def _swap_of(swap_id: UUID, by: Actor, now: datetime) -> Swap:
    swap = Swap.objects.select_for_update(of=("self",)).select_related("organisation").filter(pk=swap_id).first()
    if swap is None or by.user is None or not permissions.roles_at(by.user, swap.organisation_id, now):
        raise NotVisibleError("There is no such swap.")
    if swap.answer != Swap.Answer.OPEN:
        raise RefusedError("This swap was answered already.", code="closed")
    return swap


# --- what every change of the rota needs ----------------------------------------------------------------------------------


def managed(organisation_id: UUID, by: Actor, now: datetime, verb: str = "manage_rota") -> Organisation:
    """The organisation whose rota this actor may change, or whose people with another verb.

    Raises:
        NotVisibleError, NotAllowedError: not for this actor.
    """
    if by.user is None:
        raise NotAllowedError("Only a person changes the rota.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, verb, None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return Organisation.objects.get(pk=organisation_id)


def site_of(organisation: Organisation, site_id: UUID | None) -> Site | None:
    """A site of the organisation; None stays None.

    Raises:
        RefusedError: it has no such site.
    """
    site = Site.objects.filter(pk=site_id, organisation=organisation).first() if site_id else None
    if site_id and site is None:
        raise RefusedError("There is no such site.", code="unknown_word", path="site")
    return site


def member_for(
    organisation: Organisation, site: Site | None, step: str, user_id: UUID | str, span: tuple[datetime, datetime]
) -> User:
    """Somebody who may be placed as a step for that span: a member who may answer pages, trained and current.

    Raises:
        RefusedError: with the sentence that says why not.
    """
    starts_at, ends_at = span
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gte=ends_at)
    found = Membership.objects.filter(
        lasting, organisation=organisation, user_id=user_id, valid_from__lte=starts_at, user__is_active=True
    )
    member = found.filter(role__in=permissions.VERBS["acknowledge"]).select_related("user").first()
    if member is None and found.exists():
        raise RefusedError("That person's role may not answer pages.", code="not_allowed", path="user")
    if member is None:
        raise RefusedError("That person does not belong here for the whole shift.", code="unknown_word", path="user")
    asked = coverage.asked_of(organisation.pk, site.pk if site else None).get(step)
    lacking = coverage.refusal(member.user, asked, organisation, coverage.zone_of(organisation, site), span)
    if lacking:
        raise RefusedError(lacking, code="not_trained", path="user")
    return member.user


def told(shift: Shift) -> dict[str, Any]:
    """A shift as it stands in the log of the rota: ids, never names."""
    return {
        "shift": str(shift.pk),
        "step": shift.step,
        "site": str(shift.site_id) if shift.site_id else None,
        "user": str(shift.user_id),
        "starts_at": shift.starts_at.isoformat(),
        "ends_at": shift.ends_at.isoformat(),
        "instead": shift.is_override,
    }


def write_entry(organisation: Organisation, kind: str, payload: dict[str, Any], now: datetime, by: Actor) -> None:
    """Write a change of the rota down, and have the rota of every site of the organisation looked at now."""
    RotaEntry.objects.create(organisation=organisation, kind=kind, payload=payload, at=now, by=by.user)
    Site.objects.filter(organisation=organisation, rota_look_at__gt=now).update(rota_look_at=now)
