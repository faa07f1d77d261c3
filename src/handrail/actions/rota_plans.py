"""Repeating plans and holidays: who is on every Monday night, and which days no weekly plan covers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.agreements import look_again_between
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.rota import managed, member_for, site_of, write_entry
from handrail.people import agreements, coverage, scope
from handrail.people.models import Holiday, Organisation, RotaEntry, Shift, ShiftPlan, Site, Step
from handrail.rules.rota import Pattern, Planned, load_rota_rules, planned_shifts
from handrail.rules.terms import civil_date


def add_plan(
    organisation_id: UUID,
    *,
    step: str,
    user_id: UUID | str,
    weekdays: Collection[int],
    starts: time,
    ends: time,
    first_day: date,
    by: Actor,
    last_day: date | None = None,
    every_weeks: int = 1,
    on_holidays: bool = False,
    site_id: UUID | None = None,
    now: datetime | None = None,
) -> ShiftPlan:
    """Let a person answer again and again: on weekdays (0 is Monday), or on every holiday, from civil time to civil time.

    Args:
        starts, ends: by the clock of the site; an end at or before the start is on the next day.
        every_weeks: 2 is every second week, counted from the week of `first_day`.
        last_day: the last day on which a shift begins; None goes on.

    Raises:
        RefusedError: a plan without days or with days in the wrong order; somebody who may not be placed for its first shift;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now)
        site = site_of(organisation, site_id)
        if step not in Step.values:
            raise RefusedError("There is no such step of the ladder.", code="unknown_word", path="step")
        if not on_holidays and (not weekdays or set(weekdays) - set(range(7))):
            raise RefusedError("A plan has at least one day of the week.", code="missing_key", path="weekdays")
        if last_day is not None and last_day < first_day:
            raise RefusedError("The plan ends before it begins.", code="not_a_time", path="last_day")
        if every_weeks < 1:
            raise RefusedError("A plan repeats every week or every few weeks.", code="wrong_value", path="every_weeks")
        plan = ShiftPlan(
            organisation=organisation,
            site=site,
            step=step,
            weekdays=[] if on_holidays else sorted(set(weekdays)),
            on_holidays=on_holidays,
            every_weeks=every_weeks,
            starts=starts,
            ends=ends,
            first_day=first_day,
            last_day=last_day,
        )
        zone = coverage.zone_of(organisation, site)
        horizon = civil_date(now, zone) + timedelta(days=load_rota_rules().look.plan_days_ahead)
        shifts = planned_shifts(
            pattern_of(plan), zone, max(first_day, civil_date(now, zone)), max(horizon, first_day), holidays_of(plan)
        )
        span = (shifts[0].starts_at, shifts[0].ends_at) if shifts else (now, now + timedelta(hours=1))
        plan.user = member_for(organisation, site, step, user_id, span)
        plan.save()
        made = extend(plan, now)
        payload = {"plan": str(plan.pk), "step": step, "user": str(plan.user_id), "shifts": made}
        write_entry(organisation, "plan_added", payload, now, by)
        return plan


def end_plan(plan_id: UUID, *, by: Actor, now: datetime | None = None) -> int:
    """End a repeating plan: the shifts of it that have not begun are removed. Returns how many."""
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        plan = ShiftPlan.objects.select_for_update(of=("self",)).filter(pk=plan_id).first()
        if plan is None:
            raise NotVisibleError("There is no such plan.")
        organisation = managed(plan.organisation_id, by, now)
        later = list(plan.shifts.filter(starts_at__gt=now, user_id=plan.user_id))
        for shift in later:
            shift.delete()
        write_entry(organisation, "plan_ended", {"plan": str(plan.pk), "shifts": len(later)}, now, by)
        plan.delete()
        return len(later)


