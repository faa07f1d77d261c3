"""The one way in: lock the course, insert the fact, assess, follow with the alerts, store when to look again, commit."""

import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import transaction

from handrail.actions.actor import Actor
from handrail.actions.capacity_starts import refuse_uncovered_start
from handrail.actions.errors import ActionError, ConflictError, NotVisibleError, RefusedError
from handrail.actions.moves import (
    refuse_foreign_policy,
    refuse_silencing_move,
    refuse_unaccepted_move,
    refuse_unsigned_move,
)
from handrail.actions.reminders import follow_overdue
from handrail.actions.site_around import refuse_outside_at_strict_site
from handrail.actions.site_bookings import refuse_unready_site
from handrail.actions.truth import truth_about
from handrail.actions.written import A_MOMENT, facts_beside, written_after
from handrail.alerts import ed_packets, ledger
from handrail.alerts.ledger import Changes, Wanted
from handrail.alerts.models import Alert
from handrail.people import scope
from handrail.records import wire
from handrail.records.accountability import Accountable, accountable_for, context_of
from handrail.records.models import Course, Event
from handrail.rules import call_back, coursefile, inpatient
from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.events import SHELL_KINDS, By
from handrail.rules.events import Event as Fact
from handrail.rules.history import History, implausible_fields, same_content
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.policy import Policy, load_policy
from handrail.rules.quiet import quiet_until
from handrail.rules.terms import Ladder, UnusableInput
from handrail.rules.validity import check_end, check_event

log = logging.getLogger(__name__)

CANNOT_ASSESS: Final = f"{ledger.SHELL}cannot_assess"
REPORT: Final = "checkin_received"
HUB_CALL: Final = "hub_call_made"
CALL_BACK: Final = "call_back_made"
CHANGES_POLICY: Final = ("policy_changed", "fact_withdrawn")
TRY_AGAIN: Final = timedelta(minutes=5)
"""How soon the watcher tries again to assess a course that could not be assessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of a course to assess it: its history with the limits of the policy, that policy, and what stands beside it."""

    history: History
    policy: Policy
    context: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a fact, and the sentence to show."""

    event: Event
    assessment: Assessment | None
    opened: tuple[Alert, ...]
    truth: str
    again: bool = False
    """True: the same fact had been recorded before; this is the first answer again."""
    read: Read | None = None
    """What was read of the course in the transaction of a report, for what its sender is told."""
    party: Accountable | None = None
    """Who answers for a patient that has just reported; None: it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A course after assessing it: None when it could not be assessed."""

    assessment: Assessment | None
    changes: Changes
    read: Read | None = None
    """What the rules judged, when they judged it as of now."""


@contextmanager
def locked(course_id: UUID, by: Actor, now: datetime) -> Iterator[Course]:
    """One transaction that holds the course, seen with the actor's eyes.

    Raises:
        NotVisibleError: there is no such course for this actor.
    """
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        try:
            # Not the key: whoever holds an alert and writes a page of it refers to the course, and must not wait for this one.
            course = Course.objects.select_for_update(no_key=True).get(pk=course_id)
        except Course.DoesNotExist:
            raise NotVisibleError("There is no such course.") from None
        yield course


def record(course_id: UUID, data: Mapping[str, Any], *, by: Actor, verbs: tuple[str, ...], now: datetime) -> Recorded:
    """Record one fact.

    Args:
        course_id: whose.
        data: the event in wire form; who wrote it, from where and when it was recorded is set here.
        by: who acts.
        verbs: what the actor must be allowed to do; the first names the role that is recorded.
        now: the instant of recording.

    Raises:
        RefusedError: the event cannot be used; ConflictError: its id stands for something else;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    with locked(course_id, by, now) as course:
        return _record(course, [(data, verbs)], by, now)[0]


def record_together(
    course_id: UUID, facts: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]], *, by: Actor, now: datetime
) -> list[Recorded]:
    """Record several facts of a course, all or none, and judge them once, when all of them stand in the record.

    Each is looked at as by `record`, and the answer is about all of them: what a fact in the middle would have opened and a later one
    closed again was never there for anybody.

    Args:
        facts: each with the verbs that it needs.

    Raises:
        ActionError: as `record`; `fact` says which of them, counted from 0.
    """
    with locked(course_id, by, now) as course:
        try:
            with transaction.atomic():
                return _record(course, facts, by, now)
        except UnusableInput:
            # One of them cannot be judged with what stands there: one after the other says which.
            found = []
            for number, fact in enumerate(facts):
                with counted(number):
                    found += _record(course, [fact], by, now)
            return found


