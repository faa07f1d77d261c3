"""The link with which somebody chooses a first password: good once, for as long as `PASSWORD_RESET_TIMEOUT` says.

It is the same link as that of a forgotten password. Only whoever has no password yet is given one by a colleague; everybody else asks
for it by mail at the sign-in, or the administrator makes one at the console.
"""

from __future__ import annotations

from datetime import timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from handrail.people.models import User


def password_path(user: User) -> str:
    """The path of the link, to be put behind the address of the installation. Whoever has it can sign in as this person."""
    parts = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return reverse("account_reset_password_from_key", kwargs=parts)


def good_for() -> timedelta:
    """How long the link is good."""
    return timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
