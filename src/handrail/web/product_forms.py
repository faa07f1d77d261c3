"""The forms of staff for one product: the steps and intervals of its label come first, and its route stands ready.

A step that the label lacks can still be chosen: what was really given is always recorded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from handrail.rules.protocol import Protocol
from handrail.rules.terms import SCHEDULES, STEP_WORDS, STEPS
from handrail.web.forms import Field, Form

STEP_FIELDS: Final = ("step", "for_step")


def of_product(form: Form, protocol: Protocol) -> Form:
    """The form with the choices of a label: all of its steps and schedules, then every other that was offered before."""
    return replace(form, fields=tuple(_of_product(field, protocol) for field in form.fields))


def _of_product(field: Field, protocol: Protocol) -> Field:
    if field.kind == "choice" and field.name in STEP_FIELDS:
        known = {row.step for row in protocol.step}
        own = tuple((step, STEP_WORDS[step].capitalize()) for step in STEPS if step in known)
        return replace(field, choices=(*own, *(choice for choice in field.choices if choice not in own)))
    if field.kind == "choice" and field.name == "schedule":
        own = tuple((name, name.replace("_", " ").capitalize()) for name in SCHEDULES if name in protocol.schedules)
        return replace(field, choices=(*own, *(choice for choice in field.choices if choice not in own)))
    if field.name == "route" and field.start:
        return replace(field, start=protocol.product.route)
    return field
