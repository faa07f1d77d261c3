"""Numbers in the links that a phone dials."""

from __future__ import annotations

from django import template

from handrail.web.checkin.words import dialled

register = template.Library()


@register.filter(name="dialled")
def dialled_number(number: object) -> str:
    """What a link dials: the number without its extension, which stands beside it. A number that is not known dials nothing."""
    return dialled(str(number or ""))
