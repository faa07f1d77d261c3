"""Published example documents and what becomes of each: the table of `docs/reference/fhir-import.md`."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from handrail.fhir.foreign import read_foreign
from handrail.fhir.record import FhirReadError
from handrail.rules.foreign import CONDITION, DOSE, LABORATORY, MEDICINE, NOTE, VITALS, WEIGHT, ForeignDocument

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "tests" / "fhir" / "examples"
SHIPPED = ROOT / "src" / "handrail" / "jobs" / "demo" / "bundles"
READ_AT: Final = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
"""When the documents are read for the table: nothing later than this would be offered."""
COLUMNS: Final = (DOSE, WEIGHT, LABORATORY, VITALS, MEDICINE, CONDITION, NOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One published document: its name, and from which of the sources under the table."""

    name: str
    file: str
    source: str
    folder: Path = HERE

    def read(self) -> bytes:
        """Its bytes."""
        return gzip.decompress((self.folder / f"{self.file}.json.gz").read_bytes())


EXAMPLES: Final = (
    Example(name="Australian referral", file="Bundle-aups-referral-endoconsult-curated", source="viewer"),
    Example(
        name="Australian, every section empty with a reason", file="Bundle-aups-section-emptyreason", source="viewer"
    ),
    Example(name="Epic, September", file="US_Epic_Connectathon_Sept", source="viewer"),
    Example(name="Epic, January", file="US_Epic_Jan_emptyReason", source="viewer"),
    Example(name="Meditech (a summary typed `searchset`)", file="US_MEDITECH_ips_1", source="viewer"),
    Example(name="IPS 1.1.0, example 01", file="Bundle-IPS-examples-Bundle-01", source="IPS 1"),
    Example(name="IPS 1.1.0, minimal", file="Bundle-bundle-minimal", source="IPS 1"),
    Example(name="IPS 1.1.0, no information", file="Bundle-bundle-no-info-required-sections", source="IPS 1"),
    Example(name="IPS 2.0.1, all sections", file="Bundle-bundle-ips-all-sections", source="IPS 2"),
    Example(name="mCODE, Eve Anyperson", file="cancer-patient-eve-anyperson", source="mCODE"),
    Example(name="mCODE, Jenny M", file="cancer-patient-jenny-m", source="mCODE", folder=SHIPPED),
    Example(
        name="mCODE, myeloma stage (one Observation)", file="Observation-multiple-myeloma-iss-stage-II", source="mCODE"
    ),
    Example(name="Transfer (a Composition alone)", file="Composition-BSJ-TOCComposition", source="PACIO"),
    Example(name="Alden Considine", file="Alden_Considine", source="Synthea"),
    Example(name="Andy Schaden", file="Andy_Schaden", source="Synthea"),
    Example(name="Clint Champlin", file="clint_champlin", source="Synthea", folder=SHIPPED),
    Example(name="Darin Skiles", file="darin_skiles", source="Synthea", folder=SHIPPED),
    Example(name="Elvina Lemke", file="Elvina_Lemke", source="Synthea"),
    Example(name="Jerrell Gerlach", file="Jerrell_Gerlach", source="Synthea"),
    Example(name="Librada Tromp", file="Librada_Tromp", source="Synthea"),
)


def read(example: Example) -> ForeignDocument | str:
    """What was read of an example, or the sentence with which it is refused."""
    try:
        return read_foreign(example.read(), course_id="", zone="America/Chicago", now=READ_AT, product=None)
    except FhirReadError as error:
        return error.message


def table() -> str:
    """A row for each example."""
    head = (
        "record",
        "source",
        *(f"{name}s" if name in (DOSE, MEDICINE, CONDITION, NOTE, WEIGHT) else name for name in COLUMNS),
    )
    lines = [f"| {' | '.join((*head, 'left in the document', 'allergies', 'result'))} |"]
    lines.append(f"|{' --- |' * (len(head) + 3)}")
    lines += [f"| {' | '.join(_cells(example))} |" for example in EXAMPLES]
    return "\n".join(lines)


def _cells(example: Example) -> Iterator[str]:
    yield from (example.name, example.source)
    found = read(example)
    if isinstance(found, str):
        yield from ("",) * (len(COLUMNS) + 2)
        yield f"refused: {found}"
        return
    many = Counter(offer.group for offer in found.offers)
    yield from (str(many[name]) if many[name] else "–" for name in COLUMNS)
    yield str(sum(kept.times for kept in found.kept))
    yield dict(found.lists)["allergies"]
    yield "; ".join(("read", *found.notes))
