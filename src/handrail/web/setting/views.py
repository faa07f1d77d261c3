"""The page of a setting, its short forms, and the decision."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import ConflictError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.setting_desk import Desk, decide_setting, desk_of
from handrail.actions.site_bookings import kind_of
from handrail.people import permissions
from handrail.records.models import Course
from handrail.rules.switching import schedule_at
from handrail.rules.terms import FIRST_TREATMENT, STEPS, zone_named
from handrail.web import course_page
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.forms import Filled, Form, events_of, fill, prefilled
from handrail.web.setting.forms import FACT_FORMS, LINES, ROSTER, TRAVEL, calendar_form, departure_form
from handrail.web.setting.page import WORDS, class_rows, missing_rows, page_context

SENT_BEFORE = "This form was sent before with other content. Open the page anew."


@staff_page
@require_GET
def setting_page(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """In which setting may the next dose be given and watched, why, and what is missing to say so?"""
    found = course_for(request, course_id)
    now = clock.now()
    log_look(found, "setting", user=signed_in(request), now=now)
    return _page(request, found, desk_of(found, now))


@staff_page
@changes("setting", "course_id")
def note(request: HttpRequest, course_id: UUID, key: str) -> HttpResponse:
    """Record one fact from its short form, dated now; the page answers with it."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    desk = desk_of(found, now)
    form = _forms(request, desk).get(key)
    if form is None:
        raise Http404("There is no such form.")
    course_for(request, course_id, form.verb)
    zone = desk.look.dose.zone if desk.look is not None else found.time_zone
    filled = fill(form, dict(request.POST.lists()), zone)
    _half_lines(filled)
    if not filled.errors:
        filled.values["at"] = now.isoformat()
        try:
            with transaction.atomic():
                for event in events_of(filled, _batch(request), zone):
                    record_event(found.pk, event, by=person(user), now=now)
        except ConflictError:
            filled.errors[form.fields[0].name] = SENT_BEFORE
        except RefusedError as error:
            name = error.path.removeprefix("event.").partition("[")[0]
            known = {field.name for field in form.fields}
            filled.errors[name if name in known else form.fields[0].name] = error.message
    if filled.errors:
        return _page(request, found, desk, filled=filled, status=422)
    messages.success(request, "Saved; the recommendation is made anew.", extra_tags="saved")
    return redirect(reverse("setting", args=[found.pk]))


