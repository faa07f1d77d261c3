"""The site of a planned dose: may it take that dose, who else can, and what the gate hears of it.

A plan is refused while the site's organisation signs levels and this one is not enough or has run out; what was given is always
recorded, and so is a plan for a day that is over. An organisation that has never signed a level is not refused: nobody has looked yet,
and whoever plans is told so (docs/decisions/0022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from handrail import clock
from handrail.actions.errors import RefusedError
from handrail.actions.site_facts import Gathered, gather
from handrail.people import network, scope
from handrail.people.models import Site, SiteGrant, SiteWay
from handrail.records import wire
from handrail.records.models import Course, CourseAccess, Event
from handrail.rules.course_kind import course_kind
from handrail.rules.events import DosePlanned
from handrail.rules.events import Event as Fact
from handrail.rules.evidence import Evidence
from handrail.rules.handoff_kind import HandoffKind
from handrail.rules.pinned import protocol_for
from handrail.rules.site_booking import (
    MAINTENANCE,
    Booking,
    booking,
    gate_evidence,
    maintenance_evidence,
    not_known_words,
    phase_of,
)
from handrail.rules.site_levels import DIRECTOR, load_site_levels
from handrail.rules.telling import role_words
from handrail.rules.terms import UnusableInput, civil_date

NAMED_SITES: Final = 3
NAMED_REASONS: Final = 3
UNASKED: Final = HandoffKind(kind="not_known")
"""Of a step-up nobody asks whether the patient is complicated: it is watched like one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """Another site that can, and how far it is from the one that was asked for; None: nobody wrote that down."""

    site: Site
    level: str
    minutes: int | None

    @property
    def words(self) -> str:
        """Its name and how far it is."""
        far = f"{self.minutes} min at worst" if self.minutes is not None else "the way is not recorded"
        return f"{self.site.name} ({far})"


def refuse_unready_site(course: Course, fact: Fact, now: datetime) -> None:
    """Refuse a plan at a site that may not take it.

    Raises:
        RefusedError: with the reason, and the nearest sites that can.
    """
    body = fact.body
    if not isinstance(body, DosePlanned):
        return
    site = site_of_plan(course, body, now)
    zone = site.time_zone if site is not None else course.time_zone
    today = civil_date(now, zone)
    on = body.on or today
    owner = site.organisation_id if site is not None else course.organisation_id
    if on < today or not signs_levels(owner):
        return
    if site is None:
        raise RefusedError(
            "Not planned: no site of that name is known here, so nobody knows whether it can give this dose. Choose a site.",
            code="unknown_site",
            path="event.at_site",
        )
    patient = kind_of(course, now) if body.step == MAINTENANCE else UNASKED
    phase = phase_of(body.step, body.setting, patient.kind)
    answer = booking_at(site, course.product, phase, on=on, now=now)
    if answer.allowed:
        return
    can = nearest(site, course.product, phase, on=on, now=now)
    others = (
        f"Sites that can: {', '.join(each.words for each in can[:NAMED_SITES])}."
        if can
        else "No other site of the programme is known that can."
    )
    raise RefusedError(
        f"Not planned: {site.name} may not give {course.product} for this: {answer.because}{_complicated(patient)}. "
        f"{_who_mends(answer)} {others} "
        "A director may except an item until a day; what was given is recorded all the same.",
        code="site_not_ready",
        path="event.at_site",
    )


def _who_mends(answer: Booking) -> str:
    """Who shows what is lacking, or signs it."""
    owners = {line.item: role_words(line.owner) for line in answer.level.lines}
    named = dict.fromkeys(owners.get(item, DIRECTOR) for item in answer.lacking)
    return f"To be mended by: {', '.join(named)}."


def _complicated(patient: HandoffKind) -> str:
    return f" (complicated: {'; '.join(patient.because[:NAMED_REASONS])})" if patient.kind == "complicated" else ""


def kind_of(course: Course, now: datetime) -> HandoffKind:
    """Whether the patient of a course is complicated; not known for a course that the rules cannot judge."""
    try:
        history, policy = wire.history_of(course, now)
        return course_kind(protocol_for(history, now), policy, history, now)
    except UnusableInput as error:
        return HandoffKind(kind="not_known", missing=(f"Handrail cannot judge this course: {error.message}",))


def planned_words(course: Course, step: str | None, at_site: str | None, on: date | None, now: datetime) -> str:
    """What whoever has planned a dose is told of its site: that nobody signed a level, or that nobody can say who may be taken."""
    unsigned = unsigned_words(course, at_site, now)
    site = site_of_plan(course, DosePlanned(at_site=at_site), now)
    if unsigned or step != MAINTENANCE or site is None:
        return unsigned
    patient = kind_of(course, now)
    day = on or civil_date(now, site.time_zone)
    if (
        patient.kind != "not_known"
        or booking_at(site, course.product, "complicated_maintenance", on=day, now=now).allowed
    ):
        return ""
    return f"{site.name}: {not_known_words(patient)}. The gate asks it again before the dose."


