"""What happens around a sign-in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in

from handrail.people import signin


def connect() -> None:
    """Listen to sign-ins. Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="handrail.signed_in")


def _signed_in(sender: Any, user: Any, **kwargs: Any) -> None:  # noqa: ARG001
    signin.note_success(user.email)
