"""Text messages with people at home, on the page of a course: whether they agreed, what came, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from handrail.actions.actor import person
from handrail.actions.errors import RefusedError
from handrail.actions.texts import agree
from handrail.alerts import phone
from handrail.alerts.lines import line_of
from handrail.alerts.models import Dispatch, TextReceived
from handrail.records.models import Course
from handrail.rules.receipts import Arrival, arrival
from handrail.web.doors import changes, course_for, signed_in, staff_page
from handrail.web.words import local_time

MOST: Final = 12
KIND_WORDS: Final = {
    "check_due": "reminder: a check is due",
    "check_missing": "told that a check has not come",
    "caregiver_link": "the caregiver's own link",
    "nobody_answers": "told where to go, because nobody answered",
}
STATE_WORDS: Final = {
    Dispatch.State.SENDING: "being sent",
    Dispatch.State.SENT: "taken by the provider",
    Dispatch.State.FAILED: "NOT delivered",
}


def texts_of(course: Course, now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """What the section of the course says."""
    line = line_of(course.organisation_id, course.patient.phone) if course.patient.phone else None
    zone = course.time_zone
    received = course.texts.order_by("-received_at", "-id")[:MOST]
    sent = course.dispatches.select_related("contact").order_by("-created_at", "-id")[:MOST]
    return {
        "set_up": phone.provider() is not None,
        "phone": bool(course.patient.phone),
        "agreed": local_time(line.agreed_at, zone) if line and line.agreed_at else "",
        "stopped": local_time(line.stopped_at, zone) if line and line.stopped_at else "",
        "received": [
            {
                "at": local_time(each.received_at, zone),
                "body": each.body,
                "outcome": TextReceived.Outcome(each.outcome).label,
                "open": each.outcome in ("not_understood", "unwell", "shared", "asked_again"),
            }
            for each in received
        ],
        "sent": [
            {
                "at": local_time(each.created_at, zone),
                "what": KIND_WORDS.get(each.kind, each.kind),
                "whom": f"{each.whom}, by {'call' if each.channel == 'voice' else 'text'}",
                "state": "delivered"
                if arrival(each.receipt) is Arrival.ARRIVED
                else STATE_WORDS.get(Dispatch.State(each.state), each.state),
                "why": each.why if each.state == Dispatch.State.FAILED else "",
            }
            for each in sent
        ],
    }


@staff_page
@changes("course", "course_id")
def agree_texts(request: HttpRequest, course_id: UUID) -> HttpResponse:
    """Write down that the patient and the caregivers agreed to text messages, or take it back."""
    found = course_for(request, course_id, "issue_link")
    agreed = request.POST.get("agreed") == "yes"
    try:
        agree(found.pk, by=person(signed_in(request)), agreed=agreed)
    except RefusedError as error:
        messages.error(request, error.message)
    else:
        said = "Reminders go by text message now." if agreed else "No reminder goes by text message any more."
        messages.success(request, said)
    return redirect("course", course_id=found.pk)
