"""What is known of sites today, gathered for the rule: what people recorded, and what the database can see by itself.

A computed line says that it was computed and when, and stands beside what people say: of two words of one day the more cautious counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from handrail.people import network, scope
from handrail.people.coverage import Hole, hole_words, holes_of_sites
from handrail.people.expert_line import standings
from handrail.people.models import MockDrill, Site, SiteException, SiteGrant, SiteItem
from handrail.people.registry import run_of, standing_drills_of
from handrail.records.models import Event
from handrail.rules.drills import leaves_to_words, load_drills, site_evidence
from handrail.rules.expert_line import LineStanding
from handrail.rules.rota import load_rota_rules
from handrail.rules.setting_facts import LEVELS
from handrail.rules.site_levels import Excepted, Granted, Shown, SiteFacts, SiteLevel, load_site_levels, site_level
from handrail.rules.terms import civil_date, say_instant

ROTA: Final = "SITE-13"
DRILLS: Final = "SITE-23"
LINE: Final = "SITE-33"
Row = TypeVar("Row", SiteItem, SiteException, SiteGrant, MockDrill)
REVIEW: Final = "SITE-27"
"""The item whose check is the monthly review: an event before it counts as reviewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One site with its rows, the newest first, and the facts of them that are the same for every product."""

    site: Site
    today: date
    hubs: tuple[UUID, ...]
    items: tuple[SiteItem, ...]
    exceptions: tuple[SiteException, ...]
    grants: tuple[SiteGrant, ...]
    computed: Mapping[str, str]
    """By item: what was computed, when, and what was found."""
    facts: SiteFacts

    @property
    def products(self) -> list[str]:
        """The products of which something is recorded."""
        rows = (*self.items, *self.exceptions, *self.grants)
        return sorted({row.product for row in rows if row.product})

    def level(self, product: str) -> SiteLevel:
        """The level that it holds today."""
        return site_level(self.facts, load_site_levels(), product, self.today)

    def grant(self, product: str) -> SiteGrant | None:
        """What was signed last for a product; of two of one moment the lower, as the rule reads them."""
        signed = [each for each in self.grants if each.product == product and each.from_on <= self.today]
        last = [each for each in signed if (each.from_on, each.at) == (signed[0].from_on, signed[0].at)]
        return min(last, key=lambda each: [str(level) for level in LEVELS].index(each.level), default=None)


def gather(sites: Iterable[Site], now: datetime) -> dict[UUID, Gathered]:
    """What is known of each of some sites at `now`. Constant number of queries; the scope of the caller decides what it sees."""
    wanted = list(sites)
    ids = [site.pk for site in wanted]
    hubs = network.hubs_of({site.organisation_id for site in wanted}, now)
    items = _by_site(_last_items(ids))
    exceptions = _by_site(SiteException.objects.filter(site__in=ids).select_related("by").order_by("-at", "id"))
    grants = _by_site(SiteGrant.objects.filter(site__in=ids).select_related("by").order_by("-from_on", "-at", "id"))
    ahead = timedelta(days=load_rota_rules().look.days_ahead)
    holes = holes_of_sites(wanted, now, now + ahead) if wanted else {}
    drills = _by_site(standing_drills_of(ids))
    lines = standings(wanted, now)
    return {
        site.pk: _gathered(
            site,
            now,
            hubs[site.organisation_id],
            tuple(items.get(site.pk, ())),
            tuple(exceptions.get(site.pk, ())),
            tuple(grants.get(site.pk, ())),
            holes[site.pk],
            drills.get(site.pk, []),
            lines[site.pk],
        )
        for site in wanted
    }


def _by_site(rows: Iterable[Row]) -> dict[UUID, list[Row]]:
    """The rows of each site, in the order in which they came."""
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row.site_id, []).append(row)
    return found


def _last_items(site_ids: Sequence[UUID]) -> QuerySet[SiteItem]:
    """Of each item the rows of its last check, and of those of one day what was written last: stock that came at noon counts."""
    same = ("organisation", "site", "item", "product")
    later = SiteItem.objects.filter(
        Q(checked_on__gt=OuterRef("checked_on")) | Q(checked_on=OuterRef("checked_on"), at__gt=OuterRef("at")),
        **{name: OuterRef(name) for name in same},
    )
    last = Q(checked_on__isnull=True) | Q(~Exists(later))
    return SiteItem.objects.filter(last, site__in=site_ids).select_related("by").order_by("-at", "id")


def _gathered(
    site: Site,
    now: datetime,
    hubs: tuple[UUID, ...],
    items: tuple[SiteItem, ...],
    exceptions: tuple[SiteException, ...],
    grants: tuple[SiteGrant, ...],
    holes: Sequence[Hole],
    drills: Sequence[MockDrill],
    line: LineStanding,
) -> Gathered:
    today = civil_date(now, site.time_zone)
    words = f"computed on {say_instant(now, site.time_zone)} from the rota"
    gaps = f"{len(holes)} gaps, the first: {hole_words(holes[0], site.time_zone)}" if holes else "no gap"
    computed = Shown(item=ROTA, met=not holes, checked_on=today, evidence=words, no_end=True)
    held = tuple(_drills(drills, {row.product for row in (*items, *grants) if row.product}, site, today))
    facts = SiteFacts(
        name=site.name,
        has_hub=bool(hubs),
        shown=(*(_shown(row) for row in items), computed, *held, *_line(line, today)),
        excepted=tuple(_excepted(exceptions)),
        granted=tuple(_granted(row) for row in grants if not any(_written_over(row, later) for later in grants)),
    )
    return Gathered(
        site=site,
        today=today,
        hubs=hubs,
        items=items,
        exceptions=exceptions,
        grants=grants,
        computed={ROTA: f"{words}: {gaps}"},
        facts=facts,
    )


def _drills(rows: Sequence[MockDrill], products: Iterable[str], site: Site, today: date) -> Iterable[Shown]:
    """What the drills on record say for each product: only a kind that was never held leaves it to what people say."""
    runs = [run_of(row) for row in rows]
    for product in sorted({*products, *(run.product for run in runs if run.product)}):
        if leaves_to_words(runs, load_drills(), product, today, site.time_zone):
            continue
        found = site_evidence(runs, load_drills(), product, today, site.time_zone)
        until = civil_date(found.until, site.time_zone) - timedelta(days=1) if found.until else None
        yield Shown(
            item=DRILLS,
            met=found.met,
            checked_on=today,
            evidence=found.evidence or found.because,
            until=until,
            no_end=None if until else True,
            product=product,
        )


def _line(line: LineStanding, today: date) -> Iterable[Shown]:
    """What the dummy calls say of the line, for every product; where none was ever made, it is left to what people say."""
    if line.last is not None:
        until = line.due_on if line.holds else None
        yield Shown(
            item=LINE,
            met=line.holds,
            checked_on=today,
            evidence=line.because,
            until=until,
            no_end=None if until else True,
        )


def _shown(row: SiteItem) -> Shown:
    return Shown(
        item=row.item,
        met=row.met,
        checked_on=row.checked_on,
        evidence=row.evidence or None,
        until=row.until,
        no_end=row.no_end,
        product=row.product or None,
        licence=row.licence or None,
    )


def _excepted(rows: Sequence[SiteException]) -> Iterable[Excepted]:
    """The exceptions as they stand: one that was taken back, or that a director signed anew, ends the day before that."""
    for row in rows:
        if row.taken_back:
            continue
        ends = [later.from_on - timedelta(days=1) for later in rows if _said_after(row, later)]
        until = min([row.until_on, *ends])
        if until >= row.from_on:
            yield Excepted(
                item=row.item,
                from_on=row.from_on,
                until_on=until,
                by=row.by.name,
                role=row.role,
                reason=row.reason,
                product=row.product or None,
            )


def _said_after(row: SiteException, later: SiteException) -> bool:
    """Whether a later word of a director about the same item counts instead; of two of one moment the one that excepts less."""
    if later is row or (later.item, later.product) != (row.item, row.product):
        return False
    if later.at != row.at:
        return later.at > row.at
    return later.taken_back or (later.until_on, later.pk) < (row.until_on, row.pk)


def _written_over(row: SiteGrant, later: SiteGrant) -> bool:
    """Whether a director signed anew for the same product and day."""
    return (later.product, later.from_on) == (row.product, row.from_on) and later.at > row.at


def _granted(row: SiteGrant) -> Granted:
    level = next(each for each in LEVELS if each == row.level)
    return Granted(
        product=row.product, level=level, from_on=row.from_on, until_on=row.until_on, by=row.by.name, role=row.role
    )


# --- how much a site has done at its level -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Patients of one site and product who were given a dose since it holds its level, and its serious events."""

    since: date | None
    patients: int
    last_serious: date | None
    not_reviewed: int


