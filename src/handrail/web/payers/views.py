"""The access desk: the queue by clock, a request with its history and next step, what a course will be billed as, and the letter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.payer_gate import Held, evidence_of, held_of, planned_of
from handrail.actions.payer_papers import papers_of
from handrail.actions.payer_requests import (
    VERB,
    add_entry,
    cautions_of,
    drugs,
    entry_of,
    open_request,
    zone_of,
)
from handrail.people import permissions
from handrail.people.models import Site
from handrail.records.models import Course, PayerRequest
from handrail.rules.access import Caution, Entry, Kind, Standing, conflicts, counted, urgency_of
from handrail.rules.access_data import SUPPLY_WORDS, TOCILIZUMAB, access_rules
from handrail.rules.access_gate import RESCUE_NEVER_WAITS
from handrail.rules.access_waits import outlook
from handrail.rules.billing import units_of
from handrail.rules.caredata import tocilizumab
from handrail.rules.evidence import Evidence
from handrail.rules.terms import UnusableInput, civil_date, say_date
from handrail.web.context import frame, page_asked
from handrail.web.doors import course_for, signed_in, staff_page
from handrail.web.forms import Filled, Form, fill
from handrail.web.payers import forms, pack, reading
from handrail.web.payers.letter import letter_context
from handrail.web.pdf import PAPERS, PdfUnavailable, as_file, papers_for, pdf_of
from handrail.web.presenters import patient_words
from handrail.web.words import instant_iso, local_time

SOON: Final = timedelta(hours=4)
"""A clock that runs out within this is marked: a mark on a page, no limit of anything."""
READ: Final = reading.READ
GOES_ON: Final = "That goes on without the payer: whoever prescribes, or a pharmacist, decides it and writes it down."


@staff_page
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Every open request that this person may work on, what is overdue or urgent first. Constant number of queries."""
    user, now = signed_in(request), clock.now()
    found = reading.open_requests(user, now, page_asked(request))
    may = permissions.may(user, VERB, None, now)
    context = {
        **frame(request, "programme"),
        "rows": [_queued(each, now) for each in found.rows],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
        "most": reading.PER_PAGE,
        "may": may,
        "ask": [] if may else reading.workers_for(user, now),
        "sites": Site.objects.filter(organisation__in=permissions.organisations_of(user, now)).order_by("name", "id"),
        "rescue": RESCUE_NEVER_WAITS,
    }
    return render(request, "handrail/payers/queue.html", context)


@staff_page
@require_GET
def prevention(request: HttpRequest) -> HttpResponse:
    """Tocilizumab before step-up: for how many it was meant, given of those, and the reasons where not."""
    user, now = signed_in(request), clock.now()
    may = permissions.may(user, READ, None, now)
    context = {**frame(request, "programme"), "may": may, **reading.prevention_report(user, now)}
    return render(request, "handrail/payers/prevention.html", context)


def _queued(each: reading.Queued, now: datetime) -> dict[str, Any]:
    held, course = each.held, each.course
    return {
        **_clock(held.standing, zone_of(course), now),
        "id": held.row.pk,
        "who": patient_words(course, names=True),
        "drug": _drug(held.row),
        "payer": held.row.payer,
        "state": held.standing.words,
        "expedited": urgency_of(held.request, held.standing) == "expedited",
        "ended": course.ended_at is not None,
        "planned": say_date(each.planned_on) if each.planned_on else "not planned yet",
    }


def _clock(standing: Standing, zone: str, now: datetime) -> dict[str, Any]:
    """The clock that runs, as a mark, its words, and who has it."""
    clock_ = standing.clock
    if clock_ is None:
        return {"tone": "good", "mark": "Settled", "due": "", "owner": "", "what": "", "also": ""}
    left = clock_.due - now
    tone, mark = ("routine", "Runs")
    if left <= timedelta(0):
        tone, mark = "now", "Overdue"
    elif left <= SOON:
        tone, mark = "soon", "Soon"
    return {
        "tone": tone,
        "mark": mark,
        "due": local_time(clock_.due, zone),
        "due_iso": instant_iso(clock_.due),
        "owner": clock_.owner,
        "what": clock_.what,
        "also": clock_.also,
    }


def _drug(row: PayerRequest) -> str:
    names = dict(forms.product_choices())
    product = f" ({names.get(row.product, row.product)})" if row.product else ""
    return f"{drugs().get(row.drug, row.drug)}{product}"


