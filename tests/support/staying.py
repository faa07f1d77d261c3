"""A stay in hospital in a generated course."""

from datetime import datetime, timedelta

from tests.support.course_documents import wire
from tests.support.moments import Writer


def admitted(writer: Writer, at: datetime) -> None:
    """In hospital: the admission, plans, calls that reached somebody or not, perhaps a move and the discharge."""
    began = [..., wire(at), wire(at - timedelta(hours=5)), None]
    writer.add(
        "admission_noted", at, writer.some(place=["County Hospital"], service=["medicine", None], admitted_at=began)
    )
    for number in range(writer.pick([1, 2, 3])):
        then = at + timedelta(hours=number * 24 + writer.pick([1, 4, 9]))
        plan = writer.some(for_day=[then.date().isoformat(), None, ...], decides_role=["hospitalist", None, ...])
        plan |= writer.some(next_hub_call_at=[..., ..., wire(then + timedelta(hours=2)), None])
        writer.add("admission_plan_written", then, {"lines": ["watch"]} | plan)
        call = writer.some(
            reached=[True, True, False, None], next_call_at=[..., ..., wire(then + timedelta(hours=9)), None]
        )
        writer.add("hub_call_made", then + timedelta(hours=1), call | writer.some(**{"with": ["hospitalist", None]}))
    left = at + timedelta(hours=writer.pick([30, 70, 71]))
    if writer.chance(3):
        writer.add("admission_noted", left - timedelta(hours=9), {"place": "Another Hospital", "service": "icu"})
    if not writer.chance(3):
        writer.add("discharge_noted", left, writer.some(discharged_at=[..., wire(left), None], to=["home", "facility"]))
