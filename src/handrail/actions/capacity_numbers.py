"""The numbers that a site says of its capacity: written from a day on, never altered; the last word for a day counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.site_levels import sites_seen
from handrail.people import permissions, scope
from handrail.people.models import Role, Site, SiteNumber, User
from handrail.rules.capacity_data import NUMBERS
from handrail.rules.terms import civil_date

VERB: Final = "record_capacity"
MOST: Final = 500
"""More than any site has; a larger number is a slip of the pen."""
LONGEST: Final = 200


def may_say(user: User, site: Site, now: datetime) -> bool:
    """Whether a person says the numbers of this site."""
    return permissions.may(user, VERB, None, now, organisation_id=site.organisation_id)


def say_numbers(
    site_id: UUID,
    numbers: Mapping[str, int | None],
    *,
    from_on: date,
    by: Actor,
    evidence: str = "",
    now: datetime | None = None,
) -> list[SiteNumber]:
    """Write down what a site can take from a day on.

    Args:
        numbers: by the names of `NUMBERS`; None: it was asked, and is not known.
        from_on: today, or a day to come: what holds today was not held yesterday.

    Raises:
        RefusedError: nothing is said, an unknown name, a number that no site has, a day that is over;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        site = sites_seen(by.user, now).filter(pk=site_id).first() if by.user is not None else None
        if site is None or by.user is None:
            raise NotVisibleError("There is no such site.")
        if not may_say(by.user, site, now):
            raise NotAllowedError("Your role does not allow that here.")
        text = evidence.strip()
        _check(numbers, from_on, civil_date(now, site.time_zone), text)
        held = permissions.roles_at(by.user, site.organisation_id, now) & permissions.VERBS[VERB]
        role = next(each.value for each in Role if each in held)
        rows = [
            SiteNumber(
                organisation_id=site.organisation_id,
                site=site,
                what=what,
                number=number,
                from_on=from_on,
                evidence=text,
                by=by.user,
                role=role,
                at=now,
            )
            for what, number in numbers.items()
        ]
        for row in rows:
            row.save(force_insert=True)
        return rows


def _check(numbers: Mapping[str, int | None], from_on: date, today: date, evidence: str) -> None:
    if not numbers:
        raise RefusedError("Say at least one number.", code="missing_key", path="numbers")
    for what, number in numbers.items():
        if not any(what == each for each in NUMBERS):
            raise RefusedError("There is no such number.", code="unknown_word", path=what)
        if number is not None and not 0 <= number <= MOST:
            raise RefusedError(f"A number from 0 to {MOST}.", code="out_of_range", path=what)
        if what == "patients_each" and number == 0:
            raise RefusedError("Somebody who is on call takes at least one patient.", code="out_of_range", path=what)
    if from_on < today:
        raise RefusedError("That day is over.", code="not_a_time", path="from_on")
    if len(evidence) > LONGEST or any(ord(sign) < 32 for sign in evidence):
        raise RefusedError(f"At most {LONGEST} signs on one line.", code="too_long", path="evidence")
