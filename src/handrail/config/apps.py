"""The app of the configuration: it only registers the start-up checks."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Settings and start-up checks."""

    name = "handrail.config"
    label = "handrail_config"

    def ready(self) -> None:
        from handrail.config import checks  # noqa: F401  (registers the checks)
