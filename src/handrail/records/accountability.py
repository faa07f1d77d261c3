"""Who answers for a task of a patient at an instant.

The owner of the course is responsible, until an accepted `accountability_moved` says otherwise; an organisation that does not reach the
course (any more) cannot be. Within that, the agreement that is in force between the two says who answers for which task at which hour.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from handrail.people import agreements, rota, scope
from handrail.people.agreements import Standing as AgreementStanding
from handrail.people.models import Membership, Organisation
from handrail.people.rota import OnDuty
from handrail.records.models import Course, CourseAccess, Event
from handrail.records.wire import header, to_fact
from handrail.rules import answering
from handrail.rules.answering import Answering, Standing
from handrail.rules.coursefile import instant_from
from handrail.rules.history import History
from handrail.rules.terms import Ladder, UnusableInput, Urgency

log = logging.getLogger(__name__)

KIND = answering.MOVED


@dataclass(frozen=True, slots=True)
class Accountable:
    """The organisation whose people are called, the site whose rota counts (None: the organisation's), and why they.

    Of a partner that is the only site that it has; where it has several, nobody says which, and the rota of the whole counts alone.
    """

    organisation: Organisation
    site_id: UUID | None
    since: datetime
    """When the organisation that is responsible became so."""
    answer: Answering
    """The task, the party, its number, and what is wrong with that."""

    def on_duty(self, step: str, now: datetime) -> OnDuty:
        """Who of them answers as a step of the ladder at `now`."""
        return rota.who_is_on(self.organisation.pk, step, now, site_id=self.site_id)


def accountable_for(
    course: Course,
    now: datetime,
    task: str | None = None,
    *,
    context: dict[str, Any] | None = None,
    history: History | None = None,
) -> Accountable:
    """The party that answers for a task of the patient at `now`, which may lie ahead. No task: the one that applies then.

    `context`: what `context_of` answered for that instant in this transaction; `history`: what was read of the course in it.
    """
    standing = _standing(course, now, history)
    answer = answering.who_answers(standing, context or context_of(course, now), now, task)
    assert answer is not None
    owner = answer.organisation == str(course.organisation_id)
    organisation = course.organisation if owner else Organisation.objects.get(pk=UUID(answer.organisation))
    begins = [at for at, _ in standing.moves if at <= now]
    return Accountable(
        organisation,
        course.site_id if owner else _site_of_partner(organisation.pk),
        begins[-1] if begins else course.started_at,
        answer,
    )


def _site_of_partner(organisation_id: UUID) -> UUID | None:
    """The site whose rota counts beside that of the whole partner: the only one it has."""
    with scope.everything():
        site = rota.only_site(organisation_id)
    return site.pk if site is not None else None


def accountable_until(course: Course, at: datetime) -> tuple[Accountable, datetime | None]:
    """The party that answers at an instant, which may lie ahead, and the next one at which time alone may change it or its number."""
    context = context_of(course, at)
    changes = [answering.next_change(_standing(course, at), context, at)]
    for grant in course.accesses.all():
        changes += [edge for edge in (grant.valid_from, grant.valid_until, grant.revoked_at) if edge and edge > at]
    following = min((each for each in changes if each is not None), default=None)
    return accountable_for(course, at, context=context), following


def partners_hours(
    course: Course, tasks: Iterable[str], begins: datetime, ends: datetime
) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """The hours of a span ahead in which the people of a partner would be called for one of these tasks, by organisation."""
    grants = list(course.accesses.all())
    found: dict[UUID, list[tuple[datetime, datetime]]] = {}
    at = begins
    while grants and at < ends:
        standing, context = _standing(course, at), context_of(course, at)
        edges = [instant_from(each, "changes_at") for each in context["accountability"]["changes_at"]]
        edges += [each for grant in grants for each in (grant.valid_from, grant.valid_until, grant.revoked_at) if each]
        until = min(each for each in (ends, *edges) if each > at)  # from then on another agreement, or another partner
        for task in tasks:
            for start, end, answer in answering.who_answers_over(standing, context, task, at, until):
                if answer.organisation != str(course.organisation_id):
                    found.setdefault(UUID(answer.organisation), []).append((start, end))
        at = until
    return found


def responsible_for(course: Course, now: datetime) -> UUID:
    """The organisation that has accepted the patient, and reaches the course: the owner, until somebody else has."""
    accepted = answering.responsible_at(_standing(course, now).moves, now)
    partners = {str(each.pk): each.pk for each in partners_of(course, now)}
    return partners.get(accepted or "", course.organisation_id)


def context_of(course: Course, now: datetime) -> dict[str, Any]:
    """What the rules are told beyond the course: who could answer at `now`, and by which agreement."""
    staffed = _partners(course, now)
    partners = list(staffed)
    with scope.everything():
        found = agreements.between(course.organisation_id, [each.pk for each in partners], now)
    return {
        **(course.context if isinstance(course.context, dict) else {}),
        "accountability": {
            "owner": _said(course.organisation),
            "partners": [
                {
                    **_said(each),
                    **({} if staffed[each] else {"staffed": False}),  # nobody there has an account: no page reaches it
                    "agreement": _signed(found.get(each.pk), now),
                }
                for each in partners
            ],
            "alone": _signed(found.get(None), now),
            "changes_at": [each.then.isoformat() for each in found.values() if each.then is not None],
        },
    }


def partners_of(course: Course, now: datetime) -> list[Organisation]:
    """The organisations all of whose people reach the course at `now`, the oldest grant first: a page would open for nobody else."""
    return list(_partners(course, now))


def _partners(course: Course, now: datetime) -> dict[Organisation, bool]:
    """The partners, and whether anybody there has an account in force."""
    grants = course.accesses.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        Q(revoked_at__isnull=True) | Q(revoked_at__gt=now),
        valid_from__lte=now,
        person__isnull=True,
        purpose=CourseAccess.Purpose.CO_MANAGEMENT,
    )
    found = [each.to_organisation for each in _oldest_first(grants)]
    if not found:
        return {}
    people = Membership.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now), organisation__in=found, valid_from__lte=now
    )
    staffed = set(people.values_list("organisation", flat=True).distinct())
    return {each: each.pk in staffed for each in found}


def pairs_of(organisation_id: UUID, now: datetime) -> list[UUID]:
    """The organisations with which one shares running courses for co-management at `now`, whichever owns them."""
    shared = CourseAccess.objects.valid(now).filter(
        Q(organisation=organisation_id) | Q(to_organisation=organisation_id),
        course__ended_at__isnull=True,
        person__isnull=True,
        purpose=CourseAccess.Purpose.CO_MANAGEMENT,
    )
    both = shared.values_list("organisation", "to_organisation").distinct()
    return sorted({each for pair in both for each in pair} - {organisation_id}, key=str)


def _oldest_first(grants: Any) -> list[Any]:
    return list(grants.select_related("to_organisation").order_by("valid_from", "id"))


def _said(organisation: Organisation) -> dict[str, Any]:
    return {"id": str(organisation.pk), "name": organisation.name, "number": organisation.call_number}


def _signed(standing: AgreementStanding | None, now: datetime) -> dict[str, Any] | None:
    version = standing.version if standing is not None else None
    if version is None:
        return None
    lately = (now - timedelta(days=2)).date()
    closed = [day.isoformat() for day in version.content.holidays if day >= lately]
    return {
        "id": str(version.row.pk),
        "version": version.row.number,
        "document": version.row.document,
        **({"holidays": closed} if closed else {}),
    }


def _standing(course: Course, now: datetime, history: History | None = None) -> Standing:
    if history is None:
        history = _readable(course, course.events.filter(kind__in=(*answering.KINDS, "fact_withdrawn")))
    stored = course.assessment or {}
    ladder = (stored.get("triage") or {}).get("ladder")
    ends = (stored.get("watch") or {}).get("window_ends")
    return answering.standing_of(
        history,
        now,
        urgent=ladder is not None and Ladder(ladder).urgency is Urgency.NOW,
        window_ends=instant_from(ends, "watch.window_ends") if ends else None,
    )


def _readable(course: Course, rows: Iterable[Event]) -> History:
    """What can be read of these rows: whoever answers is called whatever else stands in the record, the owner where nothing says other."""
    facts = []
    for row in rows:
        try:
            facts.append(to_fact(row))
        except UnusableInput as error:
            log.warning("course %s: an event cannot be read (%s); the others say who answers", course.pk, error.code)
    try:
        return History.build(header(course), facts)
    except UnusableInput as error:
        log.warning("course %s: nothing says who answers (%s); the owner does", course.pk, error.code)
        return History.build(header(course), [])
