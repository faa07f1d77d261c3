"""The patient's nurse and deputy by name: who they are, what is wrong with it now, and the form that names them."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.course_nurses import VERB, candidates, name_nurses, nurses_of
from handrail.actions.errors import ConflictError, RefusedError
from handrail.people import permissions
from handrail.web import course_page
from handrail.web.context import frame
from handrail.web.doors import course_for, signed_in, staff_page


@staff_page
@require_http_methods(["GET", "POST"])
def nurses(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Name the nurse and the deputy; "nobody" is an answer too, and shown as a gap."""
    found, user, now = course_for(request, course_id, VERB), signed_in(request), clock.now()
    chosen = {part: request.POST.get(part, "") for part in ("nurse", "deputy")}
    trouble = ""
    if request.method == "POST":
        try:
            ids = {part: UUID(text) if text else None for part, text in chosen.items()}
            key = UUID(request.POST.get("id", ""))
            name_nurses(found.pk, nurse=ids["nurse"], deputy=ids["deputy"], event_id=key, by=person(user))
        except ValueError:
            trouble = "Choose from the list."
        except ConflictError:
            trouble = "This form was sent before with other names. What is on record stands above: choose once more."
        except RefusedError as error:
            trouble = error.message
        else:
            messages.success(request, "The nurse and the deputy are written down.")
            return redirect("course", course_id=found.pk)
    log_look(found, "nurses", user=user, now=now)
    named = nurses_of(found, now)
    if request.method == "GET":
        for part, each in (("nurse", named.nurse), ("deputy", named.deputy)):
            chosen[part] = str(each.user.pk) if each.user is not None and each.stands else ""
    context = {
        **frame(request, "courses"),
        "course": course_page.banner(
            found, found.assessment, now, names=permissions.may(user, "view_identity", found, now)
        ),
        "people": [
            {"id": str(each.user.pk), "name": each.user.name, "trouble": each.trouble}
            for each in candidates(found, now)
        ],
        "chosen": chosen,
        "trouble": trouble,
        "event_id": uuid4(),
    }
    return render(request, "handrail/nurses.html", context, status=422 if trouble else 200)
