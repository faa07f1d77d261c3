"""The parts of the rota beside its shifts: repeating plans, holidays and swaps; each a list and a form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.rota import answer_swap, ask_swap, withdraw_swap
from handrail.actions.rota_plans import add_holiday, add_plan, end_plan, remove_holiday
from handrail.people import permissions
from handrail.people.models import Holiday, Membership, Organisation, Shift, ShiftPlan, Site, Step, Swap
from handrail.rules.telling import role_words
from handrail.rules.terms import say_date
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill
from handrail.web.words import local_time

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@staff_page
@require_http_methods(["GET", "POST"])
def plans(request: HttpRequest) -> HttpResponse:
    """Repeating plans: who is on every Monday night."""
    mine = _managed(request)
    form = _plan_form(mine) if mine else None

    def save(values: dict[str, Any]) -> str:
        assert mine is not None
        holidays = "holidays" in values.get("days", ())
        plan = add_plan(
            mine.pk,
            step=values["step"],
            user_id=values["user"],
            weekdays=[int(day) for day in values.get("days", ()) if day != "holidays"],
            on_holidays=holidays,
            starts=_clock_time(values["starts"], "starts"),
            ends=_clock_time(values["ends"], "ends"),
            first_day=date.fromisoformat(values["first_day"]),
            last_day=date.fromisoformat(values["last_day"]) if "last_day" in values else None,
            every_weeks=values.get("every_weeks", 1),
            site_id=UUID(values["site"]) if "site" in values else None,
            by=person(signed_in(request)),
        )
        return f"{plan.user.name} is planned: {plan.shifts.count()} shifts so far."

    found = ShiftPlan.objects.filter(organisation__in=_own(request)).select_related("user", "site", "organisation")
    rows = [
        {
            "id": plan.pk,
            "cells": [role_words(plan.step).capitalize(), plan.user.name, _pattern_words(plan), _where(plan)],
            "note": f"shifts made until {say_date(plan.planned_until)}" if plan.planned_until else "no shift made yet",
            "may": mine is not None and plan.organisation_id == mine.pk,
        }
        for plan in found.order_by("step", "first_day")
    ]
    return _part(
        request,
        form,
        save,
        title="Repeating plans",
        intro="By the clock of the site. Shifts are made some weeks ahead, and only while the person is trained and current.",
        head=["As", "Who", "When", "Where"],
        rows=rows,
        end=("end_plan", "End"),
    )


@staff_page
@changes("plans")
def end_a_plan(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """End a repeating plan: its shifts to come are taken off."""
    count = end_plan(plan_id, by=person(signed_in(request)))
    messages.success(request, f"Ended; {count} shifts taken off. Look whether somebody else is on.")
    return redirect("plans")


@staff_page
@require_http_methods(["GET", "POST"])
def holidays(request: HttpRequest) -> HttpResponse:
    """Days on which no weekly plan makes a shift."""
    mine = _managed(request)
    form = _holiday_form(mine) if mine else None

    def save(values: dict[str, Any]) -> str:
        assert mine is not None
        site = UUID(values["site"]) if "site" in values else None
        on = date.fromisoformat(values["on"])
        add_holiday(mine.pk, on=on, name=values["name"], site_id=site, by=person(signed_in(request)))
        return "Saved. What no plan for holidays covers is a gap now: look at the rota."

    found = Holiday.objects.filter(organisation__in=_own(request), on__gte=clock.now().date())
    rows = [
        {
            "id": day.pk,
            "cells": [say_date(day.on), day.name, _where(day)],
            "note": "",
            "may": mine is not None and day.organisation_id == mine.pk,
        }
        for day in found.select_related("site", "organisation").order_by("on")
    ]
    return _part(
        request,
        form,
        save,
        title="Holidays",
        intro="A holiday has its own plan (choose “on holidays” in a repeating plan), or it is a gap until somebody is put on.",
        head=["Day", "Name", "Where"],
        rows=rows,
        end=("remove_holiday", "Remove"),
    )


@staff_page
@changes("holidays")
def remove_a_holiday(request: HttpRequest, holiday_id: UUID) -> HttpResponse:
    """Make a holiday a day like any other."""
    remove_holiday(holiday_id, by=person(signed_in(request)))
    messages.success(request, "Removed: the weekly plans cover that day again.")
    return redirect("holidays")


@staff_page
@require_http_methods(["GET", "POST"])
def swaps(request: HttpRequest) -> HttpResponse:
    """Swaps that wait for an answer, and the form that asks for one."""
    user = signed_in(request)
    mine = _managed(request)
    form = _swap_form(request, mine)

    def save(values: dict[str, Any]) -> str:
        swap = ask_swap(UUID(values["shift"]), values["user"], by=person(user))
        return f"{swap.to_user.name} is asked. Until they accept, nothing changes."

    found = Swap.objects.filter(organisation__in=_own(request), answer=Swap.Answer.OPEN)
    rows = [
        {
            "id": swap.pk,
            "cells": [_shift_words(swap.shift), swap.asked_by.name, swap.to_user.name],
            "note": "asks you" if swap.to_user_id == user.pk else "",
            "may": False,
            "answer": swap.to_user_id == user.pk,
            "withdraw": swap.asked_by_id == user.pk or (mine is not None and swap.organisation_id == mine.pk),
        }
        for swap in found.select_related("shift__user", "shift__organisation", "shift__site", "asked_by", "to_user")
    ]
    return _part(
        request,
        form,
        save,
        title="Swaps",
        intro="One person asks, the other accepts. Until then the shift stays as it is.",
        head=["Shift", "Asked by", "To be taken by"],
        rows=rows,
        end=("answer_swap", ""),
    )


@staff_page
@changes("swaps")
def answer_a_swap(request: HttpRequest, swap_id: UUID) -> HttpResponse:
    """Accept, decline or take back."""
    by, answer = person(signed_in(request)), request.POST.get("answer", "")
    try:
        if answer == "withdraw":
            withdraw_swap(swap_id, by=by)
        elif answer in ("accept", "decline"):
            answer_swap(swap_id, accept=answer == "accept", by=by)
        else:
            raise RefusedError("Accept, decline or take back: choose one.", code="unknown_word")
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request, {"accept": "Yours now.", "decline": "Declined: nothing changed."}.get(answer, "Taken back.")
        )
    return redirect("swaps")


# --- what the three share ---------------------------------------------------------------------------------------------


def _part(request: HttpRequest, form: Form | None, save: Callable[[dict[str, Any]], str], **shown: Any) -> HttpResponse:
    filled = Filled(form=form, typed={}) if form else None
    status = 200
    if request.method == "POST":
        if form is None:
            raise NotAllowedError("Your role does not allow that here.")
        zone = (_managed(request) or _first(request)).time_zone
        filled = fill(form, dict(request.POST.lists()), zone)
        if not filled.errors:
            try:
                messages.success(request, save(filled.values))
                return redirect(request.path)
            except RefusedError as error:
                filled.errors[error.path or form.fields[0].name] = error.message
        status = 422
    context = {
        **frame(request, "rota"),
        **shown,
        "form_title": form.title if form else "",
        "form_rows": filled.rows() if filled else [],
        "errors": filled.errors if filled else {},
    }
    return render(request, "handrail/rota_part.html", context, status=status)


def _own(request: HttpRequest) -> list[UUID]:
    return permissions.organisations_of(signed_in(request), clock.now())


def _first(request: HttpRequest) -> Organisation:
    return Organisation.objects.get(pk=_own(request)[0])


def _managed(request: HttpRequest) -> Organisation | None:
    """The organisation whose rota this person changes."""
    user, now = signed_in(request), clock.now()
    for organisation in _own(request):
        if permissions.may(user, "manage_rota", None, now, organisation_id=organisation):
            return Organisation.objects.get(pk=organisation)
    return None


def _people(organisation_ids: list[UUID]) -> tuple[tuple[str, str], ...]:
    now = clock.now()
    members = Membership.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        organisation__in=organisation_ids,
        user__is_active=True,
        role__in=permissions.VERBS["acknowledge"],
    ).select_related("user")
    names = {str(member.user_id): member.user.name for member in members}
    return tuple(sorted(names.items(), key=lambda item: item[1]))


def _site_field(organisation: Organisation) -> Field:
    sites = Site.objects.filter(organisation=organisation).order_by("name")
    choices = tuple((str(site.pk), site.name) for site in sites)
    return Field(name="site", label="For one site only", kind="choice", choices=choices)


def _plan_form(organisation: Organisation) -> Form:
    days = (*((str(number), day) for number, day in enumerate(DAYS)), ("holidays", "On holidays, and only then"))
    steps = tuple((step.value, role_words(step.value).capitalize()) for step in Step)
    return Form(
        key="plan",
        title="Add a repeating plan",
        verb="manage_rota",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="step", label="As", kind="choice", required=True, choices=steps),
            Field(name="user", label="Who", kind="choice", required=True, choices=_people([organisation.pk])),
            Field(name="days", label="On", kind="choices", required=True, choices=days),
            Field(name="starts", label="From (for example 19:00)", kind="text", required=True),
            Field(name="ends", label="Until (for example 07:00; earlier is the next day)", kind="text", required=True),
            Field(
                name="first_day", label="First day", kind="date", required=True, start=clock.now().date().isoformat()
            ),
            Field(name="last_day", label="Last day", kind="date"),
            Field(name="every_weeks", label="Every so many weeks", kind="whole", start="1"),
            _site_field(organisation),
        ),
    )


def _holiday_form(organisation: Organisation) -> Form:
    return Form(
        key="holiday",
        title="Add a holiday",
        verb="manage_rota",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="on", label="Day", kind="date", required=True),
            Field(name="name", label="Name", kind="text", required=True),
            _site_field(organisation),
        ),
    )


def _swap_form(request: HttpRequest, mine: Organisation | None) -> Form:
    user, now = signed_in(request), clock.now()
    own = Q(user=user, organisation__in=_own(request)) | Q(organisation=mine)
    found = Shift.objects.filter(own, ends_at__gt=now).select_related("user", "organisation", "site")
    shifts = tuple((str(shift.pk), _shift_words(shift)) for shift in found.order_by("starts_at")[:200])
    return Form(
        key="swap",
        title="Ask somebody to take a shift",
        verb="acknowledge",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="shift", label="Which shift", kind="choice", required=True, choices=shifts),
            Field(name="user", label="Who is asked", kind="choice", required=True, choices=_people(_own(request))),
        ),
    )


def _shift_words(shift: Shift) -> str:
    zone = (shift.site or shift.organisation).time_zone
    when = f"{local_time(shift.starts_at, zone)} until {local_time(shift.ends_at, zone)}"
    return f"{shift.user.name}, {role_words(shift.step)}, {when}"


def _pattern_words(plan: ShiftPlan) -> str:
    days = "on holidays" if plan.on_holidays else ", ".join(DAYS[number][:3] for number in plan.weekdays)
    weeks = f", every {plan.every_weeks} weeks" if plan.every_weeks > 1 else ""
    until = f" until {say_date(plan.last_day)}" if plan.last_day else ""
    return f"{days} {plan.starts:%H:%M} to {plan.ends:%H:%M}{weeks}, from {say_date(plan.first_day)}{until}"


def _where(row: ShiftPlan | Holiday) -> str:
    return row.site.name if row.site else f"{row.organisation.name}: every site"


def _clock_time(text: str, path: str) -> time:
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 (a civil time has no zone of its own)
    except ValueError:
        raise RefusedError("Type a time such as 19:00.", code="not_a_time", path=path) from None
