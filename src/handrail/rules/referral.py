"""A referral and its clocks: how far it got, what is late, and who does what next.

A referral whose urgency nobody knows runs on the urgent clock. Only a contact in which the patient is known to have been reached stops
the clock of the first contact; only what was sent to the referring practice stops the clock of the decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, Literal

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.eligibility import Before
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import DRUG_CLASSES, Status, civil_date, day_start, say_date

FORMAT: Final = "handrail-referral/1"
SATURDAY: Final = 5
LAST_HOUR: Final = 23
"""The last full hour of a day at which paging may stop to begin."""
URGENT, ROUTINE = "urgent", "routine"
PRIOR: Final[Mapping[str, str]] = {
    **DRUG_CLASSES,
    "bcma": "treatment against BCMA",
    "gprc5d": "treatment against GPRC5D",
    "car_t": "CAR-T",
}
"""The classes of earlier treatment that a referral is asked about, and how each is said to a person."""
REFRACTORY: Final[Mapping[str, str]] = {
    "none": "refractory to nothing so far",
    "last_line": "refractory to the last line",
    "two_classes": "refractory to two classes",
    "triple_class": "triple-class refractory",
}

KINDS: Final = ("acknowledge", "complete_or_query", "first_contact", "decision")
OPTIONS: Final = ("car_t", "bispecific", "trial", "other")
Kind = Literal["acknowledge", "complete_or_query", "first_contact", "decision"]
Bears = Literal["always", "no_caregiver", "triple_class_refractory", "prior_bcma", "prior_gprc5d", "prior_car_t"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """The public form: referrals in an hour, days that a link lasts, wrong codes in its life."""

    most_per_hour: int
    link_lasts_days: int
    tries: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRow:
    """Between these hours of a working day, by the clock of the place that receives, paging about a referral begins."""

    opens: int
    closes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """Whom a referral pages that nobody has read, or of which a clock ran out, and the minutes left to say "I have it"."""

    id: str
    about: Literal["unread", "late"]
    who: Literal["intake", "site_manager", "director"]
    wait_minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """One clock: working days from `since`. `urgency`: only for such a referral. `red`: what is late is red, not only late."""

    id: str
    kind: Kind
    working_days: int
    since: Literal["received", "contacted"]
    words: str
    owner: str
    next_step: str
    source: tuple[str, ...]
    status: Status
    urgency: Literal["urgent", "routine"] | None = None
    red: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRow:
    """One way to go on."""

    id: Literal["car_t", "bispecific", "trial", "other"]
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsiderationRow:
    """What is weighed, and what it says of each option. `bears`: which fact of the patient makes it count."""

    id: str
    bears: Bears
    words: str
    car_t: str
    bispecific: str
    trial: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralData:
    """The file of the referrals."""

    format: str
    form: FormRow
    hours: HoursRow
    page: tuple[PageRow, ...]
    clock: tuple[ClockRow, ...]
    option: tuple[OptionRow, ...]
    consideration: tuple[ConsiderationRow, ...]


@cache
def referral_data() -> ReferralData:
    """The shipped file."""
    return referral_from_toml((FOLDER / "care" / "referral.toml").read_text(encoding="utf-8"))


def referral_from_toml(text: str) -> ReferralData:
    """The file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that is none, a clock that is missing, is there twice or is
            slower for what is urgent.
    """
    found = read_care(ReferralData, text, FORMAT)
    for name in ("most_per_hour", "link_lasts_days", "tries"):
        if getattr(found.form, name) <= 0:
            raise ProtocolDataError("bad_number", "At least one.", f"form.{name}")
    if not 0 <= found.hours.opens < found.hours.closes <= LAST_HOUR:
        raise ProtocolDataError("bad_number", "Hours of one day, the first before the last.", "hours")
    for about in ("unread", "late"):
        if not any(row.about == about for row in found.page):
            raise ProtocolDataError("quiet_ladder", "Somebody is paged about it.", f"page.{about}")
    if any(row.wait_minutes <= 0 for row in found.page):
        raise ProtocolDataError("quiet_ladder", "A page waits a positive number of minutes.", "page.wait_minutes")
    if any(row.working_days <= 0 for row in found.clock):
        raise ProtocolDataError("bad_number", "A clock has at least one working day.", "clock.working_days")
    days: dict[tuple[str, str], int] = {}
    for kind in KINDS:
        for urgency in (URGENT, ROUTINE):
            rows = [row for row in found.clock if row.kind == kind and row.urgency in (None, urgency)]
            if len(rows) != 1:
                raise ProtocolDataError("hole", f"One clock of {kind!r} counts for what is {urgency}.", "clock")
            days[kind, urgency] = rows[0].working_days
        if days[kind, URGENT] > days[kind, ROUTINE]:
            raise ProtocolDataError("wrong_order", "What is urgent has no more days than routine.", f"clock.{kind}")
    if {row.id for row in found.option} != set(OPTIONS):
        raise ProtocolDataError("hole", f"The options are {', '.join(OPTIONS)}.", "option")
    if not any(row.bears == "no_caregiver" for row in found.consideration):
        raise ProtocolDataError("hole", "What a missing caregiver means is weighed.", "consideration")
    return found


# --- what a practice says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What is known of a referred patient; None: not known. `classes` as in `PRIOR`; a class that is not named is not known."""

    diagnosis: str | None = None
    lines: int | None = None
    classes: Mapping[str, bool | None] = field(default_factory=dict)
    refractory: str | None = None
    progressed: bool | None = None
    urgency: str | None = None
    insurer: str | None = None
    caregiver: bool | None = None
    language: str | None = None
    distance_minutes: int | None = None

    @property
    def before(self) -> Before:
        """What an indication asks for."""
        named = {name: self.classes.get(name) for name in DRUG_CLASSES}
        return Before(lines=self.lines, classes=named, progressed=self.progressed)

    @property
    def urgent(self) -> bool:
        """Everything but what is known to be routine: not known runs on the urgent clock."""
        return self.urgency != ROUTINE