def unsigned_words(course: Course, at_site: str | None, now: datetime) -> str:
    """What whoever plans is told where nobody ever signed a level; empty where somebody did."""
    site = site_of_plan(course, DosePlanned(at_site=at_site), now)
    owner = site.organisation_id if site is not None else course.organisation_id
    if signs_levels(owner):
        return ""
    name = site.name if site is not None else "this place"
    return f"No level of {name} is signed for {course.product}: nobody has written down whether it can give this dose."


def signs_levels(organisation_id: UUID) -> bool:
    """Whether an organisation has begun: from its first signed level on, every site of it needs one for a booking."""
    with scope.acting_for(organisation_id):
        return SiteGrant.objects.filter(organisation=organisation_id).exists()


def site_of_plan(course: Course, body: DosePlanned, now: datetime) -> Site | None:
    """The site that a plan names by its code or name: of the course's organisation, else of one that works with it.

    A hospital that is no site of the programme is judged by the site whose patient it takes.
    """
    if not body.at_site:
        return course.site
    named = Site.objects.filter(Q(code=body.at_site) | Q(name=body.at_site)).select_related("organisation")
    own = named.filter(organisation=course.organisation_id).order_by("code", "id").first()
    if own is not None:
        return own
    found = named.filter(organisation__in=together(course, now)).order_by("code", "id").first()
    return course.site if found is None and body.setting == "inpatient" else found


def together(course: Course, now: datetime) -> set[UUID]:
    """The organisations that work with the one of a course: by agreement, or because they reach this course."""
    lent = CourseAccess.objects.valid(now).filter(course=course).values_list("to_organisation", flat=True)
    return {*network.partners_of(course.organisation_id, now), *lent}


def booking_at(site: Site, product: str, phase: str, *, on: date, now: datetime) -> Booking:
    """Whether a site may take a dose, booked now for a day."""
    with scope.acting_for(site.organisation_id):
        known = gather([site], now)[site.pk]
    return booked(known, product, phase, on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another site of the programme, seen from one of them."""

    known: Gathered
    minutes: int | None


def others_of(site: Site, now: datetime) -> list[Other]:
    """The other sites of the organisation and of those that work with it: the nearest first, then those whose way nobody wrote down."""
    with scope.acting_for(site.organisation_id):
        partners = network.partners_of(site.organisation_id, now)
        ways = {row.other: row.minutes for row in SiteWay.objects.filter(site=site).order_by("at", "id")}
    houses = [site.organisation_id, *partners]
    others = Site.objects.filter(organisation__in=houses).exclude(pk=site.pk).select_related("organisation")
    with scope.acting_for(*houses):
        found = [Other(known=each, minutes=ways.get(each.site.pk)) for each in gather(others, now).values()]
    return sorted(
        found, key=lambda each: (each.minutes is None, each.minutes or 0, each.known.site.name, each.known.site.code)
    )


def that_can(others: Sequence[Other], product: str, phase: str, *, on: date) -> list[Nearby]:
    """Those of them that may take such a dose on a day."""
    return [
        Nearby(site=each.known.site, level=answer.level.level, minutes=each.minutes)
        for each in others
        if (answer := booked(each.known, product, phase, on)).allowed
    ]


def nearest(site: Site, product: str, phase: str, *, on: date, now: datetime) -> list[Nearby]:
    """The other sites of the programme that may take that dose, the nearest first."""
    return that_can(others_of(site, now), product, phase, on=on)


def booked(known: Gathered, product: str, phase: str, on: date) -> Booking:
    """Whether a site may take a dose, booked today."""
    return booking(known.facts, load_site_levels(), product, phase, today=known.today, on=on)


# --- what others ask ------------------------------------------------------------------------------------------------------


def site_evidence(
    course: Course, site: Site | None, product: str, on: date, *, phase: str | None = None, now: datetime | None = None
) -> Evidence:
    """What the readiness gate and rule IP-9 of the setting hear of a site, as of the day of the dose.

    Args:
        site: where it is planned; None: not known.
        phase: None: that of the dose that is planned for that day; a plan that is not there asks for the most.
        now: when the question is asked.
    """
    now = now or clock.now()
    if site is None:
        return Evidence(
            met=None,
            because="no site is named for this dose",
            owner="coordinator",
            next_step="name the site of the dose",
        )
    phase = phase or _phase_on(course, on)
    with scope.acting_for(site.organisation_id):
        known = gather([site], now)[site.pk]
    levels = load_site_levels()
    if phase == "maintenance":
        return maintenance_evidence(known.facts, levels, product, kind_of(course, now), on, zone=site.time_zone)
    return gate_evidence(known.facts, levels, product, phase, on, zone=site.time_zone)


def _phase_on(course: Course, on: date) -> str:
    rows = list(course.events.filter(kind__in=("dose_planned", "fact_withdrawn")).order_by(*Event.NEWEST_FIRST))
    gone = {row.supersedes for row in rows}
    plans: Sequence[dict[str, object]] = [
        row.payload
        for row in rows
        if row.kind == "dose_planned" and row.id not in gone and row.payload.get("on") == on.isoformat()
    ]
    plan = plans[0] if plans else {}
    step, setting = plan.get("step"), plan.get("setting")
    return phase_of(step if isinstance(step, str) else None, setting if isinstance(setting, str) else None)
