"""What a move needs: of a course to another protocol or policy, the signatures of its organisation; of accountability, who accepts it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from handrail.actions.errors import RefusedError
from handrail.actions.signing_state import signed_overlay
from handrail.alerts.ledger import Changes
from handrail.people import permissions
from handrail.people.models import Organisation, User
from handrail.records import policies, wire
from handrail.records.accountability import partners_of
from handrail.records.models import Course, Event, HandoffPerson
from handrail.records.signed import pinned_history
from handrail.rules.events import Event as Fact
from handrail.rules.handoff_loop import Loop, loops
from handrail.rules.pinned import key_for
from handrail.rules.protocol import load
from handrail.rules.terms import Ladder, UnusableInput, Urgency

MOVES: Final = frozenset({"policy_changed", "protocol_changed"})
GONE: Final = "This hand-off no longer waits: somebody has accepted, declined or withdrawn it."


def refuse_unsigned_move(course: Course, fact: Fact, now: datetime) -> None:
    """A live course moves only to what is signed, and no course takes up rows that its organisation has not signed.

    A key that is asked and not known is recorded: the answer is then to ask.

    Raises:
        RefusedError: another protocol that is not signed or is superseded, or rows that are not the signed ones.
    """
    live = course.organisation.mode == Organisation.Mode.LIVE
    key, overlay = fact.body.protocol_key, fact.body.overlay
    if overlay is None and (key is None or not live):
        return
    former = key_for(pinned_history(course), now)
    try:
        protocol = load(key or former or "", product=course.product, jurisdiction=course.jurisdiction)
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path="event.protocol_key") from error
    if live and protocol.key != former and not protocol.product.can_start_live:
        raise RefusedError(
            "This label revision is superseded: no live course moves to it.",
            code="superseded",
            path="event.protocol_key",
        )
    signed = signed_overlay(course.organisation_id, protocol)
    if signed is None:
        raise RefusedError(
            "This protocol is not signed by a pharmacist and a medical lead of the course's organisation, or was changed since.",
            code="not_signed",
            path="event.protocol_key",
        )
    if overlay is not None and dict(overlay) != signed:
        raise RefusedError(
            "These are not the rows that the organisation signed last.", code="not_signed", path="event.overlay"
        )


def refuse_unaccepted_move(course: Course, fact: Fact, now: datetime) -> None:
    """Accountability moves to an organisation that reaches the course, when a named clinician of it has accepted, never back in time.

    Raises:
        RefusedError: nobody has accepted, somebody who may not, an organisation without access, or a beginning that is past.
    """
    organisation = Organisation.objects.filter(pk=_id(fact.body.to_party)).first()
    if organisation is None:
        raise RefusedError("There is no such organisation to take over.", code="unknown_party", path="event.to_party")
    by_name = _accepted_in_a_loop(course, fact, now)
    person = User.objects.filter(pk=_id(fact.body.accepted_by)).first()
    roles = permissions.roles_at(person, organisation.pk, now)
    if not by_name and not roles & permissions.VERBS["move_accountability"]:
        raise RefusedError(
            "A clinician of the organisation that takes over must accept.",
            code="not_accepted",
            path="event.accepted_by",
        )
    start = fact.body.from_at or fact.at
    if start < fact.at:
        raise RefusedError(
            "What was before stays with the sender: a move cannot begin in the past.",
            code="in_the_past",
            path="event.from_at",
        )
    reaches = organisation.pk in {each.pk for each in partners_of(course, max(start, now))}
    if organisation.pk != course.organisation_id and not reaches:
        raise RefusedError("That organisation does not have access for co-management then.", code="no_access")


def loops_of(course: Course, now: datetime) -> list[Loop]:
    """The hand-offs of a course as they stand, the oldest offer first; none of a course whose facts cannot be read."""
    try:
        return list(loops(wire.history_of(course, now)[0].until(now)))
    except UnusableInput:
        return []


def refuse_silencing_move(course: Course, rows: Iterable[Event], changes: Changes) -> None:
    """Other rules are no answer to a RED page: no course moves to rules by which the reason of an open one was none.

    Args:
        rows: what was just written down; changes: what that did to the alerts.

    Raises:
        RefusedError: it would close such a page, whether somebody has it or not.
    """
    opened = {alert.key for alert in changes.opened}
    over = [alert for alert in changes.closed if alert.key not in opened]
    if not any(Ladder(alert.ladder).urgency is Urgency.NOW for alert in over):
        return
    taken_back = [row.supersedes for row in rows if row.supersedes is not None]
    kinds = {row.kind for row in rows} | set(course.events.filter(id__in=taken_back).values_list("kind", flat=True))
    if kinds & MOVES:
        raise RefusedError(
            "A RED page of this patient is open, and would close by the rules that you move to. Settle the page first.",
            code="would_silence",
        )


def _accepted_in_a_loop(course: Course, fact: Fact, now: datetime) -> bool:
    """Whether somebody without an account accepts a hand-off by this move. Whoever accepts one confirms it themself.

    Raises:
        RefusedError: no such hand-off that waits, another party, or somebody else's name.
    """
    if fact.body.handoff is None:
        return False
    loop = next((each for each in loops_of(course, now) if each.id == fact.body.handoff), None)
    if loop is None or not loop.stage.waits:
        raise RefusedError(GONE, code="not_waiting", path="event.handoff")
    if fact.body.to_party is None or fact.body.to_party != loop.offered.body.to_party:
        raise RefusedError("It was offered to another organisation.", code="other_party", path="event.to_party")
    person = HandoffPerson.objects.filter(
        course=course, handoff=_id(loop.id), pk=_id(fact.body.accepted_by), of_organisation=_id(fact.body.to_party)
    )
    own = fact.by is not None and fact.by.id == fact.body.accepted_by
    if not person.exists() and not own:
        raise RefusedError(
            "Whoever accepts confirms it themself: by signing in, by the link, or by reading the code back.",
            code="not_accepted",
            path="event.accepted_by",
        )
    return person.exists()


def _id(text: str | None) -> UUID:
    """The id that a text is; the id of nothing where it is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return UUID(int=0)


def refuse_foreign_policy(course: Course, fact: Fact) -> None:
    """A course takes up a whole policy only when it is the one that its organisation has in force.

    Raises:
        RefusedError: another document.
    """
    if fact.body.document is None:
        return
    own = policies.in_force(course.organisation_id)
    if own is None or dict(fact.body.document) != own.document or fact.body.sha256 != own.sha256:
        raise RefusedError(
            "This is not the policy that the organisation has in force.", code="not_signed", path="event.document"
        )
