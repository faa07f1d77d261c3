"""Who looked at a referral, and when: written down with each page that shows one, and read by whoever answers for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.errors import NotAllowedError
from handrail.actions.looked import Looked, Reader
from handrail.actions.referral_list import Case, case_for
from handrail.people import permissions, scope
from handrail.people.models import Referral, ReferralLook, User

MEMBERSHIP, LINK = "membership", "link"


def look_at(person: User, referral_id: UUID, what: str, now: datetime | None = None) -> Case:
    """The referral, for somebody who may see it; that they look is written down. `what`: the page, by its name.

    Raises:
        NotVisibleError: there is none for this person.
    """
    now = now or clock.now()
    case = case_for(person, referral_id, now)
    _insert(case.referral, what, now, user=person)
    return case


def practice_looks(referral: Referral, what: str, now: datetime) -> None:
    """The practice looks, behind its link and its code."""
    _insert(referral, what, now)


def _insert(referral: Referral, what: str, now: datetime, user: User | None = None) -> None:
    with transaction.atomic(), scope.acting_for(referral.organisation_id):
        ReferralLook.objects.create(
            organisation_id=referral.organisation_id, referral=referral, user=user, at=now, what=what[:80]
        )


def looks_of_referral(person: User, referral_id: UUID, now: datetime, *, most: int) -> tuple[Case, list[Looked]]:
    """The last looks at a referral, the latest first; that somebody asks is a look of its own, and stands there the next time.

    Raises:
        NotVisibleError: there is no such referral for this person; NotAllowedError: the role may not see who looked.
    """
    case = case_for(person, referral_id, now)
    owner = case.referral.organisation_id
    if not permissions.may(person, "view_looks", None, now, organisation_id=owner):
        raise NotAllowedError("Your role does not allow that here.")
    rows = list(case.referral.looks.select_related("user").order_by("-at", "-id")[:most])
    _insert(case.referral, "looks", now, user=person)
    return case, [
        Looked(
            at=row.at,
            reader=Reader.TEAM if row.user is not None else Reader.PRACTICE,
            name=row.user.name if row.user is not None else "",
            what=row.what,
            through=MEMBERSHIP if row.user is not None else LINK,
            reason="",
        )
        for row in rows
    ]