# --- a course --------------------------------------------------------------------------------------------------------------


@staff_page
@require_http_methods(["GET", "POST"])
def course_access(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """What will be billed for a course, its requests, lines 6 and 7 of the gate, and the form that opens a request."""
    found, user, now = course_for(request, course_id, READ), signed_in(request), clock.now()
    form = forms.opening(found, reading.payers_of(found.organisation_id))
    filled, status = Filled(form=form, typed={}), 200
    if request.method == "POST":
        course_for(request, course_id, VERB)
        filled = fill(form, dict(request.POST.lists()), found.time_zone)
        if not filled.errors:
            try:
                row = open_request(found.pk, by=person(user), now=now, **_opened(filled.values))
            except RefusedError as error:
                filled.errors[error.path] = error.message
            else:
                return redirect("payer_request", request_id=row.pk)
        status = 422
    log_look(found, "access", user=user)
    planned = planned_of(found, now)
    day = planned.on or civil_date(now, zone_of(found))
    evidence = {} if planned.trouble else evidence_of(found, day, now=now)
    held = held_of(found)
    context = {
        **_around(request, found, now),
        **reading.billing_rows(found, now),
        "not_judged": planned.trouble,
        "rescue": RESCUE_NEVER_WAITS,
        "gate": [_line(line, each) for line, each in evidence.items()],
        "gate_day": say_date(day),
        "requests": [{**_clock(each.standing, zone_of(found), now), **_listed(each)} for each in held],
        "supply": _supply(held, found),
        "form": _shown(filled),
        "counted": _units(request, found, now),
        "products": [(found.product, drugs().get(found.product, found.product)), *_agents()],
    }
    return render(request, "handrail/payers/course.html", context, status=status)


def _opened(values: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of the form as the verb takes them: what was left alone is not known."""
    return {**{name: value for name, value in values.items() if value is not None}, "internal": values.get("internal")}


def _line(number: int, each: Evidence) -> dict[str, Any]:
    tone, mark = {True: ("good", "Met"), False: ("now", "Not met"), None: ("today", "Not known")}[each.met]
    return {
        "number": number,
        "tone": tone,
        "mark": mark,
        "because": each.because,
        "owner": each.owner,
        "next_step": each.next_step or "",
    }


def _listed(each: Held) -> dict[str, Any]:
    return {"id": each.row.pk, "drug": _drug(each.row), "payer": each.row.payer, "state": each.standing.words}


def _supply(held: list[Held], found: Course) -> str:
    """How the drug of the course gets here, by its latest request."""
    known = [each.row.supply for each in held if each.row.drug == found.product and each.row.supply]
    return SUPPLY_WORDS.get(known[0], known[0]) if known else "not known"


def _agents() -> list[tuple[str, str]]:
    return [(f"{TOCILIZUMAB}{row.suffix or ''}", f"Tocilizumab: {row.brand}") for row in tocilizumab().product]


def _units(request: HttpRequest, found: Course, now: datetime) -> dict[str, Any]:
    """Units and discarded units for milligrams that somebody typed. Nothing is kept."""
    typed = {name: request.GET.get(name, "").strip() for name in ("agent", "mg_given", "mg_opened")}
    if not typed["mg_given"]:
        return {**typed, "words": ""}
    today = civil_date(now, found.time_zone)
    try:
        given = Decimal(typed["mg_given"].replace(",", "."))
        opened = Decimal(typed["mg_opened"].replace(",", ".")) if typed["mg_opened"] else None
        if not given.is_finite() or (opened is not None and not opened.is_finite()):
            raise InvalidOperation
        units = units_of(typed["agent"], given, today, mg_opened=opened)
    except InvalidOperation:
        return {**typed, "words": "Type the milligrams as a number."}
    except UnusableInput as error:
        return {**typed, "words": error.message}
    if units.code is None:
        return {**typed, "words": units.because}
    waste = "" if units.modifier is None else f", {units.discarded_units} discarded: {units.modifier}"
    day = f"the code of today, {say_date(today)}; of another day it may be another"
    words = f"{units.code}: {units.units} units{waste} ({units.because}; {day})"
    return {**typed, "words": words}


# --- a request -------------------------------------------------------------------------------------------------------------


@staff_page
@require_http_methods(["GET", "POST"])
def request_page(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """A request: where it stands, which clock runs, what to see before it is sent, its history, and what can be written down next."""
    row, found = _request_for(request, request_id)
    user, now = signed_in(request), clock.now()
    kind, filled = None, None
    if request.method == "POST":
        course_for(request, found.pk, VERB)
        kind = _asked_kind(request.POST.get("form", ""))
        form = _form(kind, found, row, now)
        filled = fill(form, dict(request.POST.lists()), zone_of(found))
        if not filled.errors:
            says = {name: value for name, value in filled.values.items() if name != "at"}
            at = filled.values.get("at")
            try:
                add_entry(
                    row.pk, kind=kind.value, says=says, by=person(user), at=datetime.fromisoformat(at) if at else None, now=now
                )  # fmt: skip
            except RefusedError as error:
                filled.errors[error.path] = error.message
            except NotAllowedError:
                # The page asks everybody who works on it; that a way goes on without the payer is known from what was chosen.
                filled.errors["option"] = GOES_ON
            else:
                messages.success(request, f"Written down: {forms.TITLES[kind].lower()}.", extra_tags="saved")
                return redirect("payer_request", request_id=row.pk)
    log_look(found, "payer_request", user=user)
    return _request_page(request, row, found, now, kind, filled)


def _asked_kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise Http404("There is no such entry.") from None


def _request_for(request: HttpRequest, request_id: UUID) -> tuple[PayerRequest, Course]:
    """A request and its course, for somebody who reaches it."""
    row = PayerRequest.objects.filter(pk=request_id).first()
    if row is None:
        raise Http404("There is no such request.")
    return row, course_for(request, row.course_id, READ)


def _form(kind: Kind, found: Course, row: PayerRequest, now: datetime) -> Form:
    held = next(each for each in held_of(found) if each.row.pk == row.pk)
    warned = any(each.known and each.key != "older" for each in cautions_of(found, row, now))
    return forms.of_kind(kind, held.request, warned=warned, entries=_open_entries(held, zone_of(found)))


def _open_entries(held: Held, zone: str) -> list[tuple[str, str]]:
    by_id = {str(each.pk): each for each in held.entries}
    standing_ = [by_id[each.id] for each in counted(_rules(held))]
    return [
        (str(each.pk), f"{forms.TITLES[Kind(each.kind)]}, {local_time(each.occurred_at, zone)}") for each in standing_
    ]


def _rules(held: Held) -> list[Entry]:
    return [entry_of(each) for each in held.entries]


def _request_page(
    request: HttpRequest, row: PayerRequest, found: Course, now: datetime, kind: Kind | None, filled: Filled | None
) -> HttpResponse:
    held = next(each for each in held_of(found) if each.row.pk == row.pk)
    zone, today = zone_of(found), civil_date(now, zone_of(found))
    papers = papers_of(found.organisation_id)
    card, warned = papers.card(row.payer, row.drug, today), cautions_of(found, row, now)
    history = reading.waits_with(found.organisation_id, row.payer, row.drug, now)
    planned = planned_of(found, now)
    submitted = held.standing.submitted.at if held.standing.submitted else None
    ahead = outlook(
        history, drug=row.drug, planned_on=planned.on, submitted_at=submitted, now=now, zone=zone, rules=access_rules(),
        answered_at=held.standing.first_answer_at,
    )  # fmt: skip
    around = _around(request, found, now)
    offered = [*held.standing.next, *([Kind.TAKEN_BACK] if held.entries else [])] if around["may"] else []
    shown = []
    for each in offered:
        form = forms.of_kind(
            each, held.request, warned=any(one.known and one.key != "older" for one in warned),
            entries=_open_entries(held, zone) if each is Kind.TAKEN_BACK else (),
        )  # fmt: skip
        is_sent = filled is not None and each is kind
        shown.append(_shown(filled if is_sent and filled is not None else Filled(form=form, typed={}), open_=is_sent))
    lost = filled is not None and kind not in offered
    context = {
        **around,
        **_clock(held.standing, zone, now),
        "id": row.pk,
        "drug": _drug(row),
        "payer": row.payer,
        "state": held.standing.words,
        "since": local_time(held.standing.since, zone),
        "not_judged": planned.trouble,
        "answer_by": local_time(held.standing.answer_by, zone) if held.standing.answer_by else "",
        "cannot_say": held.standing.cannot_say,
        "cautions": [_caution(each, warned) for each in warned],
        "conflict": bool(conflicts(warned)),
        "sent": held.standing.submitted is not None,
        "card": card,
        "waits": history.words,
        "ahead": ahead.words,
        "ahead_tone": {True: "good", False: "now", None: "today"}[ahead.in_time],
        "ahead_mark": {True: "In time", False: "Too late", None: "Cannot say"}[ahead.in_time],
        "options": ahead.options,
        "choices": [_choice(each, zone) for each in held.standing.choices],
        "history": _history(held, zone, reading.protocols_named(held)),
        "forms": shown,
        "trouble": " ".join(filled.errors.values()) if lost and filled is not None else "",
        "papers": papers_for(found.jurisdiction),
        "not_held": pack.not_held(pack.earlier(found, now)),
        "rescue": RESCUE_NEVER_WAITS if row.drug == TOCILIZUMAB else "",
    }
    return render(request, "handrail/payers/request.html", context, status=422 if filled is not None else 200)


def _caution(each: Caution, warned: tuple[Caution, ...]) -> dict[str, Any]:
    place = each in conflicts(warned)
    mark = "Place" if place else "See" if each.known else "Not known"
    return {"words": each.words, "tone": "soon" if each.known else "today", "mark": mark}


def _choice(each: Entry, zone: str) -> dict[str, str]:
    option = access_rules().option_of(each.option)
    until = f", counts until {say_date(each.valid_until)}" if each.valid_until else ""
    return {
        "words": (option.words if option else each.option) or "",
        "why": each.reason,
        "at": f"{local_time(each.at, zone)}{until}",
        "role": each.by_role,
    }


def _history(held: Held, zone: str, protocols: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every entry as it was written, the latest first; what was taken back, or fits nowhere, is marked. `protocols`: in words, by id."""
    back = {str(each.payload.get("takes_back")) for each in held.entries if each.kind == Kind.TAKEN_BACK}
    ignored = {each.id for each in held.standing.ignored}
    rows = sorted(held.entries, key=lambda each: (each.occurred_at, each.recorded_at, str(each.pk)), reverse=True)
    found = []
    for each in rows:
        told = {name: protocols.get(str(value), value) for name, value in each.payload.items() if name in _SAYS}
        said = [f"{_SAYS[name]} {value}".strip() for name, value in told.items()]
        note = (
            "taken back"
            if str(each.pk) in back
            else "does not count: it did not fit"
            if str(each.pk) in ignored
            else ""
        )
        found.append(
            {
                "title": forms.TITLES[Kind(each.kind)],
                "at": local_time(each.occurred_at, zone),
                "by": each.by.name,
                "role": each.role,
                "said": "; ".join(said),
                "note": note,
            }
        )
    return found


_SAYS: Final = {
    "reason": "",
    "urgency": "",
    "number": "number",
    "valid_from": "from",
    "valid_until": "until",
    "code": "code",
    "site": "site",
    "setting": "setting",
    "units": "units",
    "option": "chosen:",
    "product": "product",
    "paper": "interchange protocol",
    "answer_due": "answer due",
}


@staff_page
@require_GET
def letter(request: HttpRequest, request_id: UUID, paper: str) -> HttpResponse:
    """The letter and appeal pack as PDF: the case as the record tells it, with what is not known, and what may be cited."""
    row, found = _request_for(request, request_id)
    chosen = next((each for each in PAPERS if each == paper), None)
    if chosen is None:
        raise Http404("There is no such paper.")
    now = clock.now()
    log_look(found, "payer_letter", user=signed_in(request))
    try:
        made = pdf_of(
            "handrail/payers/letter_pdf.html", letter_context(row, found, now), paper=chosen, style="packet.css"
        )
    except PdfUnavailable as error:
        messages.warning(request, str(error))
        return redirect("payer_request", request_id=row.pk)
    return as_file(made, f"letter-{str(row.pk)[:8]}.pdf")


def _around(request: HttpRequest, found: Course, now: datetime) -> dict[str, Any]:
    return {
        **frame(request, "programme"),
        "course": {"id": found.pk, "who": patient_words(found, names=True), "product": found.product},
        "may": VERB in permissions.verbs_on(signed_in(request), found, now),
        "here_url": reverse("access"),
    }


def _shown(filled: Filled, *, open_: bool = False) -> dict[str, Any]:
    return {
        "key": filled.form.key,
        "title": filled.form.title,
        "intro": filled.form.intro,
        "rows": filled.rows(),
        "errors": filled.errors,
        "loose": [
            words for path, words in filled.errors.items() if path not in {each.name for each in filled.form.fields}
        ],
        "open": open_,
    }
