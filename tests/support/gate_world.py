"""A course in the database that is ready for its first dose, with everything around it that the gate asks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from handrail.actions.ed_packets import choose_destination
from handrail.actions.emergency import hand_over_card, issue_card
from handrail.actions.readiness import Gated, gate_of
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.coursefile import course_from_json
from handrail.rules.readiness import Line
from tests.support.courses import ELRA, Told, instant
from tests.support.ed import make_place
from tests.support.factories import World
from tests.support.gates import DAY_BEFORE, DOSE_ON, prepared

STARTED = instant("2026-02-28 09:00")
NOW = instant(DAY_BEFORE)


def write(course: Course, told: Told) -> None:
    """The facts of a told course as rows of this one, but its beginning."""
    text = json.dumps(told.file())
    for each in told.events:
        text = text.replace(
            each["id"], str(uuid4())
        )  # ids of one course only; facts that name one another go on doing so
    facts = course_from_json(json.loads(text)).events
    with everything():
        Event.objects.bulk_create([wire.to_row(fact, course) for fact in facts if fact.kind != "course_started"])


def ready_course(
    world: World, told: Told | None = None, *, ed: bool = True, card: bool = True, **fields: Any
) -> Course:
    """Ready but for what is left out of `told`; `ed` and `card` False: none is named, none is in the patient's hand."""
    course = world.make_course(product=ELRA.split("/")[0], prior_doses_known=True, now=STARTED, **fields)
    write(course, told or prepared())
    if ed:
        place = make_place(world)
        choose_destination(course.pk, place.pk, by=world.actor("alice"), now=STARTED + timedelta(hours=1))
    if card:
        made = issue_card(course.pk, by=world.actor("alice"), now=STARTED + timedelta(hours=1))
        hand_over_card(course.pk, made.pk, by=world.actor("alice"), now=STARTED + timedelta(hours=2))
    with everything():
        return Course.objects.select_related("organisation", "site", "patient").get(pk=course.pk)


def gated(course: Course, at: str = DAY_BEFORE) -> Gated:
    """Its gate at a civil time, every desk asked."""
    with everything():
        return gate_of(course, instant(at))


def line(course: Course, name: str, at: str = DAY_BEFORE) -> Line:
    """One line of it."""
    return next(each for each in gated(course, at).gate.lines if each.row.id == name)


def far_away(world: World, **fields: Any) -> Course:
    """Ready, but for the way to the hospital: 95 min at worst."""
    told = prepared()
    worst = [{"months": list(range(1, 13)), "minutes": 95}]
    told.tell("travel_noted", "2026-03-02 09:00", worst=worst, as_of=DOSE_ON)
    return ready_course(world, told, **fields)
