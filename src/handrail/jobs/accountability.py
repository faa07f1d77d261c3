"""`handrail accountability check`: the gaps and doubles of the next two weeks, in plain words.

    handrail accountability check                     every organisation
    handrail accountability check "Hub Cancer Center" one of them, by its name or its id

A pair of organisations that shares patients and has no agreement in force is a gap. Exit status 1 when there is any, 2 when there is no
such organisation.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from handrail import clock
from handrail.people import agreements, scope
from handrail.people.models import Organisation
from handrail.records.accountability import pairs_of
from handrail.rules.terms import UnusableInput


def main(words: list[str]) -> int:
    """Carry the command out."""
    parser = argparse.ArgumentParser(prog="handrail accountability", description="Who answers for what, at every hour.")
    parser.add_argument("what", choices=("check",))
    parser.add_argument("organisation", nargs="?", help="its name or its id; default: every organisation")
    chosen = parser.parse_args(words)
    with scope.everything():
        found = list(check(_organisations(chosen.organisation), clock.now()))
    for line in found:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{len(found)} {'hole' if len(found) == 1 else 'holes'} in the next 14 days\n")
    return 1 if found else 0


def _organisations(name: str | None) -> list[Organisation]:
    if name is None:
        return list(Organisation.objects.order_by("name"))
    named = Organisation.objects.filter(name=name)
    with contextlib.suppress(ValueError):  # a name that is no id
        named = named | Organisation.objects.filter(pk=UUID(name))
    if not named.exists():
        raise UnusableInput("unknown_organisation", f"There is no organisation {name!r}.", "organisation")
    return list(named)


def check(organisations: list[Organisation], now: datetime) -> Iterator[str]:
    """Every hole of every pair of these organisations, one sentence each; a pair is looked at once."""
    seen: set[frozenset[UUID | None]] = set()
    for organisation in organisations:
        partners: set[UUID | None] = set(pairs_of(organisation.pk, now))
        for version in agreements.versions([organisation.pk]):
            if version.activated is not None and version.ended is None:
                row = version.row
                partners.add(row.partner_id if row.organisation_id == organisation.pk else row.organisation_id)
        for partner in sorted(partners, key=str):
            pair = frozenset((organisation.pk, partner))
            if pair not in seen:
                seen.add(pair)
                yield from _of_pair(organisation, partner, now)


def _of_pair(organisation: Organisation, partner: UUID | None, now: datetime) -> Iterator[str]:
    names = organisation.name if partner is None else f"{organisation.name} and {agreements.name_of(partner)}"
    found = agreements.of_pair(organisation.pk, partner)
    for hole in agreements.holes_of_pair(found, now, organisation.time_zone):
        yield f"{names}: {hole.words}"
