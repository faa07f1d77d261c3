"""The page of a patient in hospital: day by day, who decides, the daily call; and the forms for it."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import ConflictError, RefusedError
from handrail.people import permissions
from handrail.records.models import Course
from handrail.web import course_page
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.forms import Filled, fill
from handrail.web.stay_forms import SEND, STAY_FORMS
from handrail.web.stay_page import stay_context
from handrail.web.words import local_time

SENT_BEFORE = "This form was sent before with other content. Open it anew from the stay."


@staff_page
@require_GET
def stay(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The latest stay in hospital, to read, to print, and with the forms that this person may send."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    verbs = permissions.verbs_on(user, found, now)
    names = "view_identity" in verbs
    log_look(found, "stay", user=user, now=now)
    looked = course_page.look(found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, looked.answer, now, names=names),
        "trouble": looked.trouble,
        "stay": stay_context(found, looked, now, names=names),
        "forms": [form for form in STAY_FORMS.values() if form.verb in verbs],
        "printed": local_time(now, found.time_zone),
    }
    return render(request, "handrail/stay.html", context)


@staff_page
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, course_id: UUID, what: str) -> HttpResponse:
    """One form of the stay: what was typed is kept when something is wrong, and sent twice it is written once."""
    form = STAY_FORMS.get(what)
    if form is None:
        raise Http404("There is no such form.")
    found, now = course_for(request, course_id, form.verb), clock.now()
    if request.method == "GET":
        log_look(found, f"stay:{what}", user=signed_in(request), now=now)
        return _form_page(request, found, fill(form, {}, found.time_zone), uuid4(), fresh=True)
    batch = _batch(request)
    filled = fill(form, {name: request.POST.getlist(name) for name in request.POST}, found.time_zone)
    if not filled.errors:
        try:
            done = SEND[what](found.pk, filled.values, batch, person(signed_in(request)), now)
        except ConflictError:
            filled.errors[form.fields[0].name] = SENT_BEFORE
        except RefusedError as error:
            name = error.path.removeprefix("event.")
            known = name in {field.name for field in form.fields}
            filled.errors[name if known else form.fields[0].name] = error.message
        else:
            messages.success(request, done.truth, extra_tags="saved")
            return redirect("stay", course_id=found.pk)
    return _form_page(request, found, filled, batch)


def _batch(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("batch", ""))
    except ValueError:
        return uuid4()


def _form_page(
    request: HttpRequest, found: Course, filled: Filled, batch: UUID, *, fresh: bool = False
) -> HttpResponse:
    now = clock.now()
    names = permissions.may(signed_in(request), "view_identity", found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "form": filled.form,
        "rows": filled.rows() if not fresh else Filled(form=filled.form, typed={}).rows(),
        "errors": {} if fresh else filled.errors,
        "sent_before": SENT_BEFORE in filled.errors.values(),
        "batch": batch,
        "zone_words": found.time_zone,
        "in_stay": True,
    }
    return render(request, "handrail/record.html", context, status=200 if fresh else 422)