def experience_of(gathered: Gathered, product: str, now: datetime) -> Experience:
    """What a director looks at before signing the next level. Events of corrected and withdrawn facts do not count.

    Only numbers and a day leave here: a director of the hub sees them without seeing the patients.
    """
    site, since = gathered.site, _since(gathered, product)
    with scope.acting_for(site.organisation_id):
        standing = _standing(site, product)
        doses = list(standing.filter(kind="dose_given").values_list("course__patient", "occurred_at"))
        events = list(standing.filter(_serious()).values_list("occurred_at", flat=True))
    serious = [civil_date(at, site.time_zone) for at in events]
    reviewed = max(
        (row.checked_on for row in gathered.items if row.item == REVIEW and row.met and row.checked_on), default=None
    )
    patients = 0
    if since is not None:
        patients = len({patient for patient, at in doses if civil_date(at, site.time_zone) >= since and at <= now})
    return Experience(
        since=since,
        patients=patients,
        last_serious=max(serious, default=None),
        not_reviewed=sum(1 for day in serious if reviewed is None or day > reviewed),
    )


def with_experience(gathered: Gathered, experience: Experience) -> SiteFacts:
    """The facts of a site with what it did at its level."""
    return replace(
        gathered.facts, patients_at_level=experience.patients, serious_events_not_reviewed=experience.not_reviewed
    )


