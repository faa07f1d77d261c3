"""An organisation's own policy: what is in force, what is proposed, the form, the signature, and the policy that a course carries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.errors import ConflictError, RefusedError
from handrail.actions.policies import APPROVE, PROPOSE, approve_policy, preview, propose_policy, take_up_policy
from handrail.people import permissions
from handrail.people.models import Organisation
from handrail.records import wire
from handrail.records.models import PolicyAdoption, PolicyProposal
from handrail.records.policies import in_force, not_on
from handrail.rules.policy import Policy, load_policy, shipped_document
from handrail.rules.policy_book import policy_rows
from handrail.rules.policy_changes import PolicyChange, Verdict, say
from handrail.rules.policy_own import Reason, Value, compare, values_of
from handrail.rules.terms import UnusableInput, civil_date, say_instant
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.left_behind import left_behind, running_of
from handrail.web.policy_page import book_of, form_tables

MARKS = {
    Verdict.TIGHTER: ("good", "Tighter"),
    Verdict.LOOSER: ("soon", "Looser"),
    Verdict.NEITHER: ("soon", "Cannot compare"),
}


@staff_page
@require_GET
def policies(request: HttpRequest) -> HttpResponse:
    """For every organisation of the person: its policy in force, what departs from the shipped one, and what waits."""
    user, now = signed_in(request), clock.now()
    organisations = Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name")
    context = {**frame(request, "protocols"), "houses": [_house(request, each, now) for each in organisations]}
    return render(request, "handrail/policies.html", context)


def _house(request: HttpRequest, organisation: Organisation, now: datetime) -> dict[str, Any]:
    user = signed_in(request)
    proposals = list(
        PolicyProposal.objects.filter(organisation=organisation).select_related("proposed_by").order_by("-number")
    )
    adoptions = {
        each.proposal_id: each for each in PolicyAdoption.objects.filter(organisation=organisation).select_related("by")
    }
    current = next((each for each in proposals if each.pk in adoptions), None)
    return {
        "id": organisation.pk,
        "name": organisation.name,
        "current": current,
        "adopted": _adopted(adoptions.get(current.pk) if current else None, organisation),
        "departures": _departures(current, civil_date(now, organisation.time_zone)),
        "history": [
            {
                "proposal": each,
                "waits": each.pk not in adoptions and each is proposals[0],
                "adopted": _adopted(adoptions.get(each.pk), organisation),
                "at": say_instant(each.proposed_at, organisation.time_zone),
                "departures": len(each.document.get("departure", ())),
            }
            for each in proposals
        ],
        "may_propose": permissions.may(user, PROPOSE, None, now, organisation_id=organisation.pk),
    }


def _adopted(adoption: PolicyAdoption | None, organisation: Organisation) -> dict[str, Any] | None:
    if adoption is None:
        return None
    return {
        "who": adoption.by.name,
        "at": say_instant(adoption.at, organisation.time_zone),
        "signed": adoption.departures > 0,
    }


def _departures(proposal: PolicyProposal | None, today: date) -> list[dict[str, Any]]:
    """What departs from the shipped policy, the ones whose review is over first."""
    rows = proposal.document.get("departure", ()) if proposal is not None else ()
    found = [{**row, "place": _place(row), "overdue": date.fromisoformat(row["review_on"]) < today} for row in rows]
    return sorted(found, key=lambda row: str(row["review_on"]))


def _place(row: dict[str, Any]) -> str:
    return f"{row['row']}.{row['field']}" if row.get("field") else str(row["row"])


@staff_page
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, organisation_id: UUID) -> HttpResponse:
    """Every value that can be changed, with which way is more careful; sent once to compare, then to propose."""
    user, now = signed_in(request), clock.now()
    organisation = Organisation.objects.filter(
        pk=organisation_id, pk__in=permissions.organisations_of(user, now)
    ).first()
    if organisation is None:
        raise Http404("There is no such organisation.")
    if not permissions.may(user, PROPOSE, None, now, organisation_id=organisation.pk):
        raise PermissionDenied("Your role does not allow that here.")
    caution, shipped = load_policy().caution, shipped_document()
    current = in_force(organisation.pk)
    values = values_of(shipped, caution)
    own = {each.place: each.text for each in values_of(current.document, caution)} if current is not None else {}
    if request.method == "GET":
        typed = {each.place: own.get(each.place, each.text) for each in values}
        return _form(request, organisation, values, typed)
    typed = {each.place: request.POST.get(f"v:{each.place}", each.text) for each in values}
    try:
        found = preview(organisation, typed, now)
        if request.POST.get("what") != "propose":
            return _form(request, organisation, values, typed, found.changes)
        reasons = _reasons(request, found.departures)
        proposal = propose_policy(organisation.pk, typed, reasons=reasons, by=person(user), now=now)
    except RefusedError as error:
        compared = () if error.code in ("unknown_key", "unknown_word") else _compared(organisation, typed, now)
        return _form(request, organisation, values, typed, compared, error, status=422)
    waits = not proposal.adoptions.exists()
    said = "Proposed. Another person signs what departs from the shipped policy." if waits else "In force from now on."
    messages.success(request, said)
    return redirect("own_policy", proposal_id=proposal.pk)


def _compared(organisation: Organisation, typed: dict[str, str], now: datetime) -> tuple[PolicyChange, ...]:
    try:
        return preview(organisation, typed, now).changes
    except RefusedError:
        return ()


def _reasons(request: HttpRequest, departures: Iterable[PolicyChange]) -> dict[str, Reason]:
    found = {}
    for change in departures:
        try:
            day = date.fromisoformat(request.POST.get(f"d:{change.place}", ""))
        except ValueError as error:
            said = "Give the day of review."
            raise RefusedError(said, code="missing_reason", path=change.place) from error
        found[change.place] = Reason(reason=request.POST.get(f"r:{change.place}", ""), review_on=day)
    return found


def _form(
    request: HttpRequest,
    organisation: Organisation,
    values: tuple[Value, ...],
    typed: dict[str, str],
    compared: tuple[PolicyChange, ...] | None = None,
    error: RefusedError | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    places = {each.place for each in values}
    in_form = error is not None and not compared and error.path in places
    shown = [
        _change(change)
        | {"reason": request.POST.get(f"r:{change.place}", ""), "day": request.POST.get(f"d:{change.place}", "")}
        for change in compared or ()
    ]
    context = {
        **frame(request, "protocols"),
        "house": organisation,
        "tables": list(form_tables(values, typed, error if in_form else None)),
        "compared": compared is not None and (error is None or bool(compared)),
        "changes": shown,
        "departs": any(not change.free for change in compared or ()),
        "error": error.message if error is not None else "",
        "error_place": error.path if error is not None else "",
        "error_in_form": in_form,
    }
    return render(request, "handrail/policy_propose.html", context, status=status)


def _change(change: PolicyChange) -> dict[str, Any]:
    tone, words = MARKS[change.verdict]
    return {
        "place": change.place,
        "row": change.row,
        "before": say(change.before),
        "after": say(change.after),
        "tone": tone,
        "words": words,
        "because": change.because,
        "free": change.free,
    }


def _proposal_for(request: HttpRequest, proposal_id: UUID) -> PolicyProposal:
    mine = permissions.organisations_of(signed_in(request), clock.now())
    found = (
        PolicyProposal.objects.filter(pk=proposal_id, organisation__in=mine)
        .select_related("organisation", "proposed_by")
        .first()
    )
    if found is None:
        raise Http404("There is no such policy.")
    return found


@staff_page
@require_GET
def own_policy(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """One version: what it changes, who proposed and who signed, its rows, and the courses that carry another one."""
    return _page(request, _proposal_for(request, proposal_id))


def _page(request: HttpRequest, proposal: PolicyProposal, *, error: str = "", status: int = 200) -> HttpResponse:
    user, now, organisation = signed_in(request), clock.now(), proposal.organisation
    adoption = proposal.adoptions.select_related("by").first()
    newest = not PolicyProposal.objects.filter(organisation=organisation, number__gt=proposal.number).exists()
    current = in_force(organisation.pk) == proposal
    departures = {row["place"]: row for row in _departures(proposal, civil_date(now, organisation.time_zone))}
    may_approve = permissions.may(user, APPROVE, None, now, organisation_id=organisation.pk)
    context = {
        **frame(request, "protocols"),
        "proposal": proposal,
        "house": organisation.name,
        "changes": [_change(each) | {"signed": departures.get(each.place)} for each in compare(proposal.document)],
        "departures": len(departures),
        "proposed_at": say_instant(proposal.proposed_at, organisation.time_zone),
        "adopted": _adopted(adoption, organisation),
        "in_force": current,
        "waits": adoption is None and newest,
        "may_approve": adoption is None and newest and may_approve and user.pk != proposal.proposed_by_id,
        "mine": user.pk == proposal.proposed_by_id,
        "courses": left_behind(not_on(proposal, running_of(organisation.pk, user, now), now), user, now)
        if current
        else [],
        "error": error,
        **_book(load_policy(proposal.document), proposal.document),
    }
    return render(request, "handrail/own_policy.html", context, status=status)


@staff_page
@changes("own_policy", "proposal_id")
def approve(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Sign the departures of a proposal, as it was shown."""
    proposal = _proposal_for(request, proposal_id)
    if request.POST.get("seen") != "yes":
        return _page(request, proposal, error="Say first that you have read each departure.", status=422)
    try:
        approve_policy(proposal.pk, sha256=request.POST.get("sha256", ""), by=person(signed_in(request)))
    except (RefusedError, ConflictError) as error:
        return _page(request, proposal, error=error.message, status=422)
    messages.success(request, "Signed. In force from now on.")
    return redirect("own_policy", proposal_id=proposal.pk)


