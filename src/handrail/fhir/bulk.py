"""The facts of many patients as resources for a bulk export: the mapping of the hand-off document, with every reading instead of the last.

An id is the same in every export. `meta.source` of a resource names the event that it was made of; what FHIR has no word for stands in
the events themselves, which every export holds too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from handrail.fhir import handoff_resources as resources
from handrail.fhir.answers import issue
from handrail.fhir.handoff_document import groups_of
from handrail.fhir.handoff_resources import Resource, address
from handrail.rules.answer import plain
from handrail.rules.history import History
from handrail.rules.packet import VITALS
from handrail.rules.packet_parts import Packet, Who

READINGS: Final = (*VITALS, ("weight_kg", "kg"))
KINDS: Final = ("checkin_received", "vitals_measured", "weight_measured")
_PREFIX: Final = "urn:uuid:"


def organisation(key: UUID, name: str) -> Resource:
    """Who hands the records out."""
    return {"resourceType": "Organization", "id": str(key), "name": name}


def patient(key: UUID, who: Who, owner: UUID) -> Resource:
    """A person, by the id that the organisation knows."""
    found = resources.patient({"who": plain(who)})
    return {
        "resourceType": "Patient",
        "id": str(key),
        **{name: value for name, value in found.items() if name != "resourceType"},
        "managingOrganization": {"reference": f"Organization/{owner}"},
    }


def facts_of(packet: Packet, history: History, patient_key: UUID) -> Iterator[tuple[str | None, Resource]]:
    """The facts of a course as resources, each with the id of its event; None for what no event alone says.

    A fact that was withdrawn or corrected, and a reading that cannot be believed, become no resource.
    """
    body = packet.to_json()
    body["vitals"] = list(_readings(history.until(packet.made_at)))
    about = {"reference": f"Patient/{patient_key}"}
    for group, found in groups_of(body, about).items():
        for key, resource in found:
            event = _event_in(key)
            place = address(packet.course, group, key).removeprefix(_PREFIX)
            yield event, _identified(resource, place, event)


def not_mapped(course: str, why: str) -> Resource:
    """What an export says about a course of which no resource could be made."""
    words = f"Of course {course} no resource was made; every event of it stands in the file of events. {why}"
    return issue("warning", "processing", words)


def _readings(history: History) -> Iterator[dict[str, Any]]:
    """Every known reading that can be believed, oldest first."""
    for event in history.of(*KINDS):
        for name, unit in READINGS:
            value = getattr(event.body, name, None)
            if value is not None:
                at = plain(event.at)
                yield {"event": event.id, "what": name, "at": at, "value": str(value), "unit": unit}


def _event_in(key: str) -> str | None:
    """The event of a key such as `<id>` or `<id>:anc`."""
    try:
        return str(UUID(key.partition(":")[0]))
    except ValueError:
        return None


def _identified(resource: Resource, key: str, event: str | None) -> Resource:
    source = {"meta": {"source": f"{_PREFIX}{event}"}} if event is not None else {}
    rest = {name: value for name, value in resource.items() if name != "resourceType"}
    return {"resourceType": resource["resourceType"], "id": key, **source, **rest}
