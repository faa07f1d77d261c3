"""What the record of a course already knows about the setting of a dose; everything else is not known, and never normal.

The latest answer to each question counts, also one that says "not known". An answer that is only good for a short time is read while it is
fresh. `setting_record` reads what is at home, the laboratory and the answers; here is what needs the label and the reactions too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, Literal

from handrail.rules.aftercare import carry_over
from handrail.rules.caredata import is_prevention
from handrail.rules.checks import MALE, SEROLOGY
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Episodes, episodes
from handrail.rules.events import Event
from handrail.rules.history import History, not_before
from handrail.rules.nextdose import planned_zone
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.setting_case import counts_until
from handrail.rules.setting_events import SettingFactsNoted
from handrail.rules.setting_facts import (
    Dated,
    Departure,
    LastDose,
    Level,
    OtherSite,
    Paper,
    Payer,
    PlannedDose,
    SettingFacts,
    SiteAt,
    Suspension,
    Weather,
)
from handrail.rules.setting_record import DoseWanted, Record
from handrail.rules.setting_rules import SettingRules
from handrail.rules.stays import with_stays
from handrail.rules.switching import schedule_before
from handrail.rules.terms import FIRST_TREATMENT, PRETREATMENT, STEP_UP_STEPS, STEPS, civil_date, day_start
from handrail.rules.upcoming import open_plan

SETTING_RULE: Final = "setting"
"""The name under which somebody signs a departure from the label's setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the desks of the programme know beside the course. None: no desk knows, and the answer noted in the course counts."""

    birth_year: int | None = None
    site_name: str | None = None
    site_level: Level | None = None
    level_paper: Paper | None = None
    hospital_agreement: Paper | None = None
    follows_label_strictly: bool | None = None
    strictness_words: str = ""
    """Who signed that, and why."""
    suspensions: tuple[Suspension, ...] | None = None
    first_patient_at_site: bool | None = None
    other_sites: tuple[OtherSite, ...] = ()
    rems_prescriber: Paper | None = None
    rems_dispenser: Paper | None = None
    rems_setting: Paper | None = None
    authorisation: Paper | None = None
    payer: Payer | None = None
    caregiver_until_day: int | None = None
    """To the end of which day the organisation's own policy in force asks for a caregiver: it counts for running courses at once."""

    @property
    def answered(self) -> frozenset[str]:
        """The facts of the REMS and of the payer that a desk answers, be it with "not known"."""
        names = ("rems_prescriber", "rems_dispenser", "rems_setting", "authorisation", "payer")
        return frozenset(name for name in names if getattr(self, name) is not None)


def dose_wanted(history: History, next_step: str | None, due_on: date | None, now: datetime) -> DoseWanted | None:
    """The dose that is planned and not given; without a plan the one that the schedule names, today at the earliest. None: neither.

    Of a plan whose step nobody wrote the day counts: the papers and the site are judged by it.

    Args:
        next_step, due_on: the next dose as the assessment says it.
    """
    zone = planned_zone(history)
    today = civil_date(now, zone)
    plan = open_plan(history, given_doses(history))
    step = plan.body.step if plan is not None and plan.body.step is not None else next_step
    if step is None:
        return None
    if plan is not None:
        return DoseWanted(step=step, on=max(plan.body.on, today), zone=plan.zone)
    return DoseWanted(step=step, on=max(due_on or today, today), zone=zone)


def setting_facts_of_course(
    history: History,
    protocol: Protocol,
    policy: Policy,
    rules: SettingRules,
    dose: DoseWanted,
    now: datetime,
    around: Around | None = None,
) -> SettingFacts:
    """Everything that is known about the setting of a dose.

    Args:
        history: the facts; those dated later than `now` do not count yet.
        rules: the setting rules: how long an answer is fresh, and from which value on one counts against leaving hospital.
        around: what the desks know.
    """
    return _Reading(history.until(now), protocol, policy, rules, dose, now, around or Around()).facts()


