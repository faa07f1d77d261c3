"""What the record says of the lines of the gate that are about the treatment: the order, the interval, infection, counts, reactions, REMS.

Each answer is about one dose that is ahead, and as of now. What nobody recorded is not known. A part of a line that nobody may override
is named beside the answer (`bar`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from handrail.rules.amount import amount_for
from handrail.rules.answer import Assessment, NextDose
from handrail.rules.assess import assess, open_report
from handrail.rules.doses import Given, given_doses
from handrail.rules.eligibility import Before, Covered, eligibility, revisions_of
from handrail.rules.episodes import Episodes, episodes
from handrail.rules.events import DoseGiven, Event
from handrail.rules.evidence import Evidence, all_met
from handrail.rules.history import History
from handrail.rules.holds import CLEARANCE_WORDS, Clearance, Hold, clearance, cytopenias, holds
from handrail.rules.nextdose import NextDoseAnswer, latest_weighing, next_dose
from handrail.rules.planned import departed
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.readiness import DoseTime, gate_data
from handrail.rules.rems import rems
from handrail.rules.stays import window_ends, with_stays
from handrail.rules.switching import schedule_at
from handrail.rules.terms import DRUG_CLASSES, Action, Urgency, civil_date, day_start, say_date, say_instant, step_words
from handrail.rules.triage import triage
from handrail.rules.upcoming import Upcoming, open_plan, upcoming

ONE_DAY: Final = timedelta(days=1)
INFECTION: Final = ("fever", "temperature", "infection")
NOTE_BEFORE: Final = "record the lines and classes before, or sign the departure from the indication"
NO_WINDOW: Final = "no watched window follows this dose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The dose that is ahead: `plan` is its event, None when nobody has planned it and only the schedule names the day.

    `window_ends`: the end of the watched window that follows; None: none does.
    """

    plan: Event | None
    step: str | None
    on: date
    time: DoseTime
    first: bool
    window_ends: datetime | None

    @property
    def inpatient(self) -> bool:
        """Whether it is planned to be given and watched in hospital."""
        return self.plan is not None and self.plan.body.setting == "inpatient"

    @property
    def zone(self) -> str:
        """Of the site that gives it."""
        return self.time.zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A course as the gate reads it: its facts, what the rules say of it now, and the dose ahead.

    `report`: one from home that is urgent, or may have been, and that nobody has dealt with. `readings`: where rival corrections stand
    side by side, the course once for each way to read them, None where no dose is ahead in that one; empty while there is one way.
    """

    history: History
    protocol: Protocol
    policy: Policy
    answer: Assessment
    doses: tuple[Given, ...]
    toxicity: Episodes
    dose: Ahead
    now: datetime
    report: Hold | None = None
    readings: tuple[Known | None, ...] = ()

    @property
    def every(self) -> tuple[Known, ...]:
        """Every way to read the record that has a dose ahead; this one alone where nothing contradicts itself."""
        return tuple(each for each in self.readings if each is not None) or (self,)

    @property
    def at_dose(self) -> NextDoseAnswer:
        """The next dose as it would be judged at the hour of this one, with what is known now."""
        at = max(self.now, self.dose.time.earliest)
        return next_dose(self.history, self.doses, self.toxicity, self.protocol, self.policy, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The evidence of a line. `bar`: the part of it that is open and that nobody may override."""

    evidence: Evidence
    bar: str | None = None


def known(history: History, protocol: Protocol, policy: Policy, answer: Assessment, now: datetime) -> Known | None:
    """The course with the dose that is ahead; None when none is."""
    present = history.until(now)
    found = _known(present, protocol, policy, answer, now)
    if found is None or not present.conflicts:
        return found
    ways = present.ways()
    readings = (_known(each, protocol, policy, assess(protocol, policy, each, now), now) for each in ways)
    return replace(found, readings=tuple(readings))


def _known(present: History, protocol: Protocol, policy: Policy, answer: Assessment, now: datetime) -> Known | None:
    toxicity = episodes(present, given_doses(present), policy)
    doses = with_stays(given_doses(present), present, toxicity, protocol, policy)
    dose = _ahead(present, doses, toxicity, protocol, policy, answer.next_dose, now)
    if dose is None:
        return None
    return Known(
        history=present,
        protocol=protocol,
        policy=policy,
        answer=answer,
        doses=doses,
        toxicity=toxicity,
        dose=dose,
        now=now,
        report=open_report(triage(present, doses, policy, now)),
    )


