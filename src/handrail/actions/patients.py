"""Registering a patient: found again by record number, and never mixed with somebody else who has the same number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people import permissions, scope
from handrail.people.models import Organisation, Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of a person. `record_numbers` are (system, value), the one to keep first; the rest only finds."""

    record_numbers: tuple[tuple[str, str], ...]
    given_name: str = ""
    family_name: str = ""
    other_names: tuple[tuple[str, str], ...] = ()
    birth_date_text: str = ""
    sex: str = ""
    phone: str = ""
    language: str = ""
    synthetic: bool = False

    def __repr__(self) -> str:
        return "Registration(…)"  # identity never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The patient, and whether this registration made the row."""

    patient: Patient
    new: bool


def register_patient(
    organisation: Organisation, person: Registration, *, by: Actor, now: datetime | None = None
) -> Registered:
    """Find the patient of this organisation by record number, or make the row. A patient who is found is not changed.

    Raises:
        RefusedError: no record number; a real person in a demonstration or a synthetic one in a live organisation; a record
            number that belongs to somebody else here, or numbers that belong to several.
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        _refuse_stranger(by, organisation, now)
        live = organisation.mode == Organisation.Mode.LIVE
        if live and person.synthetic:
            raise RefusedError("A live organisation takes no synthetic patient.", code="synthetic_in_live")
        if not live and not person.synthetic:
            raise RefusedError("A demonstration takes synthetic patients only.", code="real_in_demo")
        if not person.record_numbers:
            message = "The person has no record number, so a second registration could not be told from the first."
            raise RefusedError(message, code="no_record_number")
        Organisation.objects.select_for_update().get(pk=organisation.pk)  # two imports at once make one patient
        former = _found(organisation, person.record_numbers)
        if former is not None:
            if not _same_person(former, person):
                message = "The record number belongs to another person here; nothing was changed."
                raise RefusedError(message, code="another_person")
            return Registered(patient=former, new=False)
        system, number = person.record_numbers[0]
        patient = Patient.objects.create(
            organisation=organisation,
            given_name=person.given_name,
            family_name=person.family_name,
            birth_date_text=person.birth_date_text,
            sex=person.sex,
            phone=person.phone,
            mrn=number,
            mrn_system=system,
            language=person.language or "en",
            time_zone=organisation.time_zone,
            synthetic=person.synthetic,
            created_at=now,
        )
        return Registered(patient=patient, new=True)


def _refuse_stranger(by: Actor, organisation: Organisation, now: datetime) -> None:
    if by.link is not None:
        raise NotAllowedError("This link is not for that.")
    if by.user is None:
        return
    roles = permissions.roles_at(by.user, organisation.pk, now)
    if not roles:
        raise NotVisibleError("There is no such organisation.")
    if not roles & permissions.VERBS["import_patient"]:
        raise NotAllowedError("Your role does not allow that here.")


def _found(organisation: Organisation, record_numbers: Sequence[tuple[str, str]]) -> Patient | None:
    found = {
        patient.pk: patient
        for system, number in record_numbers
        for patient in Patient.objects.with_mrn(number).filter(organisation=organisation)
        if not patient.mrn_system or not system or patient.mrn_system == system
    }
    if len(found) > 1:
        message = "The record numbers belong to several patients here; nothing was changed."
        raise RefusedError(message, code="several_patients")
    return next(iter(found.values()), None)


def _same_person(former: Patient, person: Registration) -> bool:
    """Nothing that both sides know differs, and a birth date or a name is known to both."""
    dates = (former.birth_date_text, person.birth_date_text)
    dated = all(dates)
    if dated and not (dates[0].startswith(dates[1]) or dates[1].startswith(dates[0])):
        return False
    if former.sex and person.sex and former.sex != person.sex:
        return False
    known = _words(former.given_name, former.family_name)
    names = ((person.given_name, person.family_name), *person.other_names)
    told = [words for words in (_words(*name) for name in names) if words]
    if not known or not told:
        return dated
    return any(known & words for words in told)


def _words(*names: str) -> frozenset[str]:
    return frozenset(word for name in names for word in name.casefold().split())
