"""The emergency cards of a course: printed, handed over, revoked, and who opened the page behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.emergency import hand_over_card, issue_card, opens_page, revoke_card
from handrail.actions.errors import RefusedError
from handrail.people import permissions
from handrail.people.models import CarePlace, EmergencyCard
from handrail.records.models import Course
from handrail.rules.terms import say_instant
from handrail.web.cards import doors_on_paper, face
from handrail.web.context import frame
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.ed_packet import packet_context
from handrail.web.presenters import patient_words
from handrail.web.words import local_time

MOST: Final = 20


@staff_page
@require_GET
def cards(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Which cards there are, which of them opens the page, and who opened it."""
    found, user, now = course_for(request, course_id), signed_in(request), clock.now()
    verbs = permissions.verbs_on(user, found, now)
    log_look(found, "emergency_cards", user=user, now=now)
    rows = found.emergency_cards.select_related("link").order_by("-link__issued_at", "-id")[:MOST]
    openings = found.emergency_openings.order_by("-at", "-id")[:MOST]
    context = {
        **frame(request, "courses"),
        "course": _head(found, names="view_identity" in verbs),
        "rows": [_row(each, found, now) for each in rows],
        "openings": [{"at": local_time(each.at, found.time_zone), "who": each.who} for each in openings],
        "may_issue": "issue_link" in verbs and found.ended_at is None,
        "may_revoke": "revoke_link" in verbs,
        "ed_choices": _departments(found),
        **packet_context(found, now, verbs),
    }
    return render(request, "handrail/cards.html", context)


@staff_page
@require_GET
def card(request: HttpRequest, course_id: UUID, card_id: UUID) -> HttpResponse:
    """One card, to be printed."""
    found, user, now = course_for(request, course_id, "issue_link"), signed_in(request), clock.now()
    names = permissions.may(user, "view_identity", found, now)
    row = found.emergency_cards.select_related("link").filter(pk=card_id).first()
    # The link of a packet is no card: on one paper with its code it would be the whole key.
    if row is None or row.kind != EmergencyCard.Kind.WALLET or not opens_page(row, now):
        raise Http404("There is no such card.")
    log_look(found, "emergency_card_printed", user=user, now=now)
    context = {
        **frame(request, "courses"),
        "course": _head(found, names=names),
        "card": face(found, row, now, names=names),
        "card_id": row.pk,
        **doors_on_paper(found, now),
        "may_hand_over": row.handed_over_at is None,
    }
    return render(request, "handrail/card.html", context)


@staff_page
@changes("cards", "course_id")
def new_card(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Make a new card and show it."""
    found = course_for(request, course_id, "issue_link")
    try:
        made = issue_card(found.pk, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
        return redirect("cards", course_id=found.pk)
    return redirect("card", course_id=found.pk, card_id=made.pk)


@staff_page
@changes("cards", "course_id")
def card_in_hand(request: HttpRequest, course_id: UUID, card_id: UUID) -> HttpResponse:
    """The patient has the card: those before it end."""
    found = course_for(request, course_id, "issue_link")
    try:
        hand_over_card(found.pk, card_id, by=person(signed_in(request)))
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The patient has this card. The cards before it open nothing any more.")
    return redirect("cards", course_id=found.pk)


@staff_page
@changes("cards", "course_id")
def end_card(request: HttpRequest, course_id: UUID, card_id: UUID) -> HttpResponse:
    """Revoke a card that is lost."""
    found = course_for(request, course_id, "revoke_link")
    revoke_card(found.pk, card_id, by=person(signed_in(request)))
    messages.success(request, "This card opens nothing any more.")
    return redirect("cards", course_id=found.pk)


def _departments(course: Course) -> list[dict[str, Any]]:
    """The departments that the plan may name, those of the course's own site first."""
    rows = CarePlace.objects.filter(organisation_id=course.organisation_id, ended_at__isnull=True, kind="ed")
    own = sorted(rows, key=lambda each: (each.site_id != course.site_id, each.name, each.pk))
    return [{"id": str(each.pk), "words": f"{each.name}, {each.number}"} for each in own]


def _head(course: Course, *, names: bool) -> dict[str, Any]:
    return {"id": course.pk, "who": patient_words(course, names=names)}


def _row(card: EmergencyCard, course: Course, now: datetime) -> dict[str, Any]:
    zone = course.time_zone
    if card.link.revoked_at is not None:
        state = f"revoked {local_time(card.link.revoked_at, zone)}"
    elif card.link.expires_at <= now:
        state = "too old"
    elif card.tries_left == 0:
        state = "LOCKED: too many wrong codes. Print a new one"
    elif card.handed_over_at is not None:
        state = f"in the patient's hand since {local_time(card.handed_over_at, zone)}"
    elif card.kind == EmergencyCard.Kind.SENT:
        state = "the link of a packet; its code is read out"
    else:
        state = "printed, not yet in the patient's hand"
    return {
        "id": card.pk,
        "kind": EmergencyCard.Kind(card.kind).label.capitalize(),
        "made": local_time(card.link.issued_at, zone),
        "state": state,
        "more": f"good until {say_instant(card.link.expires_at, zone)}; {card.tries_left} wrong codes may still be typed",
        "good": opens_page(card, now),
        "printed": card.kind == EmergencyCard.Kind.WALLET,
        "may_hand_over": card.handed_over_at is None and card.kind == EmergencyCard.Kind.WALLET,
    }
