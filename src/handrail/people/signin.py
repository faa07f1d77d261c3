"""Lock-out: so many wrong passwords in a row lock an address for some minutes, known or unknown alike.

Counted in the wall clock's time, not the programme's: a demonstration that hurries must not open a lock early.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from handrail import clock
from handrail.people.models import SignInGuard
from handrail.people.secrets import keyed_hash

_wall = clock.SystemClock()


def locked_until(address: str) -> datetime | None:
    """When the address can be used again, None when it is not locked."""
    guard = SignInGuard.objects.filter(pk=_hash(address)).first()
    if guard is None or guard.locked_until is None or guard.locked_until <= _wall.now():
        return None
    return guard.locked_until


def note_failure(address: str) -> datetime | None:
    """Count a wrong password; returns the end of the lock when this one locked the address."""
    with transaction.atomic():
        SignInGuard.objects.get_or_create(pk=_hash(address))
        guard = SignInGuard.objects.select_for_update().get(pk=_hash(address))
        guard.failures += 1
        if guard.failures >= settings.HANDRAIL_SIGN_IN_FAILURES:
            guard.failures = 0
            guard.locked_until = _wall.now() + timedelta(minutes=settings.HANDRAIL_LOCK_MINUTES)
        guard.save()
        return guard.locked_until


def note_success(address: str) -> None:
    """A right password ends the count."""
    SignInGuard.objects.filter(pk=_hash(address)).delete()


def _hash(address: str) -> str:
    return keyed_hash(address.strip().lower() or "-", purpose="sign-in")
