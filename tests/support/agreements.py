"""Agreements for tests: the shipped matrix made into a document, and what a site knows of its partners."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handrail.rules.responsibility import AGREEMENT_FORMAT, ALONE, PAIR, hours_document, task_document, template

HUB, CLINIC = "hub", "clinic"
"""The organisations of a course file: any text names one."""


def document(
    *,
    hub: str = HUB,
    community: str = CLINIC,
    zone: str = "UTC",
    valid_from: str = "1990-01-01",
    valid_until: str = "2199-12-31",
    tasks: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """An agreement of the shipped matrix. `tasks` puts other rules in the place of those of a task."""
    shipped = template(PAIR)
    rows = [task_document(task) for task in shipped.task]
    for row in rows:
        if tasks and row["id"] in tasks:
            row["accountable"] = [{"role": "Somebody", "duty": "first_on_call", **rule} for rule in tasks[row["id"]]]
    return {
        "format": AGREEMENT_FORMAT,
        "template": PAIR,
        "time_zone": zone,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "clinic_hours": hours_document(shipped.clinic_hours),
        "party": [
            {"key": "hub", "name": "Hub", "number": "555-0100", "organisation": hub, "sites": ["hub"]},
            {
                "key": "community",
                "name": "Prairie",
                "number": "555-0120",
                "after_hours_number": "555-0129",
                "organisation": community,
                "sites": ["prairie"],
            },
            HOSPITAL,
        ],
        "task": rows,
        **fields,
    }


HOSPITAL = {"key": "hospital", "name": "General Hospital", "number": "555-0190", "admitting_service": "Haematology"}


def alone(*, practice: str = HUB, **fields: Any) -> dict[str, Any]:
    """What one practice writes down for itself."""
    party = {"key": "practice", "name": "Practice", "number": "555-0100", "organisation": practice, "sites": ["hub"]}
    rows = [task_document(task) for task in template(ALONE).task]
    return {**document(), "template": ALONE, "party": [party, HOSPITAL], "task": rows, **fields}


def context(
    *, agreement: Mapping[str, Any] | None, partner: str = CLINIC, holidays: Sequence[str] = ()
) -> dict[str, Any]:
    """What the site of a course file knows: the hub owns the course, one partner reaches it."""
    signed = (
        None
        if agreement is None
        else {"id": "agreement-1", "version": 1, "document": agreement, "holidays": list(holidays)}
    )
    return {
        "accountability": {
            "owner": {"id": HUB, "name": "Hub", "number": "555-0100"},
            "partners": [{"id": partner, "name": "Prairie", "number": "555-0120", "agreement": signed}],
            "alone": None,
        }
    }


NIGHTS = (
    {"party": "hub", "starts": "17:00", "ends": "08:00"},
    {"party": "hub", "days": ["sat", "sun"], "starts": "08:00", "ends": "17:00"},
    {"party": "community", "days": ["mon", "tue", "wed", "thu", "fri"], "starts": "08:00", "ends": "17:00"},
)
"""Hub nights and weekends, community days."""


# --- with a database ---------------------------------------------------------------------------------------------------


def document_for(first: Any, second: Any, **fields: Any) -> dict[str, Any]:
    """The matrix between two houses, or of one alone, from long ago until long after."""
    kept: dict[str, Any] = {
        "valid_from": "2025-01-01",
        "valid_until": "2027-12-31",
        "zone": "America/Chicago",
        **fields,
    }
    if second is None:
        zone = kept.pop("zone")
        body = alone(practice=str(first.id), time_zone=zone, **kept)
    else:
        body = document(hub=str(first.id), community=str(second.id), **kept)
    for party, house in zip(body["party"], (first, second), strict=False):
        if house is not None:
            party |= {"name": house.organisation.name, "sites": [house.site.code]}
    return body


def agreed_between(first: Any, second: Any, *, now: Any = None, in_force: bool = True, **fields: Any) -> Any:
    """An agreement of two houses (or of one alone), proposed, signed by a named person of each, and in force."""
    from handrail.actions.actor import person
    from handrail.actions.agreements import activate, propose, sign
    from tests.support.factories import MONDAY_0900

    now = now or MONDAY_0900
    row = propose(first.id, document_for(first, second, **fields), by=person(first.director), now=now)
    for house in (first, second):
        if house is not None:
            sign(row.pk, sha256=row.sha256, by=person(house.director), now=now)
    if in_force:
        activate(row.pk, by=person(first.director), now=now)
    return row
