"""A short form for every fact that a setting may miss: each makes one event, dated now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args

from handrail.rules.setting_case import FACT_WORDS
from handrail.rules.setting_facts import LEVELS, MONTHS, Weather
from handrail.rules.terms import STEP_WORDS
from handrail.web.forms import YES_NO, Field, Form

Events = Callable[[Mapping[str, Any]], list[dict[str, Any]]]
WEATHER: Final = tuple((word, word.capitalize()) for word in get_args(Weather))
MONTH: Final = tuple((str(number), name) for number, name in enumerate(MONTHS, start=1))
NONE: Final = "none"
LINES: Final = range(1, 5)
"""Lines of a form that takes several: months of the way."""
ROSTER_LINES: Final = range(1, 9)
PEOPLE: Final = 6
YES_OR_NO: Final = {
    "infection_active": "Is there an active or uncontrolled infection?",
    "consent": "Has the patient consented?",
    "live_vaccine": "Was there a live vaccine in the last weeks?",
    "decided_to_proceed_without": "Is it decided, in writing, to proceed without authorisation?",
    "frail": "Is the patient frail?",
    "self_report_unreliable": "Does anything make self-report or the ICE score unreliable?",
    "cns_disease": "Disease of the central nervous system?",
    "uncontrolled_seizures": "Uncontrolled seizures?",
    "explosive_progression": "Explosive progression?",
    "extramedullary_disease": "Disease outside the marrow?",
    "plasma_cell_leukaemia": "Plasma-cell leukaemia, now or before?",
    "cytopenia": "Low counts?",
    "oxygen_need": "Does the patient need oxygen?",
    "decompensated_cirrhosis": "Decompensated cirrhosis?",
    "dialysis": "Dialysis?",
    "anticoagulated": "Does the patient take an anticoagulant?",
    "tocilizumab_planned": "Is tocilizumab planned to prevent CRS?",
    "measures_temperature": "Does somebody at home measure the temperature?",
    "caregiver_unwell": "Is the caregiver old or unwell?",
    "teach_back_low": "Was the teach-back doubtful?",
    "needs_interpreter": "Is an interpreter needed?",
    "interpreter_at_all_hours": "Is there an interpreter by phone at every hour, the night included?",
    "transport_at_hand": "Is there transport to the hospital at every hour?",
    "follows_label_strictly": "Does this site follow the label strictly?",
    "first_patient_at_site": "Is this the first patient at this site?",
}
"""Questions with a yes or no."""
WHOLE: Final = {
    "ecog": ("ECOG", "0 to 4"),
    "worst_earlier_reaction": ("Worst grade of CRS or ICANS with an earlier agent", "0: none"),
    "nyha": ("Heart failure, NYHA class", "0: none"),
    "significant_comorbidities": ("Number of significant other diseases", ""),
}
DATED: Final = {
    "heart_attack_or_stroke": "A heart attack or stroke?",
    "infection_resolved": "An infection that is over?",
}
PAPERS: Final = {
    "rems_prescriber": "Is the prescriber certified in the REMS?",
    "rems_dispenser": "Is the dispenser certified in the REMS?",
    "rems_setting": "Is the setting certified in the REMS?",
    "hospital_agreement": "Is there an agreement with the receiving hospital?",
}
LABS: Final = {
    "marrow_plasma_percent": ("plasma_cells", "Plasma cells of the marrow", "%", False),
    "m_protein_g_dl": ("m_protein", "M-protein", "g/dL", False),
    "involved_flc_mg_l": ("flc_involved", "Involved free light chain", "mg/L", False),
    "creatinine_clearance_ml_min": ("crcl", "Creatinine clearance", "mL/min", False),
    "ldh_times_upper_limit": ("ldh", "LDH", "U/L", True),
    "ferritin_raised": ("ferritin", "Ferritin", "ug/L", True),
    "crp_raised": ("crp", "CRP", "mg/L", True),
}
"""Code, words, unit in UCUM, and whether the upper limit of normal is asked too."""
HOME: Final = {
    "phone_works": ("phone_works", "Does a phone work?"),
    "thermometer_at_hand": ("thermometer", "Is there a thermometer at home?"),
}
ELSEWHERE: Final = {
    "screening": (("screening", "Screening result"), ("lab", "Laboratory value"), ("pregnancy", "Pregnancy status")),
    "last_dose": (("dose", "Dose given"),),
    "carried_rows": (("assessment", "Assessment"),),
}
"""Facts that have a form on the page of the course."""


def _yes_no(name: str, label: str, hint: str = "", *, required: bool = True) -> Field:
    return Field(name=name, label=label, kind="yes_no", choices=YES_NO, required=required, hint=hint)


def _noted(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"kind": "setting_facts_noted", **values}]


def _dated(name: str) -> Events:
    def events(values: Mapping[str, Any]) -> list[dict[str, Any]]:
        happened = values.get("happened")
        told = None if happened is None else {"happened": happened, "on": values.get("on") if happened else None}
        return _noted({name: told})

    return events


def _paper_of(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """A paper: one that is held ends on a day, or the person says that it has no end."""
    held = values.get("held")
    if held is None:
        return None
    until = values.get("until")
    return {"held": held, "until": until, "no_end": True if held and until is None and values.get("no_end") else None}


def _paper_fields(question: str) -> tuple[Field, ...]:
    return (
        _yes_no("held", question),
        Field(name="until", label="Its last day", kind="date"),
        _yes_no("no_end", "It has no end", "Only where nobody wrote down a last day because there is none.", required=False),
    )  # fmt: skip


def _paper(name: str) -> Events:
    return lambda values: _noted({name: _paper_of(values)})


def _lab(code: str, unit: str) -> Events:
    def events(values: Mapping[str, Any]) -> list[dict[str, Any]]:
        high = {"high": values["high"]} if values.get("high") is not None else {}
        return [{"kind": "lab_resulted", "code": code, "value": values.get("value"), "unit": unit, **high}]

    return events


def _level(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _noted({"site_level": values.get("level"), "level_paper": _paper_of(values)})


def _suspensions(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not values.get("suspended"):
        return _noted({"suspensions": [] if values.get("suspended") is False else None})
    months = _months(values.get("first"), values.get("last")) or list(range(1, len(MONTHS) + 1))
    row = {"words": values.get("words") or "suspended by the site", "months": months}
    return _noted({"suspensions": [{**row, "unless_lodging": bool(values.get("unless_lodging"))}]})


def _payer(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    asks = values.get("asks")
    steps = None if asks is None else values.get("steps", []) if asks else []
    waiver = {"payer_waiver": _paper_of(values)} if "held" in values else {}
    policy = {"payer_policy": values["policy"]} if values.get("policy") else {}
    return _noted({"payer_inpatient_steps": steps or (None if asks else steps), **waiver, **policy})


def _weather(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _noted({"weather_expected": [word for word in values.get("weather", []) if word != NONE]})


def _months(first: str | None, last: str | None) -> list[int]:
    """The months from one to another, over the turn of the year where the last comes before the first."""
    if first is None and last is None:
        return []
    begins, ends = int(first or last or 1), int(last or first or 1)
    count = len(MONTHS)
    return [(begins - 1 + step) % count + 1 for step in range((ends - begins) % count + 1)]


def _travel(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    worst = []
    for line in LINES:
        minutes = values.get(f"minutes_{line}")
        if minutes is not None:
            months = _months(values.get(f"first_{line}"), values.get(f"last_{line}")) or list(range(1, len(MONTHS) + 1))
            weather = values.get(f"weather_{line}")
            worst.append({"months": months, "minutes": minutes, **({"weather": weather} if weather else {})})
    names = ("typical_minutes", "night_minutes", "to", "told_by", "as_of")
    told = {name: values[name] for name in names if values.get(name) is not None}
    return [{"kind": "travel_noted", "worst": worst or None, **told}]


def _lodging(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"kind": "lodging_noted", **values}]


def _roster(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    hours = [
        {"who": values[f"who_{line}"], "from_at": values[f"from_{line}"], "until_at": values[f"until_{line}"]}
        for line in ROSTER_LINES
        if all(values.get(f"{name}_{line}") for name in ("who", "from", "until"))
    ]
    return [{"kind": "caregivers_rostered", "hours": hours}]


def _departure_of(step: str, carried: Sequence[str], approver: str) -> Events:
    def events(values: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows = {"carried_rows": list(carried)} if carried else {}
        told = {"rule": "setting", "steps": [step], **rows, "approver": approver}
        return [{"kind": "departure_signed", **told, **values}]

    return events


def departure_form(step: str, asks: str, carried: Sequence[str], approver: str) -> Form:
    """The signature under a dose that leaves hospital against the label: by whoever is signed in, for this step alone."""
    return Form(
        key="departure",
        title="Sign the departure from the label",
        verb="sign_departure",
        intro=f"{asks}. You sign, for {STEP_WORDS[step]} alone, that it is watched elsewhere. It carries your name and is counted.",
        events=_departure_of(step, carried, approver),
        fields=(
            Field(name="reason", label="Because", kind="text", required=True),
            Field(name="review_on", label="The departure stands until", kind="date", required=True),
        ),
    )


def calendar_form(steps: Sequence[str]) -> Form:
    """When each dose of the step-up begins: the watched span is counted from the first and the last of them."""

    def events(values: Mapping[str, Any]) -> list[dict[str, Any]]:
        doses = [{"step": step, "at": values[step]} for step in steps if values.get(step)]
        return [{"kind": "step_up_planned", "doses": doses}]

    fields = tuple(
        Field(name=step, label=STEP_WORDS[step].capitalize(), kind="moment", required=step == steps[-1], hint="Clock of the site.")
        for step in steps
    )  # fmt: skip
    return Form(
        key="doses",
        title="Calendar of the step-up",
        verb="plan_dose",
        intro="Leave out what is given already. A caregiver is needed until the end of the watched days, which follow from this.",
        events=events,
        fields=fields,
    )


def _roster_fields() -> tuple[Field, ...]:
    people = tuple((f"caregiver_{number}", f"Caregiver {number}") for number in range(1, PEOPLE + 1))
    found: list[Field] = []
    for line in ROSTER_LINES:
        group = f"Line {line}"
        found += [
            Field(name=f"who_{line}", label="Who", kind="choice", choices=people, group=group),
            Field(name=f"from_{line}", label="From", kind="moment", group=group),
            Field(name=f"until_{line}", label="Until", kind="moment", group=group),
        ]
    return tuple(found)


def _travel_fields() -> tuple[Field, ...]:
    found: list[Field] = []
    for line in LINES:
        group = f"Worst case, line {line}"
        found += [
            Field(name=f"minutes_{line}", label="Minutes", kind="whole", unit="min", group=group, required=line == 1),
            Field(name=f"first_{line}", label="From", kind="choice", choices=MONTH, group=group, hint="Left open: every month."),
            Field(name=f"last_{line}", label="To", kind="choice", choices=MONTH, group=group),
            Field(name=f"weather_{line}", label="Only in", kind="choice", choices=WEATHER, group=group, hint="Left open: in any weather."),
        ]  # fmt: skip
    return tuple(found)


ROSTER: Final = Form(
    key="caregivers",
    title="Who is with the patient, hour by hour",
    verb="record_logistics",
    intro="The whole roster: it takes the place of the one before. Caregivers have a number here; names and phones stand with the "
    "contacts. With no line filled in it says that nobody is there.",
    events=_roster,
    fields=_roster_fields(),
)
TRAVEL: Final = Form(
    key="travel",
    title="The way to the receiving hospital",
    verb="record_logistics",
    intro="The worst case decides, for the months of the watched days. No map is needed: write who told it, and as of which day.",
    events=_travel,
    fields=(
        Field(name="to", label="To which hospital", kind="text"),
        Field(name="typical_minutes", label="Usually", kind="whole", unit="min"),
        Field(name="night_minutes", label="At night", kind="whole", unit="min"),
        *_travel_fields(),
        Field(name="told_by", label="Told by", kind="text", required=True, group="Where this is from", hint="For example the caregiver."),
        Field(name="as_of", label="As of", kind="date", required=True, group="Where this is from"),
    ),
)  # fmt: skip
LODGING: Final = Form(
    key="lodging",
    title="Lodging near the hospital",
    verb="record_logistics",
    events=_lodging,
    fields=(
        _yes_no("accepted", "Does the patient accept lodging?"),
        Field(name="from_at", label="From", kind="moment"),
        Field(name="until_at", label="Until", kind="moment"),
        Field(name="worst_minutes", label="From there to the hospital, worst case", kind="whole", unit="min"),
    ),
)


def _fact_forms() -> dict[str, Form]:
    found: dict[str, Form] = {}

    def add(key: str, verb: str, events: Events, *fields: Field) -> None:
        found[key] = Form(key=key, title=FACT_WORDS.get(key, key), verb=verb, events=events, fields=fields)

    for name, question in YES_OR_NO.items():
        add(name, "record_assessment", _noted, _yes_no(name, question))
    for name, (label, hint) in WHOLE.items():
        field = Field(name=name, label=label, kind="whole", hint=hint, required=True)
        add(name, "record_assessment", _noted, field)
    for name, question in DATED.items():
        add(
            name,
            "record_assessment",
            _dated(name),
            _yes_no("happened", question),
            Field(name="on", label="On", kind="date"),
        )
    for name, question in PAPERS.items():
        add(name, "record_assessment", _paper(name), *_paper_fields(question))
    for name, (code, label, unit, limit) in LABS.items():
        fields = [Field(name="value", label=label, kind="decimal", unit=unit, required=True)]
        if limit:
            fields.append(Field(name="high", label="Upper limit of normal", kind="decimal", unit=unit, required=True))
        add(name, "record_lab", _lab(code, unit), *fields)
    for name, (field_name, question) in HOME.items():
        add(name, "record_logistics", lambda values: [{"kind": "home_status", **values}], _yes_no(field_name, question))
    add(
        "temperature_c", "record_assessment", lambda values: [{"kind": "vitals_measured", **values}],
        Field(name="temperature_c", label="Temperature now", kind="decimal", unit="°C", required=True),
    )  # fmt: skip
    add(
        "authorisation", "record_logistics",
        lambda values: [{"kind": "authorisation_set", "subject": "bispecific", **values}],
        Field(name="status", label="The payer's answer", kind="choice", required=True,
              choices=(("approved", "Approved"), ("denied", "Denied"), ("requested", "Asked, no answer yet"))),
        Field(name="number", label="Number", kind="text"),
        Field(name="valid_from", label="From", kind="date"),
        Field(name="valid_until", label="Its last day", kind="date"),
    )  # fmt: skip
    add(
        "site_level", "record_assessment", _level,
        Field(name="level", label="Level of the site for this product and phase", kind="choice", required=True,
              choices=tuple((level, level) for level in LEVELS)),
        *_paper_fields("Is that level signed?"),
    )  # fmt: skip
    add(
        "suspensions", "record_assessment", _suspensions,
        _yes_no("suspended", "Does the site suspend step-up at home for a season or for weather?"),
        Field(name="words", label="In words", kind="text"),
        Field(name="first", label="From", kind="choice", choices=MONTH),
        Field(name="last", label="To", kind="choice", choices=MONTH),
        _yes_no("unless_lodging", "Does lodging lift it?", required=False),
    )  # fmt: skip
    paid = ("step_up_1", "step_up_2", "step_up_3", "first_treatment", "treatment")
    steps = tuple((step, STEP_WORDS[step].capitalize()) for step in paid)
    add(
        "payer", "record_assessment", _payer,
        _yes_no("asks", "Does the payer pay any of these doses in hospital only?"),
        Field(name="steps", label="Which", kind="choices", choices=steps),
        Field(name="policy", label="The policy", kind="text"),
        _yes_no("held", "Has the payer waived that?", required=False),
        Field(name="until", label="The waiver's last day", kind="date"),
        _yes_no("no_end", "The waiver has no end", required=False),
    )  # fmt: skip
    add(
        "weather_expected", "record_assessment", _weather,
        Field(name="weather", label="What weather is expected on the watched days?", kind="choices", required=True,
              choices=((NONE, "Nothing of these"), *WEATHER)),
    )  # fmt: skip
    return found


FACT_FORMS: Final[Mapping[str, Form]] = {**_fact_forms(), "caregivers": ROSTER, "travel": TRAVEL, "lodging": LODGING}
"""By the name of the fact that is missing; `doses` and `departure` depend on the course."""
