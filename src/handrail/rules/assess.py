"""Everything Handrail can say about one course at one instant, as one pure function.

The steps: take what had happened by `now`; weigh every reading of conflicting corrections and keep the more cautious
answer; follow doses and toxicities; ask each rule its question; gather findings, tasks and pages; say what cannot be
said; name the next instant at which time alone changes the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from handrail.rules.answer import Assessment, CourseState, Finding, PageWanted, Task, Toxicity, Watch
from handrail.rules.answering import accountable, standing_of
from handrail.rules.call_back import call_backs
from handrail.rules.checks import checks
from handrail.rules.contact import contact
from handrail.rules.daily import daily
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Episodes, episodes
from handrail.rules.handback import handback
from handrail.rules.handoff import HandoffAnswer, handoff
from handrail.rules.handoff_loop import Stage
from handrail.rules.history import History
from handrail.rules.holds import Hold
from handrail.rules.home_medicines import home_medicines
from handrail.rules.inpatient import inpatient
from handrail.rules.interval import interval
from handrail.rules.management import above_the_cap, another_tocilizumab
from handrail.rules.nextdose import NextDoseAnswer, latest_weight, next_dose
from handrail.rules.planned import planning_findings
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.rems import rems
from handrail.rules.schedule import (
    interval_change_findings,
    premedication_findings,
)
from handrail.rules.stays import stay_findings, with_stays
from handrail.rules.terms import (
    FIRST_TREATMENT,
    Action,
    Ladder,
    Missing,
    Status,
    Urgency,
    civil_date,
)
from handrail.rules.triage import TriageAnswer, ice_total, triage
from handrail.rules.upcoming import upcoming
from handrail.rules.watch import WatchAnswer, watch


def assess(protocol: Protocol, policy: Policy, history: History, now: datetime, *, context: Any = None) -> Assessment:
    """The whole answer for a course at `now`.

    Args:
        protocol: the revision the course is pinned to, overlays applied.
        policy: the site's policy.
        history: the facts; those dated later than `now` do not count yet.
        now: an aware instant.
        context: what the site knows beyond the course: under `accountability`, who could answer and by which agreement.

    Raises:
        ValueError: `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    present = history.until(now)
    later = history.next_event_after(now)
    if present.too_many_alternatives():
        weighed = [_assess_one(protocol, policy, one, now, later, context) for one in present.one_by_one()]
        return _conflicted(_more_cautious(weighed), "too many to weigh")
    answers = [_assess_one(protocol, policy, one, now, later, context) for one in present.alternatives()]
    if len(answers) == 1:
        return answers[0]
    return _conflicted(_more_cautious(answers), "the more cautious is used")


def _assess_one(
    protocol: Protocol, policy: Policy, history: History, now: datetime, later: datetime | None, context: Any
) -> Assessment:
    doses = given_doses(history)
    toxicity = episodes(history, doses, policy)
    doses = with_stays(doses, history, toxicity, protocol, policy)
    sorted_out = triage(history, doses, policy, now)
    dose = next_dose(history, doses, toxicity, protocol, policy, now, emergency=open_report(sorted_out))
    watched = watch(history, doses, policy, now)
    contacts = daily(history, doses, policy, now)
    changes: list[datetime] = [*dose.changes_at, *watched.changes_at, *sorted_out.changes_at]
    at_home = home_medicines(history, policy, now)
    called = contact(history, doses, toxicity, sorted_out, policy, now)
    back = handback(history, policy, now)
    over = handoff(history, doses, toxicity, dose.next_dose, policy, now)
    stay = inpatient(history, policy, now)
    owed = call_backs(history, policy, now)
    changes += [
        *stay.changes_at,
        *owed.changes_at,
        *at_home.changes_at,
        *contacts.changes_at,
        *called.changes_at,
        *back.changes_at,
        *over.changes_at,
    ]
    findings = [*sorted_out.findings, *called.findings, *watched.findings, *contacts.findings, *back.findings]
    findings += [*dose.findings, *at_home.findings, *over.findings, *stay.findings, *owed.findings]
    findings += _rescue_findings(history, doses, toxicity, policy, now, changes)
    findings += planning_findings(history, doses, protocol, toxicity, now, changes)
    findings += _schedule_findings(history, doses, protocol)
    findings += _premedication_findings(history, doses, protocol)
    findings += stay_findings(history, doses, protocol, policy, now, changes)
    findings += _before_the_dose(history, doses, protocol, policy, dose, now, changes)
    findings += _reliance_findings(history, protocol, dose)
    party, unanswered, moments = _accountable(history, now, sorted_out, watched, context)
    findings += unanswered
    changes += moments
    if later is not None:
        changes.append(later)
    missing = [*toxicity.cannot_say, *dose.cannot_say, *sorted_out.cannot_say, *at_home.cannot_say]
    missing += [*called.cannot_say, *over.cannot_say, *history.asked_not_known()]
    return Assessment(
        at=now,
        protocol_key=protocol.key,
        policy=policy.ref,
        state=_state(history, doses, dose, watched, sorted_out, over),
        next_dose=dose.next_dose,
        toxicity=Toxicity(crs=toxicity.crs.state, icans=toxicity.icans.state, infection=toxicity.infection.state),
        triage=sorted_out.triage,
        watch=_with_latest(watched.watch, history, doses),
        accountable=party,
        home_medicines=at_home.medicines,
        masking=at_home.masking,
        daily=contacts.days,
        dose_clock=over.clock,
        handoffs=tuple(over.handoffs),
        findings=tuple(sorted(findings, key=lambda finding: finding.urgency.rank)),
        tasks=(
            *(*sorted_out.tasks, *called.tasks, *back.tasks, *watched.tasks, *contacts.tasks),
            *(*over.tasks, *stay.tasks, *owed.tasks, *_dose_tasks(dose)),
        ),
        pages=_pages(
            history, (*sorted_out.pages, *called.pages, *watched.pages, *over.pages, *stay.pages), always=owed.pages
        ),
        cannot_say=_once(missing),
        look_again_at=min((at for at in changes if at > now), default=None),
    )


def _pages(history: History, wanted: Sequence[PageWanted], *, always: Sequence[PageWanted]) -> tuple[PageWanted, ...]:
    """Who is to be called, the most urgent first: nobody for a patient who has died, but whoever waits at a phone is called back."""
    ended = history.last("course_ended")
    died = ended is not None and ended.body.died is True
    asked = (*always, *(() if died else wanted))
    return tuple(sorted(asked, key=lambda page: (page.ladder.rank, page.key)))


def open_report(sorted_out: TriageAnswer) -> Hold | None:
    """An urgent report that nobody has dealt with, or one that may be urgent: a value of it was asked and is not known."""
    ladder = sorted_out.triage.ladder
    if ladder is not None and ladder.urgency is Urgency.NOW:
        because = f"an urgent report is open: {sorted_out.triage.because}"
        return Hold(action=Action.HOLD, what="emergency", because=because)
    if sorted_out.in_doubt is not None:
        because = f"a report may have been urgent: {sorted_out.in_doubt}"
        return Hold(action=Action.ASK, what="report", because=because)
    return None


def _with_latest(watched: Watch, history: History, doses: Sequence[Given]) -> Watch:
    """The watch with the latest dose, temperature and ICE score, as a board shows them."""
    dose = doses[-1] if doses else None
    reports = reversed(history.of("checkin_received", "vitals_measured"))
    measured = next((e for e in reports if e.body.temperature_c is not None), None)
    scored = next((e for e in reversed(history.of("ice_assessed")) if ice_total(e) is not None), None)
    return replace(
        watched,
        last_dose_step=dose.step if dose else None,
        last_dose_at=dose.at if dose else None,
        last_temperature_c=measured.body.temperature_c if measured else None,
        last_temperature_at=measured.at if measured else None,
        last_ice_0_10=ice_total(scored) if scored else None,
        last_ice_at=scored.at if scored else None,
    )


def _once(missing: Iterable[Missing]) -> tuple[Missing, ...]:
    return tuple(sorted(dict.fromkeys(missing), key=lambda item: item.missing))


# --- where the course stands ------------------------------------------------------------------------------------

_SENT = CourseState(number=13, name="HAND-OFF SENT")
_HANDED = {
    Stage.OFFERED: _SENT,
    Stage.DELIVERED: _SENT,
    Stage.READ: CourseState(number=14, name="HAND-OFF ACKNOWLEDGED"),
    Stage.ACCEPTED: CourseState(number=15, name="HAND-OFF ACCEPTED"),
    Stage.FIRST_DOSE: CourseState(number=16, name="FIRST COMMUNITY DOSE"),
}
"""Where a course stands while a hand-off is open."""


def _state(
    history: History,
    doses: Sequence[Given],
    dose: NextDoseAnswer,
    watched: WatchAnswer,
    sorted_out: TriageAnswer,
    over: HandoffAnswer,
) -> CourseState:
    """The pathway state, the first that applies from the most to the least pressing."""
    ladder = sorted_out.triage.ladder
    if history.last("course_ended") is not None:
        return CourseState(number=22, name="ENDED")
    if ladder is not None and ladder is not Ladder.GREEN:
        return CourseState(number=10, name="EVENT")
    if dose.next_dose.action in (Action.HOLD, Action.STOP):
        return CourseState(number=11, name="HOLD")
    if not doses:
        return (
            CourseState(number=7, name="GATE")
            if history.of("dose_planned")
            else CourseState(number=4, name="CANDIDATE")
        )
    if watched.watch.in_window:
        return CourseState(number=9, name="WATCH")
    if dose.next_dose.action is Action.RESTART:
        return CourseState(number=21, name="INTERRUPTED")
    if over.current is not None:
        returns = over.current.offered.body.returns is True and over.current.stage.waits
        return CourseState(number=20, name="RETURNED") if returns else _HANDED[over.current.stage]
    if doses[-1].step == FIRST_TREATMENT:
        return CourseState(number=12, name="STEP-UP COMPLETE")
    if doses[-1].is_treatment:
        return CourseState(number=17, name="MAINTENANCE")
    return CourseState(number=7, name="GATE")


def _accountable(
    history: History, now: datetime, sorted_out: TriageAnswer, watched: WatchAnswer, context: Any
) -> tuple[str | None, list[Finding], list[datetime]]:
    """The party that answers for the patient now, what is wrong with that, and when time alone changes it."""
    ladder = sorted_out.triage.ladder
    urgent = ladder is not None and ladder.urgency is Urgency.NOW
    standing = standing_of(history, now, urgent=urgent, window_ends=watched.watch.window_ends)
    return accountable(standing, context, now)


# --- findings of the course as a whole ---------------------------------------------------------------------------


def _rescue_findings(
    history: History,
    doses: Sequence[Given],
    toxicity: Episodes,
    policy: Policy,
    now: datetime,
    changes: list[datetime],
) -> list[Finding]:
    """Tocilizumab given since the last dose above the cap; while CRS is open, what a further one would meet."""
    found = list(above_the_cap(history, policy, since=doses[-1].at if doses else None))
    current = toxicity.crs.current
    if current is None:
        return found
    answer = another_tocilizumab(history, policy, now, latest_weight(history), current.opened_at)
    changes.extend(answer.changes_at)
    return [*found, *answer.warnings]


def _schedule_findings(history: History, doses: Sequence[Given], protocol: Protocol) -> list[Finding]:
    """Whether the chosen interval is what the label asks for."""
    chosen = history.last("schedule_changed")
    dated = [dose.on for dose in doses if dose.on is not None]
    if chosen is None or chosen.body.schedule is None or not dated:
        return []
    earlier = [e for e in history.of("schedule_changed") if e.at < chosen.at and e.body.schedule]
    since = civil_date(earlier[-1].at, earlier[-1].zone) if earlier else dated[0]
    return list(
        interval_change_findings(
            protocol,
            wanted=chosen.body.schedule,
            current=earlier[-1].body.schedule if earlier else (history.course.schedule or protocol.schedules[0]),
            response=chosen.body.response,
            response_since=chosen.body.response_since,
            first_dose_on=dated[0],
            on_schedule_since=since,
            on=civil_date(chosen.at, chosen.zone),
            given=[dose.step for dose in doses if dose.at is None or dose.at <= chosen.at],
        )
    )


def _premedication_findings(history: History, doses: Sequence[Given], protocol: Protocol) -> list[Finding]:
    """Whether what was given earlier on the day of the latest dose agrees with the label's premedication."""
    last = doses[-1] if doses else None
    if last is None or last.at is None or last.step is None:
        return []
    found: list[Finding] = []
    for event in history.of("medicine_given"):
        same_day = event.at <= last.at and civil_date(event.at, last.event.zone) == last.on
        if same_day and event.body.purpose == "premedication" and event.body.agent is not None:
            minutes = int((last.at - event.at).total_seconds() // 60)
            agent, mg = event.body.agent, event.body.dose_mg
            found += premedication_findings(protocol, step=last.step, agent=agent, dose_mg=mg, minutes_before=minutes)
    return found


def _before_the_dose(
    history: History,
    doses: Sequence[Given],
    protocol: Protocol,
    policy: Policy,
    dose: NextDoseAnswer,
    now: datetime,
    changes: list[datetime],
) -> list[Finding]:
    """What stands open on the gate of the dose that comes next: REMS, the label's warnings, a longer interval."""
    coming = upcoming(history, doses, dose.next_dose, now)
    changes += coming.changes_at
    last_at = doses[-1].at if doses else None
    answers = (
        rems(protocol, policy, history, coming.dose, last_at),
        checks(protocol, history, coming.dose),
        interval(protocol, history, doses, dose.next_dose, coming.dose),
    )
    for answer in answers:
        changes += answer.changes_at
    return [finding for answer in answers for finding in answer.findings]


def _reliance_findings(history: History, protocol: Protocol, dose: NextDoseAnswer) -> list[Finding]:
    """Say so when the answer rests on a row that was not read in the label itself, or on an unpinned protocol."""
    found: list[Finding] = []
    row = protocol.row(dose.next_dose.row) if dose.next_dose.row else None
    confirmed = row is not None and row.signed_by is not None
    if dose.next_dose.status is Status.SECONDARY and dose.next_dose.action.gives and not confirmed:
        found.append(
            Finding(
                rule="protocol",
                what=f"The answer rests on row {dose.next_dose.row}, which was not read in the label itself",
                urgency=Urgency.ROUTINE,
                owner="pharmacist",
                because="the row comes from a third-party summary that names the label",
                source=dose.next_dose.source,
            )
        )
    if history.course.protocol_key is None and not history.of("protocol_changed"):
        found.append(
            Finding(
                rule="protocol",
                what=f"No protocol is pinned: {protocol.key} was taken as the newest active one",
                urgency=Urgency.ROUTINE,
                owner="pharmacist",
                because="a live course pins the revision that its organisation signed",
            )
        )
    return found


def _dose_tasks(dose: NextDoseAnswer) -> tuple[Task, ...]:
    if dose.next_dose.action is Action.ASK:
        return (Task(who="prescriber", what=f"decide the next dose: {dose.next_dose.because}", by=None),)
    return ()


# --- conflicting corrections -------------------------------------------------------------------------------------


def _more_cautious(answers: Sequence[Assessment]) -> Assessment:
    """One answer from several readings: each part the most cautious, every finding and page kept."""
    dose = max((a.next_dose for a in answers), key=lambda d: (d.action.caution, d.withheld))
    base = next(a for a in answers if a.next_dose == dose)
    tied = {
        (a.next_dose.step, a.next_dose.amount) for a in answers if a.next_dose.action.caution == dose.action.caution
    }
    if dose.action.gives and len(tied) > 1:
        because = "conflicting corrections lead to different doses: ask the prescriber which is right"
        asked = replace(dose, action=Action.ASK, withheld=True, because=because, confirm=None, then=None)
        base = replace(base, next_dose=replace(asked, step=None, amount=None))
    by_page = {page.key: page for a in answers for page in a.pages}
    sorted_out = min((a.triage for a in answers), key=lambda t: t.ladder.rank if t.ladder else len(Ladder))
    disposition = min((a.triage.disposition for a in answers), key=lambda d: d.rank)
    overdue = [a.watch for a in answers if a.watch.overdue_since is not None]
    looks = [a.look_again_at for a in answers if a.look_again_at is not None]
    return replace(
        base,
        triage=replace(sorted_out, disposition=disposition),
        watch=overdue[0] if overdue else base.watch,
        toxicity=Toxicity(
            crs=_worse([a.toxicity.crs for a in answers]),
            icans=_worse([a.toxicity.icans for a in answers]),
            infection=_worse([a.toxicity.infection for a in answers]),
        ),
        findings=tuple(
            sorted(dict.fromkeys(f for a in answers for f in a.findings), key=lambda finding: finding.urgency.rank)
        ),
        tasks=tuple(dict.fromkeys(t for a in answers for t in a.tasks)),
        pages=tuple(sorted(by_page.values(), key=lambda page: (page.ladder.rank, page.key))),
        cannot_say=_once(m for a in answers for m in a.cannot_say),
        look_again_at=min(looks, default=None),
    )


def _worse(states: Sequence[Any]) -> Any:
    """Open before not known before absent, then the higher grade."""
    return max(states, key=lambda s: ({True: 2, None: 1, False: 0}[s.open], -1 if s.grade is None else s.grade))


def _conflicted(answer: Assessment, how: str) -> Assessment:
    finding = Finding(
        rule="history",
        what=f"Two corrections of one fact stand side by side: {how}",
        urgency=Urgency.TODAY,
        owner="nurse",
        because="each correction replaced the same fact; a third one must say which is right",
    )
    dose = answer.next_dose
    if how.startswith("too many") and dose.action is not Action.STOP:
        dose = replace(
            dose, action=Action.ASK, withheld=True, step=None, amount=None, because="conflicting corrections"
        )
    return replace(answer, next_dose=dose, findings=(finding, *answer.findings))
