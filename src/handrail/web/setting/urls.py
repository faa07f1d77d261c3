"""The addresses of a setting, under courses/<course>/setting/."""

from django.urls import path

from handrail.web.setting import views

urlpatterns = [
    path("", views.setting_page, name="setting"),
    path("note/<slug:key>", views.note, name="setting_note"),
    path("decide", views.decide, name="decide_setting"),
]
