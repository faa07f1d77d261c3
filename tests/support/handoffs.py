"""A course whose step-up is complete, and the facts of its hand-off."""

from __future__ import annotations

from typing import Any

from handrail.rules.answer import Assessment, Handoff
from handrail.rules.assess import assess
from handrail.rules.packet_data import packet_data
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load
from tests.support.agreements import CLINIC, HUB, context, document
from tests.support.courses import Told, instant, well

KNOWN = {
    "caregiver_or_access_problem": False,
    "more_than_two_organisations": False,
    "second_product_planned": False,
}
"""What only a person knows, and nothing of it makes a hand-off complicated."""
LOOKED = frozenset(packet_data().must.fields)
"""Said by whoever looked at every field that no receiving side can do without: what is empty of them goes out as not known."""
OFFERED = "2026-03-11 09:00"
"""A Wednesday, two days after the first treatment dose."""


def stepped_up(*, assessed: bool = True, anc: str | None = "2.1", amounts: bool = False) -> Told:
    """Teclistamab through step-up, first treatment dose on Mon 9 Mar 2026; every watched dose assessed, nothing found.

    Args:
        amounts: whether the mg of each dose are on record.
    """
    told = Told()
    doses = (
        ("step_up_1", "2026-03-02", "4.2"),
        ("step_up_2", "2026-03-05", "21"),
        ("first_treatment", "2026-03-09", "105"),
    )
    for step, day, mg in doses:
        well(told, f"{day} 08:00")
        told.dose(step, f"{day} 09:00", **({"dose_mg": mg, "route": "subcutaneous"} if amounts else {}))
    if assessed:
        well(told, "2026-03-11 08:00")
    if anc is not None:
        told.tell("lab_resulted", "2026-03-11 08:00", code="anc", value=anc, unit="10*9/L")
    return told


def offered(told: Told | None = None, at: str = OFFERED, **fields: Any) -> tuple[Told, str]:
    """The course, and the id of its hand-off to the clinic."""
    told = told or stepped_up()
    body = {"from_party": HUB, "to_party": CLINIC, **KNOWN, **fields}
    return told, told.tell("handoff_offered", at, **body)


def accept(told: Told, loop: str | None, at: str, **fields: Any) -> str:
    """A named person of the clinic accepts."""
    body = {"from_party": HUB, "to_party": CLINIC, "accepted_by": "somebody", "handoff": loop, **fields}
    return told.tell("accountability_moved", at, **body)


def shared(told: Told, at: str) -> Assessment:
    """The answer where both sites are known, with the agreement that they signed."""
    known = context(agreement=document(zone=told.zone))
    return assess(load(told.key), load_policy(), told.history(), instant(at, told.zone), context=known)


def latest(answer: Assessment) -> Handoff:
    """The last hand-off of an answer."""
    return answer.handoffs[-1]


def paged(answer: Assessment) -> list[str]:
    """The pages about hand-offs, without the id at their end."""
    return sorted(
        page.key.removeprefix("handoff:").rpartition(":")[0] for page in answer.pages if "handoff:" in page.key
    )


def found(answer: Assessment) -> list[str]:
    """What the rule of hand-offs finds."""
    return [each.what for each in answer.findings if each.rule == "handoff"]


def asked_for(answer: Assessment) -> dict[str, Any]:
    """The tasks about hand-offs and by when."""
    words = ("hand-off", "receiving team", "other team", "next visits")
    return {task.what: task.by for task in answer.tasks if any(word in task.what for word in words)}
