"""`handrail keys`: the keys with which an organisation signs its documents; and `handrail packet verify`, which checks a signature."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from handrail.actions.actor import person
from handrail.actions.document_keys import (
    MOST_BYTES,
    Verdict,
    check,
    keys_address,
    keys_of_set,
    known_keys,
    make_key,
    rotate_key,
    withdraw_key,
)
from handrail.actions.errors import ActionError
from handrail.jobs.imports import organisation_named, user_named
from handrail.people import scope
from handrail.people.models import DocumentKey
from handrail.rules.terms import UnusableInput, say_instant

STATUS = {Verdict.GOOD: 0, Verdict.CHANGED: 1, Verdict.WITHDRAWN: 1, Verdict.UNKNOWN_KEY: 1, Verdict.UNREADABLE: 2}


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one of make, rotate, withdraw, list and verify.

    Returns:
        0 done, or a good signature; 1 a signature that is not good or that nobody here can judge; 2 no signature at all.

    Raises:
        UnusableInput: something that cannot be used; nothing was changed.
    """
    chosen = _parser().parse_args(words)
    scope.see_everything_by_default()
    try:
        status, said = chosen.command(chosen)
    except ActionError as error:
        raise UnusableInput(error.code, error.message, error.path) from error
    sys.stdout.write(said + "\n")
    return int(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handrail", description="Keys for documents, and what they signed.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    keys = commands.add_parser("keys", help="the keys of an organisation").add_subparsers(required=True, metavar="WHAT")
    make = keys.add_parser("make", help="the first key: from now on what leaves is signed")
    rotate = keys.add_parser("rotate", help="a new key; what the former one signed stays good")
    withdraw = keys.add_parser("withdraw", help="vouch for nothing that a key signed: somebody else may have had it")
    listed = keys.add_parser("list", help="the keys, the newest first, and where they are published")
    withdraw.add_argument("--key", required=True, metavar="KID", help="its name, as `handrail keys list` shows it")
    for command, carried_out in ((make, _make), (rotate, _rotate), (withdraw, _withdraw), (listed, _list)):
        command.set_defaults(command=carried_out)
        command.add_argument("--organisation", required=True, help="name or id")
    for command in (make, rotate, withdraw):
        command.add_argument("--by", required=True, metavar="EMAIL", help="the director who does it")
    packet = commands.add_parser("packet", help="documents").add_subparsers(required=True, metavar="WHAT")
    verify = packet.add_parser("verify", help="whether a document is the one that was signed, and by whom")
    verify.add_argument("file", type=Path, metavar="FILE", help="the document, the very bytes that were sent")
    verify.add_argument("--signature", type=Path, metavar="FILE", help="default: FILE.jws")
    verify.add_argument(
        "--keys", type=Path, metavar="FILE", help="the sender's JSON Web Key Set; default: the keys made here"
    )
    verify.set_defaults(command=_verify)
    return parser


def _make(chosen: argparse.Namespace) -> tuple[int, str]:
    made = make_key(organisation_named(chosen.organisation), by=person(user_named(chosen.by)))
    return 0, f"key {made.kid}\n{keys_address(made.organisation_id)}"


def _rotate(chosen: argparse.Namespace) -> tuple[int, str]:
    made = rotate_key(organisation_named(chosen.organisation), by=person(user_named(chosen.by)))
    return 0, f"key {made.kid}"


def _withdraw(chosen: argparse.Namespace) -> tuple[int, str]:
    gone = withdraw_key(organisation_named(chosen.organisation), chosen.key, by=person(user_named(chosen.by)))
    return 0, f"withdrawn {gone.kid}"


def _list(chosen: argparse.Namespace) -> tuple[int, str]:
    organisation = organisation_named(chosen.organisation)
    rows = DocumentKey.objects.defer("private").filter(organisation=organisation).order_by("-made_at", "kid")
    lines = [f"{row.kid}  made {say_instant(row.made_at, 'UTC')}  {_state(row)}" for row in rows]
    return 0, "\n".join([*lines, keys_address(organisation.pk)]) if lines else "no key: nothing is signed"


def _state(row: DocumentKey) -> str:
    if row.withdrawn_at is not None:
        return f"WITHDRAWN {say_instant(row.withdrawn_at, 'UTC')}"
    return "in force" if row.ended_at is None else f"signs no more since {say_instant(row.ended_at, 'UTC')}"


def _verify(chosen: argparse.Namespace) -> tuple[int, str]:
    content = _bytes_of(chosen.file)
    signature = _bytes_of(chosen.signature or chosen.file.with_name(f"{chosen.file.name}.jws")).decode(
        "ascii", "replace"
    )
    known = known_keys() if chosen.keys is None else keys_of_set(_bytes_of(chosen.keys), "the owner of the key set")
    found = check(content, signature, known)
    return STATUS[found.verdict], found.words


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableInput(
            "unreadable", f"{path.name} cannot be read: {error.strerror or 'unknown trouble'}."
        ) from error
    if len(content) > MOST_BYTES:
        raise UnusableInput("too_large", f"{path.name} is larger than any document of a packet.")
    return content
