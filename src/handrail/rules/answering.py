"""Who answers for a task of a patient at an instant: the agreement that both signed, read with what happened.

Responsibility moves only when a named person has accepted, and never backwards: what was before stays with the sender. Within that, the
matrix says which party answers for which task. Where no agreement is in force, or it names nobody, whoever is responsible answers for
everything, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from operator import attrgetter
from typing import Any, Final

from handrail.rules.accountability import cuts, holders, party_words
from handrail.rules.answer import Finding
from handrail.rules.coursefile import instant_from
from handrail.rules.events import Event
from handrail.rules.handoff_loop import counts
from handrail.rules.history import History
from handrail.rules.responsibility import (
    DOSING_SITE,
    FIRST,
    SECOND,
    Agreement,
    Party,
    Phase,
    Rule,
    agreement_from_text,
    canonical,
    template,
)
from handrail.rules.terms import TREATMENT_STEPS, UnusableInput, Urgency, civil_date, zone_named

MOVED: Final = "accountability_moved"
KINDS: Final = (
    MOVED,
    "handoff_offered",
    "handoff_ended",
    "home_status",
    "dose_given",
    "dose_planned",
    "course_ended",
)
"""What decides who answers, beside the watched window and an open urgent report."""
EMERGENCY, AFTER_ED, INPATIENT = "emergency_until_ed", "emergency_after_ed", "inpatient_care"
AFTER_HOURS, DOSING_DAY, OTHER_DAY = "after_hours_contact", "daily_assessment_dosing_day", "daily_assessment_other_days"
CANDIDACY, GATE, MAINTENANCE = "candidacy", "gate_and_dose", "maintenance_doses"
TASKS: Final = (EMERGENCY, AFTER_ED, INPATIENT, AFTER_HOURS, DOSING_DAY, OTHER_DAY, CANDIDACY, GATE, MAINTENANCE)
"""The tasks of the matrix that can be the one that applies now."""
EXPERT_LINE: Final = "expert_line"
"""No row of the matrix: the line that its rows consult. The centre answers it, whoever answers for the patient."""
_REACHED: Final = attrgetter("organisation", "name", "number", "outside", "away", "trouble")
LOOK_AHEAD: Final = timedelta(days=9)
"""From the start of a day on: the hours of an agreement repeat every week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of a course decides who answers, at any instant from its last fact on."""

    moves: tuple[tuple[datetime, str], ...]
    """Accepted moves: from when on, and to whom."""
    dose: Event | None
    planned: Event | None
    location: str | None
    urgent: bool
    window_ends: datetime | None
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Who answers for a task, and how to reach them."""

    organisation: str
    """The organisation whose people are called, by its id."""
    name: str
    """The party that answers: an organisation, or the receiving hospital."""
    role: str
    duty: str
    number: str
    task: str
    task_name: str
    because: str
    agreement: str | None = None
    version: int | None = None
    outside: bool = False
    """The party's people are on no rota here: the receiving hospital, or a partner without accounts (`away`)."""
    away: bool = False
    """A partner without accounts: the patient calls its number; pages go to the owner's people, who call it."""
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Org:
    id: str
    name: str
    number: str
    agreement: Agreement | None
    agreement_id: str | None
    version: int | None
    staffed: bool


_Known = tuple[_Org, list[_Org], _Org | None]
"""The owner, the partners, and the owner with an agreement of its own."""


def standing_of(history: History, now: datetime, *, urgent: bool, window_ends: datetime | None) -> Standing:
    """What of a history decides who answers at `now`.

    Args:
        history: the facts; those dated later than `now` do not count, but moves that begin later do.
        now: an aware instant.
        urgent: an urgent report is open.
        window_ends: until when the patient is watched.
    """
    doses = [event for event in history.of("dose_given") if event.at <= now]
    planned = [event for event in history.of("dose_planned") if event.at <= now]
    homes = [event for event in history.of("home_status") if event.at <= now and event.body.location is not None]
    return Standing(
        moves=accepted_moves(history),
        dose=doses[-1] if doses else None,
        planned=planned[-1] if planned else None,
        location=homes[-1].body.location if homes else None,
        urgent=urgent,
        window_ends=window_ends,
        zone=history.course.time_zone,
    )


def accepted_moves(history: History) -> tuple[tuple[datetime, str], ...]:
    """The moves that somebody accepted, in the order in which they begin. None begins before it was accepted.

    A move of a hand-off counts only while its offer stood open.
    """
    found = [
        (max(event.body.from_at or event.at, event.at), event.body.to_party)
        for event in history.of(MOVED)
        if event.body.accepted_by and event.body.to_party and counts(event, history)
    ]
    return tuple(sorted(found, key=lambda move: move[0]))


