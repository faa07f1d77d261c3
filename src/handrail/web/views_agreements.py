"""Agreements on who answers for what: the list, one version with its check, the form, signing, putting in force, ending."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.agreements import VERB, activate, end, propose, sign
from handrail.actions.errors import ConflictError, RefusedError
from handrail.people import agreements, permissions
from handrail.people.agreements import Version
from handrail.people.models import Agreement, Organisation, User
from handrail.records.accountability import pairs_of
from handrail.rules.terms import say_date, say_instant
from handrail.web import agreement_page
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page


def _mine(user: User, now: datetime) -> tuple[list[UUID], list[UUID]]:
    """The organisations of a person, and those for which the person may sign."""
    own = permissions.organisations_of(user, now)
    return own, [each for each in own if permissions.may(user, VERB, None, now, organisation_id=each)]


@staff_page
@require_GET
def list_agreements(request: HttpRequest) -> HttpResponse:
    """Every agreement of the person's organisations, how it stands, and the pairs that share patients and have none."""
    user, now = signed_in(request), clock.now()
    own, signing = _mine(user, now)
    organisations = list(Organisation.objects.filter(pk__in=own).order_by("name"))
    books = [_book(each, organisations, now) for each in organisations]
    others = Organisation.objects.filter(mode__in={each.mode for each in organisations}).exclude(pk__in=signing)
    context = {
        **frame(request, "agreements"),
        "books": books,
        "partners": list(others.order_by("name")) if signing else [],
        "proposers": [each for each in organisations if each.pk in signing],
    }
    return render(request, "handrail/agreements.html", context)


def _book(organisation: Organisation, mine: list[Organisation], now: datetime) -> dict[str, Any]:
    """The pairs of one organisation. One between two of the person's own stands with the organisation that owns it."""
    pairs: dict[UUID | None, list[Version]] = {}
    for version in agreements.versions([organisation.pk]):
        row = version.row
        ours = row.organisation_id == organisation.pk
        if not ours and any(row.organisation_id == each.pk for each in mine):
            continue
        pairs.setdefault(row.partner_id if ours else row.organisation_id, []).append(version)
    for partner in pairs_of(organisation.pk, now):
        pairs.setdefault(partner, [])
    return {
        "name": organisation.name,
        "id": organisation.pk,
        "rows": [_pair(organisation, *each, now) for each in pairs.items()],
    }


def _pair(organisation: Organisation, partner: UUID | None, found: list[Version], now: datetime) -> dict[str, Any]:
    holding = agreements.in_force(found, now)
    holes = agreements.holes_of_pair(found, now, organisation.time_zone)
    newest = max(found, key=lambda each: each.row.number, default=None)
    draft = newest if newest and newest.activated is None and newest.ended is None else None
    return {
        "name": agreements.name_of(partner) if partner else "Alone",
        "holding": holding.row if holding else None,
        "until": say_date(holding.content.valid_until) if holding else "",
        "draft": draft.row if draft else None,
        "draft_words": agreement_page.standing(draft, now, newest=True, holding=holding)[0] if draft else "",
        "newest": newest.row if newest and not holding and not draft else None,
        "holes": agreement_page.hole_rows(holes) if holding else None,
    }


def _version_for(request: HttpRequest, agreement_id: UUID) -> Version:
    own = permissions.organisations_of(signed_in(request), clock.now())
    row = Agreement.objects.filter(Q(organisation__in=own) | Q(partner__in=own), pk=agreement_id).first()
    if row is None:
        raise Http404("There is no such agreement.")
    return agreements.version_of(row)