def _ahead(
    history: History,
    doses: tuple[Given, ...],
    toxicity: Episodes,
    protocol: Protocol,
    policy: Policy,
    dose: NextDose,
    now: datetime,
) -> Ahead | None:
    coming = upcoming(history, doses, dose, now).dose
    if coming is None:
        return None
    plan = open_plan(history, doses)
    step = plan.body.step if plan is not None else _meant(dose)[1]
    time = _time(history, coming, now)
    started = history.last("course_started")
    assert started is not None  # without one no dose is ahead
    told = replace(started, kind="dose_given", at=time.latest, zone=coming.zone, body=DoseGiven(step=step))
    given = Given(event=told, body=told.body, step=step, at=time.latest, on=coming.on)
    whole = with_stays((*doses, given), history, toxicity, protocol, policy)[-1]
    return Ahead(
        plan=plan,
        step=step,
        on=coming.on,
        time=time,
        first=coming.first,
        window_ends=window_ends(whole, policy) if whole.may_be_watched else None,
    )


def _time(history: History, coming: Upcoming, now: datetime) -> DoseTime:
    """The hour that is booked for that day, and some hours after it; else the whole day."""
    ends = day_start(coming.on + ONE_DAY, coming.zone) - timedelta(seconds=1)
    booked = [
        each.body.starts_at
        for each in history.of("visit_planned")
        if each.body.starts_at is not None and civil_date(each.body.starts_at, coming.zone) == coming.on
    ]
    if not booked:
        return DoseTime(earliest=day_start(coming.on, coming.zone), latest=ends, zone=coming.zone)
    begins = min(booked)
    latest = max(begins + timedelta(hours=gate_data().when.last_hours), min(now, ends))
    return DoseTime(earliest=begins, latest=latest, zone=coming.zone)


def _meant(dose: NextDose) -> tuple[Action, str | None]:
    """What the label would have given, also while the dose is withheld."""
    if dose.withheld and dose.would_be is not None and dose.would_be.action is not None:
        return dose.would_be.action, dose.would_be.step
    return dose.action, dose.step


def told(
    line: str,
    met: bool | None,
    because: str,
    next_step: str | None = None,
    *,
    evidence: str | None = None,
    until: datetime | None = None,
) -> Evidence:
    """Evidence in the name of whoever answers for the line."""
    owner = gate_data().row(line).owner
    return Evidence(met=met, because=because, owner=owner, next_step=next_step, evidence=evidence, until=until)


def weighed(answer: Callable[[Known], Answered]) -> Callable[[Known], Answered]:
    """The same answer, of a record that contradicts itself the most cautious of all ways to read it."""

    def of_every_reading(found: Known) -> Answered:
        told_ = [answer(each) for each in found.every]
        bars = "; ".join(dict.fromkeys(each.bar for each in told_ if each.bar is not None))
        return Answered(evidence=all_met(each.evidence for each in told_), bar=bars or None)

    return of_every_reading


# --- 1 the order ----------------------------------------------------------------------------------------------------------


def order(found: Known) -> Answered:
    """The plan names the step that the label names, of the protocol in force, and the weight is of these days."""
    return _one_dose(found, weighed(_order)(found))


def _order(found: Known) -> Answered:
    weight, bar = _weight(found)
    return Answered(evidence=all_met([_plan(found), weight]), bar=bar)


def _one_dose(found: Known, said: Answered) -> Answered:
    """What is said of the order, while every way to read the record names one and the same dose."""
    if len({_dose_meant(each) for each in found.readings}) <= 1:
        return said
    because = "corrections stand side by side, and not all of them name the same dose"
    open_ = told("order", None, because, "look at the record, and plan the dose anew")
    return Answered(evidence=all_met([open_, said.evidence]), bar=said.bar)


def _dose_meant(found: Known | None) -> object:
    if found is None:
        return None
    plan = found.dose.plan.body if found.dose.plan is not None else None
    return found.dose.on, found.dose.step, plan and plan.setting, plan and plan.at_site


