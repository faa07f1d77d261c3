"""What the calls decided: was the patient reached in time, may the patient stay at home, and which clock runs now?

Each outcome of a call opens a clock of its own, under a stable key, until the clinical assessment (CRS grade and ICE score) is
recorded: "comes in" until the patient is seen, "sent to the emergency department" until arrival and until somebody has called the
department back. "Stays at home" is never enough for RED-1 or RED-2; for RED-3 and RED-4 only where the admission policy
allows it and everything about it is known, or as the signed departure of a named person. "I have it" stops none of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handrail.rules.answer import Finding, PageWanted, SourceRef, Task
from handrail.rules.assessed import clinical_grade, crs_grade
from handrail.rules.doses import Given
from handrail.rules.episodes import Episodes
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.terms import Ladder, Missing, Urgency, say_instant
from handrail.rules.triage import (
    NEVER_STAYING_HOME,
    STAYING_HOME,
    Report,
    TriageAnswer,
    ice_baseline,
    ice_total,
    neutrophils,
    report_of,
    signed_to_stay,
)
from handrail.rules.watch import IN_CARE

DECIDES = (STAYING_HOME, "coming_in", "sent_to_ed", "handed_over")
"""The outcomes that say where the patient goes; of several the last one counts."""


@dataclass(slots=True, kw_only=True)
class ContactAnswer:
    """What the calls leave open, and the instants at which time alone changes it."""

    findings: list[Finding] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    pages: list[PageWanted] = field(default_factory=list)
    cannot_say: list[Missing] = field(default_factory=list)
    changes_at: list[datetime] = field(default_factory=list)


def contact(
    history: History,
    doses: Sequence[Given],
    toxicity: Episodes,
    sorted_out: TriageAnswer,
    policy: Policy,
    now: datetime,
) -> ContactAnswer:
    """What was decided with the patient, what must follow by when, and what is missing for it, at `now`."""
    answer = ContactAnswer()
    _reached_in_time(sorted_out, policy, now, answer)
    _admission(history, toxicity, policy, answer)
    decided = _decided(history)
    if not decided:
        return answer
    last = decided[-1]
    if _assessed_since(last, sorted_out):
        return answer
    report = _report_behind(last, history, doses, sorted_out, policy)
    if report is None or (report.event.kind == "ice_assessed" and _icans_since(last, sorted_out)):
        return answer
    if last.body.outcome == STAYING_HOME:
        _stays(last, report, history, policy, answer)
    elif not _in_care_since(last, history) and last.body.outcome == "coming_in":
        _comes_in(_first_of_run(decided), report, policy, now, answer, history.course.time_zone)
    elif last.body.outcome == "sent_to_ed":
        _sent(_first_of_run(decided), report, history, policy, now, answer)
    return answer


# --- was the patient reached in time -----------------------------------------------------------------------------


def _reached_in_time(sorted_out: TriageAnswer, policy: Policy, now: datetime, answer: ContactAnswer) -> None:
    """Somebody reaches the patient by voice in time after each report; of one ladder the first that nobody spoke about."""
    closed = sorted_out.closed
    assert closed is not None
    clocked: set[Ladder] = set()
    for report in sorted_out.reports:
        row = policy.ladders[report.ladder]
        if report.ladder in clocked or row.confirm_within_minutes is None:
            continue
        if closed.heard is not None and closed.heard > closed.came_in(report.event):
            continue
        clocked.add(report.ladder)
        by = report.event.at + timedelta(minutes=row.confirm_within_minutes)
        answer.changes_at.append(by)
        answer.tasks.append(Task(who=row.owner, what=f"reach the patient by voice ({report.ladder.value})", by=by))
        if now < by:
            continue
        because = f"no call that reached the patient within {row.confirm_within_minutes} minutes of the report"
        source = policy.source(row.source, f"ladder.{report.ladder.value}")
        what = "Nobody has reached the patient since the report"
        answer.findings.append(_finding(what, report.ladder.urgency, row.owner, because, source))
        beside = f"report:{report.ladder.value}:"
        answer.pages.append(
            PageWanted(
                key=f"contact:{report.ladder.value}:{report.event.id}",
                urgency=report.ladder.urgency,
                ladder=report.ladder,
                what="contact with the patient is not confirmed",
                because=because,
                since=by,
                follows=next((page.key for page in sorted_out.pages if page.key.startswith(beside)), None),
            )
        )


# --- what the last call decided -----------------------------------------------------------------------------------


def _decided(history: History) -> list[Event]:
    """The calls that reached somebody and said where the patient goes, oldest first."""
    return [e for e in history.of("contact_made") if e.body.reached is True and e.body.outcome in DECIDES]


def _first_of_run(decided: Sequence[Event]) -> Event:
    """The first of the last calls that all decided the same: saying it again starts no clock anew."""
    first = decided[-1]
    for event in reversed(decided[:-1]):
        if event.body.outcome != first.body.outcome:
            break
        first = event
    return first


def _report_behind(
    call: Event, history: History, doses: Sequence[Given], sorted_out: TriageAnswer, policy: Policy
) -> Report | None:
    """The worst RED report before a call that nobody had assessed, or that came not long before it."""
    assert sorted_out.closed is not None
    hours = policy.contact.belongs_within_hours if policy.contact is not None else 0
    oldest = call.at - timedelta(hours=hours)
    worst: Report | None = None
    for event in history.of("checkin_received", "vitals_measured", "ice_assessed"):
        if event.at >= call.at or (event.at < oldest and sorted_out.closed.assessed(event)):
            continue
        report = report_of(event, history, doses, policy, sorted_out.baselines)
        if report is None or report.ladder.urgency is not Urgency.NOW:
            continue
        if worst is None or report.ladder.rank < worst.ladder.rank:
            worst = report
    return worst


def _assessed_since(call: Event, sorted_out: TriageAnswer) -> bool:
    """Whether CRS grade and ICE score were recorded at the call or after it."""
    closed = sorted_out.closed
    assert closed is not None
    return closed.crs is not None and closed.crs >= call.at and closed.ice is not None and closed.ice >= call.at


def _icans_since(call: Event, sorted_out: TriageAnswer) -> bool:
    """Whether the ICANS inputs, which close a report of an ICE score, were recorded at the call or after it."""
    assert sorted_out.closed is not None
    return sorted_out.closed.icans is not None and sorted_out.closed.icans >= call.at


def _in_care_since(call: Event, history: History) -> Event | None:
    """The first word since a call that the patient is in a hospital or an emergency department."""
    return next((e for e in history.of("home_status") if e.at >= call.at and e.body.location in IN_CARE), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """What must follow a call by an instant: a task until it is recorded, and late from then on."""

    key: str
    """What the key of the page begins with; the id of the call follows."""
    task: str
    by: datetime
    late: str
    """The finding when it is late."""
    page: str
    because: str


def _run(clock: _Clock, call: Event, report: Report, policy: Policy, now: datetime, answer: ContactAnswer) -> None:
    """Ask for what the clock of a call waits for; say it and page it when the time is over."""
    answer.changes_at.append(clock.by)
    answer.tasks.append(Task(who="on_call", what=clock.task, by=clock.by))
    if now < clock.by:
        return
    _late(clock.late, report, policy, clock.because, answer)
    answer.pages.append(
        PageWanted(
            key=f"{clock.key}:{call.id}",
            urgency=report.ladder.urgency,
            ladder=report.ladder,
            what=clock.page,
            because=clock.because,
            since=clock.by,
        )
    )


def _comes_in(call: Event, report: Report, policy: Policy, now: datetime, answer: ContactAnswer, zone: str) -> None:
    minutes = policy.ladders[report.ladder].seen_within_minutes
    if minutes is None:
        return
    said = say_instant(call.at, zone)
    seen = _Clock(
        key="seen",
        task="see the patient who comes in, and assess",
        by=call.at + timedelta(minutes=minutes),
        late="The patient who comes in has not been seen",
        page="the patient who comes in has not been seen",
        because=f"comes in since the call of {said}; to be seen within {minutes} minutes, and nothing is recorded",
    )
    _run(seen, call, report, policy, now, answer)


def _sent(call: Event, report: Report, history: History, policy: Policy, now: datetime, answer: ContactAnswer) -> None:
    """Arrival, then the call back to the department: each until it is recorded."""
    row, said = policy.ladders[report.ladder], say_instant(call.at, history.course.time_zone)
    if row.arrival_within_minutes is None:
        return
    arrived = _in_care_since(call, history)
    by = call.at + timedelta(minutes=row.arrival_within_minutes)
    if arrived is None:
        arrival = _Clock(
            key="arrival",
            task="confirm the arrival in the emergency department",
            by=by,
            late="The patient has not arrived in the emergency department",
            page="arrival in the emergency department is not confirmed",
            because=f"sent to the emergency department at the call of {said}; no arrival is recorded",
        )
        _run(arrival, call, report, policy, now, answer)
    called = any(e.body.reached is True and e.body.with_ == "ed" and e.at > call.at for e in history.of("contact_made"))
    if called or row.ed_call_back_within_minutes is None:
        return
    call_back = _Clock(
        key="ed_call_back",
        task="call the emergency department back",
        by=(min(arrived.at, by) if arrived is not None else by) + timedelta(minutes=row.ed_call_back_within_minutes),
        late="The emergency department has not been called back",
        page="the emergency department has not been called back",
        because=f"sent there at the call of {said}; nobody has spoken with the department since",
    )
    _run(call_back, call, report, policy, now, answer)


# --- staying at home ----------------------------------------------------------------------------------------------


def _stays(call: Event, report: Report, history: History, policy: Policy, answer: ContactAnswer) -> None:
    """The patient was told to stay at home: allowed, signed for, or somebody must decide anew."""
    if report.ladder in NEVER_STAYING_HOME:
        because = f"nobody stays at home after {report.ladder.value}: the patient goes to the emergency department"
    else:
        if _departed_since(report.event.at, history):
            return
        lacks = stay_lacks(history, policy, call, report.event.at)
        if not lacks:
            return
        answer.cannot_say += [Missing(missing=f"staying_home_{name}", why_it_matters=why) for name, why in lacks]
        because = "; ".join(why for _, why in lacks) + ": have the patient come in, or sign a departure with a reason"
    _late("The patient was told to stay at home, which the policy does not allow", report, policy, because, answer)
    answer.pages.append(
        PageWanted(
            key=f"staying_home:{call.id}",
            urgency=report.ladder.urgency,
            ladder=report.ladder,
            what="staying at home is not allowed: decide again",
            because=because,
            since=call.at,
        )
    )


def stay_lacks(history: History, policy: Policy, call: Event | None, since: datetime) -> list[tuple[str, str]]:
    """Why the patient may not stay at home after a RED-3 or RED-4 report of `since`: (what, why); nothing when it is allowed.

    `call`: the contact at which it was decided, None when nobody has spoken of it yet.
    """
    rules = policy.contact
    if rules is None or rules.admission == "admit_all":
        return [("policy", "the admission policy admits everybody with CRS or fever")]
    return list(_lacks(history, policy, call, since))


def _lacks(history: History, policy: Policy, call: Event | None, since: datetime) -> Iterator[tuple[str, str]]:
    rules = policy.contact
    assert rules is not None
    graded = [e for e in history.of("crs_assessed") if e.at >= since]
    grade = _grade(graded[-1]) if graded else None
    if grade is None:
        yield "grade", "the CRS grade is not known since the report"
    elif grade > rules.stay_most_grade:
        yield "grade", f"the CRS grade is {grade}, above {rules.stay_most_grade}"
    scores = [e for e in history.of("ice_assessed") if e.at >= since]
    total = ice_total(scores[-1]) if scores else None
    if total is None:
        yield "ice", "the ICE score is not known since the report"
    elif total < ice_baseline(history, scores[-1].at):
        yield "ice", "the ICE score is under the baseline"
    taken = [e for e in history.of("vitals_measured") if e.at >= since]
    unknown = [name for name in rules.stay_vitals if not taken or getattr(taken[-1].body, name) is None]
    if unknown:
        yield "vitals", f"vital signs are not known since the report: {', '.join(unknown).replace('_', ' ')}"
    at = call.at if call is not None else since
    anc = neutrophils(history, at, policy)
    if anc is None or anc < policy.triage.anc_infection_first_below:
        shown = "not known" if anc is None else f"{anc} x 10^9/L"
        yield "anc", f"the neutrophil count is {shown}: the infection path comes first"
    check = call.body.next_check_at if call is not None else None
    latest = at + timedelta(minutes=rules.stay_next_check_within_minutes)
    if check is None or not at < check <= latest:
        yield "next_check", f"no next check is agreed within {rules.stay_next_check_within_minutes} minutes"
    if not _accompanied(history, at, check):
        yield "caregiver", "nobody is known to stay with the patient until the next check"


def _grade(event: Event) -> int | None:
    """The grade of an assessment as it stands, whether or not an episode was open before it: the worse one."""
    grades = [clinical_grade(event, crs_grade(event, episode_open)) for episode_open in (True, False)]
    return None if None in grades else max(grade for grade in grades if grade is not None)


def _accompanied(history: History, at: datetime, until: datetime | None) -> bool:
    """Whether the latest word by then is that somebody stays with the patient."""
    present: bool | None = None
    for event in history.of("checkin_received", "home_status"):
        if event.at > at:
            break
        if event.kind == "checkin_received":
            if event.body.caregiver_present is not None or "caregiver_present" in event.nulls:
                present = event.body.caregiver_present
        elif {"caregiver_from", "caregiver_until"} & set(event.nulls):
            present = None
        elif event.body.caregiver_from is not None and event.body.caregiver_until is not None:
            present = event.body.caregiver_from <= at and event.body.caregiver_until >= (until or at)
    return present is True


def _departed_since(since: datetime, history: History) -> bool:
    return any(e.at >= since and signed_to_stay(e) for e in history.of("departure_signed"))


def _admission(history: History, toxicity: Episodes, policy: Policy, answer: ContactAnswer) -> None:
    """CRS of a known grade at home: the programme admits it, or everything that lets it stay is known."""
    current, state = toxicity.crs.current, toxicity.crs.state
    if current is None or state.grade is None or state.grade < 1 or policy.contact is None:
        return
    home = history.last("home_status")
    if (home is not None and home.body.location in IN_CARE) or _departed_since(current.opened_at, history):
        return
    calls = [e for e in history.of("contact_made") if e.body.reached is True and e.body.outcome == STAYING_HOME]
    call = calls[-1] if calls and calls[-1].at >= current.opened_at else None
    lacks = stay_lacks(history, policy, call, current.opened_at)
    if not lacks:
        return
    because = "; ".join(why for _, why in lacks)
    source = policy.source(policy.contact.source, "contact")
    what = f"CRS grade {state.grade} is open, and the patient is not known to be in hospital"
    answer.findings.append(_finding(what, Urgency.NOW, "prescriber", because, source))
    answer.tasks.append(Task(who="prescriber", what=f"admit the patient with CRS grade {state.grade}", by=None))


def _late(what: str, report: Report, policy: Policy, because: str, answer: ContactAnswer) -> None:
    row = policy.ladders[report.ladder]
    source = policy.source(row.source, f"ladder.{report.ladder.value}")
    answer.findings.append(_finding(what, report.ladder.urgency, row.owner, because, source))


def _finding(what: str, urgency: Urgency, owner: str, because: str, source: SourceRef) -> Finding:
    return Finding(rule="contact", what=what, urgency=urgency, owner=owner, because=because, source=source)
