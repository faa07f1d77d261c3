"""The page behind the link of a hand-off: the code first, then one patient's hand-off, which a named person reads, asks about and accepts.

A token that was never made, is over or was revoked leads to the same page with the same status, which names nobody. No token reaches a log,
a history or a referrer, and nothing is asked of any other server. Opening the page acknowledges nothing. The packet stands behind the same
code: every opening of it is a look of that link.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from handrail import clock
from handrail.actions import handoff_doors, handoffs, packets
from handrail.actions.access import log_look
from handrail.actions.actor import through_link
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.handoff_doors import COOKIE, OPEN_COOKIE, OPEN_FOR, PURPOSE, Who, door_held, is_open
from handrail.actions.links import exchange_link
from handrail.actions.not_known import standing_of
from handrail.actions.packets import Sealed
from handrail.people.scope import acting_for
from handrail.records.models import HandoffDoor, HandoffPerson
from handrail.rules.handoff_loop import Loop, Stage
from handrail.rules.packet_parts import packet_changes
from handrail.web import handoff_page as page
from handrail.web.handoff_facts import sheet_facts
from handrail.web.handoff_held import typed_day
from handrail.web.not_known import looked_at
from handrail.web.packet_page import change_rows, printed, shown
from handrail.web.pdf import PAPERS, Paper, PdfUnavailable, papers_for
from handrail.web.without_account import private, unlogged
from handrail.web.words import instant_iso

PATH: Final = "/h/"
ASK_THEM: Final = "Call the number on the page of the hand-off, and ask the prescriber."
DECLINED: Final = "Written down: your practice does not take the patient over."


@require_GET
def exchange(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001
    """Exchange the token for a cookie that only this page gets, and go on: whatever it was."""
    now = clock.now()
    found = exchange_link(token, PURPOSE, now=now)
    response = redirect("handoff_door")
    if found is None:
        response.delete_cookie(COOKIE, path=PATH)
    else:
        _set_cookie(response, COOKIE, found[1], int((found[0].expires_at - now).total_seconds()))
    response.delete_cookie(OPEN_COOKIE, path=PATH)
    return private(response, referrer="no-referrer")


@require_http_methods(["GET", "POST"])
def receiver(request: HttpRequest) -> HttpResponse:
    """The code, or the hand-off once it was right."""
    now = clock.now()
    door = door_held(request.COOKIES.get(COOKIE, ""), now=now)
    if door is None:
        return _over(request)
    if not is_open(door, request.COOKIES.get(OPEN_COOKIE, ""), now=now):
        return _try(request, door, now) if request.method == "POST" else _code(request, now)
    with acting_for(door.organisation_id):
        loop = page.loop_of(door.course, door.handoff, now)
        if loop is None:
            return _over(request)
        if request.method == "POST":
            return _done(request, door, loop, now)
        log_look(door.course, "handoff_link", link=door.link, now=now)
        return _page(request, door, loop, now)


def form_too_old(request: HttpRequest) -> HttpResponse:
    """A form without its secret: nothing was done, and the code is asked for again."""
    now = clock.now()
    if door_held(request.COOKIES.get(COOKIE, ""), now=now) is None:
        return _over(request)
    response = _code(
        request, now, trouble="This page was open too long. Nothing was written down: type the code once more."
    )
    response.delete_cookie(OPEN_COOKIE, path=PATH)
    return response


# --- the code -----------------------------------------------------------------------------------------------------------


def _try(request: HttpRequest, door: HandoffDoor, now: datetime) -> HttpResponse:
    try:
        opened = handoff_doors.try_code(door, request.POST.get("code", "")[:40], now=now)
    except RefusedError as error:
        if door_held(request.COOKIES.get(COOKIE, ""), now=now) is None:
            return _over(request)
        return _code(request, now, trouble=error.message)
    except ActionError:
        return _over(request)
    _arrived(door, now)
    response = redirect("handoff_door")
    _set_cookie(response, OPEN_COOKIE, opened, int(OPEN_FOR.total_seconds()))
    return private(response)


def _arrived(door: HandoffDoor, now: datetime) -> None:
    """The link has arrived, since its code was typed; nobody is named by that, so nobody has read anything."""
    assert door.link is not None
    with acting_for(door.organisation_id):
        loop = page.loop_of(door.course, door.handoff, now)
    if loop is not None and loop.stage is Stage.OFFERED:
        handoffs.delivered(door.course_id, door.handoff, "link", by=through_link(door.link), now=now)


def _code(request: HttpRequest, now: datetime, *, trouble: str = "") -> HttpResponse:
    context = {**_frame(now), "trouble": trouble}
    return private(render(request, "handrail/receiver/code.html", context, status=422 if trouble else 200))


# --- the hand-off --------------------------------------------------------------------------------------------------------


def _done(request: HttpRequest, door: HandoffDoor, loop: Loop, now: datetime) -> HttpResponse:
    """One step by the button that was pressed; what is wrong with it is said, and what was typed is kept."""
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    who = Who(typed.get("name", ""), typed.get("role", ""))
    what = typed.get("what", "")
    try:
        if what == "read":
            handoff_doors.read_through(door, who, now=now)
        elif what == "ask":
            waiting = {each.asked.body.question for each in loop.questions if each.answer is None}
            if typed.get("question", "").strip() not in waiting:
                handoff_doors.ask_through(door, who, typed.get("question", "")[:2000], now=now)
        elif what == "accept":
            handoff_doors.accept_through(door, who, from_on=typed_day(typed.get("from_on", "")), now=now)
        elif what == "decline":
            number = sheet_facts(door.course, loop, now, names=False)["from_number"]
            handoff_doors.decline_through(door, who, typed.get("because", "")[:2000], now=now)
            context = {**_frame(now), "said": DECLINED, "number": number}
            return private(render(request, "handrail/receiver/done.html", context))
    except RefusedError as error:
        return _page(request, door, loop, now, trouble=error.message, typed=typed)
    return private(redirect("handoff_door"))


def _page(
    request: HttpRequest,
    door: HandoffDoor,
    loop: Loop,
    now: datetime,
    *,
    trouble: str = "",
    typed: dict[str, str] | None = None,
) -> HttpResponse:
    course = door.course
    history = page.judged(course, now).history
    names = page.names_of(course, loop.id, history) if history is not None else {}
    last = HandoffPerson.objects.filter(course=course, handoff=UUID(loop.id), door=door).order_by("-at", "-id").first()
    known = {"name": last.name, "role": last.role} if last is not None else {}
    context = {
        **_frame(now),
        **sheet_facts(course, loop, now, names=True),
        "stage": page.STAGE_WORDS[loop.stage.value],
        "waits": loop.stage.waits,
        "has_read": loop.read is not None,
        "accepted": loop.accepted is not None,
        "first_dose": loop.first_dose_at is not None,
        "steps": page.steps(course, loop, history, now, names) if history is not None else [],
        "questions": page.questions(loop, course.time_zone, names),
        **page.days_of(course, loop, now),
        "typed": {**known, **(typed or {})},
        "error": trouble,
    }
    return private(render(request, "handrail/receiver/handoff.html", context, status=422 if trouble else 200))


# --- the packet -----------------------------------------------------------------------------------------------------------


@require_GET
def packet(request: HttpRequest) -> HttpResponse:
    """The newest sealed version, with what changed in the record since it was sealed."""
    return _with_packet(request, None)


@require_GET
def packet_pdf(request: HttpRequest, paper: str) -> HttpResponse:
    """The same as PDF."""
    chosen = next((each for each in PAPERS if each == paper), None)
    return _over(request) if chosen is None else _with_packet(request, chosen)


def _with_packet(request: HttpRequest, paper: Paper | None) -> HttpResponse:
    now = clock.now()
    door = door_held(request.COOKIES.get(COOKIE, ""), now=now)
    if door is None:
        return _over(request)
    if not is_open(door, request.COOKIES.get(OPEN_COOKIE, ""), now=now):
        return private(redirect("handoff_door"))
    with acting_for(door.organisation_id):
        try:
            sealed = handoff_doors.open_packet(door, now=now)
        except RefusedError as error:
            return _packet_page(request, door, None, now, trouble=f"{error.message} {ASK_THEM}")
        if sealed is None:
            return _packet_page(request, door, None, now, trouble=f"No packet was sealed. {ASK_THEM}")
        if paper is None:
            return _packet_page(request, door, sealed, now)
        try:
            return private(printed(sealed, paper, looked_at(standing_of(sealed.row, now), door.course.time_zone)))
        except PdfUnavailable as error:
            return _packet_page(request, door, sealed, now, trouble=str(error))


def _packet_page(
    request: HttpRequest, door: HandoffDoor, sealed: Sealed | None, now: datetime, *, trouble: str = ""
) -> HttpResponse:
    changed: list[dict[str, Any]] | None = None
    if sealed is not None:
        try:
            changed = change_rows(packet_changes(sealed.body, packets.packet_of(door.course, now).to_json()))
        except RefusedError:
            trouble = trouble or f"Nobody can say what changed since this version was sealed. {ASK_THEM}"
    context = {
        **_frame(now),
        "packet": shown(sealed.body, sealed) if sealed is not None else None,
        "looked": looked_at(standing_of(sealed.row, now), door.course.time_zone) if sealed is not None else None,
        "course_id": door.course_id,
        "papers": papers_for(door.course.jurisdiction),
        "since": sealed.row.number if sealed is not None else None,
        "compared": changed is not None,
        "changed": changed,
        "trouble": trouble,
    }
    return private(render(request, "handrail/receiver/packet.html", context, status=200 if sealed else 409))


# --- parts --------------------------------------------------------------------------------------------------------------


def _frame(now: datetime) -> dict[str, Any]:
    return {"now_iso": instant_iso(now), "clock_speed": f"{clock.speed():g}"}


def _over(request: HttpRequest) -> HttpResponse:
    """The answer to everybody whose link opens nothing. Its address is never logged: it may hold a token."""
    response = render(request, "handrail/receiver/over.html", _frame(clock.now()), status=410)
    return private(unlogged(response))


def _set_cookie(response: HttpResponse, name: str, value: str, seconds: int) -> None:
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=seconds, path=PATH, httponly=True, secure=secure, samesite="Lax")