ASKED: Final[Mapping[str, str]] = {
    "diagnosis": "the diagnosis",
    "lines": "how many earlier lines",
    "refractory": "what the disease is refractory to",
    "progressed": "whether it grew on the last therapy",
    "urgency": "how urgent it is",
    "insurer": "the insurer",
    "caregiver": "whether there is a caregiver",
    "language": "the language",
    "distance_minutes": "how far the patient lives",
}


def not_known(intake: Intake) -> tuple[str, ...]:
    """What was asked and is not known, in words: what a query to the practice names."""
    alone = [words for name, words in ASKED.items() if getattr(intake, name) in (None, "")]
    classes = [f"earlier {words}" for name, words in PRIOR.items() if intake.classes.get(name) is None]
    return (*alone, *classes)


# --- working days ------------------------------------------------------------------------------------------------------


def last_working_day(start: datetime, working_days: int, zone: str, holidays: Collection[date]) -> date:
    """The last civil day of a clock: so many working days after the day of `start`, which is not counted."""
    day, left = civil_date(start, zone), working_days
    while left:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY and day not in holidays:
            left -= 1
    return day


def working_days_since(start: datetime, now: datetime, zone: str, holidays: Collection[date]) -> int:
    """Whole working days that have gone by: the day of `start` and today are not counted."""
    day, today = civil_date(start, zone) + timedelta(days=1), civil_date(now, zone)
    free = sum(1 for each in set(holidays) if day <= each < today and each.weekday() < SATURDAY)
    weeks, rest = divmod(max(0, (today - day).days), 7)
    odd = sum(1 for number in range(rest) if (day + timedelta(days=number)).weekday() < SATURDAY)
    return weeks * SATURDAY + odd - free


# --- the clocks --------------------------------------------------------------------------------------------------------


class State(StrEnum):
    """How a clock stands."""

    DONE = "done"
    DONE_LATE = "done_late"
    OPEN = "open"
    LATE = "late"
    NOT_BEGUN = "not_begun"


class Stage(StrEnum):
    """How far a referral got, in the order of the way."""

    RECEIVED = "received"
    READ = "read"
    CONTACT_PLANNED = "contact_planned"
    CONTACTED = "contacted"
    DECIDED = "decided"
    TOLD = "told"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has happened to a referral; None: it has not, or nobody knows that it has."""

    received_at: datetime
    urgent: bool
    read_at: datetime | None = None
    acknowledged_at: datetime | None = None
    complete_or_query_at: datetime | None = None
    contact_planned_on: date | None = None
    contacted_at: datetime | None = None
    decided_at: datetime | None = None
    told_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock of one referral. `last_day`: the last day on which it is in time; None: it has not begun."""

    row: ClockRow
    state: State
    last_day: date | None
    because: str

    @property
    def red(self) -> bool:
        """Late, and of the clocks that are red then."""
        return self.row.red and self.state is State.LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a referral stands. `next`: the open clock that ends first, with its owner and next step; None: nothing is open."""

    stage: Stage
    clocks: tuple[Clock, ...]
    next: Clock | None
    age: int
    look_again_at: datetime | None

    @property
    def red(self) -> bool:
        """On the director's list."""
        return any(clock.red for clock in self.clocks)

    @property
    def late(self) -> bool:
        """Something is late."""
        return any(clock.state is State.LATE for clock in self.clocks)