@contextmanager
def counted(number: int) -> Iterator[None]:
    """Whatever is refused in here says of which fact."""
    try:
        yield
    except ActionError as error:
        error.fact = number
        raise


def _record(
    course: Course, facts: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]], by: Actor, now: datetime
) -> list[Recorded]:
    """Facts of a locked course.

    Raises:
        UnusableInput: of several facts one cannot be judged; nothing says which.
    """
    taken = _take(course, facts, by, now)
    rows = [row for row, again in taken if not again]
    if not rows:
        return [_first_answer_again(course, row, now) for row, _ in taken]
    reported = any(_reports(row) for row in rows)
    try:
        settled = settle(course, now, reported=reported)
    except UnusableInput as error:
        if len(facts) > 1:
            raise
        if _could_be_assessed_without(course, rows[0], now):
            raise RefusedError(error.message, code=error.code, path=error.path) from error
        settled = could_not_assess(course, now, reported=reported)
    refuse_silencing_move(course, rows, settled.changes)
    for row in rows:
        _resume_in_vain(course, row, now)
        if (
            row.kind == "contact_made"
            and row.payload.get("outcome") == "sent_to_ed"
            and row.payload.get("reached") is True
        ):
            ed_packets.ask_for_sent(course, row, now)
    read = settled.read
    who_answers = cache(lambda: _who_answers(course, read, now))
    truth = truth_about(course, now, saved_at=rows[0].recorded_at, who_answers=who_answers)
    party = who_answers() if reported else None
    return [
        _first_answer_again(course, row, now)
        if again
        else Recorded(
            event=row,
            assessment=settled.assessment,
            opened=settled.changes.opened,
            truth=truth,
            read=read if _reports(row) else None,
            party=party if _reports(row) else None,
        )
        for row, again in taken
    ]


def _reports(row: Event) -> bool:
    """Whether a person at home, or a device there, tells something that nobody of the team has seen yet."""
    return row.kind == REPORT or (row.kind == "vitals_measured" and row.source == "device")


def _take(
    course: Course, facts: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]], by: Actor, now: datetime
) -> list[tuple[Event, bool]]:
    """The rows of facts, and whether each was there before."""
    taken: list[tuple[Event, bool]] = []
    policy: Policy | None = None
    for number, (data, verbs) in enumerate(facts):
        with counted(number):
            roles = [by.role_for(verb, course, now) for verb in verbs]
            fact = _read(data, course, By(role=roles[0], id=by.id), by.source, now)
            former, beside = facts_beside(course, fact)
            if former is not None:
                _refuse_other_content(course, former, fact)
                taken.append((former, True))
                continue
            fact = written_after(fact, beside)
            _refuse_misplaced(course, fact, now)
            policy = policy or _policy_in_force(course, now)
            taken.append((_insert(course, fact, by, policy), False))
            if fact.kind in CHANGES_POLICY:
                policy = None
    return taken


def _who_answers(course: Course, read: Read | None, now: datetime) -> Accountable:
    if read is None:
        return accountable_for(course, now)
    return accountable_for(course, now, context=read.context, history=read.history)


def _read(data: Mapping[str, Any], course: Course, by: By, source: str, now: datetime) -> Fact:
    body = {**data, "by": {"role": by.role, "id": by.id}, "recorded_at": now.isoformat()}
    body["source"] = source
    if body.get("kind") in SHELL_KINDS:
        raise RefusedError("That kind of event is written by Handrail itself.", code="unknown_kind", path="event.kind")
    if _holds_nul(body):
        raise RefusedError("A text holds a sign that cannot be stored.", code="wrong_type", path="event")
    try:
        return coursefile.event_from_json(body, zone=course.time_zone)
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path=error.path) from error


def _refuse_misplaced(course: Course, fact: Fact, now: datetime) -> None:
    """Refuse a fact that has no place in this course; a course whose protocol cannot be read still takes every fact."""
    try:
        protocol = protocol_for(wire.history_of(course, now)[0], now) if fact.kind == "dose_planned" else None
    except UnusableInput:
        protocol = None
    try:
        check_event(fact, course.started_at, protocol, "event")
        check_end(fact, "event")
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path=error.path) from error
    if fact.kind == "protocol_changed":
        refuse_unsigned_move(course, fact, now)
    if fact.kind == "accountability_moved":
        refuse_unaccepted_move(course, fact, now)
    if fact.kind == "policy_changed":
        refuse_foreign_policy(course, fact)
    if fact.kind == "dose_planned":
        refuse_unready_site(course, fact, now)
        refuse_outside_at_strict_site(course, fact, now)
        refuse_uncovered_start(course, fact, now)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, (list, tuple)) and any(_holds_nul(item) for item in value)