class _Reading(Record):
    """One reading of a course for one dose."""

    def __init__(
        self,
        history: History,
        protocol: Protocol,
        policy: Policy,
        rules: SettingRules,
        dose: DoseWanted,
        now: datetime,
        around: Around,
    ) -> None:
        super().__init__(history, rules, dose, now)
        self.protocol, self.around = protocol, around
        given = given_doses(history)
        self.toxicity: Episodes = episodes(history, given, policy)
        self.given: tuple[Given, ...] = with_stays(given, history, self.toxicity, protocol, policy)

    def facts(self) -> SettingFacts:
        """The facts, all of them."""
        simple = {name: self.answer(name) for name in SIMPLE}
        last = self._last_dose()
        caregivers = self.caregivers()
        return SettingFacts(
            zone=self.dose.zone,
            step=self.dose.step,
            doses=tuple(self._doses()),
            last_dose=last,
            carried_rows=None if last.given is False else self._carried(),
            **self._temperature(),
            infection_active=self._infection(),
            screening=self._screening(),
            rems_prescriber=self._paper("rems_prescriber"),
            rems_dispenser=self._paper("rems_dispenser"),
            rems_setting=self._paper("rems_setting"),
            authorisation=self.around.authorisation or self._authorisation(),
            live_vaccine=self._live_vaccine(),
            caregivers=caregivers,
            travel=self.travel(),
            weather_expected=self._weather(),
            lodging=self.lodging(),
            phone_works=self.home("phone_works"),
            thermometer_at_hand=self.home("thermometer"),
            age_years=self._age(),
            ecog=self.answer("ecog") if "ecog" in self.noted else self.history.course.facts.ecog_0_4,
            worst_earlier_reaction=self._worst_reaction(),
            marrow_plasma_percent=self.lab("plasma_cells", "%"),
            m_protein_g_dl=self.lab("m_protein", "g/dL"),
            involved_flc_mg_l=self.lab("flc_involved", "mg/L"),
            creatinine_clearance_ml_min=self.lab("crcl", "mL/min"),
            ldh_times_upper_limit=self.times_upper("ldh"),
            ferritin_raised=self.raised("ferritin"),
            crp_raised=self.raised("crp"),
            heart_attack_or_stroke=self.answer("heart_attack_or_stroke") or Dated(),
            infection_resolved=self._infection_resolved(),
            tocilizumab_planned=self._tocilizumab(),
            first_patient_at_site=_first(self.around.first_patient_at_site, self.answer("first_patient_at_site")),
            site=self._site(),
            other_sites=self.around.other_sites,
            payer=self.around.payer or self._payer(),
            departure=self._departure(),
            **simple,
        )

    # --- answers ---------------------------------------------------------------------------------------------------------

    def _paper(self, name: str) -> Paper:
        known: Paper | None = getattr(self.around, name)
        if known is not None:
            return known
        about = [e for e in self.history.of("rems_met") if e.body.requirement in (REQUIREMENTS[name], None)]
        met = [e for e in about if e.body.requirement is not None]
        noted = self.noted.get(name)
        if met and (noted is None or noted.at <= met[-1].at):
            found = self._of_requirement(met[-1])
        else:
            found = self.answer(name) or Paper()
        last = max((e.at for e in (noted, *met) if e is not None), default=None)
        # A later word without its requirement may have taken this one back.
        doubted = last is not None and any(e.body.requirement is None and e.at >= last for e in about)
        return Paper() if doubted and found.held else found

    def _of_requirement(self, event: Event) -> Paper:
        """A requirement without an end that was checked after the last dose holds for this dose."""
        until = event.body.valid_until
        last = self.given[-1] if self.given else None
        for_one = until is None and "valid_until" not in event.nulls
        if for_one and (last is None or event.at > (last.at or last.event.at)):
            until = self.dose.on
        return Paper(held=event.body.met, until=until)

    # --- the doses -------------------------------------------------------------------------------------------------------

    def _doses(self) -> Iterator[PlannedDose]:
        """Those of this step-up: given before, the one that is decided, and after it what the calendar says."""
        slot, at = self._slot(), self._dose_at()
        if self.dose.step in (PRETREATMENT, *STEP_UP_STEPS, FIRST_TREATMENT):
            yield from self._before(at)
        yield PlannedDose(step=self.dose.step, at=at)
        order, last = STEPS.index(self.dose.step), at
        for each in self._calendar() if slot is not None else ():  # a calendar of another plan says nothing of this one
            number = STEPS.index(each.step)
            if order < number <= STEPS.index(FIRST_TREATMENT) and each.at > last:
                yield PlannedDose(step=each.step, at=each.at)
                order, last = number, each.at

    def _slot(self) -> PlannedDose | None:
        """The dose that is decided in the calendar; None: it is not there, or on another day."""
        slot = next((each for each in self._calendar() if each.step == self.dose.step), None)
        return slot if slot is not None and civil_date(slot.at, self.dose.zone) == self.dose.on else None

    def _dose_at(self) -> datetime:
        slot = self._slot()
        return slot.at if slot is not None else day_start(self.dose.on, self.dose.zone)

    def _calendar(self) -> Sequence[PlannedDose]:
        planned = self.history.last("step_up_planned")
        slots = planned.body.doses if planned is not None else None
        return sorted((PlannedDose(step=each.step, at=each.at) for each in slots or ()), key=lambda each: each.at)

    def _before(self, at: datetime) -> list[PlannedDose]:
        """The doses of this step-up that were given: from the last one back, while each is of an earlier step."""
        found: list[PlannedDose] = []
        order, earliest = STEPS.index(self.dose.step), at
        for dose in reversed(self.given):
            if dose.step is None or dose.at is None or STEPS.index(dose.step) >= order or dose.at >= earliest:
                break
            order, earliest = STEPS.index(dose.step), dose.at
            found.insert(0, PlannedDose(step=dose.step, at=dose.at))
        return found

    def _last_dose(self) -> LastDose:
        if not self.given:
            started = self.history.last("course_started")
            # only a course that begins with the step-up has no dose before its first
            none = (
                started is not None
                and started.body.intent == "step_up"
                and started.body.prior_doses_known is not False
                and "prior_doses_known" not in started.nulls
            )
            return LastDose(given=False if none else None)
        last = self.given[-1]
        schedule = last.body.schedule or (
            None if "schedule" in last.event.nulls else schedule_before(self.history, last, self.protocol)
        )
        return LastDose(given=True, step=last.step, on=last.on, schedule=schedule)

    def _carried(self) -> tuple[str, ...] | None:
        """The label's rows that this dose inherits; a suspicion that nobody has graded leaves them open."""
        since = next((dose.at for dose in reversed(self.given) if dose.at is not None), None)
        carry = carry_over(self.protocol, self.toxicity, since=since, now=self.now)
        return None if carry.stay_unknown is not None else carry.row_ids

    # --- may it start ----------------------------------------------------------------------------------------------------

    def _temperature(self) -> dict[str, Any]:
        """The highest of today. One that a medicine may have lowered, or that was asked and is not known, hides a fever."""
        today = civil_date(self.now, self.dose.zone)
        readings = [
            event
            for event in self.history.of("checkin_received", "vitals_measured")
            if civil_date(event.at, self.dose.zone) == today
            and (event.body.temperature_c is not None or "temperature_c" in event.nulls)
        ]
        known = [event for event in readings if event.body.temperature_c is not None]
        highest = max(known, key=lambda event: (event.body.temperature_c, event.at), default=None)
        fever = self.against("temperature_c")
        feverish = highest is not None and (fever is None or highest.body.temperature_c >= fever)
        hidden = len(known) < len(readings) or any(getattr(e.body, "antipyretic_last_6_h", False) for e in readings)
        hidden = hidden or any("antipyretic_last_6_h" in event.nulls for event in readings)
        if highest is None or (hidden and not feverish):
            return {}
        return {"temperature_c": highest.body.temperature_c, "temperature_at": highest.at}

    def _infection(self) -> bool | None:
        if self.toxicity.infection.state.open:
            return True
        words = [(e.at, e.body.active) for e in self.history.of("condition_noted") if e.body.what == "infection"]
        noted = self.noted.get("infection_active")
        words += [(noted.at, noted.body.infection_active)] if noted is not None else []
        if not words:
            return None
        at, active = max(words, key=lambda word: (word[0], word[1] is not False))
        return None if active is False and not self.fresh(at) else active

    def _infection_resolved(self) -> Dated:
        over = [each.closed_at for each in self.toxicity.infection.episodes if each.closed_at is not None]
        noted: Dated = self.answer("infection_resolved") or Dated()
        days = [civil_date(max(over), self.dose.zone)] if over else []
        if noted.happened and noted.on is not None:
            days.append(noted.on)
        since = self._infection_since(self.noted.get("infection_resolved"))
        if since is not None and max(days, default=date.min) < civil_date(since, self.dose.zone):
            return Dated(happened=True)
        if not days or (noted.happened and noted.on is None):
            return noted
        return Dated(happened=True, on=max(days))

    def _infection_since(self, answer: Event | None) -> datetime | None:
        """When somebody last said that there was an infection, after the answer that one is over or never was; None: nobody has."""
        said = [event for event in self.history.of("setting_facts_noted") if event.body.infection_active]
        return said[-1].at if said and (answer is None or not not_before(answer, said[-1])) else None

    def _screening(self) -> Mapping[str, Literal["resulted", "pending", "does_not_apply"]]:
        found: dict[str, Literal["resulted", "pending", "does_not_apply"]] = {}
        for test, codes in SCREENED.items():
            if all(self._resulted(code) for code in codes):
                found[test] = "resulted"
        possible = [e for e in self.history.of("condition_noted") if e.body.what == "childbearing_potential"]
        cannot = bool(possible) and possible[-1].body.active is False
        if "pregnancy" not in found and (cannot or (self.history.course.facts.sex or "").lower() in MALE):
            found["pregnancy"] = "does_not_apply"
        return found

    def _resulted(self, code: str) -> bool:
        latest = self.latest_lab(code)
        return latest is not None and (latest.body.value is not None or latest.body.result is not None)

    def _authorisation(self) -> Paper:
        """The payer's latest answer about the drug itself."""
        answers = [e for e in self.history.of("authorisation_set") if e.body.subject in (None, *self._drug())]
        if not answers:
            return Paper()
        body = answers[-1].body
        status = (body.status or "").lower()
        held = {**dict.fromkeys(GRANTED, True), **dict.fromkeys(REFUSED, False)}.get(status)
        early = body.valid_from is not None and body.valid_from > self.dose.on
        if "valid_from" in answers[-1].nulls or body.subject is None:
            held = held and None
        # What is not asked for has no end: it was looked up for the dose that is decided.
        until = body.valid_until or (
            self.dose.on if status == NOT_REQUIRED and "valid_until" not in answers[-1].nulls else None
        )
        return Paper(held=False if held and early else held, until=until)

    def _drug(self) -> tuple[str, ...]:
        return ("bispecific", self.history.course.product)

    def _live_vaccine(self) -> Dated:
        """The latest that is live, or of which nobody knows; where that was long ago or there is none, the answer whether there was one.

        One of long ago does not say that there was none since.
        """
        given = [e for e in self.history.of("vaccine_noted") if e.body.live is not False]
        if any(event.body.on is None for event in given):
            return Dated(happened=True)
        latest = max((event.body.on for event in given), default=None)
        rows = [each for rule in self.rules.rule for each in rule.any if each.fact == LIVE_VACCINE]
        if latest is not None and any(self.dose.on < counts_until(row, latest) for row in rows):
            return Dated(happened=True, on=latest)
        asked = self.answer(LIVE_VACCINE)
        at = self.noted[LIVE_VACCINE].at if asked is not None else self.now
        return Dated(happened=asked if asked or self.fresh(at) else None)

    def _weather(self) -> tuple[Weather, ...] | None:
        """The forecast, while it is fresh: one of an earlier dose says nothing of these days."""
        asked = self.noted.get("weather_expected")
        expected: tuple[Weather, ...] | None = asked.body.weather_expected if asked and self.fresh(asked.at) else None
        return expected

    # --- the patient -----------------------------------------------------------------------------------------------------

    def _age(self) -> int | None:
        """The age that is reached in the year of the dose: of the day of birth the record has the year."""
        born = _first(self.history.course.facts.birth_year, self.around.birth_year)
        return self.dose.on.year - born if born is not None else None

    def _worst_reaction(self) -> int | None:
        """The worst grade with an earlier agent, and in this course; one that is bad enough is told whatever else is missing."""
        told: int | None = self.answer("worst_earlier_reaction")
        courses = (self.toxicity.crs, self.toxicity.icans)
        here = [each for course in courses for each in course.episodes]
        grades = [*([told] if told is not None else []), *(each.grade for each in here if each.grade is not None)]
        worst, bad = max(grades, default=None), self.against("worst_earlier_reaction")
        if worst is not None and bad is not None and worst >= bad:
            return worst
        open_ = told is None or any(
            each.grade_unknown or (each.grade is None and each.closed_at is None) for each in here
        )
        return None if open_ else worst

    def _tocilizumab(self) -> bool | None:
        """Given or planned for this step-up: a word about an earlier one says nothing of it."""
        before = self.given[: len(self.given) - len(self._before(self._dose_at()))]
        since = max((each.at or each.event.at for each in before), default=None)
        given = [e for e in self.history.of("medicine_given") if since is None or e.at > since]
        asked = self.noted.get("tocilizumab_planned")
        if asked is not None and (since is None or asked.at > since):
            answer: bool | None = asked.body.tocilizumab_planned
            return answer
        return True if any(is_prevention(each.body.agent, each.body.purpose) for each in given) else None

    # --- where -----------------------------------------------------------------------------------------------------------

    def _site(self) -> SiteAt:
        known = self.around
        return SiteAt(
            name=known.site_name or "this site",
            level=_first(known.site_level, self.answer("site_level")),
            level_paper=_first(known.level_paper, self.answer("level_paper")) or Paper(),
            hospital_agreement=_first(known.hospital_agreement, self.answer("hospital_agreement")) or Paper(),
            follows_label_strictly=_tighter(known.follows_label_strictly, self.answer("follows_label_strictly")),
            suspensions=_first(known.suspensions, self.answer("suspensions")),
        )

    def _payer(self) -> Payer:
        return Payer(
            inpatient_steps=self.answer("payer_inpatient_steps"),
            waiver=self.answer("payer_waiver") or Paper(),
            policy=self.answer("payer_policy"),
        )

    def _departure(self) -> Departure:
        """The latest departure from the label's setting that names this step; without one nobody has signed."""
        for event in reversed(self.history.of("departure_signed")):
            body = event.body
            if body.rule == SETTING_RULE and self.dose.step in (body.steps or ()):
                return Departure(
                    steps=tuple(body.steps or ()),
                    carried_rows=tuple(body.carried_rows or ()),
                    because=body.reason,
                    signed_by=body.approver,
                    paper=Paper(held=True, until=body.review_on),
                )
        return Departure(paper=Paper(held=False))


