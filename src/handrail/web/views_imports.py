"""Bringing a document of another system into a course: brought, reviewed by a person, applied fact by fact or dismissed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions import imports
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.documents import open_document
from handrail.actions.errors import RefusedError
from handrail.people import permissions
from handrail.records.models import Course
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.imports_page import listed, shown
from handrail.web.presenters import patient_words

NO_FILE: Final = "Choose a file first. It has at most 5 MB."


@staff_page
@require_http_methods(["GET", "POST"])
def documents(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The documents that were brought, and the form that brings one. Nothing is applied by it."""
    found = course_for(request, course_id, imports.READ)
    trouble = ""
    if request.method == "POST":
        course_for(request, course_id, imports.BRING)
        sent = request.FILES.get("file")
        try:
            brought = imports.bring(
                found.pk, _bytes(sent), title=_name(sent), by=person(signed_in(request), source="import")
            )
        except RefusedError as error:
            trouble = error.message
        else:
            if not brought.new:
                messages.info(request, "This document was brought before: here it is again.")
            return redirect("import_review", course_id=found.pk, batch_id=brought.batch.pk)
    log_look(found, "imports", user=signed_in(request))
    context = {
        **_around(request, found),
        "documents": [listed(found, each) for each in imports.batches(found)],
        "trouble": trouble,
    }
    return render(request, "handrail/imports.html", context, status=422 if trouble else 200)


def _bytes(sent: UploadedFile[Any] | None) -> bytes:
    """The file that was sent; one that is too large to be kept in memory never arrives here."""
    if sent is None:
        raise RefusedError(NO_FILE, code="empty_file", path="file")
    content: bytes = sent.read()
    if not content:
        raise RefusedError("The file is empty. Nothing was kept.", code="empty_file", path="file")
    return content


def _name(sent: UploadedFile[Any] | None) -> str:
    return (sent.name or "document") if sent is not None else "document"


@staff_page
@require_GET
def review(request: HttpRequest, course_id: UUID, batch_id: UUID) -> HttpResponse:
    """A document beside the record."""
    found = course_for(request, course_id, imports.READ)
    return _review_page(request, found, batch_id)


@staff_page
@changes("import_review", "course_id", "batch_id")
def apply(request: HttpRequest, course_id: UUID, batch_id: UUID) -> HttpResponse:
    """Record the facts that were ticked."""
    found = course_for(request, course_id, imports.BRING)
    chosen = request.POST.getlist("fact")
    try:
        done = imports.apply(
            found.pk,
            batch_id,
            chosen,
            same_person=request.POST.get("same_person") == "yes",
            reason=request.POST.get("reason", ""),
            by=person(signed_in(request), source="import"),
        )
    except RefusedError as error:
        return _review_page(request, found, batch_id, typed=chosen, trouble=error.message)
    words = f"{done.new} fact{'' if done.new == 1 else 's'} recorded, {done.known} {'was' if done.known == 1 else 'were'} here already."
    messages.success(request, f"{words} {done.truth}".strip(), extra_tags="saved")
    return redirect("import_review", course_id=found.pk, batch_id=batch_id)


@staff_page
@changes("import_review", "course_id", "batch_id")
def dismiss(request: HttpRequest, course_id: UUID, batch_id: UUID) -> HttpResponse:
    """Take nothing (more) from a document, with a reason."""
    found = course_for(request, course_id, imports.BRING)
    by = person(signed_in(request), source="import")
    try:
        imports.dismiss(found.pk, batch_id, reason=request.POST.get("why", ""), by=by)
    except RefusedError as error:
        return _review_page(request, found, batch_id, dismiss_trouble=error.message)
    messages.success(request, "Dismissed. The document stays here, and nothing was recorded from it now.")
    return redirect("imports", course_id=found.pk)


@staff_page
@require_GET
def original(request: HttpRequest, course_id: UUID, batch_id: UUID) -> HttpResponse:
    """The document byte for byte as it came, as an attachment."""
    found, by = course_for(request, course_id, "open_document"), person(signed_in(request))
    batch = next((each for each in imports.batches(found) if each.pk == batch_id), None)
    if batch is None:
        raise Http404("There is no such document.")
    _, content = open_document(found.pk, batch.content_id, by=by)
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="document-{str(batch.pk)[:8]}.json"'
    return response


def _review_page(
    request: HttpRequest,
    found: Course,
    batch_id: UUID,
    *,
    typed: Collection[str] | None = None,
    trouble: str = "",
    dismiss_trouble: str = "",
) -> HttpResponse:
    by, now = person(signed_in(request), source="import"), clock.now()
    batch, review = imports.review(found.pk, batch_id, by=by, now=now)
    context = {
        **_around(request, found),
        "import": shown(found, batch, review, by, now, typed),
        "trouble": trouble,
        "dismiss_trouble": dismiss_trouble,
        "typed": {"reason": request.POST.get("reason", ""), "why": request.POST.get("why", "")},
    }
    status = 422 if trouble or dismiss_trouble else 200
    return render(request, "handrail/import_review.html", context, status=status)


def _around(request: HttpRequest, found: Course) -> dict[str, Any]:
    verbs = permissions.verbs_on(signed_in(request), found, clock.now())
    return {
        **frame(request, "courses"),
        "course": {"id": found.pk, "who": patient_words(found, names=True)},
        "may_bring": imports.BRING in verbs,
    }