def _policy_in_force(course: Course, now: datetime) -> Policy:
    try:
        return wire.policy_of(course, now)
    except UnusableInput:
        return load_policy()  # the fact is kept all the same, and somebody is called to look


def _insert(course: Course, fact: Fact, by: Actor, policy: Policy) -> Event:
    """Store a fact, with the readings marked that the policy calls implausible: they are kept, and satisfy no rule."""
    marked = implausible_fields(fact, policy.plausible)
    if marked and hasattr(fact.body, "implausible"):
        fact = replace(fact, body=replace(fact.body, implausible=tuple(sorted({*fact.body.implausible, *marked}))))
    row = wire.to_row(fact, course, on_behalf_of=by.on_behalf_of)
    row.save(force_insert=True)
    return row


def _refuse_other_content(course: Course, former: Event, fact: Fact) -> None:
    known = wire.to_fact(former)
    if former.course_id != course.pk or not same_content(_unmarked(known), _unmarked(fact)):
        raise ConflictError("This id was used before for something else; nothing was changed.")


def _first_answer_again(course: Course, former: Event, now: datetime) -> Recorded:
    return Recorded(
        event=former,
        assessment=None,
        # It may have been written down a moment later than it was judged; see `written_after`.
        opened=tuple(
            course.alerts.filter(opened_at__gt=former.recorded_at - A_MOMENT, opened_at__lte=former.recorded_at)
        ),
        truth=truth_about(course, now, saved_at=former.recorded_at),
        again=True,
    )


def _unmarked(fact: Fact) -> Fact:
    """Without the marks of implausible readings, which are ours and not the sender's."""
    if any(field.name == "implausible" for field in fields(fact.body)):
        return replace(fact, body=replace(fact.body, implausible=()))
    return fact


# --- assessing ------------------------------------------------------------------------------------------------------


def settle(course: Course, now: datetime, *, reported: bool = False) -> Settled:
    """Assess a locked course; open and close its alerts; store the answer and when to look again.

    A failure of the rules never loses the fact: the course is marked as not assessed, and somebody is called to look.
    `reported`: a check-in came in just now, which nobody has seen (see `could_not_assess`).

    Raises:
        UnusableInput: the facts cannot be assessed, and the sentence says why.
    """
    judged_at = _never_back(course, now)
    try:
        history, policy = wire.history_of(course, judged_at)
        context = context_of(course, judged_at)
        answer = assess(protocol_for(history, judged_at), policy, history, judged_at, context=context)
    except UnusableInput:
        raise
    except Exception as error:  # noqa: BLE001 (whatever is wrong with the rules, what happened stays on record)
        where = "".join(traceback.format_tb(error.__traceback__))  # without the message, which may hold a reading
        log.error("course %s could not be assessed (%s)\n%s", course.pk, type(error).__name__, where)
        return could_not_assess(course, now, reported=reported)
    wanted = ledger.wanted_from(answer.pages, policy)
    changes = ledger.reconcile(course, wanted, now)
    if reported:
        ed_packets.ask_for_red(course, changes.opened, history, now)
    for alert in changes.kept:
        if alert.key == CANNOT_ASSESS:
            ledger.close(alert, "assessed again", now)
    for alert in changes.closed:
        note_closed(course, alert, now)
    note_going_on(course, changes, now)
    _store(course, history, answer, changes, judged_at)
    follow_overdue(course, answer, now)
    read = Read(history=history, policy=policy, context=context) if judged_at == now else None
    return Settled(assessment=answer, changes=changes, read=read)


def _never_back(course: Course, now: datetime) -> datetime:
    """The instant to judge a course at: time does not run back for it when somebody sets a clock back.

    What was reported before the clock was set back would else lie in the future, count for nothing, and close its alert unseen.
    """
    return max(now, course.assessed_at) if course.assessed_at is not None else now


def could_not_assess(course: Course, now: datetime, *, reported: bool = False) -> Settled:
    """Call somebody to look at a course that the rules could not judge, keep its alerts, and try again soon.

    With `reported`, a check-in that nobody has judged came in just now: "I have it" about what came before does not count.
    """
    ladder = load_policy().ladders[Ladder.AMBER]  # the shipped one: the course's own policy may be what cannot be read
    want = Wanted(
        key=CANNOT_ASSESS,
        urgency=Ladder.AMBER.urgency.value,
        ladder=Ladder.AMBER.value,
        what="Handrail could not judge this course: look at it yourself",
        because="the rules failed; what was reported is saved",
        steps=ladder.steps,
    )
    if reported:
        had = course.alerts.filter(key=CANNOT_ASSESS, closed_at__isnull=True, acknowledged_at__isnull=False)
        for alert in had.select_for_update():
            note_closed(course, ledger.close(alert, "reported again", now), now)
    changes = ledger.reconcile(course, [want], now, close_others=False)
    note_going_on(course, changes, now)
    course.look_again_at = min(at for at in (now + TRY_AGAIN, changes.look_again_at) if at is not None)
    course.quiet_until = None
    course.save(update_fields=["look_again_at", "quiet_until"])
    return Settled(assessment=None, changes=changes)


