"""Emergency departments that plans name, urgent care and clinics: made and ended by whoever manages the site, and never altered."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.alerts.channels.webhook import allowed
from handrail.people import permissions, scope
from handrail.people.models import CarePlace, Site

_LONGEST: Final = {"name": 120, "address": 200, "number": 40, "fax": 40, "email": 254, "webhook": 400}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDraft:
    """A place as it is typed in."""

    name: str
    number: str
    address: str = ""
    email: str = ""
    webhook: str = ""
    fax: str = ""
    site: UUID | None = None
    kind: str = CarePlace.Kind.ED


def add_place(organisation_id: UUID, draft: PlaceDraft, *, by: Actor, now: datetime | None = None) -> CarePlace:
    """Add a place. An emergency department without any channel can be chosen all the same: the packet is then phoned.

    Raises:
        RefusedError: no name or number, an address that cannot be used; NotAllowedError: the role may not.
    """
    now = now or clock.now()
    _may(organisation_id, by, now)
    _check(draft)
    with transaction.atomic(), scope.acting_for(organisation_id):
        site = Site.objects.filter(organisation_id=organisation_id, pk=draft.site).first() if draft.site else None
        if draft.site is not None and site is None:
            raise RefusedError("There is no such site.", code="no_such_site", path="site")
        return CarePlace.objects.create(
            organisation_id=organisation_id,
            site=site,
            kind=draft.kind,
            name=draft.name.strip(),
            address=draft.address.strip(),
            number=draft.number.strip(),
            email=draft.email.strip(),
            webhook=draft.webhook.strip(),
            webhook_secret=secrets.token_urlsafe(32) if draft.webhook.strip() else "",
            fax=draft.fax.strip(),
            made_at=now,
        )


def end_place(place_id: UUID, *, by: Actor, now: datetime | None = None) -> CarePlace:
    """Patients are sent there no more: plans that name it name none from now on, until somebody chooses anew.

    Raises:
        NotVisibleError: there is no such place; NotAllowedError: the role may not.
    """
    now = now or clock.now()
    mine = permissions.organisations_of(by.user, now) if by.user is not None else []
    with transaction.atomic(), scope.acting_for(*mine):
        place = CarePlace.objects.select_for_update(of=("self",)).filter(pk=place_id, organisation__in=mine).first()
        if place is None:
            raise NotVisibleError("There is no such place.")
        _may(place.organisation_id, by, now)
        if place.ended_at is None:
            place.ended_at = now
            place.save(update_fields=["ended_at"])
        return place


def _may(organisation_id: UUID, by: Actor, now: datetime) -> None:
    if by.user is None or not permissions.may(by.user, "manage_places", None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")


def _check(draft: PlaceDraft) -> None:
    if draft.kind not in CarePlace.Kind.values:
        raise RefusedError("There is no such kind of place.", code="no_such_kind", path="kind")
    if draft.kind != CarePlace.Kind.ED and not draft.address.strip():
        raise RefusedError("A door that patients are told of has an address.", code="missing_key", path="address")
    for name, longest in _LONGEST.items():
        text = getattr(draft, name).strip()
        if name in ("name", "number") and not text:
            raise RefusedError("A place has a name and a number.", code="missing_key", path=name)
        if len(text) > longest or any(ord(sign) < 32 for sign in text):
            raise RefusedError(f"At most {longest} signs on one line.", code="too_long", path=name)
    if draft.email.strip():
        try:
            validate_email(draft.email.strip())
        except ValidationError:
            raise RefusedError("That is no e-mail address.", code="no_address", path="email") from None
    if draft.webhook.strip() and not allowed(draft.webhook.strip()):
        raise RefusedError(
            "That address is not on the list of this installation (HANDRAIL_WEBHOOK_HOSTS).",
            code="no_address",
            path="webhook",
        )
