"""A packet as a FHIR R4 document, sealed or as it stands: made to the International Patient Summary, with what a transfer needs added.

Everything that a reader needs stands in the narrative of the sections, word for word as on the page of the packet; the coded resources
are the same facts for machines. The document of a version is always the same: nothing in it follows the hour at which it was made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from handrail import __version__
from handrail.fhir import handoff_resources as resources
from handrail.fhir.codes import EMPTY_REASON, LOINC
from handrail.fhir.document_codes import HeadingRow, document_codes
from handrail.fhir.handoff_resources import Resource, address
from handrail.fhir.narrative import narrative, paragraph, said, section_words
from handrail.rules.not_known import unfilled_in
from handrail.rules.terms import STEP_WORDS

NO_ALLERGIES: Final = "Allergies are not known to Handrail: ask. This is not the same as none."
_NUMBER: Final = re.compile(r'"\\u0000(-?\d+(?:\.\d+)?)"')
NOT_KNOWN: Final = "urn:handrail:extension:not-known"
UNKNOWN_PARTY: Final = "not known"


def document_of(body: dict[str, Any], *, version: str, number: int | None, sha256: str) -> Resource:
    """The document of a sealed version, or of a course as it stands.

    Args:
        body: the packet as it was written out (`Packet.to_json`).
        version: the id of the version; sha256: the digest of what it says.
        number: the number of the version; None: nothing was sealed, and the document says that it hands nobody over.
    """

    def url(*parts: str) -> str:
        return address(version, *parts)

    entries: list[tuple[str, Resource]] = []
    about = {"reference": url("patient")}
    held: dict[str, list[str]] = {}
    for name, found in groups_of(body, about).items():
        for key, resource in found:
            place = url(name, key)
            entries.append((place, resource))
            held.setdefault(name, []).append(place)
    parties = {"from": body["around"]["from_party"] or UNKNOWN_PARTY}
    if body["around"]["to_party"]:
        parties["to"] = body["around"]["to_party"]
        held["reason"] = [url("party", "to")]
    sections = list(_sections(body, held, entries, sealed=number is not None))
    composition = _composition(body, number, about, {key: url("party", key) for key in parties}, url("device"))
    composition["section"] = sections
    first = [
        (url("composition"), composition),
        (url("patient"), resources.patient(body)),
        (url("device"), _device()),
        *((url("party", key), resources.organisation(name)) for key, name in parties.items()),
    ]
    last = (url("provenance"), _provenance(body, url("composition"), url("device"), url("party", "from"), sha256))
    return {
        "resourceType": "Bundle",
        "id": version,
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{version}"},
        "type": "document",
        "timestamp": body["made_at"],
        "entry": [{"fullUrl": place, "resource": resource} for place, resource in [*first, *entries, last]],
    }


def groups_of(body: dict[str, Any], about: Resource) -> dict[str, Iterator[tuple[str, Resource]]]:
    """The facts of a packet as resources about somebody, by the sections that hold them; each with the key of its fact."""
    return {
        "alerts": resources.flags(body, about),
        "given": resources.administrations(body, about),
        "problems": resources.conditions(body, about),
        "medicines": resources.statements(body, about, _next_dose(body)),
        "results": resources.laboratory(body, about),
        "vitals": resources.vital_signs(body, about),
        "functional": resources.functional(body, about),
    }


def written(document: Resource) -> bytes:
    """The exact bytes of a document: JSON has no other form that two programs agree on, so these are kept and served."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_digits)
    return _NUMBER.sub(r"\1", text).encode()


def _digits(value: Any) -> str:
    """A decimal as a marked text, whose mark and quotes `written` takes away: `1.20` stays `1.20`."""
    if not isinstance(value, Decimal):
        raise TypeError(f"no JSON form for {type(value).__name__}")
    return f"\0{value:f}"


