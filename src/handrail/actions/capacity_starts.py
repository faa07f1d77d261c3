"""A start against the count of its site: refused while it is not covered, said while something is not known, decided by a person.

From the first number that a site says on, a start with an uncovered hour or day is refused with those hours and the first day that works.
What nobody has said refuses nothing: whoever plans is told what is not known and who says it, and the start stands open on the page of the
site until the numbers come or a person writes down that it goes on without a count (docs/decisions/0023). What was given is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.capacity import SPAN, Capacity, capacity_of
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.site_bookings import site_of_plan
from handrail.people import permissions, scope
from handrail.people.models import Role, Site, SiteNumber, StartDecision
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.capacity import Against, StartAnswer, in_short, start
from handrail.rules.capacity_data import Wanted, load_capacity
from handrail.rules.course_load import wanted_by_start
from handrail.rules.doses import given_doses
from handrail.rules.events import DosePlanned
from handrail.rules.events import Event as Fact
from handrail.rules.history import History
from handrail.rules.pinned import protocol_for
from handrail.rules.protocol import Protocol
from handrail.rules.switching import schedule_at
from handrail.rules.terms import FIRST_TREATMENT, STEP_UP_STEPS, UnusableInput, civil_date, say_date
from handrail.rules.upcoming import open_plan

MOST: Final = 4
"""So many reasons stand in a sentence; the page of the site has all."""
LONGEST_REASON: Final = 300
MARGIN: Final = timedelta(days=2)
Kind = StartDecision.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A start on a day at a site: what it asks, what the site answers without this course, and what a person decided."""

    capacity: Capacity
    course: Course
    on: date
    answer: StartAnswer
    decided: StartDecision | None

    @property
    def refused(self) -> tuple[Against, ...]:
        """What is not covered and nobody has let go on: an override counts for the sentences under which it was signed."""
        signed = self._signed(Kind.OVERRIDE)
        return tuple(each for each in self.answer.refused_by if each.because not in signed)

    @property
    def not_counted(self) -> tuple[Against, ...]:
        """What nobody has said, and nobody has let go on without."""
        signed = self._signed(Kind.OVERRIDE) | self._signed(Kind.NOT_COUNTED)
        return tuple(each for each in self.answer.not_known if each.because not in signed)

    def _signed(self, kind: str) -> frozenset[str]:
        if self.decided is None or self.decided.kind != kind:
            return frozenset()
        return frozenset(self.decided.against.splitlines())


def asked_of_start(
    course: Course, body: DosePlanned, now: datetime, *, capacity: Capacity | None = None
) -> Asked | None:
    """What the site of a plan says of a start; None: the plan is no start, its day is over, or nobody can judge the course.

    Args:
        capacity: of that site, where it was read already.
    """
    site = capacity.site if capacity is not None else site_of_plan(course, body, now)
    if site is None:
        return None
    today = civil_date(now, site.time_zone)
    on = body.on or today
    try:
        history, policy = wire.history_of(course, now)
        protocol = protocol_for(history, now)
        if on < today or not is_start(history, protocol, body.step):
            return None
        wanted = wanted_by_start(history, protocol, policy, on, body.setting)
    except UnusableInput:
        return None
    until = max(on, today + timedelta(days=load_capacity().ahead.days)) + timedelta(days=_last(wanted)) + MARGIN
    found = capacity or capacity_of(site, now, until=until)
    return _asked(found, course, wanted, on, _decisions(site.pk, [course.pk]).get((course.pk, on)))


def _asked(capacity: Capacity, course: Course, wanted: Wanted, on: date, decided: StartDecision | None) -> Asked:
    answer = start(capacity.without(course.pk), wanted, on, capacity.today, load_capacity())
    return Asked(capacity=capacity, course=course, on=on, answer=answer, decided=decided)


def _last(wanted: Wanted) -> int:
    return max((*(wanted.watched or ()), *wanted.dosing))


def is_start(history: History, protocol: Protocol, step: str | None) -> bool:
    """Whether a planned step begins a step-up: the first dose of a course, or the label's first step once more."""
    schedule = schedule_at(history, protocol)
    first = protocol.steps_of(schedule)[0] if schedule is not None else STEP_UP_STEPS[0]
    if given_doses(history):
        return step == first
    return step is None or step in (first, FIRST_TREATMENT) or step in STEP_UP_STEPS


def refuse_uncovered_start(course: Course, fact: Fact, now: datetime) -> None:
    """Refuse a plan for a start that its site cannot cover, unless a director has let it go on.

    Raises:
        RefusedError: with the uncovered hours and days, and the first day that works.
    """
    if not isinstance(fact.body, DosePlanned):
        return
    site = site_of_plan(course, fact.body, now)
    if site is None or not _says_numbers(site):
        return
    _one_at_a_time(site)
    asked = asked_of_start(course, fact.body, now)
    if asked is None or not asked.refused:
        return
    raise RefusedError(
        f"Not planned: {site.name} cannot cover a start on {say_date(asked.on)}: {in_short(asked.refused, MOST)} "
        f"(to be mended by: {_owners(asked.refused)}). "
        f"{_sentence(asked.answer.first_words)} A director may let it go on with a reason; a patient who has to wait is put on the "
        f"list of the site ({_where(site)}).",
        code="no_capacity",
        path="event.on",
    )