def _since(gathered: Gathered, product: str) -> date | None:
    """Since when the level that holds today was signed without another one between; None: none holds."""
    signed = [each for each in gathered.grants if each.product == product and each.from_on <= gathered.today]
    if not signed or signed[0].until_on < gathered.today or signed[0].level == LEVELS[0]:
        return None
    since = signed[0].from_on
    for each in signed:
        if each.level != signed[0].level:
            break
        since = each.from_on
    return since


def _standing(site: Site, product: str) -> QuerySet[Event]:
    same = {"organisation": OuterRef("organisation"), "course": OuterRef("course")}
    replaced = Event.objects.filter(**same, supersedes=OuterRef("id"))
    return Event.objects.filter(~Exists(replaced), course__site=site, course__product=product)


def _serious() -> Q:
    """A grade that a clinician gave, treatment that only such a reaction needs, or a death."""
    least = load_site_levels().promotion.serious_grade
    graded = Q(kind__in=("crs_assessed", "icans_assessed"), payload__clinician_grade__gte=least)
    noted = Q(kind="condition_noted", payload__grade__gte=least)
    pressors = (
        Q(kind="crs_assessed", payload__has_key="pressors") & ~Q(payload__pressors=[]) & ~Q(payload__pressors=None)
    )
    died = Q(kind="course_ended", payload__died=True) | Q(kind="crs_assessed", payload__died_of_crs=True)
    return graded | noted | pressors | died
