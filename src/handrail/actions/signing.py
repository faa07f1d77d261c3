"""Signing a protocol: every row is looked at, decided where it needs a decision, and two people sign what was decided.

An organisation opens a set for a protocol file. Each row that was not read in the label itself is confirmed with a citation, or,
when it is unverified, left: the answer stays `ask`. A pharmacist and a medical lead sign; whatever is entered after a signature
ends it. With both signatures the set is closed for good, live courses start with its rows, and a newer set supersedes it.
No running course moves by itself: `take_up` moves one, as an event.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import Recorded, record
from handrail.actions.signing_state import ROLES, Part, State, document_for, state_of
from handrail.people import permissions, scope
from handrail.people.models import Organisation, User
from handrail.people.permissions import VERB_FOR_KIND
from handrail.records.models import Course, ProtocolSignature, SigningEntry, SigningMark, SigningSet
from handrail.records.signed import in_force, pinned_history
from handrail.rules.overlays import TO_CONFIRM, row_sha256
from handrail.rules.pinned import key_for
from handrail.rules.protocol import Protocol, Row, load
from handrail.rules.protocol_rows import RemsRow
from handrail.rules.terms import Status, UnusableInput

VERB: Final = "sign_protocol"
LONGEST_CITATION: Final = 500


# --- the verbs ------------------------------------------------------------------------------------------------------


def open_set(organisation_id: UUID, protocol_key: str, *, by: Actor, now: datetime | None = None) -> SigningSet:
    """Open a set for a protocol, with what an earlier set decided about rows that still say the same.

    While a set for this file is being worked on, that one is the answer.

    Raises:
        RefusedError: no such protocol; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        user = _signer(organisation_id, by, now)
        try:
            protocol = load(protocol_key)
        except UnusableInput as error:
            raise RefusedError(error.message, code=error.code, path=error.path) from error
        _lock(organisation_id)
        former = (
            SigningSet.objects.filter(organisation_id=organisation_id, protocol_key=protocol.key)
            .order_by("-number")
            .first()
        )
        if former is not None and former.sha256 == protocol.sha256 and not former.signatures.exists():
            return former
        opened = SigningSet.objects.create(
            organisation_id=organisation_id,
            protocol_key=protocol.key,
            sha256=protocol.sha256,
            number=1 if former is None else former.number + 1,
            opened_by=user,
            opened_at=now,
        )
        if former is not None:
            _carry_over(former, opened, protocol, user, now)
        return opened


def _carry_over(former: SigningSet, opened: SigningSet, protocol: Protocol, user: User, now: datetime) -> None:
    """Decisions about rows that say what they said. They are only a start: both people sign every row anew."""
    known = state_of(former).entries
    kept = [(row, known[row.id]) for row in protocol.rows() if row.id in known and may_decide(row)]
    SigningEntry.objects.bulk_create(
        SigningEntry(
            organisation_id=opened.organisation_id,
            signing_set=opened,
            number=number,
            row_id=row.id,
            row_sha256=entry.row_sha256,
            decision=entry.decision,
            citation=entry.citation,
            in_force_to=entry.in_force_to,
            carried_from=former.number,
            by=user,
            at=now,
        )
        for number, (row, entry) in enumerate(
            ((row, entry) for row, entry in kept if entry.row_sha256 == row_sha256(row)), start=1
        )
    )


