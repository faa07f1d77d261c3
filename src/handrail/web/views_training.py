"""Training and certificates: who is trained until when, who stands on the rota without, and what each step asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.training import add_certificate, ask_as_shipped, ask_of_step, asks_less, end_certificate
from handrail.people import permissions
from handrail.people.coverage import Asked, asked_kinds, standing_untrained, untrained_of_sites
from handrail.people.models import Certificate, Membership, Organisation, RotaStep, Site, Step
from handrail.people.training import Standing, standings
from handrail.rules.rota import load_rota_rules
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_date, say_date
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.forms import Field, Form
from handrail.web.paging import Share, asked_for, share_of, ways
from handrail.web.several_forms import send, shown
from handrail.web.views_rota import AHEAD, where_words


@staff_page
@require_http_methods(["GET", "POST"])
def training(request: HttpRequest) -> HttpResponse:
    """Who holds which certificate until when, at one's own organisations, who lacks one first, a page at a time; and for who manages
    them, three forms. Whoever stands on the rota without stands on every page.
    """
    user, now = signed_in(request), clock.now()
    organisations = list(
        Organisation.objects.filter(pk__in=permissions.organisations_of(user, now)).order_by("name", "id")
    )
    mine = next((each for each in organisations if _manages(request, each)), None)
    forms = _forms(mine) if mine else {}
    sent = send(request, forms, mine, {"certificate": _add, "end": _end, "step": _ask})
    if sent.saved:
        return redirect("training")
    held = {each.pk: standings(each, now) for each in organisations}
    share = share_of(asked_for(request), (), longest=max(map(len, held.values()), default=0))
    context = {
        **frame(request, "rota"),
        "houses": [_house(each, held[each.pk], share, may_change=each == mine) for each in organisations],
        "list": ways(share),
        "warn_days": ", ".join(str(days) for days in load_rota_rules().training.warn_days),
        "forms": shown(sent.filled),
    }
    return render(request, "handrail/training.html", context, status=sent.status)


@staff_page
@changes("training")
def as_shipped(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """Let a step ask again what the shipped rule asks, or the organisation's own rule for every site."""
    ask_as_shipped(row_id, by=person(signed_in(request)))
    messages.success(request, "Taken back. The rota is being looked at again.")
    return redirect("training")


def _manages(request: HttpRequest, organisation: Organisation) -> bool:
    user, now = signed_in(request), clock.now()
    return all(
        permissions.may(user, verb, None, now, organisation_id=organisation.pk)
        for verb in ("manage_people", "manage_rota")
    )


def _add(request: HttpRequest, mine: Organisation, values: dict[str, Any]) -> str:
    certificate = add_certificate(
        mine.pk,
        user_id=values["user"],
        kind=values["kind"],
        valid_from=date.fromisoformat(values["valid_from"]),
        valid_until=date.fromisoformat(values["valid_until"]) if "valid_until" in values else None,
        reference=values.get("reference", ""),
        by=person(signed_in(request)),
    )
    return f"Saved for {certificate.user.name}. The rota is being looked at again."


def _end(request: HttpRequest, _mine: Organisation, values: dict[str, Any]) -> str:
    last_day = date.fromisoformat(values["last_day"])
    left = end_certificate(UUID(values["held"]), last_day=last_day, by=person(signed_in(request)))
    if left is None:
        return "Taken back: it never counted. The rota is being looked at again."
    return f"The certificate of {left.user.name} ends on {say_date(last_day)}. The rota is being looked at again."


def _ask(request: HttpRequest, mine: Organisation, values: dict[str, Any]) -> str:
    row = ask_of_step(
        mine.pk,
        step=values["step"],
        must_be_filled=values["must_be_filled"] == "must",
        certificate=values.get("asked", ""),
        site_id=UUID(values["site"]) if values["site"] != "all" else None,
        reason=values.get("reason", ""),
        by=person(signed_in(request)),
    )
    return f"Saved for {role_words(row.step)}. The rota is being looked at again."


# --- what is shown ------------------------------------------------------------------------------------------------------


def _house(organisation: Organisation, held: Sequence[Standing], share: Share, *, may_change: bool) -> dict[str, Any]:
    now = clock.now()
    sites = list(Site.objects.filter(organisation=organisation).order_by("code", "id"))
    found = untrained_of_sites(sites, now, now + AHEAD)
    nowhere = [] if sites else standing_untrained(organisation, None, now, now + AHEAD)
    own = RotaStep.objects.filter(organisation=organisation).select_related("site").order_by("site__name", "id")
    return {
        "name": organisation.name,
        "untrained": where_words(organisation, [*((site, found[site.pk]) for site in sites), (None, nowhere)]),
        "people": [_person(each, civil_date(now, organisation.time_zone)) for each in held[share.rows]],
        "all": len(held),
        "lack": sum(not each.is_current for each in held),
        "steps": [_step(step, [row for row in own if row.step == step], may_change) for step in Step.values],
    }


