"""A door: FHIR, mapped in and out. No rules live here."""
