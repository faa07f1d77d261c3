"""The days of the next dose, its premedication and monitoring, and whether a longer interval is what the label asks for."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from handrail.rules.answer import Finding, Later, Monitoring, PremedicationItem, ThenStay
from handrail.rules.giving import counted
from handrail.rules.protocol import GapRow, IntervalChangeRow, PremedicationRow, Protocol
from handrail.rules.terms import STEP_WORDS, Action, Urgency, step_words

RESPONSES = ("sCR", "CR", "VGPR", "PR", "MR", "SD", "PD")
SETTINGS = ("none_stated", "near_facility", "observation", "hospital")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseDates:
    """The calendar days that the gap table gives for the next dose; None where a row says `ask`."""

    earliest_on: date | None
    due_on: date | None
    usual_until: date | None
    give_by: date | None
    restart_if_after: date | None
    after_that: tuple[Later, ...]
    change_days: tuple[date, ...]


def dose_dates(protocol: Protocol, *, last_step: str, schedule: str, last_on: date) -> DoseDates:
    """Read every date off the rows after the last dose.

    `give_by` is the last day with no repeat or restart row; `restart_if_after` the last day before the label's first step
    is required again; both are None when the table says `ask` before.
    """
    first_step = protocol.steps_of(schedule)[0]
    rows = protocol.gap_rows(last_step, schedule)
    forward = [row for row in rows if row.acts and row.action in (Action.GIVE, Action.CONTINUE)]
    usual = [row for row in forward if row.confirm is None and row.kind == "window"]
    back = [row for row in rows if row.acts and row.action in (Action.REPEAT, Action.RESTART)]
    restart = next((row for row in back if row.step == first_step), None)
    due = next((row.due_day for row in forward if row.due_day is not None), None)

    def day(number: int | None) -> date | None:
        return None if number is None else last_on + timedelta(days=number)

    return DoseDates(
        earliest_on=day(forward[0].from_day) if forward else None,
        due_on=day(due),
        usual_until=day(usual[-1].to_day) if usual else None,
        give_by=day(_day_before(back[0], rows)) if back else None,
        restart_if_after=day(_day_before(restart, rows)) if restart else None,
        after_that=tuple(
            Later(from_day=last_on + timedelta(days=row.from_day), action=row.action, step=row.step, row=row.id)
            for row in back
        ),
        change_days=tuple(last_on + timedelta(days=n) for n in _change_days(protocol, rows)),
    )


def stricter(dates: DoseDates, every: Sequence[DoseDates]) -> DoseDates:
    """The same days, with the last ones taken from whichever table turns to repeat or restart first."""
    turning = [one for one in every if one.after_that]
    if not turning:
        return dates
    first = min(turning, key=lambda one: one.after_that[0].from_day)
    return replace(dates, give_by=first.give_by, restart_if_after=first.restart_if_after, after_that=first.after_that)


def _day_before(row: GapRow, rows: Sequence[GapRow]) -> int | None:
    """The day before a row begins, when no `ask` row stands in between the give rows and it."""
    before = [r for r in rows if r.to_day is not None and r.to_day < row.from_day]
    asks = [r for r in before if r.action is Action.ASK or not r.acts]
    first_give = next((r.from_day for r in before if r.action.gives and r.acts), None)
    if first_give is None or any(r.from_day > first_give for r in asks):
        return None
    return row.from_day - 1


def _change_days(protocol: Protocol, rows: Iterable[GapRow]) -> list[int]:
    limit = protocol.product.benefit_risk_over_days
    days = {row.from_day for row in rows if row.from_day > 0}
    return sorted(days | ({limit + 1} if limit is not None else set()))


def premedication_for(
    protocol: Protocol, *, step: str, crs_after_last: bool, after_delay: bool
) -> tuple[PremedicationItem, ...]:
    """The agents to give before a step: by the label's list, after a delay, or after CRS with the last dose.

    An agent known only from a row that nobody has verified is listed too, with that status: leaving it out would loosen.
    """

    def wanted(row: PremedicationRow) -> bool:
        fits = row.when is None or (row.when == "if_reaction") == crs_after_last
        by_step = step in row.steps and fits
        return by_step or (after_delay and row.also_after_delay) or (crs_after_last and row.also_after_crs)

    rows = [row for row in protocol.premedication if wanted(row)]
    known = {row.agent for row in rows if row.acts}
    return tuple(
        PremedicationItem(
            agent=row.agent,
            dose=row.dose,
            route=row.route,
            lead_min_minutes=row.lead_min_minutes,
            lead_max_minutes=row.lead_max_minutes,
            row=row.id,
            status=row.status,
        )
        for row in rows
        if row.acts or row.agent not in known
    )


def monitoring_for(protocol: Protocol, *, step: str | None, carried: Sequence[Monitoring]) -> Monitoring | None:
    """Where the label wants the patient after a step; with what an earlier reaction asks for, the stricter of each."""
    own = next((row for row in protocol.monitoring if row.step == step), None)
    options = list(carried)
    if own is not None:
        options.append(
            Monitoring(
                setting=own.setting,
                hours=own.hours,
                anchor=own.anchor,
                row=own.id,
                status=own.status,
                because=own.words,
                hours_at_least=own.hours_at_least,
                then=ThenStay(setting=own.then.setting, hours=own.then.hours) if own.then is not None else None,
            )
        )
    if not options:
        return None
    strictest = max(options, key=lambda m: (SETTINGS.index(m.setting), m.hours or 0))
    longest = max((m.hours for m in options if m.hours is not None), default=None)
    return Monitoring(
        setting=strictest.setting,
        hours=longest,
        anchor=strictest.anchor,
        row=strictest.row,
        status=max((m.status for m in options), key=lambda status: status.rank),
        because="; ".join(dict.fromkeys(m.because for m in options if m.because)),
        hours_at_least=strictest.hours_at_least if strictest.hours == longest else None,
        then=next((m.then for m in options if m.then is not None and m.then.hours > (longest or 0)), None),
    )


def planned_setting_findings(
    protocol: Protocol, *, step: str, setting: str, carried: Sequence[Monitoring] = (), unknown: str | None = None
) -> tuple[Finding, ...]:
    """A dose planned outside hospital although the label asks for a hospital stay after it, by its step or after a reaction.

    Args:
        unknown: why nobody can say which stay a reaction asks for; `carried` are then all that the label knows.
    """
    wanted = monitoring_for(protocol, step=step, carried=carried)
    if wanted is None or wanted.setting != "hospital" or setting == "inpatient":
        return ()
    asks, doubt = ("may ask", f"; {unknown}") if unknown is not None else ("asks", "")
    return (
        Finding(
            rule="schedule",
            what=f"{STEP_WORDS[step].capitalize()} is planned {setting}; this label {asks} for {wanted.hours} h in hospital",
            urgency=Urgency.TODAY,
            owner="prescriber",
            because=f"a departure from the label needs a documented decision of the prescriber{doubt}",
            source=protocol.source_of(wanted.row),
        ),
    )


def early_discharge_finding(
    protocol: Protocol, *, step: str | None, hours_observed: Decimal, carried: Sequence[Monitoring] = ()
) -> Finding | None:
    """Leaving hospital before the hours that the label asks for, by the step or after a reaction."""
    wanted = monitoring_for(protocol, step=step, carried=carried)
    if wanted is None or wanted.hours is None:
        return None
    enough = wanted.hours_at_least or wanted.hours
    if hours_observed >= enough:
        return None
    return Finding(
        rule="schedule",
        what=f"Watched for {hours_observed} h after {step_words(step)}; this label asks for {enough} h",
        urgency=Urgency.TODAY,
        owner="prescriber",
        because=wanted.because,
        source=protocol.source_of(wanted.row),
    )


def premedication_findings(
    protocol: Protocol, *, step: str, agent: str, dose_mg: Decimal | None, minutes_before: int | None
) -> tuple[Finding, ...]:
    """Whether a premedication given agrees with its row: lead in minutes before the dose, amount in mg."""
    rows = [r for r in protocol.premedication if step in r.steps and agent.lower() in r.agent.lower()]
    row = next((r for r in rows if r.expected_mg == dose_mg), rows[0] if rows else None)
    if row is None:
        return ()
    found = []
    longest = row.lead_max_minutes
    early = longest is not None and minutes_before is not None and minutes_before > longest
    if minutes_before is not None and (early or minutes_before < row.lead_min_minutes):
        found.append(
            f"{row.agent} was given {minutes_before} min before {STEP_WORDS[step]}: {_lead(row)}; "
            "ask whether to repeat or wait"
        )
    if dose_mg is not None and row.expected_mg is not None and dose_mg != row.expected_mg:
        found.append(f"{row.agent} {dose_mg} mg was given: this label names {row.dose}")
    return tuple(
        Finding(
            rule="schedule",
            what=what,
            urgency=Urgency.TODAY,
            owner="pharmacist",
            because=row.words,
            source=protocol.source_of(row),
        )
        for what in found
    )


def _lead(row: PremedicationRow) -> str:
    if row.lead_min_minutes == row.lead_max_minutes:
        return f"this label asks for about {row.lead_min_minutes} min"
    if row.lead_max_minutes is None:
        return f"the label's window is {row.lead_min_minutes} min or more"
    return f"the label's window is {row.lead_min_minutes} to {row.lead_max_minutes} min"


def interval_change_findings(
    protocol: Protocol,
    *,
    wanted: str,
    current: str,
    response: str | None,
    response_since: date | None,
    first_dose_on: date,
    on_schedule_since: date,
    on: date,
    given: Sequence[str | None] | None = None,
) -> tuple[Finding, ...]:
    """Whether the label's conditions for a longer interval are met on the day it was chosen.

    Args:
        given: the step of every dose before that day.
    """
    row = next((r for r in protocol.interval_change if r.from_schedule == current and r.to_schedule == wanted), None)
    if row is None:
        return ()
    unmet = list(unmet_conditions(row, response, response_since, first_dose_on, on_schedule_since, on))
    unmet += doses_wanting(row, given)
    if not unmet:
        return ()
    return (
        Finding(
            rule="schedule",
            what=f"{wanted.replace('_', ' ').capitalize()} is not yet what this label asks for: {'; '.join(unmet)}",
            urgency=Urgency.TODAY if row.wording == "may" else Urgency.ROUTINE,
            owner="prescriber",
            because=row.words,
            source=protocol.source_of(row),
        ),
    )


def unmet_conditions(
    row: IntervalChangeRow,
    response: str | None,
    response_since: date | None,
    first_dose_on: date,
    on_schedule_since: date,
    on: date,
) -> Iterable[str]:
    """What the label asks for before a longer interval and is not fulfilled on that day, each in words."""
    if row.response_at_least is not None:
        if response not in RESPONSES:
            yield f"the response is not known ({row.response_at_least} or better is needed)"
        elif RESPONSES.index(response) > RESPONSES.index(row.response_at_least):
            yield f"{row.response_at_least} or better is needed, {response} is recorded"
    if row.response_held_months is not None:
        if response_since is None:
            yield "how long the response has held is not known"
        elif months_later(response_since, row.response_held_months) > on:
            yield f"the response must have held for {row.response_held_months} months"
    if row.min_weeks_since_first_dose is not None and (on - first_dose_on).days < 7 * row.min_weeks_since_first_dose:
        yield f"at least {row.min_weeks_since_first_dose} weeks of treatment are needed"
    if row.min_weeks_on_from is not None and (on - on_schedule_since).days < 7 * row.min_weeks_on_from:
        done = (on - on_schedule_since).days // 7
        yield f"{done} of at least {row.min_weeks_on_from} weeks on {row.from_schedule.replace('_', ' ')} are done"
    if row.consecutive_assessments is not None:
        yield f"the prescriber confirms an adequate response in at least {row.consecutive_assessments} consecutive assessments"


def doses_wanting(row: IntervalChangeRow, given: Sequence[str | None] | None) -> list[str]:
    """The doses that the label asks for before a longer interval and that were not given, in words."""
    if row.min_doses is None:
        return []
    had = counted(given, row.doses_of) if given is not None else None
    if had is None:
        return [f"whether {row.min_doses} doses have been given is not settled: a restart, or a dose that is not known"]
    return [f"{had} of at least {row.min_doses} doses have been given"] if had < row.min_doses else []


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last day."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def phase_dose_findings(protocol: Protocol, *, schedule: str, mg_per_kg: Decimal | None) -> tuple[Finding, ...]:
    """A treatment dose whose mg/kg is not that of its schedule in this label."""
    row = protocol.step_row("treatment", schedule)
    if mg_per_kg is None or row.mg_per_kg is None or row.mg_per_kg == mg_per_kg:
        return ()
    return (
        Finding(
            rule="schedule",
            what=f"Treatment doses {schedule.replace('_', ' ')} are {row.mg_per_kg} mg/kg in this label",
            urgency=Urgency.TODAY,
            owner="prescriber",
            because=row.words,
            source=protocol.source_of(row),
        ),
    )
