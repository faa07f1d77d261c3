"""Fill the demonstration's empty database: organisations, staff, rota, and a dozen courses told through the verbs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from handrail import clock
from handrail.jobs.demo.agreements import make_agreements
from handrail.jobs.demo.children import Folder
from handrail.jobs.demo.courses import tell_all
from handrail.jobs.demo.people import House, leave_a_gap, make_fax_only, make_houses
from handrail.jobs.demo.referrals import make_referrals
from handrail.jobs.demo.sites import make_levels
from handrail.jobs.demo.storyteller import Story
from handrail.people import scope
from handrail.people.models import Organisation
from handrail.rules.terms import UnusableInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What was made."""

    houses: dict[str, House]
    stories: dict[str, Story]

    @property
    def checkin_token(self) -> str:
        """The token of the check-in link of the patient who is in the watched window."""
        link = self.stories["in_window"].link
        assert link is not None
        return link.token


def empty_houses(now: datetime, password: str) -> dict[str, House]:
    """The organisations with their people. The password is hashed once for all of them: a hash takes a tenth of a second.

    Raises:
        UnusableInput: a live installation, or a database that is in use.
    """
    if settings.HANDRAIL_MODE == "live":
        raise UnusableInput("live", "A live installation takes no demonstration.")
    if Organisation.objects.exists():
        raise UnusableInput("in_use", "The database has organisations already; the demonstration wants an empty one.")
    return make_houses(now, make_password(password))


def seed(now: datetime, password: str) -> Seeded:
    """Tell the demonstration as of `now`: everything or nothing."""
    with transaction.atomic(), scope.everything():
        houses = empty_houses(now, password)
        leave_a_gap(houses["prairie"], now)
        make_agreements(houses, now)
        make_referrals(houses, now)
        stories = tell_all(houses, make_fax_only(), now)
        make_levels(houses, now)  # what was told before happened before anybody signed a level
        return Seeded(houses=houses, stories=stories)


def run(directory: Path) -> int:
    """`handrail demo seed --dir DIR`: a step of `handrail demo`, in a process of its own."""
    scope.see_everything_by_default()
    folder = Folder(directory)
    said = folder.said()
    now = clock.now()
    made = seed(now, str(said["password"]))
    courses: dict[str, UUID] = {name: story.course_id for name, story in made.stories.items()}
    folder.write(
        {
            **said,
            "seeded_at": now.isoformat(),
            "checkin_token": made.checkin_token,
            "courses": {name: str(course_id) for name, course_id in courses.items()},
        }
    )
    return 0