def standing(
    data: ReferralData, progress: Progress, now: datetime, *, zone: str, holidays: Collection[date] = frozenset()
) -> Standing:
    """How a referral stands at `now`, by the working days of the place that received it."""
    clocks = tuple(_clocks(data, progress, now, zone, holidays))
    open_ = [clock for clock in clocks if clock.state in (State.OPEN, State.LATE)]
    over = progress.closed_at is not None
    first = min(open_, key=lambda clock: clock.last_day or date.max, default=None)
    ends = [
        day_start(clock.last_day + timedelta(days=1), zone)
        for clock in open_
        if clock.last_day is not None and clock.state is State.OPEN
    ]
    return Standing(
        stage=_stage(progress),
        clocks=clocks,
        next=None if over else first,
        age=working_days_since(progress.received_at, progress.closed_at or now, zone, holidays),
        look_again_at=None if over else min(ends, default=None),
    )


def _stage(progress: Progress) -> Stage:
    reached = (
        (Stage.CLOSED, progress.closed_at),
        (Stage.TOLD, progress.told_at),
        (Stage.DECIDED, progress.decided_at),
        (Stage.CONTACTED, progress.contacted_at),
        (Stage.CONTACT_PLANNED, progress.contact_planned_on),
        (Stage.READ, progress.read_at),
    )
    return next((stage for stage, since in reached if since is not None), Stage.RECEIVED)


def _clocks(
    data: ReferralData, progress: Progress, now: datetime, zone: str, holidays: Collection[date]
) -> Iterator[Clock]:
    for row, start, at in _spans(data, progress):
        if start is None and at is None:
            yield Clock(row=row, state=State.NOT_BEGUN, last_day=None, because="it begins with the first contact")
            continue
        # What was done without the step before it counts from the receipt: no clock is longer for a step that was left out.
        last = last_working_day(start or progress.received_at, row.working_days, zone, holidays)
        over = civil_date(min(at or now, progress.closed_at or now), zone) > last
        days = f"{row.working_days} working day{'s' if row.working_days > 1 else ''}"
        because = f"{days} from {say_date(civil_date(start or progress.received_at, zone))}: until {say_date(last)}"
        if at is not None:
            state = State.DONE_LATE if over else State.DONE
        else:
            state = State.LATE if over else State.OPEN
        yield Clock(row=row, state=state, last_day=last, because=because)


def _spans(data: ReferralData, progress: Progress) -> Iterator[tuple[ClockRow, datetime | None, datetime | None]]:
    """Each clock that counts here, with when it began and when it was answered."""
    done = {
        "acknowledge": progress.acknowledged_at,
        "complete_or_query": progress.complete_or_query_at,
        "first_contact": progress.contacted_at,
        "decision": progress.told_at,
    }
    starts = {"received": progress.received_at, "contacted": progress.contacted_at}
    urgency = URGENT if progress.urgent else ROUTINE
    for row in data.clock:
        if row.urgency in (None, urgency):
            yield row, starts[row.since], done[row.kind]


def in_time_since(data: ReferralData, now: datetime, zone: str, holidays: Collection[date]) -> dict[str, datetime]:
    """By clock: what began at this instant or later is in time at `now`, and what began before it is late.

    So that many open referrals of one place are put in order without counting the days of each.
    """
    today, found = civil_date(now, zone), {}
    for row in data.clock:
        day = today
        while last_working_day(day_start(day - timedelta(days=1), zone), row.working_days, zone, holidays) >= today:
            day -= timedelta(days=1)
        found[row.id] = day_start(day, zone)
    return found


def how_late(data: ReferralData, progress: Progress, since: Mapping[str, datetime]) -> tuple[bool, bool]:
    """Whether an open referral is red, and whether anything of it is late: what `standing` says of it.

    Args:
        since: of `in_time_since`, for the place that received it.
    """
    late = [
        row for row, start, at in _spans(data, progress) if at is None and start is not None and start < since[row.id]
    ]
    return any(row.red for row in late), bool(late)


# --- the options -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One consideration for one patient. `bears`: it counts here, it does not, or None: not known, so ask."""

    row: ConsiderationRow
    bears: bool | None


def comparison(data: ReferralData, intake: Intake) -> tuple[Weighed, ...]:
    """The card that compares the options. No line of it says "not eligible": a person decides."""
    return tuple(Weighed(row=row, bears=_bears(row.bears, intake)) for row in data.consideration)


def _bears(what: Bears, intake: Intake) -> bool | None:
    if what == "always":
        return True
    if what == "no_caregiver":
        return None if intake.caregiver is None else not intake.caregiver
    if what == "triple_class_refractory":
        return None if intake.refractory is None else intake.refractory == "triple_class"
    return intake.classes.get(what.removeprefix("prior_"))
