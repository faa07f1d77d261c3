"""The addresses of the receiver's page, under /h/. The token comes last: it would be anything else too."""

from django.urls import path

from handrail.web.receiver import views

urlpatterns = [
    path("", views.receiver, name="handoff_door"),
    path("packet", views.packet, name="handoff_door_packet"),
    path("packet/<str:paper>.pdf", views.packet_pdf, name="handoff_door_pdf"),
    path("<path:token>", views.exchange, name="handoff_link"),
]
