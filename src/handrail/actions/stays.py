"""The stay in hospital: admitted, planned day by day, called about every day, discharged. Names and numbers stay out of the events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_events
from handrail.actions.recording import Recorded, locked
from handrail.records.models import StayPerson

_ROLE, _PLACE = 60, 80
_AWAY: Final = {"home": "home", "lodging": "lodging"}
"""Where the patient is after the discharge, in the words of a home status. A facility is neither: the home clocks stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody at the hospital: a role, and who it is. Empty: not known."""

    role: str = ""
    name: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return f"Named(role={self.role!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Where the patient was admitted, when, and who has the patient there."""

    place: str
    admitted_at: datetime
    service: str = ""
    hospitalist: Named = Named()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """The plan of one day. `decides`: who decides the next dose of the drug."""

    for_day: date
    lines: tuple[str, ...]
    decides: Named = Named()
    next_hub_call_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCall:
    """A call of the centre with the hospital. `reached` false: it stays due."""

    reached: bool
    whom: Named = Named()
    outcome: str = ""
    next_call_at: datetime | None = None


def note_admission(
    course_id: UUID, admission: Admission, *, event_id: UUID, by: Actor, now: datetime | None = None
) -> Recorded:
    """The patient is in hospital, or has moved to another unit: the home clocks pause under it, and the calls begin.

    Raises:
        RefusedError: no place, or a time that is still to come; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    place = admission.place.strip()[:_PLACE]
    if not place:
        raise RefusedError("Write which hospital.", code="missing_key", path="place")
    _refuse_future(admission.admitted_at, now, "An admission", "admitted_at")
    with transaction.atomic():
        at = admission.admitted_at.isoformat()
        noted = _event(event_id, "admission_noted", admission.admitted_at) | {"place": place, "admitted_at": at}
        if admission.service.strip():
            noted["service"] = admission.service.strip()
        noted |= _said("hospitalist", _person(course_id, admission.hospitalist, event_id, by, now))
        there = _event(uuid5(event_id, "home_status"), "home_status", admission.admitted_at)
        there |= {"location": "hospital", "site": place}
        return record_events(course_id, [noted, there], by=by, now=now)[0]


def write_plan(course_id: UUID, plan: DayPlan, *, event_id: UUID, by: Actor, now: datetime | None = None) -> Recorded:
    """Write the plan of a day, as agreed with those who have the patient. Without a word on it, who decides is not known.

    Raises:
        RefusedError: nothing is planned; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    lines = [line.strip() for line in plan.lines if line.strip()]
    if not lines:
        raise RefusedError("Write what is planned.", code="missing_key", path="lines")
    with transaction.atomic():
        written = _event(event_id, "admission_plan_written", now) | {
            "for_day": plan.for_day.isoformat(),
            "lines": lines,
        }
        written["decides_role"] = plan.decides.role.strip()[:_ROLE] or None
        written |= _said("decides_person", _person(course_id, plan.decides, event_id, by, now))
        if plan.next_hub_call_at is not None:
            written["next_hub_call_at"] = plan.next_hub_call_at.isoformat()
        return record_events(course_id, [written], by=by, now=now)[0]


def make_hub_call(
    course_id: UUID, call: HubCall, *, event_id: UUID, by: Actor, now: datetime | None = None
) -> Recorded:
    """Write down a call with the hospital; only one that reached somebody ends the page of a missed one.

    Raises:
        RefusedError: it reached somebody, and nobody wrote whom or what was said, or the next one is already over;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    if call.reached and not call.whom.role.strip():
        raise RefusedError("Write who was reached: the role is enough.", code="missing_key", path="role")
    if call.reached and not call.outcome.strip():
        raise RefusedError("Write what was said.", code="missing_key", path="outcome")
    if call.next_call_at is not None and call.next_call_at <= now:
        raise RefusedError("The next call is still to come.", code="wrong_value", path="next_call_at")
    with transaction.atomic():
        made = _event(event_id, "hub_call_made", now) | {"reached": call.reached}
        made |= _said("with", call.whom.role.strip()[:_ROLE]) | _said("outcome", call.outcome.strip())
        made |= _said("person", _person(course_id, call.whom, event_id, by, now))
        if call.next_call_at is not None:
            made["next_call_at"] = call.next_call_at.isoformat()
        return record_events(course_id, [made], by=by, now=now)[0]


def note_discharge(
    course_id: UUID, discharged_at: datetime, to: str, *, event_id: UUID, by: Actor, now: datetime | None = None
) -> Recorded:
    """The patient left hospital: the calls end, and at home the home clocks go on.

    Raises:
        RefusedError: a time that is still to come, or a place that is none; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    _refuse_future(discharged_at, now, "A discharge", "discharged_at")
    left = _event(event_id, "discharge_noted", discharged_at) | {"discharged_at": discharged_at.isoformat(), "to": to}
    events = [left]
    if to in _AWAY:
        there = _event(uuid5(event_id, "home_status"), "home_status", discharged_at)
        events.append(there | {"location": _AWAY[to]})
    return record_events(course_id, events, by=by, now=now)[0]


def _event(event_id: UUID, kind: str, at: datetime) -> dict[str, Any]:
    return {"id": str(event_id), "kind": kind, "at": at.isoformat()}


def _said(name: str, value: str) -> dict[str, Any]:
    return {name: value} if value else {}


def _refuse_future(at: datetime, now: datetime, what: str, path: str) -> None:
    if at > now:
        raise RefusedError(f"{what} is noted once it has happened.", code="wrong_value", path=path)


def _person(course_id: UUID, named: Named, event_id: UUID, by: Actor, now: datetime) -> str:
    """The id of who was named, with the name and the number kept encrypted; empty when nobody was."""
    name, phone = " ".join(named.name.split()), named.phone.strip()
    if not name and not phone:
        return ""
    with locked(course_id, by, now) as course:
        by.role_for("record_contact", course, now)
        row, _new = StayPerson.objects.get_or_create(
            pk=uuid5(event_id, "person"),
            organisation_id=course.organisation_id,
            course=course,
            defaults={
                "name": name,
                "role": named.role.strip()[:_ROLE],
                "phone": phone,
                "at": now,
                "entered_by": by.user,
            },
        )
    return str(row.pk)
