"""What the desk of sites knows for the setting of a dose: the level of its site, whether that follows the label
strictly, the hospital's agreement, and the other sites that can; and a plan that such a site does not take.

None stays None where nobody ever signed: then what was noted in the course counts, and nothing is made up here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from django.db.models import Exists, OuterRef

from handrail.actions.errors import RefusedError
from handrail.actions.site_bookings import others_of, signs_levels, site_of_plan
from handrail.actions.site_facts import Gathered, gather
from handrail.people import scope
from handrail.people.models import Site, SiteStrict
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.events import DosePlanned
from handrail.rules.events import Event as Fact
from handrail.rules.pinned import protocol_for
from handrail.rules.setting_case import FACT_WORDS, Said, any_of, unknown
from handrail.rules.setting_course import Around
from handrail.rules.setting_evidence import label_asks_stay
from handrail.rules.setting_facts import Level, OtherSite, Paper
from handrail.rules.setting_record import DoseWanted
from handrail.rules.setting_rules import goes_home, load_setting_rules
from handrail.rules.site_levels import HOLDS, SiteLevel, load_site_levels, site_level
from handrail.rules.terms import UnusableInput, civil_date, say_date

HOSPITAL = "SITE-09"
"""The item that is the agreement with a receiving hospital."""


def around_site(course: Course, on: date, now: datetime, *, at_site: str | None = None) -> Around:
    """The part of `Around` that is about sites, for a dose of a course on a day.

    Args:
        at_site: the site that the plan names; None: that of the course.
    """
    site = site_of_plan(course, DosePlanned(at_site=at_site), now)
    if site is None:
        return Around()
    strict = strictness_of(site, on)
    named = Around(
        site_name=site.name,
        follows_label_strictly=strict.strict if strict is not None else None,
        strictness_words=strictness_words(strict) if strict is not None else "",
    )
    if not signs_levels(site.organisation_id):
        return named
    with scope.acting_for(site.organisation_id):
        known = gather([site], now)[site.pk]
    level = _level(known, course.product, on)
    if level is None:  # signed, and nobody can read it: what was noted in the course does not stand in for it
        return replace(named, level_paper=Paper(), hospital_agreement=Paper())
    return replace(
        named,
        site_level=level.level,
        level_paper=_level_paper(level),
        hospital_agreement=_agreement(level),
        first_patient_at_site=_first_patient(course, site),
        other_sites=tuple(_others(course, site, on, now)),
    )


def strictness_of(site: Site, on: date) -> SiteStrict | None:
    """What a director signed last, of what has begun on a day; None: nobody ever said. Of two of one instant the strict one counts."""
    with scope.acting_for(site.organisation_id):
        signed = SiteStrict.objects.filter(site=site, from_on__lte=on).select_related("by")
        return signed.order_by("-at", "-strict", "-id").first()


def strictness_words(row: SiteStrict) -> str:
    """What was signed, by whom and why."""
    what = "follows the label strictly" if row.strict else "does not follow the label strictly"
    return f"this site {what} from {say_date(row.from_on)} on: signed by {row.by.name}, {row.reason}"


def refuse_outside_at_strict_site(course: Course, fact: Fact, now: datetime) -> None:
    """Refuse to plan outside hospital what the label wants in hospital, at a site that follows the label strictly on that day.

    Where nobody can say whether the label wants it (a reaction without a grade, a row that nobody verified, a label that cannot be read)
    it is refused too, and the words name what is missing. A plan that names no setting is none outside hospital; the setting is decided
    before the dose.

    Raises:
        RefusedError: with who signed that, and why.
    """
    body = fact.body
    if not isinstance(body, DosePlanned) or body.setting is None or not goes_home(body.step, body.setting):
        return
    site = site_of_plan(course, body, now)
    if site is None:
        return
    today = civil_date(now, site.time_zone)
    on = body.on or today
    strict = strictness_of(site, on)
    if strict is None or not strict.strict or on < today:
        return
    asks = _label_asks_stay(course, body.step, on, site.time_zone, now)
    if asks.fires is False:
        return
    words = "the label asks for hospital after this dose. Plan it in hospital."
    if asks.fires is None:
        lacking = "; ".join(FACT_WORDS[name] for name in asks.missing)
        words = (
            "whether the label asks for hospital after this dose cannot be said. "
            f"Not known: {lacking}. Plan it in hospital, or ask the prescriber."
        )
    raise RefusedError(f"Not planned: {strictness_words(strict)}; {words}", code="label_strict", path="event.setting")


def _label_asks_stay(course: Course, step: str | None, on: date, zone: str, now: datetime) -> Said:
    """Whether the label wants hospital after a dose of this day; of a step that is not known, after any that it may be."""
    try:
        history, policy = wire.history_of(course, now)
        label = protocol_for(history, now)
    except UnusableInput:
        return unknown("label")
    steps = [step] if step is not None else [row.step for row in label.monitoring]
    rules = load_setting_rules()
    said = [
        label_asks_stay(history, label, policy, rules, DoseWanted(step=each, on=on, zone=zone), now) for each in steps
    ]
    return any_of(said) if said else unknown("label")


def _level(known: Gathered, product: str, on: date) -> SiteLevel | None:
    try:
        return site_level(
            known.facts, load_site_levels(), product, on, booked=known.today if known.today <= on else None
        )
    except UnusableInput:
        return None


def _level_paper(level: SiteLevel) -> Paper:
    """Until when the level holds; "refers only" is lost by nobody."""
    return Paper(held=True, until=level.until, no_end=True if level.until is None else None)


def _agreement(level: SiteLevel) -> Paper:
    line = next(each for each in level.lines if each.item == HOSPITAL)
    if line.state in HOLDS:
        return Paper(held=True, until=line.until)
    return Paper(held=None if line.state == "not_known" else False)


def _first_patient(course: Course, site: Site) -> bool | None:
    """False where another patient was given this product there; that nobody was, before Handrail came, is not known.

    A dose that was corrected away or withdrawn was not given.
    """
    with scope.acting_for(site.organisation_id):
        replaced = Event.objects.filter(
            organisation=OuterRef("organisation"), course=OuterRef("course"), supersedes=OuterRef("id")
        )
        given = Event.objects.filter(
            ~Exists(replaced), kind="dose_given", course__site=site, course__product=course.product
        )
        return False if given.exclude(course__patient=course.patient_id).exists() else None


def _others(course: Course, site: Site, on: date, now: datetime) -> list[OtherSite]:
    found = []
    for each in others_of(site, now):
        level = _level(each.known, course.product, on)
        held: Level | None = level.level if level is not None and each.known.grants else None
        paper = _level_paper(level) if level is not None and held is not None else Paper()
        found.append(OtherSite(name=each.known.site.name, level=held, level_paper=paper, worst_minutes=each.minutes))
    return found
