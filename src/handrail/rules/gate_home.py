"""What the record says of the lines of the gate that are about papers and the home: from the authorisation to consent.

Desks with tables of their own answer some of these better; until they do, the course's own facts answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from handrail.rules.access_data import access_rules
from handrail.rules.caredata import ProphylaxisRow, is_prevention, is_tocilizumab, tocilizumab
from handrail.rules.daily import CONTACT_WORDS, daily
from handrail.rules.doses import Given
from handrail.rules.events import DoseGiven, Event, MedicineGiven
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.gate_evidence import NO_WINDOW, ONE_DAY, Answered, Known, told, weighed
from handrail.rules.history import History
from handrail.rules.home_medicines import AGENT_WORDS, pack_at_hand, taken_since
from handrail.rules.planned import planning_findings
from handrail.rules.readiness import gate_data
from handrail.rules.readiness_events import ITEM_WORDS
from handrail.rules.setting import place_of
from handrail.rules.setting_course import GRANTED, NOT_REQUIRED, Around
from handrail.rules.setting_evidence import SettingLook, look_at_setting, travel_evidence
from handrail.rules.setting_record import DoseWanted, Record
from handrail.rules.setting_rules import Recommendation, goes_home, load_setting_rules
from handrail.rules.teachback import gate_evidence as teach_back_evidence
from handrail.rules.teachback import load_teach_back, teach_back
from handrail.rules.terms import UnusableInput, civil_date, day_start, say_date, say_instant

IN_HOSPITAL: Final = "the dose is planned in hospital"
DEXAMETHASONE: Final = "dexamethasone"
USED_UP: Final = (DEXAMETHASONE, "antibiotic")
"""Packs for one time: once one was taken, somebody has to see the next one."""


# --- reading facts --------------------------------------------------------------------------------------------------------


def latest(history: History, kind: str, name: str) -> tuple[Any, Event | None]:
    """The latest value of a field and the event that says it; None where it was asked last and is not known, or never asked."""
    for event in reversed(history.of(kind)):
        value = getattr(event.body, name)
        if value is not None or name in event.nulls:
            return value, event
    return None, None


def confirmed(line: str, found: Known, item: str, by: date | None = None) -> Evidence:
    """What was said last of one thing that only a person confirms. `by`: the day through which it has to hold; None: that of the dose.

    A word about a thing that is not known may have been about this one.
    """
    words = ITEM_WORDS[item]
    said = [e for e in found.history.of("readiness_confirmed") if e.body.item in (item, None)]
    if not said:
        return told(line, None, f"nobody has confirmed: {words}", f"confirm: {words}")
    event = said[-1]
    if event.body.item is None or event.body.confirmed is None or "valid_until" in event.nulls:
        return told(line, None, f"not known: {words}", f"confirm: {words}")
    on = say_date(civil_date(event.at, event.zone))
    seen = event.body.evidence
    if not event.body.confirmed:
        return told(line, False, f"not so, said on {on}: {words}", f"mend it, then confirm: {words}", evidence=seen)
    until: date | None = event.body.valid_until
    if until is not None and until < (by or found.dose.on):
        return told(line, False, f"{words}, only until {say_date(until)}", f"confirm anew: {words}", evidence=seen)
    ends = day_start(until + ONE_DAY, found.dose.zone) if until is not None else None
    return told(line, True, f"{words}, said on {on}", f"confirm anew: {words}", evidence=seen, until=ends)


# --- 6 authorisation, 7 tocilizumab -----------------------------------------------------------------------------------------


def authorisation(found: Known) -> Answered:
    """The payer's latest word on the bispecific antibody, for the day of the dose."""
    return Answered(evidence=_authorised("authorisation", found, ("bispecific", found.history.course.product)))


