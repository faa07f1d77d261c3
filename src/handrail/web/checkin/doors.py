"""The doors on the patient's pages: which is open now, and for whoever may have to go at once, only where the emergency department is."""

from __future__ import annotations

from typing import Any

from handrail.actions.checkins import Sheet
from handrail.actions.doors import doors_of
from handrail.actions.truth import cannot_wait, open_alerts
from handrail.actions.words_doors import department_lines, door_words
from handrail.actions.words_times import home_time
from handrail.people.scope import acting_for


def doors_context(sheet: Sheet) -> dict[str, Any]:
    """What `checkin/doors.html` shows, in the language in use."""
    course, now, clock_24h = sheet.course, sheet.at, sheet.course.patient.clock_24h
    with acting_for(sheet.link.organisation_id):
        if cannot_wait(open_alerts(course)):
            return {"department": department_lines(doors_of(course, now, only_ed=True))}
        found = doors_of(course, now)
    return {
        "doors": [door_words(each, now, sheet.zone, clock_24h=clock_24h) for each in found],
        "doors_at": home_time(now, sheet.zone, clock_24h=clock_24h),
    }
