"""Is this course file usable as a whole, and what is the answer? Checks that need more than one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.coursefile import Course, CourseFileError
from handrail.rules.events import Event
from handrail.rules.history import History, implausible_fields
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol

DEATH: Final = "death"
"""The reason of an end, where it is one of those that the form offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A usable course with what it is pinned to and the answer at an instant."""

    history: History
    protocol: Protocol
    policy: Policy
    answer: Assessment


def judge(course: Course, now: datetime) -> Judged:
    """Validate a course file and assess it.

    Raises:
        UnusableInput: a file that cannot be used, in one sentence.
    """
    bare = History.build(course)
    protocol, policy = protocol_for(bare, now), policy_for(bare, now)
    validate(course, protocol, policy)
    history = History.build(course, plausible=policy.plausible)
    answer = assess(protocol, policy, history, now, context=course.context)
    return Judged(history=history, protocol=protocol, policy=policy, answer=answer)


def validate(course: Course, protocol: Protocol, policy: Policy) -> None:
    """What a course file must hold beyond the shape of each event.

    Raises:
        CourseFileError: an event before the course began (unless imported), a planned step that the schedule lacks, a
            reading outside its plausible range that is not listed in `implausible`, an event that supersedes itself.
    """
    begins = min((event.at for event in course.events if event.kind == "course_started"), default=None)
    if course.events and begins is None:
        raise CourseFileError("no_start", "The course has no course_started event.", "events")
    moved = any(event.kind == "protocol_changed" for event in course.events)
    if course.schedule is not None and course.schedule not in protocol.schedules and not moved:
        raise CourseFileError("unknown_schedule", f"{protocol.key} has no schedule {course.schedule!r}.", "schedule")
    for number, event in enumerate(course.events):
        path = f"events[{number}]"
        check_event(event, begins, None if moved else protocol, path)
        marked = getattr(event.body, "implausible", ())
        for name in implausible_fields(event, policy.plausible):
            if name not in marked:
                limit = policy.plausible[name]
                raise CourseFileError(
                    "implausible",
                    f"{name} is outside {limit.low} to {limit.high}: correct it, or list it in implausible[] to keep it.",
                    f"{path}.{name}",
                )


def check_event(event: Event, begins: datetime | None, protocol: Protocol | None, path: str) -> None:
    """What one event must hold in its course, in a file and when it is recorded.

    Args:
        event: the event.
        begins: when the course began; None when that is not known.
        protocol: what the course is pinned to; None leaves a planned step unchecked.
        path: where the event stands, for the sentence.

    Raises:
        CourseFileError: an event before the course began (unless imported), a planned step that the schedule lacks, an event
            that supersedes itself. What was really given is never refused.
    """
    if event.supersedes == event.id:
        raise CourseFileError("circular_correction", "An event cannot supersede itself.", f"{path}.supersedes")
    if begins is not None and event.at < begins and event.source != "import":
        raise CourseFileError("before_course", "The event happened before the course began.", f"{path}.at")
    if protocol is not None and event.kind == "dose_planned" and event.body.step is not None:
        steps = {step for schedule in protocol.schedules for step in protocol.steps_of(schedule)}
        if event.body.step not in steps:
            raise CourseFileError("unknown_step", f"{protocol.key} has no such step to plan.", f"{path}.step")


def check_end(event: Event, path: str) -> None:
    """What the end of a course must hold when it is recorded; a file that was written before stays as it is.

    Raises:
        CourseFileError: the reason is death, and whether the patient died is denied or left open: the rules read that answer alone.
    """
    if event.kind == "course_ended" and event.body.because == DEATH and event.body.died is not True:
        words = "The reason is death: say that the patient died too, or choose another reason."
        raise CourseFileError("contradiction", words, f"{path}.died")
