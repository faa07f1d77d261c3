"""What is done about a referral, by named people: each an entry; and what the practice may know of it.

Nothing that was written is altered. A later decision replaces an earlier one, and the practice must be told anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from unicodedata import category
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.referral_intake import mail
from handrail.alerts.wake import wake
from handrail.people import permissions, scope
from handrail.people.models import Referral, ReferralEntry, Role
from handrail.rules.referral import referral_data

LONGEST_TEXT: Final = 4000
ASKED_WORDS: Final = gettext_lazy("A question about a referral waits for you")
DECIDED_WORDS: Final = gettext_lazy("A referral was decided, and the answer was sent to you")
Kind = ReferralEntry.Kind
WAYS: Final = {"phone": "by phone", "fax": "by fax", "letter": "by letter", "secure_mail": "by secure mail"}


@contextmanager
def working(
    referral_id: UUID, verb: str, by: Actor, now: datetime, *, closed: bool = False
) -> Iterator[tuple[Referral, str]]:
    """The referral, held, and the role in which this person works on it.

    Raises:
        NotVisibleError: a stranger; NotAllowedError: the role may not; RefusedError: it is closed (unless `closed`).
    """
    mine = permissions.organisations_of(by.user, now) if by.user is not None else []
    with transaction.atomic(), scope.acting_for(*mine):
        rows = Referral.objects.select_for_update(of=("self",)).select_related("organisation", "site")
        referral = rows.filter(pk=referral_id, organisation__in=mine).first()
        if referral is None or by.user is None:
            raise NotVisibleError("There is no such referral.")
        roles = permissions.roles_at(by.user, referral.organisation_id, now)
        role = next((each.value for each in Role if each in roles & permissions.VERBS[verb]), None)
        if role is None:
            raise NotAllowedError("Your role does not allow that here.")
        if not closed and is_closed(referral):
            raise RefusedError("This referral is closed.", code="closed")
        yield referral, role


def is_closed(referral: Referral) -> bool:
    """Whether nothing more is done about it."""
    return referral.entries.filter(kind__in=(Kind.CLOSED, Kind.SET_ASIDE)).exists()


def write(
    referral: Referral,
    kind: str,
    payload: Mapping[str, Any],
    now: datetime,
    *,
    by: Actor | None = None,
    role: str = "practice",
    at: datetime | None = None,
    entry_id: UUID | None = None,
    course: Any = None,
) -> ReferralEntry:
    """Write an entry; the same id with the same content is the same entry. The caller holds the referral."""
    former = ReferralEntry.objects.filter(pk=entry_id).first() if entry_id is not None else None
    if former is not None:
        if (former.referral_id, former.kind, former.payload) != (referral.pk, kind, dict(payload)):
            raise ConflictError("This was sent before with another content; nothing was changed.")
        return former
    if at is not None and at > now:
        raise RefusedError("That has not happened yet.", code="in_the_future", path="at")
    look_soon(referral, now)
    return ReferralEntry.objects.create(
        id=entry_id or uuid4(),
        number=(referral.entries.aggregate(last=Max("number"))["last"] or 0) + 1,
        organisation_id=referral.organisation_id,
        referral=referral,
        course=course,
        kind=kind,
        at=at or now,
        recorded_at=now,
        by=by.user if by is not None else None,
        role=role,
        payload=dict(payload),
    )


def look_soon(referral: Referral, now: datetime) -> None:
    """Something was done about it: the watcher looks at it at once, and ends the pages that it answers."""
    Referral.objects.filter(pk=referral.pk).update(look_again_at=now)
    wake()


def _note(
    referral_id: UUID,
    kind: str,
    payload: Mapping[str, Any],
    by: Actor,
    now: datetime | None,
    *,
    verb: str = "work_referral",
    at: datetime | None = None,
    entry_id: UUID | None = None,
) -> ReferralEntry:
    now = now or clock.now()
    with working(referral_id, verb, by, now) as (referral, role):
        return write(referral, kind, payload, now, by=by, role=role, at=at, entry_id=entry_id)


def claim(referral_id: UUID, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """I have read it and take it on. Whoever claimed it last has it."""
    return _note(referral_id, Kind.CLAIMED, {}, by, now)


def acknowledge(referral_id: UUID, way: str, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """The practice was told by phone, fax or letter that its referral has arrived."""
    return _note(referral_id, Kind.ACKNOWLEDGED, {"way": _way(way)}, by, now)


def ask(
    referral_id: UUID,
    question: str,
    *,
    by: Actor,
    entry_id: UUID | None = None,
    now: datetime | None = None,
) -> ReferralEntry:
    """Ask the practice something: it reads the question behind its link and its code, and a mail says only that one waits."""
    now = now or clock.now()
    with working(referral_id, "work_referral", by, now) as (referral, role):
        entry = write(
            referral,
            Kind.QUERIED,
            {"question": text_of(question, "question")},
            now,
            by=by,
            role=role,
            entry_id=entry_id,
        )
        mail(referral, "referral_question", ASKED_WORDS, now, key=str(entry.pk))
        return entry


def say_complete(referral_id: UUID, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """It is complete enough to go on, whatever is not known yet."""
    return _note(referral_id, Kind.COMPLETE, {}, by, now)


def plan_contact(referral_id: UUID, on: date, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """The first contact with the patient is planned for a day."""
    return _note(referral_id, Kind.CONTACT_PLANNED, {"on": on.isoformat()}, by, now)


def note_contact(
    referral_id: UUID,
    *,
    by: Actor,
    reached: bool | None,
    at: datetime | None = None,
    entry_id: UUID | None = None,
    now: datetime | None = None,
) -> ReferralEntry:
    """Somebody tried to reach the patient. Only a patient who was reached stops the clock; None: not known."""
    return _note(referral_id, Kind.CONTACTED, {"reached": reached}, by, now, at=at, entry_id=entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which option, why, and what the practice is told. `product`: of a bispecific antibody, where it is chosen."""

    option: str
    rationale: str
    message: str
    considerations: tuple[str, ...] = ()
    product: str = ""


