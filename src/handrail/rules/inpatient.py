"""The patient in hospital: day by day, who decides the next dose, and whether the centre has called those who have the patient there.

The first call is due some hours after the admission or a move to another unit, then one at a civil time of every day. Only a call
that reached somebody, the discharge or a death ends a call that is due: one that was missed never closes by itself, and every further
day without one pages anew. A time that a plan or a call names may bring the next call forward; it never puts it off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from handrail.rules.answer import Finding, PageWanted, Task
from handrail.rules.assessed import clinical_grade, crs_grade
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.doses import given_doses
from handrail.rules.episodes import Episode, clinical_icans, episodes, icans_grade
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.home_medicines import row_hiding
from handrail.rules.policy import Policy, inpatient_rules
from handrail.rules.policy_inpatient import InpatientPolicy
from handrail.rules.terms import Urgency, civil_date, civil_instant, say_instant

AT_HOME: Final = ("home", "lodging")
IN_CARE: Final = ("hospital", "ed")
OWNER: Final = "prescriber"
CALLER: Final = "on_call"
KEY: Final = "inpatient:hub_call"
TASK: Final = "call those who have the patient in hospital"
"""How the task begins: pages look for it."""
STEROID: Final = "dexamethasone"
"""The row of the policy that lists the steroids."""
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One stay in hospital. `arrivals`: the admission and every move to another unit; `latest` is the last of them.

    `ended_at` None: still there.
    """

    begins: datetime
    ended_at: datetime | None
    arrivals: tuple[datetime, ...]
    latest: Event
    plans: tuple[Event, ...]
    calls: tuple[Event, ...]

    @property
    def reached(self) -> tuple[Event, ...]:
        """The calls that count: somebody was reached. Whom was asked and not known counts for nothing."""
        return tuple(e for e in self.calls if e.body.reached is True and "with" not in e.nulls)

    @property
    def decides(self) -> Event | None:
        """The plan that says who decides the next dose: the last one that was written, if it says so."""
        plan = self.plans[-1] if self.plans else None
        known = plan is not None and (plan.body.decides_role or plan.body.decides_person)
        return plan if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDue:
    """The call of the centre. `due`: the earliest that nobody has made; `missed`: the times of the first and of the latest missed one."""

    due: datetime
    overdue: bool
    missed: tuple[datetime, ...]
    changes_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InpatientAnswer:
    """What is to be done for a patient in hospital, and the instants at which time alone changes it."""

    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    pages: tuple[PageWanted, ...] = ()
    changes_at: tuple[datetime, ...] = ()


def inpatient(history: History, policy: Policy, now: datetime) -> InpatientAnswer:
    """The stay at `now`. The end of the course ends nothing here but by a death: who is in hospital is called about."""
    stay = stay_of(history)
    if stay is None or stay.ended_at is not None:
        return InpatientAnswer(findings=_not_noted(history, stay))
    ended = history.last("course_ended")
    if ended is not None and ended.body.died is True:
        return InpatientAnswer()
    rules, zone = inpatient_rules(policy), history.course.time_zone
    call = call_due(stay, rules, zone, now)
    source = policy.source(rules.source, "inpatient")
    said = say_instant(call.due, zone)
    findings = []
    if stay.decides is None:
        because = "nobody gives the next dose until the one who decides it is named: write it into the plan of the day"
        what = "Who decides the next dose of a patient in hospital is not known"
        findings.append(
            Finding(rule="inpatient", what=what, urgency=Urgency.TODAY, owner=OWNER, because=because, source=source)
        )
    if call.overdue:
        findings.append(
            Finding(
                rule="inpatient",
                what=f"The call of {said} with those who have the patient in hospital is {'missed' if call.missed else 'due'}",
                urgency=rules.ladder.urgency if call.missed else Urgency.TODAY,
                owner=CALLER if call.missed else OWNER,
                because="only a call that reached somebody there, or the discharge, ends it",
                source=source,
            )
        )
    first = _key(call.due, zone)
    pages = [
        PageWanted(
            key=_key(due, zone),
            urgency=rules.ladder.urgency,
            ladder=rules.ladder,
            what="the daily call about a patient in hospital was missed",
            because=f"call the unit that has the patient: the call of {say_instant(due, zone)} is missed",
            since=due + rules.grace,
            follows=None if _key(due, zone) == first else first,
        )
        for due in call.missed
    ]
    return InpatientAnswer(
        findings=tuple(findings),
        tasks=(Task(who=CALLER if call.missed else OWNER, what=TASK, by=call.due),),
        pages=tuple({page.key: page for page in reversed(pages)}.values()),
        changes_at=call.changes_at,
    )


def _key(due: datetime, zone: str) -> str:
    return f"{KEY}:{civil_date(due, zone).isoformat()}"


