"""The app of the configuration: it registers the start-up checks, and has the labels of the installation read."""

from pathlib import Path

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured

from handrail.rules.protocol import read_beside
from handrail.rules.strict import ProtocolDataError


class ConfigConfig(AppConfig):
    """Settings and start-up checks."""

    name = "handrail.config"
    label = "handrail_config"

    def ready(self) -> None:
        """A label file that cannot be used stops the start: nobody goes on with an old label without knowing it."""
        from django.conf import settings

        from handrail.config import checks  # noqa: F401  (registers the checks)

        if settings.HANDRAIL_LABELS_DIR:
            try:
                read_beside(Path(settings.HANDRAIL_LABELS_DIR))
            except ProtocolDataError as error:
                raise ImproperlyConfigured(f"HANDRAIL_LABELS_DIR: {error.message}") from error
