"""The papers of sites and people, the modes, a reminder to certify; and the dispense record and reports of one course."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.errors import NotAllowedError, RefusedError
from handrail.actions.rems import (
    LICENCES,
    PaperDraft,
    add_paper,
    end_paper,
    remind,
    set_mode,
)
from handrail.actions.rems_desk import desk_of, pages_for
from handrail.actions.rems_doses import HOWS, RECEIVERS, record_dispense, record_report
from handrail.actions.rems_look import House, evidence_of, house_of
from handrail.people import permissions
from handrail.people.models import Membership, Organisation, RemsDispense, RemsMode, RemsReport
from handrail.records.models import Course
from handrail.rules.rems_data import programme_for
from handrail.rules.rems_desk import KIND_WORDS
from handrail.rules.terms import civil_date, say_date
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.forms import Field, Filled, Form, fill, prefilled
from handrail.web.paging import asked_for
from handrail.web.presenters import patient_words
from handrail.web.rems.paper_lists import in_order, listed, uncertified
from handrail.web.rems.parts import (
    around,
    form,
    form_rows,
    houses,
    ids,
    may_keep,
    product_choices,
    programme_choices,
    shown,
)
from handrail.web.words import local_time

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENDS = (("on", "On the last day above"), ("never", "It does not run out"), ("not_known", "Not known"))


@staff_page
@require_http_methods(["GET", "POST"])
def papers(request: HttpRequest) -> HttpResponse:
    """The papers that count, page by page, a search for those of one name, and a form for a new one. Constant number of queries.

    The name is sent as a form: in an address it would stay in the browser's history and in logs on the way.
    """
    mine = houses(request)
    own = next((each for each in mine if may_keep(request, each)), None)
    held = {each.pk: house_of(each, clock.now()) for each in mine}
    filled = Filled(form=prefilled(_paper_form(held[own.pk]), _starts(request)), typed={}) if own else None
    status = 200
    named = request.POST.get("named", "").strip()
    if request.method == "POST" and "named" not in request.POST:
        if own is None or filled is None:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(filled.form, dict(request.POST.lists()), own.time_zone)
        if _done(request, filled, lambda values: _add(request, own, values)):
            return redirect("rems_papers")
        status = 422
    lists = [(each, uncertified(held[each.pk], named), in_order(held[each.pk], named)) for each in mine]
    pages = pages_for(max((max(len(lacking), len(papers)) for _, lacking, papers in lists), default=0))
    asked = asked_for(request)
    page = 1 if named else min(max(asked.page, 1), pages)
    context = {
        **around(request, "papers"),
        "houses": [
            listed(held[each.pk], lacking, papers, page, pages, keeps=may_keep(request, each))
            for each, lacking, papers in lists
        ],
        "form": form_rows(filled) if filled else None,
        "named": named,
        "cut": named and pages > 1,
        "list": {
            "page": page,
            "pages": 1 if named else pages,
            "before": f"?{asked.query(page - 1)}" if page > 1 else "",
            "after": f"?{asked.query(page + 1)}" if page < pages else "",
        },
    }
    return render(request, "handrail/rems/papers.html", context, status=status)


@staff_page
@changes("rems_papers")
def end(request: HttpRequest, record_id: UUID) -> HttpResponse:
    """Let a paper end on a day, with a reason."""
    try:
        last = date.fromisoformat(request.POST.get("last_day", ""))
        row = end_paper(record_id, last_day=last, reason=request.POST.get("reason", ""), by=person(signed_in(request)))
        messages.success(request, "Taken back: it never counted." if row.withdrawn else f"It ends on {say_date(last)}.")
    except ValueError:
        messages.error(request, "Nothing is saved: type the last day.")
    except RefusedError as error:
        messages.error(request, f"Nothing is saved. {error.message}")
    return redirect("rems_papers")


@staff_page
@changes("rems_papers")
def send_reminder(request: HttpRequest) -> HttpResponse:
    """Remind a prescriber to certify: one click."""
    own = next((each for each in houses(request) if may_keep(request, each)), None)
    if own is None:
        raise NotAllowedError("Your role does not allow that here.")
    whom = ids([request.POST.get("user", "")])
    try:
        programme = request.POST.get("programme", "")
        act = remind(own.pk, user_id=whom[0] if whom else "", programme=programme, by=person(signed_in(request)))
        name = act.user.name if act.user else "Nobody"
        messages.success(request, f"{name} is reminded: it stands on that person's own page of papers.")
    except RefusedError as error:
        messages.error(request, error.message)
    return redirect("rems_papers")


@staff_page
@require_http_methods(["GET", "POST"])
def modes(request: HttpRequest) -> HttpResponse:
    """Who gets the codes of each site at which hour, and a form to change it."""
    mine, now = houses(request), clock.now()
    own = next((each for each in mine if may_keep(request, each)), None)
    filled = Filled(form=_mode_form(own), typed={}) if own else None
    status = 200
    if request.method == "POST":
        if own is None or filled is None:
            raise NotAllowedError("Your role does not allow that here.")
        filled = fill(filled.form, dict(request.POST.lists()), own.time_zone)
        if _done(request, filled, lambda values: _switch(request, own, values)):
            return redirect("rems_modes")
        status = 422
    rows = RemsMode.objects.filter(organisation__in=mine).select_related("site", "central", "local", "by")
    told = [
        {
            "site": row.site.name,
            "what": RemsMode.Mode(row.mode).label.capitalize(),
            "from": local_time(row.from_at, row.site.time_zone),
            "begun": row.from_at <= now,
            "central": row.central.name if row.central else "",
            "local": row.local.name if row.local else "",
            "week": [(day, text or "not known") for day, text in zip(DAYS, row.week, strict=False)],
            "by": row.by.name,
        }
        for row in rows.order_by("site__name", "-from_at", "-at", "-id")
    ]
    context = {**around(request, "modes"), "modes": told, "form": form_rows(filled) if filled else None}
    return render(request, "handrail/rems/modes.html", context, status=status)


@staff_page
@require_http_methods(["GET", "POST"])
def of_course(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Line 8 of one course, the dispense records of its doses, and the reports that are due."""
    course, user, now = course_for(request, course_id), signed_in(request), clock.now()
    log_look(course, "rems", user=user, now=now)
    able = permissions.verbs_on(user, course, now)
    found = desk_of(user, course.organisation, now, only=course)
    due = [(each.report.reaction.event, each.report.words) for each in found.due]
    zone = course.site.time_zone if course.site else course.time_zone
    due += _closed(course, {event for event, _ in due}, zone)
    on = next((each.on for each in found.planned), civil_date(now, zone))
    forms = _course_forms(course, _prescribers(request, course, found.house), able, on, due)
    filled = {key: Filled(form=each, typed={}) for key, each in forms.items()}
    status = 200
    if request.method == "POST":
        key = request.POST.get("form", "")
        if key not in forms:
            raise NotAllowedError("Your role does not allow that here.")
        filled[key] = fill(forms[key], dict(request.POST.lists()), zone)
        doing = {"dispense": _dispense, "report": _report}[key]
        if _done(request, filled[key], lambda values: doing(request, course, values)):
            return redirect("rems_course", course_id=course.pk)
        status = 422
    rows = RemsDispense.objects.filter(course=course).select_related("prescriber", "by").order_by("-on", "-at", "id")
    replaced = {row.supersedes_id for row in rows}
    programme = programme_for(course.product, course.jurisdiction)
    context = {
        **around(request, "desk"),
        "course": course,
        "who": patient_words(course, names="view_identity" in able),
        "programme": programme.name if programme else "",
        "line": shown(evidence_of(course, now)),
        "day": on,
        "due": [
            {"words": each.report.words, "due": say_date(each.report.last_day), "overdue": each.overdue}
            for each in found.due
        ],
        "records": [_record(row, zone, struck=row.pk in replaced) for row in rows],
        "forms": [form_rows(each) for each in filled.values()],
    }
    return render(request, "handrail/rems/course.html", context, status=status)


