"""May a medicine that is kept at home be used, was it taken, and what does that hide?

A prescriber authorises each medicine for one patient: what, how much, for which trigger, until when. It may be used only while
every condition is known and met; a fact that is missing is named, and then nothing is told to the patient but to call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from handrail.rules.answer import Finding, HomeMedicine, Masking
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.events import Event
from handrail.rules.history import History, not_before
from handrail.rules.home_events import HomeMedicineAuthorised
from handrail.rules.policy import Policy
from handrail.rules.policy_medicines import MaskingRow
from handrail.rules.terms import Disposition, Missing, Urgency, day_start, say_date, say_instant
from handrail.rules.watch import IN_CARE, patient_zone

RULE: Final = "home_medicines"
PRESCRIBERS: Final = ("oncologist", "on_call", "app")
"""The roles that may authorise one."""
FOR_FEVER: Final = ("fever", "fever_or_neurological_change")
TOLD: Final = {
    "dexamethasone": FOR_FEVER,
    "antibiotic": (*FOR_FEVER, "fever_and_nobody_reached"),
}
"""The kinds of medicine that a patient is told of after a fever, in this order, and for which triggers."""
AGENT_WORDS: Final = {
    "dexamethasone": "dexamethasone",
    "antipyretic": "fever medicine",
    "antibiotic": "stand-by antibiotic",
}
TRIGGER_WORDS: Final = {
    "fever": "at fever",
    "fever_or_neurological_change": "at fever or a change of mind or speech",
    "fever_and_nobody_reached": "at fever when no clinician can be reached",
    "told_by_clinician": "only when a clinician says so",
}
NEURO_QUESTIONS: Final = ("year", "month", "city", "sentence")
"""The confusion check of the check-in, in the order of the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAnswer:
    """What is authorised, what hides a fever now, what a person should know, and when time alone changes that."""

    medicines: tuple[HomeMedicine, ...] = ()
    masking: tuple[Masking, ...] = ()
    findings: tuple[Finding, ...] = ()
    cannot_say: tuple[Missing, ...] = ()
    changes_at: tuple[datetime, ...] = ()


def home_medicines(history: History, policy: Policy, now: datetime) -> HomeAnswer:
    """Judge every authorisation at `now`, and what was taken that may hide a fever."""
    zone = patient_zone(history)
    changes: list[datetime] = []
    judged = [_judge(event, history, policy, zone, now, changes) for event in standing_authorisations(history)]
    masking = _masking(history, policy, now, changes)
    findings = [_finding(each) for each in judged if each.state != "usable"]
    known = [event for event in taken_at_home(history) if event.body.purpose == "home"]
    findings += [_unauthorised(event, history) for event in known if not _covered(event, history, policy)]
    findings += [_masked_finding(each, history) for each in masking if each.at_home]
    missing = {
        name: Missing(
            missing=name, why_it_matters=f"{AGENT_WORDS[each.agent]} at home may be used only when it is known"
        )
        for each in judged
        for name in each.missing
    }
    return HomeAnswer(
        medicines=tuple(judged),
        masking=tuple(masking),
        findings=tuple(findings),
        cannot_say=tuple(missing.values()),
        changes_at=tuple(changes),
    )


def to_take(
    history: History, policy: Policy, report: Event, disposition: Disposition, now: datetime
) -> tuple[HomeMedicine, ...]:
    """The medicines a patient is reminded of after a report of fever: always "take, call, then come".

    Only after a temperature and all confusion questions, answered right, and by the last report alone: an older one that is looked at
    once more is over. Never where the patient goes to the emergency department at once, or is in a hospital, as far as anybody said.
    Only what is usable, authorised for fever, and not taken since it was authorised.
    """
    body = report.body
    if report.kind != "checkin_received" or body.temperature_c is None or body.temperature_c < policy.triage.fever_c:
        return ()
    if any(
        not_before(each, report) and each.id != report.id for each in history.of("checkin_received", "vitals_measured")
    ):
        return ()
    answers = body.home_neuro or {}
    if not set(answers) >= set(NEURO_QUESTIONS) or any(answer != "right" for answer in answers.values()):
        return ()
    if body.symptoms is None and body.none_of_these is not True:
        return ()
    if any(row.neurological for word in body.symptoms or () if (row := policy.sign_named(word))):
        return ()
    located = [event.body.location for event in history.of("home_status") if event.body.location is not None]
    if disposition is Disposition.ED_NOW or (located and located[-1] in IN_CARE):
        return ()
    known = home_medicines(history, policy, now).medicines
    return tuple(
        each
        for agent, triggers in TOLD.items()
        for each in known
        if each.agent == agent and each.state == "usable" and each.trigger in triggers and each.taken_at is None
    )


