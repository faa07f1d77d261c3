"""`handrail clients`: which systems may speak to the FHIR door, and which of their identifiers means which course."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from django.db.models import Prefetch

from handrail.actions.actor import person
from handrail.actions.client_scopes import SCOPES
from handrail.actions.clients import end_client, register_client, tie_device, untie_device
from handrail.actions.errors import ActionError
from handrail.jobs.imports import organisation_named, user_named
from handrail.people import scope
from handrail.people.models import DeviceLink, ServiceClient
from handrail.rules.terms import UnusableInput, say_instant


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one of add, list, end, tie and untie.

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
    parser = argparse.ArgumentParser(prog="handrail clients", description="Systems that speak to the FHIR door.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    add = commands.add_parser("add", help="let a system in, by its public keys")
    add.add_argument("--organisation", required=True, help="name or id")
    add.add_argument("--name", required=True, help="what your people call it")
    add.add_argument("--keys", required=True, type=Path, metavar="FILE", help="its JSON Web Key Set, public keys only")
    add.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        required=True,
        metavar="SCOPE",
        help=f"what it may do, once for each: {', '.join(SCOPES)}",
    )
    add.set_defaults(command=_add)
    listed = commands.add_parser("list", help="the systems of an organisation, each with its ties")
    listed.add_argument("--organisation", required=True, help="name or id")
    listed.set_defaults(command=_list)
    end = commands.add_parser("end", help="let a system in no more")
    end.add_argument("--client", type=UUID, required=True)
    end.set_defaults(command=_end)
    tie = commands.add_parser("tie", help="say which course a system means by an identifier")
    tie.add_argument("--client", type=UUID, required=True)
    tie.add_argument(
        "--system", required=True, help="whose numbers these are, such as https://devices.example/patients"
    )
    tie.add_argument("--value", required=True, help="the number by which the system calls the patient")
    tie.set_defaults(command=_tie)
    untie = commands.add_parser("untie", help="from now on the identifier means nobody")
    untie.add_argument("--tie", type=UUID, required=True)
    untie.set_defaults(command=_untie)
    for command in (tie, untie):
        command.add_argument("--course", type=UUID, required=True)
    for command in (add, end, tie, untie):
        command.add_argument("--by", required=True, metavar="EMAIL", help="who does it")
    return parser


def _add(chosen: argparse.Namespace) -> str:
    try:
        keys = json.loads(chosen.keys.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableInput("unreadable", "The file of keys cannot be read as JSON.", "--keys") from error
    organisation = organisation_named(chosen.organisation)
    client = register_client(organisation, chosen.name, keys, scopes=chosen.scope, by=person(user_named(chosen.by)))
    return f"client_id {client.pk}"


def _list(chosen: argparse.Namespace) -> str:
    """Each system, and below it the ties that stand: `untie` asks for their ids. No identifier is kept in a form that could be shown."""
    rows = ServiceClient.objects.filter(organisation=organisation_named(chosen.organisation)).order_by("name", "pk")
    lines = []
    for row in rows.prefetch_related(Prefetch("links", DeviceLink.objects.order_by("made_at", "pk"))):
        lines.append(f"{row.pk}  {row.name}  {' '.join(row.scopes)}{'  ended' if row.ended_at else ''}")
        standing = [tie for tie in row.links.all() if tie.ended_at is None]
        lines += [
            f"  tie {tie.pk}  course {tie.course_id}  since {say_instant(tie.made_at, 'UTC')}" for tie in standing
        ]
    return "\n".join(lines) or "no system is let in"


def _end(chosen: argparse.Namespace) -> str:
    return f"ended {end_client(chosen.client, by=person(user_named(chosen.by))).pk}"


def _tie(chosen: argparse.Namespace) -> str:
    by = person(user_named(chosen.by))
    return f"tie {tie_device(chosen.course, chosen.client, chosen.system, chosen.value, by=by).pk}"


def _untie(chosen: argparse.Namespace) -> str:
    return f"ended {untie_device(chosen.course, chosen.tie, by=person(user_named(chosen.by))).pk}"