def _done(request: HttpRequest, filled: Filled, doing: Callable[[dict[str, Any]], str]) -> bool:
    """Do what a form asks; False: something is wrong, and stands in its errors."""
    if filled.errors:
        return False
    try:
        messages.success(request, doing(filled.values))
    except RefusedError as error:
        named = {field.name for field in filled.form.fields}
        filled.errors[error.path if error.path in named else filled.form.fields[0].name] = error.message
        return False
    return True


# --- papers -------------------------------------------------------------------------------------------------------------------------


def _starts(request: HttpRequest) -> dict[str, str]:
    """What a link of the set-up fills in beforehand."""
    return {name: request.GET[name] for name in ("kind", "programme", "product", "sites") if name in request.GET}


def _members(organisation: Organisation | None) -> tuple[tuple[str, str], ...]:
    now = clock.now()
    found = Membership.objects.filter(organisation=organisation, valid_from__lte=now, user__is_active=True)
    found = found.exclude(valid_until__lte=now)
    named = {(str(user), name) for user, name in found.values_list("user", "user__name")}
    return tuple(sorted(named, key=lambda pair: pair[1]))


def _paper_form(house: House) -> Form:
    sites = tuple((str(site.pk), site.name) for site in house.sites)
    people = _members(house.organisation)
    kinds = tuple((value, words.capitalize()) for value, words in KIND_WORDS.items())
    fields = (
        Field(name="kind", label="What", kind="choice", required=True, choices=kinds),
        Field(name="programme", label="Programme", kind="choice", required=True, choices=programme_choices()),
        Field(
            name="product",
            label="Product",
            kind="choice",
            choices=product_choices(),
            hint="Needed for a training. Left alone: every product of the programme.",
        ),
        Field(
            name="sites",
            label="Sites",
            kind="choices",
            choices=sites,
            hint="For a setting, a dispenser, a representative or a deputy.",
        ),
        Field(
            name="user",
            label="Whose",
            kind="choice",
            choices=people,
            hint="For a prescriber, a representative, a deputy or a training.",
        ),
        Field(
            name="deputy",
            label="Deputy, for days away",
            kind="choice",
            choices=people,
            hint="Needed with a representative.",
        ),
        Field(name="from_on", label="First day", kind="date", required=True),
        Field(name="until", label="Last day", kind="date"),
        Field(name="ends", label="When does it end?", kind="choice", required=True, choices=ENDS),
        Field(
            name="licence",
            label="Licence under which the site dispenses",
            kind="choice",
            choices=tuple(LICENCES.items()),
        ),
        Field(name="version", label="Version of the training material", kind="text"),
        Field(name="reference", label="Number or place of the paper", kind="text"),
    )
    return form("paper", "Write down a paper", "keep_rems", fields, intro=f"Of {house.organisation.name}.")