def _authorised(line: str, found: Known, subjects: tuple[str, ...]) -> Evidence:
    about = [e for e in found.history.of("authorisation_set") if e.body.subject is None or e.body.subject in subjects]
    words = subjects[0]
    if not about or about[-1].body.subject is None:
        return told(line, None, f"nothing is recorded of an authorisation for {words}", "ask the payer, and record it")
    body = about[-1].body
    number = f"number {body.number}" if body.number else None
    if body.status is None:
        return told(line, None, f"what the payer said of {words} is not known", "ask the payer, and record it")
    if body.status not in GRANTED:
        return told(line, False, f"the payer's word on {words}: {body.status}", "follow it up", evidence=number)
    if body.status == NOT_REQUIRED:
        return told(line, True, f"no authorisation is required for {words}", evidence=number)
    if body.valid_until is None:
        because = f"until when the authorisation for {words} holds is not known"
        return told(line, None, because, "ask the payer", evidence=number)
    if body.valid_from is not None and found.dose.on < body.valid_from:
        because = f"the authorisation for {words} begins on {say_date(body.valid_from)}"
        return told(line, False, because, "move the dose, or ask the payer", evidence=number)
    if body.valid_until < found.dose.on:
        because = f"the authorisation for {words} ends on {say_date(body.valid_until)}"
        return told(line, False, because, "renew it before the dose", evidence=number)
    ends = day_start(body.valid_until + ONE_DAY, found.dose.zone)
    because = f"{words} is authorised through {say_date(body.valid_until)}"
    return told(line, True, because, "renew it", evidence=number, until=ends)


def prophylaxis_row(step: str | None) -> ProphylaxisRow | None:
    """How tocilizumab is given before a step, by the shipped file; None: not before this one."""
    wanted = gate_data().tocilizumab.row
    return next((row for row in tocilizumab().prophylaxis if row.id == wanted and row.before_step == step), None)


def tocilizumab_line(found: Known) -> Answered:
    """Before the first step-up dose tocilizumab is given or waived, and authorised; rescue doses are there while a window follows."""
    parts = []
    row = prophylaxis_row(found.dose.step)
    if row is not None:
        parts.append(_before(found, row))
    elif found.dose.step is None:
        because = "the step is not known, so whether tocilizumab comes before it is not"
        parts.append(told("tocilizumab", None, because, "plan the dose"))
    if found.dose.window_ends is not None:
        parts.append(_rescue_said(found, civil_date(found.dose.window_ends, found.dose.zone)))
    return Answered(evidence=all_met(parts) if parts else told("tocilizumab", True, NO_WINDOW))


def _rescue_said(found: Known, last: date) -> Evidence:
    """What was said last of the rescue doses; a yes without an end of its own holds as long as a count of the shelf."""
    said = confirmed("tocilizumab", found, "rescue_tocilizumab", last)
    if said.met is not True or said.until is not None:
        return said
    event = next(e for e in reversed(found.history.of("readiness_confirmed")) if e.body.item == "rescue_tocilizumab")
    days = access_rules().clocks.stock_count_holds_days
    ends = day_start(civil_date(event.at, event.zone) + timedelta(days=days + 1), found.dose.zone)
    if ends <= found.dose.time.latest:
        because = f"{said.because}: that holds {days} days, as a count does"
        return told("tocilizumab", None, because, said.next_step or "count again")
    return replace(said, until=ends)


def rescue_in_doubt(found: Known) -> list[Answered]:
    """What somebody said last of the rescue doses, unless it was yes: it stands beside any count. Nobody spoke of them: nothing."""
    if found.dose.window_ends is None or not any(
        event.body.item in ("rescue_tocilizumab", None) for event in found.history.of("readiness_confirmed")
    ):
        return []
    last = civil_date(found.dose.window_ends, found.dose.zone)
    said = confirmed("tocilizumab", found, "rescue_tocilizumab", last)
    return [Answered(evidence=said)] if said.met is not True else []


def interval_in_doubt(found: Known) -> list[Answered]:
    """What the hour of tocilizumab says against the dose, beside whatever a desk says of its payer. In time, waived, not given: nothing."""
    row = prophylaxis_row(found.dose.step)
    if row is None or _waived(found, row).met is True:
        return []
    timed = _timed(found, row)
    return [Answered(evidence=timed)] if timed is not None and timed.met is not True else []


def _waived(found: Known, row: ProphylaxisRow) -> Evidence:
    """What was said last of a waiver; one of so long ago that tocilizumab given then would be asked for again was for another start."""
    said = confirmed("tocilizumab", found, "prophylaxis_waived")
    since = max(found.now, found.dose.time.earliest) - timedelta(days=row.ask_again_after_days)
    told_ = [e for e in found.history.of("readiness_confirmed") if e.body.item == "prophylaxis_waived"]
    if said.met is True and told_[-1].at <= since:
        because = f"{said.because}: that is more than {row.ask_again_after_days} days ago, and was for another start"
        return told("tocilizumab", None, because, "decide anew: give it, or record the waiver with its reason")
    return said


