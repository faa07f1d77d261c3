"""The page of a course, the forms that record what happened, and the patient's link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.capacity_starts import start_words
from handrail.actions.courses import say_given_before
from handrail.actions.errors import ActionError, ConflictError, RefusedError
from handrail.actions.facts import record_event, withdraw_event
from handrail.actions.links import issue_checkin_link, revoke_link
from handrail.actions.site_bookings import planned_words
from handrail.actions.truth import number_to_call
from handrail.people import permissions
from handrail.people.models import User
from handrail.records import wire
from handrail.records.accountability import responsible_for
from handrail.records.models import Course
from handrail.rules.events import DosePlanned
from handrail.rules.handoff_loop import Stage
from handrail.rules.protocol import load
from handrail.rules.telling import sentence
from handrail.rules.terms import zone_named
from handrail.web import course_page
from handrail.web.answer_forms import night_calls
from handrail.web.context import frame, open_alerts
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.forms import YEARS, Filled, Form, events_of, fill, prefilled
from handrail.web.handoff_page import STAGE_WORDS
from handrail.web.presenters import alert_row, next_dose_card
from handrail.web.product_forms import of_product
from handrail.web.record_forms import FORMS
from handrail.web.site_field import with_sites
from handrail.web.views_texts import texts_of
from handrail.web.words import local_time

SENT_BEFORE: Final = "This form was sent before with other content. Open it anew from the course."
AS_OF_TROUBLE: Final = "Type a date and time, such as 2026-03-04T02:00; the events are shown as known now."
FIRST_FORMS: Final = ("assessment", "dose", "medicine", "call")
"""The forms that stand as buttons; the others are one tap further."""


@staff_page
@require_GET
def course(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Is this patient safe, and what is next? With `as_of`, the events as they were known at that time."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    verbs = permissions.verbs_on(user, found, now)
    names = "view_identity" in verbs
    log_look(found, "course", user=user, now=now)
    looked = course_page.look(found, now)
    context = {
        **frame(request, "courses"),
        **course_page.page_context(found, looked, now, names=names),
        **_events(request, found, now),
        "night_calls": night_calls(found, now) if "record_contact" in verbs else [],
        "alerts": _alerts(request, found, now, names=names, may_have="acknowledge" in verbs)
        if "view_pages" in verbs
        else [],
        "forms": [form for key, form in FORMS.items() if key in FIRST_FORMS and form.verb in verbs],
        "more_forms": [form for key, form in FORMS.items() if key not in FIRST_FORMS and form.verb in verbs],
        **_handing_over(found, user, now, verbs),
        "asks_given_before": "start_course" in verbs
        and found.ended_at is None
        and course_page.asks_given_before(looked),
        "may_name_nurse": "name_nurse" in verbs and found.ended_at is None,
        "may_link": "issue_link" in verbs and found.ended_at is None,
        "texts": texts_of(found, now) if "view_identity" in verbs else None,
        "links": course_page.links_in_force(found, now, names=names) if "revoke_link" in verbs else [],
        "may_read_packet": names,
        "may_export": "export_course" in verbs,
        "may_see_looks": "view_looks" in verbs,
        "may_withdraw": "correct_event" in verbs,
    }
    return render(request, "handrail/course.html", context)


def _handing_over(found: Course, user: User, now: datetime, verbs: frozenset[str]) -> dict[str, Any]:
    """The hand-off of the course that is open, else the button for one, for whoever may press it."""
    known = reversed((found.assessment or {}).get("handoffs") or [])
    told = next((each for each in known if Stage(each["stage"]).open), None)
    holds = responsible_for(found, now) in permissions.organisations_of(user, now)
    waits = told is not None and Stage(told["stage"]).waits
    return {
        "handoff": {"id": told["id"], "words": f"Hand-off: {STAGE_WORDS[told['stage']].lower()}"} if told else None,
        "may_hand_over": "offer_handoff" in verbs and holds and not waits and found.ended_at is None,
    }


def _alerts(request: HttpRequest, found: Course, now: datetime, *, names: bool, may_have: bool) -> list[dict[str, Any]]:
    alerts = (
        open_alerts(signed_in(request))
        .filter(course=found)
        .select_related("course__patient", "acknowledged_by")
        .prefetch_related("pages__user")
        .order_by("opened_at", "key")
    )
    return [alert_row(alert, now, found.time_zone, names=names, may_have=may_have) for alert in alerts]


def _events(request: HttpRequest, found: Course, now: datetime) -> dict[str, Any]:
    zone = found.time_zone
    typed = request.GET.get("as_of", "")
    at, trouble = _as_of(typed, zone, now)
    history, answer = course_page.look_back(found, at, now)
    said = next_dose_card(answer) if answer and typed and not trouble else None
    return {
        "events": course_page.event_rows(history, zone, course_page.people_of(history)),
        "as_of": typed,
        "as_of_words": local_time(at, zone) if typed and not trouble else "",
        "as_of_trouble": trouble,
        "said_then": said,
        "zone_words": zone,
    }


def _as_of(typed: str, zone: str, now: datetime) -> tuple[datetime, str]:
    """The instant that was typed as a civil time of the course; nothing typed: now."""
    if not typed:
        return now, ""
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return now, AS_OF_TROUBLE
    if at.year not in YEARS:
        return now, AS_OF_TROUBLE
    return (at if at.tzinfo else at.replace(tzinfo=zone_named(zone))), ""


@staff_page
@require_GET
def course_file(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The course as a course file: no identity, replays anywhere."""
    found = course_for(request, course_id, "export_course")
    log_look(found, "course_file", user=signed_in(request))
    text = json.dumps(wire.course_file(found), indent=2, ensure_ascii=False)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="course-{str(found.pk)[:8]}.json"'
    return response