# --- what is authorised ---------------------------------------------------------------------------------------------


def standing_authorisations(history: History) -> list[Event]:
    """The latest authorisation of each medicine that nobody has stopped since."""
    latest: dict[str, Event] = {}
    for event in history.of("home_medicine_authorised", "home_medicine_stopped"):
        agent = event.body.agent
        if event.kind == "home_medicine_authorised" and agent is not None:
            latest[agent] = event
        elif agent is not None:
            latest.pop(agent, None)
        elif event.kind == "home_medicine_stopped":
            latest.clear()  # stopped, and nobody knows which: none of them is told to the patient
    return [latest[agent] for agent in sorted(latest)]


def _judge(
    event: Event, history: History, policy: Policy, zone: str, now: datetime, changes: list[datetime]
) -> HomeMedicine:
    body: HomeMedicineAuthorised = event.body
    assert body.agent is not None
    against, missing = _conditions(event, zone, now, changes)
    taught = _taught_since(history, body.agent, event.at)
    if taught == "repeat":
        against.append("the teach-back of it has to be repeated")
    elif taught == "not_known" and "teach_back_passed" not in missing:
        missing.append("teach_back_passed")
    there = pack_at_hand(history, body.agent, event.at)
    if there is False:
        against.append("the pack is not at hand")
    elif there is None:
        missing.append("medicine_pack_at_hand")
    taken = [
        each.at
        for each in taken_at_home(history)
        if each.at >= event.at and (_is(each, body.agent, policy) or _named(each, body.medicine))
    ]
    state = "not_usable" if against else "not_known" if missing else "usable"
    words = [*against, *(f"not known: {name.replace('_', ' ')}" for name in missing)]
    return HomeMedicine(
        agent=body.agent,
        medicine=body.medicine,
        dose_mg=body.dose_mg,
        route=body.route,
        trigger=body.trigger,
        state=state,
        because="; ".join(words)
        or f"authorised {say_instant(event.at, zone)}, {TRIGGER_WORDS[body.trigger or 'told_by_clinician']}",
        missing=tuple(missing),
        valid_until=body.valid_until,
        taken_at=taken[-1] if taken else None,
        authorisation=event.id,
    )


def _conditions(event: Event, zone: str, now: datetime, changes: list[datetime]) -> tuple[list[str], list[str]]:
    """What speaks against using it, and what is not known."""
    body: HomeMedicineAuthorised = event.body
    against: list[str] = []
    missing = [name for name in ("medicine", "dose_mg", "trigger") if getattr(body, name) is None]
    if event.by is None or event.by.role not in PRESCRIBERS:
        against.append("nobody who prescribes has authorised it")
    for name, words in (
        ("allergy_checked", "no allergy check"),
        ("interaction_checked", "no interaction check"),
        ("teach_back_passed", "the teach-back was not passed"),
    ):
        known = getattr(body, name)
        if known is None:
            missing.append(name)
        elif not known:
            against.append(words)
    for name, words in (("valid_until", "the authorisation"), ("pack_expires_on", "the pack")):
        last: date | None = getattr(body, name)
        if last is None:
            missing.append(name)
            continue
        ends = day_start(last + timedelta(days=1), zone)
        if ends <= now:
            against.append(f"{words} ran out on {say_date(last)}")
        else:
            changes.append(ends)
    return against, missing


def _taught_since(history: History, agent: str, since: datetime) -> str | None:
    """What the patient's teach-back said last about the medicine since it was authorised; one about nobody in particular may be theirs."""
    said: str | None = None
    for event in history.of("teach_back_done"):
        if event.at < since or event.body.who == "caregiver":
            continue
        if event.body.items is None:
            said = "not_known" if "items" in event.nulls else said
        elif event.body.items.get(agent, "not_done") != "not_done":
            understood = {True: "passed", False: "repeat", None: "not_known"}[event.body.own_language]
            said = understood if event.body.items[agent] == "passed" else "repeat"
    return said


def pack_at_hand(history: History, agent: str, since: datetime) -> bool | None:
    """What was said last about the pack since an instant: by the check-in, or by staff about this medicine. None: not known."""
    known: bool | None = None
    for event in history.of("home_medicine_authorised", "checkin_received", "home_status"):
        if event.at < since:
            continue
        if event.kind == "home_medicine_authorised":
            if event.body.agent == agent:
                known = event.body.pack_at_hand
        elif event.kind == "checkin_received":
            if event.body.medicine_pack_at_hand is not None or "medicine_pack_at_hand" in event.nulls:
                known = event.body.medicine_pack_at_hand
        elif event.body.home_medicines_at_hand is not None or "home_medicines_at_hand" in event.nulls:
            listed = event.body.home_medicines_at_hand
            known = None if listed is None else agent in listed
    return known


