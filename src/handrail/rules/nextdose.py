"""The next dose, or why not: the label's table, outranked by stop rules, holds and everything that is not known.

Order, from withholding to giving: stop rules, departures that nobody signed, holds, the after-toxicity row of the
latest episode, the label's own gap table, the facts a dose needs on the day. Whatever withholds, the table's answer
stays visible under `would_be`, and the delay clock keeps running.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from handrail.rules import schedule as schedules
from handrail.rules.aftercare import Carry, carry_over
from handrail.rules.amount import amount_for
from handrail.rules.answer import Finding, Later, NextDose, Then, WouldBe
from handrail.rules.departures import departures
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Episodes
from handrail.rules.events import Event
from handrail.rules.giving import companions_for, infusion_for, infusion_reaction, treatment_over
from handrail.rules.history import History
from handrail.rules.holds import CLEARANCE_WORDS, Hold, clearance, holds
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.switching import larger_dose_left_open, on_its_own_day, schedule_at, schedule_before
from handrail.rules.terms import (
    STEP_UP_STEPS,
    STEP_WORDS,
    TREATMENT_STEPS,
    Action,
    Missing,
    civil_date,
    day_start,
    say_instant,
)

GRADE_LATER = "record it under the time it was assessed, or ask the prescriber"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextDoseAnswer:
    """The next dose with its findings, what it cannot say, and when time alone changes it."""

    next_dose: NextDose
    findings: tuple[Finding, ...] = ()
    cannot_say: tuple[Missing, ...] = ()
    changes_at: tuple[datetime, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Working:
    """What the steps below add to on the way."""

    findings: list[Finding] = field(default_factory=list)
    cannot_say: list[Missing] = field(default_factory=list)
    changes_at: list[datetime] = field(default_factory=list)

    def done(self, dose: NextDose) -> NextDoseAnswer:
        return NextDoseAnswer(
            next_dose=dose,
            findings=tuple(self.findings),
            cannot_say=tuple(self.cannot_say),
            changes_at=tuple(self.changes_at),
        )


def next_dose(
    history: History,
    doses: Sequence[Given],
    episodes: Episodes,
    protocol: Protocol,
    policy: Policy,
    now: datetime,
    *,
    emergency: Hold | None = None,
) -> NextDoseAnswer:
    """The next dose as if it were to be given at `now`, with the days on which the answer changes.

    Args:
        emergency: an urgent report that nobody has dealt with, or one that may be urgent: it withholds the dose.
    """
    work = _Working()
    zone = planned_zone(history)
    today = civil_date(now, zone)
    ended = history.last("course_ended")
    if ended is not None:
        return work.done(NextDose(action=Action.STOP, because="the course has ended"))
    base, carry = _base(history, doses, episodes, protocol, now, today, zone, work)
    stop = _stop_for_good(protocol, episodes, carry, now, work)
    unsigned, found = departures(history, doses, protocol)
    work.findings += found
    holding = holds(history, episodes, policy, protocol)
    if emergency is not None and not holding:
        holding = (emergency,)
    if stop is not None:
        return work.done(_withhold(base, Action.STOP, stop))
    if unsigned:
        return work.done(_withhold(base, Action.ASK, unsigned[0]))
    if holding:
        work.cannot_say += [
            Missing(missing=hold.what, why_it_matters=hold.because) for hold in holding if hold.action is Action.ASK
        ]
        return work.done(_withhold(base, holding[0].action, _hold_words(holding)))
    if carry is not None and carry.unknown is not None:
        work.cannot_say.append(Missing(missing="grade", why_it_matters=carry.unknown))
        todo = GRADE_LATER if carry.grade_unknown else "ask the prescriber"
        return work.done(_withhold(base, Action.ASK, f"{carry.unknown}: {todo}"))
    if carry is not None and carry.rest_row is not None and carry.rest_until is not None and now < carry.rest_until:
        rest = Action.HOLD if carry.rest_row.acts else Action.ASK
        return work.done(
            _withhold(base, rest, f"{carry.rest_row.words}: not before {say_instant(carry.rest_until, zone)}")
        )
    unverified = carry.unverified_row if carry is not None else None
    if unverified is not None:
        doubt = " is not verified" if not unverified.acts else ", which the prescriber decides"
        because = f"the label's row after this reaction{doubt}: {unverified.words}"
        return work.done(_withhold(base, Action.ASK, because))
    if not base.action.gives:
        return work.done(base)
    over = treatment_over(protocol, history, doses)
    if over is not None:
        work.cannot_say += [over.missing] if over.missing is not None else []
        return work.done(_withhold(base, Action.ASK, f"{over.because}; ask the prescriber"))
    clear = clearance(history, doses, episodes, policy, now)
    work.changes_at += clear.changes_at
    if clear.missing:
        work.cannot_say += clear.missing
        words = ", ".join(CLEARANCE_WORDS[item.missing] for item in clear.missing)
        return work.done(_withhold(base, Action.ASK, f"not known today: {words}; assess before the dose"))
    return work.done(base)


def _stop_for_good(
    protocol: Protocol, episodes: Episodes, carry: Carry | None, now: datetime, work: _Working
) -> str | None:
    """A reaction after which the label stops the drug, also where too little else is known to choose a row."""
    if carry is None:
        carry = carry_over(protocol, episodes, since=None, now=now)
        work.changes_at += carry.changes_at
    return carry.stop_row.words if carry.stop_row else None


def planned_zone(history: History) -> str:
    """The zone of the site where the next dose is planned, else the zone of the course; a plan carried out is no plan."""
    given = [dose.at for dose in given_doses(history) if dose.at is not None]
    for plan in reversed(history.of("dose_planned")):
        if plan.body.on is None or not any(civil_date(at, plan.zone) >= plan.body.on for at in given):
            return plan.zone
    return history.course.time_zone


def _base(
    history: History,
    doses: Sequence[Given],
    episodes: Episodes,
    protocol: Protocol,
    now: datetime,
    today: date,
    zone: str,
    work: _Working,
) -> tuple[NextDose, Carry | None]:
    """What the label's schedule and delay table say, before anything outranks them."""
    started = history.last("course_started")
    if started is None or started.body.intent is None:
        work.cannot_say.append(
            Missing(missing="course_started.intent", why_it_matters="no start of the course is on record")
        )
        return _ask("the start of this course is not on record: ask the prescriber"), None
    moved = _moved_to_unknown(history)
    if moved is not None:
        missing, words = moved
        work.cannot_say.append(Missing(missing=missing, why_it_matters=f"every rule is read from the {words}"))
        return _ask(f"the course was moved to another {words}, which one is not known: ask the prescriber"), None
    unknown = [dose for dose in doses if dose.step is None or dose.on is None]
    if unknown:
        work.cannot_say.append(Missing(missing="dose_given", why_it_matters="every answer counts from the last dose"))
        return _ask(f"{unknown[-1].words()}: never assumed; request the record and ask the prescriber"), None
    if not doses:
        return _first_dose(history, protocol, work), None
    last = doses[-1]
    assert last.on is not None and last.step is not None and last.at is not None
    wanted = schedule_at(history, protocol)
    if wanted is None or wanted not in protocol.schedules:
        work.cannot_say.append(Missing(missing="schedule", why_it_matters="the table is keyed by the schedule"))
        return _ask("the schedule is not known or not in this label: ask the prescriber"), None
    if _restarted_schedule_open(history, doses, protocol.schedules[0]):
        return _ask("after a restart the label does not say which interval follows: ask the prescriber"), None
    larger = larger_dose_left_open(
        protocol, last, last.body.schedule or schedule_before(history, last, protocol), wanted
    )
    if larger is not None:
        work.cannot_say.append(Missing(missing="amount", why_it_matters=larger))
        return _ask(larger), None
    carry = carry_over(protocol, episodes, since=_previous_at(doses), now=now)
    work.changes_at += carry.changes_at
    cause = _delay_cause(history, last)
    given_on = last.body.schedule or schedule_before(history, last, protocol) or wanted
    keys = list(dict.fromkeys([wanted, given_on if given_on in protocol.schedules else wanted]))
    answers = [
        redosing(protocol, last_step=last.step, schedule=key, last_on=last.on, today=today, cause=cause) for key in keys
    ]
    chosen = max(answers, key=lambda answer: answer.action.caution)
    if on_its_own_day(protocol, answers[0], keys[-1], wanted, (today - last.on).days):
        chosen = answers[0]
    if chosen.needs_cause and cause is None:
        work.cannot_say.append(
            Missing(missing="dose_not_given.because", why_it_matters="the benefit-risk flag depends on why it was late")
        )
    named = chosen.step or (chosen.would_be.step if chosen.would_be is not None else None)
    if named is not None and named not in protocol.steps_of(wanted):
        words = f"{STEP_WORDS[named]} belongs to another schedule than the one in force: ask the prescriber"
        work.cannot_say.append(Missing(missing="schedule", why_it_matters=words))
        return _ask(words), None
    every = [schedules.dose_dates(protocol, last_step=last.step, schedule=key, last_on=last.on) for key in keys]
    dates = schedules.stricter(every[answers.index(chosen)], every)
    work.changes_at += [day_start(day, zone) for one in every for day in one.change_days]
    dose = _from_gap(chosen, dates, history, protocol, wanted, carry, work)
    return dose, carry


