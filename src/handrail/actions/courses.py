"""Starting a course: the protocol and the policy are pinned, and demonstration and real patients are kept apart."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import Recorded, record, settle
from handrail.actions.signing_state import signed_overlay
from handrail.actions.truth import truth_about
from handrail.people import permissions, scope
from handrail.people.models import Organisation, Patient, Role, Site
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.records.policies import in_force
from handrail.rules import coursefile
from handrail.rules.policy import Policy, load_policy
from handrail.rules.protocol import Protocol, load, newest_active
from handrail.rules.terms import UnusableInput


def start_course(
    patient: Patient,
    *,
    by: Actor,
    product: str,
    jurisdiction: str = "US",
    protocol_key: str | None = None,
    schedule: str = "",
    policy: Any = None,
    site: Site | None = None,
    time_zone: str | None = None,
    facts: Mapping[str, Any] | None = None,
    intent: str = Course.Intent.STEP_UP,
    prior_doses_known: bool | None = None,
    at: datetime | None = None,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Start a course for a patient of the same organisation, with the rows that the organisation has signed.

    Args:
        protocol_key: the pinned revision; a live organisation must name it and have signed it. None in a demonstration: the
            newest active one.
        policy: None (the organisation's own, else the shipped default), the id of a shipped policy, or a whole policy document.
        time_zone: the patient's; None: as the patient record says.
        at: when it started; None: now.
        id: made by the sender, so that a repeated Send starts one course.

    Raises:
        RefusedError: an unknown product, revision, policy or zone; a superseded or unsigned protocol; a synthetic patient in a
            live organisation or a real one in a demonstration.
    """
    now = now or clock.now()
    course_id = id or uuid4()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = Organisation.objects.get(pk=patient.organisation_id)
        role = _role(by, organisation, now)
        former = Course.objects.filter(pk=course_id).first()
        if former is not None:
            return _again(former, patient, product, now)
        try:
            protocol = (
                load(protocol_key, product=product, jurisdiction=jurisdiction)
                if protocol_key
                else newest_active(product, jurisdiction)
            )
            if policy is None and (own := in_force(organisation.pk)) is not None:
                policy = own.document
            pinned = load_policy(policy)
            signed = signed_overlay(organisation.pk, protocol)
            header = _header(course_id, patient, protocol, schedule, signed, time_zone, facts)
        except UnusableInput as error:
            raise RefusedError(error.message, code=error.code, path=error.path) from error
        _refuse_unsafe(organisation, patient, protocol, protocol_key, signed=signed is not None)
        course = _insert_course(header, patient, protocol, pinned, policy, site, intent, at or now, now)
        row = _insert_start(course, intent, prior_doses_known, by, role, now)
        try:
            settled = settle(course, now)
        except UnusableInput as error:
            raise RefusedError(error.message, code=error.code, path=error.path) from error
        return Recorded(
            event=row,
            assessment=settled.assessment,
            opened=settled.changes.opened,
            truth=truth_about(course, now, saved_at=now),
        )


