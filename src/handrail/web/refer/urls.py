"""The addresses of the public door, under /refer/. The words before the doors are reserved (`RESERVED` of the intake)."""

from django.urls import path

from handrail.web.refer import views

urlpatterns = [
    path("status", views.status, name="refer_status"),
    path("sent", views.sent, name="refer_sent"),
    path("link/<path:token>", views.exchange, name="refer_link"),
    path("<slug:code>/", views.refer, name="refer"),
    path("<slug:code>/sheet", views.sheet, name="refer_sheet"),
]
