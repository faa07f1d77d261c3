"""The demonstration's agreements: one in force between the hub and each community site, and a draft with two owners, which is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from handrail.actions.actor import person
from handrail.actions.agreements import activate, propose, sign
from handrail.jobs.demo.people import ZONE, House
from handrail.people.models import Agreement
from handrail.rules.responsibility import AGREEMENT_FORMAT, PAIR, hours_document, rule_document, task_document, template
from handrail.rules.responsibility_lines import read_rules
from handrail.rules.terms import civil_date

SINCE_DAYS: Final = 150
LASTS_DAYS: Final = 365
HOSPITAL: Final = {
    "key": "hospital",
    "name": "General Hospital (synthetic)",
    "number": "555-0190",
    "admitting_service": "Haematology",
}
AFTER_HOURS: Final = """
dosing site | On-call clinician of the site that gave the dose | before the hand-off
community | Clinic of the community practice | Mon-Fri 08:00-17:00 | after the hand-off
hub | On-call clinician of the hub | 17:00-08:00 | after the hand-off
hub | On-call clinician of the hub | Sat-Sun 08:00-17:00 | after the hand-off
"""
"""After the hand-off: community days, hub nights and weekends."""
TWO_OWNERS: Final = """
hub | On-call clinician of the hub
community | Clinic of the community practice | Mon-Fri 08:00-17:00
"""


def make_agreements(houses: Mapping[str, House], now: datetime) -> None:
    """Propose, sign and put in force; and leave one that cannot be put in force."""
    hub, since = houses["hub"], now - timedelta(days=SINCE_DAYS)
    nights = {"after_hours_contact": AFTER_HOURS, "emergency_until_ed": AFTER_HOURS}
    for name in ("prairie", "lakeside"):
        tasks = nights if name == "prairie" else {}
        row = _signed(hub, houses[name], since, tasks, why="the matrix of the programme")
        activate(row.pk, by=person(hub.people["director"]), now=since)
    draft = {"after_hours_contact": TWO_OWNERS}
    _signed(
        hub, houses["lakeside"], now - timedelta(days=1), draft, why="the practice wants its own calls in clinic hours"
    )


def _signed(hub: House, partner: House, at: datetime, tasks: Mapping[str, str], *, why: str) -> Agreement:
    row = propose(
        hub.organisation.pk, _document(hub, partner, at, tasks), by=person(hub.people["director"]), why=why, now=at
    )
    for house in (hub, partner):
        sign(row.pk, sha256=row.sha256, by=person(house.people["director"]), now=at)
    return row


def _document(hub: House, partner: House, at: datetime, tasks: Mapping[str, str]) -> dict[str, Any]:
    shipped = template(PAIR)
    begins = civil_date(at, ZONE)
    return {
        "format": AGREEMENT_FORMAT,
        "template": PAIR,
        "time_zone": ZONE,
        "valid_from": begins.isoformat(),
        "valid_until": (begins + timedelta(days=LASTS_DAYS)).isoformat(),
        "clinic_hours": hours_document(shipped.clinic_hours),
        "party": [_party("hub", hub), _party("community", partner), HOSPITAL],
        "task": [
            {**task_document(task), "accountable": _rules(tasks[task.id], task.name)}
            if task.id in tasks
            else task_document(task)
            for task in shipped.task
        ],
    }


def _rules(lines: str, name: str) -> list[dict[str, Any]]:
    return [rule_document(rule) for rule in read_rules(lines, template(PAIR).parties, name)]


def _party(key: str, house: House) -> dict[str, Any]:
    organisation = house.organisation
    return {
        "key": key,
        "name": organisation.name,
        "number": organisation.call_number,
        "organisation": str(organisation.pk),
        "sites": [house.site.code],
    }
