"""A call back: asked for on the emergency page or by staff, paged at once, and settled by nothing but the call that somebody writes down.

The number that was left stands encrypted beside the facts. It is in no fact, no log and no message: whoever is paged signs in to see it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor, through_link
from handrail.actions.errors import NotVisibleError, RefusedError, TooManyError
from handrail.actions.facts import record_event
from handrail.actions.recording import Recorded, locked
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Page
from handrail.alerts.ways import step_that_reaches
from handrail.people.models import EmergencyOpening
from handrail.records import wire
from handrail.records.models import Course, StayPerson
from handrail.rules.call_back import Ask, asks, call_back_rules, key_of
from handrail.rules.call_back_events import WHO_WORDS
from handrail.rules.expert_line import expert_line
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.policy_call_back import CallBackPolicy
from handrail.rules.terms import UnusableInput

ASKED: Final = "call_back_asked"
MADE: Final = "call_back_made"
ASK: Final = "ask_call_back"
CALLS: Final = "record_contact"
"""The verb of whoever writes a call down."""
EMERGENCY_PAGE, STAFF_PAGE = "emergency_page", "staff_page"
_NUMBER: Final = re.compile(r"[0-9+()./ \-]{7,32}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)
_FEWEST_DIGITS: Final = 7
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks: who they are, and the number to call."""

    who: str
    number: str

    def __repr__(self) -> str:
        return f"Wish(who={self.who!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What became of one ask, as it is true now. `has_it`: who said so, and since when; `reaches`: whether a page can reach anybody."""

    ask: Ask
    number: str
    has_it: tuple[str, datetime] | None
    paged: bool
    reaches: bool
    late: bool

    def __repr__(self) -> str:
        return f"State({self.ask.id!r}, late={self.late})"


def ask_for_call_back(
    course_id: UUID,
    wish: Wish,
    *,
    event_id: UUID,
    by: Actor,
    opening: EmergencyOpening | None = None,
    now: datetime | None = None,
) -> Recorded:
    """Ask to be called back: the page goes out with it. While an earlier ask of the same opening is open, this is its new number.

    Args:
        event_id: made by the page, so that a form sent twice asks once.
        opening: of the emergency page, where nobody is signed in.

    Raises:
        RefusedError: no number that can be called, or not said who asks; TooManyError: too many within an hour: call the number;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    number = number_from(wish.number)
    if wish.who not in WHO_WORDS:
        raise RefusedError("Say who asks.", code="missing_key", path="who")
    with transaction.atomic(), locked(course_id, by, now) as course:
        by.role_for(ASK, course, now)
        if course.events.filter(id=event_id).exists():
            return record_event(course_id, _known(course, event_id), by=by, now=now)
        rules, standing = rules_of(course, now), asks_of(course, now)
        name, former = _place(standing, opening.pk if opening is not None else by.id, course)
        _refuse_too_many(course, standing, former, now)
        person = StayPerson.objects.create(
            pk=uuid5(event_id, "number"),
            organisation_id=course.organisation_id,
            course=course,
            role=WHO_WORDS[wish.who],
            phone=number,
            at=now,
            entered_by=by.user,
        )
        asked = {
            "ask": name,
            "who": wish.who,
            "through": STAFF_PAGE if opening is None else EMERGENCY_PAGE,
            "person": str(person.pk),
            "promised_by": (former.due if former is not None else now + rules.promise).isoformat(),
        }
        fact = {"id": str(event_id), "kind": ASKED, "at": now.isoformat(), **asked}
        return record_event(course_id, fact, by=by, now=now)


def ask_from_opening(opening: EmergencyOpening, wish: Wish, *, event_id: UUID, now: datetime | None = None) -> Recorded:
    """The same from the emergency page, by somebody without an account."""
    by = through_link(opening.card.link)
    return ask_for_call_back(opening.course_id, wish, event_id=event_id, by=by, opening=opening, now=now)


def record_call_back(
    course_id: UUID,
    ask: str,
    *,
    reached: bool,
    called_at: datetime,
    event_id: UUID,
    by: Actor,
    now: datetime | None = None,
) -> Recorded:
    """Write down that somebody called back, and when. Only a call that reached somebody settles the ask.

    Raises:
        RefusedError: a time before the ask or still to come, or it is settled; NotVisibleError: no such ask;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), locked(course_id, by, now) as course:
        by.role_for(CALLS, course, now)
        if not course.events.filter(id=event_id).exists():
            found = next((each for each in asks_of(course, now) if each.id == ask), None)
            if found is None:
                raise NotVisibleError("There is no such call back.")
            if found.made is not None:
                raise RefusedError("That call back was made and is written down.", code="settled")
            if not found.at.replace(second=0, microsecond=0) <= called_at <= now:
                said = "The call was made after it was asked for, and not later than now."
                raise RefusedError(said, code="wrong_value", path="called_at")
            # It is typed to the minute: a call within the minute of the ask came after it.
            called_at = max(called_at, found.at)
        fact = {"id": str(event_id), "kind": MADE, "at": called_at.isoformat(), "ask": ask, "reached": reached}
        return record_event(course_id, fact, by=by, now=now)


