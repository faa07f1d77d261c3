"""`handrail rota who`: who is on for a patient at an instant, with the number to call and the fallback."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from handrail import clock
from handrail.actions.whom import PersonOn, contact_at
from handrail.people import scope
from handrail.records.models import Course
from handrail.rules.coursefile import instant_from
from handrail.rules.telling import role_words
from handrail.rules.terms import UnusableInput, say_instant


def main(words: Sequence[str]) -> int:
    """Say who is on; exit status 0 when somebody is, 1 when nobody is."""
    parser = argparse.ArgumentParser(prog="handrail rota", description="Who is on for a patient at an instant.")
    parser.add_argument("what", choices=("who",))
    parser.add_argument("--course", required=True, help="the id of a course")
    parser.add_argument("--at", help="an instant with its offset, such as 2026-03-08T02:00:00-06:00; default: now")
    chosen = parser.parse_args(list(words))
    at: datetime = instant_from(chosen.at, "--at") if chosen.at else clock.now()
    scope.see_everything_by_default()
    course = _course(chosen.course)
    contact = contact_at(course, at)
    lines = [
        f"{say_instant(at, course.time_zone)}: {contact.party}",
        f"call {contact.number or 'NO NUMBER IS KNOWN: 911'}",
        f"first: {_said(contact.first) if contact.first else 'NOBODY'}",
        f"then: {_said(contact.fallback) if contact.fallback else 'nobody else'}; nobody answers: 911",
    ]
    sys.stdout.write("\n".join([*lines, *([contact.trouble] if contact.trouble else [])]) + "\n")
    return 0 if contact.first is not None or contact.fallback is not None else 1


def _said(on: PersonOn) -> str:
    warning = f" ({on.not_trained})" if on.not_trained else ""
    return f"{on.user.name}, {role_words(on.step)}{warning}"


def _course(text: str) -> Course:
    try:
        found = Course.objects.select_related("organisation", "site").filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise UnusableInput("unknown_course", "There is no course of that id.", "--course")
    return found