def _plan(found: Known) -> Evidence:
    dose = found.dose
    if dose.plan is None or dose.step is None:
        return told("order", None, "no dose is planned, or its step is not known", "plan the dose")
    moved = found.history.last("protocol_changed")
    if moved is None and found.history.course.protocol_key is None:
        return told("order", None, "no protocol is pinned to this course", "pin the version that is signed")
    if moved is not None and moved.at > dose.plan.at:
        because = f"the protocol was changed after this dose was planned, and is {found.protocol.key} now"
        return told("order", None, because, "look at the plan again")
    action, step = _meant(found.at_dose.next_dose)
    if not action.gives or step is None:
        because = f"what the label wants on that day is not known: {found.at_dose.next_dose.because}"
        return told("order", None, because, "ask the prescriber")
    if step != dose.step:
        because = f"{step_words(dose.step)} is planned, and the label names {step_words(step)}"
        return told("order", False, because, "plan the step that the label names, or sign the departure")
    return told("order", True, f"{step_words(step)} is planned as {found.protocol.key} names it")


def _weight(found: Known) -> tuple[Evidence, str | None]:
    """The weight where the dose goes by it, and the amount of the label's row."""
    schedule = schedule_at(found.history, found.protocol)
    step = found.dose.step
    weighed = latest_weighing(found.history)
    unweighed = weighed is None or weighed.body.weight_kg is None
    if step is None or schedule is None or step not in found.protocol.steps_of(schedule):
        because = "the label has no such step, so nobody can say whether it goes by weight"
        bar = "the weight is not known, and the dose may go by it" if unweighed else None
        return told("order", None, because, "ask the prescriber"), bar
    if found.protocol.step_row(step, schedule).mg is not None:
        return told("order", True, "the amount does not go by weight"), None
    if weighed is None or weighed.body.weight_kg is None:
        because = "the weight is not known, and the dose goes by weight"
        return told("order", None, because, "weigh the patient"), because
    scale = _weighing(found.history, weighed)
    if scale is None:
        because = (
            f"{weighed.body.weight_kg} kg was the weight used for a dose; when the patient was weighed is not known"
        )
        return told("order", None, because, "weigh the patient"), None
    on = civil_date(scale.at, scale.zone)
    until = day_start(on + timedelta(days=gate_data().weight.days + 1), found.dose.zone)
    because = f"{weighed.body.weight_kg} kg, weighed on {say_date(on)}, at most {gate_data().weight.days} days old"
    amount = amount_for(found.protocol, step=step, schedule=schedule, weight_kg=weighed.body.weight_kg)
    if amount.amount is None:
        return told("order", None, amount.because, "ask the prescriber"), None
    return told("order", True, because, "weigh the patient", until=until), None


def _weighing(history: History, latest: Event) -> Event | None:
    """When the patient stood on a scale: the weight that is written with a dose was used for it, and makes no older one younger."""
    if latest.kind == "weight_measured":
        return latest
    return next((e for e in reversed(history.of("weight_measured")) if e.body.weight_kg is not None), None)


# --- 2 the interval -------------------------------------------------------------------------------------------------------


def interval(found: Known) -> Answered:
    """What the label's table says on the day of the dose."""
    dose = found.at_dose.next_dose
    action, step = _meant(dose)
    said = dose.would_be.words if dose.withheld and dose.would_be is not None and dose.would_be.words else dose.because
    if action is Action.WAIT:
        return Answered(
            evidence=told("interval", False, f"too early: {said}", "move the dose to the first day allowed")
        )
    if action is Action.STOP:
        because = f"no further dose: {said}"
        return Answered(evidence=told("interval", False, because, "ask the prescriber"), bar=f"a stop rule: {said}")
    if not action.gives or step is None:
        return Answered(
            evidence=told("interval", None, f"the label's table gives no answer: {said}", "ask the prescriber")
        )
    since = found.doses[-1].at if found.doses else None
    if dose.confirm is not None and not departed(found.history, "confirm", since):
        because = f"the label leaves it to the prescriber: {dose.confirm}"
        return Answered(evidence=told("interval", None, because, "sign it, with the reason"))
    if action in (Action.RESTART, Action.REPEAT) and found.dose.step != step:
        because = f"the restart table names {step_words(step)}: {said}"
        return Answered(evidence=told("interval", False, because, "plan the step that the table names"))
    until = day_start(dose.give_by + ONE_DAY, found.dose.zone) if dose.give_by is not None else None
    return Answered(evidence=told("interval", True, said or "inside the window", "look at the table anew", until=until))


