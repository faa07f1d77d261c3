"""The addresses of the FHIR door."""

from django.urls import path

from handrail.fhir import bulk_door, capability, health_links, oauth, observations, patients, tasks, traces, views

urlpatterns = [
    path("fhir/.well-known/smart-configuration", oauth.configuration, name="fhir_smart"),
    path("fhir/metadata", capability.metadata, name="fhir_metadata"),
    path("fhir/token", oauth.token, name="fhir_token"),
    path("fhir/Observation", observations.create, name="fhir_observation"),
    path("fhir", observations.bundle, name="fhir_bundle_in"),
    path("fhir/Patient", patients.by_address, name="fhir_patients"),
    path("fhir/Patient/_search", patients.search, name="fhir_find_patient"),
    path("fhir/Patient/<str:patient_id>", patients.read, name="fhir_patient"),
    path("fhir/Patient/<str:patient_id>/$summary", patients.summary, name="fhir_summary"),
    path("fhir/AuditEvent", traces.audit_events, name="fhir_audit"),
    path("fhir/Provenance", traces.provenances, name="fhir_provenance"),
    path("fhir/Task", tasks.search, name="fhir_tasks"),
    path("fhir/Task/<str:task_id>", tasks.read, name="fhir_task"),
    path("fhir/$export", bulk_door.begin, name="fhir_export"),
    path("fhir/export/<str:job_id>", bulk_door.status, name="fhir_export_status"),
    path("fhir/export/<str:job_id>/<str:file_id>", bulk_door.file, name="fhir_export_file"),
    path("fhir/Bundle/<uuid:version_id>", views.bundle, name="fhir_bundle"),
    path("fhir/Bundle/<uuid:version_id>/$signature", views.signature, name="fhir_signature"),
    path("fhir/keys/<uuid:organisation_id>/jwks.json", views.keys, name="fhir_keys"),
    path("shl/file/<path:token>", health_links.file, name="health_link_file"),
    path("shl/<str:address>", health_links.manifest, name="health_link_manifest"),
]
