"""The answer of `assess`: frozen dataclasses for the published format `handrail-assessment/1`.

Dates are civil dates at the giving site, instants are aware and in UTC, amounts are decimals. No field holds a
duration up to `now`: until `look_again_at`, and with no new fact, the answer stays identical.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from handrail.rules.terms import Action, Disposition, Ladder, Missing, Status, Urgency

FORMAT = "handrail-assessment/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """Where a number or rule comes from; `row` is the row of the label data or policy, where it is one."""

    document: str
    section: str | None = None
    revision: str | None = None
    date: str | None = None
    address: str | None = None
    id: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRef:
    """Which site policy the answer used."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseState:
    """Where the course stands in the pathway (number and name)."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A dose as the label gives it: mg, mL, vials of one strength, and what it rests on."""

    mg: Decimal | None
    ml: Decimal | None = None
    vials: int | None = None
    syringes: int | None = None
    basis: str = ""
    row: str | None = None
    status: Status = Status.SOURCED


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What follows the dose, when the row prescribes it."""

    step: str
    after_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """From that day on, a later row applies."""

    from_day: date
    action: Action
    step: str | None
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PremedicationItem:
    """One agent to give before the dose. `lead` is minutes before the dose."""

    agent: str
    dose: str
    route: str
    lead_min_minutes: int
    lead_max_minutes: int | None
    row: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Infusion:
    """How long the infusion lasts, or may last `up_to` after a reaction to the dose before."""

    minutes: int
    up_to: bool
    row: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Another medicine or fluid that goes with the dose, from one day after it to another; day 0 is that of the dose."""

    agent: str
    dose: str
    route: str
    from_day: int
    to_day: int
    row: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ThenStay:
    """Where the patient stays after that, until so many hours from the same anchor."""

    setting: str
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Where the label wants the patient after the dose, for how long, counted from what.

    `hours_at_least`: where the label gives a span of hours, its lower end.
    """

    setting: str
    hours: int | None
    anchor: str
    row: str
    status: Status
    because: str = ""
    hours_at_least: int | None = None
    then: ThenStay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WouldBe:
    """What an unverified or withheld row says: shown, never acted on."""

    action: Action | None = None
    step: str | None = None
    row: str | None = None
    words: str = ""
    status: Status | None = None
    amount: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextDose:
    """What the next dose is, or why it is not.

    `give_by` is the last day with no repeat or restart row; `restart_if_after` the last day before the label's first step
    is required again. `carried_rows`: the label's rows for the dose after a reaction that this dose inherits, as the setting
    of a dose asks for them; None: not known.
    """

    action: Action
    because: str
    step: str | None = None
    amount: Amount | None = None
    confirm: str | None = None
    flags: tuple[str, ...] = ()
    then: Then | None = None
    withheld: bool = False
    earliest_on: date | None = None
    due_on: date | None = None
    usual_until: date | None = None
    give_by: date | None = None
    after_that: tuple[Later, ...] = ()
    restart_if_after: date | None = None
    premedication: tuple[PremedicationItem, ...] = ()
    infusion: Infusion | None = None
    companions: tuple[Companion, ...] = ()
    monitoring: Monitoring | None = None
    carried_rows: tuple[str, ...] | None = None
    row: str | None = None
    would_be: WouldBe | None = None
    source: SourceRef | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicityState:
    """One toxicity as it stands: `grade` None is not known. `open` is None when that is not known."""

    grade: int | None
    suspected: bool
    scale: str
    open: bool | None
    because: str
    at_least: int | None = None
    basis: str = "assessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxicity:
    """CRS, ICANS and active infection."""

    crs: ToxicityState
    icans: ToxicityState
    infection: ToxicityState


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Two answers, never mixed: who is paged (`ladder`) and what the patient does (`disposition`)."""

    ladder: Ladder | None
    disposition: Disposition
    because: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The check-in clock."""

    in_window: bool
    window_ends: datetime | None
    next_check_due: datetime | None
    overdue_since: datetime | None
    overdue_stage: str | None
    phase: str
    because: str
    last_dose_step: str | None = None
    last_dose_at: datetime | None = None
    last_temperature_c: Decimal | None = None
    last_temperature_at: datetime | None = None
    last_ice_0_10: int | None = None
    last_ice_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeMedicine:
    """A medicine that is kept at home. `state`: usable, not_usable (known) or not_known; `authorisation` is its event."""

    agent: str
    medicine: str | None
    dose_mg: Decimal | None
    route: str | None
    trigger: str | None
    state: str
    because: str
    authorisation: str
    missing: tuple[str, ...] = ()
    valid_until: date | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """A medicine that was given and may hide a fever until an instant; `at_home`: the patient took it."""

    agent: str
    at: datetime
    until: datetime
    at_home: bool
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyContact:
    """One day of the watched window: who assesses, how, and whether it is booked or done.

    `state`: done, booked, open, missed, closed (missed, and a person closed the incident), in_care (a hospital assesses).
    """

    on: date
    day: str
    who: str
    contact: str
    state: str
    booked_at: datetime | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseClock:
    """The days of the next dose as both sites count them, and the rows that apply after `give_by` and after `restart_if_after`.

    None: not known. Hours and days left are for a page to count.
    """

    step: str | None
    earliest_on: date | None
    due_on: date | None
    give_by: date | None
    after_give_by: Later | None
    restart_if_after: date | None
    after_restart: Later | None
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffQuestion:
    """A question of the receiving side, by its event; `answered_at` None: nobody has answered."""

    id: str
    asked_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """One hand-off: how far it has come, who has taken part, and what is due by when while it waits.

    `kind`: simple, complicated or not_known (handled as complicated); `because` makes it so, `missing` is not known.
    `begins`: from when on the receiving party answers. `still_open`: what must be done before it can be closed.
    """

    id: str
    stage: str
    from_party: str | None
    to_party: str | None
    returns: bool
    kind: str
    because: tuple[str, ...]
    missing: tuple[str, ...]
    criteria: tuple[str, ...]
    offered_at: datetime
    delivered_at: datetime | None
    read_at: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    begins: datetime | None
    first_dose_at: datetime | None
    ended_at: datetime | None
    read_due: datetime | None
    accept_due: datetime | None
    questions: tuple[HandoffQuestion, ...]
    still_open: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person should know, with an owner and a reason."""

    rule: str
    what: str
    urgency: Urgency
    owner: str
    because: str
    source: SourceRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something a person should do by an instant."""

    who: str
    what: str
    by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWanted:
    """A person must be called. `key` is stable: the same reason gives the same key.

    `follows`: the key of another page for the same report, beside which this one pages only when that was answered in vain.
    """

    key: str
    urgency: Urgency
    ladder: Ladder
    what: str
    because: str
    since: datetime
    follows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything the rules can say about a course at one instant."""

    at: datetime
    protocol_key: str
    policy: PolicyRef
    state: CourseState
    next_dose: NextDose
    toxicity: Toxicity
    triage: Triage
    watch: Watch
    accountable: str | None = None
    gate: None = None
    setting: None = None
    home_medicines: tuple[HomeMedicine, ...] = ()
    masking: tuple[Masking, ...] = ()
    daily: tuple[DailyContact, ...] = ()
    dose_clock: DoseClock | None = None
    handoffs: tuple[Handoff, ...] = ()
    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    pages: tuple[PageWanted, ...] = ()
    cannot_say: tuple[Missing, ...] = ()
    look_again_at: datetime | None = None
    format: str = field(default=FORMAT)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values in the published order: decimals as strings, instants RFC 3339 in UTC."""
        body = plain(self)
        assert isinstance(body, dict)
        return {"format": body.pop("format"), **body}


def plain(value: Any) -> Any:
    """Any answer value as plain JSON: dict, list, str, int, bool, None."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    raise TypeError(f"no JSON form for {type(value).__name__}")
