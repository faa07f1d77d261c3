"""The registry of training: who passed what, which version came out, what was read and signed, which drill was held.

Rows are added and never changed: one that was wrong is taken back by a row of its own, with a reason. A module that brings a certificate
writes it in the same transaction, and a newer version of it ends the certificates of whoever holds an older one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.rota import managed
from handrail.actions.training import add_certificate, end_certificate
from handrail.people import permissions, scope
from handrail.people.models import (
    Certificate,
    Membership,
    MockDrill,
    Organisation,
    Site,
    TrainingRecord,
    TrainingVersion,
    User,
)
from handrail.people.registry import DOCUMENT, MODULE, registry, run_of, standing_drills, standing_records
from handrail.records.models import Course
from handrail.rules.curriculum import ModuleRow, in_force, load_curriculum
from handrail.rules.drills import load_drills, site_evidence
from handrail.rules.evidence import Evidence
from handrail.rules.schedule import months_later
from handrail.rules.terms import civil_date

VERB = "record_training"
SUBJECT_LENGTH, VERSION_LENGTH, REASON_LENGTH = 64, 24, 200
MOST_MINUTES = Decimal(100_000)


def products_of(organisation: Organisation) -> list[str]:
    """The products of the courses that go on at an organisation."""
    return sorted(
        set(
            Course.objects.filter(organisation=organisation, ended_at=None).values_list("product", flat=True).distinct()
        )
    )


def complete_module(
    organisation_id: UUID,
    *,
    user_id: UUID | str,
    module: str,
    on: date,
    by: Actor,
    product: str = "",
    reference: str = "",
    now: datetime | None = None,
) -> TrainingRecord:
    """Write down that somebody passed a module on a day, in the version of that day; whoever writes it is the assessor.

    Raises:
        RefusedError: no such module or member, a product that is missing or too much, a day to come, or oneself;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _locked(organisation_id, by, now)
        user = _member(organisation, user_id, now)
        row = _module(module)
        product = product.strip()
        if row.per_product and not product:
            raise RefusedError("Say for which product.", code="missing_key", path="product")
        if by.user is None or by.user.pk == user.pk:
            raise RefusedError(
                "Nobody signs off for themselves: somebody else writes it down.", code="same_person", path="user"
            )
        if on > civil_date(now, organisation.time_zone):
            raise RefusedError("That day is still to come.", code="not_a_time", path="on")
        product = product if row.per_product else ""
        known = registry(organisation, [], now).training.brought_out
        record = TrainingRecord.objects.create(
            organisation=organisation,
            user=user,
            what=MODULE,
            subject=row.id,
            product=product,
            version=in_force(row, product or None, known, on).version,
            on=on,
            assessor=by.user,
            reference=reference.strip()[:120],
            by=by.user,
            recorded_at=now,
        )
        _certify(organisation, user, row, on, record, by, now)
        return record


def _certify(
    organisation: Organisation, user: User, row: ModuleRow, on: date, record: TrainingRecord, by: Actor, now: datetime
) -> None:
    """The certificate that a module brings, unless one that lasts as long is there."""
    if row.certificate is None:
        return
    until = months_later(on, row.valid_months) if row.valid_months is not None else None
    held = Certificate.objects.filter(organisation=organisation, user=user, kind=row.certificate, valid_from=on)
    if not held.exists():
        add_certificate(
            organisation.pk,
            user_id=user.pk,
            kind=row.certificate,
            valid_from=on,
            valid_until=until,
            reference=f"module {row.id}, version {record.version}",
            by=by,
            now=now,
        )