def say_given_before(
    course_id: UUID, *, nothing_given: bool | None, reason: str, by: Actor, now: datetime | None = None
) -> Recorded:
    """Whether doses of this product were given before the course, as somebody found out since: a new start in place of the old.

    Args:
        nothing_given: True: none, or all of them are on record here by now; False: some were, and they are not; None: not known.

    Raises:
        RefusedError: no reason; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    if not reason.strip():
        raise RefusedError("Say from where you know it.", code="missing_key", path="reason")
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        rows = list(Event.objects.filter(course=course_id, kind="course_started").order_by("recorded_at", "id"))
        replaced = {row.supersedes for row in rows if row.supersedes}
        former = next((row for row in reversed(rows) if row.id not in replaced), None)
        if former is None:
            raise NotVisibleError("There is no such course.")
        body = {
            "id": str(uuid4()),
            "kind": "course_started",
            "at": former.occurred_at.isoformat(),
            "intent": former.payload.get("intent"),
            "prior_doses_known": nothing_given,
            "supersedes": str(former.id),
            "reason": reason.strip(),
        }
        return record(course_id, body, by=by, verbs=("start_course",), now=now)


def _role(by: Actor, organisation: Organisation, now: datetime) -> str:
    if by.user is None:
        if by.link is not None:
            raise NotAllowedError("This link is not for that.")
        return "service"
    roles = permissions.roles_at(by.user, organisation.pk, now)
    if not roles:
        raise NotVisibleError("There is no such patient.")
    for role in Role:
        if role in roles & permissions.VERBS["start_course"]:
            return role.value
    raise NotAllowedError("Your role does not allow that here.")


def _refuse_unsafe(
    organisation: Organisation, patient: Patient, protocol: Protocol, protocol_key: str | None, *, signed: bool
) -> None:
    live = organisation.mode == Organisation.Mode.LIVE
    if live and patient.synthetic:
        raise RefusedError("A synthetic patient cannot have a course in a live organisation.", code="synthetic_in_live")
    if not live:
        if not patient.synthetic:
            raise RefusedError("A demonstration takes synthetic patients only.", code="real_in_demo")
        return
    if not protocol_key:
        raise RefusedError("A live course names the label revision that its organisation signed.", code="no_protocol")
    if not protocol.product.can_start_live:
        raise RefusedError("This label revision is superseded: no live course starts on it.", code="superseded")
    if not signed:
        raise RefusedError(
            "This protocol is not signed here by a pharmacist and a medical lead, or was changed since.",
            code="not_signed",
        )


def _header(
    course_id: UUID,
    patient: Patient,
    protocol: Protocol,
    schedule: str,
    signed: Mapping[str, Any] | None,
    time_zone: str | None,
    facts: Mapping[str, Any] | None,
) -> coursefile.Course:
    """The course as a course file would say it: what a file may not say, a start may not either."""
    return coursefile.course_from_json(
        {
            "format": coursefile.FORMAT,
            "id": str(course_id),
            "product": protocol.product.product,
            "jurisdiction": protocol.product.jurisdiction,
            "protocol_key": protocol.key,
            "schedule": schedule or None,
            "overlays": [] if signed is None else [signed],
            "time_zone": time_zone or patient.time_zone,
            "facts": dict(facts or {}),
            "events": [],
        }
    )


def _insert_course(
    header: coursefile.Course,
    patient: Patient,
    protocol: Protocol,
    pinned: Policy,
    policy: Any,
    site: Site | None,
    intent: str,
    at: datetime,
    now: datetime,
) -> Course:
    return Course.objects.create(
        id=UUID(header.id),
        organisation_id=patient.organisation_id,
        patient=patient,
        site=site,
        product=protocol.product.product,
        jurisdiction=protocol.product.jurisdiction,
        protocol_key=protocol.key,
        schedule=header.schedule or "",
        policy_id=pinned.ref.id,
        policy_version=pinned.ref.version,
        policy_sha256=pinned.ref.sha256,
        policy_document=policy if isinstance(policy, dict) and "format" in policy else None,
        overlays=list(header.overlays),
        time_zone=header.time_zone,
        facts={name: value for name, value in asdict(header.facts).items() if value is not None},
        synthetic=patient.synthetic,
        intent=intent,
        started_at=at,
        created_at=now,
    )


def _insert_start(
    course: Course, intent: str, prior_doses_known: bool | None, by: Actor, role: str, now: datetime
) -> Event:
    wire_form = {
        "id": str(uuid4()),
        "kind": "course_started",
        "at": course.started_at.isoformat(),
        "recorded_at": now.isoformat(),
        "intent": intent,
        "prior_doses_known": prior_doses_known,
        "source": by.source,
        "by": {"role": role, "id": by.id},
    }
    row = wire.to_row(coursefile.event_from_json(wire_form, zone=course.time_zone), course)
    row.save(force_insert=True)
    return row


def _again(former: Course, patient: Patient, product: str, now: datetime) -> Recorded:
    if former.patient_id != patient.pk or former.product != product:
        raise ConflictError("This id was used before for another course; nothing was changed.")
    row = former.events.filter(kind="course_started").order_by("recorded_at").first()
    assert row is not None
    return Recorded(
        event=row,
        assessment=None,
        opened=(),
        truth=truth_about(former, now, saved_at=row.recorded_at),
        again=True,
    )
