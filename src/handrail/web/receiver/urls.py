"""The addresses of the receiver's page, under /h/. The token comes last."""

from django.urls import path

from handrail.web.receiver import views

urlpatterns = [
    path("", views.receiver, name="handoff_door"),
    path("<path:token>", views.exchange, name="handoff_link"),
]
