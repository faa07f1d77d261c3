"""What happens around a sign-in and a sign-out."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out

from handrail.people import scope, signin


def connect() -> None:
    """Listen to sign-ins and sign-outs. Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="handrail.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="handrail.signed_out")


def _signed_in(sender: Any, user: Any, **kwargs: Any) -> None:  # noqa: ARG001
    signin.note_success(user.email)


def _signed_out(sender: Any, user: Any, **kwargs: Any) -> None:  # noqa: ARG001
    """A screen that shows the sign-in shows no pages. Another one of the same person says so itself within seconds."""
    from handrail.people.models import Presence  # the models are not there yet when this is imported

    if user is not None and user.pk is not None:
        with scope.everything():
            Presence.objects.filter(user=user).delete()
