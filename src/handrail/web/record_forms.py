"""Every form with which staff record what happened: its questions, and the events that its answers make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from handrail.rules.handoff import OTHER_TEAM
from handrail.rules.terms import STEP_WORDS
from handrail.rules.validity import DEATH
from handrail.web.forms import AT, NOT_KNOWN, YES_NO, Field, Form, one
from handrail.web.gate_forms import GATE_FORMS, RESPONSES
from handrail.web.home_forms import AT_HAND, HOME_FORMS, home_status
from handrail.web.visit_forms import VISIT_FORMS

USUAL_STEPS: Final = ("step_up_1", "step_up_2", "step_up_3", "first_treatment", "treatment")
STEP_CHOICES: Final = tuple((step, STEP_WORDS[step].capitalize()) for step in USUAL_STEPS)
SCHEDULES: Final = (("weekly", "Weekly"), ("every_2_weeks", "Every 2 weeks"), ("every_4_weeks", "Every 4 weeks"))
END_REASONS: Final = (
    ("progression", "The disease progressed"),
    ("toxicity", "Toxicity"),
    ("choice", "The patient’s choice"),
    ("remission", "Stopped in remission"),
    (DEATH, "Death"),
    ("moved", "Care goes on elsewhere"),
    ("other", "Another reason: say it in a note"),
)
OXYGEN: Final = (
    ("none", "Room air"),
    ("nasal_cannula", "Nasal cannula"),
    ("blow_by", "Blow-by"),
    ("hfnc", "High-flow cannula"),
    ("facemask", "Face mask"),
    ("nonrebreather", "Non-rebreather"),
    ("venturi", "Venturi"),
    ("cpap", "CPAP"),
    ("bipap", "BiPAP"),
    ("ventilator", "Ventilator"),
)


def _picked(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _assessment(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Vital signs, infection, CRS, ICE and ICANS of one visit; a part nobody answered makes no event."""
    events: list[dict[str, Any]] = []
    vitals, crs = _picked(values, "v_"), _picked(values, "c_")
    ice, icans = _picked(values, "i_"), _picked(values, "n_")
    if vitals:
        events.append({"kind": "vitals_measured", **vitals})
    if crs:
        if "pressors" in crs:
            crs["pressors"] = [name for name in crs["pressors"] if name != "no_pressor"]
        if "tmax_c" not in crs and "temperature_c" in vitals:
            crs["tmax_c"] = vitals["temperature_c"]
        if "o2" not in crs and "oxygen" in vitals:
            crs["o2"] = vitals["oxygen"]
        crs.setdefault(
            "died_of_crs", False
        )  # whoever is being assessed is alive; a death is recorded as the course's end
        events.append({"kind": "crs_assessed", **crs})
    if ice:
        events.append({"kind": "ice_assessed", **{k: None if v is None else int(v) for k, v in ice.items()}})
    if icans:
        events.append({"kind": "icans_assessed", **icans, **({"ice_event": "this"} if ice else {})})
    if "infection" in values:
        events.append({"kind": "condition_noted", "what": "infection", "active": values["infection"]})
    return events


def _yes_no(name: str, label: str, group: str, hint: str = "") -> Field:
    return Field(name=name, label=label, kind="yes_no", group=group, choices=YES_NO, hint=hint)


def _points(name: str, label: str, most: int = 1, hint: str = "") -> Field:
    choices = tuple((str(n), str(n)) for n in range(most, -1, -1))
    return Field(
        name=f"i_{name}", label=label, kind="choice", group="ICE score, 10 points", hint=hint, may_be_unknown=True,
        choices=(*choices, (NOT_KNOWN, "Not done")),
    )  # fmt: skip


