"""A FHIR Bundle: parsed within limits, its entries, and the references between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from handrail.fhir.record import FhirReadError
from handrail.fhir.values import items, objects, text

MOST_BYTES: Final = 5 * 1024 * 1024
"""A whole record of a decade has about 1 MB; a file above this is not one patient's record."""

MOST_ENTRIES: Final = 5_000
MOST_DEPTH: Final = 64
"""FHIR resources nest about 15 levels; both limits bound the work that a file can ask for."""

ACCEPTED_TYPES: Final = ("transaction", "collection", "document", "searchset")
READ_KINDS: Final = (
    "Patient",
    "Observation",
    "Condition",
    "AllergyIntolerance",
    "Medication",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "Composition",
)

MORE_PAGES: Final = "incomplete: the sender has more pages of this answer that are not in the file"
TROUBLE_INSIDE: Final = "incomplete: the sender reported a problem inside the bundle"
UNREADABLE_ENTRY: Final = "incomplete: an entry held no readable resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resource of the bundle. `url` is its fullUrl, empty when it has none."""

    url: str
    kind: str
    resource: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The resource's own id, empty when it has none."""
        return text(self.resource.get("id")) or ""

    @property
    def reference(self) -> str:
        """A name that stays the same when the same record is exported again; made of the content when it has no id."""
        if self.url.startswith(("http://", "https://")):
            return self.url
        if self.id:
            return f"{self.kind}/{self.id}"
        return self.url or f"sha256:{_fingerprint(self.resource)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The readable entries of a bundle, each once, and what the bundle says about its own completeness."""

    type: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    by_url: Mapping[str, Entry]
    by_name: Mapping[str, tuple[Entry, ...]]

    @classmethod
    def build(cls, bundle_type: str, entries: tuple[Entry, ...], notes: tuple[str, ...]) -> Bundle:
        """The bundle with its entries indexed by fullUrl and by `Type/id`."""
        by_name: dict[str, tuple[Entry, ...]] = {}
        for entry in entries:
            if entry.id:
                name = f"{entry.kind}/{entry.id}"
                by_name[name] = (*by_name.get(name, ()), entry)
        by_url = {entry.url: entry for entry in reversed(entries) if entry.url}
        return cls(type=bundle_type, entries=entries, notes=notes, by_url=by_url, by_name=by_name)

    def of(self, kind: str) -> tuple[Entry, ...]:
        """The entries of one resource type."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def resolve(self, reference: str, referrer: Entry) -> Entry | None:
        """The entry that a reference means: by fullUrl, then relative to the referrer's server, then by type and id."""
        target = reference.split("/_history/", maxsplit=1)[0]
        for url in (target, f"{_server_of(referrer)}{target}"):
            if url in self.by_url:
                return self.by_url[url]
        same = self.by_name.get("/".join(target.split("/")[-2:]), ())
        if target.count("/") != 1:  # an absolute address means an entry that has none of its own
            same = tuple(entry for entry in same if not entry.url)
        return same[0] if len(same) == 1 else None


def parse_bundle(data: bytes) -> Bundle:
    """The bundle in a file.

    Raises:
        FhirReadError: too large, no JSON, no bundle of an accepted type, or one resource in two versions.
    """
    body = parse_object(data)
    kind = body.get("resourceType")
    if kind == "OperationOutcome":
        message = "The file is an error report of the sending system, not a record; ask for the export again."
        raise FhirReadError(message, "resourceType")
    if kind != "Bundle":
        message = "The file is not a FHIR Bundle; export the whole record of one patient as one R4 Bundle."
        raise FhirReadError(message, "resourceType")
    return bundle_of(body)


def bundle_of(body: Mapping[str, Any]) -> Bundle:
    """The bundle in a JSON object that says it is one. A Composition as the first entry makes it a document, whatever its type says.

    Raises:
        FhirReadError: of no accepted type, or one resource in two versions.
    """
    bundle_type = body.get("type")
    if bundle_type not in ACCEPTED_TYPES and _first_kind(body) != "Composition":
        message = f"The type of the bundle is none of {', '.join(ACCEPTED_TYPES)}; export the record as one of these."
        raise FhirReadError(message, "type")
    entries, notes = _entries(body)
    return Bundle.build(text(bundle_type) or "document", _once_each(entries), tuple(dict.fromkeys(notes)))


