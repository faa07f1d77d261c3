"""The hand-off: how far it has come, the days of the dose that both sites count by, and who is called when it is slow.

Machine delivery never counts as read. Until a named person of the receiving side has accepted, the sender answers, and every chase and
escalation goes to whoever answers now. A hand-off so slow that step-up doses would have to be repeated is a finding days before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from handrail.rules.answer import (
    DoseClock,
    Finding,
    Handoff,
    HandoffQuestion,
    Later,
    NextDose,
    PageWanted,
    Task,
)
from handrail.rules.doses import Given
from handrail.rules.episodes import Episodes
from handrail.rules.handoff_kind import handoff_kind, must_return
from handrail.rules.handoff_loop import Loop, loops
from handrail.rules.history import History
from handrail.rules.nextdose import planned_zone
from handrail.rules.policy import Policy, handoff_rules
from handrail.rules.policy_handoff import HandoffPolicy
from handrail.rules.terms import STEP_WORDS, Action, Ladder, Missing, Urgency, day_start, say_date, say_instant

RULE = "handoff"
OTHER_TEAM = "other_team"
"""Who a call was with: the team on the other side of the hand-off."""


@dataclass(slots=True, kw_only=True)
class HandoffAnswer:
    """Every hand-off of the course, what is late, and when time alone changes that."""

    clock: DoseClock | None = None
    handoffs: list[Handoff] = field(default_factory=list)
    current: Loop | None = None
    findings: list[Finding] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    pages: list[PageWanted] = field(default_factory=list)
    cannot_say: list[Missing] = field(default_factory=list)
    changes_at: list[datetime] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the question about one hand-off needs, together."""

    history: History
    doses: Sequence[Given]
    toxicity: Episodes
    dose: NextDose
    clock: DoseClock
    policy: Policy
    rules: HandoffPolicy
    now: datetime
    zone: str


def handoff(
    history: History, doses: Sequence[Given], toxicity: Episodes, dose: NextDose, policy: Policy, now: datetime
) -> HandoffAnswer:
    """Every hand-off at `now`. A course that has ended calls nobody."""
    answer = HandoffAnswer()
    clock = dose_clock(history, dose)
    answer.clock = clock if doses else None
    found = loops(history)
    if not found:
        return answer
    asked = _Asked(
        history=history,
        doses=doses,
        toxicity=toxicity,
        dose=dose,
        clock=clock,
        policy=policy,
        rules=handoff_rules(policy),
        now=now,
        zone=history.course.time_zone,
    )
    ended = history.last("course_ended") is not None
    for loop in found:
        told = _told(loop, asked)
        answer.handoffs.append(told)
        if loop.stage.open and not ended:
            answer.current = loop
            _waiting(loop, told, asked, answer) if loop.stage.waits else _taken_over(loop, told, asked, answer)
            _to_do(loop, told, asked, answer)
    waiting = [loop for loop in found if loop.stage.waits]
    if len(waiting) > 1 and not ended:
        because = "whoever accepts first takes over: withdraw the one that does not hold"
        answer.findings.append(
            _finding("Two hand-offs are offered at once", Urgency.TODAY, "coordinator", because, asked)
        )
    if not ended:
        _returning(found[-1], asked, answer)
    return answer


def dose_clock(history: History, dose: NextDose) -> DoseClock:
    """The days of the next dose, from the answer itself: recomputed whenever anything changes."""
    step = dose.step or (dose.would_be.step if dose.would_be is not None else None)
    return DoseClock(
        step=step,
        earliest_on=dose.earliest_on,
        due_on=dose.due_on,
        give_by=dose.give_by,
        after_give_by=_row_after(dose, dose.give_by),
        restart_if_after=dose.restart_if_after,
        after_restart=_row_after(dose, dose.restart_if_after),
        zone=planned_zone(history),
    )


def _row_after(dose: NextDose, day: date | None) -> Later | None:
    """The row that applies after a day; None where the day or the row is not known."""
    return next((each for each in dose.after_that if day is not None and each.from_day > day), None)


