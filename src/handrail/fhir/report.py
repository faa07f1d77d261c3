"""What a person would be offered of a file, as a table of plain strings for a terminal: nothing is applied by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from handrail.fhir.foreign import read_foreign
from handrail.fhir.origin import parse_file
from handrail.fhir.reading import read_record
from handrail.fhir.record import ReadRecord
from handrail.fhir.subject import the_person
from handrail.rules.coursefile import event_from_json
from handrail.rules.foreign import GROUPS, ForeignDocument
from handrail.rules.telling import sentence

ZONE = "UTC"
"""Of the terminal: without a course no other clock is meant, and a value dated by day shows its day."""


def read_file(data: bytes) -> ReadRecord:
    """What a Bundle, one resource or NDJSON says, a person who is not in it included.

    Raises:
        FhirReadError: what cannot be read, in one sentence.
    """
    bundle = parse_file(data)
    return read_record(bundle, the_person(bundle))


def offered_rows(data: bytes, now: datetime) -> list[tuple[str, str]]:
    """Rows of (label, words): each fact that could be chosen for a course, and how much stays in the document, by its reason.

    Raises:
        FhirReadError: what cannot be read, in one sentence.
    """
    return list(_rows(read_foreign(data, course_id="", zone=ZONE, now=now, product=None)))


def _rows(document: ForeignDocument) -> Iterator[tuple[str, str]]:
    yield "sender", document.sender or "not said"
    ordered = sorted(document.offers, key=lambda offer: (GROUPS.index(offer.group), str(offer.event["at"]), offer.id))
    yield "to choose from", f"{len(ordered)} facts in the review of a course"
    for offer in ordered:
        words = sentence(event_from_json(offer.event, zone=ZONE))
        doubt = f" ({offer.doubt})" if offer.doubt else ""
        yield "fact", f"{str(offer.event['at'])[:10]} {words}{doubt}"
    reasons = Counter(dict.fromkeys((kept.why for kept in document.kept), 0))
    for kept in document.kept:
        reasons[kept.why] += kept.times
    for why, times in sorted(reasons.items()):
        yield "left in it", f"{times} x {why}"
