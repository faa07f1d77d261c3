"""May the next dose go ahead? Seventeen lines, each green, red or not known, with who mends it and until when it holds.

Every line is answered by `Evidence` that somebody gathered; here nothing is looked up. What nobody gathered is not known, and what holds
now and ends before the dose is said at once, not at the chair. The gate is ready only when every line is green: an override by two
persons lets a dose be given, and never makes the gate ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, Literal

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.evidence import Evidence
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status, say_instant

FORMAT: Final = "handrail-gate/1"
LINES: Final = 17


class LineState(StrEnum):
    """What a line says. Only green lets a dose be ready."""

    GREEN = "green"
    RED = "red"
    NOT_KNOWN = "not_known"


class Moment(StrEnum):
    """Which look this is: long before the dose, within a day of it, or at the dose itself."""

    EARLY = "early"
    DAY_BEFORE = "day_before"
    AT_DOSE = "at_dose"


class Verdict(StrEnum):
    """The whole gate."""

    READY = "ready"
    UNDER_OVERRIDE = "under_override"
    NOT_READY = "not_ready"


# --- the shipped data ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenRow:
    """Before a dose: days from which on its checks speak, and on which it is near; hours of the look in time to mend, and at the dose."""

    upcoming_days: int
    near_days: int
    look_hours: int
    last_hours: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRow:
    """Days after which a weight is too old for a dose by weight."""

    days: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsRow:
    """Which counts are asked before every dose, and how many hours old they may be at it."""

    codes: tuple[str, ...]
    hours: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class TocilizumabRow:
    """Which row of the tocilizumab file is followed."""

    row: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line: what is asked, the role that answers for it, whether two persons may override it, and the form that mends it."""

    id: str
    number: int
    words: str
    owner: str
    override: Literal["may", "never", "unless"]
    mends: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class GateData:
    """The file of the gate."""

    format: str
    when: WhenRow
    weight: WeightRow
    counts: CountsRow
    tocilizumab: TocilizumabRow
    line: tuple[LineRow, ...]

    def row(self, line: str) -> LineRow:
        """The line of that id.

        Raises:
            KeyError: there is none.
        """
        for each in self.line:
            if each.id == line:
                return each
        raise KeyError(line)


@cache
def gate_data() -> GateData:
    """The shipped file."""
    return gate_from_toml((FOLDER / "care" / "gate.toml").read_text(encoding="utf-8"))


def gate_from_toml(text: str) -> GateData:
    """The file of the gate from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a number that is none, lines that are not numbered from 1 to 17.
    """
    found = read_care(GateData, text, FORMAT)
    if [row.number for row in found.line] != list(range(1, LINES + 1)):
        raise ProtocolDataError("bad_number", f"The lines are numbered from 1 to {LINES}.", "line")
    if not 0 < found.when.last_hours < found.when.look_hours:
        raise ProtocolDataError("bad_number", "The first look comes before the look at the dose.", "when")
    if 24 * found.when.upcoming_days < found.when.look_hours:
        raise ProtocolDataError(
            "bad_number", "A dose is the next thing before the gate is looked at.", "when.upcoming_days"
        )
    if 24 * found.when.near_days < found.when.look_hours:
        raise ProtocolDataError("bad_number", "A dose is near before the gate is looked at.", "when.near_days")
    for name, number in (("weight.days", found.weight.days), ("counts.hours", found.counts.hours)):
        if number <= 0:
            raise ProtocolDataError("bad_number", "What may be no time old can never be known.", name)
    return found


