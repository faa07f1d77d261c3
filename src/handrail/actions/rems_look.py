"""What the REMS desk knows, gathered for its rules: per organisation for the pages, per course for line 8 of the gate.

Everything is worked out while it is read: a paper that ends turns doses red on the next look, and no job has to run for that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from handrail.people import permissions, scope
from handrail.people.models import (
    Holiday,
    Membership,
    Organisation,
    RemsAct,
    RemsDispense,
    RemsMode,
    RemsRecord,
    Role,
    Site,
)
from handrail.records.models import Course, CourseAccess, Event, ProtocolSignature
from handrail.rules.doors import Hours, hours_from
from handrail.rules.evidence import Evidence
from handrail.rules.protocol import load
from handrail.rules.rems_desk import Ask, Paper, Person, Place, gate_evidence, sides
from handrail.rules.rems_doses import Dispense, Mode
from handrail.rules.terms import civil_date, day_start, say_date

MENDS = (Role.SITE_MANAGER, Role.PHARMACIST, Role.DIRECTOR)
"""Who may put a paper right, the nearest first."""
SPEAKS = (RemsRecord.Kind.REPRESENTATIVE, RemsRecord.Kind.DEPUTY)
"""Whose paper counts only while that person belongs to the organisation."""
STAFF = (Role.PHARMACIST, Role.NURSE)
"""Who dispenses and gives: everybody here is asked for a training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """All that one organisation has on its REMS desk."""

    organisation: Organisation
    sites: tuple[Site, ...]
    places: Mapping[UUID, Place]
    papers: tuple[Paper, ...]
    modes: Mapping[UUID, tuple[Mode, ...]]
    acts: tuple[RemsAct, ...]
    holidays: Mapping[UUID, frozenset[date]]
    ends: Mapping[str, tuple[date, str]] = field(default_factory=dict)
    """By key of a protocol: the last day of its REMS, as the organisation itself signed it, and who confirmed that."""

    by_id: Mapping[UUID, Site] = field(default_factory=dict)
    codes: Mapping[str, Site] = field(default_factory=dict)
    of_place: Mapping[str, tuple[Paper, ...]] = field(default_factory=dict)
    of_person: Mapping[str, tuple[Paper, ...]] = field(default_factory=dict)
    """The same papers by id of the site, and of the person whose they are."""

    @property
    def zones(self) -> frozenset[str]:
        """The time zones in which something happens here."""
        return frozenset({self.organisation.time_zone, *(site.time_zone for site in self.sites)})

    def by_code(self, code: str) -> Site | None:
        """The site of a code."""
        return self.codes.get(code)

    def papers_for(self, place: Place, prescriber: Person | None = None) -> tuple[Paper, ...]:
        """The papers that say something of a dose at a site: its own, and those of who works there and of who prescribes."""
        people = {each.id: None for each in (*place.prescribers, *place.staff, *([prescriber] if prescriber else []))}
        found = [
            *self.of_place.get(place.id, ()),
            *(paper for each in people for paper in self.of_person.get(each, ())),
        ]
        return tuple({paper.id: paper for paper in found}.values())

    def fallback(self, site_id: UUID, programme: str, day: date) -> tuple[str, ...]:
        """Who owns a code where no mode names somebody: the representative, the deputy, who manages."""
        papers = [p for p in self.of_place.get(str(site_id), ()) if p.programme == programme and p.holds(day)]
        named = [p.who.name for kind in ("representative", "deputy") for p in papers if p.kind == kind and p.who]
        return (*named, *self.places[site_id].menders)

    def turns(self, site_id: UUID, programme: str) -> frozenset[datetime]:
        """When `fallback` may name somebody else: a representative or a deputy of the site begins, or ended."""
        found = set()
        for paper in self.of_place.get(str(site_id), ()):
            if paper.programme == programme and paper.kind in SPEAKS:
                days = [paper.from_on, *([paper.until + timedelta(days=1)] if paper.until is not None else [])]
                found |= {day_start(day, self.places[site_id].zone) for day in days}
        return frozenset(found)

    def signed_end(self, protocol_key: str, on: date) -> str:
        """The words of an end that the organisation signed for a protocol; empty: none before that day."""
        return signed_end(self.ends, protocol_key, on)


