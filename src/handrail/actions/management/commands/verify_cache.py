"""`verify_cache`: is what is cached about the courses what their events say?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from handrail.actions.upkeep import verify_cache


class Command(BaseCommand):
    """Compare the stored answer of every course with its events."""

    help = "Compare the stored answer of every course with its events; exit status 1 when one differs."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        differences = list(verify_cache())
        for each in differences:
            self.stdout.write(f"course {each.course_id} {each.what}")
        self.stdout.write("every stored answer is what the events say" if not differences else "")
        if differences:
            sys.exit(1)