def responsible_at(moves: Sequence[tuple[datetime, str]], at: datetime) -> str | None:
    """Who has accepted the patient by then; None: nobody was ever asked to."""
    return next((party for begins, party in reversed(moves) if begins <= at), None)


# --- who answers ----------------------------------------------------------------------------------------------------


def who_answers(standing: Standing, context: Any, now: datetime, task: str | None = None) -> Answering | None:
    """The party that answers for a task at `now`.

    Args:
        standing: what of the course decides it.
        context: what the site knows: under `accountability`, the owner, the partners that reach the course, and their agreements.
        now: the instant, which may lie ahead.
        task: an id of the matrix; None: the task that applies then.

    None: nothing is known of the organisations.
    """
    known = _known(context)
    return None if known is None else _answer(standing, known, now, task)


def who_answers_over(
    standing: Standing, context: Any, task: str, begins: datetime, ends: datetime
) -> list[tuple[datetime, datetime, Answering]]:
    """The party that answers for a task in each stretch of a span that lies ahead, as far as is known now. Nothing known: empty."""
    known = _known(context)
    if known is None:
        return []
    changes = {*_boundaries(standing, known, begins), *(at for at, _ in standing.moves)}
    edges = sorted({begins, ends, *(at for at in changes if begins < at < ends)})
    return [(start, end, _answer(standing, known, start, task)) for start, end in pairwise(edges)]


def _answer(standing: Standing, known: _Known, now: datetime, task: str | None = None) -> Answering:
    """Who answers; where nobody of that party has an account here, the owner's people are paged and call it."""
    found = _said_to_answer(standing, known, now, task)
    owner, partners, _ = known
    called = next((each for each in partners if each.id == found.organisation), owner)
    if called.staffed:
        return found
    return replace(found, organisation=owner.id, duty="first_on_call", outside=True, away=not found.outside)


def _said_to_answer(standing: Standing, known: _Known, now: datetime, task: str | None) -> Answering:
    owner, partners, alone = known
    responsible = _responsible(standing, owner, partners, now)
    pair = _pair(owner, responsible, partners)
    signed = alone if pair is None else pair
    agreement = signed.agreement if signed is not None else None
    if agreement is not None and not agreement.starts_at <= now < agreement.ends_at:
        agreement = None
    wanted = task or task_now(standing, agreement, now)
    if agreement is None or signed is None:
        return _fallback(responsible, wanted, _no_agreement(owner, pair, responsible))
    return _by_agreement(agreement, signed, standing, (owner, *partners), responsible, wanted, now)


def _by_agreement(
    agreement: Agreement,
    signed: _Org,
    standing: Standing,
    organisations: Sequence[_Org],
    responsible: _Org,
    task: str,
    now: datetime,
) -> Answering:
    if task == EXPERT_LINE:
        return _expert_line(agreement, signed, organisations, responsible, now)
    row = agreement.task_named(task)
    local = now.astimezone(zone_named(agreement.time_zone))
    phase = _phase(agreement, responsible)
    keys = holders(row, local, phase, agreement.holidays) if row is not None else ()
    if row is None or len(keys) != 1:
        many = "more than one party" if keys else "nobody"
        name = row.name if row else task
        trouble = f"The agreement names {many} for {name} now: {responsible.name} answers"
        return _fallback(responsible, task, trouble)
    rule = next(each for each in row.accountable if each.holds(local, phase, agreement.holidays))
    party = _party(agreement, rule, standing, organisations[0].id, responsible, now)
    if party is None:
        return _fallback(responsible, task, None)
    found = next((each for each in organisations if each.id == party.organisation), None)
    outside = party.organisation is None
    if found is None:
        if not outside:
            return _fallback(responsible, task, f"{party.name} does not reach this course: {responsible.name} answers")
        found = _called_for(agreement, standing, organisations, responsible, now)
    open_now = agreement.clinic_hours.open_at(local, agreement.holidays)
    return Answering(
        organisation=found.id,
        name=party.name,
        role=f"{rule.role}, {party.admitting_service}" if party.admitting_service and task == INPATIENT else rule.role,
        duty=rule.duty,
        number=party.number if open_now else party.after_hours_number or party.number,
        task=task,
        task_name=row.name,
        because=f"agreement version {signed.version}: {party_words(agreement, rule.party)}",
        agreement=signed.agreement_id,
        version=signed.version,
        outside=outside,
    )


