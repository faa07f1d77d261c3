"""How many courses each person and site of an organisation has had, and when a reaction was last seen: counted from what is on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from django.db.models import Count, Exists, Max, OuterRef, Q

from handrail.people.models import Organisation, Site
from handrail.people.registry import Registry
from handrail.records.models import Event
from handrail.rules.curriculum import experience, load_curriculum
from handrail.rules.terms import civil_date, say_date

WORK: Final = ("dose_given", "crs_assessed", "ice_assessed", "icans_assessed", "visit_done")
"""Who wrote down one of these took part in the course."""
REACTION: Final = Q(kind__in=("crs_assessed", "icans_assessed")) & ~Q(payload__clinician_grade=0)


def experiences(
    organisation: Organisation, known: Registry, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The people and the sites of an organisation, the most courses first. Three queries, whatever the size.

    A course counts for a person who wrote down a dose or an assessment of it, and for a site once a dose was given in it; what was
    withdrawn or corrected does not count. A reaction is an assessment for CRS or ICANS that was not closed as grade 0 by who made it.
    """
    corrected = Event.objects.filter(organisation_id=OuterRef("organisation_id"), supersedes=OuterRef("id"))
    rows = Event.objects.filter(~Exists(corrected), organisation=organisation, kind__in=WORK, occurred_at__lte=now)
    last = Max("occurred_at", filter=REACTION)
    own = {
        each["by"]: (each["courses"], each["last"])
        for each in rows.values("by").annotate(courses=Count("course_id", distinct=True), last=last).order_by("by")
    }
    given = Count("course_id", distinct=True, filter=Q(kind="dose_given"))
    there = {
        each["course__site_id"]: (each["courses"], each["last"])
        for each in rows.values("course__site_id").annotate(courses=given, last=last).order_by("course__site_id")
    }

    def row(name: str, of: Literal["person", "site"], had: tuple[int, datetime | None]) -> dict[str, Any]:
        courses, at = had
        on = civil_date(at, organisation.time_zone) if at else None
        found = experience(of, courses, on, load_curriculum())
        return {
            "name": name,
            "courses": courses,
            "last_event": say_date(on) if on else "none on record",
            "reached": found.reached.words,
            "following": found.following.words if found.following else "",
            "left": found.courses_left,
        }

    people = [row(name, "person", own.get(key, (0, None))) for key, name in known.people.items()]
    sites = [
        row(site.name, "site", there.get(site.pk, (0, None)))
        for site in Site.objects.filter(organisation=organisation).order_by("name", "id")
    ]
    return sorted(people, key=lambda each: (-each["courses"], each["name"])), sites
