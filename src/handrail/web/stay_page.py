"""A stay in hospital as plain strings: one source for its page and for the page of an emergency department."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from handrail.records.models import Course, StayPerson
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.inpatient import LoggedDose, Stay, StayDay, call_due, day_by_day, stay_of
from handrail.rules.policy import Policy, inpatient_rules
from handrail.rules.terms import say_date
from handrail.web import course_page
from handrail.web.checkin.words import dialled
from handrail.web.words import instant_iso, local_time

NOT_KNOWN: Final = "not known"
UNNAMED: Final = "a medicine that nobody named"
People = Mapping[str, StayPerson]


def stay_context(course: Course, looked: course_page.Looked, now: datetime, *, names: bool) -> dict[str, Any]:
    """The latest stay of a course. `known` false: the rules could not judge the course, and nobody says that there is none."""
    if looked.answer is None or looked.history is None or looked.policy is None:
        return {"known": False}
    history = looked.history.until(now)
    stay = stay_of(history)
    if stay is None:
        return {"known": True, "any": False}
    zone, policy = course.time_zone, looked.policy
    people = {str(each.pk): each for each in StayPerson.objects.filter(course=course)} if names else {}
    here = stay.ended_at is None
    whom = people.get(stay.latest.body.hospitalist or "")
    return {
        "known": True,
        "any": True,
        "here": here,
        "place": stay.latest.body.place or NOT_KNOWN,
        "service": stay.latest.body.service or "",
        "since": local_time(stay.begins, zone),
        "ended": local_time(stay.ended_at, zone) if stay.ended_at else "",
        "hospitalist": whom.name if whom else "",
        "phone": whom.phone if whom else "",
        "digits": dialled(whom.phone) if whom else "",
        "decides": _decides(stay, people, zone),
        "call": _call_words(stay, policy, zone, now) if here and not _died(history) else None,
        "cap": f"tocilizumab: at most {policy.tocilizumab.cap_mg} mg a dose, {policy.tocilizumab.min_hours_between} h apart, "
        f"at most {policy.tocilizumab.most_doses_per_event} doses for one reaction",
        "days": [_day(day, people, zone) for day in reversed(day_by_day(history, stay, policy, now))],
    }


def _died(history: History) -> bool:
    ended = history.last("course_ended")
    return ended is not None and ended.body.died is True


def _decides(stay: Stay, people: People, zone: str) -> str:
    """Who decides the next dose, with the day on which it was written; empty: not known."""
    plan = stay.decides
    if plan is None:
        return ""
    who = people.get(plan.body.decides_person or "")
    said = ", ".join(part for part in (who.name if who else "", plan.body.decides_role or "") if part)
    return f"{said or 'a named person'} (written {local_time(plan.at, zone)})"


def _call_words(stay: Stay, policy: Policy, zone: str, now: datetime) -> dict[str, Any]:
    due = call_due(stay, inpatient_rules(policy), zone, now)
    tone = "now" if due.missed else "soon" if due.overdue else ""
    state = "MISSED" if due.missed else "due now" if due.overdue else "next"
    last = stay.calls[-1] if stay.calls else None
    return {
        "at": local_time(due.due, zone),
        "iso": instant_iso(due.due),
        "tone": tone,
        "state": state,
        "last": _last(last, zone) if last is not None else "no call on record",
    }


def _last(call: Event, zone: str) -> str:
    reached = {True: "somebody was reached", False: "nobody was reached"}.get(
        call.body.reached, "reached or not: not known"
    )
    return f"last try {local_time(call.at, zone)}: {reached}"


def _day(day: StayDay, people: People, zone: str) -> dict[str, Any]:
    return {
        "on": say_date(day.on),
        "plan": list((day.plan.body.lines or ()) if day.plan is not None else ()),
        "crs": day.crs.words,
        "crs_known": day.crs.whole,
        "icans": day.icans.words,
        "icans_known": day.icans.whole,
        "given": [
            *(_dose(each, zone, counted=True) for each in day.tocilizumab),
            *(_dose(each, zone, counted=False) for each in day.steroids),
            *(f"{UNNAMED} {_mg(each)} {local_time(each.at, zone)}" for each in day.unnamed),
        ],
        "calls": [_call(each, people, zone) for each in day.calls],
    }


def _dose(dose: LoggedDose, zone: str, *, counted: bool) -> str:
    words = f"{dose.event.body.agent} {_mg(dose.event)} {local_time(dose.event.at, zone)}"
    if counted:
        words += f" ({dose.in_24_h} in 24 h{', ABOVE one dose' if dose.above_cap else ''})"
    return words


def _mg(event: Event) -> str:
    return f"{event.body.dose_mg} mg" if event.body.dose_mg is not None else "(mg not known)"


def _call(call: Event, people: People, zone: str) -> str:
    at = local_time(call.at, zone)
    if call.body.reached is not True:
        return f"{at} {'nobody was reached' if call.body.reached is False else 'reached or not: not known'}"
    who = people.get(call.body.person or "")
    whom = ", ".join(part for part in (who.name if who else "", call.body.with_ or "") if part) or "whom: not known"
    return f"{at} {whom}: {call.body.outcome or 'what was said is not known'}"
