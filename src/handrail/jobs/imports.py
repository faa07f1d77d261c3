"""`handrail import fhir FILE`: show what a record says, and with an organisation named, keep it in one transaction."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet

from handrail import clock
from handrail.actions.actor import Actor, person, service
from handrail.actions.courses import start_course
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.patients import Registration, register_patient
from handrail.fhir.bundle import MOST_BYTES
from handrail.fhir.events import NAMESPACE, facts_of, to_events
from handrail.fhir.reading import ReadRecord, read_bundle
from handrail.fhir.record import FhirReadError
from handrail.fhir.report import offered_rows, read_file
from handrail.fhir.summary import summary_table
from handrail.people import scope
from handrail.people.models import Organisation, Patient, User
from handrail.records.models import Course
from handrail.rules.terms import UnusableInput

Row = TypeVar("Row", bound=Model)

NOT_A_RECORD_NUMBER: Final = (
    "http://hl7.org/fhir/sid/us-ssn",
    "urn:oid:2.16.840.1.113883.4.1",  # the same number by its other name
    "urn:oid:2.16.840.1.113883.4.3",  # driving licences, one branch a state
    "http://standardhealthrecord.org/fhir/StructureDefinition/passportNumber",
)
"""Systems of numbers that identify a citizen and not a patient: such a number is never kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an import did, as sentences."""

    patient: Patient
    course: Course | None
    new_events: int
    lines: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read one bundle and say what it says; keep it when an organisation is named.

    Raises:
        UnusableInput: a bundle, a name or an id that cannot be used; nothing was changed.
    """
    chosen = _parser().parse_args(arguments)
    data = _bytes_of(chosen.file)
    only_shown = chosen.show or chosen.organisation is None
    try:
        record = read_file(data) if only_shown else read_bundle(data)
        offered = offered_rows(data, clock.now()) if only_shown else []
    except FhirReadError as error:
        raise UnusableInput("unreadable_bundle", f"{error.message} Nothing was changed.", error.path) from error
    rows = [*summary_table(record, identity=chosen.identity), *offered]
    width = max(len(label) for label, _ in rows)
    sys.stdout.write("".join(f"{label:<{width}}  {words}\n" for label, words in rows))
    if only_shown:
        if not chosen.show:
            sys.stdout.write("\nOnly shown: name an organisation with --organisation to keep it.\n")
        return 0
    scope.see_everything_by_default()
    try:
        outcome = keep(
            record,
            organisation=organisation_named(chosen.organisation),
            by=_actor(chosen.by),
            now=clock.now(),
            synthetic=chosen.synthetic,
            mrn_system=chosen.mrn_system,
            start=chosen.start_course,
            protocol_key=chosen.protocol,
            course_id=chosen.course,
        )
    except ActionError as error:
        raise UnusableInput(error.code, error.message, error.path) from error
    sys.stdout.write("\n" + "".join(f"{line}\n" for line in outcome.lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handrail import", description="Read a patient's record from a file.")
    parser.add_argument("format", choices=("fhir",), help="an R4 Bundle, one resource or NDJSON about one patient")
    parser.add_argument("file", help="the file, or - for standard input")
    parser.add_argument("--show", action="store_true", help="only show what was read; keep nothing")
    parser.add_argument("--identity", action="store_true", help="show also names, identifiers, phones and addresses")
    parser.add_argument("--organisation", help="name or id of the organisation that keeps the patient")
    parser.add_argument("--by", metavar="EMAIL", help="who imports; without it the import itself stands in the record")
    parser.add_argument(
        "--synthetic", action="store_true", help="the person does not exist; a demonstration asks for it"
    )
    parser.add_argument("--mrn-system", metavar="SYSTEM", help="which identifier is the record number, by its system")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--start-course", metavar="PRODUCT", help="start a course, such as of teclistamab")
    which.add_argument("--course", type=UUID, metavar="ID", help="a course of this patient that takes the values")
    parser.add_argument("--protocol", metavar="KEY", help="the label revision; a live organisation must name it")
    return parser


def _bytes_of(name: str) -> bytes:
    """The file, but never more of it than is needed to see that it is too large."""
    if name == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableInput("unreadable", f"The file cannot be read: {error.strerror or 'unknown trouble'}.") from error


def organisation_named(named: str) -> Organisation:
    """The one organisation of that name or id.

    Raises:
        UnusableInput: none, or more than one.
    """
    found = list(Organisation.objects.filter(name=named)[:2]) or _by_id(Organisation.objects.all(), named)
    if len(found) != 1:
        problem = "no organisation" if not found else "more than one organisation"
        raise UnusableInput("unknown_organisation", f"There is {problem} of that name or id.", "organisation")
    return found[0]


def _by_id(rows: QuerySet[Row], text: str) -> list[Row]:
    try:
        return list(rows.filter(pk=text))
    except (ValidationError, ValueError):
        return []


def _actor(email: str | None) -> Actor:
    if email is None:
        return service("import", source="import")
    return person(user_named(email, "by"), source="import")


def user_named(email: str, path: str = "--by") -> User:
    """Who signs in with an address.

    Raises:
        UnusableInput: nobody.
    """
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        raise UnusableInput("unknown_person", "Nobody signs in with that address.", path)
    return user


def keep(
    record: ReadRecord,
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    synthetic: bool = False,
    mrn_system: str | None = None,
    start: str | None = None,
    protocol_key: str | None = None,
    course_id: UUID | None = None,
) -> Outcome:
    """Register the patient, start the course if asked, record the values: all of it, or nothing.

    The same record a second time changes nothing.

    Raises:
        ActionError: the sentence says why; nothing was changed.
    """
    with transaction.atomic():
        registered = register_patient(organisation, _registration(record, synthetic, mrn_system), by=by, now=now)
        patient = registered.patient
        lines = [f"patient  {patient.pk}  {'registered' if registered.new else 'was here already; not changed'}"]
        course, started = None, False
        if start is not None:
            course, started = _started(record, patient, start, protocol_key, by, now)
        elif course_id is not None:
            course = Course.objects.filter(pk=course_id, patient=patient).first()
            if course is None:
                raise RefusedError("This patient has no course with that id.", code="not_found", path="course")
        if course is None:
            return Outcome(patient=patient, course=None, new_events=0, lines=tuple(lines))
        new, known, opened = _record(record, course, by, now)
        lines.append(f"course   {course.pk}  {course.protocol_key}{', started' if started else ''}")
        lines.append(f"events   {new} recorded, {known} were here already")
        if opened:
            lines.append(f"alerts   {opened} opened: look at the course")
        return Outcome(patient=patient, course=course, new_events=new, lines=tuple(lines))


def _registration(record: ReadRecord, synthetic: bool, mrn_system: str | None) -> Registration:
    who = record.identity
    usable = tuple(
        dict.fromkeys(
            (system, number)
            for system, number in who.identifiers
            if not any(system == other or system.startswith(f"{other}.") for other in NOT_A_RECORD_NUMBER)
        )
    )
    if mrn_system is not None:
        usable = tuple(pair for pair in usable if pair[0] == mrn_system)
    return Registration(
        record_numbers=usable,
        given_name=who.given_name,
        family_name=who.family_name,
        other_names=tuple((name.given, name.family or name.text) for name in who.names[1:]),
        birth_date_text=who.birth_date or "",
        sex=who.gender or "",
        phone=who.phones[0] if who.phones else "",
        language=(who.language or "")[:10],
        synthetic=synthetic,
    )


def _started(
    record: ReadRecord, patient: Patient, product: str, protocol_key: str | None, by: Actor, now: datetime
) -> tuple[Course, bool]:
    """The course that an import starts: one a patient and product, so that a second import finds it."""
    if record.identity.deceased:
        raise RefusedError("The record says that this person has died; no course was started.", code="died")
    course_id = uuid5(NAMESPACE, f"course|{patient.pk}|{product}")
    former = Course.objects.filter(pk=course_id).first()
    if former is not None and former.ended_at is not None:
        raise RefusedError("The course that an import started has ended; start the next one by hand.", code="ended")
    if former is not None:
        return former, False
    if patient.courses.filter(product=product, ended_at__isnull=True).exists():
        message = "The patient has an open course of that product; name it with --course."
        raise RefusedError(message, code="course_open")
    start_course(
        patient,
        by=by,
        product=product,
        protocol_key=protocol_key,
        facts=facts_of(record),
        id=course_id,
        now=now,
    )
    return Course.objects.get(pk=course_id), True


def _record(record: ReadRecord, course: Course, by: Actor, now: datetime) -> tuple[int, int, int]:
    """How many events are new, how many were known, and how many alerts opened.

    The id of an event is made of its content, so one that is there says the same, whoever imported it first.
    """
    events = to_events(record, recorded_at=now, zone=course.time_zone, course_id=str(course.pk))
    there = {str(known) for known in course.events.values_list("id", flat=True)}
    wanted = [event for event in events if event["id"] not in there]
    opened = sum(len(record_event(course.pk, event, by=by, now=now).opened) for event in wanted)
    return len(wanted), len(events) - len(wanted), opened