def signed_end(ends: Mapping[str, tuple[date, str]], protocol_key: str, on: date) -> str:
    """The words of an end that was signed for a protocol, as `signed_ends` gives them; empty: none before that day."""
    last, words = ends.get(protocol_key, (date.max, ""))
    return words if on > last else ""


def house_of(organisation: Organisation, now: datetime) -> House:
    """The desk of one organisation. Constant number of queries."""
    sites = tuple(Site.objects.filter(organisation=organisation).order_by("name", "id"))
    members = _by_name(_members(organisation, now))
    here = {each.user_id for each in members}
    modes: dict[UUID, list[Mode]] = {}
    rows = RemsMode.objects.filter(organisation=organisation).select_related("central", "local", "site")
    for row in rows.order_by("from_at", "at", "id"):
        modes.setdefault(row.site_id, []).append(_mode(row, here))
    closed = list(Holiday.objects.filter(organisation=organisation))
    papers = papers_of(RemsRecord.objects.filter(organisation=organisation), here)
    return House(
        organisation=organisation,
        sites=sites,
        places=_places(sites, members),
        papers=papers,
        modes={site: tuple(each) for site, each in modes.items()},
        acts=tuple(RemsAct.objects.filter(organisation=organisation).select_related("user").order_by("at", "id")),
        holidays={site.pk: frozenset(h.on for h in closed if h.site_id in (None, site.pk)) for site in sites},
        ends=signed_ends(organisation),
        by_id={site.pk: site for site in sites},
        codes={site.code: site for site in reversed(sites)},
        of_place=_sorted_by(papers, lambda each: each.site),
        of_person=_sorted_by(papers, lambda each: each.who.id if each.who is not None else None),
    )


def _members(organisation: Organisation, now: datetime) -> QuerySet[Membership]:
    current = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    return Membership.objects.filter(current, organisation=organisation, valid_from__lte=now, user__is_active=True)


def _by_name(members: QuerySet[Membership]) -> list[Any]:
    """Who they are, where and as what, by name. One query, of nothing else."""
    return list(
        members.order_by("user__name", "id").values_list("user_id", "user__name", "site_id", "role", named=True)
    )


def _sorted_by(papers: Iterable[Paper], key: Callable[[Paper], str | None]) -> dict[str, tuple[Paper, ...]]:
    found: dict[str, list[Paper]] = {}
    for each in papers:
        if (name := key(each)) is not None:
            found.setdefault(name, []).append(each)
    return {name: tuple(held) for name, held in found.items()}


def papers_of(records: QuerySet[RemsRecord], here: Collection[UUID]) -> tuple[Paper, ...]:
    """The records that count: the last of each chain of corrections, without those that were taken back. One query, of nothing else.

    Args:
        here: whoever belongs to the organisation now.
    """
    columns = ("id", "supersedes_id", "withdrawn", "kind", "programme", "product", "site_id", "user_id", "user__name")
    dated = ("from_on", "until", "no_end", "reference", "version", "licence")
    found = list(records.order_by("from_on", "at", "id").values_list(*columns, *dated, named=True))
    replaced = {each.supersedes_id for each in found}
    return tuple(_paper(each, here) for each in found if each.id not in replaced and not each.withdrawn)


def evidence_of(course: Course, now: datetime, on: date | None = None) -> Evidence:
    """Line 8 of the readiness gate for the next dose of a course: prescriber, dispenser, setting, code.

    Args:
        on: the day of the dose; None: the day of the newest plan that is not over, else today.
    """
    with scope.everything():
        plan = _plan_of(course)
        site, organisation = _where(course, plan, now)
        zone = site.time_zone if site is not None else course.time_zone
        today = civil_date(now, zone)
        planned = day_of(plan.payload.get("on")) if plan is not None else None
        day = on or (planned if planned is not None and planned >= today else today)
        return gate_evidence(_asked(course, organisation, site, day, plan, now))


def sides_of(course: Course, on: date, now: datetime) -> dict[str, Evidence]:
    """What the desk says of prescriber, dispenser and setting for the dose of a day; nothing where the house keeps no paper on it."""
    with scope.everything():
        plan = _plan_of(course)
        site, organisation = _where(course, plan, now)
        if not RemsRecord.objects.filter(organisation=organisation).exists():
            return {}
        return sides(_asked(course, organisation, site, on, plan, now))


