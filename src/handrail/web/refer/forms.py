"""What a practice is asked about a patient: one list of questions for the public form, the sheet, and what is typed in here.

The list is written out in the language in use, so that a practice reads all of it in its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail.actions.referral_intake import TEXTS, Draft
from handrail.rules.referral import PRIOR, REFRACTORY, ROUTINE, URGENT, Intake
from handrail.web.forms import NOT_KNOWN, Field, Form

LEAVE: Final = gettext_lazy("Leave it empty if it is not known.")
_CLASSES: Final[Mapping[str, Promise]] = {
    "proteasome_inhibitor": gettext_lazy("Proteasome inhibitor"),
    "immunomodulatory_agent": gettext_lazy("Immunomodulatory drug (IMiD)"),
    "anti_cd38_antibody": gettext_lazy("Anti-CD38 antibody"),
    "bcma": gettext_lazy("BCMA-directed treatment"),
    "gprc5d": gettext_lazy("GPRC5D-directed treatment"),
    "car_t": gettext_lazy("CAR-T"),
}
_REFRACTORY: Final[Mapping[str, Promise]] = {
    "none": gettext_lazy("Refractory to nothing so far"),
    "last_line": gettext_lazy("Refractory to the last line"),
    "two_classes": gettext_lazy("Refractory to two classes"),
    "triple_class": gettext_lazy("Triple-class refractory"),
}


def _yes_no(name: str, label: str, group: str = "") -> Field:
    choices = (("yes", _("Yes")), ("no", _("No")), (NOT_KNOWN, _("Not known")))
    return Field(name=name, label=label, kind="yes_no", choices=choices, group=group)


def _text(name: str, label: str, group: str = "", hint: str | None = None) -> Field:
    return Field(name=name, label=label, kind="text", group=group, hint=str(LEAVE) if hint is None else hint)


def _practice() -> tuple[Field, ...]:
    return (
        replace(_text("practice", _("Practice"), _("Who refers"), ""), required=True),
        _text("referrer", _("Your name"), hint=""),
        _text("referrer_phone", _("Phone"), hint=_("This or an e-mail: else nobody can answer you.")),
        _text("referrer_email", _("E-mail"), hint=_("It gets the code and nothing about the patient.")),
    )


def _patient() -> tuple[Field, ...]:
    return (
        _text("given_name", _("Given name"), _("The patient"), ""),
        _text("family_name", _("Family name"), hint=""),
        Field(name="birth_date_text", label=_("Birth date"), kind="date", hint=str(LEAVE)),
        _text("phone", _("Patient's phone")),
        _text("language", _("Language the patient speaks best")),
    )


def _disease() -> tuple[Field, ...]:
    not_known = (NOT_KNOWN, _("Not known"))
    return (
        _text("diagnosis", _("Diagnosis"), _("The disease")),
        Field(
            name="urgency",
            label=_("How urgent"),
            kind="choice",
            choices=((URGENT, _("Urgent")), (ROUTINE, _("Routine")), not_known),
            may_be_unknown=True,
            hint=_("Not known is handled as urgent."),
        ),
        Field(name="lines", label=_("Earlier lines of therapy"), kind="whole", hint=str(LEAVE)),
        Field(
            name="refractory",
            label=_("Refractory"),
            kind="choice",
            choices=(*((key, str(_REFRACTORY[key])) for key in REFRACTORY), not_known),
            may_be_unknown=True,
        ),
        _yes_no("progressed", _("Did it grow on the last therapy?")),
    )


def _around() -> tuple[Field, ...]:
    return (
        _text("insurer", _("Insurer"), _("Around the patient")),
        _yes_no("caregiver", _("Is there a caregiver?")),
        Field(
            name="distance_minutes",
            label=_("Travel to us, one way"),
            kind="whole",
            unit=_("minutes"),
            hint=str(LEAVE),
        ),
    )


def form() -> Form:
    """The public form, in the language in use."""
    classes = tuple(_yes_no(f"had_{name}", str(_CLASSES[name]), _("What the patient has had")) for name in PRIOR)
    fields = (*_practice(), *_patient(), *_disease(), *classes, *_around())
    return Form(key="refer", title=_("Refer a patient"), verb="work_referral", fields=fields, events=lambda _: [])


def typed_in() -> Form:
    """The same for a fax, with the hour at which it came."""
    came = Field(
        name="received_at",
        label="When it came",
        kind="moment",
        group="The fax",
        hint="Its clocks start then. Leave it empty for now.",
    )
    whole = form()
    return replace(whole, key="type_in", title="Type in a fax", fields=(came, *whole.fields))


def draft_of(values: Mapping[str, Any]) -> Draft:
    """What was typed, as the verbs take it."""
    texts = {name: values.get(name) or "" for name in TEXTS}
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
