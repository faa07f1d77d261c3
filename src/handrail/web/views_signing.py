"""Signing protocols: which are signed, the worklist of a set, who signed when, and the courses that carry something else."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import ConflictError, RefusedError
from handrail.actions.signing import VERB, decide_rows, open_set, sign, take_up
from handrail.actions.signing_state import State, document_for, state_of
from handrail.people import permissions
from handrail.people.models import Organisation, User
from handrail.records.models import ProtocolSignature, SigningSet
from handrail.records.signed import not_on
from handrail.rules.protocol import Protocol, catalogue
from handrail.rules.terms import say_instant
from handrail.web import signing_page
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.left_behind import left_behind, running_of
from handrail.web.signing_page import protocol_address


@staff_page
@require_GET
def signing(request: HttpRequest) -> HttpResponse:
    """Every protocol for every organisation of the person: signed by whom, being read, or not signed."""
    user, now = signed_in(request), clock.now()
    organisations = Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name")
    books = [{"name": each.name, "id": each.pk, "rows": _protocol_rows(each, user, now)} for each in organisations]
    return render(request, "handrail/signing.html", {**frame(request, "protocols"), "books": books})


def _protocol_rows(organisation: Organisation, user: User, now: datetime) -> list[dict[str, Any]]:
    may_sign = permissions.may(user, VERB, None, now, organisation_id=organisation.pk)
    in_force = {
        each.protocol_key: each
        for each in ProtocolSignature.objects.filter(organisation=organisation, revoked_at__isnull=True).select_related(
            "pharmacist", "medical_lead", "signing_set"
        )
    }
    newest = {
        each.protocol_key: each for each in SigningSet.objects.filter(organisation=organisation).order_by("number")
    }
    return [
        _protocol_row(protocol, in_force.get(protocol.key), newest.get(protocol.key), organisation, may_sign)
        for protocol in catalogue()
    ]


def _protocol_row(
    protocol: Protocol,
    signature: ProtocolSignature | None,
    newest: SigningSet | None,
    organisation: Organisation,
    may_sign: bool,
) -> dict[str, Any]:
    current = signature is not None and signature.sha256 == protocol.sha256
    signed_set = signature.signing_set if signature else None
    draft = newest if newest and newest.sha256 == protocol.sha256 and newest != signed_set else None
    return {
        "key": protocol.key,
        "brand": protocol.product.brand,
        "address": protocol_address(protocol.key),
        "live": protocol.product.can_start_live,
        "signed": current,
        "changed": signature is not None and not current,
        "set": signed_set,
        "who": f"{signature.pharmacist.name} and {signature.medical_lead.name}" if signature else "",
        "at": say_instant(signature.signed_at, organisation.time_zone) if signature else "",
        "draft": draft,
        "may_open": may_sign and draft is None,
    }


@staff_page
@changes("signing")
def start_signing(request: HttpRequest) -> HttpResponse:
    """Open a set for a protocol, or go to the one that is being worked on."""
    try:
        organisation_id = UUID(request.POST.get("organisation", ""))
        opened = open_set(organisation_id, request.POST.get("protocol", ""), by=person(signed_in(request)))
    except ValueError as error:
        raise Http404("There is no such organisation.") from error
    except RefusedError as error:
        messages.error(request, error.message)
        return redirect("signing")
    return redirect("signing_set", set_id=opened.pk)


def _set_for(request: HttpRequest, set_id: UUID) -> SigningSet:
    mine = permissions.organisations_of(signed_in(request), clock.now())
    found = SigningSet.objects.filter(pk=set_id, organisation__in=mine).select_related("organisation").first()
    if found is None:
        raise Http404("There is no such set.")
    return found


@staff_page
@require_GET
def signing_set(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """The worklist of a set: every row with its words, source and status, and what waits for a decision."""
    return _page(request, _set_for(request, set_id))


def _page(
    request: HttpRequest, chosen: SigningSet, *, typed: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    zone = chosen.organisation.time_zone
    state = state_of(chosen)
    may_sign = permissions.may(user, VERB, None, now, organisation_id=chosen.organisation_id)
    context = {
        **frame(request, "protocols"),
        "set": chosen,
        "key": chosen.protocol_key,
        "address": protocol_address(chosen.protocol_key),
        "house": chosen.organisation.name,
        "state": state,
        "sections": signing_page.sections(state, zone),
        "progress": signing_page.progress(state),
        "signatures": signing_page.signatures(state, zone),
        "ended": signing_page.ended(state, zone),
        "may_decide": may_sign and not state.closed,
        "parts": signing_page.parts_for(state, user, now) if may_sign else [],
        "in_force": state.signature is not None and state.signature.revoked_at is None,
        "courses": _courses(state, user, now),
        "typed": typed or {},
    }
    return render(request, "handrail/signing_set.html", context, status=status)


def _courses(state: State, user: User, now: datetime) -> list[dict[str, Any]]:
    """The running courses that do not carry the set in force: nobody has moved them."""
    signature = state.signature
    if signature is None or signature.revoked_at is not None:
        return []
    running = running_of(state.signing_set.organisation_id, user, now)
    running = running.filter(product=signature.protocol_key.split("/")[0])
    return left_behind(not_on(signature, running, now), user, now)


@staff_page
@changes("signing_set", "set_id")
def decide(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """Confirm the ticked rows of one table with a citation, or leave them."""
    chosen = _set_for(request, set_id)
    section = request.POST.get("section", "")
    leave = request.POST.get("decision") == "leave"
    citation = request.POST.get("citation", "")
    ended = request.POST.get("ended_on", "").strip()
    rows = request.POST.getlist("rows")
    if request.POST.get("all") == "yes":
        rows += _open_rows(state_of(chosen), section, leave=leave)
    try:
        decide_rows(
            chosen.pk,
            rows,
            citation=None if leave else citation,
            ended_on=_day(ended) if ended and not leave else None,
            by=person(signed_in(request)),
        )
    except RefusedError as error:
        typed = {"section": section, "rows": rows, "citation": citation, "ended": ended, "error": error.message}
        return _page(request, chosen, typed=typed, status=422)
    word = "left: the answer stays to ask" if leave else "confirmed"
    count = len(set(rows))
    messages.success(request, f"{count} row{'' if count == 1 else 's'} {word}.")
    return redirect(f"{request.path.removesuffix('rows')}#t-{section}" if section.isidentifier() else request.path)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError("A day reads like 2026-03-01.", code="wrong_value", path="ended_on") from error


def _open_rows(state: State, section: str, *, leave: bool) -> list[str]:
    return [
        row.id
        for row in state.open_rows()
        if type(row).__name__.lower() == section and (not leave or row.status.value == "unverified")
    ]


@staff_page
@changes("signing_set", "set_id")
def sign_set(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """Sign a set, as it was shown, as pharmacist or as medical lead."""
    chosen = _set_for(request, set_id)
    if request.POST.get("seen") != "yes":
        typed = {"sign_error": "Say first that you have seen every row with its source and status."}
        return _page(request, chosen, typed=typed, status=422)
    try:
        state = sign(
            chosen.pk,
            part=request.POST.get("part", ""),
            digest=request.POST.get("digest", ""),
            by=person(signed_in(request)),
        )
    except (RefusedError, ConflictError) as error:
        return _page(request, chosen, typed={"sign_error": error.message}, status=422)
    if state.signature is not None:
        messages.success(request, "Signed by both: this set is in force. Running courses stay where they are.")
    else:
        messages.success(
            request, "You have signed. The other person signs next; a change of any row ends your signature."
        )
    return redirect("signing_set", set_id=chosen.pk)


@staff_page
@require_GET
def signing_file(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """The signed set as a JSON overlay document, which a course file takes in `overlays`."""
    chosen = _set_for(request, set_id)
    state = state_of(chosen)
    if state.signature is None:
        raise Http404("This set is not signed by both.")
    text = json.dumps(document_for(state, names=True), ensure_ascii=False, indent=2)
    response = HttpResponse(text + "\n", content_type="application/json")
    name = f"{chosen.protocol_key.replace('/', '_')}_set_{chosen.number}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@staff_page
@changes("course", "course_id")
def take_up_set(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Move one course to what its organisation signed last for its protocol."""
    course = course_for(request, course_id, "decide")
    try:
        take_up(course.pk, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Moved to the set that is signed now. Read the next dose again.")
    return redirect("course", course_id=course.pk)
