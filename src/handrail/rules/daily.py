"""Who assesses the patient today: every day of the watched window has a contact, by a named kind of person.

On the day of a step-up or first treatment dose, or of one with a stay for a reaction before it, an advanced practice provider
or a physician, on the other days a nurse, in person unless the policy says otherwise. A day without a booked or complete contact
is red; a day that passed without one was missed: an incident, until a person closes it with a reason. Days are civil days of the
site that gave the dose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from handrail.rules.answer import DailyContact, Finding, Task
from handrail.rules.doses import Given
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.policy_daily import DailyPolicy, DailyRow
from handrail.rules.stays import window_ends
from handrail.rules.terms import Urgency, civil_date, day_start, say_date, zone_named

CONTACT_WORDS = {"in_person": "in person", "call": "by phone", "video": "by video"}
INCIDENT = "daily_assessment"
IN_CARE = ("hospital", "ed")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyAnswer:
    """The days that are asked about, what is red, what is to be done, and when time alone changes that."""

    days: tuple[DailyContact, ...] = ()
    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    changes_at: tuple[datetime, ...] = ()


@dataclass(slots=True)
class _Known:
    """What the history says of one civil day."""

    assessed: dict[str, set[str]] = field(default_factory=dict)
    """By kind of assessment, the roles that recorded one."""
    done: list[Event] = field(default_factory=list)
    booked: list[Event] = field(default_factory=list)


def daily(history: History, doses: Sequence[Given], policy: Policy, now: datetime) -> DailyAnswer:
    """The daily contacts of a course at `now`. A dose that came with an imported record asks nobody: it was watched elsewhere."""
    rules = policy.daily
    watched = [d for d in doses if d.may_be_watched and d.event.source != "import"]
    if not watched or history.last("course_ended") is not None:
        return DailyAnswer()
    if rules is None:
        return DailyAnswer(findings=(_NO_RULES,))
    zone = watched[-1].event.zone
    days, window = _days(watched, policy)
    known = _known(history, rules, zone, first=min(days))
    closed = {e.body.on for e in history.of("incident_closed") if e.body.what == INCIDENT and e.body.because}
    today = civil_date(now, zone)
    told: list[DailyContact] = []
    tasks: list[Task] = []
    for day in sorted(days):
        row = rules.row(days[day])
        state, booked_at, because = _judge(row, known.get(day), rules, over=day < today)
        if state not in ("done", "booked") and _in_care(history, zone, day, today):
            state, because = "in_care", "the unit that has the patient assesses"
        elif state == "missed" and day in closed:
            state, because = "closed", "missed; a person closed it with a reason"
        if day in window or state == "missed":
            told.append(
                DailyContact(
                    on=day,
                    day=row.id,
                    who=row.who,
                    contact=row.contact,
                    state=state,
                    booked_at=booked_at,
                    because=because,
                )
            )
        if state in ("open", "booked"):
            by = booked_at if booked_at is not None and booked_at > now else day_start(day + ONE_DAY, zone)
            tasks.append(Task(who=row.owner, what=_task(day, row, state, rules), by=by))
    changes = [task.by for task in tasks if task.by is not None]
    if today <= max(days):
        changes.append(day_start(today + ONE_DAY, zone))
    return DailyAnswer(
        days=tuple(told), findings=_findings(told, today, policy, rules), tasks=tuple(tasks), changes_at=tuple(changes)
    )


def _days(watched: Sequence[Given], policy: Policy) -> tuple[dict[date, int], set[date]]:
    """Every day of every window with how many days it lies after its dose, and the days of the latest dose's window."""
    after: dict[date, int] = {}
    window: set[date] = set()
    for dose in watched:
        zone = zone_named(dose.event.zone)
        first = dose.on or dose.watch_begins.astimezone(zone).date()
        last = (window_ends(dose, policy) - timedelta(microseconds=1)).astimezone(zone).date()
        window = {first}
        day, number = first, 0
        after[day] = 0
        while day < last:
            day, number = day + ONE_DAY, number + 1
            window.add(day)
            if after.get(day, number) >= number:
                after[day] = number
    return after, window


def _known(history: History, rules: DailyPolicy, zone: str, *, first: date) -> Mapping[date, _Known]:
    """What was booked and done on each day. An event without a role, or of a patient, is nobody's assessment."""
    place = zone_named(zone)
    found: dict[date, _Known] = defaultdict(_Known)
    for kind in rules.complete:
        for event in history.of(kind):
            day = event.at.astimezone(place).date()
            if day >= first:
                roles = found[day].assessed.setdefault(kind, set())
                if event.by is not None:
                    roles.add(event.by.role)
    for event in history.of("visit_planned"):
        if event.body.on is not None:
            found[event.body.on].booked.append(event)
    for event in history.of("visit_done"):
        if event.body.on is not None or "on" not in event.nulls:
            found[event.body.on or event.at.astimezone(place).date()].done.append(event)
    return found


