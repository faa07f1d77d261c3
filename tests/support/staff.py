"""A nurse of a drill, in a process of its own: `python -m tests.support.staff`.

Reads one line of JSON for each thing to do and writes one when it is done: {"assess": course} (see and grade, which closes the report),
{"answer": course} ("I have it"). A database that is away is waited for.
"""

import contextlib
import json
import sys
import time
from typing import Any

import django

ALERT = {"loc": "alert", "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}
CLEAR = {"hypotension": False, "pressors": [], "o2": "none", "fever_other": False, "episode_open": False}


def answer(course: str, by: Any) -> None:
    """ "I have it", to every alert of the course."""
    from handrail.actions.answering import acknowledge
    from handrail.actions.errors import RefusedError
    from handrail.alerts.models import Alert

    for alert in Alert.objects.filter(course_id=course, closed_at=None, acknowledged_at=None):
        with contextlib.suppress(RefusedError):  # closed a moment ago: its reason is over
            acknowledge(alert.pk, by=by)


def assess(course: str, by: Any) -> None:
    """Everything that a report asks of the team, with ids of its own each time."""
    from handrail import clock
    from handrail.actions.facts import record_event
    from handrail.records.models import Event
    from tests.support.factories import event

    # Not before what was reported, whatever the clock of the machine says now.
    latest = Event.objects.filter(course_id=course).order_by("-occurred_at").values_list("occurred_at", flat=True)[0]
    at = max(clock.now(), latest)
    score = event("ice_assessed", at=at, total_0_10=10)
    facts = [
        event("vitals_measured", at=at, temperature_c="36.7", systolic_mmhg=124, spo2_percent=97),
        event("crs_assessed", at=at, tmax_c="36.7", **CLEAR),
        score,
        event("icans_assessed", at=at, ice_event=score["id"], **ALERT),
        event("condition_noted", at=at, what="infection", active=False),
    ]
    for fact in facts:
        record_event(course, fact, by=by)


def main() -> None:
    """Work until the input ends."""
    django.setup()
    from django.db import DatabaseError, InterfaceError, connection

    from handrail.actions.actor import person
    from handrail.people import scope
    from handrail.people.models import Membership
    from handrail.records.models import Course

    scope.see_everything_by_default()
    work = {"answer": answer, "assess": assess}
    for line in sys.stdin:
        ((what, course),) = json.loads(line).items()
        while True:
            try:
                house = Course.objects.values_list("organisation_id", flat=True).get(pk=course)
                by = person(Membership.objects.get(role="oncologist", organisation_id=house).user)
                work[what](course, by)
                break
            except (DatabaseError, InterfaceError):
                connection.close()
                time.sleep(0.2)
            except Exception as error:  # noqa: BLE001 (the drill goes on, and says what was wrong)
                print(json.dumps({"failed": what, "why": f"{type(error).__name__}: {error}"}), flush=True)
                break
        print(json.dumps({"done": what, "course": course}), flush=True)


if __name__ == "__main__":
    main()
