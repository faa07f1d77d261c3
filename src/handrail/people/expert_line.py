"""The dummy calls of the line, as the rules read them. A constant number of queries, whatever the number of sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from handrail.people.models import DummyCall, Site
from handrail.rules import expert_line
from handrail.rules.expert_line import LineStanding, line_standing


def standing_calls(site_ids: Iterable[UUID]) -> dict[UUID, list[DummyCall]]:
    """The dummy calls of some sites that were not taken back, by site, the newest first."""
    rows = list(
        DummyCall.objects.filter(site__in=list(site_ids))
        .select_related("site", "by", "rostered")
        .order_by("-at", "-recorded_at", "id")
    )
    back: set[UUID | None] = {each.takes_back_id for each in rows}
    found: dict[UUID, list[DummyCall]] = {}
    for each in rows:
        if each.takes_back_id is None and each.pk not in back:
            found.setdefault(each.site_id, []).append(each)
    return found


def call_of(row: DummyCall) -> expert_line.DummyCall:
    """One call as the rules read it."""
    return expert_line.DummyCall(at=row.at, answered=row.answered, seconds=row.seconds)


def standings(
    sites: Sequence[Site], now: datetime, calls: Mapping[UUID, Sequence[DummyCall]] | None = None
) -> dict[UUID, LineStanding]:
    """How the line of each site stands at `now`. `calls`: those of `standing_calls`, when they are known already."""
    known = standing_calls([site.pk for site in sites]) if calls is None else calls
    row = expert_line.expert_line().dummy
    return {
        site.pk: line_standing([call_of(each) for each in reversed(known.get(site.pk, ()))], row, now, site.time_zone)
        for site in sites
    }
