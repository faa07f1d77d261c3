"""From a referral to a course: with what the practice told, once a person decided for a bispecific antibody."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.courses import start_course
from handrail.actions.errors import RefusedError
from handrail.actions.patients import Registration, register_patient
from handrail.actions.recording import Recorded
from handrail.actions.referral_intake import intake_of
from handrail.actions.referrals import Kind, last, working, write
from handrail.people.models import Referral
from handrail.rules.protocol import catalogue

LANGUAGES: Final = {"es": "es", "spanish": "es", "español": "es", "en": "en", "english": "en"}
"""Languages in which the patient's pages are written, by what a practice may type. Every other one is written on the patient by hand."""


def start_from_referral(
    referral_id: UUID,
    *,
    by: Actor,
    protocol_key: str,
    record_number: str,
    record_system: str = "",
    event_id: UUID | None = None,
    now: datetime | None = None,
) -> Recorded:
    """Register the patient under a record number of this organisation, and start the course.

    A patient who is found by the number must be the same person by what both know; names and birth dates alone join nobody.

    Raises:
        RefusedError: the last decision is no bispecific antibody, a course was started already, no record number, a label that cannot be
            used; and whatever `register_patient` and `start_course` refuse.
    """
    now = now or clock.now()
    with working(referral_id, "start_course", by, now, closed=True) as (referral, role):
        entries = list(referral.entries.all())
        decided = last(entries, Kind.DECIDED)
        if decided is None or decided.payload["option"] != "bispecific" or last(entries, Kind.SET_ASIDE) is not None:
            raise RefusedError("A course is started after a decision for a bispecific antibody.", code="not_decided")
        if last(entries, Kind.COURSE_STARTED) is not None:
            raise RefusedError("A course was started from this referral already.", code="started")
        if not record_number.strip():
            raise RefusedError("Type the record number of the patient here.", code="missing_key", path="record_number")
        label = next((each.product for each in catalogue() if each.key == protocol_key), None)
        if label is None:
            raise RefusedError("Choose a label.", code="unknown_word", path="protocol_key")
        person = _registration(referral, record_number.strip(), record_system.strip())
        patient = register_patient(referral.organisation, person, by=by, now=now).patient
        started = start_course(
            patient,
            by=by,
            product=label.product,
            jurisdiction=label.jurisdiction,
            protocol_key=protocol_key,
            site=referral.site,
            facts=_facts(referral),
            id=event_id,
            now=now,
        )
        write(referral, Kind.COURSE_STARTED, {}, now, by=by, role=role, course=started.event.course)
        return started


def _registration(referral: Referral, number: str, system: str) -> Registration:
    return Registration(
        record_numbers=((system, number),),
        given_name=referral.given_name,
        family_name=referral.family_name,
        birth_date_text=referral.birth_date_text,
        phone=referral.phone,
        language=LANGUAGES.get((intake_of(referral).language or "").casefold(), ""),
        synthetic=referral.synthetic,
    )


def _facts(referral: Referral) -> dict[str, Any]:
    """What is known; what is not is left out, and the course asks for it."""
    intake = intake_of(referral)
    facts: dict[str, Any] = {"lines_prior": intake.lines, "birth_year": None}
    if len(referral.birth_date_text) >= 4:
        facts["birth_year"] = int(referral.birth_date_text[:4])
    return {name: value for name, value in facts.items() if value is not None}
