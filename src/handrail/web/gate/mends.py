"""Where a line of the gate is mended: the page or form that takes what its next step asks.

A line has several parts, and the part that stands open decides: a course with a request to a payer is mended at the access desk, a code
that is missing at the REMS desk, a decision of the setting on its own page.
"""

from __future__ import annotations

from typing import Final

from django.urls import reverse

from handrail.actions.readiness import Gated
from handrail.rules.access_data import TOCILIZUMAB
from handrail.rules.gate_evidence import NOTE_BEFORE
from handrail.rules.readiness import Line
from handrail.web.record_forms import FORMS

OF_THE_COURSE: Final = {"cards": "cards", "authorisation": "course_access"}
"""By what mends a line, the page of the course on which that is done."""
OF_THE_RECORD: Final = ("record what the REMS asks",)
"""Next steps of line 8 that are a fact of the course; every other one is done at the REMS desk."""
STOCK: Final = ("count ", "get rescue")
"""How the next steps of line 7 begin that are about doses in stock, once a request to the payer is open."""
OF_THE_SETTING: Final = ("setting", "consent", "departure", "label")
"""Words of line 17 that are about what the page of the setting takes; what else stands there is confirmed by a person."""


def mend_address(line: Line, gated: Gated, may: frozenset[str]) -> str:
    """The page or form on which this person can mend the line; empty where their role has none."""
    course, step, because = gated.course.pk, line.next_step or "", line.because or ""
    if line.row.mends == "rota":
        return reverse("rota")
    if line.row.mends in OF_THE_COURSE:
        return reverse(OF_THE_COURSE[line.row.mends], args=[course])
    if step == NOTE_BEFORE:
        return _form("earlier", gated, may)
    if "teach-back" in because and "record_assessment" in may:
        return reverse("teach_back", args=[course])
    if line.row.id == "rems" and step not in OF_THE_RECORD:
        return reverse("rems_course", args=[course])
    if line.row.id == "tocilizumab" and gated.course.payer_requests.filter(drug=TOCILIZUMAB).exists():
        return reverse("payer_cards") if step.startswith(STOCK) else reverse("course_access", args=[course])
    if line.row.id in ("caregiver", "travel"):
        return reverse("setting", args=[course])
    if line.row.id == "consent" and any(word in step for word in OF_THE_SETTING):
        return reverse("setting", args=[course])
    if line.row.id == "home" and "language" in because:
        return _form("confirm", gated, may)
    return _form(line.row.mends, gated, may) or (_form("home", gated, may) if line.row.id == "medicines" else "")


def _form(key: str, gated: Gated, may: frozenset[str]) -> str:
    form = FORMS.get(key)
    return reverse("record", args=[gated.course.pk, key]) if form is not None and form.verb in may else ""
