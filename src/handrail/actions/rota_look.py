"""The look at a site's rota: make the next shifts of its plans, and page the site manager about every gap ahead.

And about every certificate that the rota asks for and that ends within days, while there is time to renew it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail.actions.places import place_key, settle_place
from handrail.actions.rota_plans import extend
from handrail.alerts.ledger import Changes, Wanted
from handrail.people import coverage
from handrail.people.coverage import Hole, asked_kinds, hole_words
from handrail.people.models import Organisation, ShiftPlan, Site
from handrail.people.training import standings
from handrail.rules.paging import Step
from handrail.rules.rota import load_rota_rules
from handrail.rules.terms import Ladder, civil_date, say_date


def look_at_rota(site_id: UUID, now: datetime) -> Changes:
    """Look at the rota of one site for as many days as the rules say; alerts follow, and the next look is stored.

    A gap in what all sites share is told once, by the first site of the organisation, under the organisation's name.
    """
    rules = load_rota_rules().look
    with transaction.atomic():
        site = Site.objects.select_for_update(of=("self",), no_key=True).select_related("organisation").get(pk=site_id)
        organisation = site.organisation
        mine = Q(site__isnull=True) | Q(site=site)
        plans = ShiftPlan.objects.filter(mine, organisation=organisation).select_related("organisation", "site", "user")
        for plan in plans.select_for_update(of=("self",)):
            extend(plan, now)
        found = coverage.holes(organisation, site, now, now + timedelta(days=rules.days_ahead))
        shared = [hole for hole in found if hole.whole_organisation]
        own = [hole for hole in found if not hole.whole_organisation]
        changes = settle_place(
            organisation.pk, f"rota:{site.pk}", _wanted(own, organisation, site, now), now, site_id=site.pk
        )
        first = Site.objects.filter(organisation=organisation).order_by("code", "id").first()
        if first is not None and first.pk == site.pk:
            ends = _running_out(organisation, found, now)
            every = settle_place(organisation.pk, "rota:all", [*_wanted(shared, organisation, None, now), *ends], now)
            changes = Changes(
                opened=changes.opened + every.opened,
                kept=changes.kept + every.kept,
                closed=changes.closed + every.closed,
            )
        soon = [hole.begins - timedelta(hours=rules.soon_hours) for hole in found]
        following = now + timedelta(minutes=rules.every_minutes)
        site.rota_look_at = min([following, *(at for at in soon if at > now)])
        site.save(update_fields=["rota_look_at"])
        return changes


def _wanted(holes: Iterable[Hole], organisation: Organisation, site: Site | None, now: datetime) -> list[Wanted]:
    """One alert a step and day on which a gap begins; several on one day are one alert that lists them."""
    zone = coverage.zone_of(organisation, site)
    by_key: dict[str, list[Hole]] = {}
    for hole in holes:
        began = hole.begins > now - coverage.LOOK_BACK
        day = civil_date(hole.begins, zone).isoformat() if began else "before"
        key = place_key("rota", str(site.pk) if site else "all", hole.step, hole.kind, day)
        by_key.setdefault(key, []).append(hole)
    found = []
    for key, group in by_key.items():
        soon = group[0].begins <= now + timedelta(hours=load_rota_rules().look.soon_hours)
        because = "; ".join([*(hole_words(hole, zone) for hole in group[1:]), _why(group[0])])
        found.append(_want(key, Ladder.AMBER if soon else Ladder.GREEN, hole_words(group[0], zone), because))
    return found


def _running_out(organisation: Organisation, holes: Iterable[Hole], now: datetime) -> list[Wanted]:
    """One alert a person and certificate that ends within the nearest of the days of warning, and that some step asks for.

    Not beside a gap of that person: who stands on the rota after it has ended is paged about with the hours.
    """
    told = {(hole.who.pk, hole.certificate) for hole in holes if hole.who is not None}
    asked, nearest = asked_kinds(organisation), load_rota_rules().training.warn_days[0]
    found = []
    for each in standings(organisation, now):
        lacks = each.lacks_from
        if lacks is None or not each.days_left or each.days_left > nearest:
            continue
        if each.kind not in asked or (each.user.pk, each.kind) in told:
            continue
        what = f"The certificate {each.kind} of {each.user.name} ends: {say_date(lacks - timedelta(days=1))} is its last day"
        key = place_key("rota", "all", "certificate", each.kind, str(each.user.pk), lacks.isoformat())
        because = "renew it: after that day this person is put on the rota no more"
        found.append(_want(key, Ladder.GREEN, what, because))
    return found


def _want(key: str, ladder: Ladder, what: str, because: str) -> Wanted:
    """An alert that climbs the steps of the rota's own rules."""
    steps = tuple(Step(who=step.who, wait_minutes=step.wait_minutes) for step in load_rota_rules().page)
    return Wanted(key=key, urgency=ladder.urgency.value, ladder=ladder.value, what=what, because=because, steps=steps)


def _why(hole: Hole) -> str:
    if hole.who is None:
        return "put somebody on the rota: until then a page for this step goes on to the next one at once"
    return "renew the certificate or put somebody else on: until then this person is paged all the same, rather than nobody"