@staff_page
@require_GET
def agreement(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """One version: the matrix, the check of the two weeks to come, who signed, and what changed since the version before."""
    return _page(request, _version_for(request, agreement_id))


def _page(request: HttpRequest, version: Version, *, refused: str = "", status: int = 200) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    _, signing = _mine(user, now)
    row, content, zone = version.row, version.content, version.content.time_zone
    pair = agreements.of_pair(row.organisation_id, row.partner_id)
    before = [each for each in pair if each.row.number < row.number]
    newest = not any(each.row.number > row.number and each.ended is None for each in pair)
    holding = agreements.in_force(pair, now)
    words, tone = agreement_page.standing(version, now, newest=newest, holding=holding)
    live = version.ended is None and newest
    acts = bool(set(version.parties) & set(signing))
    over = version.ended is not None
    holes = () if over else agreements.holes_if_activated(version, now)
    context = {
        **frame(request, "agreements"),
        "row": row,
        "content": content,
        "title": " and ".join(agreements.name_of(each) for each in version.parties),
        "standing": words,
        "tone": tone,
        "valid": f"{say_date(content.valid_from)} to {say_date(content.valid_until)}",
        "clinic": agreement_page.clinic_words(content),
        "holidays": agreement_page.holiday_words(content, now),
        "proposed": f"{row.proposed_by.name}, {say_instant(row.proposed_at, zone)}",
        "parties": agreement_page.party_rows(content),
        "holes": agreement_page.hole_rows(holes),
        "checked": not over,
        "until": agreement_page.last_hour(max(now, content.starts_at), zone),
        "matrix": agreement_page.matrix(content),
        "signatures": agreement_page.signature_rows(version, zone),
        "steps": [
            {"what": step.get_what_display(), "who": step.by.name, "at": say_instant(step.at, zone), "why": step.why}
            for step in (version.activated, version.ended)
            if step is not None
        ],
        "before": before[-1].row if before else None,
        "changes": agreement_page.changes(before[-1].content, content) if before else [],
        "versions": [
            {
                "row": each.row,
                "words": agreement_page.standing(each, now, newest=each is pair[-1], holding=holding)[0],
            }
            for each in pair
        ],
        "may_sign": live and version.activated is None and agreement_page.open_for(version, user, signing),
        "may_activate": live and acts and version.activated is None and not version.unsigned,
        "may_end": acts and version.ended is None,
        "may_change": row.organisation_id in signing,
        "refused": refused,
    }
    return render(request, "handrail/agreement.html", context, status=status)


@staff_page
@require_http_methods(["GET", "POST"])
def new_agreement(request: HttpRequest) -> HttpResponse:
    """The form for a new version: the shipped matrix, or the version before, to be changed."""
    user, now = signed_in(request), clock.now()
    _, signing = _mine(user, now)
    if not signing:
        raise PermissionDenied("Your role does not allow that here.")
    asked = request.POST if request.method == "POST" else request.GET
    first = _organisation(asked.get("as") or str(signing[0]))
    if first is None or first.pk not in signing:
        raise Http404("There is no such organisation.")
    second = _organisation(asked.get("with", "")) if asked.get("with") else None
    if asked.get("with") and (second is None or second.mode != first.mode):
        raise Http404("There is no such organisation.")
    former = agreements.of_pair(first.pk, second.pk if second else None)
    typed = {name: str(value) for name, value in request.POST.items()}
    errors: dict[str, str] = {}
    if request.method == "POST":
        document, errors = agreement_page.document_from(first, second, typed)
        if not errors:
            try:
                row = propose(first.pk, document, why=typed.get("why", ""), by=person(user), now=now)
            except RefusedError as error:
                errors[error.path if error.path in agreement_page.NEEDED else "form"] = error.message
            else:
                messages.success(request, f"Version {row.number} is proposed. Nobody has signed it.")
                return redirect("agreement", agreement_id=row.pk)
    else:
        typed = agreement_page.start_values(first, second, former[-1] if former else None, now)
    context = {
        **frame(request, "agreements"),
        "first": first,
        "second": second,
        "typed": typed,
        "errors": errors,
        "tasks": agreement_page.task_fields(typed, errors, pair=second is not None),
        "number": former[-1].row.number + 1 if former else 1,
    }
    return render(request, "handrail/agreement_form.html", context, status=422 if errors else 200)


def _organisation(text: str) -> Organisation | None:
    try:
        return Organisation.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None


@staff_page
@changes("agreement", "agreement_id")
def sign_agreement(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Sign the content that was looked at, for one's own organisation."""
    version = _version_for(request, agreement_id)
    try:
        sign(agreement_id, sha256=request.POST.get("sha256", ""), by=person(signed_in(request)))
    except (RefusedError, ConflictError) as error:
        return _page(request, version, refused=f"Not signed. {error.message}", status=422)
    messages.success(request, "Signed.")
    return redirect("agreement", agreement_id=agreement_id)


@staff_page
@changes("agreement", "agreement_id")
def activate_agreement(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Put a version in force; a gap or a double refuses it, with the hours."""
    version = _version_for(request, agreement_id)
    try:
        activate(agreement_id, by=person(signed_in(request)))
    except RefusedError as error:
        return _page(request, version, refused=error.message, status=422)
    messages.success(request, "In force. The pages and the banner follow it from its first day.")
    return redirect("agreement", agreement_id=agreement_id)


@staff_page
@changes("agreement", "agreement_id")
def end_agreement(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """End a version now, with a reason."""
    version = _version_for(request, agreement_id)
    try:
        end(agreement_id, why=request.POST.get("why", ""), by=person(signed_in(request)))
    except RefusedError as error:
        return _page(request, version, refused=f"Not ended. {error.message}", status=422)
    messages.warning(request, "Ended. Whoever is responsible for a patient now answers for everything.")
    return redirect("agreement", agreement_id=agreement_id)
