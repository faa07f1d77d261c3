"""What the setting of a dose is decided from. Nothing has a default but "not known": a fact that is absent reassures nobody.

Language, insurance, race and income are no facts of a setting and have no field here. What a programme or a site has to provide (an
interpreter, a thermometer, a phone, transport) is asked as what is lacking there and never counts against the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from handrail.rules.terms import STEPS, UnusableInput, civil_date, zone_named

Level = Literal["0", "1", "2", "3", "4", "H"]
LEVELS: Final[tuple[Level, ...]] = ("0", "1", "2", "3", "4", "H")
"""Levels of a site, from "refers only" to hub."""

Weather = Literal["clear", "rain", "storm", "flood", "fog", "ice", "snow", "heat"]
"""Classes of weather, one word each wherever weather is told: the way, the seasonal plan and what is expected are compared by it."""


def reaches(level: Level, least: Level) -> bool:
    """Whether a level is enough."""
    return LEVELS.index(level) >= LEVELS.index(least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A certificate, an agreement, an authorisation, a signature: whether it is there, and the last day on which it holds.

    One without an end says so (`no_end`): an end that nobody wrote down is not known.
    """

    held: bool | None = None
    until: date | None = None
    no_end: bool | None = None

    def holds(self, on: date) -> bool | None:
        """Whether it holds on a day; None: not known."""
        if self.held is False or (self.until is not None and self.until < on):
            return False
        if self.held is None or (self.until is None and self.no_end is not True):
            return None
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """Something that happened or did not, and on which day."""

    happened: bool | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDose:
    """A dose of this step-up, given or planned: its step and when it begins."""

    step: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDose:
    """The last dose that was given before this one. `given` false: there was none."""

    given: bool | None = None
    step: str | None = None
    on: date | None = None
    schedule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hours in which a caregiver is with the patient."""

    who: str
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstTime:
    """Worst-case minutes to the receiving hospital in some months; `weather` absent: in whatever weather."""

    months: tuple[int, ...]
    minutes: int
    weather: Weather | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """From home to the receiving hospital, in minutes. The typical time is shown; the worst one decides."""

    worst: tuple[WorstTime, ...] | None = None
    typical_minutes: int | None = None
    night_minutes: int | None = None
    to: str | None = None
    source: str | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lodging:
    """A place near the hospital for the watched days: accepted by the patient, from and until when, and how far from there."""

    accepted: bool | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    worst_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Months or weather in which the site gives no step-up dose to people who go home; `unless_lodging`: lodging lifts it."""

    words: str
    months: tuple[int, ...]
    weather: Weather | None = None
    unless_lodging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAt:
    """The site of this dose: its level for this product and the phase, and the agreement with a receiving hospital."""

    name: str
    level: Level | None = None
    level_paper: Paper = Paper()
    hospital_agreement: Paper = Paper()
    follows_label_strictly: bool | None = None
    suspensions: tuple[Suspension, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSite:
    """Another site of the programme, for a patient whose own cannot: its level, until when, and the minutes there."""

    name: str
    level: Level | None = None
    level_paper: Paper = Paper()
    worst_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """What the payer asks: steps that it pays for in hospital only, and whether it waived that."""

    inpatient_steps: tuple[str, ...] | None = None
    waiver: Paper = Paper()
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A signed decision to watch elsewhere than the label asks: for which steps, why, who signed, until when it stands.

    A stay that the label wants after a reaction is departed from only where its row is named in `carried_rows`: who signed for
    the steps before the reaction did not know of it.
    """

    steps: tuple[str, ...] = ()
    carried_rows: tuple[str, ...] = ()
    because: str | None = None
    signed_by: str | None = None
    paper: Paper = Paper()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFacts:
    """Everything that is known about the next dose and the patient. An absent value is not known.

    `doses` are all doses of this step-up up to the first treatment dose, in order; `step` is the one that is decided.
    `carried_rows`: the label's rows for the dose after a reaction that this dose inherits, by their ids; none is an answer too.
    """

    zone: str
    step: str
    doses: tuple[PlannedDose, ...]
    last_dose: LastDose = LastDose()
    carried_rows: tuple[str, ...] | None = None
    # may it start at all
    temperature_c: Decimal | None = None
    temperature_at: datetime | None = None
    infection_active: bool | None = None
    screening: Mapping[str, Literal["resulted", "pending", "does_not_apply"]] | None = None
    rems_prescriber: Paper = Paper()
    rems_dispenser: Paper = Paper()
    rems_setting: Paper = Paper()
    authorisation: Paper = Paper()
    decided_to_proceed_without: bool | None = None
    live_vaccine: Dated = Dated()
    consent: bool | None = None
    # at home
    caregivers: tuple[Shift, ...] | None = None
    travel: Travel = Travel()
    weather_expected: tuple[Weather, ...] | None = None
    lodging: Lodging = Lodging()
    phone_works: bool | None = None
    measures_temperature: bool | None = None
    # the patient
    age_years: int | None = None
    frail: bool | None = None
    ecog: int | None = None
    self_report_unreliable: bool | None = None
    cns_disease: bool | None = None
    uncontrolled_seizures: bool | None = None
    worst_earlier_reaction: int | None = None
    marrow_plasma_percent: Decimal | None = None
    m_protein_g_dl: Decimal | None = None
    involved_flc_mg_l: Decimal | None = None
    explosive_progression: bool | None = None
    extramedullary_disease: bool | None = None
    plasma_cell_leukaemia: bool | None = None
    ldh_times_upper_limit: Decimal | None = None
    ferritin_raised: bool | None = None
    crp_raised: bool | None = None
    cytopenia: bool | None = None
    nyha: int | None = None
    oxygen_need: bool | None = None
    heart_attack_or_stroke: Dated = Dated()
    decompensated_cirrhosis: bool | None = None
    dialysis: bool | None = None
    creatinine_clearance_ml_min: Decimal | None = None
    significant_comorbidities: int | None = None
    infection_resolved: Dated = Dated()
    anticoagulated: bool | None = None
    caregiver_unwell: bool | None = None
    teach_back_low: bool | None = None
    tocilizumab_planned: bool | None = None
    first_patient_at_site: bool | None = None
    # what a site or the programme provides
    needs_interpreter: bool | None = None
    interpreter_at_all_hours: bool | None = None
    thermometer_at_hand: bool | None = None
    transport_at_hand: bool | None = None
    # where
    site: SiteAt
    other_sites: tuple[OtherSite, ...] = ()
    payer: Payer = Payer()
    departure: Departure = Departure()

    @property
    def dose(self) -> PlannedDose:
        """The dose that is decided."""
        return next(dose for dose in self.doses if dose.step == self.step)

    @property
    def day(self) -> date:
        """Its civil day at the site."""
        return civil_date(self.dose.at, self.zone)


def check_facts(facts: SettingFacts) -> None:
    """Refuse what contradicts itself: nothing can be concluded from it.

    Raises:
        UnusableInput: an unknown zone or step, doses out of order, a span that ends before it begins, a month that does not
            exist, minutes below zero, a worst case that is shorter than the typical time, a paper with an end and without one, a
            reaction to a dose that was not given.
    """
    zone_named(facts.zone)
    for number, dose in enumerate(facts.doses):
        if dose.step not in STEPS:
            raise UnusableInput("unknown_word", "There is no such step.", f"doses[{number}].step")
    times = [dose.at for dose in facts.doses]
    if times != sorted(set(times)):
        raise UnusableInput("wrong_order", "The doses stand in their order.", "doses")
    steps = [STEPS.index(dose.step) for dose in facts.doses]
    if steps != sorted(
        steps
    ):  # the watched span is counted from the first treatment dose: one of an earlier step-up is not it
        raise UnusableInput(
            "wrong_order", "The doses are those of one step-up: no step stands before an earlier one.", "doses"
        )
    if [dose.step for dose in facts.doses].count(facts.step) != 1:
        raise UnusableInput("missing_key", "The step that is decided is one of the doses.", "step")
    spans = [(f"caregivers[{n}]", shift.from_at, shift.until_at) for n, shift in enumerate(facts.caregivers or ())]
    if facts.lodging.from_at is not None and facts.lodging.until_at is not None:
        spans.append(("lodging", facts.lodging.from_at, facts.lodging.until_at))
    for path, begins, ends in spans:
        if ends <= begins:
            raise UnusableInput("wrong_order", "The span ends before it begins.", f"{path}.until_at")
    if facts.last_dose.given is False and facts.carried_rows:
        raise UnusableInput("contradiction", "There was no dose before this one, and a reaction to it.", "carried_rows")
    _check_travel(facts)
    for path, paper in _papers(facts):
        if paper.until is not None and paper.no_end is True:
            raise UnusableInput("contradiction", "It has an end, and has none.", f"{path}.no_end")


def _check_travel(facts: SettingFacts) -> None:
    months = [(f"travel.worst[{n}]", row.months) for n, row in enumerate(facts.travel.worst or ())]
    months += [(f"site.suspensions[{n}]", row.months) for n, row in enumerate(facts.site.suspensions or ())]
    for path, named in months:
        if not named or any(not 1 <= month <= len(MONTHS) for month in named):
            message = "Months are numbers from 1 to 12, and one at least: a row of no month would never count."
            raise UnusableInput("out_of_range", message, f"{path}.months")
    ways = [(f"travel.worst[{n}].minutes", row.minutes) for n, row in enumerate(facts.travel.worst or ())]
    if facts.lodging.worst_minutes is not None:
        ways.append(("lodging.worst_minutes", facts.lodging.worst_minutes))
    for path, minutes in ways:
        if minutes < 0:
            raise UnusableInput("out_of_range", "Minutes are not below zero.", path)
    usual = [each for each in (facts.travel.typical_minutes, facts.travel.night_minutes) if each is not None]
    for number, row in enumerate(facts.travel.worst or ()):
        if any(row.minutes < each for each in usual):
            message = "The worst case is shorter than the time that was given as typical, or as that at night."
            raise UnusableInput("contradiction", message, f"travel.worst[{number}].minutes")


def _papers(facts: SettingFacts) -> Iterator[tuple[str, Paper]]:
    yield "rems_prescriber", facts.rems_prescriber
    yield "rems_dispenser", facts.rems_dispenser
    yield "rems_setting", facts.rems_setting
    yield "authorisation", facts.authorisation
    yield "site.level_paper", facts.site.level_paper
    yield "site.hospital_agreement", facts.site.hospital_agreement
    yield "payer.waiver", facts.payer.waiver
    yield "departure.paper", facts.departure.paper
    for number, other in enumerate(facts.other_sites):
        yield f"other_sites[{number}].level_paper", other.level_paper


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip

Span = tuple[datetime, datetime]


def uncovered(span: Span, covers: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of a span that no other span covers, in order. The end of a span does not belong to it."""
    begins, ends = span
    found = []
    for first, last in sorted(covers):
        if first >= ends:
            break
        if first > begins:
            found.append((begins, first))
        begins = max(begins, last)
    if begins < ends:
        found.append((begins, ends))
    return tuple(found)


def months_of(span: Span, zone: str) -> tuple[int, ...]:
    """The calendar months that a span touches, in order."""
    first, last = civil_date(span[0], zone), civil_date(span[1] - timedelta.resolution, zone)
    year = len(MONTHS)
    counted = range(first.year * year + first.month - 1, last.year * year + last.month)
    return tuple(dict.fromkeys(number % year + 1 for number in counted))
