"""Whole synthetic courses for property tests: a Hypothesis strategy that writes `handrail-course/1` documents.

A course follows one shipped label revision towards one row of its gap table (its *aim*), with the delays, visits,
check-ins, reactions, corrections and withdrawals that a real one has, some facts asked and not known, and some instants
exactly on an edge. Every document is usable: what the reader refuses is tested elsewhere.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from handrail.rules.answering import TASKS
from handrail.rules.coursefile import course_from_json
from handrail.rules.protocol import AfterToxicityRow, GapRow, Protocol
from handrail.rules.terms import STEPS
from handrail.rules.validity import Judged, judge
from tests.support import agreements
from tests.support.calling_back import called_back
from tests.support.course_documents import PROTOCOLS, Document, wire
from tests.support.handing_over import handed_over
from tests.support.moments import MOMENTS, Draw, Moment, Writer
from tests.support.staying import admitted

BEGIN = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
"""A Monday; the course starts two days before, so that a visit on the day before the first dose has its place."""
AIMS: list[tuple[str, str]] = [(key, row.id) for key, protocol in PROTOCOLS.items() for row in protocol.gap]
"""Every row of every gap table: where a course may end."""
ZONES = ["America/Chicago", "America/Los_Angeles", "UTC", "Europe/Oslo"]
HOURS = [1, 0, 2, 12, 24, 46, 47, 48, 49, 60, 72, 167, 168, 169]
MINUTES = [0, 0, 1, 15, 30, 59, 60, 61, 90, 119, 120, 240, 600, 1440, 2880]

ALL: list[Moment] = [*MOMENTS, handed_over, admitted, called_back]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One course and the instant at which it is judged."""

    course: Document
    now: datetime

    def judged(self, now: datetime | None = None) -> Judged:
        """What the rules say of it, read from the document as a person would send it."""
        return judged(self.course, now or self.now)


def judged(course: Document, now: datetime) -> Judged:
    """Read, validate and assess a document."""
    return judge(course_from_json(course), now)


SITES = [
    agreements.context(agreement=None),
    agreements.context(agreement=agreements.document()),
    agreements.context(agreement=agreements.document(tasks=dict.fromkeys(TASKS, agreements.NIGHTS))),
    agreements.context(agreement=agreements.document(tasks=dict.fromkeys(TASKS, agreements.NIGHTS[1:]))),
]
"""What the site knows: a partner without an agreement, one with, one by the hour, and one that leaves nights open."""


@st.composite
def cases(
    draw: Draw,
    *,
    zones: list[str] = ZONES,
    aims: list[tuple[str, str]] = AIMS,
    moments: list[Moment] = ALL,
    after: AfterToxicityRow | None = None,
) -> Case:
    """A course on its way to one row of its gap table, and an instant on or near an edge.

    Args:
        zones: where the patient may be; aims: the rows; moments: what may happen between the doses and now.
        after: a reaction since the last dose that this row is about.
    """
    key, row_id = draw(st.sampled_from(aims))
    protocol = PROTOCOLS[key]
    row = protocol.row(row_id)
    assert isinstance(row, GapRow)
    writer = Writer(draw, zones, protocol)
    schedule = writer.pick(list(row.schedules or protocol.schedules))
    last = writer.pick(list(row.last))
    pinned = not writer.chance(8) or ambiguous(protocol)
    body = writer.some(prior_doses_known=[*[...] * 15, True, False, None])
    intent = writer.pick(["step_up"] * 20 + ["continuation", None])
    writer.add("course_started", BEGIN - timedelta(days=2), {"intent": intent} | body)
    if not writer.chance(4):
        writer.add("weight_measured", BEGIN, {"weight_kg": writer.pick(["70", "54.6"])})
    now = _doses(writer, schedule, last, row, moments)
    if after is not None and now > BEGIN + timedelta(days=5):
        rest = 0 if after.rest_hours else max((row.rest_hours or 0 for row in protocol.after_toxicity), default=0)
        hours = [80 + rest, 72 + rest] if after.occurrence == "recurrent" else [72 + rest]
        for before in hours:
            still = after.min_hours + 2 if after.min_hours is not None else 0
            writer.reaction(now - timedelta(hours=before), after.toxicity, after.grades[0], still)
    for _ in range(writer.pick([1, 0, 0, 2, 3])):
        now_then = now - timedelta(hours=writer.pick(HOURS)) + timedelta(hours=writer.pick([0, 0, 0, 30]))
        writer.pick(moments)(writer, max(now_then, BEGIN + timedelta(hours=3)))
    if not writer.chance(4):
        writer.clear(now - timedelta(minutes=writer.pick([30, 5, 23 * 60])))
    if writer.chance(40):
        writer.add("course_ended", now - timedelta(hours=1), writer.some(because=["done", None], died=[False, None]))
    now += timedelta(minutes=writer.pick(MINUTES))
    course = {
        "format": "handrail-course/1",
        "id": "00000000-0000-4000-8000-00000000c0de",
        "synthetic": True,
        "product": protocol.product.product,
        "jurisdiction": protocol.product.jurisdiction,
        "protocol_key": key if pinned else None,
        "schedule": schedule if pinned and not writer.chance(10) else None,
        "time_zone": writer.zone,
        "events": writer.events,
    }
    if writer.chance(3):
        course["context"] = writer.pick(SITES)
    return Case(course=course, now=now)


def ambiguous(protocol: Protocol) -> bool:
    """A product with several regimens and no monotherapy: a course of it must name its protocol."""
    regimens = {p.product.regimen for p in PROTOCOLS.values() if p.product.product == protocol.product.product}
    return len(regimens) > 1 and "mono" not in regimens


def _doses(writer: Writer, schedule: str, last: str, row: GapRow, moments: list[Moment]) -> datetime:
    """The doses up to `last` in the label's order (mostly), and a day that the row covers (mostly)."""
    at = BEGIN + timedelta(hours=writer.pick([3, 27]))
    steps = list(writer.protocol.steps_of(schedule))
    if writer.chance(12):
        return at
    for step in steps[: steps.index(last) + 1]:
        wrong = writer.chance(25)
        given = writer.pick([*STEPS, None]) if wrong else step
        before = at - timedelta(hours=1)
        if writer.chance(5):
            writer.plan(max(before, BEGIN))
        writer.dose(given, at, schedule)
        if writer.chance(3):
            for _ in range(writer.pick([1, 2, 3])):
                writer.pick(moments)(writer, at + timedelta(hours=writer.pick(HOURS)))
        rows = writer.protocol.gap_rows(step, schedule)
        usual = next((r for r in rows if r.action.value in ("give", "continue")), rows[-1])
        days = usual.from_day if step != last else _a_day_of(writer, row)
        at += timedelta(days=days, hours=writer.pick([0, 0, -3, 5]))
    return at


def _a_day_of(writer: Writer, row: GapRow) -> int:
    """A day that the row covers, an edge of it or one beyond."""
    end = row.to_day if row.to_day is not None else row.from_day + 40
    return int(writer.pick([row.from_day, end, (row.from_day + end) // 2, end + 1]))


def shifted(value: Any, by: timedelta) -> Any:
    """The same document with every instant and date moved."""
    if isinstance(value, dict):
        return {key: shifted(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, by) for item in value]
    if not isinstance(value, str):
        return value
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            when = read(value) if value[:2] == "20" else None
        except ValueError:
            continue
        if isinstance(when, datetime):
            return wire(when + by)
        if when is not None:
            return (when + by).isoformat()
    return value
