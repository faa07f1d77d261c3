"""The rules of a patient summary document that no validator of resources asks: Bundle, Composition, sections, references (IPS 2.0.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

REQUIRED = {"11450-4": "Problems", "48765-2": "Allergies", "10160-0": "Medications"}
REASONS = ("unavailable", "nilknown", "notasked")


def problems(bundle: Mapping[str, Any]) -> list[str]:
    """Every rule that a document breaks, one sentence each."""
    return [*_of_bundle(bundle), *_of_composition(bundle), *_of_references(bundle), *_of_resources(bundle)]


def _resources(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"]]


def _of_bundle(bundle: Mapping[str, Any]) -> Iterator[str]:
    if bundle.get("type") != "document":
        yield "bdl: the type is not document"
    if not bundle.get("identifier", {}).get("value") or not bundle["identifier"].get("system"):
        yield "bdl-9: a document has an identifier with a system and a value"
    if not bundle.get("timestamp"):
        yield "bdl-10: a document has a timestamp"
    kinds = [each["resourceType"] for each in _resources(bundle)]
    if kinds[0] != "Composition" or kinds.count("Composition") != 1:
        yield "bdl-11: the first entry, and no other, is the Composition"
    if kinds.count("Patient") != 1:
        yield "bdl-ips-1: exactly one Patient"
    places = [entry.get("fullUrl") for entry in bundle["entry"]]
    if not all(places):
        yield "bdl-15: every entry has a fullUrl"
    if len(places) != len(set(places)):
        yield "bdl-7: a fullUrl stands there once"
    for entry in bundle["entry"]:
        for name in ("search", "request", "response"):
            if name in entry:
                yield f"bdl: an entry of a document has no {name}"


def _of_composition(bundle: Mapping[str, Any]) -> Iterator[str]:
    found = _resources(bundle)[0]
    codes = {code["code"] for code in found.get("type", {}).get("coding", [])}
    if "60591-5" not in codes:
        yield "ips: the Composition is a patient summary (60591-5)"
    for name in ("status", "subject", "date", "author", "title", "custodian"):
        if not found.get(name):
            yield f"ips: the Composition has no {name}"
    sections = found.get("section", [])
    by_code = {section["code"]["coding"][0]["code"]: section for section in sections}
    if len(by_code) != len(sections):
        yield "ips: two sections have one code"
    for code, title in REQUIRED.items():
        section = by_code.get(code)
        if section is None:
            yield f"ips: the section {title} is required"
        elif ("entry" in section) == ("emptyReason" in section):
            yield f"ips-comp-1: {title} has either entries or a reason why there are none"
    for section in sections:
        div = section.get("text", {}).get("div", "")
        if not div.startswith('<div xmlns="http://www.w3.org/1999/xhtml">') or len(div) < 60:
            yield f"ips: {section['title']} has no narrative"
        if any(word in div for word in ("<script", "style=", "<img", "onload", "<link")):
            yield f"txt-1: the narrative of {section['title']} holds what it may not"
        if not section.get("entry", [None]):
            yield f"ele-1: {section['title']} has an empty list"
        reason = section.get("emptyReason", {}).get("coding", [{}])[0].get("code", REASONS[0])
        if reason not in REASONS:
            yield f"ips: {reason} is no reason"


def _of_references(bundle: Mapping[str, Any]) -> Iterator[str]:
    by_place = {entry.get("fullUrl"): entry["resource"] for entry in bundle["entry"]}
    for place, resource in by_place.items():
        for reference in references(resource):
            if reference not in by_place:
                yield f"{resource['resourceType']} {place} refers to {reference}, which is not in the document"
    reached, waiting = set(), [bundle["entry"][0].get("fullUrl")]
    while waiting:
        place = waiting.pop()
        if place in reached or place not in by_place:
            continue
        reached.add(place)
        waiting += references(by_place[place])
    for place, resource in by_place.items():
        if place not in reached and resource["resourceType"] != "Provenance":
            yield f"{resource['resourceType']} {place} cannot be reached from the Composition"


def _of_resources(bundle: Mapping[str, Any]) -> Iterator[str]:
    for resource in _resources(bundle):
        kind = resource["resourceType"]
        if kind == "Observation":
            held = [name for name in resource if name.startswith("value") or name in ("dataAbsentReason", "component")]
            if len(held) != 1:
                yield f"ips-2: an Observation has one of value, reason and component: {held}"
            if "effectiveDateTime" not in resource and "_effectiveDateTime" not in resource:
                yield "ips-1: an Observation says when, or that it is not known"
        if kind == "Patient":
            for name in resource.get("name", [{}]):
                if not any(name.get(part) for part in ("family", "given", "text")):
                    yield "ips-pat-1: a name has a family, a given name or a text"
            if "birthDate" not in resource and "_birthDate" not in resource:
                yield "ips: a Patient has a birth date, or says that it is not known"


def references(value: Any) -> list[str]:
    """Every reference below."""
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [each for part in value.values() for each in references(part)]
    return [each for part in value for each in references(part)] if isinstance(value, list) else []