VITALS, CRS, ICANS = "Vital signs", "CRS (ASTCT 2019)", "ICANS (ASTCT 2019)"
ASSESSMENT: Final = Form(
    key="assessment",
    title="Assessment",
    verb="record_assessment",
    intro="Leave a part alone when you did not look. Choose “not known” when you asked and could not find out.",
    events=_assessment,
    fields=(
        AT,
        Field(name="v_temperature_c", label="Temperature", kind="decimal", unit="°C", group=VITALS),
        Field(name="v_systolic_mmhg", label="Systolic pressure", kind="whole", unit="mmHg", group=VITALS),
        Field(name="v_diastolic_mmhg", label="Diastolic pressure", kind="whole", unit="mmHg", group=VITALS),
        Field(name="v_pulse_per_min", label="Pulse", kind="whole", unit="per min", group=VITALS),
        Field(name="v_breaths_per_min", label="Breaths", kind="whole", unit="per min", group=VITALS),
        Field(name="v_spo2_percent", label="Oxygen saturation", kind="whole", unit="%", group=VITALS),
        Field(name="v_oxygen", label="Oxygen", kind="choice", choices=OXYGEN, group=VITALS),
        Field(name="v_flow_l_per_min", label="Flow", kind="decimal", unit="L/min", group=VITALS),
        _yes_no("infection", "Any active infection?", "Infection"),
        Field(name="c_tmax_c", label="Highest temperature of the episode", kind="decimal", unit="°C", group=CRS,
              hint="Left empty: the temperature above."),
        _yes_no("c_fever_other", "Is the fever fully explained by another cause?", CRS),
        _yes_no("c_episode_open", "Is a CRS episode still open?", CRS),
        _yes_no("c_masked", "Antipyretic, steroid or anticytokine since CRS began?", CRS),
        _yes_no("c_premed_masking", "Could premedication hide a fever?", CRS),
        _yes_no("c_hypotension", "Hypotension?", CRS),
        _yes_no("c_hypotension_other", "Hypotension from another cause?", CRS),
        Field(name="c_pressors", label="Vasopressors running", kind="choices", group=CRS,
              choices=(("no_pressor", "None"), ("norepinephrine", "Norepinephrine"), ("epinephrine", "Epinephrine"),
                       ("phenylephrine", "Phenylephrine"), ("vasopressin", "Vasopressin"))),
        _yes_no("c_hypoxia_other", "Oxygen need from another cause?", CRS),
        _points("year", "Year"), _points("month", "Month"), _points("city", "City"), _points("hospital", "Hospital"),
        _points("naming_0_3", "Names three objects", 3), _points("command_0_1", "Follows a command"),
        _points("writing_0_1", "Writes a sentence", 1, "Compare with the baseline sample."),
        _points("attention_0_1", "Counts back from 100 by 10"),
        Field(name="n_loc", label="Consciousness", kind="choice", group=ICANS, may_be_unknown=True,
              choices=(("alert", "Alert"), ("spontaneous", "Wakes by itself"), ("voice", "Wakes to voice"),
                       ("tactile", "Wakes only to touch"), ("vigorous", "Needs vigorous touch"),
                       ("unarousable", "Unarousable"), (NOT_KNOWN, "Not known"))),
        _yes_no("n_loc_other", "Reduced consciousness from another cause?", ICANS),
        Field(name="n_seizure", label="Seizure", kind="choice", group=ICANS, may_be_unknown=True,
              choices=(("none", "None"), ("brief", "Brief"), ("prolonged", "Longer than 5 min"),
                       ("repetitive", "Repeated"), (NOT_KNOWN, "Not known"))),
        _yes_no("n_motor", "Deep focal weakness?", ICANS),
        Field(name="n_edema", label="Oedema on imaging", kind="choice", group=ICANS, may_be_unknown=True,
              choices=(("none", "None"), ("focal", "Focal"), ("diffuse", "Diffuse"), (NOT_KNOWN, "Not known"))),
        _yes_no("n_icp_signs", "Signs of raised pressure?", ICANS),
        _yes_no("n_ich", "Bleeding in the head?", ICANS),
    ),
)  # fmt: skip