def _not_noted(history: History, former: Stay | None) -> tuple[Finding, ...]:
    """In care by the last word on the place, and in no stay: nobody is asked to call there, and the checks at home pause."""
    located = [e for e in history.of("home_status") if e.body.location or "location" in e.nulls]
    if not located or located[-1].body.location not in IN_CARE or history.last("course_ended") is not None:
        return ()
    last, zone = located[-1], history.course.time_zone
    if former is not None and former.ended_at is not None and last.at <= former.ended_at:
        return (
            Finding(
                rule="inpatient",
                what=f"Discharged {say_instant(former.ended_at, zone)}, and where the patient is since then is not noted",
                urgency=Urgency.TODAY,
                owner="nurse",
                because="the calls have ended, and while the last word is a hospital the checks at home pause: write where the patient is",
            ),
        )
    if last.body.location != "hospital":
        return ()
    return (
        Finding(
            rule="inpatient",
            what=f"In hospital since {say_instant(last.at, zone)}, and no admission is noted",
            urgency=Urgency.ROUTINE,
            owner=OWNER,
            because="nobody is asked to call those who have the patient: note the admission where another team has the patient",
        ),
    )


# --- the stay ---------------------------------------------------------------------------------------------------------


def stay_of(history: History) -> Stay | None:
    """The latest stay in hospital, or None.

    An admission whose time is not known counts from when it was noted. A second one before the discharge is a move: the clock of the
    calls goes on. The stay ends with a discharge whose time is known and has come, or with the word that the patient is at home.
    """
    admissions = sorted(
        ((_begins(e), e) for e in history.of("admission_noted")),
        key=lambda each: (each[0], each[1].recorded_at, each[1].id),
    )
    if not admissions:
        return None
    ends = sorted(_ends(history))
    begins = admissions[0][0]
    for at, _event in admissions:
        if any(begins < end <= at for end in ends):
            begins = at
    ended_at = next((end for end in ends if end > begins), None)
    until = ended_at or datetime.max.replace(tzinfo=begins.tzinfo)
    return Stay(
        begins=begins,
        ended_at=ended_at,
        arrivals=tuple(at for at, _event in admissions if at >= begins),
        latest=admissions[-1][1],
        plans=tuple(e for e in history.of("admission_plan_written") if begins <= e.at <= until),
        calls=tuple(e for e in history.of("hub_call_made") if begins <= e.at <= until),
    )


def _begins(admission: Event) -> datetime:
    """The earlier of when it was and when it was noted: nobody is admitted in the future."""
    return min(admission.body.admitted_at or admission.at, admission.at)


def _ends(history: History) -> Iterator[datetime]:
    """Every word that ends a stay. A discharge whose time was asked and is not known, or is still to come, ends nothing."""
    for event in history.of("discharge_noted", "home_status"):
        if event.kind == "home_status":
            if event.body.location in AT_HOME:
                yield event.at
        elif "discharged_at" not in event.nulls and (event.body.discharged_at or event.at) <= event.at:
            yield event.body.discharged_at or event.at


# --- the clock of the calls -------------------------------------------------------------------------------------------


def call_due(stay: Stay, rules: InpatientPolicy, zone: str, now: datetime) -> CallDue:
    """When the centre calls next, at `now`; `zone`: whose clock the daily time is read from."""
    last = stay.reached[-1] if stay.reached else None
    answered = last.at + rules.credit if last is not None else None
    regular = _daily_after(answered or stay.begins + rules.first_within, rules, zone)
    due = min([regular, *_first_calls(stay, rules), *_agreed(stay, last, answered)])
    following = _daily_after(max(due, now - rules.grace), rules, zone)
    missed = [due] if due + rules.grace <= now else []
    latest = _daily_until(now - rules.grace, rules, zone)
    if due < latest:
        missed.append(latest)
    return CallDue(
        due=due,
        overdue=due <= now,
        missed=tuple(missed),
        changes_at=(due, due + rules.grace, following + rules.grace),
    )


def _first_calls(stay: Stay, rules: InpatientPolicy) -> Iterator[datetime]:
    """When the first call to each unit is due, where nobody has called it."""
    for arrived in stay.arrivals:
        due = arrived + rules.first_within
        if not any(arrived <= call.at and due <= call.at + rules.credit for call in stay.reached):
            yield due


def _daily_after(at: datetime, rules: InpatientPolicy, zone: str) -> datetime:
    """The first daily time later than an instant."""
    day = civil_date(at, zone) - ONE_DAY  # a clock change can move a late one over midnight
    while (due := civil_instant(day, rules.call_time, zone)) <= at:
        day += ONE_DAY
    return due


def _daily_until(at: datetime, rules: InpatientPolicy, zone: str) -> datetime:
    """The last daily time up to an instant."""
    day = civil_date(at, zone) + ONE_DAY
    while (due := civil_instant(day, rules.call_time, zone)) > at:
        day -= ONE_DAY
    return due