@staff_page
@changes("setting", "course_id")
def decide(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Record where this dose is given and watched, as the prescriber decides it."""
    found, user, now = course_for(request, course_id, "decide_setting"), signed_in(request), clock.now()
    sent = request.POST
    try:
        decide_setting(
            found.pk, found,
            recommendation=sent.get("recommendation", ""), step=sent.get("step", ""), on=_day(sent.get("on", "")),
            because=sent.get("because", ""), by=person(user), now=now, event_id=_batch(request),
        )  # fmt: skip
    except (RefusedError, ConflictError) as error:
        chosen = {"recommendation": sent.get("recommendation", ""), "because": sent.get("because", "")}
        return _page(request, found, desk_of(found, now), refused={**chosen, "message": error.message}, status=422)
    messages.success(request, "The setting of this dose is decided.", extra_tags="saved")
    return redirect(reverse("setting", args=[found.pk]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


def _batch(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("batch", ""))
    except ValueError:
        return uuid4()


def _half_lines(filled: Filled) -> None:
    """A line that is filled in by half says nothing and is asked again, and so is one of the roster that ends before it begins.

    A way in some months or weather of which the minutes are left out would be read as if there were no such way.
    """
    if filled.form.key == TRAVEL.key:
        for number in LINES:
            told = [
                name for name in (f"first_{number}", f"last_{number}", f"weather_{number}") if filled.values.get(name)
            ]
            if told and filled.values.get(f"minutes_{number}") is None:
                words = f"Line {number}: say the minutes, or name in the other lines only the months that are known."
                filled.errors.setdefault(f"minutes_{number}", words)
    if filled.form.key != ROSTER.key:
        return
    for name in [field.name for field in filled.form.fields if field.name.startswith("who_")]:
        line = name.removeprefix("who_")
        parts = [f"{part}_{line}" for part in ("who", "from", "until")]
        told = [part for part in parts if filled.values.get(part)]
        if told and len(told) < len(parts):
            lacking = next(part for part in parts if part not in told)
            filled.errors.setdefault(lacking, f"Line {line}: who, from and until are needed.")
        elif told and _moment(filled.values[parts[2]]) <= _moment(filled.values[parts[1]]):
            filled.errors[parts[2]] = f"Line {line}: it ends before it begins."


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _forms(request: HttpRequest, desk: Desk) -> dict[str, Form]:
    """Every short form of this course: those of the facts, the calendar of its label, and the departure of this dose."""
    forms = dict(FACT_FORMS)
    look = desk.look
    if look is None or desk.history is None or desk.protocol is None:
        return forms
    schedule = schedule_at(desk.history, desk.protocol)
    if schedule in desk.protocol.schedules:
        steps = [step for step in desk.protocol.steps_of(schedule) if STEPS.index(step) <= STEPS.index(FIRST_TREATMENT)]
        starts = {each.step: _local(each.at, look.dose.zone) for each in look.case.facts.doses}
        forms["doses"] = prefilled(calendar_form(steps), starts)
    asks = look.answer.label_requirement
    carried = tuple(stay.row for stay in look.case.carried_stays)
    words = f"The label asks: {asks.words}" if asks is not None else "What the label asks is not known"
    if not look.strict and not look.strict_unsaid:  # there no signature counts
        forms["departure"] = departure_form(look.dose.step, words, carried, str(signed_in(request).pk))
    forms["caregivers"] = prefilled(ROSTER, _roster_starts(desk))
    return forms


def _roster_starts(desk: Desk) -> dict[str, str]:
    assert desk.look is not None
    zone = desk.look.dose.zone
    starts: dict[str, str] = {}
    for line, shift in enumerate(desk.look.case.facts.caregivers or (), start=1):
        starts |= {
            f"who_{line}": shift.who,
            f"from_{line}": _local(shift.from_at, zone),
            f"until_{line}": _local(shift.until_at, zone),
        }
    return starts


def _local(at: Any, zone: str) -> str:
    local: str = at.astimezone(zone_named(zone)).replace(tzinfo=None).isoformat(timespec="minutes")
    return local


def _page(
    request: HttpRequest,
    found: Course,
    desk: Desk,
    *,
    filled: Filled | None = None,
    refused: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    now = clock.now()
    verbs = permissions.verbs_on(signed_in(request), found, now)
    forms = _forms(request, desk)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names="view_identity" in verbs),
        **page_context(desk, now),
        "kind": class_rows(kind_of(found, now)),
        "missing": [],
        "forms": [],
        "batch": uuid4(),
    }
    if desk.look is not None:
        rows = list(missing_rows(desk.look))
        for row in rows:
            form = forms.get(row["fact"])
            here = form is not None and form.key != "departure" and form.verb in verbs and not row["desk"]
            row["form"] = _shown(form, filled) if form is not None and here else None
        shown = {row["fact"] for row in rows}
        context |= {
            "missing": rows,
            "forms": _other_forms(forms, shown, verbs, filled),
            "departure_form": _departure(desk, forms, verbs, filled),
            "dose": {"step": desk.look.dose.step, "on": desk.look.dose.on.isoformat()},
            "may_decide": "decide_setting" in verbs and found.ended_at is None,
            "choices": [{"value": each, "words": WORDS[each]} for each in desk.look.offered],
            "strict": desk.look.strict,
            "strict_unsaid": "; ".join(desk.look.strict_unsaid),
            "refused": refused,
        }
    return render(request, "handrail/setting.html", context, status=status)


def _shown(form: Form, filled: Filled | None) -> dict[str, Any]:
    own = filled if filled is not None and filled.form.key == form.key else Filled(form=form, typed={})
    rows = Filled(form=form, typed=own.typed, errors=own.errors).rows()
    return {"key": form.key, "title": form.title, "intro": form.intro, "rows": rows, "errors": own.errors}


ALWAYS = ("doses", "caregivers", "travel", "lodging")
"""What moves from week to week has its form on the page whether it is missing or not."""


def _other_forms(
    forms: dict[str, Form], shown: set[str], verbs: frozenset[str], filled: Filled | None
) -> list[dict[str, Any]]:
    """The forms of what is known and may change, then the one that was sent and is asked again."""
    keys = [key for key in ALWAYS if key in forms]
    if filled is not None and filled.form.key not in (*ALWAYS, "departure"):
        keys.append(filled.form.key)
    return [_shown(forms[key], filled) for key in keys if key not in shown and forms[key].verb in verbs]


def _departure(
    desk: Desk, forms: dict[str, Form], verbs: frozenset[str], filled: Filled | None
) -> dict[str, Any] | None:
    """The signature, where a dose would leave hospital against the label if somebody signed that."""
    form = forms.get("departure")
    asked = desk.look is not None and any(
        line.rule == "LD-1" and line.state != "clear" for line in desk.look.answer.lines
    )
    if form is None or not asked or form.verb not in verbs:
        return None
    return _shown(form, filled)
