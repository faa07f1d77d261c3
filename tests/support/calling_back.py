"""Call backs in a generated course."""

from datetime import datetime, timedelta

from tests.support.course_documents import wire
from tests.support.moments import Writer


def called_back(writer: Writer, at: datetime) -> None:
    """Somebody at a hospital asks, perhaps twice; somebody calls, perhaps in vain, perhaps about no ask that is known."""
    asked = writer.some(
        ask=["a", "a", None, ...],
        who=["ed_physician", "hospitalist", None, ...],
        promised_by=[wire(at + timedelta(minutes=10)), None, ..., wire(at + timedelta(hours=9))],
    )
    writer.add("call_back_asked", at, {"through": "emergency_page"} | asked)
    if writer.chance(3):
        writer.add("call_back_asked", at + timedelta(minutes=4), {"ask": "a", "who": "nurse"})
    for number in range(writer.pick([0, 1, 2])):
        then = at + timedelta(minutes=writer.pick([0, 9, 10, 11, 200]) + number)
        writer.add(
            "call_back_made", then, writer.some(ask=["a", "a", "b", None, ...], reached=[True, True, False, None])
        )
