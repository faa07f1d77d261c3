"""Who works where: the organisation itself, its sites, its people and their roles.

The first person of an organisation comes from the console of the installation (`begin`), because nobody is there yet to be asked.
From then on a site manager or a director does all of it on a page. Nothing is deleted: a role ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.alerts.models import Alert
from handrail.alerts.wake import wake
from handrail.people import permissions, scope
from handrail.people.models import Membership, Organisation, Referral, Role, Site, User
from handrail.records.models import Course
from handrail.rules.terms import UnusableInput, zone_named

LONGEST: Final = {"name": 200, "number": 40}
CODE_SIGNS: Final = 24
ONLY_DIRECTORS: Final = frozenset({Role.DIRECTOR.value})
"""Roles that a director alone gives and ends: else a site manager could make themselves one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A new organisation and its first person."""

    organisation: Organisation
    director: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A person who has roles now. `new`: nobody had this address, so that a password has to be chosen first."""

    user: User
    new: bool


def begin(
    name: str,
    *,
    kind: str,
    mode: str,
    time_zone: str,
    number: str,
    person: str,
    email: str,
    now: datetime | None = None,
) -> Begun:
    """An organisation and the director who sets up the rest: for the console, where nobody is signed in.

    Args:
        number: the one that patients and colleagues call day and night.
        person, email: the director. Somebody who works elsewhere already keeps name and password.

    Raises:
        RefusedError: a name that is taken, or something that cannot be used.
    """
    now = now or clock.now()
    words = _line("name", name), _line("number", number)
    if kind not in Organisation.Kind.values or mode not in Organisation.Mode.values:
        raise RefusedError("There is no such kind of organisation.", code="unknown_word", path="kind")
    with transaction.atomic(), scope.everything():
        if Organisation.objects.filter(name=words[0]).exists():
            raise RefusedError("An organisation of that name is there already.", code="taken", path="name")
        organisation = Organisation.objects.create(
            name=words[0], kind=kind, mode=mode, time_zone=_zone(time_zone), call_number=words[1], created_at=now
        )
        user, _ = _user(person, email)
        Membership.objects.create(organisation=organisation, user=user, role=Role.DIRECTOR, valid_from=now)
        return Begun(organisation=organisation, director=user)


def change_organisation(
    organisation_id: UUID, *, number: str, second_factor: bool, by: Actor, now: datetime | None = None
) -> Organisation:
    """The number that is called day and night, and whether a second factor is asked of everybody.

    Raises:
        RefusedError: no number; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(organisation_id):
        _manager(organisation_id, by, now)
        found = Organisation.objects.select_for_update().get(pk=organisation_id)
        found.call_number, found.require_second_factor = _line("number", number), second_factor
        found.save(update_fields=["call_number", "require_second_factor"])
        return found


def add_site(
    organisation_id: UUID, *, name: str, number: str = "", time_zone: str = "", by: Actor, now: datetime | None = None
) -> Site:
    """A place that gives doses or watches patients. Its code, which pages may show, is made of its name.

    Args:
        number: its own, where it has one; else that of the organisation is called.
        time_zone: '' for that of the organisation.

    Raises:
        RefusedError: no name, one that is taken, or a zone that is none; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(organisation_id):
        _manager(organisation_id, by, now)
        organisation = Organisation.objects.select_for_update().get(pk=organisation_id)  # two at once get two codes
        words = _line("name", name)
        if Site.objects.filter(organisation=organisation, name=words).exists():
            raise RefusedError("A site of that name is there already.", code="taken", path="name")
        return Site.objects.create(
            organisation=organisation,
            name=words,
            code=_code(words),
            time_zone=_zone(time_zone or organisation.time_zone, "time_zone"),
            call_number=_line("number", number, needed=False),
        )


def change_site(site_id: UUID, *, number: str, by: Actor, now: datetime | None = None) -> Site:
    """Another number for a site.

    Raises:
        NotVisibleError: there is no such site; NotAllowedError: the role may not; RefusedError: a number that cannot be used.
    """
    now = now or clock.now()
    mine = permissions.organisations_of(by.user, now)
    with transaction.atomic(), scope.acting_for(*mine):
        site = Site.objects.filter(pk=site_id, organisation__in=mine).first()
        if site is None:
            raise NotVisibleError("There is no such site.")
        _manager(site.organisation_id, by, now)
        site.call_number = _line("number", number, needed=False)
        site.save(update_fields=["call_number"])
        return site


def add_person(
    organisation_id: UUID, *, name: str, email: str, roles: Iterable[str], by: Actor, now: datetime | None = None
) -> Added:
    """Somebody who works here from now on, in these roles. Whoever has that address already keeps name and password.

    Raises:
        RefusedError: no name, no address, no role or one that is none; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(organisation_id):
        mine = _manager(organisation_id, by, now)
        wanted = list(dict.fromkeys(roles))
        if not wanted:
            raise RefusedError("Say in which role.", code="missing_key", path="roles")
        for role in wanted:
            _may_give(role, mine)
        user, new = _user(name, email)
        for role in wanted:
            _give(organisation_id, user, role, now)
        return Added(user=user, new=new)


def give_role(organisation_id: UUID, user_id: UUID, *, role: str, by: Actor, now: datetime | None = None) -> Membership:
    """One more role for somebody who works here.

    Raises:
        RefusedError: a role that is none; NotAllowedError, NotVisibleError: not for this actor, or nobody of that id works here.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(organisation_id):
        mine = _manager(organisation_id, by, now)
        _may_give(role, mine)
        row = standing(organisation_id, now).filter(user=user_id).select_related("user").first()
        if row is None:
            raise NotVisibleError("Nobody of that id works here.")
        return _give(organisation_id, row.user, role, now)