def say_row(row: Later | None) -> str:
    """What a row of the label's table would ask for, in words."""
    if row is None:
        return "the label has no row for it: ask the prescriber"
    step = f" with {STEP_WORDS[row.step]}" if row.step else ""
    words = {Action.REPEAT: "a dose must be repeated", Action.RESTART: "the step-up must be started again"}
    return f"{words.get(row.action, row.action.value)}{step} (row {row.row})"


def _told(loop: Loop, asked: _Asked) -> Handoff:
    body = loop.offered.body
    kind = handoff_kind(
        asked.history, asked.doses, asked.toxicity, asked.dose, asked.policy, loop.offered.at, offer=loop.offered
    )
    waits = loop.stage.waits
    returns = body.returns is True
    return Handoff(
        id=loop.id,
        stage=loop.stage.value,
        from_party=body.from_party,
        to_party=body.to_party,
        returns=returns,
        kind=kind.kind,
        because=kind.because,
        missing=kind.missing,
        criteria=body.criteria or (),
        offered_at=loop.offered.at,
        delivered_at=loop.delivered.at if loop.delivered else None,
        read_at=loop.read_at,
        accepted_at=loop.accepted.at if loop.accepted else None,
        accepted_by=loop.accepted.body.accepted_by if loop.accepted else None,
        begins=loop.begins,
        first_dose_at=loop.first_dose_at,
        ended_at=loop.ended.at if loop.ended else None,
        read_due=_phone_at(loop, asked) if waits and loop.read is None else None,
        accept_due=_accept_by(loop, asked) if waits else None,
        questions=tuple(
            HandoffQuestion(id=q.asked.id, asked_at=q.asked.at, answered_at=q.answer.at if q.answer else None)
            for q in loop.questions
        ),
        still_open=tuple(_still_open(loop, kind.kind, asked)) if loop.stage.open else (),
    )


# --- until somebody has accepted ------------------------------------------------------------------------------------


def _phone_at(loop: Loop, asked: _Asked) -> datetime:
    return asked.rules.working_after(loop.offered.at, asked.rules.phone_after_working_hours, asked.zone)


def _accept_by(loop: Loop, asked: _Asked) -> datetime:
    """By when it must be accepted: so many working hours, never later than the give-by date allows; sooner for a return."""
    rules, offered = asked.rules, loop.offered
    if offered.body.returns is True:
        if offered.body.urgent is not False:
            return offered.at + timedelta(hours=rules.urgent_return_within_hours)
        return rules.working_after(offered.at, rules.return_within_working_hours, asked.zone)
    by = rules.working_after(offered.at, rules.accept_within_working_hours, asked.zone)
    near = _near_give_by(asked)
    return by if near is None else max(min(by, near), offered.at)


def _near_give_by(asked: _Asked) -> datetime | None:
    """So many hours before work begins on the give-by date; None: that date is not known."""
    if asked.clock.give_by is None:
        return None
    opens = asked.rules.opens_on(asked.clock.give_by, asked.clock.zone)
    return opens - timedelta(hours=asked.rules.escalate_hours_before_give_by)


