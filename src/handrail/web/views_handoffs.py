"""The pages of a hand-off: the list, the offer, one hand-off with what this person may do now, the fax sheet and the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions import handoff_doors, handoffs, not_known
from handrail.actions.access import log_look
from handrail.actions.actor import Actor, person
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.people import permissions
from handrail.records.accountability import responsible_for
from handrail.records.reach import courses_of
from handrail.rules.handoff_loop import Stage
from handrail.web import handoff_page as page
from handrail.web.context import allowed, frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.handoff_held import Held, doors_of, head, held_for, typed_day
from handrail.web.not_known import asked_of, said_rows
from handrail.web.views_handoff_sent import link_page
from handrail.web.words import local_time

KINDS: Final = ("handoff_offered",)


@staff_page
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    """Every hand-off in reach: mine to accept, mine that nobody has accepted, and what follows the acceptance."""
    user, now = signed_in(request), clock.now()
    reached = courses_of(user, now).filter(events__kind__in=KINDS).select_related("patient").distinct()
    lists = page.lists(
        reached.order_by("started_at", "id"), permissions.organisations_of(user, now), allowed(user, now), now
    )
    return render(request, "handrail/handoffs.html", {**frame(request, "handoffs"), **lists})


# --- one hand-off -------------------------------------------------------------------------------------------------------


@staff_page
@require_GET
def handoff(request: HttpRequest, course_id: UUID, handoff_id: UUID) -> HttpResponse:
    """Where one hand-off stands, who answers, the days of the next dose, and what this person may do now."""
    held = held_for(request, course_id, handoff_id)
    log_look(held.course, "handoff", user=signed_in(request), now=held.now)
    return _handoff_page(request, held)


def _handoff_page(
    request: HttpRequest, held: Held, *, refused: RefusedError | None = None, typed: dict[str, str] | None = None
) -> HttpResponse:
    course, loop, now = held.course, held.loop, held.now
    judged = page.judged(course, now)
    told = judged.told(loop.id)
    names = page.names_of(course, loop.id, judged.history) if judged.history is not None else {}
    receiver, sender = (
        page.organisation_of(each) for each in (loop.offered.body.to_party, loop.offered.body.from_party)
    )
    context = {
        **frame(request, "handoffs"),
        **head(request, course, now),
        "id": loop.id,
        "from": sender.name if sender is not None else page.NOT_KNOWN,
        "to": receiver.name if receiver is not None else page.NOT_KNOWN,
        "receiver_number": receiver.call_number if receiver is not None else "",
        "returns": loop.offered.body.returns,
        "stage": page.STAGE_WORDS[loop.stage.value],
        "waits": loop.stage.waits,
        "late": told is not None and told.accept_due is not None and told.accept_due <= now,
        "accept_due": local_time(told.accept_due, course.time_zone) if told is not None and told.accept_due else "",
        "proposed": loop.offered.body.take_over_on,
        "answers": page.who_answers(course, loop, now),
        "steps": page.steps(course, loop, judged.history, now, names) if judged.history is not None else [],
        "clock_rows": page.clock_rows(judged.clock, now),
        "zone_note": page.zone_note(judged.clock, receiver),
        "judged_trouble": judged.trouble,
        "kind": page.kind_rows(told) if told is not None else None,
        "questions": page.questions(loop, course.time_zone, names),
        "chased": page.chased(course, loop.id, judged, now, pages="view_pages" in held.verbs),
        "may": _may(held, told is not None and not told.still_open),
        "doors": doors_of(held) if held.sends else None,
        **page.days_of(course, loop, now),
        "not_known": said_rows(loop.not_known, names, course.time_zone),
        "trouble": refused.message if refused is not None else "",
        "typed": typed or {},
    }
    if refused is not None and refused.code == not_known.CODE:
        context |= asked_of(handoff_doors.unsaid_of(course, loop, now), refused.message)
    return render(request, "handrail/handoff.html", context, status=200 if refused is None else 422)


def _may(held: Held, nothing_open: bool) -> dict[str, bool]:
    """Exactly what this person may do to this hand-off now."""
    stage, verbs = held.loop.stage, held.verbs
    part = handoffs.TAKE_PART in verbs
    here = held.receives and part
    holds = str(responsible_for(held.course, held.now)) in held.mine
    taken = stage in (Stage.ACCEPTED, Stage.FIRST_DOSE)
    return {
        "read": here and stage.waits,
        "packet": "view_identity" in verbs,
        "accept": here and stage.waits and handoffs.ACCEPT in verbs,
        "decline": here and stage.waits,
        "ask": here and stage.open,
        "answer": part and not held.receives and stage.open,
        "withdraw": held.sends and stage.waits,
        "send": held.sends and stage.waits,
        "fax_went": held.sends and stage is Stage.OFFERED,
        "dose": stage is Stage.ACCEPTED and "record_dose" in verbs,
        "call": stage.open and "record_contact" in verbs,
        "close": stage is Stage.FIRST_DOSE and handoffs.OFFER in verbs and nothing_open and not held.loop.unanswered,
        "hand_on": taken and holds and handoffs.OFFER in verbs,
    }


# --- the steps ----------------------------------------------------------------------------------------------------------


@staff_page
@changes("handoff", "course_id", "handoff_id")
def step(request: HttpRequest, course_id: UUID, handoff_id: UUID, what: str) -> HttpResponse:
    """One step of the loop, by the button that was pressed."""
    todo = STEPS.get(what)
    if todo is None:
        raise Http404("There is no such step.")
    held = held_for(request, course_id, handoff_id)
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    try:
        done = todo(request, held, typed, person(signed_in(request)))
    except RefusedError as error:
        return _handoff_page(request, held, refused=error, typed=typed)
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, done)
    still = courses_of(signed_in(request), clock.now()).filter(pk=course_id).exists()
    return redirect("handoff", course_id=course_id, handoff_id=handoff_id) if still else redirect("handoffs")


Done = str | HttpResponse


def _read(_request: HttpRequest, held: Held, _typed: dict[str, str], by: Actor) -> Done:
    handoffs.read(held.course.pk, UUID(held.loop.id), by=by, now=held.now)
    return "Written down: you have read it. The sender still answers for the patient."


def _ask(_request: HttpRequest, held: Held, typed: dict[str, str], by: Actor) -> Done:
    question = typed.get("question", "").strip()
    if question not in {each.asked.body.question for each in held.loop.questions if each.answer is None}:
        handoffs.ask(held.course.pk, UUID(held.loop.id), question, by=by, now=held.now)
    return "Your question is with the sender. It does not stop the clock of the dose: call if it is urgent."


def _answer(_request: HttpRequest, held: Held, typed: dict[str, str], by: Actor) -> Done:
    try:
        asked = UUID(typed.get("asked", ""))
    except ValueError:
        raise NotVisibleError("There is no such question.") from None
    handoffs.answer(held.course.pk, UUID(held.loop.id), asked, typed.get("answer", ""), by=by, now=held.now)
    return "Your answer is written down."


def _accept(_request: HttpRequest, held: Held, typed: dict[str, str], by: Actor) -> Done:
    begins = typed_day(typed.get("from_on", ""))
    handoffs.accept(held.course.pk, UUID(held.loop.id), by=by, from_on=begins, now=held.now)
    when = f"from {begins:%a} {begins.day} {begins:%b} on" if begins else "from now on"
    return f"Accepted: your team answers for the patient {when}. Confirm the first dose here when it is given."


def _decline(_request: HttpRequest, held: Held, typed: dict[str, str], by: Actor) -> Done:
    handoffs.decline(held.course.pk, UUID(held.loop.id), typed.get("because", ""), by=by, now=held.now)
    return "Declined. The sender goes on answering for the patient: call them as well."


def _withdraw(_request: HttpRequest, held: Held, typed: dict[str, str], by: Actor) -> Done:
    handoffs.withdraw(held.course.pk, UUID(held.loop.id), typed.get("because", ""), by=by, now=held.now)
    return "Withdrawn. Links and sheets of it open nothing any more; you go on answering for the patient."


def _close(_request: HttpRequest, held: Held, _typed: dict[str, str], by: Actor) -> Done:
    handoffs.close(held.course.pk, UUID(held.loop.id), by=by, now=held.now)
    return "Closed."


def _fax_went(_request: HttpRequest, held: Held, _typed: dict[str, str], by: Actor) -> Done:
    handoff_doors.note_fax_sent(held.course.pk, UUID(held.loop.id), by=by, now=held.now)
    return "Delivered, by the machine. Now phone them: only a person who reads the code back has read it."


def _make_link(request: HttpRequest, held: Held, _typed: dict[str, str], _by: Actor) -> Done:
    return link_page(request, held.course, UUID(held.loop.id), held.now)


def _make_fax(_request: HttpRequest, held: Held, _typed: dict[str, str], by: Actor) -> Done:
    handoff_doors.make_fax(held.course.pk, UUID(held.loop.id), by=by, now=held.now)
    return redirect("handoff_fax", course_id=held.course.pk, handoff_id=held.loop.id)


STEPS: Final[dict[str, Callable[[HttpRequest, Held, dict[str, str], Actor], Done]]] = {
    "read": _read,
    "ask": _ask,
    "answer": _answer,
    "accept": _accept,
    "decline": _decline,
    "withdraw": _withdraw,
    "close": _close,
    "fax-went": _fax_went,
    "link": _make_link,
    "sheet": _make_fax,
}
"""What may be done to a hand-off, by the last part of the address."""