def bring_out(
    organisation_id: UUID,
    *,
    what: str,
    subject: str,
    version: str,
    by: Actor,
    title: str = "",
    product: str = "",
    reason: str = "",
    only_from: date | None = None,
    now: datetime | None = None,
) -> TrainingVersion:
    """Bring out a version of a module or of a document: whoever holds an older one has it open again.

    Args:
        what: `module` or `document`.
        only_from: the day from which no older version counts; None: after the days of the curriculum.

    Raises:
        RefusedError: no such module, no name or version, one that came out before, or a day that has passed;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _locked(organisation_id, by, now)
        today = civil_date(now, organisation.time_zone)
        subject, version, product = subject.strip(), version.strip(), product.strip()
        row = _module(subject) if what == MODULE else None
        if row is None and what != DOCUMENT:
            raise RefusedError("It is a module or a document.", code="unknown_word", path="what")
        if not subject or len(subject) > SUBJECT_LENGTH:
            raise RefusedError(f"Name it, in at most {SUBJECT_LENGTH} letters.", code="missing_key", path="subject")
        if not version or len(version) > VERSION_LENGTH:
            raise RefusedError(
                f"Name its version, in at most {VERSION_LENGTH} letters.", code="missing_key", path="version"
            )
        product = product if row is not None and row.per_product else ""
        only_from = only_from or today + timedelta(days=load_curriculum().changes.grace_days)
        if only_from < today:
            raise RefusedError("That day has passed.", code="not_a_time", path="only_from")
        before = TrainingVersion.objects.filter(organisation=organisation, what=what, subject=subject, version=version)
        if before.filter(product=product).exists() or (row is not None and row.version == version):
            raise RefusedError("That version came out before.", code="twice", path="version")
        assert by.user is not None
        out = TrainingVersion.objects.create(
            organisation=organisation,
            what=what,
            subject=subject,
            product=product,
            version=version,
            title=title.strip()[:120],
            reason=reason.strip()[:REASON_LENGTH],
            on=today,
            only_from=only_from,
            by=by.user,
            recorded_at=now,
        )
        if row is not None and row.certificate is not None:
            _end_older(organisation, row.certificate, only_from - timedelta(days=1), by, now)
        return out


def _end_older(organisation: Organisation, kind: str, last_day: date, by: Actor, now: datetime) -> None:
    """Let the certificates of older versions end; the rota looks at it again and names whose hours are open then."""
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gt=last_day)
    for each in Certificate.objects.filter(lasting, organisation=organisation, kind=kind, valid_from__lte=last_day):
        end_certificate(each.pk, last_day=last_day, by=by, now=now)


def sign_document(
    organisation_id: UUID, *, document: str, version: str, by: Actor, now: datetime | None = None
) -> TrainingRecord:
    """Sign that one has read a document; by oneself, in the version in force.

    Raises:
        RefusedError: another version is in force, or it is signed already; NotVisibleError: not one's own organisation.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        if by.user is None or organisation_id not in permissions.organisations_of(by.user, now):
            raise NotVisibleError("There is no such organisation.")
        organisation = Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
        today = civil_date(now, organisation.time_zone)
        out = registry(organisation, [], now).documents
        own = [each for each in out if each.subject == document and each.on <= today]
        if not own or own[-1].version != version:
            raise RefusedError(
                "Another version is in force by now: read that one.", code="unknown_word", path="document"
            )
        if standing_records(organisation, user=by.user, what=DOCUMENT, subject=document, version=version):
            raise RefusedError("You have signed it.", code="twice", path="document")
        return TrainingRecord.objects.create(
            organisation=organisation,
            user=by.user,
            what=DOCUMENT,
            subject=document,
            version=version,
            on=today,
            by=by.user,
            recorded_at=now,
        )


