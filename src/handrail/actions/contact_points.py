"""How a member of staff says where pages reach them: an address, a code that proves it, an order, and a page to try it with."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.crypto import constant_time_compare

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError, TooManyError
from handrail.alerts.channels import channel_named, push, webhook
from handrail.alerts.dispatches import SIGN, tell_staff
from handrail.alerts.models import Dispatch
from handrail.people import scope
from handrail.people.models import PHONES, ContactPoint, PointChannel, User
from handrail.people.secrets import keyed_hash, keyed_hashes, normal_phone

CODE_LASTS: Final = timedelta(minutes=15)
MOST_TRIES: Final = 5
"""So many wrong codes end a code: a new one is asked for."""
MOST_POINTS: Final = 8
MOST_AN_HOUR: Final = 10
"""So many codes and trial pages a person may send within an hour."""
_PHONE: Final = re.compile(r"\+[0-9]{7,15}")


def add_point(channel: str, address: str, *, by: Actor, label: str = "", now: datetime | None = None) -> ContactPoint:
    """Add a contact point of one's own, the last in order, and send the code that proves it.

    Raises:
        RefusedError: a channel that is not set up here, an address that is none, or one that stands already.
    """
    now = now or clock.now()
    with _own(by, now) as user:
        plain = _address(channel, address)
        standing = list(ContactPoint.objects.standing().filter(user=user))
        if len(standing) >= MOST_POINTS:
            raise RefusedError("That are too many. Take one away first.", code="too_many", path="address")
        hashes = keyed_hashes(plain, purpose="contact point")
        if any(each.channel == channel and each.address_hash in hashes for each in standing):
            raise RefusedError("This one stands already.", code="duplicate", path="address")
        order = max((each.order for each in standing), default=0) + 1
        point = ContactPoint.objects.create(
            user=user, channel=channel, address=plain, label=label.strip()[:40], order=order, created_at=now
        )
        if channel == PointChannel.WEBHOOK:
            point.secret = secrets.token_urlsafe(32)
        _send_code(point, by, now)
        return point


def send_code(point_id: UUID, *, by: Actor, now: datetime | None = None) -> ContactPoint:
    """Send a new code to a contact point of one's own; the former one is over."""
    now = now or clock.now()
    with _own(by, now) as user:
        point = _point(point_id, user)
        _send_code(point, by, now)
        return point


def verify_point(point_id: UUID, code: str, *, by: Actor, now: datetime | None = None) -> ContactPoint:
    """Say that the code arrived: from now on pages go there.

    Raises:
        RefusedError: a wrong code, or one that is over. The wrong tries are counted whatever comes after.
    """
    now = now or clock.now()
    with _own(by, now) as user:
        point = _point(point_id, user)
        over = not point.code_hash or point.code_until is None or point.code_until <= now
        if over or point.code_tries >= MOST_TRIES:
            trouble = "This code is over. Send a new one."
        elif not any(constant_time_compare(point.code_hash, each) for each in _hashes(point, code)):
            point.code_tries += 1
            trouble = "This is not the code. Look at the message again."
        else:
            point.verified_at, point.code_hash, point.code_until, point.code_tries = now, "", None, 0
            trouble = ""
        point.save()
    if trouble:
        raise RefusedError(trouble, code="wrong_code", path="code")
    return point


def try_point(point_id: UUID, *, by: Actor, now: datetime | None = None) -> Dispatch:
    """Send a trial page to a verified contact point of one's own."""
    now = now or clock.now()
    with _own(by, now) as user:
        point = _point(point_id, user)
        if point.verified_at is None:
            raise RefusedError("Type the code first.", code="not_verified")
        _not_too_many(user, now)
        words = f"{SIGN}: this is a TEST page. Nothing is wrong. Nobody waits for you."
        key = f"test:{uuid4()}"
        return tell_staff(point, _organisation(by, now), "test", words, key=key, now=now)


