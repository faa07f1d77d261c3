"""The hand-off: offered by whoever answers for the patient, read and accepted by named persons of the other organisation.

Each step is one fact in one transaction. From the offer on the receiving organisation may read the course; from its acceptance on it
works in it. The acceptance is the move of accountability itself: nothing else moves who answers, the number or the pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.db.models import Q

from handrail import clock
from handrail.actions import not_known, packets
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.moves import GONE, loops_of
from handrail.actions.recording import Recorded, locked, record, record_together
from handrail.people import permissions
from handrail.people.models import LinkToken, Organisation
from handrail.records.accountability import responsible_for
from handrail.records.models import Course, CourseAccess, HandoffDoor
from handrail.rules.handoff_loop import Loop
from handrail.rules.not_known import unsaid
from handrail.rules.terms import civil_date, day_start

OFFER, TAKE_PART, ACCEPT = "offer_handoff", "take_part_in_handoff", "move_accountability"
CO_MANAGEMENT: Final = CourseAccess.Purpose.CO_MANAGEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the sender says with an offer; the last three are what only a person knows (None: not known)."""

    to: Organisation
    take_over_on: date | None = None
    returns: bool = False
    urgent: bool | None = None
    criteria: tuple[str, ...] = ()
    caregiver_or_access_problem: bool | None = None
    more_than_two_organisations: bool | None = None
    second_product_planned: bool | None = None
    packet: UUID | None = None
    not_known: frozenset[str] = frozenset()
    """The keys of the empty fields of the packet that go out as not known, as they were shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A hand-off of a locked course."""

    course: Course
    loop: Loop
    now: datetime

    @property
    def receiver(self) -> UUID:
        """The organisation that it was offered to; the id of nothing where that is not known."""
        return _uuid(self.loop.offered.body.to_party)


