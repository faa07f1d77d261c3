"""`rotate_keys`: after a new key was put first in HANDRAIL_FIELD_KEYS, bring everything under it."""

from typing import Any

from django.core.management.base import BaseCommand

from handrail.actions.upkeep import rotate_keys


class Command(BaseCommand):
    """Bring every encrypted value under the newest key."""

    help = "Bring every encrypted value under the newest key; then the old key can be taken away."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        counts = rotate_keys()
        self.stdout.write(", ".join(f"{number} {name}" for name, number in counts.items()) + " rewritten")