def _waiting(loop: Loop, told: Handoff, asked: _Asked, answer: HandoffAnswer) -> None:
    rules, now, at = asked.rules, asked.now, loop.offered.at
    said = say_instant(at, asked.zone)
    accept_by = told.accept_due
    assert accept_by is not None
    chase = rules.working_after(at, rules.chase_after_working_hours, asked.zone)
    phone = _phone_at(loop, asked)
    escalate = min(rules.working_after(at, rules.escalate_after_working_hours, asked.zone), accept_by)
    answer.changes_at += [chase, phone, escalate, accept_by]
    if loop.read is None:
        answer.tasks.append(Task(who="coordinator", what="phone the receiving team: has a person read it?", by=phone))
        if now >= min(chase, escalate):
            todo = "phone them now" if now >= phone else "chase it"
            because = f"offered {said}; a machine that delivers it is not a person who reads it: {todo}"
            what = "Nobody on the receiving side has read the hand-off"
            urgency = Urgency.SOON if now >= phone else Urgency.TODAY
            answer.findings.append(_finding(what, urgency, "coordinator", because, asked))
            answer.pages.append(_call_for("unread", loop, rules.chase_ladder, "hand-off not read", because, chase))
    answer.tasks.append(Task(who="coordinator", what="have the hand-off accepted, for a date", by=accept_by))
    overdue = accept_by if loop.read is not None else escalate
    if now >= overdue:
        what = "Nobody has taken over the patient"
        because = f"offered {said}, {'read' if loop.read else 'not read'}, and not accepted: the sender still answers"
        answer.findings.append(_finding(what, Urgency.SOON, "prescriber", because, asked))
        answer.pages.append(
            _call_for("unaccepted", loop, rules.escalate_ladder, "hand-off not accepted", because, overdue)
        )
    _warn(loop, asked, answer)
    if loop.offered.body.to_party is None:
        answer.cannot_say.append(
            Missing(missing="handoff_offered.to_party", why_it_matters="nobody can accept what was offered to nobody")
        )


def _warn(loop: Loop, asked: _Asked, answer: HandoffAnswer) -> None:
    """Days before a repeat or a restart would be needed; and so many hours before, the pages of whoever answers now."""
    clock, rules, now = asked.clock, asked.rules, asked.now
    if clock.give_by is None:
        why = "nobody can say by when the next dose must be given: ask the prescriber"
        answer.cannot_say.append(Missing(missing="handoff.give_by", why_it_matters=why))
        what = "The hand-off has no give-by date"
        answer.findings.append(_finding(what, Urgency.TODAY, "prescriber", why, asked))
        return
    warn = rules.opens_on(clock.give_by, clock.zone) - timedelta(days=rules.warn_days_before_give_by)
    near = _near_give_by(asked)
    assert near is not None
    over = day_start(clock.give_by + timedelta(days=1), clock.zone)
    answer.changes_at += [warn, near, over]
    if now < warn:
        return
    because = f"not given by {say_date(clock.give_by)}: {say_row(clock.after_give_by)}"
    if clock.restart_if_after is not None and clock.restart_if_after != clock.give_by:
        because += f"; not given by {say_date(clock.restart_if_after)}: {say_row(clock.after_restart)}"
    if now >= over:
        what = f"The give-by date {say_date(clock.give_by)} has passed without the dose"
    elif loop.accepted is not None:
        what = f"The first dose after the hand-off must be given by {say_date(clock.give_by)}"
    else:
        what = f"The hand-off is slow: it would force step-up again after {say_date(clock.give_by)}"
    answer.findings.append(_finding(what, Urgency.SOON if now >= near else Urgency.TODAY, "prescriber", because, asked))
    if now >= near:
        place = f"give_by:{clock.give_by.isoformat()}"
        words = f"the next dose must be given by {say_date(clock.give_by)}"
        answer.pages.append(_call_for(place, loop, rules.escalate_ladder, words, because, near))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chase:
    """What happens by itself at an instant while nobody has taken over: `unread` counts only until somebody has read it."""

    at: datetime
    what: str
    unread: bool = False


def chases(told: Handoff, clock: DoseClock | None, policy: Policy, zone: str) -> tuple[Chase, ...]:
    """The chases and escalations of a hand-off that waits, the earliest first; none of one that no longer does."""
    if told.accept_due is None:
        return ()
    rules, at = handoff_rules(policy), told.offered_at
    chase = rules.working_after(at, rules.chase_after_working_hours, zone)
    phone = rules.working_after(at, rules.phone_after_working_hours, zone)
    escalate = min(rules.working_after(at, rules.escalate_after_working_hours, zone), told.accept_due)
    found = [Chase(at=told.accept_due, what="whoever answers now is paged: not accepted")]
    if told.read_at is None:
        found += [
            Chase(at=min(chase, escalate), what="chased: nobody has read it", unread=True),
            Chase(at=min(phone, escalate), what="to be phoned: nobody has read it", unread=True),
            Chase(at=escalate, what="whoever answers now is paged: not read and not accepted", unread=True),
        ]
    if clock is not None and clock.give_by is not None:
        near = rules.opens_on(clock.give_by, clock.zone) - timedelta(hours=rules.escalate_hours_before_give_by)
        found.append(Chase(at=max(near, at), what="whoever answers now is paged: the give-by date is near"))
    return tuple(sorted(found, key=lambda each: each.at))


