"""What answers a payer's questions about a site, gathered for the rule: numbers, days and states, never a row of a patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from handrail.actions.capacity import shelf_of
from handrail.actions.payer_papers import papers_of
from handrail.actions.site_facts import Gathered, gather
from handrail.actions.site_outcomes import happened_at
from handrail.actions.spreadsheet import as_csv
from handrail.people import scope
from handrail.people.models import CarePlace, Site
from handrail.people.registry import run_of, standing_drills_of
from handrail.records.models import Course, CourseAccess, Event
from handrail.rules.access_data import access_rules
from handrail.rules.drills import load_drills
from handrail.rules.site_profile import Answer, KnownSite, Named, Part, payer_questions, profile
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_date

COLUMNS: Final = ("part", "question_id", "question", "product", "state", "answer", "day", "evidence", "ask")


def profile_of(site: Site, now: datetime) -> tuple[Answer, ...]:
    """Every question of a payer about a site, answered from its record, or not known with whom to ask. Constant number of queries.

    The caller has made sure that the person sees the site; what is counted is read as the site's own organisation, like its experience.
    """
    with scope.acting_for(site.organisation_id):
        known = _known(site, now)
    return profile(payer_questions(), known, load_drills())


def _known(site: Site, now: datetime) -> KnownSite:
    gathered = gather([site], now)[site.pk]
    since = now - timedelta(days=payer_questions().counting.days)
    products = {*gathered.products, *Course.objects.filter(site=site).values_list("product", flat=True).distinct()}
    return KnownSite(
        facts=gathered.facts,
        today=gathered.today,
        levels=tuple(gathered.level(product) for product in sorted(products)),
        checked_by=_checked_by(gathered),
        places=tuple(_places(site)),
        stock=papers_of(site.organisation_id).stock(site.code, gathered.today),
        stock_touched=shelf_of(site, gathered.today).given_since > 0,
        count_holds_days=access_rules().clocks.stock_count_holds_days,
        drills=tuple(run_of(row) for row in standing_drills_of([site.pk])),
        patients=_patients(site, since, now),
        read_hours=tuple(_read_hours(site, since, now)),
        happened=happened_at(site, products, now),
    )


def _checked_by(gathered: Gathered) -> dict[tuple[str, str], str]:
    """The role of who checked an item last; the rows come the newest first."""
    found: dict[tuple[str, str], str] = {}
    for row in gathered.items:
        if row.checked_on is not None and row.checked_on <= gathered.today:
            found.setdefault((row.item, row.product), role_words(row.role))
    return found


def _places(site: Site) -> Iterator[Named]:
    here = Q(site=site) | Q(site__isnull=True)
    rows = CarePlace.objects.filter(here, organisation_id=site.organisation_id, ended_at__isnull=True)
    for row in rows.order_by("name", "id"):
        words = ", ".join(each for each in (row.name, row.address, row.number) if each)
        yield Named(kind=row.kind, words=words, since=civil_date(row.made_at, site.time_zone))


def _standing(kind: str, since: datetime, now: datetime) -> QuerySet[Event]:
    """Facts of a kind in a span that nothing corrected or withdrew."""
    same = {"organisation": OuterRef("organisation"), "course": OuterRef("course")}
    replaced = Event.objects.filter(**same, supersedes=OuterRef("id"))
    return Event.objects.filter(~Exists(replaced), kind=kind, occurred_at__gte=since, occurred_at__lte=now)


def _patients(site: Site, since: datetime, now: datetime) -> dict[str, int]:
    """Patients of the courses of this site who were given a dose, by product."""
    given = _standing("dose_given", since, now).filter(organisation_id=site.organisation_id, course__site=site)
    rows = given.values("course__product").annotate(patients=Count("course__patient", distinct=True))
    return {row["course__product"]: row["patients"] for row in rows.order_by("course__product")}


def _read_hours(site: Site, since: datetime, now: datetime) -> Iterator[Decimal | None]:
    """Of every hand-off that was offered to the organisation of the site: the hours until a named person read it."""
    mine = str(site.organisation_id)
    reached = CourseAccess.objects.valid(now).filter(to_organisation_id=site.organisation_id).values("course")
    offers = dict(
        _standing("handoff_offered", since, now)
        .filter(course__in=reached, payload__to_party=mine)
        .values_list("id", "occurred_at")
    )
    reads: dict[str, datetime] = {}
    rows = _standing("handoff_read", since, now).filter(course__in=reached)
    for payload, at in rows.order_by(*Event.ORDER).values_list("payload", "occurred_at"):
        if payload.get("reader") and payload.get("handoff"):
            reads.setdefault(str(payload["handoff"]), at)
    for key, at in sorted(offers.items(), key=lambda pair: (pair[1], str(pair[0]))):
        read = reads.get(str(key))
        yield None if read is None else Decimal(max(read - at, timedelta(0)) // timedelta(minutes=1)) / 60


def profile_csv(answers: Iterable[Answer]) -> bytes:
    """The profile as CSV: a row for each part of an answer."""
    return as_csv(COLUMNS, [_row(each, part) for each in answers for part in each.parts])


def _row(answer: Answer, part: Part) -> tuple[object, ...]:
    question = answer.question
    state = "known" if part.known else "not known"
    ask = "" if part.known else role_words(part.owner)
    day = part.on.isoformat() if part.on else ""
    return (question.part, question.id, question.words, part.product, state, part.words, day, part.evidence, ask)
