"""What became of one course in its step-up window: CRS, ICANS, emergency department, admission, tocilizumab, and where each dose was given.

Every answer is yes, no, or not known. Yes is said as soon as it is on record. No is said only of a window that has closed and was watched,
with nothing left open in it: silence is not the absence of a reaction. The window and what counts as watched are data (`definitions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, Literal

from handrail.measures.data import Definitions, MeasureId
from handrail.measures.places import admitted, seen_in_emergency, setting_of
from handrail.rules.assessed import has_crs_grade
from handrail.rules.caredata import is_prevention, is_tocilizumab
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Course as Tracked
from handrail.rules.episodes import Episode, clinical_icans, episodes, icans_grade
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.terms import STEP_UP_STEPS, civil_date
from handrail.rules.triage import ice_total

KINDS: Final = (
    "admission_noted",
    "checkin_received",
    "contact_made",
    "course_ended",
    "crs_assessed",
    "discharge_noted",
    "dose_given",
    "dose_planned",
    "fact_withdrawn",
    "home_status",
    "ice_assessed",
    "icans_assessed",
    "medicine_given",
    "policy_changed",
    "readiness_confirmed",
    "setting_decided",
    "toxicity_resolved",
    "visit_done",
    "vitals_measured",
)
"""The kinds of facts that are read; no other changes an outcome, or what a course used."""
Prevented = Literal["with", "without", "not_known"]
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAt:
    """One dose of the step-up: its step, its day at the site that gave it, where it was planned to be given. None is not known."""

    step: str | None
    on: date | None
    setting: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One course as the figures count it; nothing in it says who.

    Attributes:
        began_on: the day of the first step-up dose at the site that gave it.
        closed: whether the window has ended; `watched`: whether it was watched for CRS.
        answers: of every measure: yes, no, or None for not known.
        onset_hours: from the dose before it to the first sign of the first graded CRS; None: none, or not known.
        late_crs: CRS that began after the window and is not in `answers`.
        contested: corrections that contradict each other, so that nothing is said of the course.
    """

    product: str
    began_on: date
    prevention: Prevented
    closed: bool
    watched: bool
    answers: Mapping[MeasureId, bool | None]
    doses: tuple[DoseAt, ...]
    onset_hours: Decimal | None = None
    late_crs: bool = False
    contested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The step-up window of a course. `ends` None: it is still open, or nobody can say; `timed`: the time of each dose is known."""

    begins: datetime
    ends: datetime | None
    doses: tuple[Given, ...]
    timed: bool

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.begins <= at and (self.ends is None or at < self.ends)


def outcome(
    history: History, policy: Policy, rules: Definitions, now: datetime, *, waived: bool = False
) -> Outcome | None:
    """What became of a course by `now`; None: no step-up dose was given.

    Args:
        history: at least the facts of `KINDS` up to the end of the window, with the policy's plausible ranges.
        waived: somebody decided with the payer's desk to start without tocilizumab.
    """
    history = history.until(now)
    window = step_up_window(history, rules)
    if window is None:
        return None
    tracked = episodes(history, given_doses(history), policy)
    closed = window.timed and window.ends is not None and window.ends <= now
    gap = timedelta(hours=rules.watched.crs_gap_hours)
    watched = closed and _watched(_crs_looks(history), window, rules, gap)
    neuro = timedelta(hours=rules.watched.icans_gap_hours)
    watched_neuro = closed and _watched(_icans_looks(history, policy), window, rules, neuro)
    answers: dict[MeasureId, bool | None] = {}
    for row in rules.measure:
        if row.toxicity == "crs" and row.at_least is not None:
            answers[row.id] = _reached(tracked.crs, window, row.at_least, watched)
        elif row.toxicity == "icans" and row.at_least is not None:
            answers[row.id] = _reached(tracked.icans, window, row.at_least, watched_neuro)
    settings = [setting_of(history, dose) for dose in window.doses]
    stays = list(zip(window.doses, settings, strict=True))
    span = (window.begins, window.ends or now)
    answers["ed"] = _no_if(watched, seen_in_emergency(history, *span))
    answers["admitted"] = _no_if(watched, admitted(history, *span, stays, timedelta(hours=rules.planned_stay.hours)))
    answers["treated"] = _no_if(watched, _treated(history, *span))
    contested = bool(history.conflicts)
    first = window.doses[0]
    return Outcome(
        product=history.course.product,
        began_on=first.on or civil_date(first.watch_begins, first.event.zone),
        prevention="not_known" if contested else _prevention(history, span[1], waived),
        closed=closed,
        watched=watched,
        answers=dict.fromkeys(answers) if contested else answers,
        doses=tuple(
            DoseAt(step=dose.step, on=dose.on, setting=None if contested else setting)
            for dose, setting in stays
        ),
        onset_hours=None if contested else _onset(tracked.crs, window),
        late_crs=closed and any(_graded(each) and not window.holds(each.opened_at) for each in tracked.crs.episodes),
        contested=contested,
    )  # fmt: skip


# --- the window, and whether it was watched -----------------------------------------------------------------------------------


def step_up_window(history: History, rules: Definitions) -> Window | None:
    """From the first step-up dose to so many hours after the first treatment dose, or after the last dose of a course that ended.

    A dose of an unknown step may have been one of them. A step-up that is repeated after the first treatment dose is not counted again.
    """
    doses = given_doses(history)
    first = next((n for n, dose in enumerate(doses) if dose.step is None or dose.step in STEP_UP_STEPS), None)
    if first is None:
        return None
    series = []
    for dose in doses[first:]:
        series.append(dose)
        if dose.is_treatment:
            break
    over = series[-1].is_treatment or history.last("course_ended") is not None
    ends = series[-1].watch_begins + timedelta(hours=rules.window.hours_after_dose) if over else None
    return Window(
        begins=series[0].watch_begins,
        ends=ends,
        doses=tuple(series),
        timed=all(dose.at is not None for dose in series),
    )


def _watched(looks: Sequence[datetime], window: Window, rules: Definitions, gap: timedelta) -> bool:
    """Whether in the hours after each dose, or up to the next one, no stretch without a look is longer than `gap`."""
    begins = [dose.watch_begins for dose in window.doses]
    hours = timedelta(hours=rules.window.hours_after_dose)
    for number, start in enumerate(begins):
        end = min([start + hours, *begins[number + 1 :]])
        seen = start
        for look in [*(each for each in looks if start < each < end), end]:
            if look - seen > gap:
                return False
            seen = look
    return True


def _crs_looks(history: History) -> list[datetime]:
    """When somebody looked for CRS: a known temperature, or an assessment that gives a grade."""
    told = history.of("checkin_received", "vitals_measured", "crs_assessed")
    return [
        event.at
        for event in told
        if (has_crs_grade(event) if event.kind == "crs_assessed" else event.body.temperature_c is not None)
    ]


def _icans_looks(history: History, policy: Policy) -> list[datetime]:
    """When somebody looked for ICANS: a known ICE score, an assessment that gives a grade, answered questions at home."""
    found = [e.at for e in history.of("ice_assessed") if ice_total(e) is not None]
    found += [e.at for e in history.of("checkin_received") if e.body.home_neuro]
    found += [
        e.at
        for e in history.of("icans_assessed")
        if clinical_icans(e, icans_grade(e, history, policy), history, policy) is not None
    ]
    return sorted(found)


# --- answers ------------------------------------------------------------------------------------------------------------------


def _no_if(watched: bool, answer: bool | None) -> bool | None:
    """An answer whose no holds only for a window that was watched."""
    return None if answer is False and not watched else answer


def _graded(episode: Episode) -> bool:
    return episode.grade is not None and episode.grade >= 1


def _reached(tracked: Tracked, window: Window, at_least: int, watched: bool) -> bool | None:
    """Whether an episode of the window reached a grade; an ungraded one, or an open one of a lower grade, leaves it not known."""
    mine = [
        each
        for each in tracked.episodes
        if each.after(window.begins) and (window.ends is None or each.opened_at < window.ends)
    ]
    if any(each.grade is not None and each.grade >= at_least for each in mine):
        return True
    if any(each.grade_unknown or each.closed_at is None for each in mine):
        return None
    return _no_if(watched, False)


def _onset(tracked: Tracked, window: Window) -> Decimal | None:
    """Hours from the last dose before it to the first sign of the first graded episode, to one decimal."""
    opened = next((e.opened_at for e in tracked.episodes if _graded(e) and window.holds(e.opened_at)), None)
    if opened is None or not window.timed:
        return None
    since = max(dose.watch_begins for dose in window.doses if dose.watch_begins <= opened)
    return (Decimal((opened - since).total_seconds()) / 3600).quantize(_TENTH, rounding=ROUND_HALF_UP)


def _treated(history: History, begins: datetime, ends: datetime) -> bool | None:
    """Whether tocilizumab was given to treat between two instants."""
    told = [e.body for e in history.of("medicine_given") if begins <= e.at < ends]
    if any(is_tocilizumab(each.agent) and each.purpose == "treatment" for each in told):
        return True
    doubt = any(
        (is_tocilizumab(each.agent) and each.purpose is None)
        or (each.agent is None and each.purpose in (None, "treatment"))
        for each in told
    )
    return None if doubt else False


def _prevention(history: History, ends: datetime, waived: bool) -> Prevented:
    """Given to prevent by the end of the window; without: only where somebody said so, and nothing on record may have been a dose."""
    told = [e.body for e in history.of("medicine_given") if e.at < ends]
    if any(is_prevention(each.agent, each.purpose) for each in told):
        return "with"
    if any(
        (is_tocilizumab(each.agent) and each.purpose is None)
        or (each.agent is None and each.purpose in (None, "prophylaxis"))
        for each in told
    ):
        return "not_known"
    return "without" if waived or _waived(history) else "not_known"


def _waived(history: History) -> bool:
    """Whether the last word on it is that it is waived; a word about a thing that is not known may have been about this one."""
    said = [e for e in history.of("readiness_confirmed") if e.body.item in ("prophylaxis_waived", None)]
    return bool(said) and said[-1].body.item is not None and said[-1].body.confirmed is True


@lru_cache(maxsize=4096)
def quarter_of(day: date) -> str:
    """`2026 Q1`: the calendar quarter of a day."""
    return f"{day.year} Q{(day.month + 2) // 3}"


def quarters_to(day: date, count: int) -> list[str]:
    """The last `count` calendar quarters up to that of a day, oldest first."""
    number = day.year * 4 + (day.month - 1) // 3
    return [f"{each // 4} Q{each % 4 + 1}" for each in range(number - count + 1, number + 1)]


def onsets(outcomes: Iterable[Outcome]) -> list[Decimal]:
    """The known times to onset, shortest first."""
    return sorted(each.onset_hours for each in outcomes if each.onset_hours is not None)