def _where(site: Site) -> str:
    return f"Programme, Sites and levels, Capacity of {site.name}"


def _says_numbers(site: Site) -> bool:
    with scope.everything():
        return SiteNumber.objects.filter(site=site).exists()


def _one_at_a_time(site: Site) -> None:
    """Two starts that are planned at once do not both take the last place: the second waits here until the first is on record."""
    with scope.everything():
        list(Site.objects.select_for_update(of=("self",), no_key=True).filter(pk=site.pk))


def start_words(course: Course, body: DosePlanned, now: datetime) -> str:
    """What whoever has planned a start is told of its site: what nobody counted, or over what it goes on; '' where all of it is covered."""
    asked = asked_of_start(course, body, now)
    if asked is None:
        return ""
    site = asked.capacity.site
    words = []
    if asked.answer.refused_by:
        over = in_short(asked.answer.refused_by, MOST)
        why = (
            f"a director let it go on: {asked.decided.reason}"
            if asked.decided and not asked.refused
            else "the site has said no number"
        )
        words.append(f"{site.name} does not cover this start ({why}): {over}.")
    if asked.not_counted:
        lacking = in_short(asked.not_counted, MOST)
        words.append(
            f"Nobody has counted this start at {site.name}: {lacking} ({_owners(asked.not_counted)}). Say the numbers, or write down "
            f"that it goes on without them ({_where(site)})."
        )
    return " ".join(words)


def _owners(against: Iterable[Against]) -> str:
    return ", ".join(dict.fromkeys(each.owner for each in against))


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


# --- the starts of a site ----------------------------------------------------------------------------------------------------


def booked_starts(capacity: Capacity) -> list[Asked]:
    """Every start that is booked at a site and not yet given, the soonest first. Constant number of queries."""
    coming = [each for each in capacity.booked if each.load.start is not None]
    decided = _decisions(capacity.site.pk, [each.course.pk for each in coming])
    found = []
    for each in coming:
        on, wanted = each.load.start, each.load.wanted
        if on is not None and wanted is not None:
            found.append(_asked(capacity, each.course, wanted, on, decided.get((each.course.pk, on))))
    return sorted(found, key=lambda each: (each.on, str(each.course.pk)))


def _decisions(site_id: UUID, courses: Iterable[UUID]) -> dict[tuple[UUID, date], StartDecision]:
    """The last decision for each course and day."""
    with scope.everything():
        rows = StartDecision.objects.filter(site=site_id, course__in=list(courses)).select_related("by")
        return {(row.course, row.on): row for row in rows.order_by("at", "id")}


def decide_start(
    site_id: UUID, course_id: UUID, *, on: date, reason: str, by: Actor, now: datetime | None = None
) -> StartDecision:
    """Let a start go on beside the count: a director of the site over what is not covered, whoever plans over what is not known.

    Raises:
        RefusedError: no reason, a day that is over, or nothing stands against it; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        course = Course.objects.select_related("site", "organisation").filter(pk=course_id).first()
        if course is None or by.user is None:
            raise NotVisibleError("There is no such course.")
        by.role_for("view_course", course, now)
        site = Site.objects.filter(pk=site_id).select_related("organisation").first()
        if site is None:
            raise NotVisibleError("There is no such site.")
        text = " ".join(reason.split())
        if not text or len(text) > LONGEST_REASON:
            raise RefusedError(f"Say why, in at most {LONGEST_REASON} signs.", code="missing_key", path="reason")
        # As far ahead as whoever plans it reads: what is signed here is what stands against the plan there.
        found = capacity_of(site, now, until=max(on, civil_date(now, site.time_zone)) + SPAN)
        asked = asked_of_start(course, _plan_of(course, on, now), now, capacity=found)
        if asked is None:
            raise RefusedError("That is no start, or its day is over.", code="not_a_time", path="on")
        if asked.answer.covered:
            raise RefusedError("Nothing stands against this start.", code="nothing_to_decide", path="on")
        kind = Kind.OVERRIDE if asked.answer.refused_by else Kind.NOT_COUNTED
        if kind == Kind.OVERRIDE:
            if not permissions.may(by.user, "override_capacity", None, now, organisation_id=site.organisation_id):
                raise NotAllowedError("A director of the site lets a start go on that is not covered.")
            role: str = Role.DIRECTOR
        else:
            role = by.role_for("plan_dose", course, now)
    with transaction.atomic(), scope.acting_for(site.organisation_id):
        return StartDecision.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            product=course.product,
            course=course.pk,
            on=on,
            kind=kind,
            reason=text,
            against="\n".join(dict.fromkeys(each.because for each in asked.answer.against)),
            by=by.user,
            role=role,
            at=now,
        )


def _plan_of(course: Course, on: date, now: datetime) -> DosePlanned:
    """The plan of that day as far as it is there; else a start outside hospital, which asks for the most."""
    try:
        history, _policy = wire.history_of(course, now)
    except UnusableInput:
        return DosePlanned(on=on)
    plan = open_plan(history, given_doses(history))
    return plan.body if plan is not None and plan.body.on == on else DosePlanned(on=on, step=STEP_UP_STEPS[0])