def _before(found: Known, row: ProphylaxisRow) -> Evidence:
    """A decision is there: given in its time, authorised, or waived."""
    waived = _waived(found, row)
    if waived.met is True:
        return waived
    timed = _timed(found, row)
    if timed is not None:
        return timed
    granted = _authorised("tocilizumab", found, ("tocilizumab",))
    if granted.met is None:
        step = "decide: give tocilizumab before this dose and ask the payer, or record the waiver with its reason"
        because = f"{row.words}: neither ordered nor waived"
        return told("tocilizumab", None, because, step)
    return granted


def _timed(found: Known, row: ProphylaxisRow) -> Evidence | None:
    """What the hour of tocilizumab says of the dose; None: none was given, or so long ago that a restart asks again.

    A medicine of which the name or the purpose is not known may have been this one.
    """
    since = max(found.now, found.dose.time.earliest) - timedelta(days=row.ask_again_after_days)
    given = [e for e in found.history.of("medicine_given") if e.at > since and _may_prevent(e.body)]
    if not given:
        return None
    last = given[-1]
    if not is_prevention(last.body.agent, last.body.purpose):
        because = f"what was given {say_instant(last.at, found.dose.zone)}, or what for, is not known"
        return told("tocilizumab", None, because, "say what it was and what for")
    return _in_time(found, row, last)


def _may_prevent(body: MedicineGiven) -> bool:
    named = body.agent is None or is_tocilizumab(body.agent)
    return named and body.purpose in (None, "prophylaxis")


def _in_time(found: Known, row: ProphylaxisRow, given: Event) -> Evidence:
    """The time between tocilizumab and the dose, against the hours of the row and the site's tolerance."""
    tolerance = found.policy.tocilizumab_tolerance
    opens = given.at + timedelta(hours=row.hours_before_min) - tolerance
    closes = given.at + timedelta(hours=row.hours_before_max) + tolerance
    when = say_instant(given.at, found.dose.zone)
    dose = max(found.now, found.dose.time.earliest)
    if dose < opens:
        because = f"tocilizumab was given {when}: the dose comes from {say_instant(opens, found.dose.zone)} on"
        return told("tocilizumab", False, because, "wait, or the prescriber decides")
    if dose >= closes:
        because = f"tocilizumab was given {when}: outside the interval since {say_instant(closes, found.dose.zone)}"
        return told("tocilizumab", False, because, "the prescriber decides")
    return told("tocilizumab", True, f"tocilizumab was given {when}, within the interval", "the prescriber decides")


# --- 10 caregiver, 11 travel, 12 home, 13 medicines --------------------------------------------------------------------------


def caregiver(found: Known) -> Answered:
    """Somebody is rostered at every hour from the dose to the end of the window."""
    line, dose = "caregiver", found.dose
    if dose.window_ends is None or dose.inpatient:
        return Answered(evidence=told(line, True, NO_WINDOW if dose.window_ends is None else IN_HOSPITAL))
    asked = wanted(found)
    roster = Record(found.history, load_setting_rules(), asked, found.now).caregivers() if asked else None
    if roster is None:
        because = "from when and until when somebody is with the patient is not known"
        return Answered(evidence=told(line, None, because, "ask who is there, hour by hour"))
    alone = dose.time.earliest
    for shift in sorted(roster, key=lambda each: each.from_at):
        if shift.from_at <= alone:
            alone = max(alone, shift.until_at)
    until = say_instant(alone, dose.zone)
    if alone < dose.window_ends:
        because = f"nobody is rostered from {until}; the window ends {say_instant(dose.window_ends, dose.zone)}"
        return Answered(evidence=told(line, False, because, "find somebody for these hours, or a bed"))
    there = told(line, True, f"somebody is with the patient until {until}")
    return Answered(evidence=all_met([there, _taught(found, line)]))


def travel(found: Known) -> Answered:
    """The worst way of the season is within the limit, or lodging is, as the setting rules read it."""
    line, dose = "travel", found.dose
    if dose.window_ends is None or dose.inpatient:
        return Answered(evidence=told(line, True, NO_WINDOW if dose.window_ends is None else IN_HOSPITAL))
    look = setting_of(found)
    if look is None:
        return Answered(evidence=told(line, None, "which dose it is, is not known", "plan the dose"))
    return Answered(evidence=travel_evidence(look))


def wanted(found: Known) -> DoseWanted | None:
    """The dose as the setting rules ask for it; None while its step is not known."""
    dose = found.dose
    return DoseWanted(step=dose.step, on=dose.on, zone=dose.zone) if dose.step is not None else None


