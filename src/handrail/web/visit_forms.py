"""The forms for the daily assessments of the watched window: book one, say that one is complete, close a missed one."""

from __future__ import annotations

from typing import Final

from handrail.web.forms import AT, Field, Form, one

_WHO: Final = Field(
    name="who_role",
    label="Who assesses",
    kind="choice",
    required=True,
    choices=(("nurse", "Nurse"), ("app", "Advanced practice provider"), ("oncologist", "Physician")),
)
_HOW: Final = Field(
    name="contact",
    label="How",
    kind="choice",
    required=True,
    choices=(("in_person", "In person"), ("call", "By phone"), ("video", "By video")),
)

VISIT_FORMS: Final = (
    Form(
        key="book",
        title="Book an assessment",
        verb="record_contact",
        intro="Every day of the watched window has one, by whom the policy of the course names: as shipped an APP or a physician on "
        "the day of the dose, a nurse on the others.",
        events=one("visit_planned"),
        fields=(
            AT,
            Field(name="on", label="For the day", kind="date", required=True),
            Field(name="starts_at", label="At", kind="moment"),
            _WHO,
            _HOW,
        ),
    ),
    Form(
        key="visit",
        title="Assessment took place",
        verb="record_assessment",
        intro="Only when the assessment itself is charted elsewhere. Recorded here with CRS and ICANS, it counts by itself.",
        events=one("visit_done"),
        fields=(AT, Field(name="on", label="On the day", kind="date", required=True), _WHO, _HOW),
    ),
    Form(
        key="incident",
        title="Close a missed assessment",
        verb="close_incident",
        intro="A missed assessment is an incident. Say why it was missed and what came of it.",
        events=lambda values: [{"kind": "incident_closed", "what": "daily_assessment", **values}],
        fields=(
            AT,
            Field(name="on", label="Which day", kind="date", required=True),
            Field(name="because", label="Reason", kind="text", required=True),
        ),
    ),
)
