"""The addresses of the gate: of one course, and under `programme/` those of a site and of a month."""

from django.urls import path

from handrail.web.gate import views

urlpatterns = [
    path("courses/<uuid:course_id>/gate/", views.gate, name="gate"),
    path("courses/<uuid:course_id>/gate/<slug:line>/sign", views.sign, name="sign_gate"),
    path("courses/<uuid:course_id>/gate/signatures/<uuid:signature_id>/second", views.second, name="countersign_gate"),
    path("programme/today/", views.today, name="today"),
    path("programme/overrides/", views.given, name="gate_overrides"),
    path("programme/overrides.csv", views.given_csv, name="gate_overrides_csv"),
]
