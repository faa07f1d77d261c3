"""What a practice is asked about a patient: one list of questions for the public form, the sheet, and what is typed in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from handrail.actions.referral_intake import Draft
from handrail.rules.referral import PRIOR, REFRACTORY, Intake
from handrail.web.forms import NOT_KNOWN, YES_NO, Field, Form

LEAVE: Final = "Leave it empty if it is not known."
_LABELS: Final = {
    "proteasome_inhibitor": "Proteasome inhibitor",
    "immunomodulatory_agent": "Immunomodulatory drug (IMiD)",
    "anti_cd38_antibody": "Anti-CD38 antibody",
    "bcma": "BCMA-directed treatment",
    "gprc5d": "GPRC5D-directed treatment",
    "car_t": "CAR-T",
}
_PRACTICE: Final = (
    Field(name="practice", label="Practice", kind="text", required=True, group="Who refers"),
    Field(name="referrer", label="Your name", kind="text"),
    Field(name="referrer_phone", label="Phone", kind="text", hint="This or an e-mail: else nobody can answer you."),
    Field(
        name="referrer_email",
        label="E-mail",
        kind="text",
        hint="It gets the code and nothing about the patient.",
    ),
)
_PATIENT: Final = (
    Field(name="given_name", label="Given name", kind="text", group="The patient"),
    Field(name="family_name", label="Family name", kind="text"),
    Field(name="birth_date_text", label="Birth date", kind="date", hint=LEAVE),
    Field(name="phone", label="Patient's phone", kind="text", hint=LEAVE),
    Field(name="language", label="Language the patient speaks best", kind="text", hint=LEAVE),
)
_DISEASE: Final = (
    Field(name="diagnosis", label="Diagnosis", kind="text", hint=LEAVE, group="The disease"),
    Field(
        name="urgency",
        label="How urgent",
        kind="choice",
        choices=(("urgent", "Urgent"), ("routine", "Routine"), (NOT_KNOWN, "Not known")),
        may_be_unknown=True,
        hint="Not known is handled as urgent.",
    ),
    Field(name="lines", label="Earlier lines of therapy", kind="whole", hint=LEAVE),
    Field(
        name="refractory",
        label="Refractory",
        kind="choice",
        choices=(*((key, words.capitalize()) for key, words in REFRACTORY.items()), (NOT_KNOWN, "Not known")),
        may_be_unknown=True,
    ),
    Field(name="progressed", label="Did it grow on the last therapy?", kind="yes_no", choices=YES_NO),
)
_CLASSES: Final = tuple(
    Field(
        name=f"had_{name}",
        label=_LABELS[name],
        kind="yes_no",
        choices=YES_NO,
        group="What the patient has had",
    )
    for name in PRIOR
)
_AROUND: Final = (
    Field(name="insurer", label="Insurer", kind="text", hint=LEAVE, group="Around the patient"),
    Field(name="caregiver", label="Is there a caregiver?", kind="yes_no", choices=YES_NO),
    Field(
        name="distance_minutes",
        label="Travel to us, one way",
        kind="whole",
        unit="minutes",
        hint=LEAVE,
    ),
)
FIELDS: Final = (*_PRACTICE, *_PATIENT, *_DISEASE, *_CLASSES, *_AROUND)
FORM: Final = Form(key="refer", title="Refer a patient", verb="work_referral", fields=FIELDS, events=lambda _: [])
CAME: Final = Field(
    name="received_at",
    label="When it came",
    kind="moment",
    group="The fax",
    hint="Its clocks start then. Leave it empty for now.",
)
TYPED_IN: Final = Form(
    key="type_in", title="Type in a fax", verb="work_referral", fields=(CAME, *FIELDS), events=lambda _: []
)


def draft_of(values: Mapping[str, Any]) -> Draft:
    """What was typed, as the verbs take it."""
    texts = {field.name: values.get(field.name) or "" for field in (*_PRACTICE, *_PATIENT) if field.name != "language"}
    classes = {name: values.get(f"had_{name}") for name in PRIOR}
    return Draft(
        **texts,
        intake=Intake(
            diagnosis=values.get("diagnosis") or None,
            lines=values.get("lines"),
            classes={name: had for name, had in classes.items() if had is not None},
            refractory=values.get("refractory"),
            progressed=values.get("progressed"),
            urgency=values.get("urgency"),
            insurer=values.get("insurer") or None,
            caregiver=values.get("caregiver"),
            language=values.get("language") or None,
            distance_minutes=values.get("distance_minutes"),
        ),
    )