def note_closed(course: Course, alert: Alert, now: datetime) -> None:
    """Write into the record that an alert was closed."""
    payload = {"alert": str(alert.pk), "key": alert.key, "because": alert.closed_because}
    write_shell_event(course, "alert_closed", payload, now)


def note_going_on(course: Course, changes: Changes, now: datetime) -> None:
    """Write into the record which ladders go on by themselves."""
    note_resumed(course, changes.resumed, now)
    note_resumed(course, changes.left, now, "left")


def note_resumed(course: Course, resumed: Iterable[Alert], now: datetime, because: str = "") -> None:
    """Write into the record that ladders go on. A reason that is not said follows from how the alert was held."""
    for alert in resumed:
        held = (
            course.events.filter(kind="page_held", payload__alert=str(alert.pk)).order_by(*Event.NEWEST_FIRST).first()
        )
        how = {"put_off": "put_off", "handing_over": "not_taken_over"}.get(held.payload["how"] if held else "")
        payload = {"alert": str(alert.pk), "key": alert.key, "because": because or how}
        write_shell_event(course, "page_resumed", payload, now)


def _resume_in_vain(course: Course, row: Event, now: datetime) -> None:
    """A call that reached nobody: the ladders of what somebody had go on; after one with the hospital, or a call back, those about it."""
    if (
        row.kind not in ("contact_made", HUB_CALL, CALL_BACK)
        or row.payload.get("reached") is True
        or row.payload.get("with") == "ed"
    ):
        return
    had = course.alerts.filter(
        closed_at__isnull=True, acknowledged_at__isnull=False, acknowledged_at__lte=row.occurred_at
    )
    if row.kind == HUB_CALL:
        had = had.filter(key__startswith=inpatient.KEY)
    elif row.kind == CALL_BACK:
        had = had.filter(key__startswith=call_back.key_of(row.payload.get("ask") or "-"))
    else:
        had = had.exclude(key__startswith=f"{call_back.KEY}:")
    held = [alert for alert in had.select_for_update() if not alert.key.startswith(ledger.SHELL)]
    note_resumed(course, [ledger.resume(alert, now) for alert in held], now, "could_not_reach")


def _store(course: Course, history: History, answer: Assessment, changes: Changes, now: datetime) -> None:
    # An end that is dated later has not come: until then the course runs, and whoever writes from home is heard.
    ended = next((each for each in reversed(history.of("course_ended")) if each.at <= now), None)
    course.assessment = answer.to_json()
    course.assessed_at = now
    looks = [at for at in (answer.look_again_at, changes.look_again_at) if at is not None]
    course.look_again_at = min(looks, default=None)
    course.quiet_until = quiet_until(answer, history)
    course.ended_at = ended.at if ended else None
    course.save(update_fields=["assessment", "assessed_at", "look_again_at", "quiet_until", "ended_at"])


def _could_be_assessed_without(course: Course, row: Event, now: datetime) -> bool:
    """Whether it is this fact that cannot be assessed, and not what stood on record before it."""
    try:
        facts = [fact for fact in wire.facts_of(course, with_pages=False) if fact.id != str(row.id)]
    except UnusableInput:
        return False  # what arrives now was read: it is an earlier one
    if not facts:
        return True
    try:
        history = History.build(wire.header(course), facts)
        protocol_for(history, now)
        policy_for(history, now)
    except UnusableInput:
        return False
    return True


def write_shell_event(
    course: Course, kind: str, payload: Mapping[str, Any], now: datetime, *, by: Actor | None = None
) -> Event:
    """Write what Handrail itself did (a page, an acknowledgement) into the record of a course."""
    row = Event(
        id=uuid4(),
        organisation_id=course.organisation_id,
        course=course,
        kind=kind,
        payload={name: value for name, value in payload.items() if value is not None},
        occurred_at=now,
        recorded_at=now,
        zone=course.time_zone,
        role="service" if by is None else "staff",
        by="handrail" if by is None else by.id,
    )
    wire.to_fact(row)  # refuses a payload that the course file does not know
    row.save(force_insert=True)
    return row
