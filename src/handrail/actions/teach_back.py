"""Where patient and caregiver of a course stand with what they were taught, and what that says to the readiness gate."""

from __future__ import annotations

from datetime import datetime

from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.evidence import Evidence
from handrail.rules.teachback import TeachBack, gate_evidence, load_teach_back, teach_back


def teach_back_of(course: Course, now: datetime) -> TeachBack:
    """Both people at `now`.

    Raises:
        UnusableInput: the course cannot be read.
    """
    history, policy = wire.history_of(course, now)
    return teach_back(history, load_teach_back(), policy, now)


def evidence_of(course: Course, line: int, now: datetime) -> Evidence:
    """Line 10 (the caregiver is trained) or 12 (the patient is) of the gate, at `now`.

    Raises:
        UnusableInput: the course cannot be read; KeyError: another line.
    """
    return gate_evidence(line, teach_back_of(course, now))
