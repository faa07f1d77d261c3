"""The doors of a hand-off for a receiver without an account: a link with a short code, or a fax sheet with codes read back by phone.

Opening a door acknowledges nothing. Only the code together with a name and a role does: written by the person behind the link, or heard
by phone and typed in by the sender's staff. The link and its code travel on two ways, so that whoever has the message alone has nothing.
Behind the link stands the packet too: sealed as it is when the link is made, and read as the version that is the newest one by then.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.db.models import QuerySet

from handrail import clock
from handrail.actions import packets
from handrail.actions.actor import Actor, through_link
from handrail.actions.errors import RefusedError
from handrail.actions.handoffs import OFFER, TAKE_PART, Held, end, hold, take_over, tell, written
from handrail.actions.links import link_id_of_cookie
from handrail.actions.moves import GONE
from handrail.actions.not_known import refuse_unsaid, word
from handrail.actions.packets import Sealed
from handrail.actions.recording import Recorded, record
from handrail.people import scope
from handrail.people.models import LinkToken
from handrail.records.models import Course, HandoffDoor, HandoffPerson
from handrail.rules.handoff_loop import Loop
from handrail.rules.link_limits import link_limits
from handrail.rules.not_known import unsaid
from handrail.rules.packet_parts import Field

PURPOSE: Final = LinkToken.Purpose.HANDOFF.value
COOKIE: Final = "handrail_handoff"
OPEN_COOKIE: Final = "handrail_handoff_open"
OPEN_FOR: Final = timedelta(hours=link_limits().handoff.open_hours)
"""Then the code is asked for again."""
HOLDER: Final = "receiver"
_SALT: Final = "handrail.handoff.open"
LASTS: Final = timedelta(days=link_limits().handoff.lasts_days)
MOST_WRONG_TRIES: Final = link_limits().handoff.tries
ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters that are not taken for one another on a fax or by phone; without digits, which are."""
LETTERS: Final = 6
WRONG: Final = "That code is not right. Look at it once more; after {left} more wrong tries this door is shut."
SHUT_MEANWHILE: Final = "This door is shut. Ask for a new one."
SHUT: Final = "Too many wrong codes: this door is shut. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Who:
    """A person as they name themself."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDoor:
    """A new door. `token` of a link is shown once and kept nowhere."""

    door: HandoffDoor
    token: str = ""

    def __repr__(self) -> str:
        return f"OpenedDoor({self.door!r})"  # a token never reaches a log


def make_link(
    course_id: UUID,
    handoff: UUID,
    *,
    not_known: Collection[str] = (),
    by: Actor,
    now: datetime | None = None,
) -> OpenedDoor:
    """A link for the receiver, and the short code that is told by another way. A link made before is over.

    The packet is sealed with it, when the rules can judge the course: behind the link it can be read and printed.

    Args:
        not_known: the keys of fields that became empty since the offer, and leave as not known.

    Raises:
        RefusedError: one is empty of which nobody has said so.
    """
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        missing = unsaid_of(held.course, held.loop, now)
        refuse_unsaid(unsaid(missing, (), now=not_known))
        if missing:
            record(course_id, word(missing, now, handoff=handoff), by=by, verbs=(OFFER,), now=now)
        _shut(held, HandoffDoor.Kind.LINK)
        link, token = LinkToken.issue(
            organisation_id=held.course.organisation_id,
            purpose=PURPOSE,
            course=held.course,
            holder=HOLDER,
            issued_by=by.user,
            issued_at=now,
            expires_at=now + LASTS,
        )
        door = _make(held, by, kind=HandoffDoor.Kind.LINK, link=link)
        with suppress(
            RefusedError
        ):  # a course that cannot be judged is handed over too, and its page says that there is no packet
            packets.seal(course_id, by=by, now=now)
    return OpenedDoor(door=door, token=token)


def unsaid_of(course: Course, loop: Loop, now: datetime) -> tuple[Field, ...]:
    """What is empty in the packet now, and was not said to be not known with this hand-off: a new link would seal it."""
    return unsaid(packets.unfilled_of(course, now), loop.not_known)


def make_fax(course_id: UUID, handoff: UUID, *, by: Actor, now: datetime | None = None) -> HandoffDoor:
    """The codes of the fax sheet: one to read back when it was read, one when the patient is taken over.

    The same again while they stand.
    """
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        standing = _doors(held, HandoffDoor.Kind.FAX).first()
        return standing or _make(held, by, kind=HandoffDoor.Kind.FAX, accept_code=_code())


def note_fax_sent(course_id: UUID, handoff: UUID, *, by: Actor, now: datetime | None = None) -> Recorded:
    """The fax machine says that the sheet went through: delivered, and nothing more."""
    now = now or clock.now()
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        return tell(course_id, "handoff_delivered", handoff, {"channel": "fax"}, by, now)


def heard_read(
    course_id: UUID, handoff: UUID, *, code: str, who: Who, by: Actor, now: datetime | None = None
) -> Recorded:
    """By phone somebody read the code of the fax sheet back: who has read it, as they say.

    Raises:
        RefusedError: a wrong code, or no name and role.
    """
    now = now or clock.now()
    _try_code(course_id, handoff, "read_code", code, by, now)
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        return _has_read(held, _fax_of(held), who, "fax_code", by)


def heard_accepted(
    course_id: UUID,
    handoff: UUID,
    *,
    code: str,
    who: Who,
    by: Actor,
    from_on: date | None = None,
    now: datetime | None = None,
) -> Recorded:
    """By phone somebody read the second code back: their practice takes the patient over, from now or from a day on.

    Raises:
        RefusedError: a wrong code, no name and role, or an offer that no longer waits.
    """
    now = now or clock.now()
    _try_code(course_id, handoff, "accept_code", code, by, now)
    with hold(course_id, handoff, by, now) as held:
        by.role_for(OFFER, held.course, now)
        return _takes_over(held, _fax_of(held), who, by, from_on)


# --- behind the link ----------------------------------------------------------------------------------------------------


def door_held(cookie: str, *, now: datetime | None = None) -> HandoffDoor | None:
    """The door whose link a cookie was made from, while it is open; None for everything else."""
    now = now or clock.now()
    link_id = link_id_of_cookie(cookie, PURPOSE) if cookie else None
    if link_id is None:
        return None
    related = ("link", "course__organisation", "course__patient", "course__site")
    with scope.everything():
        return (
            HandoffDoor.objects.select_related(*related)
            .filter(
                link_id=link_id,
                link__revoked_at__isnull=True,
                link__expires_at__gt=now,
                closed_at__isnull=True,
                expires_at__gt=now,
            )
            .first()
        )


def try_code(door: HandoffDoor, code: str, *, now: datetime | None = None) -> str:
    """The value of the signed cookie that says the code was right; wrong ones are counted, and shut the door.

    Raises:
        RefusedError: it is not the code of this door.
    """
    by, now = _through(door), now or clock.now()
    _try_code(door.course_id, door.handoff, "read_code", code, by, now, door=door)
    return signing.dumps([str(door.pk), (now + OPEN_FOR).isoformat()], salt=_SALT)


def is_open(door: HandoffDoor, cookie: str, *, now: datetime | None = None) -> bool:
    """Whether the code of this door was typed lately in the browser that has this cookie."""
    try:
        door_id, until = signing.loads(cookie, salt=_SALT)
        return bool(door_id == str(door.pk) and datetime.fromisoformat(until) > (now or clock.now()))
    except (signing.BadSignature, ValueError, TypeError):
        return False


def open_packet(door: HandoffDoor, *, now: datetime | None = None) -> Sealed | None:
    """The newest sealed version of the packet, for the holder of the link; the look is logged. None: none was sealed.

    Raises:
        NotVisibleError: the link is over. RefusedError: the stored content is not what was sealed.
    """
    by, now = _through(door), now or clock.now()
    with scope.acting_for(door.organisation_id):
        number = door.course.packets.order_by("-number").values_list("number", flat=True).first()
    return packets.open_version(door.course_id, number, by=by, now=now) if number is not None else None


def read_through(door: HandoffDoor, who: Who, *, now: datetime | None = None) -> Recorded:
    """The person behind the link says that they have read it."""
    by, now = _through(door), now or clock.now()
    with hold(door.course_id, door.handoff, by, now) as held:
        return _has_read(held, door, who, "link", by)


def accept_through(
    door: HandoffDoor, who: Who, *, from_on: date | None = None, now: datetime | None = None
) -> Recorded:
    """The person behind the link takes the patient over for their practice."""
    by, now = _through(door), now or clock.now()
    with hold(door.course_id, door.handoff, by, now) as held:
        return _takes_over(held, door, who, by, from_on)


def ask_through(door: HandoffDoor, who: Who, question: str, *, now: datetime | None = None) -> Recorded:
    """The person behind the link asks the sender something."""
    by, now = _through(door), now or clock.now()
    with hold(door.course_id, door.handoff, by, now) as held:
        fields = {"question": written(question, "question"), "asked_by": str(_named(held, door, who, by).pk)}
        return tell(door.course_id, "handoff_asked", door.handoff, fields, by, now)


def decline_through(door: HandoffDoor, who: Who, because: str, *, now: datetime | None = None) -> Recorded:
    """The practice behind the link does not take the patient. The door shuts with it."""
    by, now = _through(door), now or clock.now()
    with hold(door.course_id, door.handoff, by, now) as held:
        return end(held, "declined", because, by, ended_by=str(_named(held, door, who, by).pk))


# --- parts ----------------------------------------------------------------------------------------------------------------


def _through(door: HandoffDoor) -> Actor:
    assert door.link is not None
    return through_link(door.link)


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))


def _make(held: Held, by: Actor, **fields: Any) -> HandoffDoor:
    return HandoffDoor.objects.create(
        organisation_id=held.course.organisation_id,
        course=held.course,
        handoff=UUID(held.loop.id),
        read_code=_code(),
        made_at=held.now,
        made_by=by.user,
        expires_at=held.now + LASTS,
        **fields,
    )


def _doors(held: Held, kind: str) -> QuerySet[HandoffDoor]:
    """The doors of a kind that stand open, the newest first."""
    return HandoffDoor.objects.filter(
        course=held.course,
        handoff=UUID(held.loop.id),
        kind=kind,
        closed_at__isnull=True,
        expires_at__gt=held.now,
    ).order_by("-made_at", "id")


def _fax_of(held: Held) -> HandoffDoor:
    door = _doors(held, HandoffDoor.Kind.FAX).first()
    if door is None:
        raise RefusedError("There is no fax sheet in force: print one first.", code="no_sheet", path="code")
    return door


def _shut(held: Held, kind: str) -> None:
    doors = _doors(held, kind)
    LinkToken.objects.filter(pk__in=doors.values("link"), revoked_at__isnull=True).update(revoked_at=held.now)
    doors.update(closed_at=held.now)


def _try_code(
    course_id: UUID,
    handoff: UUID,
    which: str,
    code: str,
    by: Actor,
    now: datetime,
    *,
    door: HandoffDoor | None = None,
) -> None:
    """Compare a code. A wrong one is counted in a transaction of its own, which a refusal does not take back."""
    with hold(course_id, handoff, by, now) as held:
        tried = HandoffDoor.objects.select_for_update().get(pk=(door or _fax_of(held)).pk)
        if tried.closed_at is not None:  # shut by somebody else since it was found
            raise RefusedError(SHUT_MEANWHILE, code="shut", path="code")
        typed = "".join(code.split()).replace("-", "").upper()
        right = secrets.compare_digest(typed.encode(), str(getattr(tried, which)).encode())
        if not right:
            tried.wrong_tries += 1
            if tried.wrong_tries >= MOST_WRONG_TRIES:
                tried.closed_at = now
            tried.save(update_fields=["wrong_tries", "closed_at"])
            if tried.closed_at is not None and tried.link_id is not None:
                LinkToken.objects.filter(pk=tried.link_id).update(revoked_at=now)
    if not right:
        left = MOST_WRONG_TRIES - tried.wrong_tries
        raise RefusedError(WRONG.format(left=left) if left > 0 else SHUT, code="wrong_code", path="code")


def _named(held: Held, door: HandoffDoor, who: Who, by: Actor) -> HandoffPerson:
    """The person as they name themself; one who has done so at this door is that person still."""
    name, role = who.name.strip(), who.role.strip()
    if not name or not role:
        raise RefusedError("Name and role: who is it?", code="missing_key", path="name" if not name else "role")
    known = HandoffPerson.objects.filter(course=held.course, door=door, role=role[:60])
    former = next((each for each in known.order_by("at", "id") if each.name == name), None)
    return former or HandoffPerson.objects.create(
        organisation_id=held.course.organisation_id,
        course=held.course,
        handoff=UUID(held.loop.id),
        of_organisation_id=held.receiver,
        door=door,
        name=name[:200],
        role=role[:60],
        at=held.now,
        entered_by=by.user,
    )


def _has_read(held: Held, door: HandoffDoor, who: Who, how: str, by: Actor) -> Recorded:
    if not held.loop.stage.waits:
        raise RefusedError(GONE, code="not_waiting")
    person = _named(held, door, who, by)
    fields = {"reader": str(person.pk), "reader_role": person.role, "how": how}
    return tell(held.course.pk, "handoff_read", UUID(held.loop.id), fields, by, held.now)


def _takes_over(held: Held, door: HandoffDoor, who: Who, by: Actor, from_on: date | None) -> Recorded:
    if not held.loop.stage.waits:
        raise RefusedError(GONE, code="not_waiting")
    person = _named(held, door, who, by)
    return take_over(held, accepted_by=str(person.pk), by=by, verb=TAKE_PART, from_on=from_on)
