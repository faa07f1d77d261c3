"""The on-call inbox: what is open, one page with what was reported, and "I have it"."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.actor import person
from handrail.actions.answering import acknowledge
from handrail.actions.call_backs import states_of
from handrail.actions.errors import RefusedError
from handrail.actions.expert_line import ABOUT as DUMMY_CALL
from handrail.actions.places import place_key
from handrail.alerts.models import Alert, Notice, Page
from handrail.alerts.reach import alerts_of
from handrail.people import permissions
from handrail.people.models import User
from handrail.records import wire
from handrail.records.models import Course
from handrail.rules.call_back import ask_of
from handrail.rules.inpatient import KEY
from handrail.rules.paging import PATIENT
from handrail.rules.policy import load_policy
from handrail.rules.receipts import Arrival, arrival
from handrail.rules.telling import role_words
from handrail.rules.terms import Ladder, UnusableInput
from handrail.web import course_page, on_call, paging
from handrail.web.answer_forms import CALL, call_form, holding
from handrail.web.board_page import NOT_SHOWN
from handrail.web.call_backs import MADE_FORM, made_context, rows
from handrail.web.context import allowed, frame, open_alerts
from handrail.web.doors import changes, looks, signed_in, staff_page
from handrail.web.ed_packet import packet_context
from handrail.web.forms import Filled
from handrail.web.paging import asked_for, at_site, share_of, site_counts, ways
from handrail.web.presenters import alert_row, listed_alert, zone_of
from handrail.web.record_forms import FORMS
from handrail.web.stay_forms import CALL as HOSPITAL_CALL
from handrail.web.words import local_time, parse

RECENT: Final = timedelta(days=2)
OWNER_WORDS: Final = (
    "Call the unit that has the patient. Only a call that reached somebody there, or the discharge, ends this page."
)
"""Of a missed call about a patient in hospital, where the words of the ladder speak of a patient at home."""
CALL_BACK_WORDS: Final = (
    "Call the number below. Only a call that reached somebody, written down here, ends this page: “I have it” does not."
)
"""Of a page about a call back."""
HAVE_BACK: Final = (
    "Call now: without a call that reached somebody, written down, others are paged once the promised time is over."
)
STATE_WORDS: Final = {
    Page.State.SENDING: "being sent",
    Page.State.SENT: "sent",
    Page.State.FAILED: "NOT delivered",
    Page.State.NOT_CONFIGURED: "not set up on this installation",
    Page.State.NOBODY_ON: "NOBODY on",
    Page.State.NOT_REACHED: "NOT reached: no way but the inbox, and it was not open",
}
RECEIPT_WORDS: Final = {
    Arrival.ARRIVED: "delivered",
    Arrival.TAKEN: "taken, no key pressed: nobody is known to have heard it",
}
CHANNEL_WORDS: Final = {
    "on_screen": "on screen",
    "email": "e-mail",
    "sms": "text message",
    "voice": "phone call",
    "webhook": "webhook",
    "push": "push message",
    "patient_screen": "on the patient's own screen",
}


NOTICE_WORDS: Final = {
    Notice.To.PATIENT: "Word to the patient",
    Notice.To.CAREGIVER: "Word to the caregiver",
    Notice.To.ED: "Packet for the emergency department",
}
NOTICE_STATE_WORDS: Final = {
    Notice.State.WAITING: "NOT sent yet: no channel has taken it",
    Notice.State.SENT: "sent",
    Notice.State.FAILED: "NOT delivered",
}


@staff_page
@require_GET
def pages(request: HttpRequest) -> HttpResponse:
    """Every open page of every course in reach, the unanswered ones first; the page asks again every few seconds."""
    user, now = signed_in(request), clock.now()
    if not permissions.may(user, "view_pages", None, now):
        raise PermissionDenied("Your role does not show pages.")
    looks(request)
    if "beside" in request.GET:
        return _others(request, request.GET["beside"])
    around, asked = frame(request, "pages"), asked_for(request)
    waiting = open_alerts(user).annotate(place=Coalesce("course__site", "site"), place_name=PLACE_NAME)
    share = share_of(asked, site_counts(waiting, "place", "place_name"))
    lately = _answered_lately(user, now).order_by("-closed_at", "id")
    shown = list(_read(at_site(waiting, asked, "place").order_by(*FIRST)[share.rows]))
    recent = list(_read(lately[: paging.PER_PAGE]))
    may = allowed(user, now, [each.course_id for each in (*shown, *recent) if each.course_id])
    context = {
        **around,
        "alerts": [listed_alert(each, now, may) for each in shown],
        "list": ways(share),
        "recent": [listed_alert(each, now, may) for each in recent],
        "recent_count": lately.count(),
        "code": "",
    }
    background = "HTTP_X_HANDRAIL_BACKGROUND" in request.META
    return render(request, "handrail/pages_lists.html" if background else "handrail/pages.html", context)


PLACE_NAME: Final = Coalesce("course__site__name", "site__name")
"""The site of what an alert is about; without one it is about a course without a site, or about a whole organisation."""
FIRST: Final = (
    Case(When(acknowledged_at__isnull=True, then=0), default=1),
    Case(When(urgency="now", then=0), When(urgency="soon", then=1), default=2),
    "opened_at",
    "key",
    "id",
)
"""What nobody has first, then what is more urgent, then the oldest."""


def _others(request: HttpRequest, beside: str) -> HttpResponse:
    """On the page of one alert: whether others wait that nobody has, so that what is new is seen while one is read."""
    waiting = open_alerts(signed_in(request)).filter(acknowledged_at__isnull=True)
    others = [pk for pk in waiting.values_list("pk", flat=True) if str(pk) != beside]
    return render(request, "handrail/pages_others.html", {"others": len(others)})


def _answered_lately(user: User, now: datetime) -> Any:
    return alerts_of(user, now).filter(closed_at__gt=now - RECENT)


def _read(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """With what a row of the list says, and nothing else."""
    around = ("course__patient", "acknowledged_by", "site", "organisation")
    unread = (f"course__{name}" for name in NOT_SHOWN)
    return alerts.select_related(*around).defer(*unread).prefetch_related("pages__user")


@staff_page
@changes("pages")
def find(request: HttpRequest) -> HttpResponse:
    """Look a page up by the code that stood in the message."""
    user, now = signed_in(request), clock.now()
    code = "".join(request.POST.get("code", "").upper().split())
    alert = alerts_of(user, now).filter(code=code).first()
    if alert is None:
        messages.error(request, "No page of yours has this code. Look at the code again, or at the list below.")
        return redirect("pages")
    return redirect("page", alert_id=alert.pk)


def alert_for(request: HttpRequest, alert_id: UUID) -> Alert:
    user, now = signed_in(request), clock.now()
    alert = (
        alerts_of(user, now, "view_board")
        .filter(pk=alert_id)
        .select_related(
            "course__patient", "course__site", "course__organisation", "acknowledged_by", "site", "organisation"
        )
        .first()
    )
    if alert is None:
        raise Http404("There is no such page.")
    if not permissions.may(user, "view_pages", alert.course, now, organisation_id=alert.organisation_id):
        raise PermissionDenied("Your role does not show pages.")
    return alert


@staff_page
@require_GET
def page(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """What do I do in the next five minutes? Opening a page does not acknowledge it."""
    looks(request)
    return show_page(request, alert_for(request, alert_id))


def show_page(request: HttpRequest, alert: Alert, *, status: int = 200, filled: Filled | None = None) -> HttpResponse:
    """The page of an alert; with what was typed into the form of the call, when that could not be taken."""
    user, now = signed_in(request), clock.now()
    course = alert.course
    if course is None:
        return _page_about_a_place(request, alert)
    verbs = permissions.verbs_on(user, course, now)
    names = "view_identity" in verbs
    log_look(course, "page", user=user, now=now)
    looked = course_page.look(course, now)
    about_hospital = alert.key.startswith(KEY)
    back = _call_back(alert, course, now)
    context = {
        **frame(request, "pages"),
        **course_page.page_context(course, looked, now, names=names),
        "alert": alert_row(alert, now, course.time_zone, names=names, may_have="acknowledge" in verbs),
        "alarms": on_call.alarms(alert, names=names),
        "night": on_call.night(course, looked, now),
        "closed": alert.closed_because if alert.closed_at else "",
        "still_to_do": _still_to_do(looked, course) if alert.closed_at else [],
        "attempts": attempts(alert, course.time_zone),
        "next_page": local_time(alert.next_page_at, course.time_zone) if alert.next_page_at else "",
        "forms": [FORMS[key] for key in ("assessment", "medicine") if FORMS[key].verb in verbs],
        "may_call": alert.closed_at is None and CALL.verb in verbs and not about_hospital and back is None,
        "may_call_hospital": about_hospital and HOSPITAL_CALL.verb in verbs,
        "call_back": back,
        "may_call_back": MADE_FORM.verb in verbs,
        **made_context(),
        "owner_words": _words_for_owner(alert, now, about_hospital=about_hospital, back=back),
        "notices": _notices(alert, course.time_zone),
        "ed_poll": alert.closed_at is None,
        **packet_context(course, now, verbs),
        **call_form(alert, filled),
        **(holding(alert, user, now, course.time_zone) if "acknowledge" in verbs else {}),
    }
    return render(request, "handrail/page.html", context, status=status)


def _call_back(alert: Alert, course: Course, now: datetime) -> dict[str, Any] | None:
    """The ask that an alert is about; None for one about something else."""
    name = ask_of(alert.key)
    found = [each for each in states_of(course, now) if each.ask.id == name] if name is not None else []
    shown = rows(found, course.time_zone, call="")
    return shown[0] if shown else None


def _words_for_owner(alert: Alert, now: datetime, *, about_hospital: bool, back: dict[str, Any] | None) -> str:
    if about_hospital:
        return OWNER_WORDS
    return CALL_BACK_WORDS if back is not None else _owner_words(alert, now)


def _owner_words(alert: Alert, now: datetime) -> str:
    """What the policy says to whoever has it."""
    try:
        policy = wire.policy_of(alert.course, now) if alert.course is not None else load_policy()
    except UnusableInput:
        policy = load_policy()
    return policy.ladders[Ladder(alert.ladder)].owner_words or ""


def _notices(alert: Alert, zone: str) -> list[dict[str, str]]:
    """What was to leave because nobody answered, and whether it has."""
    return [
        {
            "at": local_time(each.created_at, zone),
            "to": NOTICE_WORDS[Notice.To(each.to)],
            "state": NOTICE_STATE_WORDS[Notice.State(each.state)],
        }
        for each in alert.notices.order_by("created_at", "to")
    ]


def _still_to_do(looked: course_page.Looked, course: Course) -> list[dict[str, str]]:
    """What the person on call has yet to do: a page that is over is no all-clear while one of its clocks runs."""
    tasks = (looked.answer or {}).get("tasks") or []
    return [
        {
            "what": task["what"],
            "who": role_words(task["who"]),
            "by": local_time(by, course.time_zone) if (by := parse(task["by"])) else "",
        }
        for task in tasks
        if task["who"] == "on_call"
    ]


def _page_about_a_place(request: HttpRequest, alert: Alert) -> HttpResponse:
    user, now, zone = signed_in(request), clock.now(), zone_of(alert)
    able = permissions.may(user, alert.verb, None, now, organisation_id=alert.organisation_id)
    context = {
        **frame(request, "pages"),
        "alert": alert_row(alert, now, zone, names=False, may_have=able),
        "referral": alert.referral_id,
        "report_course": alert.report_course_id,
        "line": alert.key.startswith(place_key(DUMMY_CALL, "")),
        "closed": alert.closed_because if alert.closed_at else "",
        "attempts": attempts(alert, zone),
        "next_page": local_time(alert.next_page_at, zone) if alert.next_page_at else "",
    }
    return render(request, "handrail/place_page.html", context)


def attempts(alert: Alert, zone: str) -> list[dict[str, str]]:
    """Every page of an alert, oldest first: who, how, and whether it went out."""
    return [
        {
            "at": local_time(each.created_at, zone),
            "who": _whom(each),
            "how": CHANNEL_WORDS.get(each.channel, each.channel or "no channel"),
            "state": RECEIPT_WORDS.get(arrival(each.receipt), STATE_WORDS[Page.State(each.state)]),
            "why": each.why if each.state == Page.State.FAILED else "",
        }
        for each in alert.pages.select_related("user").order_by("attempt", "created_at", "channel", "id")
    ]


def _whom(page: Page) -> str:
    if page.who == PATIENT:
        return "The patient is told to wait no longer"
    return f"{page.user.name if page.user else 'nobody'} ({role_words(page.who)})"


@staff_page
@changes("page", "alert_id")
def have(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """ "I have it": paging stops; the first one to say it has it."""
    alert, user = alert_for(request, alert_id), signed_in(request)
    zone = zone_of(alert)
    try:
        done = acknowledge(alert.pk, by=person(user))
    except RefusedError as error:
        messages.warning(request, error.message)
        return redirect("page", alert_id=alert.pk)
    at = local_time(done.at, zone)
    if done.mine:
        back = ask_of(alert.key) is not None
        messages.success(request, f"You have it since {at}. {HAVE_BACK if back else 'Nobody else is paged for it.'}")
    else:
        messages.warning(request, f"{done.who.name} has it since {at}.")
    return redirect("page", alert_id=alert.pk)
