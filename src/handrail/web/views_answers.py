"""After "I have it": what the call decided, putting a page off, handing it over, and handing back in the morning."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.contacts import Call, hand_back, record_call
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.holding import hand_over, put_off, who_may_have
from handrail.records.models import Course
from handrail.web.answer_forms import CALL
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.forms import Filled, fill
from handrail.web.presenters import zone_of
from handrail.web.views_pages import alert_for, show_page
from handrail.web.words import local_time


@staff_page
@changes("page", "alert_id")
def call(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Write down what the call decided; what cannot be decided so is said, and what was typed is kept."""
    alert = alert_for(request, alert_id)
    if alert.course is None:
        return redirect("page", alert_id=alert.pk)
    filled = fill(CALL, dict(request.POST.lists()), alert.course.time_zone)
    if not filled.errors:
        try:
            _record(request, alert.course, filled)
            return redirect("page", alert_id=alert.pk)
        except RefusedError as error:
            filled.errors[error.path if error.path in ("reason", "outcome") else "outcome"] = error.message
    return show_page(request, alert, status=422, filled=filled)


def _record(request: HttpRequest, course: Course, filled: Filled) -> None:
    values = filled.values
    agreed = values.get("next_check_at")
    decided = Call(
        with_=values["with"],
        reached=bool(values["reached"]),
        outcome=values.get("outcome") or "none",
        next_check_at=datetime.fromisoformat(agreed) if agreed else None,
        reason=values.get("reason") or "",
    )
    record_call(course.pk, decided, event_id=_id(request), by=person(signed_in(request)))
    if decided.reached:
        messages.success(request, "The call is written down.")
    else:
        messages.warning(request, "The call is written down. Nobody was reached: the pages go on.")


def _id(request: HttpRequest) -> UUID:
    """The id that the form carries, so that sending it twice is harmless."""
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return uuid4()


@staff_page
@changes("page", "alert_id")
def later(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Put a page off for some minutes."""
    alert = alert_for(request, alert_id)
    typed = request.POST.get("minutes", "").strip()
    try:
        done = put_off(
            alert.pk, int(typed) if typed.isdecimal() and len(typed) < 5 else 0, by=person(signed_in(request))
        )
        until = local_time(done.resume_at, zone_of(alert)) if done.resume_at else ""
        messages.success(request, f"You have it, put off until {until}. Then it pages again.")
    except RefusedError as error:
        messages.warning(request, error.message)
    return redirect("page", alert_id=alert.pk)


@staff_page
@changes("page", "alert_id")
def to_somebody(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Ask a named person to take a page over."""
    alert, user, now = alert_for(request, alert_id), signed_in(request), clock.now()
    people = {str(each.pk): each for each in who_may_have(alert, now, besides=user)}
    chosen = people.get(request.POST.get("to", ""))
    if chosen is None:
        messages.warning(request, "Choose who takes it over.")
        return redirect("page", alert_id=alert.pk)
    try:
        done = hand_over(alert.pk, chosen, by=person(user))
        until = local_time(done.resume_at, zone_of(alert)) if done.resume_at else ""
        said = f"{chosen.name} is asked. Until that answer it is yours; without one the pages go on {until}."
        messages.success(request, said)
    except RefusedError as error:
        messages.warning(request, error.message)
    return redirect("page", alert_id=alert.pk)


@staff_page
@changes("course", "course_id")
def back(request: HttpRequest, course_id: UUID, call_id: UUID) -> HttpResponse:
    """Write down what was handed back about one call of the night."""
    found = course_for(request, course_id, "record_contact")
    try:
        hand_back(found.pk, call_id, request.POST.get("what", ""), event_id=uuid4(), by=person(signed_in(request)))
        messages.success(request, "Handed back.")
    except ActionError as error:
        messages.warning(request, error.message)
    return redirect("course", course_id=found.pk)
