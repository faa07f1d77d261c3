"""Who saw a course, and where its documents and facts come from, for a system that may ask: read from the rows when somebody asks.

Nothing is kept twice: a look is a row, a sealed version is a row, an import is the facts that it brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db.models import Count, Q

from handrail.actions.access import log_look
from handrail.actions.clients import Caller
from handrail.actions.packets import LOOK
from handrail.actions.written import A_MOMENT
from handrail.people import scope
from handrail.people.models import LinkToken, User
from handrail.records.models import Course, Event, ImportDecision, Look, PacketVersion

AUDIT: Final = "fhir_audit_search"
PROVENANCE: Final = "fhir_provenance_search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Behind which row a page of results goes on; what is newer came before."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: from an instant on, before another one, behind a place, and how many at most."""

    most: int
    begins: datetime | None = None
    ends: datetime | None = None
    behind: Place | None = None

    def holds(self, at: datetime, name: UUID) -> bool:
        """Whether a row lies within."""
        return (
            (self.begins is None or at >= self.begins)
            and (self.ends is None or at < self.ends)
            and (self.behind is None or (at, name) < (self.behind.at, self.behind.id))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A look. `holder`: for whom the link was made. `version`: the sealed version that was opened."""

    look: Look
    patient_id: UUID
    holder: str = ""
    version: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where something comes from: a sealed version, or so many facts that came with one import. `by`: who did it, by id."""

    id: UUID
    patient_id: UUID
    at: datetime
    by: str
    version: PacketVersion | None = None
    facts: int = 0
    name: str = ""
    """Of the person; empty when none did it."""
    sha256: str = ""
    """Of the document that a person took the facts from; empty when none was kept."""


def looks_at(
    caller: Caller, courses: Sequence[Course], wanted: Wanted, *, now: datetime | None = None
) -> tuple[list[Seen], bool]:
    """Who saw these courses, the latest first, and whether there is more. That somebody asks is a look of its own.

    The courses are those that were tied to the system (`reading_out.courses_of`).
    """
    patients = {course.pk: course.patient_id for course in courses}
    rows = Look.objects.filter(course__in=courses).select_related("user", "client").order_by("-at", "-id")
    if wanted.begins is not None:
        rows = rows.filter(at__gte=wanted.begins)
    if wanted.ends is not None:
        rows = rows.filter(at__lt=wanted.ends)
    if wanted.behind is not None:
        rows = rows.filter(Q(at__lt=wanted.behind.at) | Q(at=wanted.behind.at, id__lt=wanted.behind.id))
    with scope.acting_for(caller.client.organisation_id):
        found = list(rows[: wanted.most + 1])
        page = found[: wanted.most]
        links = LinkToken.objects.filter(pk__in={look.link for look in page if look.link is not None})
        holders = dict(links.values_list("pk", "holder"))
        sealed = PacketVersion.objects.filter(course__in=courses).values_list("course", "number", "pk")
        versions = {(course, f"{LOOK}{number}"): name for course, number, name in sealed}
    _note(caller, courses, AUDIT, now)
    said = [
        Seen(
            look=look,
            patient_id=patients[look.course_id],
            holder=holders.get(look.link, "") if look.link is not None else "",
            version=versions.get((look.course_id, look.what)),
        )
        for look in page
    ]
    return said, len(found) > wanted.most


def traces_of(
    caller: Caller,
    courses: Sequence[Course],
    wanted: Wanted,
    *,
    version_id: UUID | None = None,
    now: datetime | None = None,
) -> tuple[list[Trace], bool]:
    """Where the sealed versions and the imported facts of these courses come from, the latest first, and whether there is more.

    Args:
        version_id: of this sealed version alone.
    """
    with scope.acting_for(caller.client.organisation_id):
        found = list(_sealed(courses)) + list(_imported(courses))
        found = [each for each in found if wanted.holds(each.at, each.id) and version_id in (None, each.id)]
        found.sort(key=lambda each: (each.at, each.id), reverse=True)
    _note(caller, courses, PROVENANCE, now)
    return found[: wanted.most], len(found) > wanted.most


def patient_of_version(caller: Caller, version_id: UUID) -> UUID | None:
    """The patient of a sealed version; None when there is none of a course that is tied to the system."""
    with scope.acting_for(caller.client.organisation_id):
        tied = caller.client.links.filter(ended_at__isnull=True).values("course")
        mine = PacketVersion.objects.filter(pk=version_id, course__in=tied)
        return mine.values_list("course__patient", flat=True).first()


def _note(caller: Caller, courses: Sequence[Course], what: str, now: datetime | None) -> None:
    for course in courses:
        log_look(course, what, client=caller.client, now=now)


def _sealed(courses: Sequence[Course]) -> Iterator[Trace]:
    for course in courses:
        for row in course.packets.select_related("made_by"):
            person = row.made_by
            yield Trace(
                id=row.pk,
                patient_id=course.patient_id,
                at=row.made_at,
                by=str(person.pk) if person is not None else "",
                version=row,
                name=person.name if person is not None else "",
            )


def _imported(courses: Sequence[Course]) -> Iterator[Trace]:
    """A person took facts from a document; what else came with one import was recorded at one instant, or nearly, by one importer."""
    for course in courses:
        taken = course.import_decisions.filter(kind=ImportDecision.Kind.APPLIED).select_related("batch", "decided_by")
        reviewed: set[str] = set()
        for decision in taken.order_by("decided_at", "id"):
            person = decision.decided_by
            reviewed.update(decision.events)
            yield Trace(
                id=decision.pk,
                patient_id=course.patient_id,
                at=decision.decided_at,
                by=str(person.pk) if person is not None else "",
                facts=len(decision.events),
                name=person.name if person is not None else "",
                sha256=decision.batch.sha256,
            )
        yield from _without_review(course, reviewed)


def _without_review(course: Course, reviewed: Iterable[str]) -> Iterator[Trace]:
    rows = (
        Event.objects.filter(course=course, source="import")
        .exclude(id__in=reviewed)
        .values_list("by", "recorded_at")
        .annotate(facts=Count("id"))
        .order_by("by", "recorded_at")
    )
    imports: list[tuple[str, datetime, int]] = []
    last = None
    for by, at, facts in rows:
        if imports and last is not None and imports[-1][0] == by and at - last < A_MOMENT:
            imports[-1] = (by, imports[-1][1], imports[-1][2] + facts)
        else:
            imports.append((by, at, facts))
        last = at
    names = _names(by for by, _, _ in imports)
    for by, at, facts in imports:
        name = f"urn:handrail:import:{course.pk}:{at.isoformat()}:{by}"
        yield Trace(
            id=uuid5(NAMESPACE_URL, name),
            patient_id=course.patient_id,
            at=at,
            by=by,
            facts=facts,
            name=names.get(by, ""),
        )


def _names(ids: Iterable[str]) -> dict[str, str]:
    """The names of those of them who are people."""
    people = set()
    for each in ids:
        try:
            people.add(UUID(each))
        except ValueError:
            continue
    return {str(user.pk): user.name for user in User.objects.filter(pk__in=people)}
