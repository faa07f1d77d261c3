"""The addresses of the answer, under /a/. The token comes last."""

from django.urls import path

from handrail.web.answer import views

urlpatterns = [
    path("", views.answer_page, name="answer"),
    path("<str:token>", views.exchange, name="answer_link"),
]