@staff_page
@changes("course", "course_id")
def given_before(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Say whether doses were given before the course began: until then the answer is to ask."""
    found = course_for(request, course_id, "start_course")
    answer = {"no": True, "yes": False, "not_known": None}
    said, by = request.POST.get("given_before", ""), person(signed_in(request))
    if said not in answer:
        messages.error(request, "Nothing is saved: choose whether doses were given before.")
    else:
        try:
            done = say_given_before(
                found.pk, nothing_given=answer[said], reason=request.POST.get("reason", "")[:500], by=by
            )
        except RefusedError as error:
            messages.error(request, f"Nothing is saved. {error.message}")
        else:
            messages.success(request, done.truth, extra_tags="saved")
    return redirect("course", course_id=found.pk)


@staff_page
@changes("course", "course_id")
def make_link(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Make the check-in link of the patient or caregiver; it is shown once and kept nowhere."""
    found, user = course_for(request, course_id, "issue_link"), signed_in(request)
    holder = request.POST.get("holder", "patient")
    try:
        issued = issue_checkin_link(found.pk, by=person(user), holder=holder)
    except RefusedError as error:
        messages.error(request, error.message)
        return redirect("course", course_id=found.pk)
    address = request.build_absolute_uri(reverse("checkin_link", args=[issued.token]))
    names = permissions.may(user, "view_identity", found, clock.now())
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, clock.now(), names=names),
        "address": address,
        "holder": holder,
        "until": local_time(issued.link.expires_at, found.time_zone),
        "number": number_to_call(found, clock.now()),
    }
    return render(request, "handrail/link.html", context)


@staff_page
@changes("course", "course_id")
def end_link(request: HttpRequest, course_id: UUID, link_id: UUID) -> HttpResponse:
    """End a link now, for a phone that was lost or a caregiver who has gone."""
    found = course_for(request, course_id, "revoke_link")
    link = revoke_link(found.pk, link_id, by=person(signed_in(request)))
    messages.success(request, f"The {link.holder}'s link is ended. Make a new one if they still report.")
    if request.POST.get("back") == "contacts":
        return redirect(reverse("contacts", args=[found.pk]) + "#caregivers")
    return redirect(reverse("course", args=[found.pk]) + "#checks")