def _expert_line(
    agreement: Agreement, signed: _Org, organisations: Sequence[_Org], responsible: _Org, now: datetime
) -> Answering:
    """The clinician on call of the party that owns the agreement: the centre, or a practice that stands alone."""
    party = agreement.party_named(FIRST[agreement.template])
    found = next((each for each in organisations if party is not None and each.id == party.organisation), None)
    if party is None or found is None:
        name = party.name if party is not None else "The centre"
        return _fallback(responsible, EXPERT_LINE, f"{name} does not reach this course: {responsible.name} answers")
    local = now.astimezone(zone_named(agreement.time_zone))
    open_now = agreement.clinic_hours.open_at(local, agreement.holidays)
    return Answering(
        organisation=found.id,
        name=party.name,
        role="Expert line",
        duty="first_on_call",
        number=party.number if open_now else party.after_hours_number or party.number,
        task=EXPERT_LINE,
        task_name="Expert line",
        because=f"agreement version {signed.version}: {party_words(agreement, party.key)}",
        agreement=signed.agreement_id,
        version=signed.version,
    )


def _called_for(
    agreement: Agreement,
    standing: Standing,
    organisations: Sequence[_Org],
    responsible: _Org,
    now: datetime,
) -> _Org:
    """Whose people are called while the hospital answers: those who would until the ED accepts."""
    row = agreement.task_named(EMERGENCY)
    local = now.astimezone(zone_named(agreement.time_zone))
    if row is not None:
        for key in holders(row, local, _phase(agreement, responsible), agreement.holidays):
            rule = next(each for each in row.accountable if each.party == key)
            party = _party(agreement, rule, standing, organisations[0].id, responsible, now)
            found = next((each for each in organisations if party and each.id == party.organisation), None)
            if found is not None:
                return found
    return responsible


def _party(
    agreement: Agreement, rule: Rule, standing: Standing, owner: str, responsible: _Org, now: datetime
) -> Party | None:
    """The party of a rule; for the dosing site, the one whose site gave the dose while its window lasts.

    A site whose organisation has never accepted the patient is not called: the party that has, answers for its dose too.
    """
    if rule.party != DOSING_SITE:
        return agreement.party_named(rule.party)
    ours = [party for party in agreement.party if party.organisation is not None]
    wanted = responsible.id
    dose = standing.dose
    if dose is not None and standing.window_ends is not None and dose.at <= now < standing.window_ends:
        then = responsible_at(standing.moves, dose.at) or responsible.id
        there = next((party.organisation for party in ours if dose.site in party.sites), None)
        wanted = there if there is not None and there in (owner, then, responsible.id) else then
    return next((party for party in ours if party.organisation == wanted), None)


def _phase(agreement: Agreement, responsible: _Org) -> Phase:
    second = agreement.party_named(SECOND.get(agreement.template, ""))
    return Phase.AFTER if second is not None and second.organisation == responsible.id else Phase.BEFORE


def _fallback(responsible: _Org, task: str, trouble: str | None) -> Answering:
    """Whoever is responsible answers for everything."""
    name = next((row.name for row in template().task if row.id == task), task)
    return Answering(
        organisation=responsible.id,
        name=responsible.name,
        role="",
        duty="first_on_call",
        number=responsible.number,
        task=task,
        task_name=name,
        because=trouble or f"{responsible.name} is responsible",
        trouble=trouble,
    )


def _no_agreement(owner: _Org, pair: _Org | None, responsible: _Org) -> str | None:
    if pair is None:
        return None
    return f"{owner.name} and {pair.name} have no agreement now: {responsible.name} answers for everything"


def _responsible(standing: Standing, owner: _Org, partners: Sequence[_Org], now: datetime) -> _Org:
    """The owner, or the partner that has accepted the patient and still reaches the course."""
    accepted = responsible_at(standing.moves, now)
    return next((each for each in partners if each.id == accepted), owner)


def _pair(owner: _Org, responsible: _Org, partners: Sequence[_Org]) -> _Org | None:
    """The partner whose agreement counts: the responsible one, else the first that has one, else the first."""
    if responsible.id != owner.id:
        return responsible
    return next((each for each in partners if each.agreement is not None), partners[0] if partners else None)


# --- the task that applies -----------------------------------------------------------------------------------------


def task_now(standing: Standing, agreement: Agreement | None, now: datetime) -> str:
    """The task of the matrix that a call about this patient falls under at `now`; the shipped clinic hours without an agreement."""
    if standing.location == "ed":
        return AFTER_ED
    if standing.location == "hospital":
        return INPATIENT
    if standing.urgent:
        return EMERGENCY
    if standing.window_ends is not None and now < standing.window_ends:
        if not _clinic_is_open(standing, agreement, now):
            return AFTER_HOURS
        dose = standing.dose
        today = dose is not None and civil_date(dose.at, dose.zone) == civil_date(now, dose.zone)
        return DOSING_DAY if today else OTHER_DAY
    if standing.dose is None:
        return GATE if standing.planned is not None else CANDIDACY
    return MAINTENANCE if standing.dose.body.step in TREATMENT_STEPS else GATE


def _clinic_is_open(standing: Standing, agreement: Agreement | None, now: datetime) -> bool:
    if agreement is None:
        return template().clinic_hours.open_at(now.astimezone(zone_named(standing.zone)))
    return agreement.clinic_hours.open_at(now.astimezone(zone_named(agreement.time_zone)), agreement.holidays)


