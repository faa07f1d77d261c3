"""The forms for what stands on the gate of a dose: earlier treatment, REMS, screening, pregnancy, vaccines, and the response."""

from __future__ import annotations

from typing import Final

from handrail.rules.readiness_events import ITEM_WORDS
from handrail.rules.terms import DRUG_CLASSES
from handrail.web.forms import AT, NOT_KNOWN, YES_NO, Field, Form, one

RESPONSES: Final = tuple((r, r) for r in ("sCR", "CR", "VGPR", "PR", "MR", "SD", "PD"))
REMS: Final = (
    ("prescriber_certified", "Prescriber certified, checked before dispensing"),
    ("counselling", "Patient counselled"),
    ("wallet_card", "Wallet card handed over"),
)
SUBJECTS: Final = (("bispecific", "The bispecific antibody"), ("tocilizumab", "Tocilizumab"))
ANSWERS: Final = (
    ("approved", "Approved"),
    ("not_required", "No authorisation is required"),
    ("asked", "Asked, no answer yet"),
    ("denied", "Denied"),
)
CONFIRMED: Final = tuple((item, words.capitalize()) for item, words in ITEM_WORDS.items())

GATE_FORMS: Final = (
    Form(
        key="screening",
        title="Screening result",
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
                    ("pregnancy_test", "Pregnancy test"),
                    ("hbsag", "Hepatitis B: HBsAg"),
                    ("anti_hbc", "Hepatitis B: anti-HBc"),
                ),
            ),
            Field(
                name="result",
                label="Result",
                kind="choice",
                required=True,
                may_be_unknown=True,
                choices=(
                    ("negative", "Negative"),
                    ("positive", "Positive"),
                    ("indeterminate", "Indeterminate"),
                    (NOT_KNOWN, "Not known"),
                ),
            ),
        ),
    ),
    Form(
        key="pregnancy",
        title="Pregnancy status",
        verb="record_assessment",
        intro="For a patient who cannot become pregnant, say so here; a test result is recorded as a screening result.",
        events=one("condition_noted"),
        fields=(
            AT,
            Field(
                name="what",
                label="What",
                kind="choice",
                required=True,
                choices=(("childbearing_potential", "Can become pregnant"), ("pregnancy", "Is pregnant")),
            ),
            Field(name="active", label="Answer", kind="yes_no", choices=YES_NO, required=True),
        ),
    ),
    Form(
        key="vaccine",
        title="Vaccine",
        verb="record_medicine",
        events=one("vaccine_noted"),
        fields=(
            AT,
            Field(name="vaccine", label="Vaccine", kind="text", required=True, hint="For example yellow fever."),
            Field(name="live", label="Is it a live vaccine?", kind="yes_no", choices=YES_NO, required=True),
            Field(name="on", label="On", kind="date", required=True),
            Field(name="given", label="Has it been given?", kind="yes_no", choices=YES_NO, hint="No: planned."),
        ),
    ),
    Form(
        key="earlier",
        title="Treatment before this course",
        verb="record_contact",
        intro="What the label's indication asks. It takes the place of what was noted before; what is left open is not known.",
        events=one("earlier_treatment_noted"),
        fields=(
            AT,
            Field(name="lines", label="Earlier lines of therapy", kind="whole", required=True),
            *(
                Field(
                    name=name,
                    label=f"{words[0].upper()}{words[1:]} among them?",
                    kind="yes_no",
                    choices=YES_NO,
                    required=True,
                )
                for name, words in DRUG_CLASSES.items()
            ),
            Field(
                name="progressed_on_last",
                label="Did the disease grow on the last one?",
                kind="yes_no",
                choices=YES_NO,
                required=True,
            ),
        ),
    ),
    Form(
        key="rems",
        title="REMS requirement",
        verb="record_logistics",
        intro="What the REMS asks before a dose. Record what was done and checked, and until when it holds.",
        events=one("rems_met"),
        fields=(
            AT,
            Field(name="requirement", label="Requirement", kind="choice", choices=REMS, required=True),
            Field(name="met", label="Met?", kind="yes_no", choices=YES_NO, required=True),
            Field(name="valid_until", label="Holds until", kind="date", hint="Left empty: for one dose."),
        ),
    ),
    Form(
        key="authorisation",
        title="Authorisation of a payer",
        verb="record_logistics",
        intro="What the payer said, for which days. A dose outside them is red on the gate.",
        events=one("authorisation_set"),
        fields=(
            AT,
            Field(name="subject", label="For", kind="choice", choices=SUBJECTS, required=True),
            Field(name="status", label="Answer", kind="choice", choices=ANSWERS, required=True),
            Field(name="number", label="Number", kind="text"),
            Field(name="valid_from", label="From", kind="date"),
            Field(name="valid_until", label="Last day", kind="date"),
        ),
    ),
    Form(
        key="confirm",
        title="Confirm before a dose",
        verb="record_logistics",
        intro="What only a person can say: the emergency department, stock, the site of the maintenance, a waiver.",
        events=one("readiness_confirmed"),
        fields=(
            AT,
            Field(name="item", label="What", kind="choice", choices=CONFIRMED, required=True),
            Field(name="confirmed", label="Is it so?", kind="yes_no", choices=YES_NO, required=True),
            Field(
                name="evidence",
                label="Where it can be seen",
                kind="text",
                hint="A paper, a place, who said so, or the reason.",
            ),
            Field(name="valid_until", label="Last day", kind="date", hint="Left empty: until somebody says otherwise."),
        ),
    ),
    Form(
        key="response",
        title="Response",
        verb="record_assessment",
        events=one("response_assessed"),
        fields=(
            AT,
            Field(
                name="response",
                label="Response",
                kind="choice",
                required=True,
                may_be_unknown=True,
                choices=(*RESPONSES, (NOT_KNOWN, "Not known")),
            ),
            Field(name="criteria", label="Criteria", kind="text", start="IMWG"),
        ),
    ),
)
"""In the order of the list on the page of a course."""
