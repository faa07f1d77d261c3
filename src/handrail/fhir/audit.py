"""A look as an AuditEvent, by the patterns of IHE (BALP 1.1), and where something comes from as a Provenance: mapping only.

No profile is claimed: the pattern asks for the network address of the reader, which is not kept.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from handrail.actions.traces import Seen, Trace
from handrail.fhir.door import base
from handrail.people.models import ServiceClient

Resource = dict[str, Any]

EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
PROVENANCE_AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
SEARCH: Final = "_search"
"""What the names of looks end with that were searches."""
SOURCE_ROLE: Final = ("110153", "Source Role ID")
DESTINATION_ROLE: Final = ("110152", "Destination Role ID")


def audit_event(seen: Seen) -> Resource:
    """One look as AuditEvent. Who looked is named by id, and a person or a system also by name."""
    look = seen.look
    searched = look.what.endswith(SEARCH)
    asks, answers = (SOURCE_ROLE, DESTINATION_ROLE) if searched else (DESTINATION_ROLE, SOURCE_ROLE)
    found: Resource = {
        "resourceType": "AuditEvent",
        "id": str(look.pk),
        "type": {"system": EVENT_TYPE, "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": INTERACTION, "code": "search" if searched else "read"}],
        "action": "E" if searched else "R",
        "recorded": look.at.isoformat(),
        "outcome": "0",
        "agent": [
            _who(seen, asks),
            {"type": _code(DICOM, *answers), "who": _handrail(), "name": "Handrail", "requestor": False},
        ],
        "source": {"observer": _handrail(), "type": [{"system": SOURCE_TYPE, "code": "4"}]},
        "entity": [
            {
                "what": {"reference": f"Patient/{seen.patient_id}"},
                "type": {"system": ENTITY_TYPE, "code": "1", "display": "Person"},
                "role": {"system": OBJECT_ROLE, "code": "1", "display": "Patient"},
            },
            _object(seen, searched=searched),
        ],
    }
    if look.through == "break_glass":
        found["purposeOfEvent"] = [_code(REASON, "BTG", "break the glass")]
    return found


def _who(seen: Seen, role: tuple[str, str]) -> Resource:
    look = seen.look
    reached = [{"text": look.through.replace("_", " ")}]
    if look.client is not None:
        return {
            "type": _code(DICOM, *role),
            "who": client_named(look.client),
            "name": look.client.name,
            "role": reached,
            "requestor": True,
        }
    found: Resource = {"type": _code(PARTICIPATION, "IRCP", "information recipient"), "role": reached}
    if look.user is not None:
        found |= {"who": {"identifier": _identifier("user", look.user.pk)}, "name": look.user.name}
    elif look.link is not None:
        name = f"holder of a link ({seen.holder or 'not known'})"
        found |= {"who": {"identifier": _identifier("link", look.link)}, "name": name}
    else:
        found |= {"name": "not known"}
    return {**found, "requestor": True}


def _object(seen: Seen, *, searched: bool) -> Resource:
    found: Resource = {
        "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": OBJECT_ROLE, "code": "24", "display": "Query"}
        if searched
        else {"system": OBJECT_ROLE, "code": "4", "display": "Domain Resource"},
        "name": seen.look.what,
    }
    if seen.version is not None:
        found["what"] = {"reference": f"Bundle/{seen.version}"}
    elif not searched:
        found["what"] = {"identifier": _identifier("course", seen.look.course_id)}
    return found


def provenance(trace: Trace) -> Resource:
    """A sealed version with the digest of what it says, or the facts that one import brought."""
    who = {"identifier": _identifier("user", trace.by), "display": trace.name} if trace.name else _handrail()
    found: Resource = {
        "resourceType": "Provenance",
        "id": str(trace.id),
        "recorded": trace.at.isoformat(),
        "agent": [{"type": _code(PROVENANCE_AGENT, "author" if trace.version else "enterer"), "who": who}],
    }
    if trace.version is not None:
        organisation = {"identifier": _identifier("organisation", trace.version.organisation_id)}
        found["target"] = [{"reference": f"Bundle/{trace.version.pk}"}]
        found["activity"] = _code(OPERATION, "CREATE", "create")
        found["agent"][0]["onBehalfOf"] = organisation
        digest = {"system": "urn:handrail:packet:sha256", "value": trace.version.sha256}
        found["entity"] = [{"role": "source", "what": {"identifier": digest}}]
        return found
    facts = "1 fact" if trace.facts == 1 else f"{trace.facts} facts"
    found["target"] = [{"reference": f"Patient/{trace.patient_id}", "display": f"{facts} of the course"}]
    found["activity"] = {"text": "import"}
    source: Resource = {"display": "a record that was imported"}
    if trace.sha256:
        source["identifier"] = {"system": "urn:handrail:document:sha256", "value": trace.sha256}
    found["entity"] = [{"role": "source", "what": source}]
    return found


def client_named(client: ServiceClient) -> Resource:
    """A system by its id."""
    return {"identifier": _identifier("client", client.pk)}


def _handrail() -> Resource:
    return {"identifier": {"system": "urn:ietf:rfc:3986", "value": base()}, "display": "Handrail"}


def _identifier(kind: str, value: UUID | str) -> Resource:
    return {"system": f"urn:handrail:{kind}", "value": str(value)}


def _code(system: str, code: str, display: str = "") -> Resource:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}