def _agreed(stay: Stay, last: Event | None, answered: datetime | None) -> Iterator[datetime]:
    """Times that the last call and the plans name, where no call has been made for them since."""
    if last is not None and last.body.next_call_at is not None and last.body.next_call_at > last.at:
        yield last.body.next_call_at
    for plan in stay.plans:
        at = plan.body.next_hub_call_at
        since = last is None or plan.at >= last.at
        if at is not None and at > plan.at and (since or answered is None or at > answered):
            yield at


# --- day by day -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DayGrade:
    """The highest grade of a day. `highest` None: none is known; `whole` false: one of that day, or every one, is not known."""

    highest: int | None
    whole: bool

    @property
    def words(self) -> str:
        """As a person says it."""
        if self.highest is None:
            return "not known"
        return str(self.highest) if self.whole else f"not known, at least {self.highest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDose:
    """One dose of a steroid or of tocilizumab: mg, None where not known. `in_24_h`: with those of the 24 h before it."""

    event: Event
    mg: Decimal | None
    in_24_h: int
    above_cap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StayDay:
    """One calendar day of the stay. `unnamed`: medicines that nobody named, which may have been either."""

    on: date
    plan: Event | None
    crs: DayGrade
    icans: DayGrade
    steroids: tuple[LoggedDose, ...]
    tocilizumab: tuple[LoggedDose, ...]
    unnamed: tuple[Event, ...]
    calls: tuple[Event, ...]


def day_by_day(history: History, stay: Stay, policy: Policy, now: datetime) -> tuple[StayDay, ...]:
    """Every calendar day of a stay until today or the discharge, oldest first, by the clock of the course."""
    zone = history.course.time_zone
    crs, icans = _graded(history, policy)
    medicines = history.of("medicine_given")
    toci = _logged([e for e in medicines if is_tocilizumab(e.body.agent)], policy)
    steroids = _logged([e for e in medicines if _is_steroid(e, policy)], None)
    unnamed = [e for e in medicines if not (e.body.agent or "").strip()]
    days = []
    day, last = civil_date(stay.begins, zone), civil_date(min(stay.ended_at or now, now), zone)
    while day <= last:
        plans = [e for e in stay.plans if _for_day(e, zone) == day]
        days.append(
            StayDay(
                on=day,
                plan=plans[-1] if plans else None,
                crs=_of_day(crs, day, zone),
                icans=_of_day(icans, day, zone),
                steroids=tuple(each for each in steroids if civil_date(each.event.at, zone) == day),
                tocilizumab=tuple(each for each in toci if civil_date(each.event.at, zone) == day),
                unnamed=tuple(e for e in unnamed if civil_date(e.at, zone) == day),
                calls=tuple(e for e in stay.calls if civil_date(e.at, zone) == day),
            )
        )
        day += ONE_DAY
    return tuple(days)


def _for_day(plan: Event, zone: str) -> date | None:
    """The day of a plan; without one, and never asked, the day on which it was written."""
    day: date | None = plan.body.for_day
    return day if day is not None or "for_day" in plan.nulls else civil_date(plan.at, zone)


def _is_steroid(event: Event, policy: Policy) -> bool:
    row = row_hiding(event, policy)
    return row is not None and row.id == STEROID


def _logged(given: Sequence[Event], policy: Policy | None) -> list[LoggedDose]:
    """Doses with how many there were in the 24 h up to each; with a policy, whether one is above what it allows."""
    cap = policy.tocilizumab.cap_mg if policy is not None else None
    return [
        LoggedDose(
            event=event,
            mg=event.body.dose_mg,
            in_24_h=sum(event.at - ONE_DAY < other.at <= event.at for other in given),
            above_cap=cap is not None and event.body.dose_mg is not None and event.body.dose_mg > cap,
        )
        for event in given
    ]


_Graded = list[tuple[datetime, int | None]]


def _graded(history: History, policy: Policy) -> tuple[_Graded, _Graded]:
    """Every assessment of CRS and of ICANS with the grade that stands; None: not known."""
    known = episodes(history, given_doses(history), policy)
    crs: _Graded = [
        (e.at, clinical_grade(e, crs_grade(e, _was_open(known.crs.episodes, e.at)))) for e in history.of("crs_assessed")
    ]
    icans: _Graded = [
        (e.at, clinical_icans(e, icans_grade(e, history, policy), history, policy))
        for e in history.of("icans_assessed")
    ]
    return crs, icans


def _was_open(found: Sequence[Episode], at: datetime) -> bool:
    return any(e.opened_at < at and (e.closed_at is None or e.closed_at >= at) for e in found)


def _of_day(graded: _Graded, day: date, zone: str) -> DayGrade:
    grades = [grade for at, grade in graded if civil_date(at, zone) == day]
    known = [grade for grade in grades if grade is not None]
    return DayGrade(highest=max(known, default=None), whole=bool(grades) and len(known) == len(grades))
