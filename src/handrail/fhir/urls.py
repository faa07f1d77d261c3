"""The addresses of the FHIR door."""

from django.urls import path

from handrail.fhir import capability, oauth, observations, views

urlpatterns = [
    path("fhir/.well-known/smart-configuration", oauth.configuration, name="fhir_smart"),
    path("fhir/metadata", capability.metadata, name="fhir_metadata"),
    path("fhir/token", oauth.token, name="fhir_token"),
    path("fhir/Observation", observations.create, name="fhir_observation"),
    path("fhir", observations.bundle, name="fhir_bundle_in"),
    path("fhir/Bundle/<uuid:version_id>", views.bundle, name="fhir_bundle"),
]