def decide_rows(
    set_id: UUID,
    row_ids: Iterable[str],
    *,
    citation: str | None,
    ended_on: date | None = None,
    by: Actor,
    now: datetime | None = None,
) -> int:
    """Confirm rows with a citation, or leave them. A signature that was given before no longer counts.

    Args:
        row_ids: rows of status `secondary` or `unverified`, and REMS requirements; the others are shown and need no decision.
        citation: where the organisation read the row itself; None leaves the rows: the answer stays `ask`.
        ended_on: the last day on which these REMS requirements are in force; None: no end.

    Returns:
        how many rows were decided otherwise than before.

    Raises:
        RefusedError: no row, a row that cannot be decided so, no citation, or a set that is closed;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    wanted = list(dict.fromkeys(row_ids))
    cited = citation.strip() if citation is not None else None
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        signing_set, user = _set_for(set_id, by, now)
        state = _open_state(signing_set)
        if not wanted:
            raise RefusedError("Choose at least one row.", code="missing_key", path="rows")
        if cited == "" or (cited is not None and (len(cited) > LONGEST_CITATION or "\x00" in cited)):
            raise RefusedError(
                f"A confirmed row has a citation of its own: document, section and date, in at most {LONGEST_CITATION} signs.",
                code="missing_source",
                path="citation",
            )
        rows = [_decidable(state, row_id, leave=cited is None) for row_id in wanted]
        if ended_on is not None:
            _check_end(rows, ended_on, cited)
        changed = [row for row in rows if _differs(state.entries.get(row.id), cited, ended_on)]
        first = (signing_set.entries.aggregate(last=Max("number"))["last"] or 0) + 1
        SigningEntry.objects.bulk_create(
            SigningEntry(
                organisation_id=signing_set.organisation_id,
                signing_set=signing_set,
                number=number,
                row_id=row.id,
                row_sha256=row_sha256(row),
                decision=SigningEntry.Decision.LEFT if cited is None else SigningEntry.Decision.CONFIRMED,
                citation=cited or "",
                in_force_to=ended_on,
                by=user,
                at=now,
            )
            for number, row in enumerate(changed, start=first)
        )
        return len(changed)


def _decidable(state: State, row_id: str, *, leave: bool) -> Row:
    rows = state.protocol.rows() if state.protocol else ()
    row = next((row for row in rows if row.id == row_id and may_decide(row)), None)
    if row is None:
        raise RefusedError("There is no row of that name to decide.", code="unknown_row", path="rows")
    if leave and row.status is not Status.UNVERIFIED:
        raise RefusedError(
            f"Row {row_id} is confirmed with a citation, or the set is not signed: a row that answers cannot be left.",
            code="cannot_leave",
            path="rows",
        )
    return row


def may_decide(row: Row) -> bool:
    """Whether an organisation decides about a row: it was not read in the label itself, or it can end without a new label."""
    return row.status in TO_CONFIRM or isinstance(row, RemsRow)


def _check_end(rows: Iterable[Row], ended_on: date, citation: str | None) -> None:
    for row in rows:
        if citation is None or not isinstance(row, RemsRow):
            raise RefusedError(
                "Only a REMS requirement ends on a day, and it is confirmed with a citation.",
                code="wrong_value",
                path="ended_on",
            )
        if row.in_force_from is not None and ended_on < row.in_force_from:
            raise RefusedError("The requirement ends before it begins.", code="wrong_value", path="ended_on")


def _differs(entry: SigningEntry | None, citation: str | None, ended_on: date | None) -> bool:
    if entry is None or entry.carried_from is not None:
        return True
    return (entry.citation or None, entry.in_force_to) != (citation, ended_on)


def sign(set_id: UUID, *, part: str, digest: str, by: Actor, now: datetime | None = None) -> State:
    """Sign a set as pharmacist or as medical lead. The second signature closes it, and live courses start with it.

    Args:
        part: `pharmacist` or `medical_lead`.
        digest: of the set as the person saw it: what changed in between is not signed unseen.

    Raises:
        RefusedError: rows without a decision, the same person twice, or a set that is closed;
        ConflictError: the set was changed since it was looked at;
        NotVisibleError, NotAllowedError: not for this actor, or not in this part.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        signing_set, user = _set_for(set_id, by, now)
        if part not in ROLES:
            raise RefusedError(
                "A set is signed by a pharmacist and by a medical lead.", code="unknown_word", path="part"
            )
        if not permissions.roles_at(user, signing_set.organisation_id, now) & ROLES[part]:
            raise NotAllowedError(f"Your role does not sign as {Part(part).label}.")
        former = state_of(signing_set)
        mine = former.marks.get(part)
        if mine is not None and mine.by_id == user.pk and mine.digest == digest:
            return former  # the same Send again
        state = _open_state(signing_set)
        if digest != state.digest:
            raise ConflictError("The set was changed since you looked at it; look again.", code="changed_since")
        if waiting := len(state.open_rows()):
            raise RefusedError(
                f"{waiting} row{'s wait' if waiting > 1 else ' waits'} for a decision.", code="open_rows", path="rows"
            )
        if mine is not None:
            raise RefusedError(f"The {Part(part).label} has signed already.", code="signed_already", path="part")
        if any(mark.by_id == user.pk for mark in state.marks.values()):
            raise RefusedError("Two different people sign.", code="same_person", path="part")
        SigningMark.objects.create(
            organisation_id=signing_set.organisation_id,
            signing_set=signing_set,
            part=part,
            digest=digest,
            by=user,
            at=now,
        )
        signed = state_of(signing_set)
        if set(signed.marks) == set(ROLES):
            _close(signed, now)
        return state_of(signing_set)


