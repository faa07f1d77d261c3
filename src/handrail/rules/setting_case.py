"""One decision of a setting: the facts, the rules, the label and the instant, and what several of its rules look at.

`Said` is three-valued: a rule fires, does not, or cannot be known, and then it names what is missing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

from handrail.rules.aftercare import STOPS, stays_after
from handrail.rules.answer import Monitoring
from handrail.rules.protocol import AfterToxicityRow, Protocol
from handrail.rules.schedule import monitoring_for, months_later
from handrail.rules.setting_facts import MONTHS, Dated, SettingFacts, Span, months_of, uncovered
from handrail.rules.setting_rules import Condition, Phase, SettingRules
from handrail.rules.terms import (
    FIRST_TREATMENT,
    PRETREATMENT,
    STEP_UP_STEPS,
    Status,
    civil_date,
    day_start,
    say_date,
    say_instant,
)

STAYS: Final = ("hospital", "observation")
"""What a label may ask for that is no home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Whether something holds (None: not known), in words, with the value it was judged by and the facts that are missing."""

    fires: bool | None
    because: str = ""
    value: str | None = None
    missing: tuple[str, ...] = ()


NO: Final = Said(fires=False)


def unknown(*facts: str) -> Said:
    """Not known, for want of these facts."""
    return Said(fires=None, missing=facts)


def any_of(said: Iterable[Said]) -> Said:
    """Whether any of them holds: one is enough, and one that is not known leaves it open."""
    parts = list(said)
    firing = [part for part in parts if part.fires]
    open_ = any(part.fires is None for part in parts)
    return Said(
        fires=True if firing else None if open_ else False,
        because="; ".join(part.because for part in firing if part.because),
        value="; ".join(part.value for part in firing if part.value) or None,
        missing=tuple(dict.fromkeys(name for part in parts if part.fires is None for name in part.missing)),
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything a rule may look at. `label` None: nobody knows which label holds."""

    facts: SettingFacts
    rules: SettingRules
    label: Protocol | None
    now: datetime

    @property
    def phase(self) -> Phase:
        """Step-up until the first treatment dose, maintenance after it."""
        return "step_up" if self.facts.step in (PRETREATMENT, *STEP_UP_STEPS, FIRST_TREATMENT) else "maintenance"

    @property
    def dose_before(self) -> str | None:
        """The step before this one in the plan; None: this is the first."""
        return next((dose.step for dose in reversed(self.facts.doses) if dose.at < self.facts.dose.at), None)

    @property
    def span(self) -> Span:
        """From dose 1, or now if that is over, to the end of the watched days; the day of the dose that is decided is one of them."""
        first = self.facts.doses[0].at
        ends = max(self._day_end, self._last_window_end or self._day_end)
        if self.phase == "step_up":  # the days are counted from dose 1, and a dose that waited long is given after them
            ends = max(ends, day_start(self.facts.day + timedelta(days=1), self.facts.zone))
        return max(first, self.now), ends

    @property
    def span_is_known(self) -> bool:
        """Whether the day of the first treatment dose, from which the span is counted too, is known."""
        return self._last_window_end is not None

    @property
    def end_is_known(self) -> bool:
        """Whether the months and the hours after the known part of the span ask nothing more: of maintenance none are watched here."""
        return self.span_is_known or self.phase != "step_up"

    @property
    def _day_end(self) -> datetime:
        first = civil_date(self.facts.doses[0].at, self.facts.zone)
        return day_start(first + timedelta(days=self.rules.caregiver.until_day), self.facts.zone)

    @property
    def _last_window_end(self) -> datetime | None:
        last = next((dose.at for dose in self.facts.doses if dose.step == FIRST_TREATMENT), None)
        hours = self.rules.caregiver.hours_after_first_treatment
        return None if last is None else last + timedelta(hours=hours)

    @cached_property
    def carried(self) -> tuple[AfterToxicityRow, ...] | None:
        """The label's rows for the dose after a reaction that this dose inherits; None: not known.

        Before the very first dose there are none.
        """
        named = () if self.facts.last_dose.given is False else self.facts.carried_rows
        if named is None or self.label is None:
            return None
        return tuple(row for row in self.label.after_toxicity if row.id in named)

    @cached_property
    def stay(self) -> Monitoring | None:
        """Where the label wants the patient after this dose, the stays after a reaction included.

        None: it is not known which label, or what it says. Where it is not known what a reaction adds, this is the least of it.
        """
        if self.label is None:
            return None
        return monitoring_for(self.label, step=self.facts.step, carried=self.carried_stays)

    @property
    def carried_stays(self) -> tuple[Monitoring, ...]:
        """The stays that the label wants after this dose because of a reaction, as far as they are known."""
        return stays_after(self.label, [row.id for row in self.carried or ()]) if self.label is not None else ()

    @property
    def label_asks_stay(self) -> bool | None:
        """Whether the label asks for hospital after this dose.

        None: a row that lets the patient go and that nobody verified says nothing, and a reaction of which nobody knows may ask for it.
        """
        if self.stay is not None and self.stay.setting in STAYS:
            return True
        return None if self.stay_lacks else False

    @property
    def stay_lacks(self) -> tuple[str, ...]:
        """The facts without which nobody can say that the label lets the patient go after this dose.

        A row after a reaction that nobody verified may ask for a stay, though its words name none; one that stops the drug defers the dose.
        """
        unsaid = self.stay is None or self.stay.status is Status.UNVERIFIED
        unsaid = unsaid or not all(row.acts or row.action in STOPS for row in self.carried or ())
        return (
            *(["label"] if unsaid else []),
            *(["carried_rows"] if self.carried is None and self.label is not None else []),
        )

    def said(self, span: Span) -> str:
        """A span by the clock of the site, with its hours."""
        hours = (span[1] - span[0]) / timedelta(hours=1)
        return f"{say_instant(span[0], self.facts.zone)} to {say_instant(span[1], self.facts.zone)} ({hours:g} h)"