def _moved_to_unknown(history: History) -> tuple[str, str] | None:
    """The label revision or policy that the course was moved to, asked and not known: the one before is never assumed."""
    for kind, name, words in (
        ("protocol_changed", "protocol_key", "label revision"),
        ("policy_changed", "policy_id", "site policy"),
    ):
        named = [e for e in history.of(kind) if getattr(e.body, name) is not None or name in e.nulls]
        if named and name in named[-1].nulls:
            return name, words
    return None


def _first_dose(history: History, protocol: Protocol, work: _Working) -> NextDose:
    started = history.last("course_started")
    assert started is not None
    if started.body.intent == "continuation" or started.body.prior_doses_known is False:
        work.cannot_say.append(
            Missing(missing="prior doses", why_it_matters="a continuation counts from the last dose given elsewhere")
        )
        return _ask("the doses given before are not on record: never assumed; request the record")
    if "prior_doses_known" in started.nulls:
        return _ask("whether doses were given before is not known: ask the prescriber")
    wanted = schedule_at(history, protocol)
    if wanted is None or wanted not in protocol.schedules:
        work.cannot_say.append(Missing(missing="schedule", why_it_matters="the steps are keyed by the schedule"))
        return _ask("the schedule is not known or not in this label: ask the prescriber")
    step = protocol.steps_of(wanted)[0]
    row = protocol.step_row(step, wanted)
    because = f"no dose has been given yet: the label starts with {STEP_WORDS[step]}"
    source = protocol.source_of(row)
    first = NextDose(
        action=Action.GIVE, step=step, because=because, carried_rows=(), status=row.status, source=source, row=row.id
    )
    if not row.acts:
        because = f"{because} (this row is not verified: ask the prescriber)"
        shown = WouldBe(action=Action.GIVE, step=step, row=row.id, words=row.words, status=row.status)
        first = replace(first, action=Action.ASK, step=None, because=because, would_be=shown)
    return _complete(
        first,
        history,
        protocol,
        wanted,
        None,
        None,
        work,
    )


