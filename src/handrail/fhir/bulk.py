"""The facts of many patients as resources for a bulk export: the mapping of the hand-off document, with every reading instead of the last.

An id is the same in every export. `meta.source` of a resource names the event that it was made of; what FHIR has no word for stands in
the events themselves, which every export holds too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from handrail import __version__
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
FORMAT: Final = "handrail-export/1"
EVENTS: Final = "events.ndjson"
COURSES: Final = "courses.ndjson"
OWN: Final = {
    EVENTS: "every event of every course, as in a course file",
    COURSES: "every course file without its events",
}
"""What FHIR has no word for."""
TROUBLE: Final = "OperationOutcome"
TYPES: Final = (
    "Condition",
    "Flag",
    "MedicationAdministration",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
)
"""Every type of which an export can have resources."""
_PREFIX: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A file of an export: its name ends with its type, its address may be another."""

    name: str
    url: str
    lines: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What an export holds. `log`: what was written and what the log had. `mapped`: of `kinds`, how many are in FHIR too."""

    patients: int
    courses: int
    log: Mapping[str, int]
    kinds: Mapping[str, int]
    mapped: Mapping[str, int]


def manifest(
    *,
    at: datetime,
    request: str,
    owner: tuple[UUID, str],
    files: Iterable[Held],
    counted: Counted,
    needs_token: bool,
) -> dict[str, Any]:
    """What an export holds, as the manifest of FHIR Bulk Data; our own part stands under `extension`.

    Args:
        owner: id and name of the organisation.
        needs_token: whether the files are fetched with the token of the client.
    """

    def row(each: Held) -> dict[str, Any]:
        told = {"bytes": each.bytes, "sha256": each.sha256}
        return {"url": each.url, "count": each.lines, "extension": told}

    held = [(each.name.removesuffix(".ndjson"), each) for each in files]
    resources = [(kind, each) for kind, each in held if each.name not in OWN]
    return {
        "transactionTime": at.isoformat(),
        "request": request,
        "requiresAccessToken": needs_token,
        "output": [{"type": kind, **row(each)} for kind, each in resources if kind != TROUBLE],
        "deleted": [],
        "error": [{"type": kind, **row(each)} for kind, each in resources if kind == TROUBLE],
        "extension": {
            "format": FORMAT,
            "made_by": f"Handrail {__version__}",
            "organisation": {"id": str(owner[0]), "name": owner[1]},
            "counts": {"patients": counted.patients, "courses": counted.courses, "events": counted.log["written"]},
            "event_log": dict(counted.log),
            "events_by_kind": {
                kind: {"written": count, "in_fhir_too": counted.mapped.get(kind, 0)}
                for kind, count in sorted(counted.kinds.items())
            },
            "files": [{"what": OWN[name], **row(each)} for name in OWN for _, each in held if each.name == name],
        },
    }


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
