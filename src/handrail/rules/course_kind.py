"""Is a patient complicated, as a site is asked that gives the maintenance? The reasons are those of the hand-off.

A course that was handed over is judged as it was offered, with what only a person could say then and what was learned since; one that
never was is judged by its record alone. What the rest of the step-up will bring is not known while it lasts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from handrail.rules.assess import assess
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.handoff_kind import NOT_COMPLETE, ONLY_A_PERSON_KNOWS, HandoffKind, handoff_kind
from handrail.rules.handoff_loop import loops
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.stays import with_stays

_CAUTION: Final = ("complicated", "not_known", "simple")
AHEAD: Final = "how the rest of the step-up goes"


def course_kind(protocol: Protocol, policy: Policy, history: History, now: datetime) -> HandoffKind:
    """Whether a patient is complicated at `now`; of readings of a record that contradicts itself the most cautious."""
    present = history.until(now)
    readings = present.ways()
    found = [_kind(protocol, policy, one, now) for one in readings]
    return min(found, key=lambda each: _CAUTION.index(each.kind))


def _kind(protocol: Protocol, policy: Policy, history: History, now: datetime) -> HandoffKind:
    doses = given_doses(history)
    toxicity = episodes(history, doses, policy)
    doses = with_stays(doses, history, toxicity, protocol, policy)
    dose = assess(protocol, policy, history, now).next_dose
    offered = [loop.offered for loop in loops(history)]
    offer = offered[-1] if offered else None
    found = handoff_kind(history, doses, toxicity, dose, policy, offer.at if offer else now, offer)
    because = tuple(words for words in found.because if words != NOT_COMPLETE)
    asked = tuple(words for words in found.missing if offer or not _only_a_person(words))
    missing = (*asked, AHEAD) if NOT_COMPLETE in found.because else asked
    return HandoffKind(
        kind="complicated" if because else "not_known" if missing else "simple", because=because, missing=missing
    )


def _only_a_person(words: str) -> bool:
    """Whether it is asked at a hand-off alone, where somebody says it."""
    return any(said in words for _, said in ONLY_A_PERSON_KNOWS)