# --- after that -------------------------------------------------------------------------------------------------------


def _taken_over(loop: Loop, told: Handoff, asked: _Asked, answer: HandoffAnswer) -> None:
    begins = loop.begins
    assert begins is not None
    answer.changes_at.append(begins)
    if loop.first_dose_at is None:
        by = _near_give_by(asked)
        answer.tasks.append(Task(who="coordinator", what="confirm the first dose after the hand-off", by=by))
        _warn(loop, asked, answer)
    if loop.first_dose_at is not None and not told.still_open:
        answer.tasks.append(Task(who="coordinator", what="close the hand-off", by=None))


def _to_do(loop: Loop, told: Handoff, asked: _Asked, answer: HandoffAnswer) -> None:
    """Questions to answer, and what a complicated hand-off asks for."""
    for question in loop.unanswered:
        words = f"answer the question of {say_instant(question.at, asked.zone)} about the hand-off"
        answer.tasks.append(Task(who="coordinator", what=words, by=told.accept_due or loop.begins))
    for what in told.still_open:
        by = None
        if what == CALL:
            by = asked.rules.working_after(loop.offered.at, asked.rules.call_within_working_hours, asked.zone)
        answer.tasks.append(Task(who="prescriber" if what == CALL else "coordinator", what=what, by=by))


CALL = "call the other team, doctor to doctor, about this patient"
FOLLOW_UP = "call the other team after the first dose there"


def _still_open(loop: Loop, kind: str, asked: _Asked) -> Iterator[str]:
    """What a complicated hand-off, or one that is not known to be simple, asks for before it can be closed."""
    if kind == "simple":
        return
    calls = [e.at for e in asked.history.of("contact_made") if e.body.reached is True and e.body.with_ == OTHER_TEAM]
    if not any(at >= loop.offered.at for at in calls):
        yield CALL
    visits = [e for e in asked.history.of("visit_planned") if e.at >= loop.offered.at and e.body.on is not None]
    lacking = asked.rules.co_owned_visits - len(visits)
    if lacking > 0:
        yield f"plan the next visits together: {lacking} still to be planned"
    if loop.first_dose_at is not None and not any(at >= loop.first_dose_at for at in calls):
        yield FOLLOW_UP


def _returning(last: Loop, asked: _Asked, answer: HandoffAnswer) -> None:
    """A patient who was handed over meets a reason to return, and nobody has offered that yet."""
    if last.accepted is None or last.offered.body.returns is True:
        return
    for row in must_return(asked.history, asked.toxicity, asked.dose, asked.policy):
        source = asked.policy.source(row.source, f"handoff.returns.{row.id}")
        answer.findings.append(
            Finding(
                rule=RULE,
                what=f"A reason to return the patient is met: {row.words}",
                urgency=Urgency.TODAY,
                owner="prescriber",
                because="offer the return by the same loop, or write down why not",
                source=source,
            )
        )


def _call_for(place: str, loop: Loop, ladder: Ladder, what: str, because: str, since: datetime) -> PageWanted:
    return PageWanted(
        key=f"handoff:{place}:{loop.id}",
        urgency=ladder.urgency,
        ladder=ladder,
        what=what,
        because=because,
        since=since,
    )


def _finding(what: str, urgency: Urgency, owner: str, because: str, asked: _Asked) -> Finding:
    source = asked.policy.source(asked.rules.source, RULE)
    return Finding(rule=RULE, what=what, urgency=urgency, owner=owner, because=because, source=source)