# --- one fact, one test --------------------------------------------------------------------------------------------------


def condition(case: Case, row: Condition) -> Said:
    """Whether a fact is as the row says. A value that cannot be true, or is of another day, is not known."""
    value = getattr(case.facts, row.fact)
    if isinstance(value, Dated):
        return _dated(case, row, value)
    if value is None or _implausible(case, row.fact, value):
        return unknown(row.fact)
    if row.equals is not None:
        return Said(fires=value is row.equals, because=_words(row.fact, value), value=_plain(value))
    if row.today and not of_today(case):
        return unknown(row.fact)
    name, passes, words = next(limit for limit in LIMITS if getattr(row, limit[0]) is not None)
    limit = getattr(row, name)
    said = f"{FACT_WORDS[row.fact]} {_plain(value)} ({words.format(limit)})"
    return Said(fires=passes(Decimal(value), limit), because=said, value=_plain(value))


LIMITS: Final[tuple[tuple[str, Callable[[Decimal, Decimal], bool], str], ...]] = (
    ("at_least", operator.ge, "{} or more"),
    ("at_most", operator.le, "{} or less"),
    ("above", operator.gt, "more than {}"),
    ("below", operator.lt, "less than {}"),
)
"""How a number is compared with the limit of its row."""


def _dated(case: Case, row: Condition, value: Dated) -> Said:
    if value.happened is False:
        return NO
    if value.happened is None or value.on is None:
        return unknown(row.fact)
    free_on = counts_until(row, value.on)
    words = f"{FACT_WORDS[row.fact]} on {say_date(value.on)}; counts until {say_date(free_on)}"
    return Said(fires=case.facts.day < free_on, because=words, value=value.on.isoformat())


def counts_until(row: Condition, on: date) -> date:
    """The first day on which something of a day counts no more."""
    if row.within_days is not None:
        return on + timedelta(days=row.within_days)
    assert row.within_months is not None
    return months_later(on, row.within_months)