def take_back_record(record_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> TrainingRecord:
    """Say, with a reason, that something was never passed or signed. Its certificate, if any, is ended apart.

    Raises:
        RefusedError: no reason, or it was taken back before; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        record = TrainingRecord.objects.filter(pk=record_id).select_related("user").first()
        if record is None:
            raise NotVisibleError("There is no such record.")
        organisation = _locked(record.organisation_id, by, now)
        _refuse_to_take_back(record, reason, "record")
        assert by.user is not None
        return TrainingRecord.objects.create(
            organisation=organisation,
            user=record.user,
            what=record.what,
            subject=record.subject,
            product=record.product,
            version=record.version,
            on=record.on,
            takes_back=record,
            reason=reason.strip()[:REASON_LENGTH],
            by=by.user,
            recorded_at=now,
        )


# --- drills -------------------------------------------------------------------------------------------------------------------


def record_drill(
    organisation_id: UUID,
    *,
    site_id: UUID | str,
    kind: str,
    on: date,
    minutes: Mapping[str, Decimal | None],
    correct_grade: bool | None,
    by: Actor,
    words: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> MockDrill:
    """Write down a mock drill: minutes from its start; what nobody timed is left out and not known.

    Args:
        words: product, scenario, first_recogniser, deviations, action, action_owner.

    Raises:
        RefusedError: no such site or kind, a day to come, minutes that make no sense, an action without an owner;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now, "record_drill")
        site = Site.objects.filter(organisation=organisation, pk=site_id).first()
        if site is None:
            raise RefusedError("There is no such site.", code="unknown_word", path="site")
        if kind not in {row.id for row in load_drills().kind}:
            raise RefusedError("There is no such kind of drill.", code="unknown_word", path="kind")
        if on > civil_date(now, site.time_zone):
            raise RefusedError("That day is still to come.", code="not_a_time", path="on")
        for name, taken in minutes.items():
            if taken is not None and not 0 <= taken < MOST_MINUTES:
                raise RefusedError("Minutes from the start of the drill.", code="wrong_value", path=name)
        told = {name: text.strip() for name, text in (words or {}).items() if text and text.strip()}
        if told.get("action") and not told.get("action_owner"):
            raise RefusedError("Say who does it.", code="missing_key", path="action_owner")
        assert by.user is not None
        return MockDrill.objects.create(
            organisation=organisation,
            site=site,
            kind=kind,
            product=told.get("product", "")[:40],
            on=on,
            scenario=told.get("scenario", "")[:200],
            first_recogniser=told.get("first_recogniser", "")[:80],
            minutes={name: str(taken) for name, taken in minutes.items() if taken is not None},
            correct_grade=correct_grade,
            deviations=told.get("deviations", "")[:400],
            action=told.get("action", "")[:400],
            action_owner=told.get("action_owner", "")[:80],
            by=by.user,
            recorded_at=now,
        )


def take_back_drill(drill_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> MockDrill:
    """Say, with a reason, that a drill was written down wrongly; both rows stay on record.

    Raises:
        RefusedError: no reason, or it was taken back before; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        drill = MockDrill.objects.filter(pk=drill_id).first()
        if drill is None:
            raise NotVisibleError("There is no such drill.")
        organisation = _locked(drill.organisation_id, by, now)
        _refuse_to_take_back(drill, reason, "drill")
        assert by.user is not None
        return MockDrill.objects.create(
            organisation=organisation,
            site_id=drill.site_id,
            kind=drill.kind,
            on=drill.on,
            takes_back=drill,
            reason=reason.strip()[:REASON_LENGTH],
            by=by.user,
            recorded_at=now,
        )


def drill_evidence_of(site: Site, product: str | None, now: datetime) -> Evidence:
    """SITE-23: whether the drills of a site hold at `now`, for a product (None: for every one)."""
    runs = [run_of(each) for each in standing_drills(site.organisation) if each.site_id == site.pk]
    return site_evidence(runs, load_drills(), product, civil_date(now, site.time_zone), site.time_zone)


# --- parts --------------------------------------------------------------------------------------------------------------------


def _locked(organisation_id: UUID, by: Actor, now: datetime) -> Organisation:
    organisation = managed(organisation_id, by, now, VERB)
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)


def _member(organisation: Organisation, user_id: UUID | str, now: datetime) -> User:
    current = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    members = Membership.objects.filter(current, organisation=organisation, user_id=user_id, user__is_active=True)
    member = members.select_related("user").first()
    if member is None:
        raise RefusedError("That person does not belong here.", code="unknown_word", path="user")
    return member.user


def _module(module: str) -> ModuleRow:
    row = load_curriculum().of(module)
    if row is None:
        raise RefusedError("There is no such module.", code="unknown_word", path="module")
    return row


def _refuse_to_take_back(row: TrainingRecord | MockDrill, reason: str, path: str) -> None:
    """Nothing is taken back without a reason, or twice."""
    if not reason.strip():
        raise RefusedError("Say why.", code="missing_key", path="reason")
    if row.takes_back_id is not None or row.taken_back_by.exists():
        raise RefusedError("It was taken back before.", code="twice", path=path)
