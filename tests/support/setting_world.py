"""A course on the desk whose record holds case V1, on the eve of a first dose in any month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from handrail import clock
from handrail.actions.facts import record_events
from handrail.people.models import Certificate
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.factories import World
from tests.support.setting_courses import facts_of_v1
from tests.support.settings import LABEL, at, eve

Told = Sequence[tuple[str, str, dict[str, Any]]]


def course_on_eve(world: World, first: date, **fields: Any) -> Course:
    """A teclistamab course of Alice's that started a week before day 1."""
    start = datetime.fromisoformat(at(-7, 9, first))
    facts = {"birth_year": 1960, "sex": "female"}
    told = {"schedule": "weekly", "prior_doses_known": True, **fields}
    return world.make_course(protocol_key=LABEL, facts=facts, now=start, **told)


def tell(world: World, course: Course, told: Told, now: datetime) -> None:
    """Record facts as the oncologist of the house, all together."""
    events = [{"id": str(uuid4()), "kind": kind, "at": when, **body} for kind, when, body in told]
    record_events(course.pk, events, by=world.actor("alice", "oncologist"), now=now)


def planned(first: date) -> tuple[str, str, dict[str, Any]]:
    """The plan of the first dose."""
    return "dose_planned", at(0, 7, first), {"step": "step_up_1", "on": first.isoformat()}


@contextmanager
def v1_on_the_desk(
    first: date, more: Told = (), *, now: datetime | None = None, **changes: Any
) -> Iterator[tuple[World, Course]]:
    """The world at ten o'clock on the eve of day 1, with everything of V1 on record and a dose planned."""
    now = now or eve(first)
    with clock.use(clock.FrozenClock(now)):
        world = World()
        with everything():
            Certificate.objects.update(valid_until=date(2036, 1, 1))
        course = course_on_eve(world, first)
        tell(world, course, [*facts_of_v1(first, **changes), planned(first), *more], now)
        yield world, course


NOVEMBER = date(2026, 11, 16)
JULY = date(2026, 7, 6)
