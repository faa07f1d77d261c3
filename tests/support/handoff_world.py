"""A course of a `World` whose step-up is complete, told through the verbs, and organisations that may take the patient over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid5

from handrail.actions.upkeep import reassess
from handrail.people.models import Organisation
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.coursefile import event_from_json
from tests.support.courses import instant
from tests.support.factories import MONDAY_0900, World, make_organisation
from tests.support.handoffs import stepped_up

NOW = instant("2026-03-11 09:00")
"""The Wednesday after the first treatment dose."""


def stepped_up_course(world: World, **made: Any) -> Course:
    """A course of Alice's that nobody else reaches: step-up complete on Monday 9 March, everything assessed."""
    course = world.make_course(now=MONDAY_0900 - timedelta(hours=3))
    told = stepped_up(**made)
    ids = {str(each["id"]): str(uuid5(course.pk, str(each["id"]))) for each in told.events}
    by = {"role": "oncologist", "id": str(world.alice.oncologist.pk)}
    facts = [
        {**{name: ids.get(str(value), value) for name, value in fact.items()}, "by": by, "recorded_at": NOW.isoformat()}
        for fact in told.events[1:]
    ]
    with everything():
        rows = [wire.to_row(event_from_json(fact, zone=course.time_zone), course) for fact in facts]
        Event.objects.bulk_create(rows)  # as if each had been recorded; only the last one is judged
    reassess(course.pk, now=NOW)
    with everything():
        return Course.objects.select_related("organisation", "site", "patient").get(pk=course.pk)


def fax_practice() -> Organisation:
    """A practice nobody of which has an account."""
    return make_organisation("Fax Practice", kind="community", call_number="555-0177")
