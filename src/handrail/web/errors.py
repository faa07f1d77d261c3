"""What somebody sees whose form came without its secret: staff their own page, others the page that helps them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views import csrf

from handrail.web.checkin.views import form_too_old
from handrail.web.emergency import views as emergency_views
from handrail.web.receiver import views as receiver_views
from handrail.web.refer import views as refer_views


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Named in the settings: Django asks it for the answer."""
    if request.path in (reverse("checkin"), reverse("checkin_alarm"), reverse("checkin_took")):
        return form_too_old(request)
    if request.path in (reverse("emergency"), reverse("emergency_call_back")):
        return emergency_views.form_too_old(request)
    if request.path == reverse("handoff_door"):
        return receiver_views.form_too_old(request)
    if request.path.startswith(refer_views.PATH):
        return refer_views.form_too_old(request)
    return csrf.csrf_failure(request, reason)