# --- for the assessment ----------------------------------------------------------------------------------------------


def accountable(standing: Standing, context: Any, now: datetime) -> tuple[str | None, list[Finding], list[datetime]]:
    """Who answers at `now`, what is wrong with that, and when time alone changes it."""
    changes = [at for at in (*(begins for begins, _ in standing.moves), *_versions_begin(context)) if at > now]
    known = _known(context)
    if known is None:
        return responsible_at(standing.moves, now), [], changes
    answer = _answer(standing, known, now)
    found = []
    if answer.trouble is not None:
        found.append(
            Finding(
                rule="accountability",
                what=answer.trouble,
                urgency=Urgency.TODAY,
                owner="director",
                because="who answers at which hour is agreed by both organisations, or it is the responsible one alone",
            )
        )
    said = _said(answer)
    for at in _boundaries(standing, known, now):
        ahead = _answer(standing, known, at)
        if (_said(ahead), ahead.trouble) != (said, answer.trouble):
            changes.append(at)
            break
    return said, found, changes


def next_change(standing: Standing, context: Any, now: datetime) -> datetime | None:
    """The next instant at which time alone changes whom a caller reaches: the party, its people or its number. None: never."""
    changes = [at for at in (*(begins for begins, _ in standing.moves), *_versions_begin(context)) if at > now]
    known = _known(context)
    if known is not None:
        reached = _REACHED(_answer(standing, known, now))
        ahead = (at for at in _boundaries(standing, known, now) if _REACHED(_answer(standing, known, at)) != reached)
        changes += islice(ahead, 1)
    return min(changes, default=None)


def _said(answer: Answering) -> str:
    return answer.name if answer.outside else answer.organisation


def _boundaries(standing: Standing, known: _Known, now: datetime) -> list[datetime]:
    """The instants ahead at which the hours of an agreement can change who answers, and its last."""
    owner, partners, alone = known
    agreements = [each.agreement for each in (owner, *partners, alone) if each is not None and each.agreement]
    if not agreements:
        return []
    ends = [at for each in agreements for at in (each.starts_at, each.ends_at)]
    ends += [standing.window_ends] if standing.window_ends is not None else []
    today = datetime.combine(now.astimezone(UTC).date(), time(0), tzinfo=UTC)
    hours = [at for each in agreements for at in _cuts_from(each, today)]
    return sorted({at for at in (*hours, *ends) if at > now})


@lru_cache(maxsize=512)
def _cuts_from(agreement: Agreement, day: datetime) -> tuple[datetime, ...]:
    """The cuts of an agreement from a day on: many courses ask for the same ones."""
    return tuple(cuts([agreement], day, day + LOOK_AHEAD))


# --- reading the context -----------------------------------------------------------------------------------------------


def _versions_begin(context: Any) -> list[datetime]:
    """When another version of an agreement takes its place: what it says is not known here yet."""
    said = context.get("accountability") if isinstance(context, Mapping) else None
    return [instant_from(at, "context.accountability") for at in (said or {}).get("changes_at", ())]


def _known(context: Any) -> _Known | None:
    said = context.get("accountability") if isinstance(context, Mapping) else None
    if said is None:
        return None
    if not isinstance(said, Mapping) or not isinstance(said.get("partners"), list):
        raise UnusableInput(
            "wrong_type", "It names the owner and the partners of the course.", "context.accountability"
        )
    alone = said.get("alone")
    owner = _org(said.get("owner"), None)
    partners = [_org(each, each.get("agreement") if isinstance(each, Mapping) else None) for each in said["partners"]]
    return owner, partners, _org(said.get("owner"), alone) if alone is not None else None


def _org(said: Any, signed: Any) -> _Org:
    if (
        not isinstance(said, Mapping)
        or not isinstance(signed, Mapping | None)
        or not (said.get("id") and said.get("name"))
    ):
        raise UnusableInput("wrong_type", "A party has an id and a name.", "context.accountability")
    document = signed.get("document") if signed else None
    agreement = agreement_from_text(canonical(document)) if document is not None else None
    if agreement is not None and signed is not None and signed.get("holidays"):
        agreement = replace(agreement, holidays=_days(signed["holidays"]))
    return _Org(
        id=str(said["id"]),
        name=str(said["name"]),
        number=str(said.get("number") or ""),
        agreement=agreement,
        agreement_id=str(signed.get("id")) if signed else None,
        version=signed.get("version") if signed else None,
        staffed=said.get("staffed") is not False,
    )


def _days(said: Any) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(each) for each in said)
    except (TypeError, ValueError) as error:
        raise UnusableInput("wrong_type", "Holidays are days, such as 2026-11-26.", "context.accountability") from error
