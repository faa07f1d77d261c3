"""The packet of a course: made now, sealed as a version, read, printed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions import packets
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.document_keys import Verdict
from handrail.actions.document_signatures import has_key, standing
from handrail.actions.errors import RefusedError
from handrail.actions.health_links import MAKE, REVOKE
from handrail.actions.packets import READ, Sealed
from handrail.people import permissions
from handrail.records.models import Course, PacketVersion
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.health_links import link_rows
from handrail.web.packet_page import change_rows, printed, shown
from handrail.web.pdf import PAPERS, PdfUnavailable, papers_for
from handrail.web.presenters import patient_words
from handrail.web.words import local_time


@staff_page
@require_GET
def packet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The packet as it stands now. It is kept nowhere until somebody seals it."""
    found, now = course_for(request, course_id, READ), clock.now()
    log_look(found, "packet", user=signed_in(request), now=now)
    try:
        body = packets.packet_of(found, now).to_json()
    except RefusedError as error:
        return _no_packet(request, found, now, error)
    return _page(request, found, now, body, None, _since(request, found, None))


@staff_page
@require_GET
def packet_version(request: HttpRequest, course_id: UUID, number: int) -> HttpResponse:
    """A sealed version, as it was told, with what changed in it since the version that this person opened before it."""
    found, now = course_for(request, course_id, READ), clock.now()
    since = _since(request, found, number)
    try:
        sealed = packets.open_version(found.pk, number, by=person(signed_in(request)), now=now)
    except RefusedError as error:
        return _no_packet(request, found, now, error, kept=True)
    return _page(request, found, now, sealed.body, sealed, since)


@staff_page
@changes("packet", "course_id")
def seal_packet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Seal the packet as it stands."""
    found = course_for(request, course_id, packets.SEAL)
    try:
        made = packets.seal(found.pk, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
        return redirect("packet", course_id=found.pk)
    messages.success(request, f"Version {made.number} is sealed. Nobody has been sent anything.")
    return redirect("packet_version", course_id=found.pk, number=made.number)


@staff_page
@require_GET
def packet_pdf(request: HttpRequest, course_id: UUID, number: int, paper: str) -> HttpResponse:
    """A sealed version as PDF, served as an attachment."""
    if paper not in PAPERS:
        raise Http404("There is no such paper.")
    found, now = course_for(request, course_id, READ), clock.now()
    try:
        return printed(packets.open_version(found.pk, number, by=person(signed_in(request)), now=now), paper)
    except RefusedError as error:
        return _no_packet(request, found, now, error, kept=True)
    except PdfUnavailable as error:
        messages.error(request, str(error))
        return redirect("packet_version", course_id=found.pk, number=number)


def _no_packet(
    request: HttpRequest, found: Course, now: datetime, error: RefusedError, *, kept: bool = False
) -> HttpResponse:
    """Nothing of a packet is shown. `kept`: it was a sealed version; the one as it stands may well be read."""
    context = {**_around(request, found, now), "trouble": error.message, "kept": kept}
    return render(request, "handrail/packet.html", context, status=409)


def _page(
    request: HttpRequest, found: Course, now: datetime, body: dict[str, Any], sealed: Sealed | None, since: int | None
) -> HttpResponse:
    context = _around(request, found, now)
    newest = context["versions"][0]["number"] if context["versions"] else 0
    context |= {
        "packet": shown(body, sealed),
        "since": since,
        "changed": _changed(found, since, body) if since is not None else [],
        "signature": _signature(sealed.row) if sealed is not None else None,
        "older_than": newest if sealed is not None and newest > sealed.row.number else None,
        "papers": papers_for(found.jurisdiction),
    }
    return render(request, "handrail/packet.html", context)


def _changed(found: Course, since: int, body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What changed since a version; None where that one cannot be read any more."""
    try:
        return change_rows(packets.changes_since(found, since, body))
    except RefusedError:
        return None


def _around(request: HttpRequest, found: Course, now: datetime) -> dict[str, Any]:
    verbs = permissions.verbs_on(signed_in(request), found, now)
    return {
        **frame(request, "courses"),
        "course_id": found.pk,
        "course": {"id": found.pk, "who": patient_words(found, names=True)},
        "versions": [_version(each, found.time_zone) for each in packets.versions(found)],
        "may_seal": packets.SEAL in verbs,
        "health_links": link_rows(found, now),
        "may_link": MAKE in verbs,
        "may_revoke": REVOKE in verbs,
    }


def _signature(row: PacketVersion) -> dict[str, Any]:
    """What is true about the signature of a version at this moment."""
    found = standing(row)
    if found is not None:
        good = found.verdict is Verdict.GOOD
        return {"good": good, "words": found.words, "kept": good}
    if has_key(row.organisation_id):
        words = "Not signed yet: it is signed when the file is first fetched or a health link is first opened."
    else:
        words = "NOT signed: the organisation has no key for documents. Its director has one made."
    return {"good": True, "words": words, "kept": False}


def _version(row: PacketVersion, zone: str) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "made": local_time(row.made_at, zone),
        "by": row.made_by.name if row.made_by else "Handrail",
    }


def _since(request: HttpRequest, found: Course, before: int | None) -> int | None:
    """The version to compare with: the one that was asked for, else the newest older one that this person opened."""
    asked = request.GET.get("since", "")
    known = {row.number for row in packets.versions(found)}
    if asked.isascii() and asked.isdigit() and int(asked[:9]) in known:
        return int(asked[:9])
    return packets.last_opened(found, by=person(signed_in(request)), before=before)
