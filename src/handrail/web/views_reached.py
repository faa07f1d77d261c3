""" "How I am reached": a member of staff's own phones and addresses, the code that proves each, and a page to try it with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.contact_points import add_point, change_point, send_code, try_point, verify_point
from handrail.actions.errors import ActionError, NotVisibleError
from handrail.alerts.channels import channel_named, push
from handrail.alerts.models import Dispatch, Page
from handrail.people.models import ContactPoint, PointChannel
from handrail.web.context import frame
from handrail.web.doors import changes, signed_in, staff_page
from handrail.web.words import local_time

MOST_SIGNS: Final = 2000
"""The subscription of a browser is long."""
RECENT: Final = timedelta(hours=1)
STATE_WORDS: Final = {
    Page.State.SENDING: "being sent",
    Page.State.SENT: "taken by the provider",
    Page.State.FAILED: "NOT delivered",
}
KIND_WORDS: Final = {"code": "code", "test": "test page"}


@staff_page
@require_GET
def reached(request: HttpRequest) -> HttpResponse:
    """The contact points of whoever is signed in, in the order in which they are tried."""
    return _page(request)


def _page(request: HttpRequest, *, typed: dict[str, str] | None = None, error: str = "") -> HttpResponse:
    user, now = signed_in(request), clock.now()
    around = frame(request, "reached")
    points = list(ContactPoint.objects.standing().filter(user=user))
    channels = [
        (channel.value, channel.label)
        for channel in PointChannel
        if channel != PointChannel.PUSH and (found := channel_named(channel.value)) is not None and found.configured()
    ]
    mail = channel_named("email")
    context = {
        **around,
        "push_key": push.public_key() if push.CHANNEL.configured() else "",
        "mail": user.email if mail is not None and mail.configured() else "",
        "points": [_row(point, number, around["zone"], now) for number, point in enumerate(points)],
        "reachable": any(point.verified_at for point in points),
        "channels": channels,
        "typed": typed or {"channel": channels[0][0] if channels else "", "address": "", "label": ""},
        "error": error,
    }
    return render(request, "handrail/reached.html", context, status=422 if error else 200)


def _row(point: ContactPoint, number: int, zone: str, now: datetime) -> dict[str, Any]:
    last = Dispatch.objects.filter(point=point, created_at__gt=now - RECENT).order_by("-created_at").first()
    said = ""
    if last is not None:
        state = "delivered" if last.receipt == "delivered" else STATE_WORDS.get(Page.State(last.state), last.state)
        said = f"Last {KIND_WORDS.get(last.kind, last.kind)} {local_time(last.created_at, zone)}: {state}"
        said += f" ({last.why})" if last.state == Page.State.FAILED and last.why else ""
    return {
        "id": point.pk,
        "how": PointChannel(point.channel).label.capitalize(),
        "shown": point.shown,
        "label": point.label,
        "secret": point.secret if point.channel == PointChannel.WEBHOOK else "",
        "first": number == 0,
        "verified": point.verified_at is not None,
        "red_only": point.red_only,
        "last": said,
        "failed": last is not None and last.state == Page.State.FAILED,
    }


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The program that shows a push message when no page is open; it holds nothing."""
    response = render(request, "handrail/push-sw.js", content_type="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@staff_page
@changes("reached")
def add(request: HttpRequest) -> HttpResponse:
    """Add a phone or an address of one's own."""
    typed = {name: request.POST.get(name, "")[:300].replace("\x00", "") for name in ("channel", "label")}
    typed["address"] = request.POST.get("address", "")[:MOST_SIGNS].replace("\x00", "")
    try:
        add_point(typed["channel"], typed["address"], label=typed["label"], by=person(signed_in(request)))
    except NotVisibleError:
        raise
    except ActionError as error:
        return _page(request, typed=typed, error=error.message)
    messages.success(request, "A code is on its way. Type it here to switch this on.")
    return redirect("reached")


@staff_page
@changes("reached")
def change(request: HttpRequest, point_id: UUID) -> HttpResponse:
    """Everything that can be done to one contact point of one's own."""
    by, wanted = person(signed_in(request)), request.POST.get("do", "")
    try:
        if wanted == "verify":
            verify_point(point_id, request.POST.get("code", "")[:20], by=by)
            said = "Switched on. Pages reach you here."
        elif wanted == "code":
            send_code(point_id, by=by)
            said = "A new code is on its way."
        elif wanted == "test":
            try_point(point_id, by=by)
            said = "A test page is on its way. Load this page again to see what became of it."
        elif wanted == "earlier":
            change_point(point_id, by=by, earlier=True)
            said = "The order is changed."
        elif wanted in ("quiet", "loud"):
            change_point(point_id, by=by, red_only=wanted == "quiet")
            said = "Only RED pages come here now." if wanted == "quiet" else "Every page comes here now."
        else:
            change_point(point_id, by=by, remove=wanted == "remove")
            said = "Taken away. No page goes there any more." if wanted == "remove" else "Nothing was done."
    except NotVisibleError:
        raise
    except ActionError as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, said)
    return redirect("reached")
