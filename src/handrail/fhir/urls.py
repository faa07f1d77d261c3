"""The addresses of the FHIR door."""

from django.urls import path

from handrail.fhir import views

urlpatterns = [path("fhir/Bundle/<uuid:version_id>", views.bundle, name="fhir_bundle")]
