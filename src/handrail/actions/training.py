"""Certificates and what each step of the rota asks: who changes them, and the rota is looked at again at once.

Every change is written into the log of the rota with what was there before, so that "was this person trained on that night?" has an answer.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.rota import managed, site_of, write_entry
from handrail.people import coverage, scope
from handrail.people.models import Certificate, Membership, Organisation, RotaStep, Step
from handrail.rules.rota import load_rota_rules

KIND_LENGTH = 64
REFERENCE_LENGTH = 120


def add_certificate(
    organisation_id: UUID,
    *,
    user_id: UUID | str,
    kind: str,
    valid_from: date,
    by: Actor,
    valid_until: date | None = None,
    reference: str = "",
    now: datetime | None = None,
) -> Certificate:
    """Write down that a person of the organisation is trained, from one day to another, both included.

    Args:
        valid_until: None does not run out.
        reference: the number or the place of the paper, for who checks it later.

    Raises:
        RefusedError: nobody of this organisation, no kind, days in the wrong order, or a certificate that is there already;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _locked(organisation_id, by, now)
        current = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
        members = Membership.objects.filter(current, organisation=organisation, user_id=user_id, user__is_active=True)
        member = members.select_related("user").first()
        kind, reference = kind.strip(), reference.strip()
        if member is None:
            raise RefusedError("That person does not belong here.", code="unknown_word", path="user")
        if not kind or len(kind) > KIND_LENGTH:
            raise RefusedError(
                f"Name the certificate, in at most {KIND_LENGTH} letters.", code="missing_key", path="kind"
            )
        if len(reference) > REFERENCE_LENGTH:
            raise RefusedError(f"At most {REFERENCE_LENGTH} letters.", code="wrong_value", path="reference")
        if valid_until is not None and valid_until < valid_from:
            raise RefusedError("It runs out before it begins.", code="not_a_time", path="valid_until")
        held = Certificate.objects.filter(organisation=organisation, user=member.user, kind=kind)
        if held.filter(valid_from=valid_from).exists():
            raise RefusedError(
                f"{member.user.name} has one that begins on that day: end it first.", code="twice", path="valid_from"
            )
        certificate = Certificate.objects.create(
            organisation=organisation,
            user=member.user,
            kind=kind,
            valid_from=valid_from,
            valid_until=valid_until,
            reference=reference,
        )
        write_entry(organisation, "certificate_added", _told(certificate), now, by)
        return certificate


def end_certificate(
    certificate_id: UUID, *, last_day: date, by: Actor, now: datetime | None = None
) -> Certificate | None:
    """Let a certificate end sooner; one that ends before its first day never counted, and goes. The log keeps what it was.

    Args:
        last_day: the last day on which it counts.

    Returns:
        The certificate as it stands now; None when it is gone.

    Raises:
        RefusedError: it ends by then already: a longer one is a new certificate;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        rows = Certificate.objects.select_for_update(of=("self",)).select_related("user")
        certificate = rows.filter(pk=certificate_id).first()
        if certificate is None:
            raise NotVisibleError("There is no such certificate.")
        organisation = managed(certificate.organisation_id, by, now, "manage_people")
        if certificate.valid_until is not None and certificate.valid_until <= last_day:
            raise RefusedError(
                "It ends by then already. A longer one is a new certificate.", code="not_a_time", path="last_day"
            )
        payload = {**_told(certificate), "ends": last_day.isoformat()}
        write_entry(organisation, "certificate_ended", payload, now, by)
        if last_day < certificate.valid_from:
            certificate.delete()
            return None
        certificate.valid_until = last_day
        certificate.save(update_fields=["valid_until"])
        return certificate


def ask_of_step(
    organisation_id: UUID,
    *,
    step: str,
    must_be_filled: bool,
    certificate: str,
    by: Actor,
    site_id: UUID | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> RotaStep:
    """Ask something else of a step than the shipped rule does, at one site or at every one.

    Args:
        certificate: the kind that whoever is placed must hold; empty: none.
        reason: why less is asked than the shipped rule asks, or another certificate.

    Raises:
        RefusedError: an unknown step or site, or less than the shipped rule without a reason;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _locked(organisation_id, by, now, "manage_rota")
        site = site_of(organisation, site_id)
        certificate, reason = certificate.strip(), reason.strip()
        if step not in Step.values:
            raise RefusedError("There is no such step of the ladder.", code="unknown_word", path="step")
        if len(certificate) > KIND_LENGTH:
            raise RefusedError(f"At most {KIND_LENGTH} letters.", code="wrong_value", path="certificate")
        asked = coverage.Asked(step=step, must_be_filled=must_be_filled, certificate=certificate)
        if asks_less(asked) and not reason:
            raise RefusedError("This asks less than the shipped rule: say why.", code="missing_key", path="reason")
        before = RotaStep.objects.filter(organisation=organisation, site=site, step=step).first()
        row = before or RotaStep(organisation=organisation, site=site, step=step)
        payload = {"before": _asked(before), "reason": reason}
        row.must_be_filled, row.certificate = must_be_filled, certificate
        row.save()
        write_entry(organisation, "step_asked", {**_place(row), **payload, "after": _asked(row)}, now, by)
        return row


def ask_as_shipped(row_id: UUID, *, by: Actor, now: datetime | None = None) -> None:
    """Take back what was asked of a step instead: the wider row of the organisation, else the shipped rule, counts again.

    Raises:
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        row = RotaStep.objects.select_for_update(of=("self",)).filter(pk=row_id).first()
        if row is None:
            raise NotVisibleError("There is no such rule.")
        organisation = managed(row.organisation_id, by, now)
        write_entry(organisation, "step_as_shipped", {**_place(row), "before": _asked(row)}, now, by)
        row.delete()


def asks_less(asked: coverage.Asked) -> bool:
    """Whether a step asks less than the shipped rule, or another certificate, which nobody can compare."""
    shipped = load_rota_rules().of_step(asked.step)
    if shipped is None:
        return False
    return (shipped.must_be_filled and not asked.must_be_filled) or (
        shipped.certificate is not None and asked.certificate != shipped.certificate
    )


def _locked(organisation_id: UUID, by: Actor, now: datetime, verb: str = "manage_people") -> Organisation:
    """The organisation, held until the end: two who type the same thing at once make one row."""
    organisation = managed(organisation_id, by, now, verb)
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def _told(certificate: Certificate) -> dict[str, Any]:
    until = certificate.valid_until
    return {
        "certificate": str(certificate.pk),
        "user": str(certificate.user_id),
        "kind": certificate.kind,
        "valid_from": certificate.valid_from.isoformat(),
        "valid_until": until.isoformat() if until else None,
        "reference": certificate.reference,
    }


def _place(row: RotaStep) -> dict[str, Any]:
    return {"step": row.step, "site": str(row.site_id) if row.site_id else None}


def _asked(row: RotaStep | None) -> dict[str, Any] | None:
    return None if row is None else {"must_be_filled": row.must_be_filled, "certificate": row.certificate}
