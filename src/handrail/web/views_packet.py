"""The packet of a course: made now, sealed as a version, read, printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions import not_known, packets
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.document_keys import Verdict
from handrail.actions.document_signatures import has_key, standing
from handrail.actions.errors import RefusedError
from handrail.actions.health_links import MAKE, REVOKE
from handrail.actions.packets import READ, Sealed
from handrail.people import permissions
from handrail.records.models import Course, PacketVersion
from handrail.rules.not_known import unfilled
from handrail.rules.packet_parts import Field
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.health_links import link_rows
from handrail.web.not_known import asked_of, keys_said, looked_at
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
    return _as_it_stands(request, found, now)


def _as_it_stands(request: HttpRequest, found: Course, now: datetime, unsaid: str = "") -> HttpResponse:
    """The page of the packet now. `unsaid`: why it was not sealed."""
    try:
        made = packets.packet_of(found, now)
    except RefusedError as error:
        return _no_packet(request, found, now, error)
    asks = unfilled(made) if not_known.asked(person(signed_in(request)), found, now) else ()
    return _page(request, found, now, made.to_json(), None, _since(request, found, None), asks=asks, unsaid=unsaid)


@staff_page
@require_GET
def packet_version(request: HttpRequest, course_id: UUID, number: int) -> HttpResponse:
    """A sealed version, as it was told, with what changed in it since the version that this person opened before it."""
    found, now = course_for(request, course_id, READ), clock.now()
    return _version_page(request, found, number, now)


def _version_page(request: HttpRequest, found: Course, number: int, now: datetime, unsaid: str = "") -> HttpResponse:
    """The page of a version. `unsaid`: why what was pressed was not done."""
    since = _since(request, found, number)
    try:
        sealed = packets.open_version(found.pk, number, by=person(signed_in(request)), now=now)
        standing = not_known.standing_of(sealed.row, now)
    except RefusedError as error:
        return _no_packet(request, found, now, error, kept=True)
    asks = standing.unsaid if not_known.asked(person(signed_in(request)), found, now) else ()
    looked = looked_at(standing, found.time_zone)
    return _page(request, found, now, sealed.body, sealed, since, asks=asks, unsaid=unsaid, looked=looked)


@staff_page
@changes("packet_version", "course_id", "number")
def say_not_known(request: HttpRequest, course_id: UUID, number: int) -> HttpResponse:
    """Say of a version that what is empty in it leaves as not known: then its paper and its file can be taken along."""
    found, now = course_for(request, course_id, READ), clock.now()
    try:
        not_known.say(found.pk, number, keys_said(request), by=person(signed_in(request)), now=now)
    except RefusedError as error:
        return _version_page(request, found, number, now, error.message)
    messages.success(request, "Written down, with your name: what is empty goes out as not known.")
    return redirect("packet_version", course_id=found.pk, number=number)


@staff_page
@changes("packet", "course_id")
def seal_packet(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Seal the packet as it stands: whoever does has looked at what is empty, but for an emergency, which waits for nobody."""
    found, by = course_for(request, course_id, packets.SEAL), person(signed_in(request))
    try:
        if request.POST.get("emergency"):
            made = packets.seal(found.pk, by=by)
        else:
            made = not_known.seal_looked(found.pk, keys_said(request), by=by)
    except RefusedError as error:
        if error.code == not_known.CODE:
            return _as_it_stands(request, found, clock.now(), error.message)
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
    by = person(signed_in(request))
    try:
        with transaction.atomic():  # nobody has looked at what they were refused
            sealed = packets.open_version(found.pk, number, by=by, now=now)
            standing = not_known.standing_of(sealed.row, now)
            if not_known.asked(by, found, now):
                not_known.refuse_unsaid(standing.unsaid)
        return printed(sealed, paper, looked_at(standing, found.time_zone))
    except RefusedError as error:
        if error.code == not_known.CODE:
            return _version_page(request, found, number, now, error.message)
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
    request: HttpRequest,
    found: Course,
    now: datetime,
    body: dict[str, Any],
    sealed: Sealed | None,
    since: int | None,
    *,
    asks: Sequence[Field] = (),
    unsaid: str = "",
    looked: dict[str, Any] | None = None,
) -> HttpResponse:
    """The page. `asks`: the empty fields of which this person is asked; `unsaid`: why nothing was done."""
    context = _around(request, found, now)
    newest = context["versions"][0]["number"] if context["versions"] else 0
    context |= {
        "packet": shown(body, sealed),
        "since": since,
        "changed": _changed(found, since, body) if since is not None else [],
        "signature": _signature(sealed.row) if sealed is not None else None,
        "older_than": newest if sealed is not None and newest > sealed.row.number else None,
        "papers": papers_for(found.jurisdiction),
        "looked": looked,
        "may_send_ed": "send_ed_packet" in permissions.verbs_on(signed_in(request), found, now),
        **asked_of(asks, unsaid),
    }
    return render(request, "handrail/packet.html", context, status=422 if unsaid else 200)


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
