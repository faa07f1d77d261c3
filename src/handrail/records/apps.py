"""The app of records."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Courses, events, documents and looks."""

    name = "handrail.records"
    label = "records"