def _plan_of(course: Course) -> Event | None:
    """The newest plan of a dose that nothing corrects."""
    plans = list(course.events.filter(kind__in=("dose_planned", "fact_withdrawn")).order_by(*Event.NEWEST_FIRST))
    replaced = {row.supersedes for row in plans if row.supersedes}
    return next((row for row in plans if row.kind == "dose_planned" and row.id not in replaced), None)


def _dispenses(course: Course, on: date) -> list[RemsDispense]:
    rows = RemsDispense.objects.filter(course=course, on=on, superseded_by__isnull=True)
    return list(rows.select_related("by", "prescriber").order_by("at", "id"))


def evidence_for(
    course: Course, house: House, site: Site | None, day: date, rows: list[RemsDispense], plan: Event | None
) -> Evidence:
    """The same from what was gathered already.

    Args:
        house: the desk of the organisation whose site gives the dose.
        rows: the dispense records of that dose that nothing corrects.
        plan: who planned the dose counts as its prescriber until a record names one, if that person prescribes.
    """
    place = house.places.get(site.pk) if site is not None else None
    prescriber = _prescriber(rows, plan, place)
    papers = house.papers_for(place, prescriber) if place is not None else house.papers
    return gate_evidence(_ask(course, place, prescriber, papers, day, rows, house.ends))


def _asked(
    course: Course, organisation: Organisation, site: Site | None, day: date, plan: Event | None, now: datetime
) -> Ask:
    """The question of one course, read for itself: of a large house what its site, who works there and who prescribes have, and no more."""
    rows, ends = _dispenses(course, day), signed_ends(organisation)
    records = RemsRecord.objects.filter(organisation=organisation)
    place = None
    if site is not None and site.organisation_id == organisation.pk:
        at_site = _members(organisation, now).filter(Q(site__isnull=True) | Q(site=site))
        place = _place(site, _by_name(at_site))
    prescriber = _prescriber(rows, plan, place)
    if place is not None:
        people = {each.id for each in (*place.prescribers, *place.staff, *([prescriber] if prescriber else []))}
        records = records.filter(Q(site=site) | Q(user__in=people), superseded_by__isnull=True)
    here = set(_members(organisation, now).filter(user__in=records.values("user")).values_list("user", flat=True))
    return _ask(course, place, prescriber, papers_of(records, here), day, rows, ends)


def _ask(
    course: Course,
    place: Place | None,
    prescriber: Person | None,
    papers: tuple[Paper, ...],
    day: date,
    rows: list[RemsDispense],
    ends: Mapping[str, tuple[date, str]],
) -> Ask:
    return Ask(
        product=course.product,
        jurisdiction=course.jurisdiction,
        place=place,
        on=day,
        prescriber=prescriber,
        papers=papers,
        dispenses=tuple(dispense_of(row) for row in rows),
        ended=signed_end(ends, course.protocol_key, day),
    )


def dispense_of(row: RemsDispense) -> Dispense:
    """A dispense record as the rules read it."""
    return Dispense(
        course=str(row.course_id),
        on=row.on,
        checked=row.checked,
        code=row.code,
        obtained_at=row.obtained_at,
        recorded_at=row.at,
        by=row.by.name,
        how=row.how,
        id=str(row.pk),
    )


def dispenses_of(rows: QuerySet[RemsDispense]) -> list[Dispense]:
    """Those of many dispense records that nothing corrects, as the rules read them, the oldest first. One query, of nothing else."""
    kept = rows.filter(superseded_by__isnull=True).order_by("at", "id")
    fields = ("course_id", "on", "checked", "code", "obtained_at", "at", "by__name", "how", "id")
    return [
        Dispense(
            course=str(course), on=on, checked=checked, code=code, obtained_at=obtained, recorded_at=at, by=by, how=how, id=str(pk)
        )
        for course, on, checked, code, obtained, at, by, how, pk in kept.values_list(*fields)
    ]  # fmt: skip


