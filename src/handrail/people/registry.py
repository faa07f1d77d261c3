"""What is recorded of the training of an organisation, as the rules read it. A constant number of queries, whatever the size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from handrail.people.models import (
    Certificate,
    Membership,
    MockDrill,
    Organisation,
    RemsRecord,
    TrainingRecord,
    TrainingVersion,
)
from handrail.rules.curriculum import BroughtOut, Completed, Member, ReadSigned, Training
from handrail.rules.drills import Run
from handrail.rules.terms import civil_date

CERTIFICATION: Final = "rems:"
"""Certificates of this kind certify a prescriber for one product."""
MODULE, DOCUMENT = TrainingVersion.What.MODULE, TrainingVersion.What.DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything of one organisation: names by id, what the rules read, documents, signatures, who is certified for which products."""

    people: dict[str, str]
    training: Training
    documents: tuple[BroughtOut, ...]
    signed: tuple[ReadSigned, ...]
    certified: dict[str, list[str]]
    today: date


def registry(organisation: Organisation, products: Iterable[str], now: datetime) -> Registry:
    """The registry of an organisation at `now`.

    Args:
        products: the products that are given there.
    """
    products = list(products)
    today = civil_date(now, organisation.time_zone)
    in_force = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    rows = Membership.objects.filter(in_force, organisation=organisation, valid_from__lte=now, user__is_active=True)
    people: dict[str, str] = {}
    roles: dict[str, set[str]] = {}
    since: dict[str, date] = {}
    columns = ("user_id", "user__name", "role", "valid_from")
    for user_id, name, role, begins in rows.order_by("valid_from", "id").values_list(*columns):
        key = str(user_id)
        people.setdefault(key, name)
        roles.setdefault(key, set()).add(role)
        since.setdefault(key, civil_date(begins, organisation.time_zone))
    members = tuple(
        Member(person=key, roles=frozenset(held), since=since[key])
        for key, held in sorted(roles.items(), key=lambda pair: (people[pair[0]], pair[0]))
    )
    kept = standing_records(organisation)
    versions = TrainingVersion.objects.filter(organisation=organisation).order_by("on", "recorded_at", "id")
    brought_out: list[BroughtOut] = []
    documents: list[BroughtOut] = []
    for each in versions:
        out = BroughtOut(
            subject=each.subject,
            version=each.version,
            on=each.on,
            only_from=each.only_from,
            product=each.product or None,
            title=each.title,
        )
        (brought_out if each.what == MODULE else documents).append(out)
    certified: dict[str, list[str]] = {}
    lasting = Q(valid_until__isnull=True) | Q(valid_until__gte=today)
    for certificate in Certificate.objects.filter(
        lasting, organisation=organisation, kind__startswith=CERTIFICATION, valid_from__lte=today
    ):
        if str(certificate.user_id) in people:
            certified.setdefault(str(certificate.user_id), []).append(certificate.kind.removeprefix(CERTIFICATION))
    papers = RemsRecord.objects.filter(
        Q(until__isnull=True) | Q(until__gte=today),
        organisation=organisation,
        kind=RemsRecord.Kind.PRESCRIBER,
        withdrawn=False,
        superseded_by__isnull=True,
        from_on__lte=today,
    )
    for paper in papers:
        if str(paper.user_id) in people:
            certified.setdefault(str(paper.user_id), []).extend([paper.product] if paper.product else products)
    return Registry(
        people=people,
        training=Training(
            members=members,
            completed=tuple(completed_of(each) for each in kept if each.what == MODULE),
            brought_out=tuple(brought_out),
            products=tuple(sorted({*products, *(product for held in certified.values() for product in held)})),
        ),
        documents=tuple(documents),
        signed=tuple(
            ReadSigned(person=str(each.user_id), document=each.subject, version=each.version)
            for each in kept
            if each.what == DOCUMENT
        ),
        certified={who: sorted(set(held)) for who, held in certified.items()},
        today=today,
    )


def standing_records(organisation: Organisation, **wanted: object) -> list[Any]:
    """What was passed or signed and not taken back, the oldest first: no rows, their columns by name."""
    rows = TrainingRecord.objects.filter(organisation=organisation, **wanted).order_by("on", "recorded_at", "id")
    columns = ("id", "takes_back_id", "user_id", "what", "subject", "version", "product", "on")
    told = list(rows.values_list(*columns, named=True))
    back = {each.takes_back_id for each in told}
    return [each for each in told if each.takes_back_id is None and each.id not in back]


def last_records(organisation: Organisation, most: int, **wanted: object) -> list[TrainingRecord]:
    """The last of the same, with who passed or signed, the newest first."""
    rows = TrainingRecord.objects.filter(organisation=organisation, **wanted)
    back = TrainingRecord.objects.filter(organisation=organisation, takes_back=OuterRef("pk"), **wanted)
    standing = rows.filter(~Exists(back), takes_back=None).select_related("user")
    return list(standing.order_by("-on", "-recorded_at", "-id")[:most])


def completed_of(row: Any) -> Completed:
    """One row as the rules read it."""
    return Completed(
        person=str(row.user_id), module=row.subject, version=row.version, product=row.product or None, on=row.on
    )


def standing_drills(organisation: Organisation) -> list[MockDrill]:
    """The drills that were not taken back, the newest first."""
    rows = list(
        MockDrill.objects.filter(organisation=organisation)
        .select_related("site", "by")
        .order_by("-on", "-recorded_at", "id")
    )
    back: set[UUID | None] = {each.takes_back_id for each in rows}
    return [each for each in rows if each.takes_back_id is None and each.pk not in back]


def standing_drills_of(site_ids: Sequence[UUID]) -> list[MockDrill]:
    """The drills of some sites that were not taken back, the oldest first."""
    rows = list(MockDrill.objects.filter(site__in=site_ids).order_by("on", "recorded_at", "id"))
    back: set[UUID | None] = {each.takes_back_id for each in rows}
    return [each for each in rows if each.takes_back_id is None and each.pk not in back]


def run_of(row: MockDrill) -> Run:
    """One drill as the rules read it."""
    minutes = {name: Decimal(text) if text is not None else None for name, text in row.minutes.items()}
    return Run(kind=row.kind, on=row.on, minutes=minutes, correct_grade=row.correct_grade, product=row.product or None)
