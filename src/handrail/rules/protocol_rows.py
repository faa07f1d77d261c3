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
class IndicationRow(Row):
    """Whom the label is for: at least `min_prior_lines` earlier lines of therapy with every class of `prior_classes`.

    No `prior_classes`: whether the label names any was not read (an empty list: it names none). `with_agents`: only together with
    these. `approval`: regular, accelerated or conditional. In force from `in_force_from` (absent: the day was not found) through
    `in_force_to` (absent: no end).
    """

    min_prior_lines: int
    prior_classes: tuple[str, ...] | None = None
    progression_on_last: bool = False
    with_agents: tuple[str, ...] = ()
    approval: str | None = None
    in_force_from: date | None = None
    in_force_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow(Row):
    """A step of the label: flat `mg` (with `ml` and `vials` of a strength) or `mg_per_kg` (then the bands decide).

    No `strength`: which vial serves it is not known. `agent`: the drug of a step that is not the product itself.
    """

    step: str
    strength: str | None = None
    agent: str | None = None
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

    `kind`: window (on time, or too early) or delay. `premedicate`: yes, if_crs_after_last or no. The `step` may be `next`:
    the one that follows each of `last` in the label, the last step of all following itself. `bolder_as_labelled`: the label really
    answers this longer gap less cautiously than a shorter one; the note says where.
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
    bolder_as_labelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PremedicationRow(Row):
    """One agent before a dose; lead in minutes, without a greatest one where the label names none.

    `when` (for `steps`): if_reaction or unless_reaction, which is CRS or an infusion reaction since the last dose.
    Any other step has the agent `also_after_delay` and `also_after_crs`.
    """

    agent: str
    dose: str
    route: str
    lead_min_minutes: int
    steps: tuple[str, ...]
    lead_max_minutes: int | None = None
    when: str | None = None
    expected_mg: Decimal | None = None
    also_after_delay: bool = True
    also_after_crs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ThenMonitoring:
    """Where the patient stays after the first place is left, until that many hours from the same anchor."""

    setting: str
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRow(Row):
    """Where the label wants the patient after a step. `setting`: hospital, observation, near_facility or none_stated.

    `hours_at_least`: where the label gives a span of hours, its lower end. `anchor`: administration, infusion_start or
    infusion_end.
    """

    step: str
    setting: str
    anchor: str
    hours: int | None = None
    hours_at_least: int | None = None
    then: ThenMonitoring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionRow(Row):
    """How long the infusion of these steps lasts; `after_crs`: after CRS with the dose before, then up to that long."""

    steps: tuple[str, ...]
    minutes: int
    after_crs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionRow(Row):
    """Another medicine or fluid that goes with a dose, from day `from_day` to `to_day` after it; day 0 is that of the dose."""

    agent: str
    dose: str
    route: str
    steps: tuple[str, ...]
    from_day: int
    to_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationRow(Row):
    """The label ends treatment after that many doses of `doses_of`.

    `responses`: only with one of these responses; none: whatever the response.
    """

    doses: int
    doses_of: tuple[str, ...]
    responses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMonitoring:
    """Monitoring that an earlier reaction asks for after the next dose."""

    setting: str
    hours: int
    anchor: str = "administration"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleNext:
    """The longer interval that a label foresees after a reaction, with the treatment dose that stays."""

    from_schedule: str
    to_schedule: str
    mg_per_kg: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterToxicityRow(Row):
    """What a reaction does to the drug and the next dose.

    `action`: withhold, stop, consider_stop, change_schedule (withhold, then perhaps `schedule_next`), or monitor (nothing but
    `monitoring_next`). A `toxicity` that is no followed episode is the name of a condition that somebody noted.

    With an `analyte` the row holds while its latest count lies `below` a limit, or reaches `up_to` one at most. `together_with`:
    only beside this other condition (fever, or one that somebody noted). `until_both`: from then on until both are over, so that
    a fever that is gone does not end it before the count has risen.
    """

    toxicity: str
    action: str
    grades: tuple[int, ...] = ()
    occurrence: str = "any"
    min_hours: int | None = None
    under_hours: int | None = None
    monitoring_next: NextMonitoring | None = None
    rest_hours: int | None = None
    schedule_next: tuple[ScheduleNext, ...] = ()
    analyte: str | None = None
    below: Decimal | None = None
    up_to: Decimal | None = None
    unit: str | None = None
    together_with: str | None = None
    until_both: bool = False

    def holds_at(self, count: Decimal) -> bool:
        """Whether a count, in the row's unit, is as low as the row says."""
        return (self.below is not None and count < self.below) or (self.up_to is not None and count <= self.up_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalChangeRow(Row):
    """What the label asks for before the interval grows. `wording`: may or should.

    `consecutive_assessments`: how many must confirm a response whose category the label leaves to the prescriber.
    """

    from_schedule: str
    to_schedule: str
    wording: str
    response_at_least: str | None = None
    response_held_months: int | None = None
    min_weeks_since_first_dose: int | None = None
    min_weeks_on_from: int | None = None
    min_doses: int | None = None
    doses_of: tuple[str, ...] = ()
    consecutive_assessments: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDoseRow(Row):
    """A treatment dose that belongs to a phase, in mg/kg, from that week on."""

    schedule: str
    mg_per_kg: Decimal
    from_week: int
    to_week: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRow(Row):
    """Something a checker must show. `effect`: block or warn; `within_days`: how near a dose the rule reaches.

    `shown_only`: no rule reads it; it stands on the pages of the label.
    """

    check: str
    effect: str = "warn"
    owner: str = "prescriber"
    within_days: int | None = None
    shown_only: bool = False


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