def _where(course: Course, plan: Event | None, now: datetime) -> tuple[Site | None, Organisation]:
    """The site that gives the dose and its organisation: the owner's, or one that has access to the course now."""
    code = (plan.payload.get("at_site") or plan.site) if plan is not None else ""
    owner = course.organisation
    if code:
        granted = CourseAccess.objects.valid(now).filter(course=course).values_list("to_organisation_id", flat=True)
        found = list(
            Site.objects.filter(code=code, organisation_id__in=[owner.pk, *granted]).select_related("organisation")
        )
        own = [each for each in found if each.organisation_id == owner.pk]
        chosen = own or found
        if len(chosen) == 1:
            return chosen[0], chosen[0].organisation
        return None, owner
    return course.site, owner


def _prescriber(rows: list[RemsDispense], plan: Event | None, place: Place | None) -> Person | None:
    named = [row.prescriber for row in rows if row.prescriber is not None]
    if named:
        return Person(id=str(named[-1].pk), name=named[-1].name)
    if plan is None or place is None:
        return None
    return next((each for each in place.prescribers if each.id == plan.by), None)


def day_of(text: Any) -> date | None:
    """A day in wire form; None: none that can be read."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _paper(row: Any, here: Collection[UUID]) -> Paper:
    return Paper(
        kind=row.kind,
        programme=row.programme,
        product=row.product or None,
        site=str(row.site_id) if row.site_id else None,
        who=Person(id=str(row.user_id), name=row.user__name) if row.user_id else None,
        from_on=row.from_on,
        until=row.until,
        no_end=row.no_end or None,
        reference=row.reference,
        version=row.version,
        licence=row.licence,
        id=str(row.id),
        left=row.kind in SPEAKS and row.user_id not in here,
    )


def _mode(row: RemsMode, here: set[UUID]) -> Mode:
    """A mode with the people who still belong here; one who left owns nothing any more."""
    week = tuple(hours_from(text) for text in row.week) if row.week else ()
    return Mode(
        mode=row.mode,  # type: ignore[arg-type]
        from_at=row.from_at,
        central=row.central.name if row.central is not None and row.central_id in here else "",
        local=row.local.name if row.local is not None and row.local_id in here else "",
        hours=Hours(zone=row.site.time_zone, week=week) if week else None,
    )


def _places(sites: Sequence[Site], members: Iterable[Any]) -> dict[UUID, Place]:
    """Every site with those who work there, or everywhere, in the same order."""
    here: dict[UUID, list[Any]] = {site.pk: [] for site in sites}
    for each in members:
        for held in here.values() if each.site_id is None else [here.get(each.site_id, [])]:
            held.append(each)
    return {site.pk: _place(site, here[site.pk]) for site in sites}


def _place(site: Site, at_site: Sequence[Any]) -> Place:
    def people(roles: Iterable[str]) -> tuple[Person, ...]:
        wanted = set(roles)
        named = {
            each.user_id: Person(id=str(each.user_id), name=each.user__name) for each in at_site if each.role in wanted
        }
        return tuple(named.values())

    menders = [
        f"{each.user__name} ({Role(each.role).label.lower()})"
        for role in MENDS
        for each in at_site
        if each.role == role
    ]
    return Place(
        id=str(site.pk),
        name=site.name,
        zone=site.time_zone,
        menders=tuple(dict.fromkeys(menders)),
        prescribers=people(permissions.PRESCRIBERS),
        staff=people(STAFF),
    )


def signed_ends(organisation: Organisation) -> dict[str, tuple[date, str]]:
    """The protocols whose whole REMS the organisation signed as ended, by a pharmacist and a medical lead."""
    found = {}
    signed = ProtocolSignature.objects.filter(organisation=organisation, revoked_at__isnull=True)
    for each in signed.select_related("pharmacist", "medical_lead"):
        protocol = load(each.protocol_key).with_overlays([each.document] if each.document else [])
        lasts = [row.in_force_to for row in protocol.rems]
        if not lasts or any(last is None for last in lasts):
            continue
        last = max(day for day in lasts if day is not None)
        who = f"{each.pharmacist.name} and {each.medical_lead.name}"
        on = civil_date(each.signed_at, organisation.time_zone)
        found[each.protocol_key] = (last, f"the REMS ended on {say_date(last)}: signed by {who} on {say_date(on)}")
    return found