def _implausible(case: Case, fact: str, value: object) -> bool:
    row = next((row for row in case.rules.plausible if row.fact == fact), None)
    return row is not None and not row.low <= value <= row.high  # type: ignore[operator]  # such a fact is a number: the loader saw to it


def implausible(case: Case) -> tuple[str, ...]:
    """Facts whose value cannot be true."""
    values = ((row.fact, getattr(case.facts, row.fact)) for row in case.rules.plausible)
    return tuple(fact for fact, value in values if value is not None and _implausible(case, fact, value))


def of_today(case: Case) -> bool:
    """Whether the temperature was measured on the day of the decision, and not after it."""
    at = case.facts.temperature_at
    zone = case.facts.zone
    return at is not None and at <= case.now and civil_date(at, zone) == civil_date(case.now, zone)


def _words(fact: str, value: bool) -> str:
    return f"{FACT_WORDS[fact]}: {_plain(value)}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


# --- the way to the hospital ------------------------------------------------------------------------------------------------


def route(case: Case, far: Callable[[int], bool], asks: str) -> Said:
    """Whether the way is far for the worst case of the months and the weather of the span; from lodging, where that is accepted.

    In the step-up a span whose end nobody knows may reach into any month: the way from home is near enough in all, or not known.

    Args:
        far: whether so many minutes are far.
        asks: words for the limit.
    """
    known = _route(case, far, asks)
    near = case.end_is_known or all(
        _in_month(case, month, far, asks).fires is False for month in range(1, len(MONTHS) + 1)
    )
    return known if near else any_of((known, unknown("doses")))


def _route(case: Case, far: Callable[[int], bool], asks: str) -> Said:
    home, near = _from_home(case, far, asks), _from_lodging(case, far, asks)
    accepted = case.facts.lodging.accepted
    if accepted is not None:
        return near if accepted else home
    return home if home.fires is near.fires else unknown("lodging")


def _from_home(case: Case, far: Callable[[int], bool], asks: str) -> Said:
    parts = [_in_month(case, month, far, asks) for month in months_of(case.span, case.facts.zone)]
    return any_of(parts)


def _in_month(case: Case, month: int, far: Callable[[int], bool], asks: str) -> Said:
    rows = [row for row in case.facts.travel.worst or () if month in row.months]
    expected = case.facts.weather_expected
    fitting = [row for row in rows if row.weather is None or expected is None or row.weather in expected]
    classes = {row.weather for row in rows}
    lacking = NO
    if not fitting or (None not in classes and set(expected or ()) - classes):
        lacking = unknown("travel")
    elif None not in classes and expected is None:
        lacking = unknown("weather_expected")  # there may be a class of weather without a row
    worst = max(fitting, key=lambda row: row.minutes, default=None)
    if worst is None:
        return lacking
    weather = f", {worst.weather}" if worst.weather else ""
    words = f"{worst.minutes} min in {MONTHS[month - 1]}{weather} ({asks})"
    known = Said(fires=far(worst.minutes), because=words, value=str(worst.minutes))
    return any_of((known, lacking))


def _from_lodging(case: Case, far: Callable[[int], bool], asks: str) -> Said:
    """From lodging; in hours of the span that it does not cover, from home."""
    lodging = case.facts.lodging
    minutes = lodging.worst_minutes
    if minutes is None:
        near = unknown("lodging")
    else:
        near = Said(fires=far(minutes), because=f"{minutes} min from the lodging ({asks})", value=str(minutes))
    if lodging.from_at is not None and lodging.until_at is not None:
        holes = uncovered(case.span, [(lodging.from_at, lodging.until_at)])
        if not holes:
            return near
        home = _from_home(case, far, asks)
        said = f"no lodging from {case.said(holes[0])}: {home.because}" if home.fires else ""
        return any_of((near, Said(fires=home.fires, because=said, value=home.value, missing=home.missing)))
    home = _from_home(case, far, asks)
    return any_of((near, NO if home.fires is False else unknown("lodging")))


