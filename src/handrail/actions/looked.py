"""Who looked at a course, in words: for the staff who may ask, and for the patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.models import Max

from handrail.people.models import LinkToken
from handrail.records.models import Course

OF_THE_PATIENT: Final = ("patient", "caregiver")
"""Holders of links at home."""


class Reader(StrEnum):
    """Who looked."""

    TEAM = "team"
    """Somebody of the organisation that has the course."""
    OTHER_TEAM = "other_team"
    BROKE_GLASS = "broke_glass"
    SYSTEM = "system"
    EMERGENCY = "emergency"
    RECEIVER = "receiver"
    PRACTICE = "practice"
    """The practice that refers, behind the link and the code of its referral."""
    HEALTH_LINK = "health_link"
    HOME = "home"
    UNKNOWN_LINK = "unknown_link"
    """A link that is no longer on record: nobody can say whose it was, and it is never taken for the patient's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One look. `name`: of the person or system; empty for the holder of a link. `what`: the page or route."""

    at: datetime
    reader: Reader
    name: str
    what: str
    through: str
    reason: str


def looks_of(course: Course, *, most: int) -> list[Looked]:
    """The last looks at a course, the latest first. The caller has asked who may see them."""
    rows = list(course.looks.select_related("user", "client").order_by("-at", "-id")[:most])
    links = LinkToken.objects.filter(pk__in={row.link for row in rows if row.link is not None}).in_bulk()
    return [
        Looked(
            at=row.at,
            reader=_kind(row.client is not None, row.through, links.get(row.link) if row.link is not None else None),
            name=row.client.name if row.client is not None else row.user.name if row.user is not None else "",
            what=row.what,
            through=row.through,
            reason=row.reason,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRead:
    """When such a reader read last. `name`: of a system; people are told by what they are."""

    reader: Reader
    name: str
    at: datetime


def others_who_read(course: Course) -> list[LastRead]:
    """Who read a course besides the patient, whoever cares for them at home and their own team: of each the last time, the latest first."""
    rows = (
        course.looks.exclude(through="membership")
        .values("client", "client__name", "link", "through")
        .annotate(last=Max("at"))
        .order_by("-last")
    )
    links = LinkToken.objects.filter(course=course).in_bulk()
    found: dict[tuple[Reader, str], LastRead] = {}
    for row in rows:
        reader = _kind(row["client"] is not None, row["through"], links.get(row["link"]) if row["link"] else None)
        if reader is not Reader.HOME:
            name = row["client__name"] or ""
            found.setdefault((reader, name), LastRead(reader=reader, name=name, at=row["last"]))
    return list(found.values())


def _kind(system: bool, through: str, link: LinkToken | None) -> Reader:
    if system:
        return Reader.SYSTEM
    if through != "link":
        return {"membership": Reader.TEAM, "break_glass": Reader.BROKE_GLASS}.get(through, Reader.OTHER_TEAM)
    if link is None:
        return Reader.UNKNOWN_LINK
    if link.purpose == LinkToken.Purpose.EMERGENCY:
        return Reader.EMERGENCY
    if link.purpose == LinkToken.Purpose.HEALTH_LINK:
        return Reader.HEALTH_LINK
    return Reader.HOME if link.holder in OF_THE_PATIENT else Reader.RECEIVER
