"""What is left for a new organisation before its first green gate: each step with who does it and where, until a first dose is on record.

A step is done when what it leaves behind is there. Whether that is enough for one patient and one day is the gate's own question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q

from handrail.actions.people import standing
from handrail.people import agreements, coverage, network
from handrail.people.models import CarePlace, Certificate, Organisation, RemsRecord, Role, Site, SiteGrant
from handrail.records.models import Course, Event, ProtocolSignature
from handrail.rules.rota import load_rota_rules
from handrail.rules.setting_facts import LEVELS, Level
from handrail.rules.terms import civil_date

STEP_UP_LEVEL: Level = "3"
"""The lowest level at which a site begins a step-up."""
PARTS = (
    ("a prescriber", frozenset({Role.ONCOLOGIST, Role.APP})),
    ("a pharmacist", frozenset({Role.PHARMACIST})),
    ("a nurse", frozenset({Role.NURSE})),
    ("somebody who keeps rota and training", frozenset({Role.SITE_MANAGER, Role.DIRECTOR})),
)
"""Without one of these a gate has no owner for some of its lines."""
PAPERS = (
    (RemsRecord.Kind.SETTING, "the setting"),
    (RemsRecord.Kind.DISPENSER, "the dispenser"),
    (RemsRecord.Kind.REPRESENTATIVE, "the authorised representative"),
    (RemsRecord.Kind.PRESCRIBER, "a prescriber"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `page` is the name of the address where it is done; `lacks`: what is missing of it, '' when nothing is."""

    what: str
    owner: str
    page: str
    lacks: str

    @property
    def done(self) -> bool:
        """Whether nothing is missing of it."""
        return not self.lacks


def set_up(organisation: Organisation, now: datetime) -> list[Step] | None:
    """The steps of an organisation in the order in which they are done; None once a dose was given there.

    The number of queries does not grow with people or patients, only with the sites of an organisation that has begun nothing yet.
    """
    if Event.objects.filter(organisation=organisation, kind="dose_given").exists():
        return None
    return list(_steps(organisation, now))


def _steps(organisation: Organisation, now: datetime) -> Iterator[Step]:
    sites = list(Site.objects.filter(organisation=organisation).order_by("code", "id"))
    people = list(standing(organisation.pk, now).select_related("user"))
    roles = {row.role for row in people}
    today = civil_date(now, organisation.time_zone)
    yield Step(
        what="Add a site, and the number that is called day and night",
        owner="director",
        page="people",
        lacks="no site" if not sites else "no number" if not organisation.call_number else "",
    )
    missing = [words for words, any_of in PARTS if not roles & any_of]
    yield Step(
        what="Add the people who work here, in their roles",
        owner="director",
        page="people",
        lacks=f"nobody is {', '.join(missing)}" if missing else "",
    )
    waiting = {row.user.name for row in people if row.user.password.startswith(UNUSABLE_PASSWORD_PREFIX)}
    yield Step(
        what="Everybody chooses a password",
        owner="director",
        page="people",
        lacks=f"still to choose one: {', '.join(sorted(waiting))}" if waiting else "",
    )
    asked = {row.certificate for row in load_rota_rules().step if row.must_be_filled and row.certificate}
    held = Certificate.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gte=today),
        organisation=organisation,
        kind__in=asked,
        valid_from__lte=today,
    )
    trained = {row.user_id for row in held} & {row.user_id for row in people}
    yield Step(
        what="Train the people on call: the module of the on-call pool brings the certificate that the rota asks for",
        owner="site manager",
        page="modules",
        lacks="" if trained else "nobody holds it",
    )
    holes = coverage.holes_of_sites(sites, now, now + timedelta(days=load_rota_rules().look.days_ahead))
    open_ = next((found[0] for found in holes.values() if found), None)
    yield Step(
        what="Fill the rota, nights and weekends included",
        owner="site manager",
        page="rota",
        lacks=coverage.hole_words(open_, organisation.time_zone) if open_ else "" if sites else "no site yet",
    )
    yield Step(
        what="Read the label and sign it: a pharmacist and a medical lead",
        owner="pharmacist and oncologist",
        page="signing",
        lacks=""
        if ProtocolSignature.objects.filter(organisation=organisation, revoked_at__isnull=True).exists()
        else "no label is signed by both",
    )
    pairs = agreements.between(organisation.pk, network.partners_of(organisation.pk, now), now)
    yield Step(
        what="Say who answers for what, sign it, and put it in force",
        owner="director",
        page="agreements",
        lacks=""
        if any(each.version is not None for each in pairs.values())
        else "no agreement is in force: a practice alone makes one with nobody",
    )
    kinds = set(RemsRecord.objects.filter(organisation=organisation, withdrawn=False).values_list("kind", flat=True))
    papers = [words for kind, words in PAPERS if kind not in kinds]
    yield Step(
        what="Set up the REMS of a product: setting, dispenser, representative, prescriber",
        owner="authorised representative",
        page="rems",
        lacks=f"not written down: {', '.join(papers)}" if papers else "",
    )
    ed = CarePlace.objects.filter(organisation=organisation, kind=CarePlace.Kind.ED, ended_at__isnull=True).exists()
    yield Step(
        what="Add the emergency department that receives patients",
        owner="site manager",
        page="places",
        lacks="" if ed else "none is named",
    )
    grants = SiteGrant.objects.filter(organisation=organisation, from_on__lte=today, until_on__gte=today)
    signed = any(row.level in LEVELS[LEVELS.index(STEP_UP_LEVEL) :] for row in grants)
    yield Step(
        what="Show the checklist of the site, and sign its level for a product",
        owner="site manager, then the director",
        page="sites",
        lacks="" if signed else f"no level of {STEP_UP_LEVEL} or more is signed",
    )
    yield Step(
        what="Take in the first patient, decide, and start the course",
        owner="coordinator, then the oncologist",
        page="referrals",
        lacks="" if Course.objects.filter(organisation=organisation).exists() else "no course has begun",
    )
    yield Step(
        what="Plan the first dose, and mend its gate line by line",
        owner="everybody: each line names its own",
        page="courses",
        lacks="no dose was given yet",
    )