# --- the answer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseTime:
    """When the dose is to be given: the same instant twice, or the ends of its day while its hour is not known. `zone`: of its site."""

    earliest: datetime
    latest: datetime
    zone: str

    def __post_init__(self) -> None:
        """A dose is not over before it begins.

        Raises:
            ValueError: the ends stand the wrong way round.
        """
        if self.latest < self.earliest:
            raise ValueError("a dose ends after it begins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Two persons have signed one line for one dose: what it said then, and when the first of them signed."""

    line: str
    state: LineState
    because: str
    reason: str
    prescriber: str
    second: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it stands. `barred`: why nobody may override it; None: two persons may. `override`: they did, and it still counts."""

    row: LineRow
    state: LineState
    because: str
    owner: str
    next_step: str | None
    evidence: str | None
    until: datetime | None
    barred: str | None
    override: Override | None

    @property
    def open(self) -> bool:
        """Whether somebody has to mend it; an override mends nothing."""
        return self.state is not LineState.GREEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The whole gate for one dose. `dose` None: no dose is planned, and nothing is ready."""

    at: datetime
    moment: Moment
    dose: DoseTime | None
    lines: tuple[Line, ...]

    @property
    def ready(self) -> bool:
        """Every line is green, and there is a dose. No override makes this true."""
        return self.dose is not None and bool(self.lines) and not any(line.open for line in self.lines)

    @property
    def open(self) -> tuple[Line, ...]:
        """What stands open, the reds first, then what is not known, each in the order of the lines."""
        return tuple(
            line for state in (LineState.RED, LineState.NOT_KNOWN) for line in self.lines if line.state is state
        )

    @property
    def verdict(self) -> Verdict:
        """Ready; or every open line is overridden by two persons; or not ready."""
        if self.ready:
            return Verdict.READY
        waiting = [line for line in self.open if line.override is None]
        return Verdict.UNDER_OVERRIDE if self.dose is not None and not waiting else Verdict.NOT_READY


def readiness(
    lines: Sequence[LineRow],
    evidence: Mapping[str, Evidence],
    dose_at: DoseTime | None,
    now: datetime,
    *,
    barred: Mapping[str, str] | None = None,
    overrides: Sequence[Override] = (),
    when: WhenRow | None = None,
) -> Gate:
    """The gate at `now` for a dose.

    Args:
        lines: the rows of the gate, in their order.
        evidence: by the id of the line; a line without any is not known.
        dose_at: the dose; None: none is planned.
        barred: lines of which a part is open that nobody may override, with that part in words.
        overrides: what two persons signed for this very dose.
        when: the hours of the looks; None: the shipped ones.
    """
    bars, looks = barred or {}, when or gate_data().when
    told = []
    for row in lines:
        signed = [each for each in overrides if each.line == row.id]
        told.append(_line(row, evidence.get(row.id), dose_at, now, bars.get(row.id), signed, looks))
    return Gate(at=now, moment=_moment(dose_at, now, looks), dose=dose_at, lines=tuple(told))


def _line(
    row: LineRow,
    given: Evidence | None,
    dose: DoseTime | None,
    now: datetime,
    part: str | None,
    overrides: Sequence[Override],
    when: WhenRow,
) -> Line:
    if given is None:
        because = "nothing here answers this line yet"
        given = Evidence(met=None, because=because, owner=row.owner, next_step="find out and record it")
    known = given.at(now)
    state = {True: LineState.GREEN, False: LineState.RED, None: LineState.NOT_KNOWN}[known.met]
    because, next_step = known.because, known.next_step
    if state is LineState.GREEN and dose is not None and known.until is not None and known.until <= dose.latest:
        state = LineState.RED
        because = f"{because}: it ends {say_instant(known.until, dose.zone)}, before the dose"
        next_step = next_step or "renew it before the dose"
    barred = None
    if state is not LineState.GREEN:
        barred = f"nobody overrides this: {part or row.words}" if part or row.override == "never" else None
    said = [each for each in overrides if (each.state, each.because) == (state, because)]
    two = [each for each in said if barred is None and each.prescriber != each.second]
    counts = [each for each in two if carries(state, each.at, dose, now, when)]
    return Line(
        row=row,
        state=state,
        because=because,
        owner=known.owner,
        next_step=None if state is LineState.GREEN else next_step,
        evidence=known.evidence,
        until=known.until,
        barred=barred,
        override=counts[-1] if counts else None,
    )


def carries(state: LineState, signed_at: datetime, dose: DoseTime | None, now: datetime, when: WhenRow) -> bool:
    """Whether a signature still counts at `now`: one of a day before lets pass nothing at the dose that could still have been found out."""
    late = _moment(dose, now, when) is Moment.AT_DOSE and _moment(dose, signed_at, when) is not Moment.AT_DOSE
    return not (late and state is LineState.NOT_KNOWN)


def _moment(dose: DoseTime | None, now: datetime, when: WhenRow) -> Moment:
    if dose is None or now < dose.earliest - timedelta(hours=when.look_hours):
        return Moment.EARLY
    if now < dose.earliest - timedelta(hours=when.last_hours):
        return Moment.DAY_BEFORE
    return Moment.AT_DOSE
