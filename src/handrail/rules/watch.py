"""Is the patient's check due, and is it overdue?

After each step-up dose, the first treatment dose and a dose with a stay for a reaction before it checks are due at civil
times in the patient's zone. A check counts only with a known temperature. Silence is never read as well-being: reminder,
call, page, welfare check follow one another until somebody hears from the patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice

from handrail.rules.answer import Finding, PageWanted, Task, Watch, plain
from handrail.rules.doses import Given
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.policy import Policy, WatchPhase
from handrail.rules.stays import window_ends
from handrail.rules.terms import (
    FIRST_TREATMENT,
    Ladder,
    Urgency,
    civil_date,
    civil_instant,
    civil_time_trouble,
    say_instant,
    step_words,
)
from handrail.rules.triage import HEARD_FROM

IN_CARE = ("hospital", "ed")
BY_ITSELF = "device"
"""The source of a reading that nobody had to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAnswer:
    """The watch, what it found, and the instants at which time alone changes it."""

    watch: Watch
    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    pages: tuple[PageWanted, ...] = ()
    changes_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """One phase of the watch after a dose: from `begins` (included) to `ends` (not included)."""

    phase: WatchPhase
    begins: datetime
    ends: datetime


def watch(history: History, doses: Sequence[Given], policy: Policy, now: datetime) -> WatchAnswer:
    """The check-in clock at `now`.

    The end of a course is no answer: a silence for which somebody was called before it is followed until somebody hears from the
    patient, or the watch would have been over. A death ends it.
    """
    ended = history.last("course_ended")
    if ended is None:
        return _watch(history, doses, policy, now)
    still = _watch(history, doses, policy, now)
    before = _watch(history.until(ended.at), doses, policy, ended.at)
    same = still.watch.next_check_due is not None and still.watch.next_check_due == before.watch.next_check_due
    if ended.body.died is True or not before.pages or not same or still.watch.phase in ("none", "in_care"):
        return _silent("the course has ended")
    because = f"the course has ended, and nobody has heard from the patient: {still.watch.because}"
    return replace(still, watch=replace(still.watch, because=because))


def _watch(history: History, doses: Sequence[Given], policy: Policy, now: datetime) -> WatchAnswer:
    watched = [dose for dose in doses if dose.may_be_watched and dose.watch_begins <= now]
    if not watched:
        return _silent("no step-up dose or first treatment dose has been given")
    last = watched[-1]
    spans = _spans(watched, policy)
    changes = [edge for span in spans for edge in (span.begins, span.ends)]
    window_over = spans[0].ends
    in_window = now < window_over
    care = _in_care(history)
    if care is not None:
        ask_at = min((ends for dose in watched if (ends := window_ends(dose, policy)) > care.at), default=care.at)
        return WatchAnswer(
            watch=Watch(
                in_window=in_window,
                window_ends=window_over,
                next_check_due=None,
                overdue_since=None,
                overdue_stage=None,
                phase="in_care",
                because=f"in {_place(care)}: the home clocks pause under {care.site} until discharge",
            ),
            findings=(_still_in_care(care, history.course.time_zone),) if now >= ask_at else (),
            changes_at=(*changes, ask_at),
        )
    zone = patient_zone(history)
    due, phase = _first_due(history, last, spans, policy, zone)
    if due is None or phase is None:
        return WatchAnswer(
            watch=Watch(
                in_window=in_window,
                window_ends=window_over,
                next_check_due=None,
                overdue_since=None,
                overdue_stage=None,
                phase="none" if now >= spans[-1].ends else _phase_at(spans, now),
                because="no check is due any more" if now >= spans[-1].ends else "every check of this phase is done",
            ),
            changes_at=tuple(changes),
        )
    return _judge(due, phase, spans, in_window, window_over, policy, zone, now, changes)


def patient_zone(history: History) -> str:
    """The IANA zone where the patient is: the latest home status (lodging included), else the course's own."""
    home = history.last("home_status")
    return home.zone if home is not None else history.course.time_zone


def _silent(because: str) -> WatchAnswer:
    return WatchAnswer(
        watch=Watch(
            in_window=False,
            window_ends=None,
            next_check_due=None,
            overdue_since=None,
            overdue_stage=None,
            phase="none",
            because=because,
        )
    )


def _place(care: Event) -> str:
    return "the emergency department" if care.body.location == "ed" else "hospital"


