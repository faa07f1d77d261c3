"""The calls back of one course: what was asked for and promised, what became of it, the form that asks and the one that settles it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.call_backs import ask_for_call_back, own_states, record_call_back, rules_of, states_of
from handrail.actions.errors import ConflictError, RefusedError, TooManyError
from handrail.actions.truth import number_to_call
from handrail.people import permissions
from handrail.records.models import Course
from handrail.web import call_backs, course_page
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.forms import Filled, fill


@staff_page
@require_GET
def course_call_backs(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Every ask of a course, the newest first, with the forms that this person may send."""
    found = course_for(request, course_id)
    log_look(found, "call_backs", user=signed_in(request), now=clock.now())
    return _page(request, found)


@staff_page
@changes("call_backs", "course_id")
def ask(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Ask for a call back, signed in: the page goes out at once."""
    found, now = course_for(request, course_id, call_backs.ASK_FORM.verb), clock.now()
    filled = fill(call_backs.ASK_FORM, dict(request.POST.lists()), found.time_zone)
    batch = call_backs.batch_of(request.POST.get("batch", ""))
    if not filled.errors:
        try:
            wish = call_backs.wish_of(filled.values)
            ask_for_call_back(found.pk, wish, event_id=batch, by=person(signed_in(request)), now=now)
        except TooManyError as error:
            filled.errors["number"] = error.message
        except (RefusedError, ConflictError) as error:
            filled.errors[error.path if error.path in ("who", "number") else "number"] = error.message
        else:
            messages.success(request, "Asked. What has become of it stands below.")
            return redirect("call_backs", course_id=found.pk)
    return _page(request, found, call_backs.ask_context(filled, batch), status=422)


@staff_page
@changes("call_backs", "course_id")
def made(request: HttpRequest, course_id: UUID, ask_id: UUID) -> HttpResponse:
    """Write down that somebody called back. Only a call that reached somebody settles it."""
    found, now = course_for(request, course_id, call_backs.MADE_FORM.verb), clock.now()
    filled = fill(call_backs.MADE_FORM, dict(request.POST.lists()), found.time_zone)
    batch = call_backs.batch_of(request.POST.get("batch", ""))
    if not filled.errors:
        try:
            _record(request, found, ask_id, filled, batch, now)
        except (RefusedError, ConflictError) as error:
            filled.errors["called_at" if error.path.endswith("called_at") else "reached"] = error.message
        else:
            return redirect("call_backs", course_id=found.pk)
    more = {**call_backs.made_context(filled, batch), "made_for": str(ask_id)}
    return _page(request, found, more, status=422)


def _record(request: HttpRequest, found: Course, ask_id: UUID, filled: Filled, batch: UUID, now: datetime) -> None:
    typed = filled.values.get("called_at")
    reached = filled.values["reached"]
    record_call_back(
        found.pk,
        str(ask_id),
        reached=reached,
        called_at=datetime.fromisoformat(typed) if typed else now,
        event_id=batch,
        by=person(signed_in(request)),
        now=now,
    )
    if reached:
        messages.success(request, "Saved. The call back is made, and nobody is paged for it any more.")
    else:
        messages.warning(request, "Saved. Nobody was reached: the pages go on until somebody is.")


def _page(
    request: HttpRequest, found: Course, more: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    verbs = permissions.verbs_on(user, found, now)
    names = "view_identity" in verbs
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "rows": call_backs.rows(states_of(found, now), found.time_zone, call=number_to_call(found, now)),
        "promise": rules_of(found, now).promise_minutes,
        "may_ask": call_backs.ASK_FORM.verb in verbs,
        "own_open": any(each.ask.made is None for each in own_states(found, person(user).id, now)),
        "may_call": call_backs.MADE_FORM.verb in verbs,
        "names": names,
        **call_backs.ask_context(None),
        **call_backs.made_context(),
        **(more or {}),
    }
    return render(request, "handrail/call_backs.html", context, status=status)
