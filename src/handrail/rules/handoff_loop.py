"""The loop of a hand-off, read from its facts: offered, delivered, read, asked, accepted, first dose, closed; or declined or withdrawn.

The order in which the facts arrive decides nothing, only when they happened. A machine that delivers is no reader, a reader without
a name is nobody, and only an `accountability_moved` that names the loop, goes to the party it was offered to and says who accepted,
accepts it; one that comes after the offer was withdrawn or declined moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from handrail.rules.doses import given_doses
from handrail.rules.events import Event
from handrail.rules.history import History

MOVED = "accountability_moved"
KINDS = ("handoff_offered", "handoff_delivered", "handoff_read", "handoff_asked", "handoff_answered", "handoff_ended")

SAID = "not_known_said"
IN_ORDER = (*KINDS[1:], SAID, MOVED)
"""Of one instant, in this order: an offer that ends as it is accepted stays with the sender."""


class Stage(StrEnum):
    """How far a hand-off has come, in order; the last two end it without anybody having taken over."""

    OFFERED = "offered"
    DELIVERED = "delivered"
    READ = "read"
    ACCEPTED = "accepted"
    FIRST_DOSE = "first_dose_confirmed"
    CLOSED = "closed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"

    @property
    def waits(self) -> bool:
        """Nobody has taken over yet, and somebody still may."""
        return self in (Stage.OFFERED, Stage.DELIVERED, Stage.READ)

    @property
    def open(self) -> bool:
        """Something is still to happen."""
        return self.waits or self in (Stage.ACCEPTED, Stage.FIRST_DOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, and its answer if there is one."""

    asked: Event
    answer: Event | None = None


@dataclass(slots=True, kw_only=True)
class Loop:
    """One hand-off. Every part is the first fact that counts as such; None: there is none yet."""

    offered: Event
    delivered: Event | None = None
    read: Event | None = None
    accepted: Event | None = None
    first_dose_at: datetime | None = None
    ended: Event | None = None
    questions: list[Question] = field(default_factory=list)
    not_known: list[Event] = field(default_factory=list)
    """What was said to leave as not known: with the offer, and with a link that was made anew later."""

    @property
    def id(self) -> str:
        """The id of the offer in force."""
        return self.offered.id

    @property
    def begins(self) -> datetime | None:
        """From when on the receiving side answers: never before it accepted."""
        return None if self.accepted is None else max(self.accepted.body.from_at or self.accepted.at, self.accepted.at)

    @property
    def read_at(self) -> datetime | None:
        """When a named person had read it: whoever accepts has."""
        known = [each.at for each in (self.read, self.accepted) if each is not None]
        return min(known, default=None)

    @property
    def ends(self) -> datetime | None:
        """Until when it waited; None: it waits."""
        known = [each.at for each in (self.accepted, self.ended) if each is not None]
        return min(known, default=None)

    @property
    def unanswered(self) -> tuple[Event, ...]:
        """The questions that nobody has answered."""
        return tuple(each.asked for each in self.questions if each.answer is None)

    @property
    def stage(self) -> Stage:
        """How far it has come by its facts."""
        if self.accepted is not None:
            if self.first_dose_at is None:
                return Stage.ACCEPTED
            return Stage.CLOSED if self.ended is not None else Stage.FIRST_DOSE
        if self.ended is not None:
            return Stage(self.ended.body.how)
        if self.read is not None:
            return Stage.READ
        return Stage.DELIVERED if self.delivered is not None else Stage.OFFERED


def loops(history: History) -> tuple[Loop, ...]:
    """Every hand-off of a course, the oldest offer first."""
    offers = history.of("handoff_offered")
    if not offers:
        return ()
    heads = _heads(history, offers)
    found = {offer.id: Loop(offered=offer) for offer in offers}
    for event in sorted(history.of(*IN_ORDER), key=lambda each: (each.at, IN_ORDER.index(each.kind))):
        loop = found.get(heads.get(event.body.handoff or "", ""))
        if loop is not None and event.at >= loop.offered.at:
            _follow(loop, event)
    for loop in found.values():
        _dose_and_close(loop, history)
    return tuple(found.values())


def counts(move: Event, history: History) -> bool:
    """Whether an accepted move of accountability moves anything: one of a hand-off only while that stands open, for whom it names."""
    if "handoff" in move.nulls:
        return False
    if move.body.handoff is None:
        return True
    return any(loop.accepted is not None and loop.accepted.id == move.id for loop in loops(history))


def _heads(history: History, offers: tuple[Event, ...]) -> Mapping[str, str]:
    """Which offer an id stands for: a corrected offer is known by its former ids too."""
    former = {event.id: event.supersedes for event in history.recorded}
    heads: dict[str, str] = {}
    for offer in offers:
        name: str | None = offer.id
        while name is not None and name not in heads:
            heads[name] = offer.id
            name = former.get(name)
    return heads


def _follow(loop: Loop, event: Event) -> None:
    """One fact of the loop, in the order in which they happened."""
    body = event.body
    match event.kind:
        case "handoff_delivered":
            loop.delivered = loop.delivered or event
        case "handoff_read" if body.reader is not None:
            loop.read = loop.read or event
        case "not_known_said":
            loop.not_known.append(event)
        case "handoff_asked" if body.question is not None:
            loop.questions.append(Question(asked=event))
        case "handoff_answered" if body.answer is not None:
            loop.questions = [
                Question(asked=each.asked, answer=event)
                if each.asked.id == body.asked and each.answer is None
                else each
                for each in loop.questions
            ]
        case "accountability_moved":
            right = body.to_party is not None and body.to_party == loop.offered.body.to_party
            if loop.ended is None and loop.accepted is None and body.accepted_by is not None and right:
                loop.accepted = event
        case "handoff_ended" if body.how in ("declined", "withdrawn") and loop.accepted is None:
            loop.ended = loop.ended or event


def _dose_and_close(loop: Loop, history: History) -> None:
    begins = loop.begins
    if begins is None:
        return
    loop.first_dose_at = next((d.at for d in given_doses(history) if d.at is not None and d.at >= begins), None)
    if loop.first_dose_at is None:
        return
    ends = (e for e in history.of("handoff_ended") if e.body.how == "closed" and e.at >= loop.first_dose_at)
    names = _heads(history, (loop.offered,))
    loop.ended = next((e for e in ends if e.body.handoff in names), None)