def _still_in_care(care: Event, zone: str) -> Finding:
    return Finding(
        rule="watch",
        what=f"In {_place(care)} under {care.site} since {say_instant(care.at, zone)}: is the patient still there?",
        urgency=Urgency.TODAY,
        owner="nurse",
        because="nobody calls a patient who went home without a recorded discharge: record it, or where the patient is now",
    )


def _spans(watched: Sequence[Given], policy: Policy) -> list[_Span]:
    """The phases that follow the latest watched dose; a later dose never ends the window of an earlier one.

    After the window of a dose that is watched for a reaction alone the checks go on as after the dose whose step asked last.
    """
    last, begins = watched[-1], watched[-1].watch_begins
    risk = policy.watch.named("risk_window")
    if last.step is not None and not last.watched_by_step:
        risk = replace(risk, words=f"{risk.words}; here after a {step_words(last.step)}, for a reaction before it")
    over = max(window_ends(dose, policy) for dose in watched)
    asked = next(
        (dose.step for dose in reversed(watched) if dose.watched_by_step or dose.step is None), FIRST_TREATMENT
    )
    after = policy.watch.named("after_first_treatment" if asked == FIRST_TREATMENT else "step_up")
    last_day = begins + timedelta(days=policy.watch.no_longer_than_days)
    return [
        _Span(phase=risk, begins=begins, ends=over),
        _Span(phase=after, begins=over, ends=max(last_day, over)),
    ]


def _phase_at(spans: Sequence[_Span], instant: datetime) -> str:
    return next((span.phase.id for span in spans if span.begins <= instant < span.ends), "none")


def _in_care(history: History) -> Event | None:
    """The fact that puts the patient in a hospital or ED under a named unit, when it is the latest word."""
    located = [event for event in history.of("home_status") if event.body.location or "location" in event.nulls]
    if not located:
        return None
    latest = located[-1]
    return latest if latest.body.location in IN_CARE and latest.site else None


def _first_due(
    history: History, last: Given, spans: Sequence[_Span], policy: Policy, zone: str
) -> tuple[datetime | None, WatchPhase | None]:
    """The earliest check after the dose that nobody has answered."""
    credit = timedelta(minutes=policy.watch.early_credit_minutes)
    begins = answered = last.watch_begins
    recheck: datetime | None = None
    promised: datetime | None = None
    in_care = False
    for event in history.of("checkin_received", "vitals_measured", "contact_made", "home_status"):
        if event.kind == "home_status":
            if event.body.location is not None:
                came_home, in_care = in_care, event.body.location in IN_CARE
                if came_home and not in_care and event.at >= begins:
                    answered = max(answered, event.at)
        elif event.at < begins:
            continue
        elif event.kind == "contact_made":
            if event.body.reached is True and event.body.with_ in HEARD_FROM and "with" not in event.nulls:
                answered, recheck = max(answered, event.at), None
                promised = _agreed(event, spans, zone)
        elif event.body.temperature_c is not None:
            warm = policy.triage.recheck_c <= event.body.temperature_c < policy.triage.fever_c
            again = event.at + timedelta(minutes=policy.triage.recheck_after_minutes) if warm else None
            if event.source == BY_ITSELF:  # a sensor goes on measuring whoever says nothing any more
                recheck = recheck or again
            else:
                answered, promised, recheck = max(answered, event.at + credit), None, again
    scheduled = next(
        ((due, span.phase) for span in spans for due in _due_times(span, zone, after=answered)), (None, None)
    )
    following = (promised, _phase_for(spans, promised)) if promised is not None else scheduled
    if recheck is not None and (following[0] is None or recheck < following[0]):
        return recheck, _phase_for(spans, recheck)
    return following


def _agreed(contact: Event, spans: Sequence[_Span], zone: str) -> datetime | None:
    """The next check agreed with the patient: it may move one check, and never skips two.

    A time before the call, later than the second check, or beyond the phase of the call (a slip of the pen) silences nothing.
    """
    ends = next((span.ends for span in spans if contact.at < span.ends), spans[-1].ends)
    following = (due for span in spans for due in _due_times(span, zone, after=contact.at))
    second = next(islice(following, 1, None), ends)
    agreed: datetime | None = contact.body.next_check_at
    return agreed if agreed is not None and contact.at < agreed < ends and agreed <= second else None


