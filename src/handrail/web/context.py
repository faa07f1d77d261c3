"""What every staff page needs around its content: who is on call, whether anybody is watching, how many pages wait."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from handrail import clock
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert
from handrail.people import permissions
from handrail.people.models import Organisation, User
from handrail.people.rota import who_is_on
from handrail.records.reach import courses_of
from handrail.web.words import instant_iso, local_time, since_words

CALLED = ("now", "soon")


def frame(request: HttpRequest, here: str = "") -> dict[str, Any]:
    """The context of the frame. Constant number of queries."""
    now = clock.now()
    person = request.user
    base: dict[str, Any] = {
        "here": here,
        "now_iso": instant_iso(now),
        "clock_speed": f"{clock.speed():g}",
    }
    if not isinstance(person, User):
        return base
    organisations = list(Organisation.objects.filter(pk__in=permissions.organisations_of(person, now)))
    first = organisations[0] if organisations else None
    status = heartbeat.status(now)
    return {
        **base,
        "organisation_name": ", ".join(o.name for o in organisations) or "no organisation",
        "zone": first.time_zone if first else "UTC",
        "demo": any(o.mode == Organisation.Mode.DEMO for o in organisations),
        "on_call_words": _on_call(first, now) if first else "not known",
        "watcher": status,
        "watcher_looked_iso": instant_iso(status.looked_at) if status.looked_at else "",
        "watcher_since": since_words(status.looked_at, now) if status.looked_at else "",
        "open_pages": open_alerts(person).filter(acknowledged_at__isnull=True).count(),
    }


def open_alerts(person: User) -> Any:
    """The open alerts, now or soon, of every course that a person reaches."""
    reached = courses_of(person, clock.now())
    return Alert.objects.filter(closed_at__isnull=True, urgency__in=CALLED, course__in=reached)


def _on_call(organisation: Organisation, now: Any) -> str:
    names = []
    for step in ("first_on_call", "second_on_call"):
        duty = who_is_on(organisation.pk, step, now)
        names.append(duty.user.name if duty.user else "nobody")
    return f"{names[0]} → {names[1]} ({local_time(now, organisation.time_zone)})"
