"""Requests to payers for tests: opened and followed through the verbs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handrail.actions.payer_papers import write_paper
from handrail.actions.payer_requests import add_entry, open_request
from handrail.records.models import AccessPaper, PayerEntry, PayerRequest
from tests.support.factories import MONDAY_0900, World, make_member

PAYER = "Synthetic Health"
LATER = timedelta(hours=1)


def coordinator(world: World) -> Any:
    """A coordinator of Alice's house, as an actor."""
    from handrail.actions.actor import person

    return person(make_member(world.alice.organisation, "coordinator"))


def asked(world: World, by: Any, *, now: datetime = MONDAY_0900, **fields: Any) -> PayerRequest:
    """A request for the drug of the world's course."""
    defaults = {"drug": "teclistamab", "payer": PAYER, "setting": "outpatient"}
    return open_request(world.course.pk, by=by, now=now, **{**defaults, **fields})


def write(request: PayerRequest | UUID, by: Any, kind: str, hours: float, **says: Any) -> PayerEntry:
    """An entry so many hours after Monday at 9:00."""
    key = request if isinstance(request, UUID) else request.pk
    return add_entry(key, kind=kind, says=says, by=by, now=MONDAY_0900 + timedelta(hours=hours))


def interchange(world: World, by: Any, **fields: Any) -> AccessPaper:
    """An interchange protocol of Alice's house, in force from Monday for a year."""
    day = MONDAY_0900.date()
    payload = {"products": ["actemra", "tyenne"], "uses": ["prophylaxis"], "approved_by": "P&T committee"}
    defaults = {"kind": "interchange", "key": "tocilizumab", "since": day, "until": day + timedelta(days=365)}
    return write_paper(world.alice.id, by=by, now=MONDAY_0900, **{"payload": payload, **defaults, **fields})


APPROVAL = {
    "number": "SYN-1", "valid_from": "2026-03-02", "valid_until": "2026-09-01", "code": "J9380", "site": "any",
    "setting": "any",
}  # fmt: skip