def _phase_for(spans: Sequence[_Span], instant: datetime) -> WatchPhase:
    return next((span.phase for span in spans if instant < span.ends), spans[-1].phase)


@lru_cache(maxsize=4096)
def _instants_of(day: date, times: tuple[str, ...], zone: str) -> tuple[datetime, ...]:
    """The instants of one day's civil times, earliest first. They follow from the arguments alone and are asked often."""
    return tuple(sorted(civil_instant(day, time.fromisoformat(text), zone) for text in times))


def _due_times(span: _Span, zone: str, *, after: datetime) -> Iterator[datetime]:
    """Every due instant of a phase later than `after`, in order."""
    # The day before may hold one too: a clock change can move a late check over midnight.
    day = max(civil_date(span.begins, zone), civil_date(after, zone) - timedelta(days=1))
    while True:
        instants = _instants_of(day, span.phase.times, zone)
        if instants[0] >= span.ends:
            return
        yield from (due for due in instants if span.begins <= due < span.ends and due > after)
        day += timedelta(days=1)


def _judge(
    due: datetime,
    phase: WatchPhase,
    spans: Sequence[_Span],
    in_window: bool,
    window_over: datetime,
    policy: Policy,
    zone: str,
    now: datetime,
    changes: list[datetime],
) -> WatchAnswer:
    stages = (
        ("reminded", phase.remind_after_minutes),
        ("called", phase.call_after_minutes),
        ("paged", phase.page_after_minutes),
        ("welfare", phase.welfare_after_minutes),
    )
    times = {name: due + timedelta(minutes=minutes) for name, minutes in stages}
    changes += [due, *times.values()]
    passed = [name for name, at in times.items() if at <= now]
    stage = passed[-1] if passed else ("due" if due <= now else None)
    said = say_instant(due, zone)
    note = _clock_change_note(civil_date(due, zone), due, phase, zone)
    because = f"the check of {said}{note} is due in the phase: {phase.words}"
    findings: list[Finding] = []
    tasks: list[Task] = []
    pages: list[PageWanted] = []
    source = policy.source(phase.source, f"watch.phase.{phase.id}")
    if stage == "due":
        tasks.append(Task(who="patient", what=f"check-in of {said}", by=times["reminded"]))
    if passed:
        tasks.append(Task(who="patient", what=f"reminder: the check of {said} has not arrived", by=times["called"]))
    if "called" in passed:
        tasks.append(Task(who="nurse", what="call the patient and the caregiver", by=times["paged"]))
    if passed:
        urgency = Urgency.NOW if "welfare" in passed else Urgency.SOON if "paged" in passed else Urgency.TODAY
        findings.append(
            Finding(
                rule="watch",
                what=f"Check-in overdue: nothing received for the check of {said}",
                urgency=urgency,
                owner="on_call" if "paged" in passed else "nurse",
                because=because + "; silence is not a normal answer",
                source=source,
            )
        )
    if "paged" in passed:
        because = f"call the patient and the caregiver; {because}"
        pages.append(_page("overdue", due, Ladder.AMBER, "check-in overdue", because, times["paged"]))
    if "welfare" in passed:
        ladder = Ladder.RED_3 if phase.id == "risk_window" else Ladder.RED_4
        pages.append(_page("welfare", due, ladder, "no answer: welfare check", because, times["welfare"]))
    return WatchAnswer(
        watch=Watch(
            in_window=in_window,
            window_ends=window_over,
            next_check_due=due,
            overdue_since=due if passed else None,
            overdue_stage=stage,
            phase=_phase_at(spans, now),
            because=because,
        ),
        findings=tuple(findings),
        tasks=tuple(tasks),
        pages=tuple(pages),
        changes_at=tuple(changes),
    )


def _clock_change_note(day: date, due: datetime, phase: WatchPhase, zone: str) -> str:
    """Says so when the check's own civil time does not exist that night, or occurs twice."""
    for clock_time in phase.clock_times():
        trouble = civil_time_trouble(day, clock_time, zone)
        if trouble and civil_instant(day, clock_time, zone) == due:
            return f" (the clock changes that night: {clock_time:%H:%M} {trouble})"
    return ""


def _page(kind: str, due: datetime, ladder: Ladder, what: str, because: str, since: datetime) -> PageWanted:
    return PageWanted(
        key=f"{kind}:{plain(due)}", urgency=ladder.urgency, ladder=ladder, what=what, because=because, since=since
    )
