"""Which reports of reactions are owed to a REMS, and the look at them: before the end of one the site manager is paged, and after it again.

The alerts are those of a place, as a gap in the rota is: inbox, ladder, channels and acknowledgement are the same. They name no patient,
no grade and no reading. A report, or a decision that none is owed, ends them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Q, QuerySet

from handrail.actions.places import place_key, settle_place
from handrail.actions.rems_choice import replacements
from handrail.actions.rems_look import signed_end, signed_ends
from handrail.alerts.ledger import Changes, Wanted
from handrail.alerts.models import PLACE, REMS_REPORT, Alert
from handrail.alerts.wake import wake
from handrail.people.models import Holiday, Organisation, RemsReport, Site
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.episodes import icans_grade
from handrail.rules.events import Event as Fact
from handrail.rules.grading import crs_inputs, grade_crs
from handrail.rules.history import History
from handrail.rules.pinned import policy_for
from handrail.rules.policy import Policy
from handrail.rules.rems_data import desk_rules, programme_for
from handrail.rules.rems_doses import Reaction, Report, reports_due
from handrail.rules.rems_paging import report_calls
from handrail.rules.terms import UnusableInput, civil_date

GRADES: Final = ("crs_assessed", "icans_assessed", "ice_assessed", "toxicity_resolved", "fact_withdrawn")
"""The facts that say which reaction there was, how bad, and when it ended."""
ASSESSED: Final = ("crs_assessed", "icans_assessed")
"""Those of them that may ask for a report."""
REPORTING: Final = "event_report"
"""The requirement of a programme that asks for the reports."""
_ALL: Final = "all"
"""In the key of an alert, the place of the site where the course has none."""


def live_facts(
    courses: QuerySet[Course], since: datetime, kinds: Collection[str], whole: Collection[UUID]
) -> list[Any]:
    """The facts since an instant that nothing corrects or withdraws, whatever day that names, the oldest first: their columns by name.

    One query.

    Args:
        whole: the courses whose reactions are read from the beginning: somebody is paged about a report that nobody has made yet.
    """
    asked = Q(kind__in=kinds, occurred_at__gte=since)
    if whole:
        asked |= Q(kind__in=GRADES, course__in=whole)
    found = Event.objects.filter(asked, ~Exists(replacements()), course__in=courses).order_by(*Event.ORDER)
    return list(found.values_list("course_id", *wire.FACT, named=True))


def earlier_words(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    """By id of each of these facts that corrects one of its kind: what it corrects, and what that had corrected, the latest first.

    One query for each correction of a correction; none where nothing was corrected.
    """
    heads = {row.id: row for row in rows if row.supersedes is not None}
    found: dict[UUID, list[Any]] = {key: [] for key in heads}
    last = dict(heads)
    while last:
        asked = Event.objects.filter(
            course__in={row.course_id for row in last.values()}, id__in={row.supersedes for row in last.values()}
        )
        formers = {(each.course_id, each.id): each for each in asked.values_list("course_id", *wire.FACT, named=True)}
        known = {key: formers.get((row.course_id, row.supersedes)) for key, row in last.items()}
        last = {}
        for key, former in known.items():
            if former is not None and former.kind == heads[key].kind and former not in found[key]:
                found[key].append(former)
                if former.supersedes is not None:
                    last[key] = former
    return found


def paged_courses(organisation_id: UUID) -> frozenset[UUID]:
    """The courses about whose report somebody is paged now: that does not end because time passes."""
    begins = f"{PLACE}{REMS_REPORT}:"
    paged = Alert.objects.filter(organisation_id=organisation_id, key__startswith=begins, closed_at__isnull=True)
    return frozenset(alert.report_course_id for alert in paged if alert.report_course_id is not None)


def owed_reports(
    among: QuerySet[Course],
    courses: Mapping[UUID, Course],
    rows: list[Any],
    holidays: Mapping[UUID, frozenset[date]],
    ends: Mapping[str, tuple[date, str]],
    now: datetime,
) -> tuple[Report, ...]:
    """The reports that are owed, the first due first. One query, and those of `earlier_words`.

    A report of an assessment that was corrected afterwards stays one: what is owed again is only what is worse than it was.

    Args:
        among, courses: the same courses, as a query and by id.
        rows: their facts, those that count.
        holidays: by site; a site that is not in it has none that is known, and its reports are due the sooner.
        ends: the programmes that the organisation signed as ended, as `signed_ends` gives them.
    """
    by_course: dict[UUID, list[Any]] = {}
    for row in rows:
        if row.kind in GRADES:
            by_course.setdefault(row.course_id, []).append(row)
    reported = {str(each) for each in RemsReport.objects.filter(course__in=among).values_list("event", flat=True)}
    before = earlier_words(row for held in by_course.values() for row in held if row.kind in ASSESSED)
    found: list[Report] = []
    for course_id, held in by_course.items():
        course = courses[course_id]
        if not any(row.kind in ASSESSED for row in held) or not programme_for(course.product, course.jurisdiction):
            continue
        reactions, resolved = _reactions(course, held, now)
        reactions += _told_before(course, held, before, reported, now)
        asked = [each for each in reactions if not _over(course, each, ends)]
        days = holidays.get(course.site_id, frozenset()) if course.site_id else frozenset[date]()
        found += reports_due(asked, reported, resolved, desk_rules().report, days)
    return tuple(sorted(found, key=lambda each: (each.due_at, each.reaction.course)))


def look_at_reports(site_id: UUID, now: datetime) -> Changes:
    """Look at the reports that the courses of a site owe: alerts follow, and the next look is no later than the next call.

    The courses of an organisation that are of no site are looked at with its first one. Constant number of queries.
    """
    with transaction.atomic():
        site = Site.objects.select_for_update(of=("self",), no_key=True).select_related("organisation").get(pk=site_id)
        organisation = site.organisation
        first = (
            Site.objects.filter(organisation=organisation).order_by("code", "id").values_list("pk", flat=True).first()
        )
        of_none = Q(site__isnull=True) if first == site.pk else Q(pk__in=[])
        among = Course.objects.filter(Q(site=site) | of_none, organisation=organisation)
        reports = _owed_here(organisation, among, site, now)
        places = [(str(site.pk), site.pk), *([(_ALL, None)] if first == site.pk else [])]
        changes = Changes()
        for name, pk in places:
            here = {each.pk for each in among if each.site_id == pk}  # asked once: the query remembers
            calls = report_calls((r for r in reports if UUID(r.reaction.course) in here), desk_rules(), now)
            wanted = [
                Wanted(
                    key=place_key(REMS_REPORT, name, each.about),
                    urgency=each.ladder.urgency.value,
                    ladder=each.ladder.value,
                    what=each.what,
                    because=each.because,
                    steps=each.steps,
                )
                for each in calls.wanted
            ]
            settled = settle_place(organisation.pk, f"{REMS_REPORT}:{name}", wanted, now, site_id=pk)
            changes = Changes(
                opened=changes.opened + settled.opened,
                kept=changes.kept + settled.kept,
                closed=changes.closed + settled.closed,
            )
            if calls.look_again_at is not None:
                look_soon(site, calls.look_again_at)
        return changes


def look_soon(site: Site, at: datetime) -> None:
    """Let the watcher look at a site by an instant, where it would look later; a site that it never looks at stays so."""
    Site.objects.filter(pk=site.pk, rota_look_at__gt=at).update(rota_look_at=at)


def settle_soon(course: Course, now: datetime) -> None:
    """A report of a course was made: the watcher looks now, and ends the pages about it."""
    sites = Site.objects.filter(organisation_id=course.organisation_id)
    if course.site_id is not None:
        sites = sites.filter(pk=course.site_id)
    sites.filter(rota_look_at__gt=now).update(rota_look_at=now)
    wake()


def _owed_here(organisation: Organisation, among: QuerySet[Course], site: Site, now: datetime) -> tuple[Report, ...]:
    since = now - timedelta(days=desk_rules().code.missed_days_back)
    rows = live_facts(among, since, GRADES, paged_courses(organisation.pk))
    closed = Holiday.objects.filter(Q(site__isnull=True) | Q(site=site), organisation=organisation)
    holidays = {site.pk: frozenset(closed.values_list("on", flat=True))}
    return owed_reports(among, {each.pk: each for each in among}, rows, holidays, signed_ends(organisation), now)


def _over(course: Course, reaction: Reaction, ends: Mapping[str, tuple[date, str]]) -> bool:
    """Whether the programme, or what it asks of reactions, had ended on the day of the reaction, by its data or as signed."""
    programme = programme_for(course.product, course.jurisdiction)
    day = civil_date(reaction.at, reaction.zone)
    if programme is not None and (programme.ended(course.product, day) or programme.no_more(REPORTING, day)):
        return True
    return bool(signed_end(ends, course.protocol_key, day))


def _reactions(
    course: Course, rows: list[Any], now: datetime
) -> tuple[list[Reaction], list[tuple[str, str, datetime]]]:
    """Every assessment of CRS and ICANS with its grade (the clinician's where it is higher), and every end of an episode."""
    limits = {"crs": desk_rules().report.crs_grade_from, "icans": desk_rules().report.icans_grade_from}
    history = History.build(wire.header(course), [wire.to_fact(row) for row in rows])
    policy = _policy(history, now)
    ends = [
        (str(course.pk), event.body.toxicity, event.body.resolved_at or event.at)
        for event in history.of("toxicity_resolved")
        if event.body.toxicity in limits
    ]
    return list(_assessed(course, history, policy, limits)), ends


def _told_before(
    course: Course, rows: list[Any], before: Mapping[UUID, list[Any]], reported: Collection[str], now: datetime
) -> list[Reaction]:
    """What was reported of assessments that stand corrected, as it was told then, at the time of the correction."""
    found: list[Reaction] = []
    for head in rows:
        for former in before.get(head.id, ()):
            if str(former.id) in reported:
                then = former._replace(supersedes=None, occurred_at=head.occurred_at)
                reactions, _ = _reactions(course, [then if row.id == head.id else row for row in rows], now)
                found += [each for each in reactions if each.event == str(former.id)]
    return found


def _policy(history: History, now: datetime) -> Policy | None:
    """None: the pinned one is not to be had, and what needs it is of no known grade. The other courses are not kept waiting."""
    try:
        return policy_for(history, now)
    except UnusableInput:
        return None


def _assessed(course: Course, history: History, policy: Policy | None, limits: Mapping[str, int]) -> Iterator[Reaction]:
    for kind in ("crs", "icans"):
        for event in history.of(f"{kind}_assessed"):
            graded = _grade(kind, event, history, policy)
            own, limit = event.body.clinician_grade, limits[kind]
            # A low grade of a clinician does not settle what the facts leave open; a high one does.
            sure = graded is not None or (own is not None and own >= limit)
            yield Reaction(
                course=str(course.pk),
                label=str(course.pk)[:8],
                toxicity="crs" if kind == "crs" else "icans",
                grade=max(each for each in (graded, own, 0) if each is not None) if sure else None,
                at=event.at,
                zone=event.zone,
                event=event.id,
            )


def _grade(kind: str, event: Fact, history: History, policy: Policy | None) -> int | None:
    if kind == "crs":
        return grade_crs(crs_inputs(event.body)).grade
    return icans_grade(event, history, policy).grade if policy is not None else None
