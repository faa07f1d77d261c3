"""The line that is answered at every hour: dummy calls, the incident of one that did not pass, and the figures of calls back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.call_backs import ASKED, MADE
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.places import place_key, settle_place
from handrail.actions.rota import managed
from handrail.alerts.ledger import Wanted
from handrail.people import scope
from handrail.people.expert_line import standings
from handrail.people.models import DummyCall, Organisation, Site
from handrail.people.rota import who_is_on
from handrail.records import wire
from handrail.records.models import Course, Event
from handrail.rules.call_back import Ask, asks, call_back_rules
from handrail.rules.expert_line import expert_line
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.terms import Ladder, say_date

VERB: Final = "record_dummy_call"
TAKES_BACK: Final = "manage_rota"
FIGURES: Final = "export_organisation"
"""The verb of whoever takes the figures along."""
ABOUT: Final = "dummy_call"
MOST_SECONDS: Final = 3600
_WITHDRAWN: Final = "fact_withdrawn"
_WHO, _REASON = 60, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one dummy call. `seconds`: until a human spoke; None: nobody counted them."""

    at: datetime
    answered: bool
    seconds: int | None = None
    who_answered: str = ""
    as_rostered: bool | None = None


def record_dummy_call(
    organisation_id: UUID, site_id: UUID | str, tried: Tried, *, by: Actor, now: datetime | None = None
) -> DummyCall:
    """Write down a dummy call, with who was on by the rota then. One that did not pass is an incident until one passes.

    Raises:
        RefusedError: no such site, a time to come, seconds that cannot be; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now, VERB)
        site = Site.objects.filter(organisation=organisation, pk=site_id).first()
        if site is None:
            raise RefusedError("There is no such site.", code="unknown_word", path="site")
        if tried.at > now:
            raise RefusedError("A call is written down once it was made.", code="not_a_time", path="at")
        if tried.seconds is not None and not (tried.answered and 0 <= tried.seconds <= MOST_SECONDS):
            said = "Seconds until a human spoke; none where nobody answered."
            raise RefusedError(said, code="wrong_value", path="seconds")
        assert by.user is not None
        row = DummyCall.objects.create(
            organisation=organisation,
            site=site,
            at=tried.at,
            number=(site.call_number or organisation.call_number)[:40],
            answered=tried.answered,
            seconds=tried.seconds,
            who_answered=" ".join(tried.who_answered.split())[:_WHO],
            rostered=who_is_on(organisation.pk, "first_on_call", tried.at, site_id=site.pk).user,
            as_rostered=tried.as_rostered if tried.answered else None,
            by=by.user,
            recorded_at=now,
        )
        _settle(organisation, site, now)
        return row


def take_back_dummy_call(call_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> DummyCall:
    """Say, with a reason, that a dummy call was written down wrongly; both rows stay on record.

    Raises:
        RefusedError: no reason, or it was taken back before; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        row = DummyCall.objects.select_related("site").filter(pk=call_id).first()
        if row is None:
            raise NotVisibleError("There is no such call.")
        organisation = managed(row.organisation_id, by, now, TAKES_BACK)
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if not reason.strip():
            raise RefusedError("Say why.", code="missing_key", path="reason")
        if row.takes_back_id is not None or row.taken_back_by.exists():
            raise RefusedError("It was taken back before.", code="twice", path="call")
        assert by.user is not None
        back = DummyCall.objects.create(
            organisation=organisation,
            site=row.site,
            at=row.at,
            answered=row.answered,
            takes_back=row,
            reason=reason.strip()[:_REASON],
            by=by.user,
            recorded_at=now,
        )
        _settle(organisation, row.site, now)
        return back


def look_at_line(site_id: UUID, now: datetime) -> None:
    """Page about a line that nobody has dialled since the day on which the next dummy call was due."""
    with transaction.atomic():
        site = Site.objects.select_related("organisation").get(pk=site_id)
        _settle(site.organisation, site, now)


def _settle(organisation: Organisation, site: Site, now: datetime) -> None:
    """The incident of a site follows its last dummy call, and so does the alert about the next one that nobody made."""
    line = standings([site], now)[site.pk]
    wanted = []
    if line.incident:
        wanted.append(
            Wanted(
                key=place_key(ABOUT, str(site.pk), "failed"),
                urgency=Ladder.AMBER.urgency.value,
                ladder=Ladder.AMBER.value,
                what=f"A dummy call of the line of {site.name} did not pass",
                because=f"{line.because}; an incident until one passes: mend the line and dial it again",
                steps=expert_line().steps,
            )
        )
    elif (
        line.overdue and line.due_on is not None
    ):  # one that was never tried stands on *Programme* from the first day on
        wanted.append(
            Wanted(
                key=place_key(ABOUT, str(site.pk), "overdue"),
                urgency=Ladder.GREEN.urgency.value,
                ladder=Ladder.GREEN.value,
                what=f"The line of {site.name} was to be dialled by {say_date(line.due_on)}",
                because="nobody knows whether a human answers it: dial it, and write down what came of it",
                steps=expert_line().steps,
            )
        )
    settle_place(organisation.pk, f"{ABOUT}:{site.pk}", wanted, now, site_id=site.pk)


# --- the figures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One ask and its course; what was promised is what counts."""

    course: Course
    ask: Ask


def measured(organisation_ids: Iterable[UUID], now: datetime) -> list[Measured]:
    """Every ask about the courses of these organisations within the days of the figures, the newest first. Constant number of queries."""
    since = now - timedelta(days=expert_line().figures.days)
    lately = Event.objects.filter(organisation__in=list(organisation_ids), kind=ASKED, occurred_at__gt=since)
    related = Event.objects.filter(course__in=lately.values("course"), kind__in=(ASKED, MADE, _WITHDRAWN))
    by_course: dict[UUID, list[Event]] = {}
    for row in related.select_related("course__site", "course__organisation").order_by(*Event.ORDER):
        by_course.setdefault(row.course_id, []).append(row)
    rules = call_back_rules(load_policy())
    found = []
    for rows in by_course.values():
        course = rows[0].course
        history = History.build(wire.header(course), [wire.to_fact(row) for row in rows])
        known = asks(history.until(now), rules)
        found += [Measured(course=course, ask=_as_promised(each)) for each in known if each.at > since]
    return sorted(found, key=lambda each: each.ask.at, reverse=True)


def _as_promised(ask: Ask) -> Ask:
    """With the time that was promised then, whatever the policy says now."""
    return replace(ask, due=ask.latest.body.promised_by or ask.due)
