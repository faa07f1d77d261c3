"""What the patient is told: who looks after them now, from when that changes, and which number to call. Only an acceptance changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format

from handrail.actions.course_nurses import nurses_of
from handrail.actions.moves import loops_of
from handrail.actions.truth import number_of
from handrail.people.models import Organisation
from handrail.records.accountability import accountable_for, responsible_for
from handrail.records.models import Course
from handrail.rules.terms import zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAfter:
    """The team now with its number; and the next team, its number and its first day, where one has accepted."""

    team: str
    number: str
    next_team: str = ""
    next_number: str = ""
    next_at: datetime | None = None
    zone: str = ""
    nurse: str = ""
    deputy: str = ""
    lacks_nurse: bool = False
    """Somebody was named once, and neither of the two works here and is trained now."""

    @property
    def next_on(self) -> str:
        """`Friday 13 March 2026`, by the clock of the course and in the language in use."""
        return (
            date_format(self.next_at.astimezone(zone_named(self.zone)), "l j F Y") if self.next_at is not None else ""
        )


def looked_after(course: Course, now: datetime) -> LookedAfter:
    """Who looks after the patient of a course at `now`, and who has accepted to do so from a later instant on."""
    house = responsible_for(course, now)
    team = Organisation.objects.get(pk=house).name
    number = number_of(course, accountable_for(course, now))
    ahead = [loop.begins for loop in loops_of(course, now) if loop.begins is not None and loop.begins > now]
    named = nurses_of(course, now)
    people = {
        each.part: each.user.name for each in (named.nurse, named.deputy) if each.stands and each.user is not None
    }
    nurses: dict[str, Any] = {**people, "lacks_nurse": named.ever and not people}
    if house != course.organisation_id:
        nurses = {}  # they are nurses of a team that does not look after the patient now
    if not ahead:
        return LookedAfter(team=team, number=number, **nurses)
    begins = min(ahead)
    following = Organisation.objects.get(pk=responsible_for(course, begins)).name
    return LookedAfter(
        team=team,
        number=number,
        next_team=following,
        next_number=number_of(course, accountable_for(course, begins)),
        next_at=begins,
        zone=course.time_zone,
        **nurses,
    )
