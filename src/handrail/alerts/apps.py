"""The app of alerts."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts, pages and the watcher's heartbeat."""

    name = "handrail.alerts"
    label = "alerts"