def setting_of(found: Known, around: Around | None = None) -> SettingLook | None:
    """What the setting rules read in the record and `around` it for this dose; None: not which dose, or the record contradicts itself."""
    asked = wanted(found)
    if asked is None:
        return None
    try:
        return look_at_setting(
            found.history, found.protocol, found.policy, load_setting_rules(), asked, found.now, around
        )
    except UnusableInput:
        return None


def home(found: Known) -> Answered:
    """Thermometer, phone, and the channel in the patient's language."""
    parts = [
        _yes(found, "thermometer", "the thermometer", "give a thermometer, and see it used"),
        _yes(found, "phone_works", "the phone", "test the phone"),
        _channel(found),
        _taught(found, "home"),
    ]
    return Answered(evidence=all_met(parts))


def _taught(found: Known, line: str) -> Evidence:
    """Whether the person of that line said it all back."""
    back = teach_back(found.history, load_teach_back(), found.policy, found.now)
    return teach_back_evidence(gate_data().row(line).number, back)


def _yes(found: Known, name: str, words: str, step: str) -> Evidence:
    value, event = latest(found.history, "home_status", name)
    if value is None or event is None:
        return told("home", None, f"{words}: not known", step)
    when = say_date(civil_date(event.at, event.zone))
    return told("home", value, f"{words}: {'yes' if value else 'no'}, on {when}", None if value else step)


def _channel(found: Known) -> Evidence:
    """A call that reached the patient says that the channel works; a word of staff too, until a later call reached nobody."""
    calls = [e for e in found.history.of("contact_made") if e.body.with_ in ("patient", None)]
    when = say_date(civil_date(calls[-1].at, calls[-1].zone)) if calls else ""
    if calls and calls[-1].body.with_ == "patient" and calls[-1].body.reached is True:
        return told("home", True, f"the patient was reached on {when}")
    said = confirmed("home", found, "language_channel")
    tested = [e for e in found.history.of("readiness_confirmed") if e.body.item == "language_channel"]
    if said.met is True and calls and calls[-1].at > tested[-1].at:
        because = f"the channel was tested, and a call on {when} since then did not surely reach the patient"
        return told("home", None, because, "call again, or test the channel again")
    return said


def medicines(found: Known) -> Answered:
    """Every medicine that is authorised for home may be used, and dexamethasone is in the patient's hands."""
    line, step = "medicines", "put the pack into the patient's hands, and record it"
    judged = found.answer.home_medicines
    against = [each for each in judged if each.state == "not_usable"]
    unknown = [each for each in judged if each.state == "not_known"]
    if against or unknown:
        because = "; ".join(f"{AGENT_WORDS[each.agent]}: {each.because}" for each in (against or unknown))
        return Answered(evidence=told(line, False if against else None, because, step))
    for each in judged:
        taken = each.taken_at if each.agent in USED_UP else None
        if taken is not None and pack_at_hand(found.history, each.agent, taken) is not True:
            return Answered(evidence=told(line, None, _taken_words(found, each.agent, taken), step))
    if any(each.agent == DEXAMETHASONE for each in judged):
        ends = [each.valid_until for each in judged if each.valid_until is not None]
        until = day_start(min(ends) + ONE_DAY, found.dose.zone) if ends else None
        names = ", ".join(AGENT_WORDS[each.agent] for each in judged)
        return Answered(evidence=told(line, True, f"in the patient's hands: {names}", "authorise anew", until=until))
    listed, seen = latest(found.history, "home_status", "home_medicines_at_hand")
    if listed is None or seen is None:
        return Answered(evidence=told(line, None, "dexamethasone at home: not authorised and not confirmed", step))
    if DEXAMETHASONE not in listed:
        return Answered(evidence=told(line, False, "dexamethasone is not among the medicines at hand", step))
    taken = taken_since(found.history, DEXAMETHASONE, seen.at, found.policy)
    if taken is not None:
        return Answered(evidence=told(line, None, _taken_words(found, DEXAMETHASONE, taken), step))
    return Answered(evidence=told(line, True, f"at hand: {', '.join(listed)}"))


def _taken_words(found: Known, agent: str, at: datetime) -> str:
    return f"{AGENT_WORDS[agent]}: taken {say_instant(at, found.dose.zone)}, and no pack was seen since"


# --- 16 visits, 17 consent -----------------------------------------------------------------------------------------------------