# --- 3 infection, 5 reactions ---------------------------------------------------------------------------------------------


def infection(found: Known) -> Answered:
    """No infection, no fever, no urgent report; a temperature that still counts at the dose."""
    against = [hold for hold in _holding(found) if hold.what in INFECTION]
    if found.report is not None and found.report.action is Action.HOLD:
        return Answered(evidence=told("infection", False, found.report.because, "answer the report, and assess"))
    against += [found.report] if found.report is not None else []
    clear = clearance(found.history, (), found.toxicity, found.policy, found.now)
    return Answered(
        evidence=_cleared("infection", against, clear, "no active infection, and a temperature that counts")
    )


def reactions(found: Known) -> Answered:
    """CRS and ICANS are over, and nothing else withholds the dose."""
    dose = found.at_dose.next_dose
    if dose.action is Action.STOP:
        return Answered(evidence=told("reactions", False, f"a stop rule: {dose.because}", "no further dose"))
    counts = {hold.what for hold in cytopenias(found.history, found.protocol, found.policy)}
    against = [hold for hold in _holding(found) if hold.what not in INFECTION and hold.what not in counts]
    clear = clearance(found.history, found.doses, found.toxicity, found.policy, found.now)
    first = {"temperature_c", "infection"}
    own = tuple(item for item in clear.missing if item.missing not in first)
    bare = list(clearance(found.history, (), found.toxicity, found.policy, found.now).changes_at)
    changes = list(clear.changes_at)
    for each in bare:
        changes.remove(each)
    after = "no dose was given before" if not found.doses else "CRS and ICANS are over"
    cleared = _cleared("reactions", against, Clearance(missing=own, changes_at=tuple(changes)), after)
    if cleared.met is True and _withheld_otherwise(found):
        return Answered(evidence=told("reactions", None, f"the dose is withheld: {dose.because}", "ask the prescriber"))
    return Answered(evidence=cleared)


def _holding(found: Known) -> Sequence[Hold]:
    return holds(found.history, found.toxicity, found.policy, found.protocol)


def _withheld_otherwise(found: Known) -> bool:
    """Withheld for a reason that is no hold, and not only because the assessments at the dose are still to come."""
    answer = found.at_dose
    if not answer.next_dose.withheld or _holding(found):
        return False
    at = max(found.now, found.dose.time.earliest)
    to_come = clearance(found.history, found.doses, found.toxicity, found.policy, at).missing
    return not to_come or not set(to_come) <= set(answer.cannot_say)


def _cleared(line: str, against: Sequence[Hold], clear: Clearance, words: str) -> Evidence:
    if against:
        known_ = [hold for hold in against if hold.action is not Action.ASK]
        because = "; ".join(hold.because for hold in (known_ or against))
        return told(line, False if known_ else None, because, "assess, and record that it is over")
    if clear.missing:
        names = ", ".join(CLEARANCE_WORDS[item.missing] for item in clear.missing)
        return told(line, None, f"not known today: {names}", "assess before the dose")
    return told(line, True, words, "assess again", until=min(clear.changes_at, default=None))


# --- 4 counts -------------------------------------------------------------------------------------------------------------


def counts(found: Known) -> Answered:
    """Every count that is asked is there, of these days, and none withholds the dose."""
    low = cytopenias(found.history, found.protocol, found.policy)
    refused = [hold for hold in low if hold.action is not Action.ASK]
    if low:
        because = "; ".join(f"{hold.because}{_latest(found, hold.what)}" for hold in (refused or low))
        met = False if refused else None
        return Answered(evidence=told("counts", met, because, "repeat the count; the prescriber decides"))
    row = gate_data().counts
    named = {each.analyte for each in found.protocol.after_toxicity if each.analyte is not None}
    ends: list[datetime] = []
    missing = []
    for code in sorted({*row.codes, *named}):
        of_it = [e for e in found.history.of("lab_resulted") if e.body.code == code or "code" in e.nulls]
        if not of_it or of_it[-1].body.code is None or of_it[-1].body.value is None:
            missing.append(code)
        else:
            ends.append(of_it[-1].at + timedelta(hours=row.hours))
    if missing:
        because = f"not known: {', '.join(missing)}"
        return Answered(evidence=told("counts", None, because, "take the counts, or record them"))
    words = f"no count withholds the dose; the oldest counts until {say_instant(min(ends), found.dose.zone)}"
    return Answered(evidence=told("counts", True, words, "repeat the counts", until=min(ends)))


