"""The forms of a stay in hospital: admission, plan of a day, call with the hospital, discharge; and the verbs that take their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from handrail.actions import stays
from handrail.actions.actor import Actor
from handrail.actions.recording import Recorded
from handrail.web.forms import NOT_KNOWN, Field, Form, one

VERB: Final = "record_contact"
DECIDES: Final = (
    ("centre specialist", "Specialist of the centre"),
    ("community oncologist", "Community oncologist"),
    ("hospitalist", "Hospitalist"),
    (NOT_KNOWN, "Not known"),
)
_CLOCK: Final = "Clock time at the site."


def _name(name: str, label: str) -> Field:
    return Field(name=name, label=label, kind="text", hint="Kept encrypted, apart from the events.")


def _next_call(name: str, label: str) -> Field:
    hint = "Only an earlier time counts: the daily call is due in any case."
    return Field(name=name, label=label, kind="moment", hint=hint)


ADMIT: Final = Form(
    key="admission",
    title="Admitted to hospital",
    verb=VERB,
    intro="Also when the patient moved to another unit or hospital. The checks at home pause; the centre calls there every day.",
    events=one("admission_noted"),
    fields=(
        Field(name="admitted_at", label="Admitted", kind="moment", required=True, hint=_CLOCK),
        Field(name="place", label="Hospital", kind="text", required=True),
        Field(name="service", label="Admitting service or unit", kind="text"),
        _name("name", "Hospitalist"),
        Field(name="phone", label="Number of the unit", kind="text"),
    ),
)
PLAN: Final = Form(
    key="plan",
    title="Plan of a day in hospital",
    verb=VERB,
    intro="As agreed with those who have the patient. Nobody gives the next dose until the one who decides it is named.",
    events=one("admission_plan_written"),
    fields=(
        Field(name="for_day", label="For the day", kind="date", required=True),
        Field(name="lines", label="Plan, one line for each thing", kind="lines", required=True),
        Field(
            name="decides_role",
            label="Who decides the next dose of the drug?",
            kind="choice",
            choices=DECIDES,
            required=True,
            may_be_unknown=True,
        ),
        _name("decides_name", "By name"),
        _next_call("next_hub_call_at", "Next call of the centre"),
    ),
)
CALL: Final = Form(
    key="call",
    title="Call with the hospital",
    verb=VERB,
    intro="Write down every try. Only a call that reached somebody who has the patient ends the page of a missed one.",
    events=one("hub_call_made"),
    fields=(
        Field(
            name="reached",
            label="Was somebody reached?",
            kind="choice",
            choices=(("yes", "Yes"), ("no", "No")),
            required=True,
        ),
        Field(name="role", label="Who: the role", kind="text", hint="Hospitalist, nurse of the unit, intensive care …"),
        _name("name", "By name"),
        Field(name="outcome", label="What was said", kind="text"),
        _next_call("next_call_at", "Next call agreed"),
    ),
)
DISCHARGE: Final = Form(
    key="discharge",
    title="Discharged",
    verb=VERB,
    intro="The calls end. At home or in lodging the checks of the watched window go on from then.",
    events=one("discharge_noted"),
    fields=(
        Field(name="discharged_at", label="Left hospital", kind="moment", required=True, hint=_CLOCK),
        Field(
            name="to",
            label="To where",
            kind="choice",
            choices=(("home", "Home"), ("lodging", "Lodging"), ("facility", "Another facility")),
            required=True,
        ),
    ),
)
STAY_FORMS: Final = {form.key: form for form in (ADMIT, PLAN, CALL, DISCHARGE)}
"""By the last part of their address, in the order of the page."""

Values = Mapping[str, Any]
Send = Callable[[UUID, Values, UUID, Actor, datetime], Recorded]


def _admit(course_id: UUID, values: Values, event_id: UUID, by: Actor, now: datetime) -> Recorded:
    whom = stays.Named(role="hospitalist", name=_text(values, "name"), phone=_text(values, "phone"))
    admission = stays.Admission(
        place=_text(values, "place"),
        service=_text(values, "service"),
        hospitalist=whom,
        admitted_at=datetime.fromisoformat(values["admitted_at"]),
    )
    return stays.note_admission(course_id, admission, event_id=event_id, by=by, now=now)


def _plan(course_id: UUID, values: Values, event_id: UUID, by: Actor, now: datetime) -> Recorded:
    plan = stays.DayPlan(
        for_day=date.fromisoformat(values["for_day"]),
        lines=tuple(_text(values, "lines").splitlines()),
        decides=stays.Named(role=_text(values, "decides_role"), name=_text(values, "decides_name")),
        next_hub_call_at=_moment(values, "next_hub_call_at"),
    )
    return stays.write_plan(course_id, plan, event_id=event_id, by=by, now=now)


def _call(course_id: UUID, values: Values, event_id: UUID, by: Actor, now: datetime) -> Recorded:
    call = stays.HubCall(
        reached=values["reached"] == "yes",
        whom=stays.Named(role=_text(values, "role"), name=_text(values, "name")),
        outcome=_text(values, "outcome"),
        next_call_at=_moment(values, "next_call_at"),
    )
    return stays.make_hub_call(course_id, call, event_id=event_id, by=by, now=now)


def _discharge(course_id: UUID, values: Values, event_id: UUID, by: Actor, now: datetime) -> Recorded:
    at = datetime.fromisoformat(values["discharged_at"])
    return stays.note_discharge(course_id, at, values["to"], event_id=event_id, by=by, now=now)


SEND: Final[dict[str, Send]] = {"admission": _admit, "plan": _plan, "call": _call, "discharge": _discharge}
"""The verb behind each form."""


def _text(values: Values, name: str) -> str:
    return values.get(name) or ""


def _moment(values: Values, name: str) -> datetime | None:
    return datetime.fromisoformat(values[name]) if values.get(name) else None