LIVE_VACCINE: Final = "live_vaccine"
OWN: Final = frozenset(
    {
        "infection_active", LIVE_VACCINE, "ecog", "worst_earlier_reaction", "heart_attack_or_stroke", "infection_resolved",
        "tocilizumab_planned", "first_patient_at_site", "rems_prescriber", "rems_dispenser", "rems_setting", "weather_expected",
    }
)  # fmt: skip
"""Answers that something else of the record, or of a desk, is weighed with."""
SIMPLE: Final = tuple(
    item.name
    for item in fields(SettingFactsNoted)
    if item.name in {known.name for known in fields(SettingFacts)} and item.name not in OWN
)
"""Answers that are taken as they stand."""
REQUIREMENTS: Final = {
    "rems_prescriber": "prescriber_certified",
    "rems_dispenser": "dispenser_certified",
    "rems_setting": "setting_certified",
}
"""Under which name of a REMS requirement each certification is recorded."""
SCREENED: Final[Mapping[str, tuple[str, ...]]] = {
    "hepatitis_b": tuple(SEROLOGY),
    "counts": ("anc", "platelets", "hemoglobin"),
    "chemistry": ("creatinine",),
    "immunoglobulins": ("igg",),
    "pregnancy": ("pregnancy_test",),
}
"""The laboratory codes that make a screening test resulted, all of them."""
NOT_REQUIRED: Final = "not_required"
GRANTED: Final = ("approved", "granted", NOT_REQUIRED)
"""A payer's word with which a drug may be given: `granted` is what the access desk writes into the record."""
REFUSED: Final = ("denied", "expired", "withdrawn", "pending", "requested")


def _first(known: Any, noted: Any) -> Any:
    return noted if known is None else known


def _tighter(known: bool | None, noted: bool | None) -> bool | None:
    """A switch that a course may tighten, and never loosen."""
    return True if noted is True else _first(known, noted)
