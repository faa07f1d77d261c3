"""Whether a label's indication covers a patient: earlier lines, the classes of drugs among them, and the date.

A condition that is known to fail fails the indication, whatever else is unknown. A missing fact never fills a condition: the
answer is then "cannot say", with the fact named. What a label says beyond lines, classes and progression stands in the row's
words and is read by a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from handrail.rules.answer import SourceRef
from handrail.rules.protocol import Protocol, catalogue
from handrail.rules.protocol_rows import IndicationRow
from handrail.rules.terms import DRUG_CLASSES, Missing, Status, say_date

LINES, PROGRESSION, DATE, ROW = "lines_prior", "progression_on_last", "in_force_from", "indication"


class Covered(StrEnum):
    """What the indication check says."""

    MET = "met"
    NOT_MET = "not_met"
    CANNOT_SAY = "cannot_say"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the patient has had. `lines`: earlier lines of therapy, None when not known.

    `classes`: a name of `DRUG_CLASSES` with True (had it), False (never) or None; a class that is not named is not known.
    `progressed`: the disease grew on the last therapy.
    """

    lines: int | None = None
    classes: Mapping[str, bool | None] = field(default_factory=dict)
    progressed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicationAnswer:
    """One indication against one patient. `would_be`: what an unverified row would say, and nobody acts on."""

    covered: Covered
    because: str
    protocol_key: str
    row: IndicationRow
    missing: tuple[Missing, ...] = ()
    would_be: Covered | None = None
    source: SourceRef
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityAnswer:
    """Every indication in force, the best known answer of them first. No indication at all is no answer."""

    covered: Covered
    because: str
    indications: tuple[IndicationAnswer, ...] = ()

    @property
    def missing(self) -> tuple[Missing, ...]:
        """The facts that would settle it, each once; none when it is settled."""
        if self.covered is not Covered.CANNOT_SAY:
            return ()
        return tuple(dict.fromkeys(item for one in self.indications for item in one.missing))


def revisions_of(product: str, jurisdiction: str) -> tuple[Protocol, ...]:
    """Every shipped label revision of a product in a jurisdiction."""
    return tuple(
        protocol
        for protocol in catalogue()
        if (protocol.product.product, protocol.product.jurisdiction) == (product.lower(), jurisdiction.upper())
    )


def eligibility(protocols: Sequence[Protocol], before: Before, on: date) -> EligibilityAnswer:
    """Whether any indication of these label revisions covers the patient on a day.

    Args:
        protocols: the revisions of one product in one jurisdiction, with what an organisation has signed.
        before: what the patient has had.
        on: the civil day on which treatment would start.
    """
    answers = [indication(protocol, row, before, on) for protocol, row in _in_force(protocols, on)]
    if not answers:
        because = f"no indication in force on {say_date(on)} stands in this data set: ask the prescriber"
        return EligibilityAnswer(covered=Covered.CANNOT_SAY, because=because)
    answers.sort(key=lambda answer: _ORDER.index(answer.covered))
    best = answers[0].covered
    said = [answer.because for answer in answers if answer.covered is best]
    return EligibilityAnswer(covered=best, because="; ".join(said), indications=tuple(answers))


_ORDER: Final = (Covered.MET, Covered.CANNOT_SAY, Covered.NOT_MET)


def indication(protocol: Protocol, row: IndicationRow, before: Before, on: date) -> IndicationAnswer:
    """One indication against one patient on a day."""
    failed = list(_failed(row, before))
    missing = () if failed else tuple(_missing(protocol, row, before, on))
    covered = Covered.NOT_MET if failed else Covered.CANNOT_SAY if missing else Covered.MET
    words = failed or [item.why_it_matters for item in missing] or ["every condition is met"]
    because = f"{row.words}: {'; '.join(words)}"
    would_be = None
    if not row.acts:
        would_be, covered = covered, Covered.CANNOT_SAY
        because += " (this row is not verified: ask the prescriber)"
        missing = (*missing, Missing(missing=ROW, why_it_matters="the indication itself was not read in the label"))
    return IndicationAnswer(
        covered=covered,
        because=because,
        protocol_key=protocol.key,
        row=row,
        missing=missing,
        would_be=would_be,
        source=protocol.source_of(row),
        status=row.status,
    )


def _in_force(protocols: Iterable[Protocol], on: date) -> Iterator[tuple[Protocol, IndicationRow]]:
    """The indications in force, each from the newest revision of its regimen that has it."""
    newest: dict[tuple[str, str], tuple[Protocol, IndicationRow]] = {}
    for protocol in sorted(protocols, key=lambda protocol: protocol.product.revision):
        for row in protocol.indication:
            begun = row.in_force_from is None or row.in_force_from <= on
            if begun and (row.in_force_to is None or on <= row.in_force_to):
                newest[protocol.product.regimen, row.id] = (protocol, row)
    yield from newest.values()


def _failed(row: IndicationRow, before: Before) -> Iterator[str]:
    """The conditions that are known to fail."""
    if before.lines is not None and before.lines < row.min_prior_lines:
        yield f"{before.lines} earlier lines of at least {row.min_prior_lines}"
    for name in row.prior_classes or ():
        if before.classes.get(name) is False:
            yield f"no {DRUG_CLASSES[name]} so far"
    if row.progression_on_last and before.progressed is False:
        yield "no progression on the last therapy"


def _missing(protocol: Protocol, row: IndicationRow, before: Before, on: date) -> Iterator[Missing]:
    """The facts that a condition needs and that are not known; of the label itself too."""
    if before.lines is None:
        yield Missing(missing=LINES, why_it_matters=f"at least {row.min_prior_lines} earlier lines are needed")
    if row.prior_classes is None and not all(before.classes.get(name) for name in DRUG_CLASSES):
        why = "which classes this label names was not read, and not every class that it may name was given"
        yield Missing(missing="prior_classes", why_it_matters=why)
    for name in row.prior_classes or ():
        if before.classes.get(name) is None:
            yield Missing(
                missing=name, why_it_matters=f"whether the patient has had this is not known: {DRUG_CLASSES[name]}"
            )
    if row.progression_on_last and before.progressed is None:
        yield Missing(missing=PROGRESSION, why_it_matters="whether the disease grew on the last therapy is not known")
    if row.in_force_from is None and on < first_day(protocol.product.revision):
        why = f"the day from which this holds was not found, and {say_date(on)} comes before the revision that was read"
        yield Missing(missing=DATE, why_it_matters=why)


def first_day(revision: str) -> date:
    """The first day of a revision that is named by year, or by year and month."""
    year, _, month = revision.partition("-")
    return date(int(year), int(month or 1), 1)
