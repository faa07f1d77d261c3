"""Which organisations work together today: the pairs of agreements in force, and which of the two is the hub.

Only the days of an agreement are read here, never what it says: a list of many sites asks this once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from handrail.people.models import Agreement, AgreementStep
from handrail.rules.terms import civil_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two organisations with an agreement in force."""

    hub: UUID
    community: UUID


def pairs_of(organisation_ids: Iterable[UUID], now: datetime) -> list[Pair]:
    """The agreements in force at `now` in which one of these takes part. One query."""
    ids = list(organisation_ids)
    steps = AgreementStep.objects.filter(agreement=OuterRef("pk"), at__lte=now)
    rows = (
        Agreement.objects.filter(
            Q(organisation__in=ids) | Q(partner__in=ids),
            Exists(steps.filter(what=AgreementStep.What.ACTIVATED)),
            ~Exists(steps.filter(what=AgreementStep.What.ENDED)),
            partner__isnull=False,
        )
        .order_by("organisation", "partner", "number")
        .values_list(
            "organisation_id", "partner_id", "document__valid_from", "document__valid_until", "document__time_zone"
        )
    )
    found = {
        (hub, community): None
        for hub, community, first, last, zone in rows
        if date.fromisoformat(first) <= civil_date(now, zone) <= date.fromisoformat(last)
    }
    return [Pair(hub=hub, community=community) for hub, community in found]


def hubs_of(organisation_ids: Iterable[UUID], now: datetime) -> dict[UUID, tuple[UUID, ...]]:
    """The hubs of each; a practice by itself, and a hub, has none."""
    ids = list(organisation_ids)
    found: dict[UUID, tuple[UUID, ...]] = dict.fromkeys(ids, ())
    for pair in pairs_of(ids, now):
        if pair.community in found:
            found[pair.community] = (*found[pair.community], pair.hub)
    return found


def partners_of(organisation_id: UUID, now: datetime) -> list[UUID]:
    """The other parties of the agreements in force, hubs and communities."""
    pairs = pairs_of([organisation_id], now)
    return list(dict.fromkeys(each.community if each.hub == organisation_id else each.hub for each in pairs))
