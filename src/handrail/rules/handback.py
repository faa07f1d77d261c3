"""Was every call of the night handed back in the morning?

Whoever takes over in the morning learns what was said at night, call by call. A call counts as handed back when somebody has written
down what was handed back about it; one that is not is a task, and a finding once the morning is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from handrail.rules.answer import Finding, Task
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.policy_ladders import NightPolicy
from handrail.rules.terms import Urgency, civil_instant, say_instant, zone_named

OWNER = "nurse"
TASK = "hand back the night call of"
"""How the task begins: the board counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightCall:
    """One call of the night that nobody has handed back, and by when that is due."""

    event: Event
    by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandbackAnswer:
    """What is still to be handed back, and the instants at which time alone changes it."""

    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    changes_at: tuple[datetime, ...] = ()


def handback(history: History, policy: Policy, now: datetime) -> HandbackAnswer:
    """The calls of the night that were not handed back, at `now`."""
    night = policy.night
    if night is None or not history.of("contact_made") or history.last("course_ended") is not None:
        return HandbackAnswer()
    open_calls = waiting(history, night)
    zone = history.course.time_zone
    return HandbackAnswer(
        tasks=tuple(
            Task(who=OWNER, what=f"{TASK} {say_instant(call.event.at, zone)}", by=call.by) for call in open_calls
        ),
        findings=tuple(
            Finding(
                rule="handback",
                what=f"The night call of {say_instant(call.event.at, zone)} has not been handed back",
                urgency=Urgency.TODAY,
                owner=OWNER,
                because="the day team may not know what was said at night; write down what was handed back",
                source=policy.source(night.source, "night"),
            )
            for call in open_calls
            if call.by <= now
        ),
        changes_at=tuple(call.by for call in open_calls),
    )


def waiting(history: History, night: NightPolicy) -> list[NightCall]:
    """The calls of the night that nobody has handed back, oldest first."""
    done = {e.body.contact for e in history.of("handed_back") if e.body.what is not None}
    found = []
    for event in history.of("contact_made"):
        local = event.at.astimezone(zone_named(event.zone))
        if event.id in done or not night.covers(local.time()):
            continue
        morning = local.date() + timedelta(days=int(local.time() >= time.fromisoformat(night.hand_back_by)))
        by = civil_instant(morning, time.fromisoformat(night.hand_back_by), event.zone)
        found.append(NightCall(event=event, by=by))
    return found
