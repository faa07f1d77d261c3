"""Which agreement is in force between two organisations at an instant, and how a version stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from handrail.people.models import Agreement, AgreementSignature, AgreementStep, Holiday, Organisation
from handrail.rules import responsibility
from handrail.rules.accountability import AHEAD, Hole, holes


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an agreement with what it says, who signed it, and what became of it."""

    row: Agreement
    content: responsibility.Agreement
    signatures: tuple[AgreementSignature, ...]
    activated: AgreementStep | None
    ended: AgreementStep | None

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The organisations that sign."""
        return tuple(each for each in (self.row.organisation_id, self.row.partner_id) if each is not None)

    @property
    def unsigned(self) -> tuple[UUID, ...]:
        """The organisations of which nobody has signed this content."""
        signed = {each.party_id for each in self.signatures if each.sha256 == self.row.sha256}
        return tuple(each for each in self.parties if each not in signed)

    def in_force(self, at: datetime, *, known_at: datetime | None = None) -> bool:
        """Whether it holds at an instant, by what had been decided by `known_at` (default: by that instant)."""
        known = known_at or at
        if self.activated is None or self.activated.at > known or (self.ended is not None and self.ended.at <= known):
            return False
        return self.content.starts_at <= at < self.content.ends_at


def versions(organisation_ids: Iterable[UUID]) -> list[Version]:
    """Every version of every agreement of these organisations, by pair and then the oldest first."""
    ids = list(organisation_ids)
    rows = Agreement.objects.filter(Q(organisation__in=ids) | Q(partner__in=ids))
    return _versions(rows.order_by("organisation", "partner", "number"))


def of_pair(organisation_id: UUID, partner_id: UUID | None) -> list[Version]:
    """Every version between two organisations, whichever owns it, or of one alone; the oldest first."""
    return _versions(Agreement.objects.filter(_pair(organisation_id, partner_id)).order_by("number"))


def version_of(agreement: Agreement) -> Version:
    """One version."""
    return _versions([agreement])[0]


def _pair(organisation_id: UUID, partner_id: UUID | None) -> Q:
    if partner_id is None:
        return Q(organisation=organisation_id, partner__isnull=True)
    return Q(organisation=organisation_id, partner=partner_id) | Q(organisation=partner_id, partner=organisation_id)


def _versions(rows: Iterable[Agreement]) -> list[Version]:
    found = list(rows)
    ids = [row.pk for row in found]
    signatures: dict[UUID, list[AgreementSignature]] = {each: [] for each in ids}
    for mark in AgreementSignature.objects.filter(agreement__in=ids).select_related("by", "party").order_by("at", "id"):
        signatures[mark.agreement_id].append(mark)
    steps = {
        (step.agreement_id, step.what): step
        for step in AgreementStep.objects.filter(agreement__in=ids).select_related("by")
    }
    closed = _holidays({each for row in found for each in (row.organisation_id, row.partner_id) if each is not None})
    return [
        Version(
            row=row,
            content=_with_holidays(responsibility.agreement_from_text(responsibility.canonical(row.document)), closed),
            signatures=tuple(signatures[row.pk]),
            activated=steps.get((row.pk, AgreementStep.What.ACTIVATED)),
            ended=steps.get((row.pk, AgreementStep.What.ENDED)),
        )
        for row in found
    ]


def _holidays(organisation_ids: set[UUID]) -> list[Holiday]:
    return list(Holiday.objects.filter(organisation__in=organisation_ids).select_related("site").order_by("on", "id"))


def _with_holidays(content: responsibility.Agreement, closed: Sequence[Holiday]) -> responsibility.Agreement:
    """With the holidays of either party: of the whole organisation, or of one of the sites that it names.

    One party's holiday counts for both: a day counts as a Sunday for everybody or for nobody, so that one party answers.
    """
    sites = {party.organisation: party.sites for party in content.party if party.organisation is not None}
    days = {
        each.on
        for each in closed
        if (named := sites.get(str(each.organisation_id))) is not None
        and (each.site is None or not named or each.site.code in named)
    }
    return replace(content, holidays=tuple(sorted(days))) if days else content


def in_force(found: Sequence[Version], at: datetime, *, known_at: datetime | None = None) -> Version | None:
    """The version of one pair that holds at an instant: the newest whose days include it."""
    standing = [each for each in _not_replaced(found, known_at or at) if each.in_force(at, known_at=known_at)]
    return max(standing, key=lambda each: each.row.number, default=None)


def _not_replaced(found: Sequence[Version], known: datetime) -> list[Version]:
    """Without those whose place a version had taken that was ended since: nobody agreed to the older one coming back."""
    ended = [
        each.row.number
        for each in found
        if each.activated is not None
        and each.ended is not None
        and each.ended.at <= known
        and each.content.starts_at <= each.ended.at
    ]
    newest = max(ended, default=0)
    return [each for each in found if each.row.number >= newest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds between two organisations at an instant, and when that ends: another version begins, or it runs out."""

    version: Version | None
    then: datetime | None


def between(owner: UUID, partners: Iterable[UUID], at: datetime) -> dict[UUID | None, Standing]:
    """How the agreements of an organisation with each of some others stand, by partner; under None its own, alone."""
    others = list(partners)
    rows = Agreement.objects.filter(
        Q(organisation=owner, partner__in=others)
        | Q(partner=owner, organisation__in=others)
        | Q(organisation=owner, partner__isnull=True)
    ).order_by("number")
    by_pair: dict[UUID | None, list[Version]] = {}
    for each in _versions(rows) if rows else []:
        other = each.row.partner_id if each.row.organisation_id == owner else each.row.organisation_id
        by_pair.setdefault(other, []).append(each)
    return {other: Standing(version=in_force(found, at), then=_next(found, at)) for other, found in by_pair.items()}


def _next(found: Sequence[Version], at: datetime) -> datetime | None:
    """When the next version that is put in force already begins, or the one that holds runs out."""
    edges = [each.content.starts_at for each in found if each.in_force(each.content.starts_at, known_at=at)]
    if (holding := in_force(found, at)) is not None:
        edges.append(holding.content.ends_at)
    return min((edge for edge in edges if edge > at), default=None)


def holes_if_activated(version: Version, now: datetime) -> tuple[Hole, ...]:
    """The gaps and doubles until two weeks after the first day of this version, if it were in force from that day on.

    An older version that is in force covers the time before. Nothing covers it: the two weeks begin with the version.
    """
    pair = of_pair(version.row.organisation_id, version.row.partner_id)
    older = [each.content for each in _standing(pair, now) if each.row.number < version.row.number]
    begins = max(now, version.content.starts_at)
    start = now if older else begins
    return holes([*older, version.content], start, ahead=begins + AHEAD - start)


def holes_of_pair(found: Sequence[Version], now: datetime, zone: str) -> tuple[Hole, ...]:
    """The gaps and doubles of the two weeks to come between two organisations, by the versions that are activated."""
    return holes([each.content for each in _standing(found, now)], now, zone=zone)


def _standing(found: Sequence[Version], now: datetime) -> list[Version]:
    """The versions that are put in force, now or from a later day on."""
    return [each for each in _not_replaced(found, now) if each.activated is not None and each.ended is None]


def name_of(organisation_id: UUID) -> str:
    """An organisation's name."""
    return Organisation.objects.values_list("name", flat=True).get(pk=organisation_id)