def _from_gap(
    answer: GapAnswer,
    dates: schedules.DoseDates,
    history: History,
    protocol: Protocol,
    schedule: str,
    carry: Carry,
    work: _Working,
) -> NextDose:
    dose = NextDose(
        action=answer.action,
        step=answer.step,
        because=answer.because,
        confirm=answer.confirm,
        flags=answer.flags,
        then=Then(step=answer.then.step, after_days=answer.then.after_days) if answer.then else None,
        withheld=answer.withheld,
        earliest_on=dates.earliest_on,
        due_on=dates.due_on,
        usual_until=dates.usual_until,
        give_by=dates.give_by,
        after_that=tuple(
            Later(from_day=item.from_day, action=item.action, step=item.step, row=item.row) for item in dates.after_that
        ),
        restart_if_after=dates.restart_if_after,
        carried_rows=carry.row_ids,
        row=answer.row.id if answer.row else None,
        would_be=answer.would_be,
        source=answer.source,
        status=answer.status,
    )
    return _complete(dose, history, protocol, schedule, answer, carry, work)


def _complete(
    dose: NextDose,
    history: History,
    protocol: Protocol,
    schedule: str,
    answer: GapAnswer | None,
    carry: Carry | None,
    work: _Working,
) -> NextDose:
    """Amount, premedication and monitoring for the step that the answer names (or would name)."""
    step = dose.step or (dose.would_be.step if dose.would_be else None)
    if step is None:
        return dose
    amount = amount_for(protocol, step=step, schedule=schedule, weight_kg=latest_weight(history))
    work.cannot_say += amount.cannot_say
    flags = dose.flags if amount.amount is not None else (*dose.flags, "amount: ask the prescriber")
    would_be = dose.would_be
    if amount.would_be is not None:
        would_be = replace(would_be or WouldBe(), amount=amount.would_be)
    crs_before = carry is not None and carry.crs_after_last
    reacted = crs_before or infusion_reaction(history)
    repeated = dose.action in (Action.REPEAT, Action.RESTART) or (answer is not None and answer.premedicate == "yes")
    premedication = schedules.premedication_for(protocol, step=step, crs_after_last=reacted, after_delay=repeated)
    if not all(protocol.row(item.row).acts for item in premedication):
        flags = (*flags, "premedication: a row is not verified, ask the prescriber")
    monitoring = schedules.monitoring_for(protocol, step=step, carried=carry.monitoring if carry else ())
    return replace(
        dose,
        amount=amount.amount if dose.action.gives else None,
        flags=flags,
        would_be=would_be,
        premedication=premedication,
        infusion=infusion_for(protocol, step=step, crs_after_last=crs_before),
        companions=companions_for(protocol, step=step),
        monitoring=monitoring,
    )