@staff_page
@require_GET
def own_policy_file(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """The whole policy as JSON: what a course file takes as its `policy`, and `handrail protocols diff` compares."""
    proposal = _proposal_for(request, proposal_id)
    text = json.dumps(proposal.document, ensure_ascii=False, indent=2)
    response = HttpResponse(text + "\n", content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="policy_{proposal.document["id"]}_{proposal.number}.json"'
    return response


@staff_page
@changes("course", "course_id")
def take_up(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Move one course to the policy that its organisation has in force."""
    course = course_for(request, course_id, "decide")
    try:
        take_up_policy(course.pk, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Moved to the policy in force. Read what is asked of the patient again.")
    return redirect("course", course_id=course.pk)


@staff_page
@require_GET
def course_policy(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """The policy that a course carries now, whosever it is, row by row."""
    course = course_for(request, course_id)
    try:
        carried = wire.policy_document_of(course, clock.now())
        policy = load_policy(carried)
    except UnusableInput as error:
        raise Http404(error.message) from error
    context = {**frame(request, "protocols"), "course_id": course.pk, **_book(policy, carried)}
    return render(request, "handrail/policy.html", context)


def _book(policy: Policy, document: Any) -> dict[str, Any]:
    written = document if isinstance(document, dict) and "format" in document else shipped_document(policy.ref.id)
    return book_of(policy, policy_rows(written))
