"""A hand-off as a moment of a generated course: what may happen to one, in any order, some of it not known."""

from datetime import datetime, timedelta

from tests.support.agreements import CLINIC, HUB
from tests.support.course_documents import Document, wire
from tests.support.moments import Writer

HOURS = [1, 4, 9, 24, 72, 0, -1]


def handed_over(writer: Writer, at: datetime) -> None:
    """An offer, and some of what follows one."""
    known = [False, False, False, True, None]
    offered = at - timedelta(hours=writer.pick([0, 24, 96, 300]))
    body = writer.some(
        to_party=[CLINIC, CLINIC, CLINIC, HUB, None],
        returns=[..., ..., False, True, None],
        urgent=[..., False, True, None],
        caregiver_or_access_problem=known,
        more_than_two_organisations=known,
        second_product_planned=known,
    )
    offer = writer.add("handoff_offered", max(offered, _begins(writer)), {"from_party": HUB} | body)
    for kind in ("handoff_delivered", "handoff_read", "handoff_asked", "accountability_moved", "handoff_ended"):
        if writer.chance(3):
            when = max(at + timedelta(hours=writer.pick(HOURS)), _begins(writer))
            writer.add(kind, when, {"handoff": writer.pick([offer["id"]] * 8 + [None])} | _body(writer, kind, when))


def handed_over_and_dosed(writer: Writer, at: datetime) -> None:
    """A whole one: offered, accepted, and the first dose there."""
    begins = max(at - timedelta(hours=writer.pick([52, 30])), _begins(writer))
    offer = writer.add("handoff_offered", begins, {"from_party": HUB, "to_party": CLINIC})
    accepted = {"handoff": offer["id"], "to_party": CLINIC, "accepted_by": "b"}
    writer.add("accountability_moved", begins + timedelta(hours=1), accepted)
    writer.add("dose_given", begins + timedelta(hours=2), {"step": "treatment"})


def _body(writer: Writer, kind: str, when: datetime) -> Document:
    if kind == "handoff_delivered":
        return writer.some(channel=["fax", "email", None])
    if kind == "handoff_read":
        return writer.some(reader=["b", "b", None], how=["link", None])
    if kind == "handoff_asked":
        return writer.some(question=["Which lot?", None])
    if kind == "handoff_ended":
        return writer.some(how=["declined", "withdrawn", "closed", None])
    return writer.some(
        to_party=[CLINIC, CLINIC, HUB, None],
        accepted_by=["b", "b", "b", None],
        from_at=[..., wire(when + timedelta(hours=30)), wire(when - timedelta(hours=1)), None],
    )


def _begins(writer: Writer) -> datetime:
    return datetime.fromisoformat(writer.events[0]["at"])