def _add(request: HttpRequest, organisation: Organisation, values: dict[str, Any]) -> str:
    until = date.fromisoformat(values["until"]) if "until" in values else None
    if values["ends"] == "on" and until is None:
        raise RefusedError("Type the last day, or choose another answer below.", code="missing_key", path="until")
    rows = add_paper(
        organisation.pk,
        PaperDraft(
            kind=values["kind"],
            programme=values["programme"],
            product=values.get("product", ""),
            sites=ids(values.get("sites")),
            user_id=values.get("user"),
            deputy_id=values.get("deputy"),
            from_on=date.fromisoformat(values["from_on"]),
            until=until if values["ends"] == "on" else None,
            no_end=values["ends"] == "never",
            licence=values.get("licence", ""),
            version=values.get("version", ""),
            reference=values.get("reference", ""),
        ),
        by=person(signed_in(request)),
    )
    return f"Saved: {len(rows)} {'row' if len(rows) == 1 else 'rows'}. It counts from now on."


# --- modes --------------------------------------------------------------------------------------------------------------------------


def _mode_form(organisation: Organisation | None) -> Form:
    house = house_of(organisation, clock.now()) if organisation else None
    sites = tuple((str(site.pk), site.name) for site in house.sites) if house else ()
    people = _members(organisation)
    kinds = tuple((value, label.capitalize()) for value, label in RemsMode.Mode.choices)
    fields = (
        Field(name="site", label="Site", kind="choice", required=True, choices=sites),
        Field(name="mode", label="Who gets the codes", kind="choice", required=True, choices=kinds),
        Field(
            name="from_at",
            label="From",
            kind="moment",
            required=True,
            hint="Clock time here. Until then it stays as it is.",
        ),
        Field(name="central", label="At the centre", kind="choice", choices=people),
        Field(name="local", label="At the site", kind="choice", choices=people),
        *(
            Field(
                name=f"day{number}",
                label=f"Centre open on {day}",
                kind="text",
                hint=""
                if number
                else "Hybrid only. Such as 08:00-17:00, or closed; in every other hour the site answers.",
            )
            for number, day in enumerate(DAYS)
        ),
    )
    intro = f"Of {organisation.name}." if organisation else ""
    return form("mode", "Change who gets the codes", "keep_rems", fields, intro=intro)


def _switch(request: HttpRequest, organisation: Organisation, values: dict[str, Any]) -> str:
    row = set_mode(
        organisation.pk,
        site_id=UUID(values["site"]),
        mode=values["mode"],
        from_at=datetime.fromisoformat(values["from_at"]),
        central_id=values.get("central"),
        local_id=values.get("local"),
        week=tuple(values.get(f"day{number}", "") for number in range(7)),
        by=person(signed_in(request)),
    )
    return f"Saved for {row.site.name}. Until {local_time(row.from_at, row.site.time_zone)} it stays as it is."


# --- one course ---------------------------------------------------------------------------------------------------------------------


