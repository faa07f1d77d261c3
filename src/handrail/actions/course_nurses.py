"""A patient's nurse and deputy by name: somebody who works here as a nurse and is trained, asked anew whenever it is shown.

Naming is an event of the course, so that who was named when stays on record. A name is never taken for presence: whoever left, or
whose certificate ran out, is shown as a gap that somebody has to mend. Whoever is on call answers pages all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import RefusedError
from handrail.actions.facts import record_event
from handrail.actions.recording import Recorded, locked
from handrail.people import scope
from handrail.people.coverage import asked_of, not_trained
from handrail.people.models import Certificate, Membership, Role, Step, User
from handrail.people.permissions import in_force
from handrail.records.models import Course, Event
from handrail.rules.terms import civil_date, say_date

KIND: Final = "nurses_named"
VERB: Final = "name_nurse"
PARTS: Final = ("nurse", "deputy")
LEFT: Final = "does not work here as a nurse any more"
NOBODY: Final = "nobody is named"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedNurse:
    """One part of the pair: who is named, and what is wrong with it now (empty: nothing)."""

    part: str
    user: User | None
    trouble: str

    @property
    def stands(self) -> bool:
        """Whether somebody is named who works here and is trained."""
        return self.user is not None and not self.trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class NursesOf:
    """The nurse and the deputy of a course at an instant. `ever`: somebody was named at some time."""

    nurse: NamedNurse
    deputy: NamedNurse
    ever: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A nurse of the course's site, and why they may not be named now (empty: they may)."""

    user: User
    trouble: str


def name_nurses(
    course_id: UUID, *, nurse: UUID | None, deputy: UUID | None, event_id: UUID, by: Actor, now: datetime | None = None
) -> Recorded:
    """Name the nurse and the deputy of a patient, or say that there is none.

    Raises:
        RefusedError: somebody who does not work at the site as a nurse now, or is not trained (`not_fit`), the same person twice,
        or a course that is over.
        ConflictError: this id has said something else before.
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic():
        with locked(course_id, by, now) as course:
            by.role_for(VERB, course, now)
            if course.ended_at is not None:
                raise RefusedError("This course is over.", code="course_over", path="course")
            if nurse is not None and nurse == deputy:
                raise RefusedError("The deputy is somebody else.", code="same_person", path="deputy")
            fit = {each.user.pk: each for each in candidates(course, now)}
            for part, person in (("nurse", nurse), ("deputy", deputy)):
                if person is not None and (person not in fit or fit[person].trouble):
                    why = fit[person].trouble if person in fit else LEFT
                    raise RefusedError(f"Not named: this person {why}.", code="not_fit", path=part)
        former = course.events.filter(id=event_id).first()
        data = {
            "id": str(event_id),
            "kind": KIND,
            "at": (now if former is None else former.occurred_at).isoformat(),  # sent twice, it was said once
            "nurse": str(nurse) if nurse is not None else None,
            "deputy": str(deputy) if deputy is not None else None,
        }
        return record_event(course_id, data, by=by, now=now)


def candidates(course: Course, now: datetime) -> list[Candidate]:
    """The nurses who work at the site of a course at `now`, by name."""
    with scope.acting_for(course.organisation_id):
        found = {each.user_id: each.user for each in _nurses(course, now).select_related("user")}
        trouble = _training(course, found, civil_date(now, course.time_zone))
    ordered = sorted(found.values(), key=lambda user: (user.name, str(user.pk)))
    return [Candidate(user=user, trouble=trouble[user.pk]) for user in ordered]


def nurses_of(course: Course, now: datetime) -> NursesOf:
    """The nurse and the deputy of a course at `now`; what is wrong with a name is found out anew each time."""
    with scope.acting_for(course.organisation_id):
        said = _last_said(course, now)
        if said is None:
            nobody = {part: NamedNurse(part=part, user=None, trouble=NOBODY) for part in PARTS}
            return NursesOf(nurse=nobody["nurse"], deputy=nobody["deputy"], ever=False)
        ids = {part: found for part in PARTS if (found := _person_id(said.get(part))) is not None}
        users = User.objects.in_bulk(list(ids.values()))
        here = set(_nurses(course, now).filter(user__in=users).values_list("user", flat=True))
        training = _training(course, users, civil_date(now, course.time_zone))
        named = {}
        for part in PARTS:
            user = users.get(ids[part]) if part in ids else None
            trouble = NOBODY if user is None else LEFT if user.pk not in here else training[user.pk]
            named[part] = NamedNurse(part=part, user=user, trouble=trouble)
        return NursesOf(nurse=named["nurse"], deputy=named["deputy"], ever=True)


def _last_said(course: Course, now: datetime) -> dict[str, Any] | None:
    """The latest word of it that nobody has withdrawn or replaced."""
    events = course.events.filter(Q(kind=KIND) | Q(supersedes__isnull=False), occurred_at__lte=now)
    rows = list(events.order_by(*Event.NEWEST_FIRST).values("id", "kind", "payload", "supersedes"))
    replaced = {row["supersedes"] for row in rows if row["supersedes"]}
    return next((row["payload"] for row in rows if row["kind"] == KIND and row["id"] not in replaced), None)


def _person_id(said: object) -> UUID | None:
    """The id of a person here; None for what no person here can have, as a course from elsewhere may say."""
    try:
        return UUID(str(said))
    except ValueError:
        return None


def _nurses(course: Course, now: datetime) -> Any:
    """Memberships in force of nurses at the site of a course, or at every site of its organisation."""
    at_site = Q(site__isnull=True) | Q(site=course.site_id)
    return Membership.objects.filter(
        in_force(now), at_site, organisation=course.organisation_id, role=Role.NURSE, user__is_active=True
    )


def _training(course: Course, users: Iterable[UUID], today: date) -> dict[UUID, str]:
    """What each lacks of the certificate that the rota asks of a nurse at this site; empty: nothing."""
    known = list(users)
    asked = asked_of(course.organisation_id, course.site_id).get(Step.NURSE)
    if asked is None or not asked.certificate:
        return dict.fromkeys(known, "")
    held: dict[UUID, list[Certificate]] = {user: [] for user in known}
    for each in Certificate.objects.filter(organisation=course.organisation_id, user__in=known, kind=asked.certificate):
        held[each.user_id].append(each)
    return {user: _lacks(rows, asked.certificate, today) for user, rows in held.items()}


def _lacks(held: list[Certificate], kind: str, today: date) -> str:
    if not_trained(held, today, today) is None:
        return ""
    over = max((each.valid_until for each in held if each.valid_until and each.valid_until < today), default=None)
    words = kind.replace("_", " ")
    return f"has no current training ({words})" + (f": it ended {say_date(over)}" if over is not None else "")
