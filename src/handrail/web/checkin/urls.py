"""The addresses of the check-in, under /c/. The token comes last: every other address is shorter than a token."""

from django.urls import path

from handrail.web.checkin import views

urlpatterns = [
    path("", views.check, name="checkin"),
    path("sw.js", views.service_worker, name="checkin_worker"),
    path("card", views.card, name="checkin_card"),
    path("alarm", views.alarm, name="checkin_alarm"),
    path("plan", views.plan, name="checkin_plan"),
    path("took", views.took, name="checkin_took"),
    path("sent/<uuid:check_id>", views.sent, name="checkin_sent"),
    path("<str:token>", views.exchange, name="checkin_link"),
]