def number_from(typed: str) -> str:
    """The number to call, tidied.

    Raises:
        RefusedError: nothing that can be dialled from outside.
    """
    number = " ".join(typed.replace("\x00", "").split())
    digits = sum(sign.isdigit() for sign in re.split(r"x|ext", number, flags=re.IGNORECASE)[0])
    if len(number) > _LONGEST or digits < _FEWEST_DIGITS or _NUMBER.fullmatch(number) is None:
        said = "Write a number that can be dialled from outside, with its area code; an extension as x123."
        raise RefusedError(said, code="wrong_value", path="number")
    return number


# --- what is known ----------------------------------------------------------------------------------------------------


def rules_of(course: Course, now: datetime) -> CallBackPolicy:
    """The promise of the policy in force; of the shipped one, where that cannot be read."""
    try:
        return call_back_rules(wire.policy_of(course, now))
    except UnusableInput:
        return call_back_rules(load_policy())


def asks_of(course: Course, now: datetime) -> tuple[Ask, ...]:
    """Every ask of a course, the oldest first. Reads those facts alone, so that a course that cannot be judged still answers."""
    rows = course.events.filter(kind__in=(ASKED, MADE, "fact_withdrawn"))
    history = History.build(wire.header(course), [wire.to_fact(row) for row in rows])
    return asks(history.until(now), rules_of(course, now))


def states_of(course: Course, now: datetime, *, since: datetime | None = None) -> list[State]:
    """What became of the asks of a course, the newest first. `since`: those settled before are left out."""
    found = [ask for ask in asks_of(course, now) if since is None or ask.made is None or ask.made.recorded_at >= since]
    numbers = StayPerson.objects.in_bulk([each.latest.body.person for each in found if each.latest.body.person])
    watched = heartbeat.status(now).watching
    return [_state(course, ask, numbers, now, watched=watched) for ask in reversed(found)]


def _state(course: Course, ask: Ask, numbers: dict[Any, StayPerson], now: datetime, *, watched: bool) -> State:
    person = numbers.get(UUID(ask.latest.body.person)) if ask.latest.body.person else None
    alerts = list(
        Alert.objects.filter(course=course, key__startswith=key_of(ask.id), closed_at__isnull=True)
        .select_related("acknowledged_by")
        .order_by("-opened_at", "-key")
    )
    had = [each for each in alerts if each.acknowledged_by is not None and each.acknowledged_at is not None]
    last = max(had, key=lambda each: each.acknowledged_at or now, default=None)
    has_it = None
    if last is not None and last.acknowledged_by is not None and last.acknowledged_at is not None:
        has_it = (last.acknowledged_by.name, last.acknowledged_at)
    return State(
        ask=ask,
        number=person.phone if person is not None else "",
        has_it=has_it,
        paged=Page.objects.filter(alert__in=alerts, state__in=(Page.State.SENT, Page.State.SENDING)).exists(),
        reaches=watched and any(step_that_reaches(each, now) is not None for each in alerts),
        late=ask.late(now),
    )


# --- parts ------------------------------------------------------------------------------------------------------------


def _known(course: Course, event_id: UUID) -> dict[str, Any]:
    """A fact that is on record, as it was sent: sent again it is answered as before."""
    row = course.events.get(id=event_id)
    return {"id": str(row.id), "kind": row.kind, "at": row.occurred_at.isoformat(), **row.payload}


def _refuse_too_many(course: Course, standing: tuple[Ask, ...], former: Ask | None, now: datetime) -> None:
    limits = expert_line().ask
    lately = course.events.filter(kind=ASKED, recorded_at__gt=now - timedelta(hours=1)).count()
    waiting = sum(each.made is None for each in standing) if former is None else 0
    if lately >= limits.most_per_hour or waiting >= limits.most_open:
        raise TooManyError("Too many call backs were asked for. Call the number.")


def _place(standing: tuple[Ask, ...], asker: object, course: Course) -> tuple[str, Ask | None]:
    """The name of an ask, and the ask itself where this asker's last one is still open: then it is asked again, with another number.

    The names follow from who asks, so that the page of the asker finds its own.
    """
    known = {each.id: each for each in standing}
    number = 0
    while (name := name_of(asker, course, number)) in known:
        if known[name].made is None:
            return name, known[name]
        number += 1
    return name, None


def name_of(asker: object, course: Course, number: int) -> str:
    """The name of the ask of so many earlier ones by one asker about one course."""
    return str(uuid5(course.pk, f"call back:{asker}:{number}"))


def own_states(course: Course, asker: object, now: datetime) -> list[State]:
    """What became of the asks of one asker, the newest first."""
    found = states_of(course, now)
    own = {name_of(asker, course, number) for number in range(len(found))}
    return [each for each in found if each.ask.id in own]
