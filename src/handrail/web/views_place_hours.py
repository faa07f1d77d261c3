"""The hours of one place: the week, holidays, the rota, and single days; changed by whoever manages the site."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.doors import DUTIES, HoursDraft, days_apart, door_of, set_day, set_hours, take_day_back
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.words_doors import door_words
from handrail.people import permissions
from handrail.people.models import CarePlace, PlaceHours
from handrail.rules.doors import ALWAYS, AS_USUAL
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_date, say_date
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ALONE: Final = "alone"
USUAL: Final = "as usual"
"""How it is typed in that the week holds."""


@staff_page
@require_http_methods(["GET", "POST"])
def place_hours(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """The hours as patients read them, and the form that writes new ones down."""
    place, may = _place(request, place_id)
    form = _week_form(place)
    filled, status = Filled(form=form, typed={}), 200
    if request.method == "POST":
        if not may:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(form, dict(request.POST.lists()), "UTC")
        if not filled.errors:
            try:
                set_hours(place.pk, _draft(filled.values), by=person(signed_in(request)))
            except RefusedError as error:
                filled.errors[error.path or "zone"] = error.message
            else:
                messages.success(request, "Saved. Patients read these hours from now on.")
                return redirect("place_hours", place_id=place.pk)
        status = 422
    return _page(request, place, may=may, week=filled, status=status)


@staff_page
@changes("place_hours", "place_id")
def place_day(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """Write down one day that is not like the others."""
    place, may = _place(request, place_id)
    filled = fill(_day_form(), dict(request.POST.lists()), "UTC")
    if not filled.errors:
        values = filled.values
        try:
            set_day(
                place.pk,
                on=date.fromisoformat(values["on"]),
                hours=_usual(values.get("hours", "")),
                why=values.get("why", ""),
                by=person(signed_in(request)),
            )
        except RefusedError as error:
            filled.errors[error.path or "hours"] = error.message
        else:
            messages.success(request, "Saved. This day wins over the week and over a holiday.")
            return redirect("place_hours", place_id=place.pk)
    if not may:
        raise NotAllowedError("Your role does not allow that here.")
    return _page(request, place, may=may, day=filled, status=422)


@staff_page
@changes("place_hours", "place_id")
def place_day_back(request: HttpRequest, place_id: UUID, on: str) -> HttpResponse:
    """Make a day like any other again."""
    try:
        day = date.fromisoformat(on)
    except ValueError as error:
        raise Http404("There is no such day.") from error
    take_day_back(place_id, on=day, by=person(signed_in(request)))
    messages.success(request, "That day is like any other again.")
    return redirect("place_hours", place_id=place_id)


def _place(request: HttpRequest, place_id: UUID) -> tuple[CarePlace, bool]:
    """The place, for everybody of its organisation; and whether this person changes its hours."""
    user, now = signed_in(request), clock.now()
    rows = CarePlace.objects.filter(organisation__in=permissions.organisations_of(user, now), ended_at__isnull=True)
    place = rows.select_related("site", "organisation").filter(pk=place_id).first()
    if place is None:
        raise Http404("There is no such place.")
    return place, permissions.may(user, "manage_places", None, now, organisation_id=place.organisation_id)


def _page(
    request: HttpRequest,
    place: CarePlace,
    *,
    may: bool,
    status: int,
    week: Filled | None = None,
    day: Filled | None = None,
) -> HttpResponse:
    now = clock.now()
    door = door_of(place, now)
    zone = door.hours.zone if door.hours is not None else _zone(place)
    week, day = week or Filled(form=_week_form(place), typed={}), day or Filled(form=_day_form(), typed={})
    today = civil_date(now, zone)
    context = {
        **frame(request, "rota"),
        "place": place,
        "kind": CarePlace.Kind(place.kind).label,
        "door": door_words(door, now, zone, clock_24h=True),
        "zone": zone,
        "days": [
            {"on": on.isoformat(), "day": say_date(on), "hours": _typed(row.hours) or "not known", "why": row.why}
            for on, row in days_apart(place).items()
            if on >= today
        ],
        "may": may,
        "week_rows": week.rows() if may else [],
        "week_errors": week.errors,
        "day_rows": day.rows() if may else [],
        "day_errors": day.errors,
    }
    return render(request, "handrail/place_hours.html", context, status=status)


def _draft(values: dict[str, Any]) -> HoursDraft:
    return HoursDraft(
        zone=values.get("zone", ""),
        week=tuple(values.get(f"day_{number}", "") for number in range(7)),
        holiday=_usual(values.get("holiday", "")),
        duty="" if values.get("duty", ALONE) == ALONE else values["duty"],
    )


def _usual(typed: str) -> str:
    return AS_USUAL if " ".join(typed.split()).casefold() == USUAL else typed


def _typed(kept: str) -> str:
    return USUAL if kept == AS_USUAL else kept


def _zone(place: CarePlace) -> str:
    return (place.site or place.organisation).time_zone


def _week_form(place: CarePlace) -> Form:
    last: PlaceHours | None = place.hours.order_by("-set_at", "-id").first()
    week = last.week if last is not None else [""] * 7
    steps = tuple((step.value, role_words(step.value).capitalize()) for step in DUTIES)
    return Form(
        key="hours",
        title="The hours of a week",
        verb="manage_places",
        events=lambda values: [dict(values)],
        fields=(
            *(
                Field(name=f"day_{number}", label=name, kind="text", start=week[number])
                for number, name in enumerate(DAYS)
            ),
            Field(
                name="holiday",
                label="On holidays of the rota",
                kind="text",
                hint="As on a weekday, or: as usual.",
                start=_typed(last.holiday) if last is not None else "",
            ),
            Field(
                name="duty",
                label="Only while somebody is on the rota as",
                kind="choice",
                hint="A clinic whose door is shut when nobody is on duty there.",
                choices=((ALONE, "No: the hours alone decide"), *steps),
                start=(last.duty if last is not None else "") or ALONE,
            ),
            Field(
                name="zone",
                label="Time zone of the place",
                kind="text",
                required=True,
                hint="For example America/Chicago.",
                start=last.zone if last is not None else _zone(place),
            ),
        ),
    )


def _day_form() -> Form:
    return Form(
        key="day",
        title="A day that is not like the others",
        verb="manage_places",
        events=lambda values: [dict(values)],
        fields=(
            Field(name="on", label="Day", kind="date", required=True),
            Field(
                name="hours",
                label="Hours on that day",
                kind="text",
                hint=f"For example 10:00-14:00, closed, {ALWAYS}, or: as usual. Empty: not known.",
            ),
            Field(name="why", label="Why", kind="text"),
        ),
    )
