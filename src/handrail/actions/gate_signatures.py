"""The signatures under open lines of the gate, and which of them still count for the dose that is ahead.

A signature is for one dose as it was planned then, and counts while whoever signed may still sign: a role that ended, or an access that
was taken back, takes its signatures along.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from handrail.people import permissions
from handrail.people.models import Membership, User
from handrail.records.models import Course, CourseAccess, GateSignature
from handrail.rules.gate_evidence import Known
from handrail.rules.readiness import Line, LineState, Override, carries, gate_data

PRESCRIBES: Final = "override_gate"
SECONDS: Final = "countersign_gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The signatures of one course in their order; `able`: which of their signers may still sign, and as what."""

    rows: tuple[GateSignature, ...] = ()
    able: frozenset[tuple[Any, str]] = frozenset()

    def stands(self, row: GateSignature, read: Known) -> bool:
        """Whether it is of this very dose as it is planned now, by somebody who may still sign."""
        verb = PRESCRIBES if row.first_id is None else SECONDS
        changed = [read.dose.plan.recorded_at] if read.dose.plan is not None else []
        changed += [each.event.recorded_at for each in read.doses]
        return (
            row.dose == dose_key(read)
            and (row.user_id, verb) in self.able
            and all(at <= row.at for at in changed)
            and (row.first is None or self.stands(row.first, read))
        )

    def waiting(self, line: Line, read: Known) -> GateSignature | None:
        """The prescriber's signature under what a line says now, under which nobody else has signed yet."""
        done = {row.first_id for row in self.rows if row.first_id is not None}
        said = [
            row
            for row in self.rows
            if row.first_id is None
            and row.pk not in done
            and (row.line, row.state, row.because) == (line.row.id, line.state.value, line.because)
            and carries(line.state, row.at, read.dose.time, read.now, gate_data().when)
            and self.stands(row, read)
        ]
        return said[-1] if said else None

    def overrides(self, read: Known) -> list[Override]:
        """What two persons have signed for this dose, and still stands."""
        return [
            Override(
                line=row.line,
                state=LineState(row.state),
                because=row.because,
                reason=row.first.reason,
                prescriber=row.first.user.name,
                second=row.user.name,
                at=row.first.at,
            )
            for row in self.rows
            if row.first is not None
            and not same_person(row.user, row.first.user)
            and row.because == row.first.because
            and self.stands(row, read)
        ]


def same_person(one: User, other: User) -> bool:
    """Whether two accounts may be one person: one account, or one name, however it is written."""
    return one.pk == other.pk or _plain(one.name) == _plain(other.name)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def dose_key(read: Known) -> str:
    """Which dose a signature is for: its day and its step."""
    return f"{read.dose.on.isoformat()} {read.dose.step or 'not known'}"


def signed_of(courses: Iterable[Course], now: datetime) -> Mapping[UUID, Signed]:
    """The signatures of a list of courses, by course. At most three queries."""
    by_id = {course.pk: course for course in courses}
    rows: dict[UUID, list[GateSignature]] = defaultdict(list)
    found = GateSignature.objects.filter(course__in=by_id).select_related("user", "first__user").order_by("at", "id")
    for row in found:
        rows[row.course_id].append(row)
    if not rows:
        return {}
    held: dict[Any, list[Membership]] = defaultdict(list)
    signers = {row.user_id for each in rows.values() for row in each}
    for each in Membership.objects.filter(permissions.in_force(now), user__in=signers, user__is_active=True):
        held[each.user_id].append(each)
    grants: dict[UUID, list[CourseAccess]] = defaultdict(list)
    for grant in CourseAccess.objects.valid(now).filter(course__in=rows):
        grants[grant.course_id].append(grant)
    return {
        course: Signed(rows=tuple(each), able=_able(by_id[course], each, held, grants[course]))
        for course, each in rows.items()
    }


def _able(
    course: Course, rows: Iterable[GateSignature], held: Mapping[Any, list[Membership]], grants: list[CourseAccess]
) -> frozenset[tuple[Any, str]]:
    ways = {row.user_id: permissions.ways(course, held.get(row.user_id, []), grants) for row in rows}
    return frozenset(
        (user, verb) for user, each in ways.items() for verb in (PRESCRIBES, SECONDS) if permissions.lets(each, verb)
    )