def _composition(
    body: dict[str, Any], number: int | None, about: Resource, parties: dict[str, str], device: str
) -> Resource:
    codes = document_codes()
    last = body["doses"][-1] if body["doses"] else None
    after = f", after {STEP_WORDS[last['step']]}" if last and last["step"] else ""
    sealed = number is not None
    title = f"Hand-off: {body['product_words']}{after} (version {number})"
    return {
        "resourceType": "Composition",
        "status": "final",
        "type": _heading(codes.heading_of("type")),
        **({"category": [_heading(codes.heading_of("category"))]} if sealed else {}),
        "subject": about,
        "date": body["made_at"],
        "author": [{"reference": device}, {"reference": parties["from"]}],
        "custodian": {"reference": parties["from"]},
        **_empty(body),
        "title": title if sealed else f"Summary: {body['product_words']}{after} (as it stood, not sealed)",
        "text": narrative(
            [paragraph(each) for each in body["notes"]]
            or [paragraph("Packet of a hand-off." if sealed else "The course as it stands.")]
        ),
    }


def _empty(body: dict[str, Any]) -> Resource:
    """What no receiving side can do without and is not known, as data: the key of each field, its words and why."""
    found = [
        {
            "url": NOT_KNOWN,
            "extension": [
                {"url": "field", "valueCode": each.key},
                {"url": "label", "valueString": each.label},
                *([{"url": "why", "valueString": each.why}] if each.why else []),
            ],
        }
        for each in unfilled_in(body)
    ]
    return {"extension": found} if found else {}


def _sections(
    body: dict[str, Any], held: dict[str, list[str]], entries: list[tuple[str, Resource]], *, sealed: bool
) -> Iterator[Resource]:
    parts = {each["key"]: each for each in body["sections"]}
    by_url = dict(entries)
    for row in document_codes().sections:
        told = [section_words(parts[key]) for key in row.holds]
        refer = held.get(row.id, [])
        if row.id == "reason":
            told = [
                paragraph(_reason(body) if sealed else _standing(body)),
                *(paragraph(each) for each in body["notes"]),
                *told,
            ]
        if row.id == "allergies":
            told = [paragraph(NO_ALLERGIES)]
        if not told:
            told = [paragraph(_entry_words(by_url[place])) for place in refer]
        if not told:
            continue
        section: Resource = {"title": row.title, "code": _heading(row), "text": narrative(told)}
        if refer:
            section["entry"] = [{"reference": place} for place in refer]
        elif row.required:
            section["emptyReason"] = {"coding": [{"system": EMPTY_REASON, "code": "unavailable"}]}
        yield section


def _reason(body: dict[str, Any]) -> str:
    fields = {each["key"]: each for section in body["sections"] for each in section["fields"]}
    return (
        f"{body['around']['from_party'] or 'A site that is not known'} answers for the patient until somebody has accepted. "
        f"Offered to: {said(fields['duties.to'])}. Handed over: {body['product_words']}."
    )


def _standing(body: dict[str, Any]) -> str:
    return (
        f"This is no hand-off: it says how the course stood at {body['made_at']}. "
        f"{body['around']['from_party'] or 'A site that is not known'} answers for the patient."
    )


def _next_dose(body: dict[str, Any]) -> str:
    fields = {each["key"]: each for section in body["sections"] for each in section["fields"]}
    names = ("action", "due_on", "give_by", "restart_if_after")
    return "; ".join(f"{fields[f'next_dose.{name}']['label']}: {said(fields[f'next_dose.{name}'])}" for name in names)


def _entry_words(resource: Resource) -> str:
    """An observation in one line: `Body temperature 36.7 Cel, 2026-03-07T16:00:00Z`."""
    amount = resource.get("valueQuantity")
    value = f"{amount['value']:f} {amount['unit']}" if amount else resource.get("valueInteger", "not known")
    return f"{resource['code']['text']} {value}, {resource.get('effectiveDateTime', 'time not known')}"


def _heading(row: HeadingRow) -> Resource:
    return {"coding": [{"system": LOINC, "code": row.loinc}], "text": row.title}


def _device() -> Resource:
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "Handrail", "type": "model-name"}],
        "version": [{"value": __version__}],
    }


def _provenance(body: dict[str, Any], target: str, device: str, party: str, sha256: str) -> Resource:
    """Who made the document of which facts: the digest names what the packet says."""
    kind = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": body["made_at"],
        "agent": [
            {
                "type": {"coding": [{"system": kind, "code": "assembler"}]},
                "who": {"reference": device},
                "onBehalfOf": {"reference": party},
            }
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"system": "urn:handrail:packet:sha256", "value": sha256}},
            }
        ],
    }