def add_holiday(
    organisation_id: UUID, *, on: date, name: str, by: Actor, site_id: UUID | None = None, now: datetime | None = None
) -> Holiday:
    """Make a day a holiday: the shifts that weekly plans begin on it are removed, those of plans for holidays are made.

    What is not covered then is a gap until somebody fills it: shifts put on by hand stay.

    Raises:
        RefusedError: a day that is over, without a name, or a holiday already;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now)
        site = site_of(organisation, site_id)
        if on < civil_date(now, coverage.zone_of(organisation, site)):
            raise RefusedError("That day is over.", code="not_a_time", path="on")
        if not name.strip():
            raise RefusedError("A holiday has a name.", code="missing_key", path="name")
        if Holiday.objects.filter(organisation=organisation, on=on, site=site).exists():
            raise RefusedError("That day is a holiday already.", code="twice", path="on")
        holiday = Holiday.objects.create(organisation=organisation, site=site, on=on, name=name.strip()[:80])
        changed = _plan_day_again(organisation, site, on, holiday.pk, now)
        write_entry(organisation, "holiday_added", {"on": on.isoformat(), **changed}, now, by)
        _look_at_who_answers(organisation, now)
        return holiday


def remove_holiday(holiday_id: UUID, *, by: Actor, now: datetime | None = None) -> None:
    """Make a holiday a day like any other: its weekly plans come back."""
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        holiday = Holiday.objects.select_related("organisation", "site").filter(pk=holiday_id).first()
        if holiday is None:
            raise NotVisibleError("There is no such holiday.")
        organisation = managed(holiday.organisation_id, by, now)
        site, on, key = holiday.site, holiday.on, holiday.pk
        holiday.delete()
        changed = _plan_day_again(organisation, site, on, key, now)
        write_entry(organisation, "holiday_removed", {"on": on.isoformat(), **changed}, now, by)
        _look_at_who_answers(organisation, now)


def _look_at_who_answers(organisation: Organisation, now: datetime) -> None:
    """The clinic hours of its agreements follow the holidays of its rota."""
    for version in agreements.versions([organisation.pk]):
        if version.activated is not None and version.ended is None:
            look_again_between(version.row.organisation_id, version.row.partner_id, now)


def extend(plan: ShiftPlan, now: datetime) -> int:
    """Make the next shifts of a plan, as far ahead as the rota rules say; returns how many.

    It stops before the first shift for which its person is not trained, or no longer belongs here: the hours after it are a
    gap that pages the site manager, and the plan goes on by itself once the certificate is renewed.
    """
    zone = coverage.zone_of(plan.organisation, plan.site)
    today = civil_date(now, zone)
    first = max(plan.first_day, today, *([plan.planned_until + timedelta(days=1)] if plan.planned_until else []))
    last = today + timedelta(days=load_rota_rules().look.plan_days_ahead)
    made = []
    for each in planned_shifts(pattern_of(plan), zone, first, last, holidays_of(plan)):
        if not _may_be_placed(plan, each):
            last = each.day - timedelta(days=1)
            break
        if each.ends_at > now:
            made.append(_shift(plan, each.starts_at, each.ends_at))
    Shift.objects.bulk_create(made)
    if last >= first or plan.planned_until is None:
        plan.planned_until = max(last, plan.planned_until or last)
        plan.save(update_fields=["planned_until"])
    return len(made)


def pattern_of(plan: ShiftPlan) -> Pattern:
    """A plan as the rules read it."""
    return Pattern(
        weekdays=frozenset(plan.weekdays),
        starts=plan.starts,
        ends=plan.ends,
        first_day=plan.first_day,
        last_day=plan.last_day,
        every_weeks=plan.every_weeks,
        on_holidays=plan.on_holidays,
    )


def holidays_of(plan: ShiftPlan) -> set[date]:
    """The holidays that a plan meets: those of the organisation and, for a plan of one site, of that site."""
    return set(_holidays(plan).values_list("on", flat=True))


def _holidays(plan: ShiftPlan) -> QuerySet[Holiday]:
    here = Q(site__isnull=True) | Q(site_id=plan.site_id)
    return Holiday.objects.filter(here, organisation_id=plan.organisation_id)


def _plan_day_again(
    organisation: Organisation, site: Site | None, on: date, holiday: UUID, now: datetime
) -> dict[str, int]:
    """Remove the shifts that plans begin on a day and make those that are right for it now, since `holiday` came or went.

    A plan for which the day is a holiday with and without it stays as it is, and so does a shift that somebody else took over. One that
    was taken off is not made again. A person who is not trained for the shift, or no longer belongs here, is not placed: the hours are
    a gap, which pages.
    """
    plans = ShiftPlan.objects.filter(organisation=organisation, planned_until__gte=on).select_for_update(of=("self",))
    removed = made = 0
    for plan in plans.select_related("organisation", "site") if site is None else plans.filter(site=site):
        if _holidays(plan).filter(on=on).exclude(pk=holiday).exists():
            continue
        zone = coverage.zone_of(organisation, plan.site)
        for shift in plan.shifts.filter(starts_at__gt=now, user_id=plan.user_id):
            if civil_date(shift.starts_at, zone) == on:
                shift.delete()
                removed += 1
        fresh = planned_shifts(pattern_of(plan), zone, on, on, holidays_of(plan))
        created = [
            _shift(plan, each.starts_at, each.ends_at)
            for each in fresh
            if each.starts_at > now and _may_be_placed(plan, each) and not _given_away(plan, each)
        ]
        made += len(Shift.objects.bulk_create(created))
    return {"removed": removed, "made": made}


def _given_away(plan: ShiftPlan, planned: Planned) -> bool:
    """Whether somebody else took this shift of a plan over, or it was taken off."""
    if plan.shifts.filter(starts_at=planned.starts_at).exists():
        return True
    off = RotaEntry.objects.filter(
        organisation_id=plan.organisation_id,
        kind="taken_off",
        payload__step=plan.step,
        payload__user=str(plan.user_id),
        payload__starts_at=planned.starts_at.isoformat(),
    )
    return off.exists()


def _may_be_placed(plan: ShiftPlan, planned: Planned) -> bool:
    """Whether the person of a plan may take this shift of it: a member, trained and current for the whole of it."""
    try:
        member_for(plan.organisation, plan.site, plan.step, plan.user_id, (planned.starts_at, planned.ends_at))
    except RefusedError:
        return False
    return True


def _shift(plan: ShiftPlan, starts_at: datetime, ends_at: datetime) -> Shift:
    return Shift(
        organisation_id=plan.organisation_id,
        site_id=plan.site_id,
        step=plan.step,
        user_id=plan.user_id,
        plan=plan,
        starts_at=starts_at,
        ends_at=ends_at,
    )
