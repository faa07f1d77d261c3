"""The doors on the patient's pages: which is open now, and for whoever may have to go at once, only where the emergency department is."""

from __future__ import annotations

from typing import Any

from django.utils.formats import time_format

from handrail.actions.checkins import Sheet
from handrail.actions.doors import doors_of
from handrail.actions.truth import cannot_wait, open_alerts
from handrail.actions.words_doors import department_lines, door_words
from handrail.people.scope import acting_for
from handrail.rules.terms import zone_named


def doors_context(sheet: Sheet) -> dict[str, Any]:
    """What `checkin/doors.html` shows, in the language in use."""
    course, now, clock_24h = sheet.course, sheet.at, sheet.course.patient.clock_24h
    with acting_for(sheet.link.organisation_id):
        if cannot_wait(open_alerts(course)):
            return {"department": department_lines(doors_of(course, now, only_ed=True))}
        found = doors_of(course, now)
    at = now.astimezone(zone_named(sheet.zone)).time()
    return {
        "doors": [door_words(each, now, sheet.zone, clock_24h=clock_24h) for each in found],
        "doors_at": time_format(at, "H:i" if clock_24h else "g:i A"),
    }
