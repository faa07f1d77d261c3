"""Alerts about a site or an organisation: a gap in the rota, a certificate that runs out, a watcher in trouble.

They page through the same ladder, inbox, acknowledgement and channels as those of a course. Their keys begin with
`place:` and a word for what is looked at; their steps come from whoever raises them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from handrail.actions.answering import note_alert
from handrail.alerts import ledger
from handrail.alerts.ledger import Changes, Wanted
from handrail.alerts.models import PLACE
from handrail.people.models import Organisation


def place_key(about: str, *parts: str) -> str:
    """The stable key of an alert about a place: `place:rota:<site or all>:<step>:<from>`."""
    return PLACE + ":".join((about, *parts))


def settle_place(
    organisation_id: UUID, about: str, wanted: Sequence[Wanted], now: datetime, *, site_id: UUID | None = None
) -> Changes:
    """Open, keep and close the alerts of one place so that they are those wanted.

    Args:
        organisation_id: whose.
        about: what is looked at, for example `rota:<site>`; every key of `wanted` begins with `place:` and this.
        wanted: what should be open; an alert that is not among them closes, and one that comes back opens anew.
        now: the instant of the look.
        site_id: None for what concerns the whole organisation.

    Raises:
        ValueError: a key that is not about this place.
    """
    with transaction.atomic():
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
        changes = ledger.reconcile_place(organisation_id, about, wanted, now, site_id=site_id)
        for alert in changes.closed:
            payload = {"alert": str(alert.pk), "key": alert.key, "because": alert.closed_because}
            note_alert(alert, "alert_closed", payload, now)
        for alert in changes.left:
            payload = {"alert": str(alert.pk), "key": alert.key, "because": "left"}
            note_alert(alert, "page_resumed", payload, now)
    return changes