def latest_weight(history: History) -> Decimal | None:
    """The latest body weight in kg, measured or written with a dose; None when the latest is not known."""
    event = latest_weighing(history)
    return event.body.weight_kg if event else None


def latest_weighing(history: History) -> Event | None:
    """The event that says the latest body weight, or that it is not known."""
    said = reversed(history.of("weight_measured", "dose_given"))
    return next((each for each in said if each.body.weight_kg is not None or "weight_kg" in each.nulls), None)


def _previous_at(doses: Sequence[Given]) -> datetime | None:
    """Toxicity since the last dose decides the next one; the last dose's own instant."""
    return doses[-1].at


def _delay_cause(history: History, last: Given) -> str | None:
    """Why the dose is late: the latest `dose_not_given` since the last dose; drug-related infections count as reactions."""
    assert last.at is not None
    for event in reversed(history.of("dose_not_given")):
        if event.at < last.at:
            break
        if event.body.because == "infection" and event.body.related_to_drug is not False:
            return "adverse_reaction"
        cause: str | None = event.body.because
        return cause
    return None


def _restarted_schedule_open(history: History, doses: Sequence[Given], usual: str) -> bool:
    """True when a patient on a longer interval than the usual was restarted and nobody has chosen the interval since."""
    treated = [n for n, dose in enumerate(doses) if dose.is_treatment]
    if not treated or doses[-1].step not in TREATMENT_STEPS:
        return False
    restart = next((n for n in range(len(doses) - 1, -1, -1) if doses[n].step in STEP_UP_STEPS), None)
    if restart is None or not any(n < restart for n in treated):
        return False
    chosen = [e for e in history.of("schedule_changed", "protocol_changed") if e.body.schedule is not None]
    long_before = any(
        e.at < (doses[restart].at or e.at) and e.body.schedule != usual for e in chosen
    ) or history.course.schedule not in (None, usual)
    restarted_at = doses[restart].at
    return long_before and not any(restarted_at is not None and e.at >= restarted_at for e in chosen)


def _hold_words(holding: Sequence[Hold]) -> str:
    return "; ".join(hold.because for hold in holding)


def _ask(because: str) -> NextDose:
    return NextDose(action=Action.ASK, because=because)


def _withhold(base: NextDose, action: Action, because: str) -> NextDose:
    """The base answer withheld: its own action and step move under `would_be`, its dates stay."""
    would_be = base.would_be
    if base.action.gives or base.action is Action.WAIT:
        kept = would_be or WouldBe()
        would_be = replace(
            kept,
            action=kept.action or base.action,
            step=kept.step or base.step,
            row=kept.row or base.row,
            words=kept.words or base.because,
            status=kept.status or base.status,
            amount=kept.amount or base.amount,
        )
    return replace(
        base,
        action=action,
        because=because,
        step=None,
        amount=None,
        confirm=None,
        then=None,
        withheld=True,
        would_be=would_be,
    )
