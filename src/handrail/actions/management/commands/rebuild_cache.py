"""`rebuild_cache`: recompute what is cached about every course."""

from typing import Any

from django.core.management.base import BaseCommand

from handrail.actions.upkeep import rebuild
from handrail.people.scope import everything
from handrail.records.models import Course


class Command(BaseCommand):
    """Recompute the stored answer of every course from its events."""

    help = "Recompute the stored answer of every course from its events."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        with everything():
            ids = list(Course.objects.order_by("pk").values_list("pk", flat=True))
        for course_id in ids:
            rebuild(course_id)
        self.stdout.write(f"{len(ids)} courses rebuilt")
