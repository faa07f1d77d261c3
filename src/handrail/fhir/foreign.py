"""A document of another system, read for a person to review: what it offers as events, what stays in it, and why. Mapping only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from handrail.fhir.events import ACTIVE, EventWriter, plain
from handrail.fhir.observed import SOMETHING_ELSE
from handrail.fhir.origin import is_ours, made_on, parse_file, sender_of, title_of
from handrail.fhir.reading import newer_unused, read_record
from handrail.fhir.record import PRELIMINARY, Allergy, Condition, Listing, Measured, Medicine, ReadRecord, Vital
from handrail.fhir.subject import the_person
from handrail.fhir.times import Precision, When
from handrail.rules.foreign import (
    CONDITION,
    DOSE,
    LABORATORY,
    MEDICINE,
    NOTE,
    VITALS,
    WEIGHT,
    ForeignDocument,
    ForeignPerson,
    Kept,
    Named,
    Offer,
    bispecific_in,
    topic_of,
)
from handrail.rules.terms import STEP_WORDS

STEPS: Final = {words: step for step, words in STEP_WORDS.items()}
PURPOSES: Final = ("premedication", "prophylaxis", "treatment", "home", "other")
TAKEN: Final = ("prophylaxis", "home")
OVER: Final = ("inactive", "resolved", "remission")
_OUR_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?) mg, ")
_OUR_GRADE: Final = re.compile(r"grade ([0-5])")

NO_DAY: Final = "its day is not known, or still to come"
IS_OVER: Final = "it is over or in remission: an import never says that a condition is absent"
NOT_GIVEN: Final = "its status does not say that it was given"
UNKNOWN_CODE: Final = "this code is not known here"
UNREAD: Final = "Handrail does not read {}"
NEXT: Final = "the sender's own answer about what is next is no fact"
NEWER_UNUSED: Final = "a newer value in the document cannot be used"
IS_PRELIMINARY: Final = "it is preliminary"
LISTS: Final = ("conditions", "allergies", "medicines")


def read_foreign(data: bytes, *, course_id: str, zone: str, now: datetime, product: str | None) -> ForeignDocument:
    """What a file offers to a course.

    Args:
        data: the file as it came: a Bundle, one resource, or NDJSON; at most 5 MB.
        course_id: the course, from which ids are made.
        zone: IANA zone for values that are dated by day only.
        now: when it is read, aware; nothing later is offered.
        product: of the course; None: a dose of any product of the catalogue is offered as one.

    Raises:
        FhirReadError: what cannot be read, in one sentence.
    """
    bundle = parse_file(data)
    subject = the_person(bundle)
    record = read_record(bundle, subject)
    reader = _Offers(
        record, EventWriter(recorded_at=now, zone=zone, course_id=course_id, by=None), product, is_ours(bundle)
    )
    offers = list(reader.offers())
    return ForeignDocument(
        person=_person(record) if subject.patient is not None else None,
        sender=sender_of(bundle),
        title=title_of(bundle),
        made_on=made_on(bundle),
        ours=reader.ours,
        offers=tuple({offer.id: offer for offer in offers}.values()),
        kept=(*reader.kept, *_left(record)),
        notes=record.notes,
        lists=tuple((name, _state(record, name)) for name in LISTS),
        medicines=tuple(
            Named(words=each.what.display, said=_said(each.kind, each.status), entry=each.reference)
            for each in record.medicines
        ),
        allergies=tuple(
            Named(words=each.what.display, said=_allergy_words(each), entry=each.reference)
            for each in record.allergies
            if each.clinical_status not in OVER
        ),
        incomplete=record.incomplete,
    )


def _person(record: ReadRecord) -> ForeignPerson:
    who = record.identity
    return ForeignPerson(
        names=tuple(name.full for name in who.names),
        birth_date=who.birth_date or "",
        sex=who.gender or "",
        record_numbers=who.identifiers,
        died=who.deceased,
    )


def _state(record: ReadRecord, name: str) -> str:
    state = {
        "conditions": record.conditions_state,
        "allergies": record.allergies_state,
        "medicines": record.medicines_state,
    }[name]
    return "entries" if state is Listing.LISTED else state.value


def _left(record: ReadRecord) -> Iterator[Kept]:
    """What was read and cannot be used, or is not understood."""
    for item in record.unused:
        yield Kept(
            why=item.problem or "", display=f"{item.fact.replace('_', ' ')} {item.as_sent}", entry=item.reference
        )
    for vital in record.vitals:
        if vital.problem is not None:
            words = ", ".join(f"{name.replace('_', ' ')} {sent}" for name, sent in vital.as_sent.items())
            yield Kept(why=vital.problem, display=words, entry=vital.reference)
    for what, times in record.not_understood:
        yield Kept(why=UNKNOWN_CODE, system=what.system, code=what.code, display=what.display, times=times)
    for kind, what, times in record.unread:
        yield Kept(
            why=UNREAD.format(kind), system=what.system, code=what.code, display=what.display or kind, times=times
        )


class _Offers:
    """Turns what was read into offers, and collects what is not offered."""

    def __init__(self, record: ReadRecord, writer: EventWriter, product: str | None, ours: bool) -> None:
        self.record = record
        self.writer = writer
        self.product = product
        self.ours = ours
        self.kept: list[Kept] = []

    def offers(self) -> Iterator[Offer]:
        """Every fact that a person can choose."""
        record = self.record
        for weight in record.weights_kg:
            event = self.writer.weight(weight)
            if event is not None and not weight.as_sent.endswith(" kg"):
                event = {**event, "x_as_sent": weight.as_sent}
            yield from self._offer(WEIGHT, event, weight.reference, self._doubt(weight, record.weights_kg))
        for lab in record.labs:
            yield from self._offer(LABORATORY, self.writer.lab(lab), lab.reference, self._doubt(lab, record.labs))
        for vital in record.vitals:
            if vital.problem is None:
                yield from self._vital(vital)
        for medicine in record.medicines:
            yield from self._medicine(medicine)
        for condition in record.conditions:
            yield from self._condition(condition)
        for allergy in record.allergies:
            yield from self._allergy(allergy)
        for score in record.performance:
            yield self._note(
                f"ECOG performance status {score.value}, as the document says", score.when, score.reference
            )

    def _offer(
        self, group: str, event: dict[str, Any] | None, entry: str, doubt: str = "", display: str = ""
    ) -> Iterator[Offer]:
        if event is None:
            self.kept.append(Kept(why=NO_DAY, display=display or group, entry=entry))
            return
        yield Offer(event=event, group=group, topic=topic_of(event["kind"], event), entry=entry, doubt=doubt)

    def _note(self, words: str, when: When | None, entry: str, **marks: str) -> Offer:
        event = self.writer.note(words, when, entry, {f"x_{name}": value for name, value in marks.items() if value})
        return Offer(event=event, group=NOTE, topic=f"note:{event['id']}", entry=entry)

    def _doubt(self, item: Measured, all_of_it: tuple[Measured, ...]) -> str:
        if item.status == PRELIMINARY:
            return IS_PRELIMINARY
        return NEWER_UNUSED if newer_unused(self.record.unused, all_of_it, item.fact) else ""

    def _vital(self, vital: Vital) -> Iterator[Offer]:
        body = {name: plain(value) if name == "temperature_c" else int(value) for name, value in vital.values.items()}
        marks = {"x_status": vital.status} if vital.status == PRELIMINARY else {}
        changed = {name: sent for name, sent in vital.as_sent.items() if sent.endswith("[degF]")}
        marks |= {f"x_{name}_as_sent": sent for name, sent in changed.items()}
        doubt = IS_PRELIMINARY if vital.status == PRELIMINARY else self._newer_unused(vital)
        yield from self._offer(
            VITALS,
            self.writer.event("vitals_measured", vital.when, vital.reference, body, marks),
            vital.reference,
            doubt,
        )

    def _newer_unused(self, vital: Vital) -> str:
        """Why a vital sign is in doubt: one of the same, perhaps newer, cannot be used."""
        unused = (each for each in self.record.vitals if each.problem is not None and each.when is not None)
        same = (each.when for each in unused if each.as_sent.keys() & vital.values.keys())
        return NEWER_UNUSED if any(when and vital.when and when.latest >= vital.when.earliest for when in same) else ""

    def _medicine(self, item: Medicine) -> Iterator[Offer]:
        marks = {
            "x_system": item.what.system,
            "x_code": item.what.code,
            "x_as_sent": item.amount if item.mg is None else "",
        }
        marks = {name: value for name, value in marks.items() if value}
        bispecific = bispecific_in(item.what.display)
        if not item.about_patient:
            self._keep(item, SOMETHING_ELSE)
        elif item.kind == "given":
            if item.status != "completed":
                self._keep(item, NOT_GIVEN)
            elif bispecific is not None and bispecific == (self.product or bispecific):
                yield from self._offer(DOSE, self._dose(item, marks), item.reference, display=item.what.display)
            else:
                yield from self._offer(MEDICINE, self._given(item, marks), item.reference, display=item.what.display)
        elif self.ours and item.dosage.startswith("Next dose: "):
            self._keep(item, NEXT)
        elif self.ours and item.kind == "stated" and item.dosage.rpartition(", ")[2] in TAKEN:
            found = _OUR_AMOUNT.match(item.dosage)
            event = self._given(item, marks, mg=Decimal(found[1]) if found else None)
            yield from self._offer(MEDICINE, event, item.reference, display=item.what.display)
        else:
            words = f"Medicine in the document ({_said(item.kind, item.status)}): {item.what.display}"
            told = item.dosage or item.amount
            yield self._note(
                f"{words}; {told}" if told else words,
                item.when,
                item.reference,
                system=item.what.system,
                code=item.what.code,
            )

    def _keep(self, item: Medicine, why: str) -> None:
        self.kept.append(
            Kept(
                why=why,
                system=item.what.system,
                code=item.what.code,
                display=f"{item.what.display} ({_said(item.kind, item.status)})",
                entry=item.reference,
            )
        )

    def _dose(self, item: Medicine, marks: dict[str, str]) -> dict[str, Any] | None:
        body: dict[str, Any] = {}
        if self.ours and (step := STEPS.get(item.dosage.partition(", ")[0])) is not None:
            body["step"] = step
        body |= _amounts(item, item.mg)
        if item.lot:
            body["lot"] = item.lot
        if item.ended is not None and item.ended.precision is Precision.INSTANT:
            body["ended_at"] = item.ended.earliest.isoformat()
        if not self.ours and item.dosage:
            marks = {**marks, "x_dosage": item.dosage}
        return self.writer.event("dose_given", item.when, item.reference, body, marks)

    def _given(self, item: Medicine, marks: dict[str, str], mg: Decimal | None = None) -> dict[str, Any] | None:
        body: dict[str, Any] = {"agent": item.what.display, **_amounts(item, mg if mg is not None else item.mg)}
        if self.ours:
            said = (item.dosage.partition(", ")[0], item.dosage.rpartition(", ")[2])
            purpose = next((words for words in said if words in PURPOSES), None)
            if purpose is not None:
                body["purpose"] = purpose
        elif item.dosage:
            marks = {**marks, "x_dosage": item.dosage}
        return self.writer.event("medicine_given", item.when, item.reference, body, marks)

    def _condition(self, item: Condition) -> Iterator[Offer]:
        if self.ours and item.onset is not None:
            words = (
                f"In the document: {item.what.display}, {item.severity or 'grade not known'}, from {item.onset.text}"
            )
            yield self._note(
                f"{words} ({item.clinical_status or 'not known whether it is over'})", item.onset, item.reference
            )
            return
        event = self.writer.condition(item) if item.about_patient else None
        if event is None:
            over = item.clinical_status is not None and item.clinical_status not in ACTIVE
            self.kept.append(
                Kept(
                    why=IS_OVER if over else NO_DAY if item.about_patient else SOMETHING_ELSE,
                    system=item.what.system,
                    code=item.what.code,
                    display=item.what.display,
                    entry=item.reference,
                )
            )
            return
        grade = _OUR_GRADE.fullmatch(item.severity) if self.ours else None
        if grade is not None:
            event = {**event, "grade": int(grade[1])}
        yield from self._offer(CONDITION, event, item.reference)

    def _allergy(self, item: Allergy) -> Iterator[Offer]:
        if item.clinical_status in OVER:
            why = "it is said to be over"
            self.kept.append(
                Kept(
                    why=why,
                    system=item.what.system,
                    code=item.what.code,
                    display=item.what.display,
                    entry=item.reference,
                )
            )
            return
        said = _allergy_words(item)
        words = f"Allergy or intolerance in the document: {item.what.display}{f' ({said})' if said else ''}"
        yield self._note(words, item.recorded, item.reference, system=item.what.system, code=item.what.code)


def _amounts(item: Medicine, mg: Decimal | None) -> dict[str, Any]:
    found: dict[str, Any] = {"dose_mg": plain(mg)} if mg is not None else {}
    return {**found, "route": item.route} if item.route else found


def _said(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _allergy_words(item: Allergy) -> str:
    criticality = f"criticality {item.criticality}" if item.criticality else None
    return _said(item.clinical_status, item.verification, criticality)