FORMS: Final[dict[str, Form]] = {
    form.key: form
    for form in (
        Form(
            key="dose",
            title="Dose given",
            verb="record_dose",
            intro="Write what was really given. It is always saved; what differs from the protocol is shown, not refused.",
            events=one("dose_given"),
            fields=(
                AT,
                Field(name="step", label="Step", kind="choice", choices=STEP_CHOICES, required=True),
                Field(name="dose_mg", label="Amount", kind="decimal", unit="mg"),
                Field(name="dose_mg_per_kg", label="Dose per weight", kind="decimal", unit="mg/kg"),
                Field(name="weight_kg", label="Weight used", kind="decimal", unit="kg"),
                Field(name="volume_ml", label="Volume", kind="decimal", unit="mL"),
                Field(
                    name="strengths_mg_per_ml",
                    label="Vials",
                    kind="decimals",
                    unit="mg/mL",
                    hint="The concentration of every vial that was used, for example 10 or 10 and 90.",
                ),
                Field(name="lot", label="Lot", kind="text"),
                Field(name="route", label="Route", kind="text", start="subcutaneous"),
                Field(name="schedule", label="Schedule", kind="choice", choices=SCHEDULES),
            ),
        ),
        ASSESSMENT,
        Form(
            key="medicine",
            title="Medicine given",
            verb="record_medicine",
            events=one("medicine_given"),
            fields=(
                AT,
                Field(name="agent", label="Medicine", kind="text", required=True, hint="For example tocilizumab."),
                Field(name="dose_mg", label="Amount", kind="decimal", unit="mg"),
                Field(name="route", label="Route", kind="text"),
                Field(
                    name="purpose",
                    label="Why",
                    kind="choice",
                    choices=(
                        ("treatment", "Treatment"),
                        ("premedication", "Premedication"),
                        ("prophylaxis", "Prophylaxis"),
                        ("home", "Taken at home"),
                        ("other", "Other"),
                    ),
                ),
                Field(name="for_step", label="For the dose", kind="choice", choices=STEP_CHOICES),
            ),
        ),
        Form(
            key="call",
            title="Call made",
            verb="record_contact",
            events=one("contact_made"),
            fields=(
                AT,
                Field(
                    name="with",
                    label="With",
                    kind="choice",
                    choices=(
                        ("patient", "Patient"),
                        ("caregiver", "Caregiver"),
                        ("ed", "Emergency department"),
                        (OTHER_TEAM, "The other team (hand-off)"),
                    ),
                    required=True,
                ),
                Field(name="reached", label="Reached?", kind="yes_no", choices=YES_NO, required=True),
                Field(
                    name="outcome",
                    label="What happens now",
                    kind="choice",
                    choices=(
                        ("staying_home", "Stays home"),
                        ("coming_in", "Comes in"),
                        ("sent_to_ed", "Goes to the ED"),
                        ("handed_over", "Handed over"),
                        ("none", "Nothing decided"),
                    ),
                ),
                Field(name="next_check_at", label="Next check", kind="moment"),
            ),
        ),
        Form(
            key="resolved",
            title="Toxicity resolved",
            verb="record_assessment",
            events=one("toxicity_resolved"),
            fields=(
                AT,
                Field(
                    name="toxicity",
                    label="What is over",
                    kind="choice",
                    required=True,
                    choices=(("crs", "CRS"), ("icans", "ICANS"), ("infection", "Infection")),
                ),
                Field(name="resolved_at", label="Over since", kind="moment", required=True),
                Field(name="confirmed_by", label="Confirmed by (role)", kind="text", required=True),
            ),
        ),
        Form(
            key="plan",
            title="Plan a dose",
            verb="plan_dose",
            events=one("dose_planned"),
            fields=(
                AT,
                Field(name="step", label="Step", kind="choice", choices=STEP_CHOICES, required=True),
                Field(name="on", label="On", kind="date", required=True),
                Field(
                    name="setting",
                    label="Setting",
                    kind="choice",
                    choices=(("inpatient", "Inpatient"), ("hybrid", "Hybrid"), ("outpatient", "Outpatient")),
                ),
            ),
        ),
        Form(
            key="not-given",
            title="Dose not given",
            verb="record_dose",
            events=one("dose_not_given"),
            fields=(
                AT,
                Field(name="step", label="Step", kind="choice", choices=STEP_CHOICES),
                Field(
                    name="because",
                    label="Why",
                    kind="choice",
                    required=True,
                    may_be_unknown=True,
                    choices=(
                        ("adverse_reaction", "Adverse reaction"),
                        ("infection", "Infection"),
                        ("logistics", "Logistics"),
                        ("patient", "Patient's wish"),
                        ("other", "Other"),
                        (NOT_KNOWN, "Not known"),
                    ),
                ),
                Field(name="related_to_drug", label="Related to the drug?", kind="yes_no", choices=YES_NO),
            ),
        ),
        Form(
            key="weight",
            title="Weight",
            verb="record_assessment",
            events=one("weight_measured"),
            fields=(AT, Field(name="weight_kg", label="Weight", kind="decimal", unit="kg", required=True)),
        ),
        Form(
            key="lab",
            title="Laboratory value",
            verb="record_lab",
            events=one("lab_resulted"),
            fields=(
                AT,
                Field(
                    name="code",
                    label="What",
                    kind="choice",
                    required=True,
                    choices=(
                        ("anc", "Neutrophils (ANC)"),
                        ("igg", "IgG"),
                        ("crp", "CRP"),
                        ("platelets", "Platelets"),
                        ("hemoglobin", "Haemoglobin"),
                        ("creatinine", "Creatinine"),
                    ),
                ),
                Field(name="value", label="Value", kind="decimal", required=True),
                Field(
                    name="unit",
                    label="Unit (UCUM)",
                    kind="choice",
                    required=True,
                    choices=tuple((u, u) for u in ("10*9/L", "10*3/uL", "mg/dL", "g/L", "g/dL", "mg/L", "umol/L")),
                ),
            ),
        ),
        *HOME_FORMS,
        *GATE_FORMS,
        *VISIT_FORMS,
        Form(
            key="hold",
            title="Hold the drug",
            verb="decide",
            events=one("hold_started"),
            fields=(AT, Field(name="because", label="Reason", kind="text", required=True)),
        ),
        Form(
            key="lift",
            title="Lift the hold",
            verb="decide",
            events=one("hold_ended"),
            fields=(AT, Field(name="because", label="Reason", kind="text", required=True)),
        ),
        Form(
            key="home",
            title="Home and location",
            verb="record_logistics",
            events=home_status,
            fields=(
                AT,
                Field(
                    name="location",
                    label="Where is the patient?",
                    kind="choice",
                    choices=(("home", "Home"), ("lodging", "Lodging"), ("hospital", "Hospital"), ("ed", "ED")),
                ),
                Field(name="caregiver_from", label="Caregiver from", kind="moment"),
                Field(name="caregiver_until", label="Caregiver until", kind="moment"),
                Field(name="travel_min_typical", label="Travel, typical", kind="whole", unit="min"),
                Field(name="travel_min_worst", label="Travel, worst", kind="whole", unit="min"),
                Field(name="phone_works", label="Phone works?", kind="yes_no", choices=YES_NO),
                Field(name="thermometer", label="Thermometer at home?", kind="yes_no", choices=YES_NO),
                AT_HAND,
            ),
        ),
        Form(
            key="departure",
            title="Sign a departure",
            verb="sign_departure",
            intro="A departure from the label or protocol has a named approver and a reason, and is counted.",
            events=one("departure_signed"),
            fields=(
                AT,
                Field(
                    name="rule",
                    label="From what",
                    kind="text",
                    required=True,
                    hint="“setting”, “pregnancy”, “hepatitis_b”, “live_vaccine”, or dose_given:<event id> as shown with the finding.",
                ),
                Field(name="advised", label="Advised", kind="text"),
                Field(name="done", label="Done", kind="text"),
                Field(name="reason", label="Reason", kind="text", required=True),
                Field(name="approver", label="Approver", kind="text", required=True),
                Field(name="review_on", label="Review on", kind="date"),
            ),
        ),
        Form(
            key="schedule",
            title="Change the schedule",
            verb="decide",
            events=one("schedule_changed"),
            fields=(
                AT,
                Field(name="schedule", label="Schedule", kind="choice", choices=SCHEDULES, required=True),
                Field(
                    name="response",
                    label="Response",
                    kind="choice",
                    choices=RESPONSES,
                ),
                Field(name="response_since", label="Response since", kind="date"),
            ),
        ),
        Form(
            key="note",
            title="Note",
            verb="record_note",
            events=one("note_added"),
            fields=(AT, Field(name="text", label="Note", kind="text", required=True, hint="No rule reads it.")),
        ),
        Form(
            key="end",
            title="End the course",
            verb="decide",
            events=one("course_ended"),
            fields=(
                AT,
                Field(
                    name="because",
                    label="Reason",
                    kind="choice",
                    choices=END_REASONS,
                    required=True,
                    hint="Calls about a patient who is silent go on until somebody has spoken with the patient: write that call down.",
                ),
                Field(name="died", label="Did the patient die?", kind="yes_no", choices=YES_NO, required=True),
            ),
        ),
    )
}
"""Every form by its key (the last part of its address)."""