def visits(found: Known) -> Answered:
    """Every day of the window that follows has an assessment by the right kind of person, booked or done."""
    line, dose = "visits", found.dose
    if dose.window_ends is None or dose.inpatient:
        return Answered(evidence=told(line, True, NO_WINDOW if dose.window_ends is None else IN_HOSPITAL))
    started = found.history.last("course_started")
    assert started is not None
    body = DoseGiven(step=dose.step)
    event = _as_given(started, dose.time.latest, dose.zone, body)
    after = Given(event=event, body=body, step=dose.step, at=dose.time.latest, on=dose.on)
    days = daily(found.history, [after], found.policy, found.now).days
    if not days:
        return Answered(evidence=told(line, None, "the policy says nothing of daily assessments", "ask the director"))
    # Who is in a hospital today is at home after a dose outside it: that unit assesses on none of those days.
    stays = dose.plan is not None and not goes_home(dose.step, dose.plan.body.setting)
    good = ("booked", "done", *(("in_care",) if stays else ()))
    red = [each for each in days if each.state not in good]
    if red:
        named = ", ".join(f"{say_date(each.on)} (by {each.who}, {CONTACT_WORDS[each.contact]})" for each in red)
        return Answered(evidence=told(line, False, f"nothing is booked for {named}", "book them"))
    return Answered(evidence=told(line, True, f"booked for each of {len(days)} days"))


def _as_given(event: Event, at: datetime, zone: str, body: DoseGiven) -> Event:
    return replace(event, kind="dose_given", at=at, zone=zone, body=body, source="staff")


def consent(found: Known) -> Answered:
    """Consent and a decision of the setting for this dose, and the papers beside it."""
    return Answered(evidence=all_met([_consent(found), _setting(found), papers(found).evidence]))


def papers(found: Known) -> Answered:
    """A departure from the label is signed, and before the first dose the site of the maintenance is agreed."""
    parts = [_departure(found)]
    if found.dose.first:
        parts.append(confirmed("consent", found, "maintenance_site"))
    return Answered(evidence=all_met(parts))


def _consent(found: Known) -> Evidence:
    look = setting_of(found)
    given = look.case.facts.consent if look is not None else None
    words = {True: "the patient has consented", False: "the patient has not consented", None: "consent: not known"}
    return told("consent", given, words[given], None if given else "obtain the patient's consent, and record it")


def _setting(found: Known) -> Evidence:
    """A decision for this very dose that is still good at it, and defers nothing."""
    look = setting_of(found)
    event = look.decision if look is not None else None
    step = "decide the setting of this dose"
    if look is None or event is None or event.body.recommendation is None or look.ends is None:
        return told("consent", None, "the setting of this dose is not decided, or until when is not known", step)
    body = event.body
    if body.recommendation == "DEFER":
        return told("consent", False, "it is decided to defer this dose", "mend what defers it, and decide again")
    because = f"decided: {body.recommendation.lower()}, until {say_instant(look.ends, found.dose.zone)}"
    planned = found.dose.plan.body.setting if found.dose.plan is not None else None
    if planned is not None and leaves_hospital(look, body.recommendation, planned):
        because = f"{because}; the dose is planned {planned}"
        return told("consent", False, because, "plan the dose in hospital, or decide its setting again")
    return told("consent", True, because, step, until=look.ends)


def leaves_hospital(look: SettingLook, decided: Recommendation, planned: str) -> bool:
    """Whether a plan leaves hospital where the decision keeps this dose in it."""
    kept = place_of(look.case, decided, look.dose.step) == "inpatient"
    return kept and (goes_home(look.dose.step, planned) or (planned == "hybrid" and decided != "HYBRID"))


def _departure(found: Known) -> Evidence:
    """Where the planned setting differs from the label, somebody has signed that."""
    plan = found.dose.plan
    if plan is None or plan.body.setting is None or found.dose.step is None:
        return told("consent", None, "where the dose will be given is not planned", "plan the setting of the dose")
    planned = planning_findings(found.history, found.doses, found.protocol, found.toxicity, found.now, [])
    differs = [each for each in planned if each.owner == "prescriber"]
    if differs:
        return told(
            "consent", False, differs[0].what, "sign the departure from the label, or plan it as the label says"
        )
    return told("consent", True, "as the label wants it, or the departure from it is signed")


HOME: Final[Mapping[str, Callable[[Known], Answered]]] = {
    "authorisation": weighed(authorisation),
    "tocilizumab": weighed(tocilizumab_line),
    "caregiver": weighed(caregiver),
    "travel": weighed(travel),
    "home": weighed(home),
    "medicines": weighed(medicines),
    "visits": weighed(visits),
    "consent": weighed(consent),
}
"""The lines that this file answers."""