def _close(state: State, now: datetime) -> None:
    signing_set = state.signing_set
    ProtocolSignature.objects.filter(
        organisation_id=signing_set.organisation_id, protocol_key=signing_set.protocol_key, revoked_at__isnull=True
    ).update(revoked_at=now)
    ProtocolSignature.objects.create(
        organisation_id=signing_set.organisation_id,
        signing_set=signing_set,
        protocol_key=signing_set.protocol_key,
        sha256=signing_set.sha256,
        document=document_for(state),
        pharmacist=state.marks[Part.PHARMACIST].by,
        medical_lead=state.marks[Part.MEDICAL_LEAD].by,
        signed_at=now,
    )


def take_up(
    course_id: UUID,
    *,
    by: Actor,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Move a course to the set that its organisation signed last for its protocol: an event, with who did it.

    Raises:
        RefusedError: nothing is signed for the protocol of the course;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        course = Course.objects.filter(pk=course_id).first()
        if course is None:
            raise NotVisibleError("There is no such course.")
        by.role_for(VERB_FOR_KIND["protocol_changed"], course, now)
        key = key_for(pinned_history(course), now) or ""
        signature = in_force(course.organisation_id, key)
    if signature is None or signature.document is None:
        raise RefusedError("No set is signed for the protocol of this course.", code="not_signed")
    body = {
        "id": str(id or uuid4()),
        "kind": "protocol_changed",
        "at": now.isoformat(),
        "protocol_key": key,
        "overlay": signature.document,
    }
    return record(course_id, body, by=by, verbs=(VERB_FOR_KIND["protocol_changed"],), now=now)


# --- who, and which set ---------------------------------------------------------------------------------------------


def _signer(organisation_id: UUID, by: Actor, now: datetime) -> User:
    if by.user is None:
        raise NotAllowedError("Only a person signs a protocol.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, VERB, None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return by.user


def _set_for(set_id: UUID, by: Actor, now: datetime) -> tuple[SigningSet, User]:
    """The set, held against everybody else who enters or signs in this organisation."""
    signing_set = SigningSet.objects.filter(pk=set_id).first()
    if signing_set is None:
        raise NotVisibleError("There is no such set.")
    try:
        user = _signer(signing_set.organisation_id, by, now)
    except NotVisibleError:
        raise NotVisibleError("There is no such set.") from None
    _lock(signing_set.organisation_id)
    return signing_set, user


def _lock(organisation_id: UUID) -> None:
    """The set itself is append-only and cannot be locked; other rows that point to the organisation are not held up."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)


def _open_state(signing_set: SigningSet) -> State:
    state = state_of(signing_set)
    if state.signature is not None:
        raise RefusedError("This set is signed by both and cannot be changed; open a new one.", code="signed")
    if not state.newest:
        raise RefusedError("A newer set was opened for this protocol.", code="superseded")
    if state.protocol is None:
        raise RefusedError("The protocol has changed since this set was opened; open a new one.", code="changed_since")
    return state
