"""What a packet says beyond the facts of a course: who the patient is, the parties, whom to call by the hour, and the agreement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from handrail.actions.moves import loops_of
from handrail.actions.truth import number_to_call
from handrail.actions.whom import contacts_ahead
from handrail.people import agreements, scope
from handrail.people.models import Organisation, Patient
from handrail.records.accountability import accountable_for, partners_of, responsible_for
from handrail.records.models import Course
from handrail.rules import responsibility
from handrail.rules.accountability import PHASE_WORDS
from handrail.rules.answering import AFTER_ED
from handrail.rules.handoff_loop import Loop
from handrail.rules.packet_parts import Around, CallPart, ContactPart, Who
from handrail.rules.responsibility import DOSING_SITE
from handrail.rules.responsibility_lines import SITE_WORDS, say_when
from handrail.rules.terms import say_date


def who_of(course: Course) -> Who:
    """Who the patient is, as far as that is recorded."""
    return who_is(course.patient)


def who_is(patient: Patient) -> Who:
    """The same of somebody who may have no course."""
    return Who(
        given_name=patient.given_name,
        family_name=patient.family_name,
        birth_date=patient.birth_date_text,
        sex=patient.sex,
        phone=patient.phone,
        record_number=patient.mrn,
        record_system=patient.mrn_system,
        language=patient.language,
        contacts=tuple(
            ContactPart(name=each.name, relationship=each.relationship, phone=each.phone, caregiver=each.is_caregiver)
            for each in patient.contacts.filter(is_caregiver=True).order_by("order", "id")
        ),
    )


def around_of(course: Course, now: datetime) -> Around:
    """The parties, the numbers and the agreement at an instant."""
    responsible = Organisation.objects.get(pk=responsible_for(course, now))
    waiting = [loop for loop in loops_of(course, now) if loop.stage.waits]
    receiving = _receiving(waiting)
    hospital = accountable_for(course, now, AFTER_ED).answer
    standing = _agreement(course, receiving, now)
    return Around(
        from_party=responsible.name,
        answers=accountable_for(course, now).answer.name,
        to_party=receiving.name if receiving is not None else "",
        offer_waits=bool(waiting),
        number=number_to_call(course, now),
        calls=_calls(course, now),
        emergency_department=f"{hospital.name} {hospital.number}".strip() if hospital.outside else "",
        agreement=_agreement_words(standing) if standing is not None else "",
        duties=tuple(_duties(standing.content)) if standing is not None else (),
        duties_from=standing.content.starts_at if standing is not None else None,
    )


def _receiving(waiting: Sequence[Loop]) -> Organisation | None:
    """To whom the hand-off that waits was offered; None when none waits, or nobody knows to whom."""
    if not waiting:
        return None
    try:
        offered = UUID(waiting[-1].offered.body.to_party or "")
    except ValueError:
        return None
    return Organisation.objects.filter(pk=offered).first()


def _calls(course: Course, now: datetime) -> tuple[CallPart, ...]:
    """Whom to call in the days ahead: who is on duty there changes nothing for the caller."""
    ahead = contacts_ahead(course, now)
    found = []
    for (party, number), these in groupby(ahead, key=lambda each: (each.party, each.number)):
        same = list(these)
        found.append(CallPart(from_at=same[0].begins, until=same[-1].ends, party=party, number=number))
    return tuple(found)


def _agreement(course: Course, receiving: Organisation | None, now: datetime) -> agreements.Version | None:
    """The agreement in force with the receiving side, else with a partner, else the organisation's own."""
    others = [*([receiving] if receiving is not None else []), *partners_of(course, now)]
    ids = list(dict.fromkeys(each.pk for each in others if each.pk != course.organisation_id))
    with scope.everything():
        found = agreements.between(course.organisation_id, ids, now)
    standing = (found[each].version for each in [*ids, None] if each in found)
    return next((version for version in standing if version is not None), None)


def _agreement_words(version: agreements.Version) -> str:
    content = version.content
    return f"version {version.row.number}, {say_date(content.valid_from)} to {say_date(content.valid_until)}"


def _duties(content: responsibility.Agreement) -> list[tuple[str, str]]:
    """Every task with whoever answers for it, and when."""
    rows = []
    for task in content.task:
        parties = []
        for rule in task.accountable:
            party = content.party_named(rule.party)
            name = SITE_WORDS if rule.party == DOSING_SITE or party is None else party.name
            when = " ".join(part for part in (say_when(rule), PHASE_WORDS[rule.phase] if rule.phase else "") if part)
            parties.append(f"{name} ({rule.role}{f', {when}' if when else ''})")
        rows.append((task.name, "; ".join(parties)))
    return rows
