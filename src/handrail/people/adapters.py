"""How Handrail uses allauth: nobody signs up, a locked address says so, and second factors are stored encrypted."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from handrail import clock
from handrail.people import secrets, signin


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by address and password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        until = signin.locked_until(credentials.get("email") or "")
        if until is not None:
            raise ValidationError(_locked(until), code="locked")
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        until = signin.note_failure(credentials.get("email") or "")
        super().authentication_failed(request, **credentials)
        if until is not None:
            raise ValidationError(_locked(until), code="locked")


def _locked(until: Any) -> str:
    minutes = max(1, round((until - clock.SystemClock().now()).total_seconds() / 60))
    return _(
        "Too many wrong passwords. This address is locked for %(minutes)d minutes. "
        "If a patient needs somebody now, call the programme's number."
    ) % {"minutes": minutes}


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keys of one-time codes are encrypted like identities."""

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.decrypt(encrypted_text.encode()).decode()
