"""`handrail people`: the first person of an organisation, and a new password link for somebody who cannot get in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from django.conf import settings

from handrail.actions.errors import ActionError
from handrail.actions.people import begin
from handrail.jobs.imports import user_named
from handrail.people import scope
from handrail.people.first_password import good_for, password_path
from handrail.people.models import Organisation, User
from handrail.rules.terms import UnusableInput

KINDS = {"practice": Organisation.Kind.COMMUNITY, "centre": Organisation.Kind.HUB}


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one of begin and link.

    Raises:
        UnusableInput: something that cannot be used; nothing was changed.
    """
    chosen = _parser().parse_args(words)
    scope.see_everything_by_default()
    try:
        said = chosen.command(chosen)
    except ActionError as error:
        raise UnusableInput(error.code, error.message, error.path) from error
    sys.stdout.write(said + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handrail people", description="The first person of an organisation.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    first = commands.add_parser("begin", help="a new organisation, and the director who sets up the rest on the pages")
    first.add_argument("--organisation", required=True, metavar="NAME")
    first.add_argument(
        "--kind", choices=tuple(KINDS), default="practice", help="a community practice, or a myeloma centre"
    )
    first.add_argument("--time-zone", required=True, help="such as America/Chicago")
    first.add_argument("--number", required=True, help="the number that patients and colleagues call day and night")
    first.add_argument("--name", required=True, help="of the director")
    first.add_argument("--email", required=True, help="of the director, with which they sign in")
    first.add_argument(
        "--demonstration", action="store_true", help="synthetic patients only, for good; without it real ones only"
    )
    first.set_defaults(command=_begin)
    link = commands.add_parser("link", help="a link with which somebody chooses a new password")
    link.add_argument("--email", required=True)
    link.set_defaults(command=_link)
    return parser


def _begin(chosen: argparse.Namespace) -> str:
    made = begin(
        chosen.organisation,
        kind=KINDS[chosen.kind],
        mode=Organisation.Mode.DEMO if chosen.demonstration else Organisation.Mode.LIVE,
        time_zone=chosen.time_zone,
        number=chosen.number,
        person=chosen.name,
        email=chosen.email,
    )
    begun = f"{made.organisation.name} is there, and {made.director.name} is its director."
    if made.director.has_usable_password():
        return f"{begun} They sign in with the password that they have."
    return f"{begun}\n{_words(made.director)}"


def _link(chosen: argparse.Namespace) -> str:
    return _words(user_named(chosen.email))


def _words(user: User) -> str:
    hours = int(good_for().total_seconds() // 3600)
    address = f"{settings.HANDRAIL_BASE_URL}{password_path(user)}"
    return (
        f"With this link {user.name} chooses a password, once, within {hours} hours. Give it to nobody else:\n{address}"
    )
