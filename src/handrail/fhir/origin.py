"""A file from elsewhere: which bundle is in it, who sent it, and whether Handrail itself wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from handrail.fhir.bundle import (
    MOST_BYTES,
    MOST_ENTRIES,
    Bundle,
    Entry,
    bundle_of,
    parse_object,
    reference_text,
)
from handrail.fhir.record import FhirReadError
from handrail.fhir.times import parse_when
from handrail.fhir.values import objects, text

PRODUCT: Final = "Handrail"


def parse_file(data: bytes) -> Bundle:
    """The bundle in a file: a Bundle, one resource, or NDJSON with a resource in each line.

    Raises:
        FhirReadError: what cannot be read, in one sentence; a Composition without its document is only the cover of one.
    """
    lines = _lines(data)
    if lines is not None:
        return bundle_of({"resourceType": "Bundle", "type": "collection", "entry": [*_of_lines(lines)]})
    body = parse_object(data)
    kind = body.get("resourceType")
    if kind == "OperationOutcome":
        message = "The file is an error report of the sending system, not a record; ask for the export again."
        raise FhirReadError(message, "resourceType")
    if kind == "Bundle":
        return bundle_of(body)
    if text(kind) is None:
        raise FhirReadError(
            "The file is JSON, but no FHIR resource; export the record as one R4 Bundle.", "resourceType"
        )
    if kind == "Composition":
        message = "The file is only the cover of a document: what it refers to is not in it; ask for the whole document Bundle."
        raise FhirReadError(message, "resourceType")
    return bundle_of({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": body}]})


def _lines(data: bytes) -> list[bytes] | None:
    """The lines of NDJSON: the first is a whole JSON object, and more follow. None: it is one JSON text."""
    if len(data) > MOST_BYTES:
        return None  # refused where every file is
    lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    if len(lines) < 2:
        return None
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        return None
    return lines if isinstance(first, dict) else None


def _of_lines(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    if len(lines) > MOST_ENTRIES:
        raise FhirReadError(
            f"The file has more than {MOST_ENTRIES:,} lines; export fewer years or fewer kinds of resource."
        )
    for number, line in enumerate(lines, start=1):
        try:
            resource = parse_object(line)
        except FhirReadError:
            message = "A line of the file is no FHIR resource in JSON; export the record again as NDJSON."
            raise FhirReadError(message, f"line {number}") from None
        if resource.get("resourceType") == "Bundle":
            raise FhirReadError("A line of the file is a Bundle; send one resource a line.", f"line {number}")
        yield {"resource": resource}


def is_ours(bundle: Bundle) -> bool:
    """Whether Handrail wrote the document: an author of its Composition is the Device of that name."""
    return any(
        name.get("name") == PRODUCT
        for author in _named(bundle, "author")
        if author.kind == "Device"
        for name in objects(author.resource.get("deviceName"))
    )


def sender_of(bundle: Bundle) -> str:
    """The organisation that the document says it comes from: its custodian, else an author. Empty: it does not say."""
    for entry in (*_named(bundle, "custodian"), *_named(bundle, "author")):
        name = text(entry.resource.get("name")) if entry.kind == "Organization" else None
        if name is not None:
            return name
    return ""


def made_on(bundle: Bundle) -> str:
    """The day on which the document says that it was made; empty: it does not say."""
    cover = _cover(bundle)
    when = parse_when(cover.resource.get("date")) if cover is not None else None
    return when.day if when is not None else ""


def title_of(bundle: Bundle) -> str:
    """What the document calls itself."""
    cover = _cover(bundle)
    return (text(cover.resource.get("title")) or "") if cover is not None else ""


def _cover(bundle: Bundle) -> Entry | None:
    return next(iter(bundle.of("Composition")), None)


def _named(bundle: Bundle, element: str) -> Iterator[Entry]:
    cover = _cover(bundle)
    if cover is None:
        return
    value = cover.resource.get(element)
    for reference in [value] if isinstance(value, Mapping) else objects(value):
        named = reference_text(reference)
        found = bundle.resolve(named, cover) if named is not None else None
        if found is not None:
            yield found