def _person(standing: Standing, today: date) -> dict[str, Any]:
    mark, short, words = _state(standing, today)
    return {
        "who": standing.user.name,
        "kind": standing.kind,
        "mark": mark,
        "short": short,
        "words": words,
        "spans": [
            {"words": f"{say_date(each.valid_from)} until {_until(each.valid_until)}", "reference": each.reference}
            for each in reversed(standing.certificates)
        ],
    }


def _state(standing: Standing, today: date) -> tuple[str, str, str]:
    """The colour, the short words and the sentence of one standing; the words alone say it."""
    if standing.lacks_from is None:
        return "good", "Current", "does not run out"
    last = say_date(standing.lacks_from - timedelta(days=1))
    if standing.within is not None:
        mark = "soon" if standing.within == load_rota_rules().training.warn_days[0] else "today"
        return mark, f"Within {standing.within} days", f"runs out; {last} is its last day"
    if standing.is_current:
        return "good", "Current", f"until {last}"
    later = [each for each in standing.certificates if each.valid_from > today]
    if later:
        return "now", "Not yet", f"begins on {say_date(later[0].valid_from)}"
    over = [each.valid_until for each in standing.certificates if each.valid_until is not None]
    return ("now", "Ran out", f"{say_date(max(over))} was its last day") if over else ("now", "Missing", "none")


def _until(last: date | None) -> str:
    return say_date(last) if last else "somebody ends it"


def _step(step: str, own: list[RotaStep], may_change: bool) -> dict[str, Any]:
    shipped = load_rota_rules().of_step(step)
    return {
        "words": role_words(step).capitalize(),
        "shipped": _asks(shipped.must_be_filled, shipped.certificate or "") if shipped else _asks(False, ""),
        "own": [
            {
                "id": row.pk,
                "where": row.site.name if row.site else "every site",
                "words": _asks(row.must_be_filled, row.certificate),
                "less": asks_less(Asked(step=row.step, must_be_filled=row.must_be_filled, certificate=row.certificate)),
                "may": may_change,
            }
            for row in own
        ],
    }


def _asks(must_be_filled: bool, certificate: str) -> str:
    filled = "no hour without a person" if must_be_filled else "may stay empty"
    return f"{filled}; {f'certificate {certificate}' if certificate else 'no certificate'}"


# --- the forms --------------------------------------------------------------------------------------------------------------


def _forms(organisation: Organisation) -> dict[str, Form]:
    now = clock.now()
    today = civil_date(now, organisation.time_zone)
    in_force = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    members = Membership.objects.filter(in_force, organisation=organisation, user__is_active=True)
    people = sorted(
        {(str(user), name) for user, name in members.values_list("user", "user__name")}, key=lambda each: each[1]
    )
    lasting = Certificate.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gte=today), organisation=organisation
    )
    columns = ("pk", "user__name", "kind", "valid_from", "valid_until")
    held = [
        (str(pk), f"{name}: {kind}, {say_date(first)} until {_until(last)}")
        for pk, name, kind, first, last in lasting.order_by("user__name", "kind", "valid_from").values_list(*columns)
    ]
    sites = [(str(site.pk), site.name) for site in Site.objects.filter(organisation=organisation).order_by("name")]
    asked = ", ".join(asked_kinds(organisation)) or "none"
    certificate = (
        Field(name="user", label="Who", kind="choice", required=True, choices=tuple(people)),
        Field(name="kind", label="Certificate", kind="text", required=True, hint=f"The rota asks for: {asked}."),
        Field(name="valid_from", label="First day", kind="date", required=True),
        Field(name="valid_until", label="Last day", kind="date", hint="Empty: it does not run out."),
        Field(name="reference", label="Number or place of the paper", kind="text"),
    )
    end = (
        Field(name="held", label="Which", kind="choice", required=True, choices=tuple(held)),
        Field(name="last_day", label="Last day on which it counts", kind="date", required=True),
    )
    must = (("must", "No hour without a person"), ("may", "May stay empty"))
    steps = tuple((step.value, role_words(step.value).capitalize()) for step in Step)
    step = (
        Field(name="step", label="Step", kind="choice", required=True, choices=steps),
        Field(
            name="site",
            label="Where",
            kind="choice",
            required=True,
            choices=(("all", "Every site"), *sites),
            start="all",
        ),
        Field(name="must_be_filled", label="Its hours", kind="choice", required=True, choices=must),
        Field(name="asked", label="Certificate asked for", kind="text", hint="Empty: none is asked."),
        Field(name="reason", label="Why, if it asks less than the shipped rule", kind="text"),
    )
    return {
        "certificate": _form("certificate", "Add a certificate", certificate),
        "end": _form(
            "end", "End a certificate", end, "A day before its first day takes it back. The log keeps what it was."
        ),
        "step": _form("step", "Ask something else of a step", step),
    }


def _form(key: str, title: str, fields: tuple[Field, ...], intro: str = "") -> Form:
    verb = "manage_rota" if key == "step" else "manage_people"
    return Form(key=key, title=title, verb=verb, fields=fields, intro=intro, events=lambda values: [dict(values)])
