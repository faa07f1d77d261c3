"""Who is on for this patient at 02:00 next Sunday? One answer for the page, the printed list and the command.

The party is whoever answers for the patient at that instant (`records.accountability`), the person is found on that party's rota as
at the moment of paging, and the fallback is the next step of the ladder that somebody answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from handrail.actions.truth import number_of
from handrail.people import coverage
from handrail.people.models import Site, User
from handrail.records.accountability import Accountable, accountable_until
from handrail.records.models import Course
from handrail.rules.rota import load_rota_rules

STEPS: Final = ("first_on_call", "second_on_call", "attending")
NOBODY: Final = "NOBODY is on the rota then"
AN_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonOn:
    """Somebody who answers as a step. `not_trained`: the certificate ran out; the person is called all the same."""

    step: str
    user: User
    not_trained: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointOfContact:
    """Whom to call for a patient from an instant on: the party, its number, the person on, and whom to call next."""

    begins: datetime
    ends: datetime
    party: str
    organisation: str
    number: str
    first: PersonOn | None
    fallback: PersonOn | None
    trouble: str = ""


def contact_at(course: Course, at: datetime) -> PointOfContact:
    """Whom to call for this patient at an instant, which may lie ahead. `ends`: until when that is so, an hour at most."""
    party, changes = accountable_until(course, at)
    ends = min(at + AN_HOUR, changes or at + AN_HOUR)
    return next(_contacts(course, party, at, ends))


def contacts_ahead(course: Course, now: datetime) -> list[PointOfContact]:
    """The points of contact of the days ahead that the rota rules name, exact to the minute, equal ones joined."""
    ends = now + timedelta(days=load_rota_rules().look.days_ahead)
    found: list[PointOfContact] = []
    at = now
    while at < ends:
        party, changes = accountable_until(course, at)
        until = min(ends, changes or ends)
        for contact in _contacts(course, party, at, until):
            if found and replace(found[-1], begins=contact.begins, ends=contact.ends) == contact:
                found[-1] = replace(found[-1], ends=contact.ends)
            else:
                found.append(contact)
        at = until
    return found


def _contacts(course: Course, party: Accountable, begins: datetime, ends: datetime) -> Iterator[PointOfContact]:
    """Who of that party answers from `begins` to `ends`: one point of contact for each stretch in which nobody changes."""
    organisation, site_id = party.organisation, party.site_id
    site = Site.objects.filter(pk=site_id).first() if site_id else None
    shifts = coverage.answering_shifts(organisation.pk, site_id, STEPS, begins, ends)
    lines = {
        step: coverage.stretches([each for each in shifts if each.shift.step == step], begins, ends) for step in STEPS
    }
    asked = coverage.asked_of(organisation.pk, site_id)
    edges = sorted({each.begins for line in lines.values() for each in line} | {ends})
    for start, end in pairwise(edges):
        on = []
        for step in STEPS:
            stretch = next(each for each in lines[step] if each.begins <= start < each.ends)
            if stretch.shift is not None:
                user = stretch.shift.user
                lacking = coverage.refusal(
                    user, asked.get(step), organisation, coverage.zone_of(organisation, site), (start, end)
                )
                on.append(PersonOn(step=step, user=user, not_trained=lacking))
        outside = party.answer.outside
        yield PointOfContact(
            begins=start,
            ends=end,
            party=party.answer.name,
            organisation=organisation.name,
            number=number_of(course, party),
            first=on[0] if on and not outside else None,
            fallback=next((each for each in on if outside or each.user != on[0].user), None),
            trouble="; ".join(([] if on or outside else [NOBODY]) + [party.answer.trouble or ""]).strip("; "),
        )