def _latest(found: Known, code: str) -> str:
    """The count that it is about, so that who signs signs that one: a later one is another sentence."""
    results = [e for e in found.history.of("lab_resulted") if e.body.code == code or "code" in e.nulls]
    if not results:
        return ""
    body = results[-1].body
    value = f"{body.value} {body.unit or 'of a unit not known'}" if body.value is not None else "not known"
    return f" (the latest: {value}, {say_instant(results[-1].at, found.dose.zone)})"


# --- 8 REMS and indication -------------------------------------------------------------------------------------------------


def rems_and_indication(found: Known) -> Answered:
    """Every REMS requirement in force on the day of the dose is recorded as met, and an indication covers the patient."""
    programme, bar = rems_line(found)
    return Answered(evidence=all_met([programme, indication(found)]), bar=bar)


def rems_line(found: Known) -> tuple[Evidence, str | None]:
    """The REMS alone, and why nobody overrides it while it is in force and open."""
    last_at = found.doses[-1].at if found.doses else None
    on = Upcoming(on=found.dose.on, zone=found.dose.zone, first=found.dose.first)
    answer = rems(found.protocol, found.policy, found.history, on, last_at)
    open_ = [each for each in answer.findings if each.urgency is not Urgency.ROUTINE]
    if not open_:
        in_force = [row for row in found.protocol.rems if row.in_force_to is None or found.dose.on <= row.in_force_to]
        because = "every REMS requirement is recorded as met" if in_force else "no REMS is in force on that day"
        until = min((at for at in answer.changes_at if at > found.dose.time.latest), default=None)
        return told("rems", True, because, "record the requirement anew", until=until), None
    because = "; ".join(f"{each.what} ({each.because})" for each in open_)
    met = False if any(e.body.met is not None for e in found.history.of("rems_met")) else None
    return told("rems", met, because, "record what the REMS asks"), "a REMS is in force and not met"


def indication(found: Known) -> Evidence:
    """Whether the label's indication of this regimen covers the patient on that day; asked before the first dose only.

    What the text of a combination allows says nothing of the same drug alone.
    """
    if found.doses:
        return told("rems", True, "the indication was looked at before the first dose")
    if departed(found.history, "indication"):
        return told("rems", True, "a departure from the indication is signed")
    product = found.protocol.product
    every = revisions_of(product.product, product.jurisdiction)
    labels = [each for each in every if each.product.regimen == product.regimen]
    answer = eligibility(labels, treated_before(found.history), found.dose.on)
    met = {Covered.MET: True, Covered.NOT_MET: False, Covered.CANNOT_SAY: None}[answer.covered]
    return told("rems", met, answer.because, None if met else NOTE_BEFORE)


def treated_before(history: History) -> Before:
    """What the patient had before this course: as somebody noted it last, else the lines with which the course began."""
    noted = history.last("earlier_treatment_noted")
    if noted is None:
        return Before(lines=history.course.facts.lines_prior)
    body = noted.body
    asked = body.lines is not None or "lines" in noted.nulls
    return Before(
        lines=body.lines if asked else history.course.facts.lines_prior,
        classes={name: getattr(body, name) for name in DRUG_CLASSES},
        progressed=body.progressed_on_last,
    )


TREATMENT: Final[Mapping[str, Callable[[Known], Answered]]] = {
    "order": order,
    "interval": weighed(interval),
    "infection": weighed(infection),
    "counts": weighed(counts),
    "reactions": weighed(reactions),
    "rems": weighed(rems_and_indication),
}
"""The lines that this file answers."""