def end_role(membership_id: UUID, *, by: Actor, now: datetime | None = None) -> Membership:
    """Somebody has a role no more: what it allowed is over from now on. Shifts that they still have show as not filled,
    and the pages of what they had and may not answer any more go on.

    Raises:
        RefusedError: the last director; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    here = permissions.organisations_of(by.user, now)
    with transaction.atomic(), scope.acting_for(*here):
        row = Membership.objects.filter(pk=membership_id, organisation__in=here).first()
        if row is None:
            raise NotVisibleError("There is no such role.")
        mine = _manager(row.organisation_id, by, now)
        Organisation.objects.select_for_update().get(
            pk=row.organisation_id
        )  # two directors do not end each other at once
        held = standing(row.organisation_id, now)
        if not held.filter(pk=row.pk).exists():
            return row
        _may_give(row.role, mine)
        if (
            row.role == Role.DIRECTOR
            and held.filter(role=Role.DIRECTOR, user__is_active=True).exclude(user=row.user_id).count() == 0
        ):
            raise RefusedError(
                "This is the last director: name another one first, or nobody could sign a level.", code="last_director"
            )
        row.valid_until = now
        row.save(update_fields=["valid_until"])
        _give_back_alerts(row.user, now)
        Site.objects.filter(organisation=row.organisation_id, rota_look_at__gt=now).update(rota_look_at=now)
        return row


def _give_back_alerts(user: User, now: datetime) -> None:
    """What somebody has an open alert about is looked at now: who may not answer it any more has it no more."""
    with scope.everything():
        had = list(Alert.objects.filter(acknowledged_by=user, closed_at__isnull=True))
        referrals = {alert.referral_id for alert in had if alert.referral_id is not None}
        places = {alert.organisation_id for alert in had if alert.course_id is None and alert.referral_id is None}
        later = Q(look_again_at__isnull=True) | Q(look_again_at__gt=now)
        looks = Course.objects.filter(later, pk__in={alert.course_id for alert in had}).update(look_again_at=now)
        looks += Referral.objects.filter(later, pk__in=referrals).update(look_again_at=now)
        looks += Site.objects.filter(rota_look_at__gt=now, organisation__in=places).update(rota_look_at=now)
        if looks:
            wake()


def standing(organisation_id: UUID, now: datetime) -> QuerySet[Membership]:
    """The roles at an organisation that hold at `now`."""
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    return Membership.objects.filter(lasting, organisation=organisation_id, valid_from__lte=now)


def may_invite(user: User) -> bool:
    """Whether somebody may be given the link with which a first password is chosen: never once they have one."""
    return user.is_active and not user.has_usable_password()


def _manager(organisation_id: UUID, by: Actor, now: datetime) -> frozenset[str]:
    """The roles of the actor there.

    Raises:
        NotVisibleError: a stranger; NotAllowedError: somebody whose role does not manage people.
    """
    roles = permissions.roles_at(by.user, organisation_id, now) if by.user is not None else frozenset()
    if not roles:
        raise NotVisibleError("There is no such organisation.")
    if not roles & permissions.VERBS["manage_people"]:
        raise NotAllowedError("Your role does not allow that here.")
    return roles


def _may_give(role: str, mine: frozenset[str]) -> None:
    if role not in Role.values:
        raise RefusedError("There is no such role.", code="unknown_word", path="roles")
    if role in ONLY_DIRECTORS and Role.DIRECTOR not in mine:
        raise RefusedError("Only a director makes a director, or ends one.", code="not_allowed", path="roles")


def _give(organisation_id: UUID, user: User, role: str, now: datetime) -> Membership:
    found = standing(organisation_id, now).filter(user=user, role=role, site__isnull=True).first()
    return found or Membership.objects.create(organisation_id=organisation_id, user=user, role=role, valid_from=now)


def _user(name: str, email: str) -> tuple[User, bool]:
    """The person of that address, or a new one who cannot sign in before a password is chosen."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise RefusedError("That is no e-mail address.", code="no_address", path="email") from None
    found = User.objects.filter(email__iexact=address).first()
    if found is not None:
        if found.kind != User.Kind.STAFF or not found.is_active:
            raise RefusedError("That address cannot be used here.", code="no_address", path="email")
        return found, False
    return User.objects.create_user(address, name=_line("name", name)), True


def _line(what: str, text: str, *, needed: bool = True) -> str:
    """One line of text, not too long."""
    words = text.strip()
    if needed and not words:
        raise RefusedError(f"Type a {what}.", code="missing_key", path=what)
    if len(words) > LONGEST[what] or any(ord(sign) < 32 for sign in words):
        raise RefusedError(f"At most {LONGEST[what]} signs on one line.", code="too_long", path=what)
    return words


def _zone(text: str, path: str = "time_zone") -> str:
    try:
        zone_named(text.strip())
    except UnusableInput as error:
        raise RefusedError(
            "Choose a time zone by its name, such as America/Chicago.", code=error.code, path=path
        ) from error
    return text.strip()


def _code(name: str) -> str:
    """A code of the site that no other site of the installation has: patients' pages are found by it."""
    stem = slugify(name)[: CODE_SIGNS - 4].strip("-") or "site"
    with scope.everything():
        taken = set(Site.objects.filter(code__startswith=stem).values_list("code", flat=True))
    return stem if stem not in taken else next(c for n in range(2, 1000) if (c := f"{stem}-{n}") not in taken)
