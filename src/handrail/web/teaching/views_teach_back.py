"""The teach-back of a course: where patient and caregiver stand, and one tap for each item that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.shortcuts import render as page
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.teach_back import teach_back_of
from handrail.people import permissions
from handrail.records.models import Course
from handrail.rules.teachback import PEOPLE, TeachBack, Who, load_teach_back
from handrail.rules.terms import UnusableInput, zone_named
from handrail.web import course_page
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.forms import AT, YES_NO, Field, Filled, Form, fill, prefilled
from handrail.web.views_course import batch_of, save
from handrail.web.words import local_time

ANSWERS: Final = (("passed", "Passed"), ("repeat", "Repeat"), ("not_done", "Not asked"))
STATES: Final = {
    "passed": ("good", "Passed"),
    "repeat": ("now", "Repeat"),
    "not_done": ("today", "Not asked"),
    "not_known": ("routine", "Not recorded"),
}
"""The colour and the words of a state; the words alone say it."""
LANGUAGE: Final = "own_language"
NOTHING: Final = "Nothing is answered yet: tap what was said."


def form_for(who: Who, told: TeachBack | None) -> Form:
    """The form for one of the two: the items that are asked of them first, in the order of the list."""
    asked = {item.id for item in told.of(who).items} if told else set()
    items = tuple(
        Field(
            name=f"item_{row.id}",
            label=row.words,
            kind="choice",
            choices=ANSWERS,
            hint=row.ask if row.id in asked or told is None else f"{row.ask} (Only where it was given.)",
        )
        for row in load_teach_back().item
    )
    language = Field(
        name=LANGUAGE,
        label="In their own language, or with an interpreter?",
        kind="yes_no",
        choices=YES_NO,
        required=True,
    )

    def events(values: Mapping[str, Any]) -> list[dict[str, Any]]:
        said = {name.removeprefix("item_"): value for name, value in values.items() if name.startswith("item_")}
        if not said:
            return []
        return [{"kind": "teach_back_done", "who": who, "items": said, LANGUAGE: values.get(LANGUAGE)}]

    return Form(
        key=f"teach-back-{who}",
        title=f"Teach-back of the {who}",
        verb="teach_back",
        fields=(*items, language, AT),
        events=events,
    )


@staff_page
@require_http_methods(["GET", "POST"])
def teach_back(request: HttpRequest, course_id: Any) -> HttpResponse:
    """Where both stand, and the form for the one who is being taught (`who`)."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    may = permissions.may(user, "teach_back", found, now)
    typed = request.POST if request.method == "POST" else request.GET
    who: Who = "caregiver" if typed.get("who") == "caregiver" else "patient"
    told, trouble = _told(found)
    form = form_for(who, told)
    local = now.astimezone(zone_named(found.time_zone)).replace(tzinfo=None)
    filled, batch = Filled(form=prefilled(form, {"at": local.isoformat(timespec="minutes")}), typed={}), uuid4()
    status = 200
    if request.method == "POST":
        if not may:
            raise PermissionDenied("Your role does not allow that here.")
        filled, batch = fill(form, dict(request.POST.lists()), found.time_zone), batch_of(request)
        if not filled.errors and not any(name.startswith("item_") for name in filled.values):
            filled.errors[LANGUAGE] = NOTHING
        saved = None if filled.errors else save(request, found, filled, batch)
        if saved is not None:
            messages.success(request, saved, extra_tags="saved")
            return redirect(f"{request.path}?who={who}")
        status = 422
    else:
        log_look(found, "teach-back", user=user, now=now)
    names = permissions.may(user, "view_identity", found, now)
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(found, found.assessment, now, names=names),
        "who": who,
        "told": _shown(told, found) if told else None,
        "trouble": trouble,
        "may": may,
        "rows": filled.rows(),
        "errors": filled.errors,
        "batch": batch,
        "zone_words": found.time_zone,
    }
    return page(request, "handrail/teach_back.html", context, status=status)


def _told(found: Course) -> tuple[TeachBack | None, str]:
    """Where both stand; None with the reason, when the course cannot be read: what is taught is recorded all the same."""
    try:
        return teach_back_of(found, clock.now()), ""
    except UnusableInput as error:
        return None, error.message


def _shown(told: TeachBack, found: Course) -> dict[str, Any]:
    people = []
    for who in PEOPLE:
        taught = told.of(who)
        passed = sum(item.state == "passed" for item in taught.items)
        people.append(
            {
                "who": who,
                "met": taught.met,
                "repeat": "; ".join(item.words for item in taught.items if item.state == "repeat"),
                "count": f"{passed} of {len(taught.items)}",
                "items": [
                    {
                        "words": item.words,
                        "mark": STATES[item.state][0],
                        "short": STATES[item.state][1],
                        "at": local_time(item.at, found.time_zone) if item.at else "",
                        "repeats": item.repeats,
                        "before": item.before and item.state != "passed",
                    }
                    for item in taught.items
                ],
            }
        )
    return {"because": told.because, "people": people}
