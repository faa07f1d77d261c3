"""What a line of the readiness gate rests on: whether it is met, by what, until when, and who mends it.

Every desk (sites, REMS, access, training, setting, rota) answers the gate in this one type. It is three-valued: what nobody recorded is
not known, and not known never counts as met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One answer.

    Attributes:
        met: True, False, or None: not known.
        because: the sentence, with the names, numbers and days that made it.
        owner: the role that answers for it, in words, whether it is met or not.
        next_step: what the owner does next; None only where it is met.
        evidence: the paper or the record that shows it; None: nothing is kept.
        until: the first instant at which it may no longer hold if nothing is recorded; None: time alone does not change it.
    """

    met: bool | None
    because: str
    owner: str
    next_step: str | None = None
    evidence: str | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """A line that nobody can act on is a wall of red.

        Raises:
            ValueError: nobody owns it, or it is not met and names no next step.
        """
        if not self.owner or not self.because:
            raise ValueError("evidence names its owner and says why")
        if self.met is not True and not self.next_step:
            raise ValueError("what is not met, or not known, names its next step")

    def at(self, now: datetime) -> Evidence:
        """The same at an instant: what was met until before it is not met any more."""
        if self.met is not True or self.until is None or now < self.until:
            return self
        return Evidence(
            met=False,
            because=f"{self.because}: that has ended",
            owner=self.owner,
            next_step=self.next_step or "renew it",
            evidence=self.evidence,
            until=self.until,
        )


def all_met(parts: Iterable[Evidence]) -> Evidence:
    """Several answers as one: not met if one is not met, else not known if one is not known, else met until the first ends.

    The owner and the next step are those of the first part that stands open.

    Raises:
        ValueError: no parts: nothing is not the same as nothing open.
    """
    told = list(parts)
    if not told:
        raise ValueError("an answer of no parts says nothing")
    refused = [part for part in told if part.met is False]
    open_ = [part for part in told if part.met is None]
    shown = [*refused, *open_] or told
    return Evidence(
        met=False if refused else None if open_ else True,
        because="; ".join(dict.fromkeys(part.because for part in shown)),
        owner=shown[0].owner,
        next_step=shown[0].next_step,
        evidence="; ".join(dict.fromkeys(part.evidence for part in told if part.evidence)) or None,
        until=min((part.until for part in told if part.until is not None), default=None),
    )
