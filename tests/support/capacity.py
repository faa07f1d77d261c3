"""A site in the database that has said its numbers, and starts that are planned there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from handrail.actions.facts import record_event
from handrail.people.models import SiteNumber, StartDecision, WaitEntry
from handrail.people.scope import everything
from handrail.records.models import AccessPaper, Course
from handrail.rules.capacity_data import NUMBERS
from handrail.rules.terms import civil_date
from tests.support.factories import CHICAGO, MONDAY_0900, House, World, event

TODAY: Final = civil_date(MONDAY_0900, CHICAGO)
PLENTY: Final[Mapping[str, int]] = {**dict.fromkeys(NUMBERS, 9), "patients_each": 12}
DAY: Final = timedelta(days=1)


def says(house: House, *, from_on: date = TODAY, at: datetime = MONDAY_0900, **numbers: int | None) -> list[SiteNumber]:
    """Numbers of a house's site as rows."""
    with everything():
        return [
            SiteNumber.objects.create(
                organisation=house.organisation, site=house.site, what=what, number=number, from_on=from_on,
                by=house.director, role="director", at=at,
            )
            for what, number in numbers.items()
        ]  # fmt: skip


def counted(house: House, doses: int, on: date = TODAY, at: datetime = MONDAY_0900) -> AccessPaper:
    """A count of rescue doses at a house's site, written down at that instant."""
    with everything():
        return AccessPaper.objects.create(
            organisation=house.organisation, kind="stock", key=house.site.code, payload={"doses": doses}, since=on,
            by=house.director, recorded_at=at,
        )  # fmt: skip


def full_of_room(house: House, **numbers: int | None) -> None:
    """A site that has said every number, with room for several, and counted its shelf; some numbers are others."""
    says(house, **{**PLENTY, **numbers})
    counted(house, 20)


def plan(
    world: World, course: Course | None = None, *, on: date = TODAY + DAY, who: str = "nurse", **fields: Any
) -> Any:
    """Plan a first dose."""
    body = {"step": "step_up_1", "on": on.isoformat(), "setting": "outpatient", **fields}
    target = course or world.course
    return record_event(
        target.pk, event("dose_planned", at=MONDAY_0900, **body), by=world.actor("alice", who), now=MONDAY_0900
    )


def one_of_each(house: House, course: Course) -> None:
    """A row in each of the three tables."""
    numbers_and_decision(house, course)
    with everything():
        WaitEntry.objects.create(
            organisation=house.organisation, by=house.director, role="director", course=course, cause="capacity"
        )


def numbers_and_decision(house: House, course: Course) -> None:
    """A row in each of the two tables of a site."""
    says(house, beds=1)
    with everything():
        StartDecision.objects.create(
            organisation=house.organisation, by=house.director, role="director", site=house.site, course=course.pk,
            on=TODAY, kind="override", reason="x", against="y",
        )  # fmt: skip
