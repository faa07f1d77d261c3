"""The rows of a protocol file: one frozen dataclass a table, whose fields name every key that may stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from handrail.rules.terms import Action, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that was read. `kind`: label, secondary (a summary that names the label), article, data."""

    document: str
    kind: str
    section: str | None = None
    revision: str | None = None
    date: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row carries: an id, its sources, its status, and who signed it, if anybody."""

    id: str
    source: tuple[str, ...]
    status: Status
    words: str = ""
    note: str | None = None
    signed_by: str | None = None

    @property
    def acts(self) -> bool:
        """False for an unverified row that nobody has signed: it never permits anything."""
        return self.status is not Status.UNVERIFIED or self.signed_by is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Row):
    """The head of the file. `schedules` lists the intervals this label knows, the starting one first."""

    key: str
    product: str
    inn: str
    brand: str
    jurisdiction: str
    revision: str
    regimen: str
    route: str
    active: bool
    can_start_live: bool
    schedules: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    superseded_by: str | None = None
    syringe_limit_ml: Decimal | None = None
    benefit_risk_over_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow(Row):
    """A step of the label: flat `mg` (with `ml` and `vials` of a strength) or `mg_per_kg` (then the bands decide)."""

    step: str
    strength: str
    schedules: tuple[str, ...] = ()
    mg: Decimal | None = None
    mg_per_kg: Decimal | None = None
    ml: Decimal | None = None
    vials: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrengthRow(Row):
    """A vial: concentration in mg/mL, content in mg and mL."""

    mg_per_ml: Decimal
    vial_mg: Decimal
    vial_ml: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow(Row):
    """A weight band, whole kilograms, both ends included: mg, mL and vials for one mg/kg dose."""

    mg_per_kg: Decimal
    from_kg: int
    to_kg: int
    mg: Decimal
    ml: Decimal
    vials: int
    strength: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThenRow:
    """The dose that follows, and after how many days."""

    step: str
    after_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow(Row):
    """`from_day`..`to_day` (both included; no `to_day`: everything longer) after the last dose: what then.

    `kind`: window (on time, or too early) or delay. `premedicate`: yes, if_crs_after_last or no.
    """

    kind: str
    last: tuple[str, ...]
    from_day: int
    action: Action
    to_day: int | None = None
    schedules: tuple[str, ...] = ()
    step: str | None = None
    due_day: int | None = None
    confirm: str | None = None
    then: ThenRow | None = None
    premedicate: str = "no"
    benefit_risk: bool = False
    counted: str = "calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class PremedicationRow(Row):
    """One agent before a dose; lead in minutes. `when`: always (for `steps`), after_delay or after_crs (any step)."""

    agent: str
    dose: str
    route: str
    lead_min_minutes: int
    lead_max_minutes: int
    steps: tuple[str, ...]
    expected_mg: Decimal | None = None
    also_after_delay: bool = True
    also_after_crs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRow(Row):
    """Where the label wants the patient after a step. `setting`: hospital, near_facility or none_stated."""

    step: str
    setting: str
    anchor: str
    hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMonitoring:
    """Monitoring that an earlier reaction asks for after the next dose."""

    setting: str
    hours: int
    anchor: str = "administration"


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterToxicityRow(Row):
    """What a reaction does to the drug and the next dose. `action`: withhold, stop or consider_stop."""

    toxicity: str
    action: str
    grades: tuple[int, ...] = ()
    occurrence: str = "any"
    min_hours: int | None = None
    under_hours: int | None = None
    premedicate_next: bool = False
    monitoring_next: NextMonitoring | None = None
    analyte: str | None = None
    below: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalChangeRow(Row):
    """What the label asks for before the interval grows. `wording`: may or should."""

    from_schedule: str
    to_schedule: str
    wording: str
    response_at_least: str | None = None
    response_held_months: int | None = None
    min_weeks_since_first_dose: int | None = None
    min_weeks_on_from: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDoseRow(Row):
    """A treatment dose that belongs to a phase, in mg/kg, from that week on."""

    schedule: str
    mg_per_kg: Decimal
    from_week: int
    to_week: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRow(Row):
    """Something a checker must show. `effect`: block or warn; `within_days`: how near a dose the rule reaches."""

    check: str
    effect: str = "warn"
    owner: str = "prescriber"
    within_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemsRow(Row):
    """One REMS requirement. `before`: first_dose (recorded once, then it stands) or every_dose (it must hold on the day).

    `effect`: block or warn. In force from `in_force_from` (absent: always) through `in_force_to` (absent: no end); an end
    has the person who confirmed it and the day of that.
    """

    requirement: str
    before: str
    effect: str
    owner: str
    in_force_from: date | None = None
    in_force_to: date | None = None
    confirmed_by: str | None = None
    confirmed_on: date | None = None
