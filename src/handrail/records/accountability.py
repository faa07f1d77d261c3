"""Who answers for a patient now: the owner of the course, until an accepted `accountability_moved` says otherwise.

An organisation that does not reach the course (any more) cannot answer: the owner does.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handrail.people import rota
from handrail.people.models import Organisation
from handrail.people.rota import OnDuty
from handrail.records.models import Course, CourseAccess
from handrail.records.wire import header, to_fact
from handrail.rules.history import History

KIND = "accountability_moved"


@dataclass(frozen=True, slots=True)
class Accountable:
    """The accountable organisation, and the site whose rota counts (None: the organisation's)."""

    organisation: Organisation
    site_id: UUID | None
    since: datetime

    def on_duty(self, step: str, now: datetime) -> OnDuty:
        """Who of them answers as a step of the ladder at `now`."""
        return rota.who_is_on(self.organisation.pk, step, now, site_id=self.site_id)


def accountable_for(course: Course, now: datetime) -> Accountable:
    """The party that answers for the patient at `now`. A party is an organisation, named by its id."""
    owner = Accountable(course.organisation, course.site_id, course.started_at)
    rows = list(course.events.filter(kind__in=(KIND, "fact_withdrawn")))
    if not any(row.kind == KIND for row in rows):
        return owner
    history = History.build(header(course), [to_fact(row) for row in rows])
    moved = [fact for fact in history.of(KIND) if (fact.body.from_at or fact.at) <= now]
    if not moved:
        return owner
    last = max(moved, key=lambda fact: fact.body.from_at or fact.at)
    try:
        organisation = Organisation.objects.get(pk=UUID(last.body.to_party or ""))
    except (ValueError, Organisation.DoesNotExist):
        return owner  # a party of another machine: its own organisation is not here, so the owner answers
    if organisation.pk == course.organisation_id or not _reaches(organisation, course, now):
        return owner
    return Accountable(organisation, None, last.body.from_at or last.at)


def _reaches(organisation: Organisation, course: Course, now: datetime) -> bool:
    """Whether everybody of that organisation still reaches the course: a page for it would open for nobody otherwise."""
    lent = course.accesses.valid(now).filter(to_organisation=organisation, person__isnull=True)
    return lent.filter(purpose=CourseAccess.Purpose.CO_MANAGEMENT).exists()
