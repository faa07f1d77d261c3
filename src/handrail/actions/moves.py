"""What a move of a course to another protocol or set of signed rows must have: the signatures of its organisation."""

from datetime import datetime

from handrail.actions.errors import RefusedError
from handrail.actions.signing_state import signed_overlay
from handrail.people.models import Organisation
from handrail.records.models import Course
from handrail.records.signed import pinned_history
from handrail.rules.events import Event as Fact
from handrail.rules.pinned import key_for
from handrail.rules.protocol import load
from handrail.rules.terms import UnusableInput


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