def decide(
    referral_id: UUID,
    decision: Decision,
    *,
    by: Actor,
    entry_id: UUID | None = None,
    now: datetime | None = None,
) -> ReferralEntry:
    """Decide between the options. A later decision replaces it, and the practice must be told anew.

    Raises:
        RefusedError: no such option, or no rationale or message to the practice.
    """
    data = referral_data()
    if decision.option not in {row.id for row in data.option}:
        raise RefusedError("Choose one of the options.", code="unknown_word", path="option")
    payload = {
        "option": decision.option,
        "rationale": text_of(decision.rationale, "rationale"),
        "message": text_of(decision.message, "message"),
        "considerations": list(decision.considerations),
        **({"product": decision.product} if decision.product else {}),
    }
    if set(decision.considerations) - {row.id for row in data.consideration}:
        raise RefusedError("There is no such consideration.", code="unknown_word", path="considerations")
    return _note(referral_id, Kind.DECIDED, payload, by, now, verb="decide_option", entry_id=entry_id)


def tell(referral_id: UUID, way: str, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """The message with the decision and its rationale went to the practice, in the way that is said.

    Raises:
        RefusedError: nothing is decided yet.
    """
    now = now or clock.now()
    with working(referral_id, "work_referral", by, now) as (referral, role):
        decided = last(referral.entries.all(), Kind.DECIDED)
        if decided is None:
            raise RefusedError("Nothing is decided yet: there is no message to send.", code="not_decided")
        payload = {"decision": str(decided.pk), "way": _way(way)}
        entry = write(referral, Kind.TOLD, payload, now, by=by, role=role)
        mail(referral, "referral_decided", DECIDED_WORDS, now, key=str(decided.pk))
        return entry


def close(referral_id: UUID, *, by: Actor, now: datetime | None = None) -> ReferralEntry:
    """Close a referral that was decided and of whose decision the practice knows.

    Raises:
        RefusedError: no decision with its rationale, or the message has not gone to the practice.
    """
    now = now or clock.now()
    with working(referral_id, "work_referral", by, now) as (referral, role):
        entries = list(referral.entries.all())
        decided = last(entries, Kind.DECIDED)
        if decided is None:
            raise RefusedError("It cannot be closed: no decision with a rationale is written down.", code="not_decided")
        if told_of(entries, decided) is None:
            raise RefusedError(
                "It cannot be closed: send the message to the practice, or print it, and write down that it went.",
                code="not_told",
            )
        return write(referral, Kind.CLOSED, {}, now, by=by, role=role)


def set_aside(
    referral_id: UUID, because: str, *, by: Actor, second_of: UUID | None = None, now: datetime | None = None
) -> ReferralEntry:
    """It is no referral, was taken back, or is the second one about a patient: closed without a decision, with the reason."""
    now = now or clock.now()
    with working(referral_id, "work_referral", by, now) as (referral, role):
        payload = {"because": text_of(because, "because")}
        if second_of is not None:
            other = Referral.objects.filter(organisation_id=referral.organisation_id, pk=second_of)
            if second_of == referral.pk or not other.exists():
                raise RefusedError("There is no such other referral.", code="no_such_referral", path="second_of")
            payload["second_of"] = str(second_of)
        return write(referral, Kind.SET_ASIDE, payload, now, by=by, role=role)


# --- parts ------------------------------------------------------------------------------------------------------------


def _way(way: str) -> str:
    if way not in WAYS:
        raise RefusedError("Say in which way it went.", code="unknown_word", path="way")
    return way


def text_of(text: str, path: str) -> str:
    said = text.strip()
    if not said:
        raise RefusedError("Please write it down.", code="missing_key", path=path)
    if len(said) > LONGEST_TEXT or any(category(sign) == "Cc" and sign not in "\r\n\t" for sign in said):
        raise RefusedError(f"At most {LONGEST_TEXT} readable signs.", code="too_long", path=path)
    return said


def last(entries: Sequence[ReferralEntry] | Any, kind: str) -> ReferralEntry | None:
    """The last entry of a kind."""
    found = [each for each in entries if each.kind == kind]
    return max(found, key=lambda each: each.number, default=None)


def told_of(entries: Sequence[ReferralEntry] | Any, decided: ReferralEntry) -> ReferralEntry | None:
    """When the practice was told of this decision, and not of an earlier one."""
    return last([each for each in entries if each.payload.get("decision") == str(decided.pk)], Kind.TOLD)