def lodged(case: Case) -> bool | None:
    """Whether lodging near the hospital is accepted for the whole span."""
    lodging = case.facts.lodging
    if lodging.accepted is not True:
        return lodging.accepted
    if lodging.from_at is None or lodging.until_at is None:
        return None
    return not uncovered(case.span, [(lodging.from_at, lodging.until_at)])


FACT_WORDS: Final[Mapping[str, str]] = {
    "infection_active": "an active or uncontrolled infection",
    "temperature_c": "today's temperature in °C",
    "last_dose": "the last dose: step, day and schedule; or, on the page of the course, that none was given before",
    "label": "which label holds, and what a verified row of it says of this dose",
    "rule": "a rule whose numbers nobody has verified or signed",
    "carried_rows": "reactions in this course: the label's rows for the dose after them (none is an answer too)",
    "screening": "results of the required screening",
    "rems_prescriber": "REMS certification of the prescriber",
    "rems_dispenser": "REMS certification of the dispenser",
    "rems_setting": "REMS certification of the setting",
    "authorisation": "the authorisation, and until when it holds",
    "decided_to_proceed_without": "a decision to proceed without authorisation",
    "live_vaccine": "a live vaccine",
    "consent": "the patient's consent",
    "caregivers": "the roster of caregivers by the hour",
    "doses": "the day of the first treatment dose",
    "travel": "worst-case minutes to the hospital for the months and the weather of the span",
    "lodging": "lodging: whether it is accepted, from and until when, and how far from there",
    "weather_expected": "the weather that is expected",
    "phone_works": "a phone that works",
    "measures_temperature": "somebody at home measures the temperature",
    "age_years": "age in years",
    "frail": "frailty",
    "ecog": "ECOG",
    "self_report_unreliable": "self-report or ICE not reliable",
    "cns_disease": "disease of the central nervous system",
    "uncontrolled_seizures": "uncontrolled seizures",
    "worst_earlier_reaction": "worst grade of CRS or ICANS with this or an earlier agent that redirects T cells",
    "marrow_plasma_percent": "plasma cells of the marrow in percent",
    "m_protein_g_dl": "M-protein in g/dL",
    "involved_flc_mg_l": "involved free light chain in mg/L",
    "explosive_progression": "explosive progression",
    "extramedullary_disease": "extramedullary disease",
    "plasma_cell_leukaemia": "plasma-cell leukaemia",
    "ldh_times_upper_limit": "LDH as a multiple of its upper limit",
    "ferritin_raised": "raised ferritin",
    "crp_raised": "raised CRP",
    "cytopenia": "low counts",
    "nyha": "heart failure by NYHA class",
    "oxygen_need": "a need for oxygen",
    "heart_attack_or_stroke": "a heart attack or stroke",
    "decompensated_cirrhosis": "decompensated cirrhosis",
    "dialysis": "dialysis",
    "creatinine_clearance_ml_min": "creatinine clearance in mL/min",
    "significant_comorbidities": "number of significant other diseases",
    "infection_resolved": "an infection that is over",
    "anticoagulated": "an anticoagulant",
    "caregiver_unwell": "a caregiver who is old or unwell",
    "teach_back_low": "low confidence in the teach-back",
    "tocilizumab_planned": "tocilizumab to prevent CRS",
    "first_patient_at_site": "the first patient at this site",
    "needs_interpreter": "whether an interpreter is needed",
    "interpreter_at_all_hours": "an interpreter by phone at every hour",
    "thermometer_at_hand": "a thermometer at home",
    "transport_at_hand": "transport to the hospital at every hour",
    "site_level": "the level of the site for this product and phase, and until when it holds",
    "hospital_agreement": "the agreement with the receiving hospital, and until when it holds",
    "follows_label_strictly": "whether the site follows the label strictly",
    "suspensions": "the seasonal plan of the site",
    "payer": "what the payer asks of the setting, and whether it waived that",
    "departure": "a signed departure from the label: why, by whom, until when",
}
"""How each fact is said to a person."""