def change_point(
    point_id: UUID,
    *,
    by: Actor,
    earlier: bool = False,
    red_only: bool | None = None,
    remove: bool = False,
    now: datetime | None = None,
) -> ContactPoint:
    """Try a point earlier, make it quiet for what is not RED (or loud again), or take it away: its address is forgotten."""
    now = now or clock.now()
    with _own(by, now) as user:
        point = _point(point_id, user)
        if earlier:
            standing = list(ContactPoint.objects.standing().filter(user=user))
            place = next(number for number, each in enumerate(standing) if each.pk == point.pk)
            standing.insert(max(0, place - 1), standing.pop(place))
            for number, each in enumerate(standing, start=1):
                ContactPoint.objects.filter(pk=each.pk).update(order=number)
            point.refresh_from_db()
        if red_only is not None:
            point.red_only = red_only
        if remove:
            point.removed_at, point.address, point.label, point.code_hash = now, "", "", ""
        point.save()
        return point


@contextmanager
def _own(by: Actor, now: datetime) -> Iterator[User]:
    """One transaction in which a person arranges their own points."""
    if by.user is None:
        raise NotAllowedError("Only a person has contact points.")
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        yield User.objects.select_for_update().get(pk=by.user.pk)


def _point(point_id: UUID, user: User) -> ContactPoint:
    point = ContactPoint.objects.standing().select_for_update().filter(pk=point_id, user=user).first()
    if point is None:
        raise NotVisibleError("There is no such contact point.")
    return point


def _organisation(by: Actor, now: datetime) -> UUID:
    own = by.organisations(now)
    if not own:
        raise NotAllowedError("You belong to no organisation now.")
    assert isinstance(own[0], UUID)
    return own[0]


def _address(channel: str, address: str) -> str:
    found = channel_named(channel) if channel in PointChannel.values else None
    if found is None or not found.configured():
        raise RefusedError("This channel is not set up here.", code="unknown_word", path="channel")
    if channel in PHONES:
        plain = normal_phone(address)
        if not _PHONE.fullmatch(plain):
            raise RefusedError(
                "Write the number with + and the country, like +1 555 010 0199.", code="not_a_phone", path="address"
            )
        return plain
    plain = address.strip()
    if channel == PointChannel.PUSH:
        found_device = push.subscription(plain)
        if found_device is None:
            raise RefusedError(
                "This browser's push service is not one that Handrail knows.", code="not_an_address", path="address"
            )
        return json.dumps(found_device, sort_keys=True)
    if channel == PointChannel.WEBHOOK:
        if not webhook.allowed(plain):
            raise RefusedError(
                "This address is not on the list of your installation, or does not start with https://.",
                code="not_an_address",
                path="address",
            )
        return plain
    try:
        validate_email(plain)
    except ValidationError:
        raise RefusedError("This is not a mail address.", code="not_an_address", path="address") from None
    return plain


def _send_code(point: ContactPoint, by: Actor, now: datetime) -> None:
    _not_too_many(point.user, now)
    code = f"{secrets.randbelow(10**6):06d}"
    point.code_hash, point.code_until, point.code_tries = _hashes(point, code)[0], now + CODE_LASTS, 0
    point.save()
    minutes = int(CODE_LASTS.total_seconds() // 60)
    words = f"{SIGN}: your code is {code}. It is good for {minutes} minutes. Nobody will ask you for it."
    key = f"code:{uuid4()}"
    tell_staff(point, _organisation(by, now), "code", words, key=key, now=now, forget=True)


def _not_too_many(user: User, now: datetime) -> None:
    lately = Dispatch.objects.filter(point__user=user, created_at__gt=now - timedelta(hours=1)).count()
    if lately >= MOST_AN_HOUR:
        raise TooManyError("Too many codes and trial pages within an hour. Wait a little.")


def _hashes(point: ContactPoint, code: str) -> list[str]:
    digits = "".join(code.split())
    return keyed_hashes(f"{point.pk}:{digits}", purpose="contact code") or [keyed_hash("-", purpose="contact code")]
