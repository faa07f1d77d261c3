"""Links for people without an account: issued once, exchanged for a signed cookie, revocable at any time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core import signing

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.recording import locked
from handrail.people import scope
from handrail.people.models import LinkToken
from handrail.rules.link_limits import link_limits

CHECKIN_LINK_LASTS: Final = timedelta(days=link_limits().home.lasts_days)
MARKED_EVERY: Final = timedelta(minutes=1)
"""When a link was last opened is known to the minute: a phone that asks again every few seconds writes nothing each time."""
_SALT: Final = "handrail.link"


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A new link. `token` is shown once and kept nowhere."""

    link: LinkToken
    token: str

    def __repr__(self) -> str:
        return f"IssuedLink({self.link!r})"  # a token never reaches a log


def issue_checkin_link(
    course_id: UUID,
    *,
    by: Actor,
    holder: str = "patient",
    lasts: timedelta = CHECKIN_LINK_LASTS,
    now: datetime | None = None,
) -> IssuedLink:
    """Make the patient's (or caregiver's) link to the check-in of a course.

    Raises:
        RefusedError: a holder who is neither, or a link that would be over at once.
    """
    now = now or clock.now()
    if holder not in ("patient", "caregiver"):
        raise RefusedError("A check-in link is for the patient or a caregiver.", code="unknown_word", path="holder")
    if lasts <= timedelta():
        raise RefusedError("The link would be over before it begins.", code="not_a_time", path="lasts")
    with locked(course_id, by, now) as course:
        by.role_for("issue_link", course, now)
        link, token = LinkToken.issue(
            organisation_id=course.organisation_id,
            purpose=LinkToken.Purpose.CHECKIN,
            course=course,
            holder=holder,
            issued_by=by.user,
            issued_at=now,
            expires_at=now + lasts,
        )
    return IssuedLink(link, token)


def revoke_link(course_id: UUID, link_id: UUID, *, by: Actor, now: datetime | None = None) -> LinkToken:
    """End a link now; cookies made from it end with it."""
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for("revoke_link", course, now)
        link = course.links.filter(pk=link_id).first()
        if link is None:
            raise NotVisibleError("There is no such link.")
        if link.revoked_at is None:
            link.revoked_at = now
            link.save(update_fields=["revoked_at"])
        return link


def exchange_link(token: str, purpose: str, *, now: datetime | None = None) -> tuple[LinkToken, str] | None:
    """The link of a token and the value of a signed cookie for it; None for a token that opens nothing (any more)."""
    now = now or clock.now()
    with scope.everything():
        link = _good(LinkToken.objects.filter(token_hash=LinkToken.hash_of(token)).first(), purpose, now)
        if link is None:
            return None
        if link.exchanged_at is None or abs(now - link.exchanged_at) >= MARKED_EVERY:
            link.exchanged_at = now
            link.save(update_fields=["exchanged_at"])
    return link, cookie_for(link.pk, purpose)


def cookie_for(link_id: UUID, purpose: str) -> str:
    """The value of the signed cookie that stands for a link."""
    return signing.dumps(str(link_id), salt=f"{_SALT}.{purpose}")


def link_of_cookie(value: str, purpose: str, *, now: datetime | None = None) -> LinkToken | None:
    """The link behind a cookie, asked anew each time: a revoked or expired link opens nothing."""
    now = now or clock.now()
    link_id = link_id_of_cookie(value, purpose)
    if link_id is None:
        return None
    with scope.everything():
        return _good(LinkToken.objects.filter(pk=link_id).first(), purpose, now)


def link_id_of_cookie(value: str, purpose: str) -> UUID | None:
    """Which link a cookie was made from, good or over; None for a cookie that Handrail did not make."""
    try:
        return UUID(signing.loads(value, salt=f"{_SALT}.{purpose}"))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def _good(link: LinkToken | None, purpose: str, now: datetime) -> LinkToken | None:
    if link is None or link.purpose != purpose or link.revoked_at is not None or link.expires_at <= now:
        return None
    return link