# --- what was taken -------------------------------------------------------------------------------------------------


def taken_at_home(history: History) -> list[Event]:
    """What was taken at home; a medicine whose purpose was asked and is not known may be one."""
    return [e for e in history.of("medicine_given") if e.body.purpose == "home" or "purpose" in e.nulls]


def taken_since(history: History, agent: str, since: datetime, policy: Policy) -> datetime | None:
    """When a medicine of that kind was last taken at home, at that instant or after it; None: nobody wrote that down."""
    taken = [each.at for each in taken_at_home(history) if each.at >= since and _is(each, agent, policy)]
    return taken[-1] if taken else None


def _is(event: Event, agent: str, policy: Policy) -> bool:
    """Whether a medicine that was given is of that kind, under any of its names; one that nobody can name may be."""
    return event.body.agent is None or agent in (_name(event), row.id if (row := row_hiding(event, policy)) else None)


def _named(event: Event, medicine: str | None) -> bool:
    """Whether a medicine that was given carries the name on the pack: of a stand-by antibiotic the kind alone names none."""
    return (medicine or "").strip().lower() == _name(event)


def _name(event: Event) -> str:
    agent = event.body.agent
    return "tocilizumab" if is_tocilizumab(agent) else (agent or "").strip().lower()


def _covered(event: Event, history: History, policy: Policy) -> bool:
    """Whether somebody had authorised what was taken at home."""
    before = [e.body for e in history.of("home_medicine_authorised") if e.at <= event.at]
    return any(
        (body.agent is not None and _is(event, body.agent, policy)) or _named(event, body.medicine) for body in before
    )


def _masking(history: History, policy: Policy, now: datetime, changes: list[datetime]) -> list[Masking]:
    """What was given for any purpose and may still hide a fever, the longest first."""
    found: list[Masking] = []
    for event in history.of("medicine_given"):
        row = row_hiding(event, policy)
        until = event.at + timedelta(hours=row.hours) if row else event.at
        if row is not None and until > now:
            changes.append(until)
            agent, at_home = event.body.agent or row.id, event.body.purpose == "home"
            found.append(Masking(agent=agent, at=event.at, until=until, at_home=at_home, row=f"masking.{row.id}"))
    return sorted(found, key=lambda each: each.until, reverse=True)


def hiding_now(history: History, policy: Policy, now: datetime) -> tuple[Masking, ...]:
    """What was given for any purpose and may hide a fever at `now`, the longest first."""
    return tuple(_masking(history, policy, now, []))


def row_hiding(event: Event, policy: Policy) -> MaskingRow | None:
    """The row of the policy for a medicine that was given; None for one that hides no fever."""
    name = _name(event)
    return next((row for row in policy.masking if name == row.id or name in row.also), None)


def hidden_at(history: History, policy: Policy, at: datetime) -> Event | None:
    """The medicine taken at home before `at` that may have hidden a fever then, if any.

    Premedication does that too and belongs to the dose; here counts what was taken because the patient felt ill. A medicine that
    nobody can name counts as the one that hides longest.
    """
    longest = max(row.hours for row in policy.masking)
    for event in reversed(taken_at_home(history)):
        row = row_hiding(event, policy)
        hours = longest if event.body.agent is None else row.hours if row else 0
        if event.at <= at < event.at + timedelta(hours=hours):
            return event
    return None


# --- what a person should know --------------------------------------------------------------------------------------


def _finding(each: HomeMedicine) -> Finding:
    return Finding(
        rule=RULE,
        what=f"{AGENT_WORDS[each.agent].capitalize()} at home may not be used: {each.because}",
        urgency=Urgency.TODAY,
        owner="nurse",
        because="the patient is told of a home medicine only while every condition of its authorisation is known and met",
    )


def _unauthorised(event: Event, history: History) -> Finding:
    agent = event.body.agent or "a medicine that nobody named"
    when = say_instant(event.at, history.course.time_zone)
    return Finding(
        rule=RULE,
        what=f"{agent} was taken at home at {when} without an authorisation: ask why, and assess",
        urgency=Urgency.TODAY,
        owner="on_call",
        because="a medicine is taken at home only as a prescriber has authorised it for this patient",
    )


def _masked_finding(each: Masking, history: History) -> Finding:
    zone = history.course.time_zone
    return Finding(
        rule=RULE,
        what=f"A fever may be hidden until {say_instant(each.until, zone)}: {each.agent} at {say_instant(each.at, zone)}",
        urgency=Urgency.ROUTINE,
        owner="on_call",
        because="low blood pressure or low oxygen counts as a sign of CRS also without fever",
    )
