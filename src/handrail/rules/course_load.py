"""What one course takes of its site from today on: spans of the watch, days of an assessment and on whom it falls, days of a dose.

A dose that is planned counts on its day; one that nobody planned counts on the day of the calendar of this step-up, else on the one that
the label's table names, and so do those after it. What nobody can say is counted as if it were needed every day, never as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

from handrail.rules.capacity_data import Span, Wanted
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import episodes
from handrail.rules.history import History
from handrail.rules.inpatient import stay_of
from handrail.rules.policy import Policy
from handrail.rules.policy_daily import DailyRow
from handrail.rules.protocol import Protocol
from handrail.rules.schedule import dose_dates
from handrail.rules.stays import window_ends, with_stays
from handrail.rules.switching import schedule_at, schedule_before
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, civil_date, day_start, step_words, zone_named
from handrail.rules.upcoming import open_plan

Who = Literal["nurse", "app", "physician", "not_known"]
WHO: Final[dict[Who, str]] = {
    "nurse": "a nurse",
    "app": "an advanced practice provider (APP)",
    "physician": "the physician of the panel",
    "not_known": "not known",
}
"""On whom the review of a day falls, in words."""
ONE_DAY: Final = timedelta(days=1)
MOMENT: Final = timedelta(microseconds=1)
IN_HOSPITAL: Final = "inpatient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A day on which the patient is to be assessed, and on whom that falls."""

    on: date
    who: Who


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseLoad:
    """What a course takes of its site.

    Attributes:
        watched: from when until when the patient is watched, or in hospital; none overlap.
        seen: the days of an assessment outside hospital, each once.
        doses: the days on which a chair is needed.
        start: the day of the first dose, where one is booked and not yet given; `wanted`: what it asks of the site.
        started: a dose was given.
        other_starts: days on which it may be booked as well, where corrections of the plan stand side by side.
        no_day: the next dose has no day that anybody knows; its chair is not counted.
        because: why nobody can say; the patient is then counted as watched on every day, from the last dose on whose day is known.
    """

    watched: tuple[Span, ...] = ()
    seen: tuple[Seen, ...] = ()
    doses: tuple[date, ...] = ()
    start: date | None = None
    other_starts: tuple[date, ...] = ()
    wanted: Wanted | None = None
    started: bool = False
    no_day: bool = False
    because: str = ""

    @property
    def starts(self) -> tuple[date, ...]:
        """Every day on which the first dose may be booked."""
        return (*((self.start,) if self.start is not None else ()), *self.other_starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """A dose that is to come: its day and step (None: not known), and whether it is given and watched in hospital."""

    on: date
    step: str | None
    in_hospital: bool = False

    @property
    def watched(self) -> bool:
        return self.step is None or self.step in STEP_UP_STEPS or self.step == FIRST_TREATMENT


def falls_on(row: DailyRow) -> Who:
    """On whom the review of such a day falls: a nurse where one may do it, else an APP; a physician only where nobody else may."""
    if "nurse" in row.roles:
        return "nurse"
    return "app" if "app" in row.roles else "physician"


def not_judged(today: date, until: date, zone: str, because: str) -> CourseLoad:
    """The load of a course that nobody can judge: every day until `until`, that day left out."""
    return CourseLoad(
        watched=(Span(begins=day_start(today, zone), ends=day_start(until, zone)),),
        seen=tuple(Seen(on=day, who="not_known") for day in _days(today, until - ONE_DAY)),
        started=True,
        because=because,
    )


def either(loads: Sequence[CourseLoad]) -> CourseLoad:
    """What a course takes of which nobody can say which of these loads is right: everything that any of them takes, each once."""
    first = min(loads, key=lambda each: (each.start is None, each.start))
    spans = [span for load in loads for span in load.watched]
    seen: dict[date, Who] = {}
    for each in (each for load in loads for each in load.seen):
        seen[each.on] = each.who if seen.get(each.on, each.who) == each.who else "not_known"
    bounds = [at for span in spans for at in (span.begins, span.ends)]
    return replace(
        first,
        watched=tuple(_merged(spans, min(bounds), max(bounds))) if spans else (),
        seen=tuple(Seen(on=on, who=seen[on]) for on in sorted(seen)),
        doses=tuple(sorted({on for load in loads for on in load.doses})),
        other_starts=tuple(sorted({on for load in loads for on in load.starts} - {first.start})),
        started=any(each.started for each in loads),
        no_day=any(each.no_day for each in loads),
        because="; ".join(dict.fromkeys(each.because for each in loads if each.because)),
    )


def course_load(
    history: History,
    protocol: Protocol,
    policy: Policy,
    now: datetime,
    until: date,
    *,
    zone: str,
    ahead_here: bool = True,
    given_here: bool = True,
) -> CourseLoad:
    """What a course takes of its site from today until a day, that day left out.

    Args:
        zone: of the site; its days are civil days there.
        ahead_here: the next dose is given at this site; given_here: those before were, and the patient is watched from here.
    """
    today = civil_date(now, zone)
    given = given_doses(history)
    ended = history.last("course_ended")
    if ended is not None:
        still = ended.body.died is not True and given_here
        spans = _in_hand(history, given, protocol, policy, now, until, zone) if still else []
        return CourseLoad(
            watched=tuple(_merged(spans, day_start(today, zone), day_start(until, zone))), started=bool(given)
        )
    if given and (given[-1].step is None or given[-1].on is None) and open_plan(history, given) is None:
        return not_judged(today, until, zone, "which dose was given last, or when, is not known")
    ahead, no_day = _ahead(history, given, protocol, today, until) if ahead_here else ([], False)
    if no_day and not _past_step_up(given):
        return not_judged(today, until, zone, "the label names no day for the next dose, and none is planned")
    watched = _watched(history, given, protocol, policy) if given_here else []
    spans = _in_hand(history, given, protocol, policy, now, until, zone) if given_here else []
    spans += [_window(each, policy, zone) for each in ahead if each.watched]
    seen = list(_seen(watched, ahead, policy, today, until))
    because = _no_end(ahead, given, protocol, schedule_at(history, protocol))
    if because:
        since = ahead[-1].on
        spans.append(Span(begins=day_start(since, zone), ends=day_start(until, zone)))
        counted = {each.on for each in seen}
        seen += [Seen(on=day, who="not_known") for day in _days(since, until - ONE_DAY) if day not in counted]
    first = ahead[0] if ahead and not given else None
    setting = IN_HOSPITAL if first is not None and first.in_hospital else None
    return CourseLoad(
        watched=tuple(_merged(spans, day_start(today, zone), day_start(until, zone))),
        seen=tuple(seen),
        doses=tuple(each.on for each in ahead if not each.in_hospital),
        start=first.on if first is not None else None,
        wanted=wanted_by_start(history, protocol, policy, first.on, setting) if first is not None else None,
        started=bool(given),
        no_day=no_day,
        because=because,
    )


def _watched(history: History, given: Sequence[Given], protocol: Protocol, policy: Policy) -> list[Given]:
    """The doses that are watched from here."""
    known = with_stays(given, history, episodes(history, given, policy), protocol, policy) if given else ()
    return [each for each in known if each.may_be_watched and each.event.source != "import"]


def _in_hand(
    history: History,
    given: Sequence[Given],
    protocol: Protocol,
    policy: Policy,
    now: datetime,
    until: date,
    zone: str,
) -> list[Span]:
    """The windows of doses that were given, and a stay in hospital that nobody ended: the end of the course ends neither."""
    spans = [
        Span(begins=each.watch_begins, ends=window_ends(each, policy))
        for each in _watched(history, given, protocol, policy)
    ]
    stay = stay_of(history)
    if stay is not None and stay.ended_at is None:
        spans.append(Span(begins=min(now, day_start(civil_date(now, zone), zone)), ends=day_start(until, zone)))
    return spans


def _no_end(ahead: Sequence[_Ahead], given: Sequence[Given], protocol: Protocol, schedule: str | None) -> str:
    """Why nobody can say when the watch of a step-up that is to come ends: no day is known after its last dose; '' where one is."""
    last = ahead[-1] if ahead else None
    if last is None or not last.watched or last.step == FIRST_TREATMENT:
        return ""
    if last.step is None:
        return "" if given and given[-1].is_treatment else "which step is planned is not known"
    if schedule is not None and _after(protocol, schedule, last.step, last.on) is not None:
        return ""
    return f"no day is known after {step_words(last.step)}"


def _past_step_up(given: Sequence[Given]) -> bool:
    """Whether the first treatment dose, or a later one, was given last; a course before its first dose needs no day."""
    return not given or given[-1].is_treatment


def _ahead(
    history: History, given: Sequence[Given], protocol: Protocol, today: date, until: date
) -> tuple[list[_Ahead], bool]:
    """The doses to come before `until`, and whether the next one has no day that anybody knows."""
    schedule = schedule_at(history, protocol)
    plan = open_plan(history, given)
    if plan is not None:
        step = plan.body.step
        if step is None and not given and schedule is not None:
            step = protocol.steps_of(schedule)[0]
        first = _Ahead(on=max(plan.body.on, today), step=step, in_hospital=plan.body.setting == IN_HOSPITAL)
    elif not given:
        return [], False
    else:
        last = given[-1]
        at = last.body.schedule or schedule_before(history, last, protocol) or schedule
        following = _next(protocol, at, last.step)
        if at is None or last.step is None or last.on is None or following is None:
            return [], True
        dates = dose_dates(protocol, last_step=last.step, schedule=at, last_on=last.on)
        due_on = _written(_slots(history), (last.step, last.on), following) or dates.due_on
        if due_on is None or (dates.restart_if_after is not None and dates.restart_if_after < today):
            return [], True
        first = _Ahead(on=max(due_on, today), step=following)
    found = [first] if first.on < until else []
    calendar = _slots(history)
    while found and schedule is not None and (last_step := found[-1].step) is not None:
        last_on, step = found[-1].on, _next(protocol, schedule, last_step)
        day = _written(calendar, (last_step, last_on), step) or _after(protocol, schedule, last_step, last_on)
        if day is None or day >= until:
            break
        found.append(_Ahead(on=day, step=step))
    return found, False


def _written(
    calendar: Sequence[tuple[str, date]], before: tuple[str | None, date | None], step: str | None
) -> date | None:
    """The day of a step in a calendar in which the dose before it stands on its own day; another calendar says nothing of it."""
    if before not in calendar or before[1] is None:
        return None
    return next((day for each, day in calendar if each == step and day > before[1]), None)


def _next(protocol: Protocol, schedule: str | None, step: str | None) -> str | None:
    """The step that follows in the label; the last one follows itself."""
    if schedule is None or step is None:
        return None
    steps = protocol.steps_of(schedule)
    if step not in steps:
        return None
    return steps[min(steps.index(step) + 1, len(steps) - 1)]


def _after(protocol: Protocol, schedule: str, step: str, on: date) -> date | None:
    """The day that the label's table names after a dose; None: it names none."""
    if step not in protocol.steps_of(schedule):
        return None
    return dose_dates(protocol, last_step=step, schedule=schedule, last_on=on).due_on


def _window_days(policy: Policy) -> int:
    """How many civil days after that of the dose are watched, the hour of the dose not being known."""
    hours = policy.watch.named("risk_window").hours_after_dose
    assert hours is not None
    return -(-hours // 24)


def _window(dose: _Ahead, policy: Policy, zone: str) -> Span:
    last = dose.on + timedelta(days=_window_days(policy))
    return Span(begins=day_start(dose.on, zone), ends=day_start(last + ONE_DAY, zone))


def _merged(spans: Iterable[Span], begins: datetime, ends: datetime) -> Iterator[Span]:
    """The spans between two instants, those that meet as one."""
    open_: Span | None = None
    for span in sorted(spans, key=lambda each: each.begins):
        if not span.meets(begins, ends):
            continue
        if open_ is None or span.begins > open_.ends:
            if open_ is not None:
                yield open_
            open_ = span
        else:
            open_ = Span(begins=open_.begins, ends=max(open_.ends, span.ends))
    if open_ is not None:
        yield open_


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _seen(
    watched: Sequence[Given], ahead: Sequence[_Ahead], policy: Policy, today: date, until: date
) -> Iterator[Seen]:
    """The days of an assessment from today on; of two windows the day counts from the later dose."""
    after: dict[date, int] = {}
    for dose in watched:
        place = zone_named(dose.event.zone)
        first = dose.on or dose.watch_begins.astimezone(place).date()
        last = (window_ends(dose, policy) - MOMENT).astimezone(place).date()
        for day in _days(first, last):
            after[day] = (day - first).days
    for coming in ahead:
        if coming.watched:
            for day in _days(coming.on, coming.on + timedelta(days=_window_days(policy))):
                if coming.in_hospital:
                    after.pop(day, None)
                else:
                    after[day] = (day - coming.on).days
    rules = policy.daily
    for day in sorted(after):
        if today <= day < until:
            yield Seen(on=day, who=falls_on(rules.row(after[day])) if rules is not None else "not_known")


# --- what a start asks ------------------------------------------------------------------------------------------------------


def wanted_by_start(history: History, protocol: Protocol, policy: Policy, on: date, setting: str | None) -> Wanted:
    """What a first dose on a day asks of its site until the window after the first treatment dose is over.

    The calendar of the step-up counts where it begins on that day; else the days that the label's table names.
    """
    inside = setting == IN_HOSPITAL
    schedule = schedule_at(history, protocol)
    if schedule is None:
        return Wanted(watched=None, in_hospital=inside, because="the schedule is not known, so nor is the window")
    days = _calendar(history, protocol.steps_of(schedule), on)
    if days is None:
        days, lacking = _by_label(protocol, schedule)
        if lacking is not None:
            because = f"the label names no day after {step_words(lacking)}, so nobody knows how long the window lasts"
            return Wanted(watched=None, dosing=days, in_hospital=inside, because=because)
    watched = sorted({number + each for number in days for each in range(_window_days(policy) + 1)})
    return Wanted(watched=tuple(watched), dosing=days, in_hospital=inside)


def _calendar(history: History, steps: Sequence[str], on: date) -> tuple[int, ...] | None:
    """The days of a written calendar that begins on that day and has every step of the label to the first treatment dose."""
    slots = _slots(history)
    wanted = steps[: steps.index(FIRST_TREATMENT) + 1]
    if [step for step, _ in slots] != list(wanted) or slots[0][1] != on:
        return None
    return tuple((day - on).days for _, day in slots)


def _slots(history: History) -> list[tuple[str, date]]:
    """The steps and days of the calendar of the step-up that was written last, in the order of time."""
    planned = history.last("step_up_planned")
    slots = sorted(planned.body.doses or (), key=lambda each: each.at) if planned is not None else []
    return [(each.step, civil_date(each.at, planned.zone)) for each in slots] if planned is not None else []


def _by_label(protocol: Protocol, schedule: str) -> tuple[tuple[int, ...], str | None]:
    """The days of each step to the first treatment dose; and the step after which the label names none, None: it names all."""
    steps = protocol.steps_of(schedule)
    any_day = date(2000, 1, 3)  # the table counts days; which day it is does not matter
    days = [0]
    for step in steps[: steps.index(FIRST_TREATMENT)]:
        following = _after(protocol, schedule, step, any_day)
        if following is None:
            return tuple(days), step
        days.append(days[-1] + (following - any_day).days)
    return tuple(days), None
