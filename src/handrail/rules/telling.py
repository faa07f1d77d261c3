"""Every event in one plain sentence, for the timeline of a course on the screen and for `handrail replay`.

A sentence says what was written down and nothing more: what is not known is said to be not known. Times of day belong to the
caller, who knows for whom they are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from handrail.rules.call_back_events import CALL_BACK_TELLERS, CALL_BACK_WORDS
from handrail.rules.events import Event
from handrail.rules.grading import ice_inputs, ice_score
from handrail.rules.handoff_events import HANDOFF_TELLERS, HANDOFF_WORDS
from handrail.rules.home_events import taught_words
from handrail.rules.setting_telling import SETTING_TELLERS
from handrail.rules.stay_events import STAY_WORDS
from handrail.rules.team_events import TEAM_WORDS
from handrail.rules.terms import step_words

KIND_WORDS: Final[dict[str, str]] = {
    "course_started": "course started",
    "protocol_changed": "protocol changed",
    "policy_changed": "policy changed",
    "schedule_changed": "schedule changed",
    "weight_measured": "weight",
    "lab_resulted": "laboratory value",
    "dose_planned": "dose planned",
    "dose_given": "dose given",
    "dose_not_given": "dose not given",
    "medicine_given": "medicine given",
    "home_medicine_authorised": "medicine for home authorised",
    "home_medicine_stopped": "medicine for home ended",
    "teach_back_done": "teach-back",
    "vaccine_noted": "vaccine",
    "checkin_received": "check-in",
    "vitals_measured": "vital signs",
    "crs_assessed": "CRS assessed",
    "ice_assessed": "ICE score",
    "icans_assessed": "ICANS assessed",
    "toxicity_resolved": "resolved",
    "condition_noted": "condition",
    "response_assessed": "response",
    "home_status": "home and location",
    "contact_made": "call",
    "visit_planned": "assessment booked",
    "visit_done": "assessment complete",
    "incident_closed": "incident closed",
    "handed_back": "handed back",
    "step_up_planned": "calendar of the step-up",
    "caregivers_rostered": "caregivers",
    "travel_noted": "way to the hospital",
    "lodging_noted": "lodging",
    "setting_facts_noted": "answers for the setting",
    "setting_decided": "setting decided",
    "authorisation_set": "authorisation",
    "rems_met": "REMS",
    "hold_started": "hold started",
    "hold_ended": "hold lifted",
    "departure_signed": "departure signed",
    "readiness_confirmed": "confirmed before a dose",
    "earlier_treatment_noted": "earlier treatment",
    **HANDOFF_WORDS,
    **STAY_WORDS,
    **TEAM_WORDS,
    **CALL_BACK_WORDS,
    "course_ended": "course ended",
    "note_added": "note",
    "fact_withdrawn": "fact withdrawn",
    "page_sent": "page sent",
    "page_acknowledged": "page acknowledged",
    "page_failed": "page not delivered",
    "patient_told": "patient told",
    "page_held": "page held",
    "page_resumed": "pages go on",
    "alert_closed": "alert closed",
    "ed_packet_noted": "packet for the emergency department",
}
"""The name of every event kind, as a person says it."""

_ROLE_WORDS: Final = {"on_call": "clinician on call", "app": "advanced practice provider", "intake": "owner of intake"}


def kind_words(kind: str) -> str:
    """The name of an event kind as a person says it."""
    return KIND_WORDS.get(kind, kind.replace("_", " "))


def sentence(event: Event) -> str:
    """What one event says, without its time: `check-in: 38.4 °C (typed 101.1 F); shaking chills; no fever medicine`."""
    tell = _TELLERS.get(event.kind)
    said = tell(event.body, frozenset(event.nulls)) if tell is not None else _plainly(event.body, event.nulls)
    words = f"{kind_words(event.kind)}: {said}" if said else kind_words(event.kind)
    marked = tuple(getattr(event.body, "implausible", ()))
    if marked:
        words += f"; not believable and not used: {', '.join(name.replace('_', ' ') for name in marked)}"
    if event.reason and event.kind != "departure_signed":
        words += f" (reason: {event.reason})"
    return words


def role_words(role: str) -> str:
    """A role of staff or a step of a ladder, as a person says it."""
    return _ROLE_WORDS.get(role, role.replace("_", " "))


LAB_WORDS: Final = {"hbsag": "HBsAg", "anti_hbc": "anti-HBc", "pregnancy_test": "pregnancy test"}
"""Laboratory codes that are not said in capitals."""

Body = Any
Nulls = frozenset[str]


def _known(value: Any, nulls: Nulls, name: str, words: str) -> str:
    if value is not None:
        return f"{words} {_value(value)}".strip()
    return f"{words} not known".strip() if name in nulls else ""


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value.normalize() if value == value.to_integral_value() else value, "f")
    if isinstance(value, (tuple, list)):
        return ", ".join(str(item).replace("_", " ") for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(item)}".replace("_", " ") for key, item in value.items())
    return str(value).replace("_", " ")


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _plainly(body: Body, nulls: tuple[str, ...]) -> str:
    """The fields of a kind that needs no sentence of its own."""
    skipped = ("implausible", "alert", "key", "person", "hospitalist", "decides_person", "nurse", "deputy")
    names = [name for name in type(body).__slots__ if name not in skipped]
    return _join(
        *(_known(getattr(body, name), frozenset(nulls), name, name.rstrip("_").replace("_", " ")) for name in names)
    )


def _checkin(body: Body, _nulls: Nulls) -> str:
    typed = ""
    if body.temperature_as_typed and body.unit_as_typed == "F":
        typed = f" (typed {body.temperature_as_typed} °F)"
    temperature = f"{body.temperature_c} °C{typed}" if body.temperature_c is not None else "temperature not known"
    if body.symptoms:
        felt = _value(body.symptoms)
    else:
        felt = "none of the symptoms" if body.none_of_these else "symptoms not known"
    answers = dict(body.home_neuro or {})
    wrong = [name for name, answer in answers.items() if answer != "right"]
    if not answers:
        neuro = "confusion check not known"
    elif wrong:
        neuro = "confusion check: " + ", ".join(f"{name} {answers[name].replace('_', ' ')}" for name in wrong)
    else:
        neuro = "confusion check all right"
    medicine = {True: "fever medicine in the last 6 h", False: "no fever medicine in the last 6 h"}.get(
        body.antipyretic_last_6_h, "fever medicine not known"
    )
    alone = {True: "", False: "nobody with the patient"}.get(body.caregiver_present, "")
    return _join("an alarm", felt, temperature) if body.alarm else _join(temperature, felt, neuro, medicine, alone)


def _dose_given(body: Body, nulls: Nulls) -> str:
    amount = _known(body.dose_mg, nulls, "dose_mg", "")
    return _join(
        step_words(body.step),
        f"{amount} mg" if body.dose_mg is not None else amount,
        f"{body.dose_mg_per_kg} mg/kg" if body.dose_mg_per_kg is not None else "",
        f"{body.weight_kg} kg" if body.weight_kg is not None else "",
        _value(body.route) if body.route else "",
        _vials(body, nulls),
    )


def _vials(body: Body, nulls: Nulls) -> str:
    if not body.strengths_mg_per_ml:
        return _known(None, nulls, "strengths_mg_per_ml", "vials")
    return f"from vials of {' and '.join(_value(strength) for strength in body.strengths_mg_per_ml)} mg/mL"


def _dose_planned(body: Body, _nulls: Nulls) -> str:
    on = f"on {body.on.isoformat()}" if body.on else "day not known"
    return _join(step_words(body.step), on, _value(body.setting) if body.setting else "")


def _dose_not_given(body: Body, nulls: Nulls) -> str:
    because = f"because of {_value(body.because)}" if body.because else "reason not known"
    return _join(
        step_words(body.step), because, _known(body.related_to_drug, nulls, "related_to_drug", "related to the drug:")
    )


def _medicine(body: Body, _nulls: Nulls) -> str:
    amount = f" {body.dose_mg} mg" if body.dose_mg is not None else ""
    route = f", {_value(body.route)}" if body.route else ""
    purpose = f", {_value(body.purpose)}" if body.purpose else ""
    return f"{body.agent or 'not known which'}{amount}{route}{purpose}"


def _vaccine(body: Body, nulls: Nulls) -> str:
    live = {True: "live", False: "not live"}.get(body.live, _known(None, nulls, "live", "live or not:"))
    given = {True: "given", False: "planned"}.get(body.given, _known(None, nulls, "given", "given or not:"))
    on = f"on {body.on.isoformat()}" if body.on else "day not known"
    return _join(_value(body.vaccine or "not known which"), live, f"{given} {on}".strip())


def _vitals(body: Body, nulls: Nulls) -> str:
    pressure = ""
    if body.systolic_mmhg is not None:
        low = f"/{body.diastolic_mmhg}" if body.diastolic_mmhg is not None else ""
        pressure = f"{body.systolic_mmhg}{low} mmHg"
    return _join(
        f"{body.temperature_c} °C"
        if body.temperature_c is not None
        else _known(None, nulls, "temperature_c", "temperature"),
        pressure or _known(None, nulls, "systolic_mmhg", "pressure"),
        _known(body.pulse_per_min, nulls, "pulse_per_min", "pulse"),
        _known(body.breaths_per_min, nulls, "breaths_per_min", "breaths"),
        f"SpO2 {body.spo2_percent} %" if body.spo2_percent is not None else _known(None, nulls, "spo2_percent", "SpO2"),
        {None: "", "none": "room air"}.get(body.oxygen, _value(body.oxygen)),
    )


def _crs(body: Body, nulls: Nulls) -> str:
    return _join(
        _known(body.tmax_c, nulls, "tmax_c", "highest temperature") + (" °C" if body.tmax_c is not None else ""),
        _known(body.hypotension, nulls, "hypotension", "hypotension"),
        "" if body.pressors is None else f"vasopressors {_value(body.pressors)}",
        {None: _known(None, nulls, "o2", "oxygen"), "none": "room air"}.get(body.o2, f"oxygen by {_value(body.o2)}"),
        f"graded {body.clinician_grade} by the clinician" if body.clinician_grade is not None else "",
    )


def _ice(body: Body, _nulls: Nulls) -> str:
    total = ice_score(ice_inputs(body)).total
    words = f"{total} of 10" if total is not None else "not complete"
    return f"{words}{' (baseline)' if body.baseline else ''}"


def _icans(body: Body, nulls: Nulls) -> str:
    return _join(
        _known(body.loc, nulls, "loc", ""),
        _known(body.seizure, nulls, "seizure", "seizure"),
        _known(body.motor, nulls, "motor", "focal weakness"),
        _known(body.edema, nulls, "edema", "oedema"),
        f"graded {body.clinician_grade} by the clinician" if body.clinician_grade is not None else "",
    )


def _resolved(body: Body, _nulls: Nulls) -> str:
    what = {"crs": "CRS", "icans": "ICANS"}.get(body.toxicity or "", _value(body.toxicity or "not known what"))
    return f"{what}, confirmed by {body.confirmed_by or 'not known whom'}"


def _condition(body: Body, nulls: Nulls) -> str:
    state = {True: "active", False: "not active"}.get(body.active, "not known whether active")
    grade = f" grade {body.grade}" if body.grade is not None else _known(None, nulls, "grade", " grade")
    return f"{_value(body.what or 'not known what')}{grade}, {state}"


def _call(body: Body, _nulls: Nulls) -> str:
    reached = {True: "reached", False: "not reached"}.get(body.reached, "not known whether reached")
    outcome = {
        "staying_home": "stays home",
        "coming_in": "comes in",
        "sent_to_ed": "goes to the emergency department",
        "handed_over": "handed over",
        "none": "nothing decided",
    }.get(body.outcome or "", "")
    return _join(f"{_value(body.with_ or 'not known whom')} {reached}", outcome)


def _visit(body: Body, nulls: Nulls) -> str:
    contact = {"in_person": "in person", "call": "by phone", "video": "by video"}.get(body.contact or "", "")
    starts = getattr(body, "starts_at", None)
    return _join(
        f"{body.on.isoformat()}" if body.on else _known(None, nulls, "on", "day"),
        f"at {starts.isoformat(timespec='minutes')}" if starts else "",
        f"by the {role_words(body.who_role)}" if body.who_role else _known(None, nulls, "who_role", "by whom"),
        contact or _known(None, nulls, "contact", "how"),
    )


def _incident(body: Body, nulls: Nulls) -> str:
    day = f" of {body.on.isoformat()}" if body.on else _known(None, nulls, "on", " of a day")
    return _join(f"{_value(body.what or 'not known what')}{day}", _known(body.because, nulls, "because", "because"))


def _handed_back(body: Body, nulls: Nulls) -> str:
    return _join(_known(body.what, nulls, "what", ""), f"to the {role_words(body.to_role)}" if body.to_role else "")


def _handoff_offered(body: Body, nulls: Nulls) -> str:
    return _join(
        "the patient returns" if body.returns else _known(None, nulls, "returns", "whether the patient returns"),
        "urgent" if body.urgent else "",
        f"to be taken over on {body.take_over_on.isoformat()}" if body.take_over_on else "",
        f"because of {_value(body.criteria)}" if body.criteria else "",
    )


def _handoff_delivered(body: Body, nulls: Nulls) -> str:
    return _join(
        _known(body.channel, nulls, "channel", "by" if body.channel else "channel"), "no person has read it yet"
    )


def _handoff_read(body: Body, nulls: Nulls) -> str:
    how = {"signed_in": "signed in", "link": "by the link", "fax_code": "the code of the fax sheet was read back"}
    reader = "by a named person" if body.reader else "by nobody who is named"
    role = f", {role_words(body.reader_role)}" if body.reader_role else ""
    return _join(f"{reader}{role}", how.get(body.how or "", _known(None, nulls, "how", "how")))


def _handoff_asked(body: Body, nulls: Nulls) -> str:
    return _known(body.question, nulls, "question", "" if body.question else "question")


def _handoff_answered(body: Body, nulls: Nulls) -> str:
    return _known(body.answer, nulls, "answer", "" if body.answer else "answer")


def _handoff_ended(body: Body, nulls: Nulls) -> str:
    return _join(_known(body.how, nulls, "how", "" if body.how else "how"), _value(body.because or ""))


def _moved(body: Body, nulls: Nulls) -> str:
    accepted = "accepted by a named person" if body.accepted_by else "accepted by nobody"
    loop = "as the hand-off was offered" if body.handoff else _known(None, nulls, "handoff", "of which hand-off")
    begins = f"from {body.from_at.isoformat(timespec='minutes')} on" if body.from_at else ""
    return _join(accepted, loop, begins)


def _page_sent(body: Body, _nulls: Nulls) -> str:
    channel = {"on_screen": "on screen", "email": "by e-mail"}.get(body.channel or "", body.channel or "")
    return f"{body.ladder or ''} to the {_pager(body.to_role)} {channel}".strip()


def _page_failed(body: Body, _nulls: Nulls) -> str:
    return f"to the {_pager(body.to_role)}: {body.why or 'reason not known'}"


def _patient_told(body: Body, nulls: Nulls) -> str:
    told = {"call_911": "call 911 now", "go_to_ed": "go to the emergency department now, do not drive yourself"}
    because = {
        "nobody_on": "nobody was on",
        "nobody_reached": "nobody who was on could be reached",
        "nobody_answered": "nobody had answered",
    }
    callers = "caregiver" if body.caregivers == 1 else "caregivers"
    return _join(
        told.get(body.told or "", "not known what"),
        because.get(body.because or "", _known(None, nulls, "because", "why")),
        "the packet for the emergency department is to go out" if body.packet else "",
        f"word to {body.caregivers} {callers} is to go out" if body.caregivers else "",
    )


def _page_held(body: Body, _nulls: Nulls) -> str:
    how = {"put_off": "put off", "handing_over": "a named person is asked to take it over"}
    return how.get(body.how or "", "not known how")


def _page_resumed(body: Body, _nulls: Nulls) -> str:
    held = {"put_off": "it was put off until now", "not_taken_over": "nobody took it over"}
    had = {"could_not_reach": "the call reached nobody", "left": "whoever had it is here no more"}
    return {**held, **had}.get(body.because or "", "not known why")


def _ed_packet(body: Body, _nulls: Nulls) -> str:
    by = {"email": "by e-mail", "webhook": "by webhook", "fax": "by fax"}.get(body.channel or "", "")
    because = {
        "by_hand": "sent by hand",
        "red": "what was reported sends the patient there at once",
        "nobody": "nobody had answered",
        "sent_to_ed": "the patient was sent there by phone",
    }
    where = f"to {body.department}" if body.department else ""
    if body.what == "opened":
        return "the emergency page was opened" + ("" if body.packet else " with the patient's card")
    if body.what == "not_sent":
        return _join(f"NOT sent {where}".strip(), body.why or "reason not known")
    went = {"sent": "sent", "faxed": "faxed"}.get(body.what or "", "not known what")
    return _join(" ".join(part for part in (went, where, by) if part), because.get(body.because or "", ""))


def _pager(step: str | None) -> str:
    return {
        "first_on_call": "first on call",
        "second_on_call": "second on call",
    }.get(step or "", role_words(step or "person on call"))


def _acknowledged(body: Body, _nulls: Nulls) -> str:
    return f"the {role_words(body.by_role or 'person')} has it"


def _alert_closed(body: Body, _nulls: Nulls) -> str:
    return body.because or ""


def _note(body: Body, _nulls: Nulls) -> str:
    return body.text or ""


def _lab(body: Body, _nulls: Nulls) -> str:
    if body.result is not None and body.value is None:
        value = _value(body.result)
    else:
        value = f"{_rounded(body.value)} {body.unit or ''}".strip() if body.value is not None else "not known"
    return f"{LAB_WORDS.get(body.code or '', (body.code or 'not known which').upper())} {value}"


def _rounded(value: Decimal) -> str:
    """At most two decimals: some laboratories send fifteen."""
    short = value if value.as_tuple().exponent >= -2 else round(value, 2)  # type: ignore[operator]
    return _value(short)


def _weight(body: Body, _nulls: Nulls) -> str:
    return f"{round(body.weight_kg, 1)} kg" if body.weight_kg is not None else "not known"


def _protocol_changed(body: Body, nulls: Nulls) -> str:
    rows = ""
    if body.overlay is not None:
        count = len(body.overlay["rows"])
        rows = f"{count} row{'' if count == 1 else 's'} signed by {body.overlay['signed_by']}"
    return _join(
        _known(body.protocol_key, nulls, "protocol_key", "to" if body.protocol_key else "protocol"),
        _known(body.schedule, nulls, "schedule", "schedule"),
        rows or _known(None, nulls, "overlay", "signed rows"),
    )


def _policy_changed(body: Body, nulls: Nulls) -> str:
    departures = () if body.document is None else body.document.get("departure", ())
    count = f"{len(departures)} value{'' if len(departures) == 1 else 's'} departing from the shipped one"
    return _join(
        _known(body.policy_id, nulls, "policy_id", "to" if body.policy_id else "policy"),
        _known(body.version, nulls, "version", "version"),
        "" if body.document is None else f"the organisation's own, {count}",
    )


_TELLERS: Final[dict[str, Callable[[Body, Nulls], str]]] = {
    "protocol_changed": _protocol_changed,
    "policy_changed": _policy_changed,
    "checkin_received": _checkin,
    "dose_given": _dose_given,
    "dose_planned": _dose_planned,
    "dose_not_given": _dose_not_given,
    "medicine_given": _medicine,
    "teach_back_done": taught_words,
    "vaccine_noted": _vaccine,
    "vitals_measured": _vitals,
    "crs_assessed": _crs,
    "ice_assessed": _ice,
    "icans_assessed": _icans,
    "toxicity_resolved": _resolved,
    "condition_noted": _condition,
    "contact_made": _call,
    "visit_planned": _visit,
    "visit_done": _visit,
    "incident_closed": _incident,
    "handed_back": _handed_back,
    **CALL_BACK_TELLERS,
    **HANDOFF_TELLERS,
    "handoff_offered": _handoff_offered,
    "handoff_delivered": _handoff_delivered,
    "handoff_read": _handoff_read,
    "handoff_asked": _handoff_asked,
    "handoff_answered": _handoff_answered,
    "handoff_ended": _handoff_ended,
    "accountability_moved": _moved,
    "page_sent": _page_sent,
    "page_failed": _page_failed,
    "patient_told": _patient_told,
    "ed_packet_noted": _ed_packet,
    "page_held": _page_held,
    "page_resumed": _page_resumed,
    "page_acknowledged": _acknowledged,
    "alert_closed": _alert_closed,
    "note_added": _note,
    "lab_resulted": _lab,
    "weight_measured": _weight,
    **SETTING_TELLERS,
}
