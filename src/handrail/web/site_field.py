"""The site of a planned dose, on the form with which it is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from handrail.actions.site_bookings import together
from handrail.people.models import Site
from handrail.records.models import Course
from handrail.web.forms import Field, Form


def with_sites(form: Form, course: Course, now: datetime) -> Form:
    """The form with the sites that may be named; the course's own stands ready.

    Of two sites with one code that of the course's organisation is meant.
    """
    if form.key != "plan":
        return form
    houses = together(course, now)
    sites = Site.objects.filter(Q(organisation=course.organisation_id) | Q(organisation__in=houses))
    ordered = sorted(sites, key=lambda site: (site.organisation_id != course.organisation_id, site.name, site.code))
    names: dict[str, str] = {}
    for site in ordered:
        names.setdefault(site.code, site.name)
    if not names:
        return form
    start = course.site.code if course.site is not None else ""
    field = Field(name="at_site", label="At", kind="choice", choices=tuple(names.items()), start=start)
    return replace(form, fields=(*form.fields, field))
