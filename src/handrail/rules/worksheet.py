"""Is this fever infection or CRS? Both are laid out side by side, with the same weight; nothing here picks one.

Each feature names what is known and what that speaks for. What is not known says so and speaks for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Final, Literal

from handrail.rules.caredata import FOLDER, is_tocilizumab, read_care
from handrail.rules.doses import Given
from handrail.rules.episodes import Episodes
from handrail.rules.history import History
from handrail.rules.home_medicines import hiding_now
from handrail.rules.policy import Policy
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import STEP_WORDS, Status, say_instant
from handrail.rules.triage import neutrophils

FORMAT: Final = "handrail-fever/1"
Column = Literal["crs", "infection", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRow:
    """What to do while nobody knows which it is."""

    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetRow:
    """When CRS usually begins after a dose of a product, in hours."""

    id: str
    from_hours: int
    to_hours: int
    words: str
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature and what it counts for in either column."""

    id: str
    name: str
    crs: str
    infection: str
    source: tuple[str, ...]
    status: Status
    infection_after_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUpRow:
    """One thing to do, and for which of the two."""

    id: str
    words: str
    column: Column
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """Minutes from triage."""

    id: str
    words: str
    minutes: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRow:
    """What to say on the phone; `{drug}`, `{dose}`, `{since}`, `{taken}` and `{number}` are filled in."""

    id: str
    title: str
    lines: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FeverData:
    """The fever file."""

    format: str
    advice: AdviceRow
    onset: tuple[OnsetRow, ...]
    feature: tuple[FeatureRow, ...]
    work_up: tuple[WorkUpRow, ...]
    clock: tuple[ClockRow, ...]
    script: tuple[ScriptRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature of this patient: `known` is what is known in words, None when it is not; `speaks_for` None for neither."""

    id: str
    name: str
    known: str | None
    speaks_for: Column | None
    crs: str
    infection: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Worksheet:
    """Everything that the person on call lays side by side."""

    advice: str
    expected: str | None
    expected_status: Status | None
    features: tuple[Feature, ...]
    work_up: tuple[WorkUpRow, ...]
    clocks: tuple[ClockRow, ...]


@cache
def fever_data() -> FeverData:
    """The shipped fever file."""
    return fever_from_toml((FOLDER / "care" / "fever.toml").read_text(encoding="utf-8"))


def fever_from_toml(text: str) -> FeverData:
    """The fever file from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, two rows of one name, a feature that no rule reads, hours or minutes
            that make no sense.
    """
    found = read_care(FeverData, text, FORMAT)
    for row in found.onset:
        if not 0 <= row.from_hours < row.to_hours:
            raise ProtocolDataError("bad_number", "The hours make no sense.", f"onset.{row.id}")
    for feature in found.feature:
        if feature.id not in _KNOWN:
            raise ProtocolDataError(
                "unknown_word", f"No rule reads the feature {feature.id!r}.", f"feature.{feature.id}"
            )
    for clock in found.clock:
        if clock.minutes <= 0:
            raise ProtocolDataError("bad_number", "The minutes make no sense.", f"clock.{clock.id}")
    for script in found.script:
        _check_blanks(script)
    return found


BLANKS: Final = ("drug", "dose", "since", "taken", "number")
"""What a script may leave to be filled in."""


def _check_blanks(script: ScriptRow) -> None:
    for line in script.lines:
        try:
            line.format(**dict.fromkeys(BLANKS, ""))
        except (KeyError, IndexError, ValueError) as error:
            words = f"A script fills in: {', '.join(BLANKS)}."
            raise ProtocolDataError("unknown_word", words, f"script.{script.id}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    history: History
    doses: Sequence[Given]
    toxicity: Episodes
    policy: Policy
    data: FeverData
    now: datetime


def worksheet(
    history: History,
    doses: Sequence[Given],
    toxicity: Episodes,
    policy: Policy,
    now: datetime,
    data: FeverData | None = None,
) -> Worksheet:
    """The worksheet of a fever at `now`."""
    data = data or fever_data()
    case = _Case(history=history, doses=doses, toxicity=toxicity, policy=policy, data=data, now=now)
    onset = _onset(case)
    return Worksheet(
        advice=data.advice.words,
        expected=onset.words if onset else None,
        expected_status=onset.status if onset else None,
        features=tuple(_feature(row, case) for row in data.feature),
        work_up=data.work_up,
        clocks=data.clock,
    )


def _feature(row: FeatureRow, case: _Case) -> Feature:
    known, speaks_for = _KNOWN[row.id](row, case)
    return Feature(
        id=row.id,
        name=row.name,
        known=known,
        speaks_for=speaks_for,
        crs=row.crs,
        infection=row.infection,
        status=row.status,
    )


Known = tuple[str | None, Column | None]


def _onset(case: _Case) -> OnsetRow | None:
    return next((row for row in case.data.onset if row.id == case.history.course.product), None)


def _hours(row: FeatureRow, case: _Case) -> Known:
    """A row that nobody has verified shows its words and speaks for neither."""
    if not case.doses:
        return "no dose given yet", "infection"
    last = case.doses[-1]
    risky = next((dose for dose in reversed(case.doses) if dose.watched or dose.step is None), last)
    if last.at is None or risky.at is None:
        return None, None
    words = f"{int((case.now - last.at) / timedelta(hours=1))} h"
    if row.infection_after_hours is not None and case.now - risky.at > timedelta(hours=row.infection_after_hours):
        return words, "infection"
    onset = _onset(case)
    if onset is None or onset.status is Status.UNVERIFIED:
        return words, None
    inside = timedelta(hours=onset.from_hours) <= case.now - last.at <= timedelta(hours=onset.to_hours)
    return words, "crs" if inside else None


def _step(_row: FeatureRow, case: _Case) -> Known:
    if not case.doses:
        return "none yet", "infection"
    last = case.doses[-1]
    if last.step is None:
        return None, None
    return STEP_WORDS[last.step], "crs" if last.watched else "infection"


def _focal(_row: FeatureRow, case: _Case) -> Known:
    """What the last report said: an answer that was not given is not the answer no."""
    asked = [
        e
        for e in case.history.of("checkin_received")
        if e.body.symptoms is not None or e.body.none_of_these is not None or "symptoms" in e.nulls
    ]
    if not asked or (asked[-1].body.symptoms is None and asked[-1].body.none_of_these is not True):
        return None, None
    named = [
        row.words for word in asked[-1].body.symptoms or () if (row := case.policy.sign_named(word)) and row.infection
    ]
    if not named and asked[-1].body.alarm is True:
        return None, None  # an alarm asks for danger signs alone
    return (", ".join(named), "infection") if named else ("none reported", "crs")


def _anc(_row: FeatureRow, case: _Case) -> Known:
    count = neutrophils(case.history, case.now, case.policy)
    if count is None:
        return None, "infection"
    return f"{count.normalize():f}", "infection" if count < case.policy.triage.anc_infection_first_below else None


def _lab(code: str, _row: FeatureRow, case: _Case) -> Known:
    found = [e for e in case.history.of("lab_resulted") if e.body.code == code and e.body.value is not None]
    if not found:
        return None, None
    last = found[-1]
    return (
        f"{last.body.value} {last.body.unit or '(unit not known)'} at {say_instant(last.at, case.history.course.time_zone)}",
        None,
    )


def _tocilizumab(_row: FeatureRow, case: _Case) -> Known:
    given = [e for e in case.history.of("medicine_given") if is_tocilizumab(e.body.agent)]
    if not given:
        return "none on record", None
    last = given[-1]
    purpose = f" ({last.body.purpose})" if last.body.purpose else ""
    return (
        f"{last.body.dose_mg or 'amount not known'} mg at {say_instant(last.at, case.history.course.time_zone)}{purpose}",
        "both",
    )


def _taken(_row: FeatureRow, case: _Case) -> Known:
    zone = case.history.course.time_zone
    found = [
        f"{each.agent} at {say_instant(each.at, zone)}" for each in hiding_now(case.history, case.policy, case.now)
    ]
    checks = case.history.of("checkin_received")
    said = checks[-1].body.antipyretic_last_6_h if checks else None
    if said is True:
        found.append("a fever medicine in the last 6 h, by the last check-in")
    if found:
        return "; ".join(found), "both"
    return ("nothing, by the last check-in", None) if said is False else (None, None)


def _crs_before(_row: FeatureRow, case: _Case) -> Known:
    episodes = case.toxicity.crs.episodes
    if not episodes:
        return "none recorded", None
    worst = max((each.grade for each in episodes if each.grade is not None), default=None)
    return (f"worst grade {worst}" if worst is not None else "suspected, never graded"), "crs"


_KNOWN: Final[Mapping[str, Callable[[FeatureRow, _Case], Known]]] = {
    "hours_since_dose": _hours,
    "dose_step": _step,
    "focal_symptoms": _focal,
    "anc": _anc,
    "igg": partial(_lab, "igg"),
    "crp": partial(_lab, "crp"),
    "tocilizumab": _tocilizumab,
    "taken_at_home": _taken,
    "crs_before": _crs_before,
}