def _judge(row: DailyRow, known: _Known | None, rules: DailyPolicy, *, over: bool) -> tuple[str, datetime | None, str]:
    """The state of one day, the time for which it is booked, and the reason. `over`: the day has passed."""
    if known is None:
        return ("missed" if over else "open"), None, "nothing is booked and nothing is recorded"
    if all(known.assessed.get(kind, set()) & set(row.roles) for kind in rules.complete):
        return "done", None, f"assessed by {row.who}"
    if any(_fits(event, row) for event in known.done):
        return "done", None, "a complete contact is recorded"
    lacking = _lacking(known, row, rules)
    fitting = [event for event in known.booked if _fits(event, row)]
    if fitting and not over:
        return "booked", fitting[-1].body.starts_at, lacking or "booked"
    because = lacking or (
        "it was booked, and nothing is recorded"
        if fitting
        else "what is booked or said to be complete is not by the right person, or not the right contact"
    )
    return ("missed" if over else "open"), None, because


def _fits(event: Event, row: DailyRow) -> bool:
    """By the right kind of person, and the contact that the day asks for, or in person instead of it."""
    return event.body.who_role in row.roles and event.body.contact in (row.contact, "in_person")


def _lacking(known: _Known, row: DailyRow, rules: DailyPolicy) -> str:
    """What is still missing of an assessment that was begun; empty when none was."""
    if not known.assessed:
        return ""
    right = {kind for kind, roles in known.assessed.items() if roles & set(row.roles)}
    if not right:
        named = any(known.assessed.values())
        return f"an assessment is recorded, and {f'not by {row.who}' if named else 'who assessed is not known'}"
    missing = [kind.removesuffix("_assessed").upper() for kind in rules.complete if kind not in right]
    return f"an assessment is begun; {' and '.join(missing)} not recorded by {row.who}"


def _in_care(history: History, zone: str, day: date, today: date) -> bool:
    """In a hospital or emergency department under a named unit at the end of that day (or now): the unit assesses."""
    place = zone_named(zone)
    latest: Event | None = None
    for event in history.of("home_status"):
        if event.at.astimezone(place).date() > min(day, today):
            break
        if event.body.location or "location" in event.nulls:
            latest = event
    return latest is not None and latest.body.location in IN_CARE and bool(latest.site)


_NO_RULES = Finding(
    rule="daily",
    what="The policy says nothing of daily assessments: nobody is asked for them",
    urgency=Urgency.ROUTINE,
    owner="director",
    because="a policy written before has no rows for the days of the window",
)


def _findings(told: Sequence[DailyContact], today: date, policy: Policy, rules: DailyPolicy) -> tuple[Finding, ...]:
    """One finding for today, one for the days ahead, and one for the days that were missed."""
    found = []
    red = [each for each in told if each.state == "open"]
    for days in ([each for each in red if each.on == today], [each for each in red if each.on > today]):
        if days:
            row = next(row for row in rules.day if row.id == days[0].day)
            named = ", ".join(f"{say_date(each.on)} (by {each.who}, {CONTACT_WORDS[each.contact]})" for each in days)
            found.append(
                Finding(
                    rule="daily",
                    what=f"No assessment is booked or complete for {named}",
                    urgency=Urgency.TODAY,
                    owner=row.owner,
                    because=days[0].because,
                    source=policy.source(row.source, f"daily.day.{row.id}"),
                )
            )
    missed = [each for each in told if each.state == "missed"]
    if missed:
        named = ", ".join(say_date(each.on) for each in missed)
        found.append(
            Finding(
                rule="daily",
                what=f"The daily assessment was missed on {named}",
                urgency=Urgency.TODAY,
                owner=rules.missed_owner,
                because=f"{missed[-1].because}; an incident, until a person closes it with a reason, day by day",
                source=policy.source(rules.source, "daily"),
            )
        )
    return tuple(found)


def _task(day: date, row: DailyRow, state: str, rules: DailyPolicy) -> str:
    if state == "open":
        return f"book and do the assessment of {say_date(day)}: by {row.who}, {CONTACT_WORDS[row.contact]}"
    content = ", ".join(rules.content)
    return f"assessment of {say_date(day)}, {CONTACT_WORDS[row.contact]}: {content}"