def _course_forms(
    course: Course, people: set[tuple[str, str]], able: frozenset[str], on: date, due: list[tuple[str, str]]
) -> dict[str, Form]:
    found = {}
    if "record_dispense" in able and programme_for(course.product, course.jurisdiction) is not None:
        live = RemsDispense.objects.filter(course=course, superseded_by__isnull=True).order_by("-on", "-at", "id")
        held = tuple((str(row.pk), f"{say_date(row.on)}: {row.code or 'no code'}") for row in live)
        fields: tuple[Field, ...] = (
            Field(name="on", label="Day of the dose", kind="date", required=True, start=on.isoformat()),
            Field(
                name="prescriber",
                label="Who prescribes",
                kind="choice",
                choices=tuple(sorted(people, key=lambda p: p[1])),
            ),
            Field(
                name="checked",
                label="Is the prescriber certified, by the programme itself?",
                kind="yes_no",
                required=True,
                choices=(("yes", "Yes"), ("no", "No"), ("not_known", "Not known")),
            ),
            Field(name="code", label="Code or confirmation", kind="text"),
            Field(name="how", label="How it was obtained", kind="choice", choices=tuple(HOWS.items())),
            Field(name="obtained_at", label="When it was obtained", kind="moment", hint="Clock time at the site."),
        )
        if held:
            fields += (
                Field(
                    name="corrects",
                    label="Corrects",
                    kind="choice",
                    choices=held,
                    hint="Only when one of these is wrong.",
                ),
                Field(name="reason", label="Why it is corrected", kind="text"),
            )
        found["dispense"] = form("dispense", "Dispense record", "record_dispense", fields)
    if "report_reaction" in able and due:
        fields = (
            Field(name="event", label="Which", kind="choice", required=True, choices=tuple(due)),
            Field(
                name="owed",
                label="What was done",
                kind="choice",
                required=True,
                choices=(("yes", "It was reported"), ("no", "It is not serious")),
            ),
            Field(name="to", label="To", kind="choice", choices=tuple(RECEIVERS.items())),
            Field(name="reported_at", label="When", kind="moment"),
            Field(name="reference", label="Number of the report", kind="text"),
            Field(name="reason", label="Why it is not serious", kind="text"),
        )
        found["report"] = form("report", "Report of a serious reaction", "report_reaction", fields)
    return found


def _closed(course: Course, owed: set[str], zone: str) -> list[tuple[str, str]]:
    """The reactions of which a report, or that none is owed, is written down: a slip is put right by another word beside it."""
    found = {}
    for row in RemsReport.objects.filter(course=course).order_by("at", "id"):
        told = f"reported to {RECEIVERS[row.to]}" if row.owed else "not serious"
        at = local_time(row.at, zone)
        found[str(row.event)] = f"{row.toxicity.upper()}, written down as {told} on {at}: only where that was a slip"
    return [(event, words) for event, words in found.items() if event not in owed]


def _prescribers(request: HttpRequest, course: Course, house: House) -> set[tuple[str, str]]:
    """Who may prescribe this course, by id and name: of its own organisation, and of the person's, where the course is lent to it."""
    now = clock.now()
    found = {(each.id, each.name) for place in house.places.values() for each in place.prescribers}
    others = [each for each in houses(request) if each.pk != course.organisation_id]
    here = Membership.objects.filter(
        permissions.in_force(now), organisation__in=others, role__in=permissions.PRESCRIBERS, user__is_active=True
    )
    for each in here.select_related("user"):
        if permissions.may(each.user, "decide", course, now):
            found.add((str(each.user.pk), each.user.name))
    return found


def _dispense(request: HttpRequest, course: Course, values: dict[str, Any]) -> str:
    obtained = values.get("obtained_at")
    row = record_dispense(
        course.pk,
        on=date.fromisoformat(values["on"]),
        prescriber_id=values.get("prescriber"),
        checked=values["checked"],
        code=values.get("code", ""),
        how=values.get("how", ""),
        obtained_at=datetime.fromisoformat(obtained) if obtained else None,
        corrects=UUID(values["corrects"]) if "corrects" in values else None,
        reason=values.get("reason", ""),
        by=person(signed_in(request)),
    )
    return f"Saved for the dose of {say_date(row.on)}."


def _report(request: HttpRequest, course: Course, values: dict[str, Any]) -> str:
    at = values.get("reported_at")
    row = record_report(
        course.pk,
        event_id=UUID(values["event"]),
        owed=values["owed"] == "yes",
        to=values.get("to", ""),
        reported_at=datetime.fromisoformat(at) if at else None,
        reference=values.get("reference", ""),
        reason=values.get("reason", ""),
        by=person(signed_in(request)),
    )
    return "Saved: reported." if row.owed else "Saved: not serious."


def _record(row: RemsDispense, zone: str, *, struck: bool) -> dict[str, Any]:
    words = {True: "prescriber certified", False: "prescriber NOT certified", None: "prescriber: not known"}
    return {
        "on": row.on,
        "code": row.code or "no code",
        "checked": words[row.checked],
        "prescriber": row.prescriber.name if row.prescriber else "not known",
        "how": HOWS.get(row.how, "how is not known"),
        "obtained": local_time(row.obtained_at, zone) if row.obtained_at else "not known",
        "by": row.by.name,
        "at": local_time(row.at, zone),
        "struck": struck,
        "reason": row.reason,
    }
