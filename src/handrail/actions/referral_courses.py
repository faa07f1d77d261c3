"""From a referral to a course: with what the practice told, once a person decided for a bispecific antibody.

Who gives the doses after the step-up is said in the referral and becomes a fact of the course: the gate of the first dose asks the course.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.courses import start_course
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.patients import Registration, register_patient
from handrail.actions.recording import Recorded
from handrail.actions.referral_intake import LONGEST, intake_of
from handrail.actions.referrals import Kind, last, working, write
from handrail.people.models import Referral, ReferralEntry
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
    nothing_given: bool | None = None,
    event_id: UUID | None = None,
    now: datetime | None = None,
) -> Recorded:
    """Register the patient under a record number of this organisation, and start the course.

    `nothing_given`: no dose of this product was given before; False: some were, elsewhere; None: not known, and the answer stays `ask`.
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
            prior_doses_known=nothing_given,
            id=event_id,
            now=now,
        )
        record_event(started.event.course_id, _earlier(referral, now), by=by, now=now)
        write(referral, Kind.COURSE_STARTED, {}, now, by=by, role=role, course=started.event.course)
        named = last(entries, Kind.MAINTENANCE)
        if named is not None:
            _tell_course(started.event.course_id, named, by, now)
        return started


def _earlier(referral: Referral, now: datetime) -> dict[str, Any]:
    """What the practice told of earlier treatment; what it did not know stays not known, and line 8 of the gate asks for it."""
    before = intake_of(referral).before
    told = {"lines": before.lines, **before.classes, "progressed_on_last": before.progressed}
    return {"id": str(uuid4()), "kind": "earlier_treatment_noted", "at": now.isoformat(), **told}


def name_maintenance(
    referral_id: UUID, chosen: bool | None, name: str = "", *, by: Actor, now: datetime | None = None
) -> ReferralEntry:
    """Who gives the doses after the step-up: a named site, nobody (False), or not known (None). A course that was started is told.

    Raises:
        RefusedError: no site is named.
    """
    now = now or clock.now()
    named = name.strip()
    if chosen and (not named or len(named) > LONGEST or not named.isprintable()):
        raise RefusedError("Name the site.", code="missing_key", path="maintenance_name")
    with working(referral_id, "work_referral", by, now, closed=True) as (referral, role):
        payload = {"chosen": chosen, "name": named if chosen else ""}
        entry = write(referral, Kind.MAINTENANCE, payload, now, by=by, role=role)
        started = last(referral.entries.all(), Kind.COURSE_STARTED)
        if started is not None and started.course_id is not None:
            _tell_course(started.course_id, entry, by, now)
        return entry


def _tell_course(course_id: UUID, named: ReferralEntry, by: Actor, now: datetime) -> None:
    """What was said of the maintenance, as a fact of the course; said twice it is one fact."""
    fact = {
        "id": str(uuid5(named.pk, "maintenance_site")),
        "kind": "readiness_confirmed",
        "at": now.isoformat(),
        "item": "maintenance_site",
        "confirmed": named.payload["chosen"],
    }
    if named.payload["name"]:
        fact["evidence"] = named.payload["name"]
    record_event(course_id, fact, by=by, now=now)


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