def offer(
    course_id: UUID,
    what: Offer,
    *,
    by: Actor,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Offer the patient to another organisation, or back to the one that the course belongs to.

    What is empty in the packet and no receiving side can do without is said to be not known in the same transaction.

    Raises:
        RefusedError: the offering side does not answer for the patient, an offer to itself or to another kind of installation, a
            return to somebody who is not the owner, one hand-off that waits already, or an empty field that `not_known` does not name.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(OFFER, course, now)
        current = responsible_for(course, now)
        if by.user is not None and current not in permissions.organisations_of(by.user, now):
            raise RefusedError("Only the organisation that answers for the patient offers it.", code="not_responsible")
        if what.to.pk == current:
            raise RefusedError("That organisation answers for the patient already.", code="same_party", path="to")
        if what.to.mode != course.organisation.mode:
            raise RefusedError("Demonstration and live organisations share nothing.", code="demo_and_live", path="to")
        if what.returns and what.to.pk != course.organisation_id:
            raise RefusedError(
                "A patient returns to the organisation that owns the course.", code="not_owner", path="to"
            )
        waiting = [loop for loop in loops_of(course, now) if loop.stage.waits and loop.id != str(id)]
        if waiting:
            raise RefusedError("A hand-off waits already: withdraw it first.", code="waits_already")
        empty = packets.unfilled_of(course, now)
        not_known.refuse_unsaid(unsaid(empty, (), now=what.not_known))
        _let_in(course, what.to, CourseAccess.Purpose.HANDOFF, by, now)
        handoff = id or uuid4()
        facts = [offer_event(what, current, handoff, now)]
        if empty:
            facts.append(not_known.word(empty, now, handoff=handoff))
        return record_together(course_id, [(fact, (OFFER,)) for fact in facts], by=by, now=now)[0]


def offer_event(what: Offer, current: UUID, id: UUID, now: datetime) -> dict[str, Any]:  # noqa: A002
    """The fact of an offer by the party that answers now, in wire form: what is recorded, and what a page judges before that."""
    data = {
        "id": str(id),
        "kind": "handoff_offered",
        "at": now.isoformat(),
        "from_party": str(current),
        "to_party": str(what.to.pk),
        "returns": what.returns,
        "criteria": list(what.criteria),
        "caregiver_or_access_problem": what.caregiver_or_access_problem,
        "more_than_two_organisations": what.more_than_two_organisations,
        "second_product_planned": what.second_product_planned,
    }
    if what.returns:
        data["urgent"] = what.urgent
    if what.take_over_on is not None:
        data["take_over_on"] = what.take_over_on.isoformat()
    if what.packet is not None:
        data["packet"] = str(what.packet)
    return data


def delivered(course_id: UUID, handoff: UUID, channel: str, *, by: Actor, now: datetime | None = None) -> Recorded:
    """A machine says that it arrived. Nobody has read it by that."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now):
        return tell(course_id, "handoff_delivered", handoff, {"channel": channel}, by, now)


def read(course_id: UUID, handoff: UUID, *, by: Actor, now: datetime | None = None) -> Recorded:
    """Somebody of the receiving organisation, signed in, says that they have read it."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        _refuse_outsider(held, by)
        _refuse_over(held)
        role = by.role_for(TAKE_PART, held.course, now)
        fields = {"reader": by.id, "reader_role": role, "how": "signed_in"}
        return tell(course_id, "handoff_read", handoff, fields, by, now)


def ask(course_id: UUID, handoff: UUID, question: str, *, by: Actor, now: datetime | None = None) -> Recorded:
    """Ask the sender something."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now):
        return tell(course_id, "handoff_asked", handoff, {"question": written(question, "question")}, by, now)


def answer(
    course_id: UUID, handoff: UUID, asked: UUID, words: str, *, by: Actor, now: datetime | None = None
) -> Recorded:
    """Answer one question."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        if str(asked) not in {each.asked.id for each in held.loop.questions}:
            raise NotVisibleError("There is no such question.")
        fields = {"asked": str(asked), "answer": written(words, "answer")}
        return tell(course_id, "handoff_answered", handoff, fields, by, now)


def accept(
    course_id: UUID,
    handoff: UUID,
    *,
    by: Actor,
    from_on: date | None = None,
    now: datetime | None = None,
) -> Recorded:
    """A signed-in clinician of the receiving organisation takes the patient over, from now or from a day on (its beginning there).

    Raises:
        RefusedError: nobody of the receiving side, an offer that no longer waits, or a day that is past.
    """
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        _refuse_outsider(held, by)
        by.role_for(ACCEPT, held.course, now)
        return take_over(held, accepted_by=by.id, by=by, verb=ACCEPT, from_on=from_on)


def take_over(held: Held, *, accepted_by: str, by: Actor, verb: str, from_on: date | None) -> Recorded:
    """Record the acceptance of a held hand-off, and let the receiving organisation work in the course.

    Raises:
        RefusedError: an offer that no longer waits, or a day that is past.
    """
    _refuse_over(held)
    course, now = held.course, held.now
    start = now
    if from_on is not None:
        if from_on < civil_date(now, course.time_zone):
            raise RefusedError(
                "That day is past: what was before stays with the sender.", code="in_the_past", path="from"
            )
        start = max(day_start(from_on, course.time_zone), now)
    receiver = Organisation.objects.filter(pk=held.receiver).first()
    if receiver is None:
        raise RefusedError(
            "Nobody knows to whom this was offered: withdraw it and offer it again.", code="unknown_party"
        )
    if receiver.pk != course.organisation_id:
        _let_in(course, receiver, CO_MANAGEMENT, by, now)
    fields = {
        "from_party": str(responsible_for(course, now)),
        "to_party": str(receiver.pk),
        "accepted_by": accepted_by,
        "from_at": start.isoformat(),
    }
    return tell(course.pk, "accountability_moved", UUID(held.loop.id), fields, by, now, verb=verb)


def decline(course_id: UUID, handoff: UUID, because: str, *, by: Actor, now: datetime | None = None) -> Recorded:
    """The receiving organisation does not take the patient: the sender goes on answering."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        _refuse_outsider(held, by)
        return end(held, "declined", because, by)


def withdraw(course_id: UUID, handoff: UUID, because: str, *, by: Actor, now: datetime | None = None) -> Recorded:
    """The sender takes the offer back."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        return end(held, "withdrawn", because, by)


def close(course_id: UUID, handoff: UUID, *, by: Actor, now: datetime | None = None) -> Recorded:
    """The first dose there is on record, and nothing is open: the loop is closed.

    Raises:
        RefusedError: no dose since it was accepted, or something that is still to be done.
    """
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        if held.loop.first_dose_at is None:
            raise RefusedError("The first dose after the hand-off is not on record.", code="no_first_dose")
        told = (held.course.assessment or {}).get("handoffs", [])
        open_still: list[str] = next((each["still_open"] for each in told if each["id"] == held.loop.id), [])
        if open_still or held.loop.unanswered:
            words = "; ".join([*open_still, *(["a question waits for its answer"] if held.loop.unanswered else [])])
            raise RefusedError(f"Still to be done: {words}.", code="still_open")
        done = tell(course_id, "handoff_ended", handoff, {"how": "closed"}, by, now)
        shut_doors(held.course, handoff, now)
        return done


# --- parts ------------------------------------------------------------------------------------------------------------


@contextmanager
def hold(course_id: UUID, handoff: UUID, by: Actor, now: datetime) -> Iterator[Held]:
    """The locked course and one of its hand-offs, for somebody who may take part in it.

    Raises:
        NotVisibleError: no such course or hand-off for this actor.
    """
    with locked(course_id, by, now) as course:
        by.role_for(TAKE_PART, course, now)
        found = next((each for each in loops_of(course, now) if each.id == str(handoff)), None)
        if found is None:
            raise NotVisibleError("There is no such hand-off.")
        yield Held(course=course, loop=found, now=now)


def tell(
    course_id: UUID,
    kind: str,
    handoff: UUID,
    fields: Mapping[str, Any],
    by: Actor,
    now: datetime,
    *,
    verb: str = TAKE_PART,
) -> Recorded:
    data = {"id": str(uuid4()), "kind": kind, "at": now.isoformat(), "handoff": str(handoff), **fields}
    return record(course_id, data, by=by, verbs=(verb,), now=now)


def end(held: Held, how: str, because: str, by: Actor, **fields: str) -> Recorded:
    """End what waits, with a reason: the doors shut, and the access that was for reading it ends."""
    _refuse_over(held)
    fields |= {"how": how, "because": written(because, "because")}
    course, now = held.course, held.now
    grants = course.accesses.filter(
        purpose=CourseAccess.Purpose.HANDOFF, to_organisation=held.receiver, revoked_at=None
    )
    done = tell(course.pk, "handoff_ended", UUID(held.loop.id), fields, by, now)
    grants.update(revoked_at=now)
    shut_doors(course, UUID(held.loop.id), now)
    return done


def shut_doors(course: Course, handoff: UUID, now: datetime) -> None:
    """Nobody comes through the doors of a hand-off any more."""
    doors = HandoffDoor.objects.filter(course=course, handoff=handoff, closed_at__isnull=True)
    LinkToken.objects.filter(pk__in=doors.values("link"), revoked_at__isnull=True).update(revoked_at=now)
    doors.update(closed_at=now)


def _let_in(course: Course, organisation: Organisation, purpose: str, by: Actor, now: datetime) -> None:
    """Let an organisation reach the course for a purpose from now on, unless it does so already."""
    if organisation.pk == course.organisation_id:
        return
    enough = {purpose, CO_MANAGEMENT.value}
    standing = course.accesses.valid(now).filter(to_organisation=organisation, person__isnull=True, purpose__in=enough)
    if standing.filter(Q(valid_until__isnull=True)).exists():
        return
    CourseAccess.objects.create(
        organisation_id=course.organisation_id,
        course=course,
        to_organisation=organisation,
        purpose=purpose,
        valid_from=now,
        granted_by=by.user,
        reason="hand-off",
    )


def _refuse_outsider(held: Held, by: Actor) -> None:
    """Only the receiving side reads, accepts and declines."""
    inside = by.link is not None or (
        by.user is not None and held.receiver in permissions.organisations_of(by.user, held.now)
    )
    if not inside:
        raise NotAllowedError("That is for the organisation that the patient was offered to.")


def _refuse_over(held: Held) -> None:
    if not held.loop.stage.waits:
        raise RefusedError(GONE, code="not_waiting")


def written(words: str, path: str) -> str:
    """What was written down, or a refusal where nothing was."""
    if not words.strip():
        raise RefusedError("Please write it down.", code="missing_key", path=path)
    return words.strip()


def _uuid(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        return UUID(int=0)
