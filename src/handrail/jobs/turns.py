"""Whose turn it is: of the rows that are due and that nobody holds, what goes before what."""

from __future__ import annotations

from typing import Final, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from handrail.alerts.models import STAYS_HERE, Alert, Page
from handrail.jobs.sending import FOUND_NOBODY
from handrail.rules.paging import NAMED_PERSON
from handrail.rules.terms import Urgency

Row = TypeVar("Row", bound=Model)
URGENT: Final[dict[type[Model], str]] = {Alert: "urgency", Page: "alert__urgency"}
NOW: Final = Urgency.NOW.value
"""What says that a row goes before the others."""


def turns_of(model: type[Model], due: QuerySet[Row], *, urgent: bool) -> tuple[QuerySet[Row], ...]:
    """What goes before what: the last holds all that may be taken, and of equals the one that has been due for longest comes first.

    Of the alerts, one of which nobody has been told comes before a page that is repeated, however many of those are due at once;
    a step that found nobody has told nobody. Where all may go, the urgent ones had their turn already. So it is with what leaves the
    machine: first a message about a RED alert of which none has left, then one that repeats it, then the others; what somebody has
    answered meanwhile is only written off, and waits for all of them.
    """
    if model not in URGENT:
        return (due,)
    now = due.filter(**{URGENT[model]: NOW})
    if model is Page:
        told = Page.objects.filter(alert=OuterRef("alert"), state=Page.State.SENT).exclude(channel__in=STAYS_HERE)
        live = Q(alert__acknowledged_at=None, alert__closed_at=None) | Q(who=NAMED_PERSON)
        first = now.filter(live).filter(~Exists(told))
        return (first, now.filter(live), now) if urgent else (first, now.filter(live), due.filter(live), due)
    untold = ~Exists(Page.objects.filter(alert=OuterRef("pk")).exclude(state__in=FOUND_NOBODY))
    return (now.filter(untold), now) if urgent else (due.filter(untold), due)