def _first_kind(body: Mapping[str, Any]) -> Any:
    first = next(objects(body.get("entry")), {})
    resource = first.get("resource")
    return resource.get("resourceType") if isinstance(resource, dict) else None


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in a file, within the limits.

    Raises:
        FhirReadError: too large, too deep, or no JSON that FHIR allows.
    """
    if len(data) > MOST_BYTES:
        most = MOST_BYTES // (1024 * 1024)
        raise FhirReadError(f"The file is larger than {most} MB; export fewer years or fewer kinds of resource.")
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FhirReadError("The file is not text in UTF-8; export the record again as FHIR JSON.") from None
    if not words.strip():
        raise FhirReadError("The file is empty; export the record again as FHIR JSON.")
    if words.lstrip().startswith("<"):
        raise FhirReadError("The file is XML or a web page; export the record as FHIR JSON.")
    try:
        body = json.loads(
            words, parse_float=_decimal, parse_constant=_no_constant, object_pairs_hook=_object_without_repeats
        )
    except FhirReadError:  # the hooks' own sentences; a FhirReadError is a ValueError too
        raise
    except json.JSONDecodeError as error:
        message = f"The file is not complete JSON (line {error.lineno}); export the record again as FHIR JSON."
        raise FhirReadError(message) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # a number of thousands of digits
        raise _bad_number() from None
    if not isinstance(body, dict):
        raise FhirReadError("The file is JSON, but no FHIR resource; export the record as one R4 Bundle.")
    if _deeper_than(body, MOST_DEPTH):
        raise _too_deep()
    return body


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise _bad_number() from None


def _no_constant(_: str) -> Any:
    raise _bad_number()


def _bad_number() -> FhirReadError:
    return FhirReadError("A number in the file is none that FHIR allows; export the record again as FHIR JSON.")


def _too_deep() -> FhirReadError:
    return FhirReadError(f"The file is nested deeper than {MOST_DEPTH} levels; export the record again as FHIR JSON.")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "An object of the file has one key twice, so its meaning is in doubt; export the record again."
        raise FhirReadError(message)
    return found


def _deeper_than(value: Any, most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _entries(body: Mapping[str, Any]) -> tuple[list[Entry], list[str]]:
    raw = body.get("entry", [])
    if not isinstance(raw, list):
        raise FhirReadError("The entries of the bundle are not a list; export the record again.", "entry")
    if len(raw) > MOST_ENTRIES:
        message = f"The bundle has more than {MOST_ENTRIES:,} entries; export fewer years or fewer kinds of resource."
        raise FhirReadError(message, "entry")
    notes = [MORE_PAGES for link in objects(body.get("link")) if link.get("relation") == "next"][:1]
    found = []
    for item in raw:
        resource = item.get("resource") if isinstance(item, dict) else None
        kind = text(resource.get("resourceType")) if isinstance(resource, dict) else None
        if kind is None or not isinstance(resource, dict):
            notes.append(UNREADABLE_ENTRY)
        elif kind == "OperationOutcome":
            notes.append(TROUBLE_INSIDE)
        else:
            found.append(Entry(url=text(item.get("fullUrl")) or "", kind=kind, resource=resource))
    return found, notes


def _once_each(entries: list[Entry]) -> tuple[Entry, ...]:
    """Repeats of one resource counted once; two versions of one resource are refused, for nobody can say which holds."""
    kept: dict[tuple[str, str], Entry] = {}
    for number, entry in enumerate(entries):
        name = entry.url or (f"{entry.kind}/{entry.id}" if entry.id else f"entry[{number}]")
        former = kept.setdefault((entry.kind, name), entry)
        if former is not entry and former.resource != entry.resource and entry.kind in READ_KINDS:
            message = "The bundle holds one resource in two versions; export only the current version of each."
            raise FhirReadError(message, f"entry[{number}]")
    return tuple(kept.values())


def _server_of(entry: Entry) -> str:
    """`https://host/base/` of an entry whose fullUrl is `https://host/base/Type/id`, else nothing."""
    ending = f"{entry.kind}/{entry.id}"
    return entry.url[: -len(ending)] if entry.id and entry.url.endswith(f"/{ending}") else ""


def _fingerprint(resource: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(resource, sort_keys=True, default=str).encode()).hexdigest()


def contained(resource: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """The resource inside this one that `#id` means."""
    wanted = reference.removeprefix("#")
    return next((item for item in objects(resource.get("contained")) if item.get("id") == wanted), None)


def reference_text(value: Any) -> str | None:
    """The text of a Reference, None when it has none."""
    return text(value.get("reference")) if isinstance(value, dict) else None


def section_lists(composition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The sections of a Composition, those inside others included."""
    found: list[Mapping[str, Any]] = []
    waiting = items(composition.get("section"))
    while waiting:
        section = waiting.pop()
        if isinstance(section, dict):
            found.append(section)
            waiting = [*waiting, *items(section.get("section"))]
    return found