@staff_page
@require_http_methods(["GET", "POST"])
def record(request: HttpRequest, course_id: UUID, key: str) -> HttpResponse:
    """Record what happened. Everything on one form is saved together or not at all."""
    form = FORMS.get(key)
    if form is None:
        raise Http404("There is no such form.")
    found, user, now = course_for(request, course_id, "view_course"), signed_in(request), clock.now()
    if not permissions.may(user, form.verb, found, now):
        raise PermissionDenied("Your role does not allow that here.")
    local = now.astimezone(zone_named(found.time_zone)).replace(tzinfo=None)
    form = of_product(form, load(found.protocol_key))
    form = with_sites(form, found, now)
    form = prefilled(form, {"at": local.isoformat(timespec="minutes"), **_starts(form, found)})
    if request.method == "GET":
        log_look(found, f"record:{key}", user=user, now=now)
        return _form_page(request, found, Filled(form=form, typed={}), uuid4())
    filled = fill(form, dict(request.POST.lists()), found.time_zone)
    batch = batch_of(request)
    if not filled.errors:
        saved = save(request, found, filled, batch)
        if saved is not None:
            messages.success(request, saved, extra_tags="saved")
            if form.key == "plan" and (words := _of_site(found, filled.values, now)):
                messages.warning(request, words)
            return redirect("course", course_id=found.pk)
    return _form_page(request, found, filled, batch, status=422)


def _of_site(found: Course, values: Mapping[str, Any], now: datetime) -> str:
    """What whoever has planned a dose is told of its site."""
    on = date.fromisoformat(values["on"]) if values.get("on") else None
    step, at_site = values.get("step"), values.get("at_site")
    plan = DosePlanned(step=step, on=on, at_site=at_site, setting=values.get("setting"))
    return " ".join(filter(None, (planned_words(found, step, at_site, on, now), start_words(found, plan, now))))


def _starts(form: Form, found: Course) -> dict[str, str]:
    """The step that is next stands ready on the form of a dose; the person still says that it was this one."""
    names = {field.name for field in form.fields}
    dose = (found.assessment or {}).get("next_dose", {})
    if form.key in ("plan", "not-given") and "step" in names and dose.get("step"):
        return {"step": dose["step"]}
    return {}


def batch_of(request: HttpRequest) -> UUID:
    """The id that the form was given, from which those of its events follow; a new one when it has none."""
    try:
        return UUID(request.POST.get("batch", ""))
    except ValueError:
        return uuid4()


def save(request: HttpRequest, found: Course, filled: Filled, batch: UUID) -> str | None:
    """Save every event of the form; the sentence to show, or None with the errors in `filled`."""
    events = events_of(filled, batch, found.time_zone)
    if not events:
        filled.errors["at"] = "Nothing was filled in; nothing was saved."
        return None
    truth = ""
    try:
        with transaction.atomic():
            for event in events:
                truth = record_event(found.pk, event, by=person(signed_in(request))).truth
    except ConflictError:
        filled.errors["at"] = SENT_BEFORE
        return None
    except RefusedError as error:
        name = error.path.removeprefix("event.")
        known = {field.name for field in filled.form.fields}
        place = next((field for field in known if field == name or field.endswith(f"_{name}")), "at")
        filled.errors[place] = error.message
        return None
    return truth


def _form_page(request: HttpRequest, found: Course, filled: Filled, batch: UUID, *, status: int = 200) -> HttpResponse:
    now = clock.now()
    names = permissions.may(signed_in(request), "view_identity", found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "form": filled.form,
        "rows": filled.rows(),
        "errors": filled.errors,
        "sent_before": SENT_BEFORE in filled.errors.values(),
        "batch": batch,
        "zone_words": found.time_zone,
    }
    return render(request, "handrail/record.html", context, status=status)


@staff_page
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, course_id: UUID, event_id: UUID) -> HttpResponse:
    """Say, with a reason, that a fact never was: it stays on record, crossed out."""
    found, user, now = course_for(request, course_id, "correct_event"), signed_in(request), clock.now()
    event = found.events.filter(id=event_id).first()
    if event is None:
        raise Http404("There is no such event.")
    if request.method == "GET":
        log_look(found, "withdraw", user=user, now=now)
    reason, trouble = request.POST.get("reason", "").strip(), ""
    if request.method == "POST":
        try:
            done = withdraw_event(found.pk, event_id, reason=reason, by=person(user), now=now)
        except RefusedError as error:
            trouble = error.message
        except ActionError:
            raise
        else:
            messages.success(request, f"Withdrawn; it stays on record. {done.truth}", extra_tags="saved")
            return redirect("course", course_id=found.pk)
    names = permissions.may(user, "view_identity", found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "event": {"words": sentence(wire.to_fact(event)), "at": local_time(event.occurred_at, found.time_zone)},
        "event_id": event_id,
        "reason": reason,
        "trouble": trouble,
    }
    return render(request, "handrail/withdraw.html", context, status=422 if trouble else 200)
