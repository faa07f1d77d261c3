"""CRS, ICANS and infection as they stand: which episode is open, how bad it got, and what nobody knows yet.

Readings open an episode as *suspected*; a clinician's assessment grades it; a suspicion ends with an assessment of
grade 0, a graded episode (or one assessed without a known grade) only when a named person says it is resolved.
A reading that was asked and is not known counts as possible, so forgetting a fever never closes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handrail.rules.answer import ToxicityState
from handrail.rules.assessed import clinical_grade, crs_grade
from handrail.rules.doses import Given
from handrail.rules.events import Event, IcansAssessed
from handrail.rules.grading import Grade, grade_icans, icans_inputs, ice_inputs, ice_score
from handrail.rules.history import History
from handrail.rules.policy import Policy, ReadingRow
from handrail.rules.terms import Ladder, Missing, say_instant
from handrail.rules.triage import ice_at_most, ice_baseline, ice_total

SCALE = "astct-2019"
NEUROTOXICITY = "neurotoxicity"
LOW_READINGS = ("spo2_percent", "systolic_mmhg")
CRS_SIGNS = frozenset({"temperature_c", "symptoms", *LOW_READINGS})
NEURO_SIGNS = frozenset({"home_neuro", "symptoms"})
NEURO_CHANGED = frozenset({"wrong", "not_done"})


@dataclass(slots=True, kw_only=True)
class Episode:
    """One episode of a toxicity. `closed_at` None: still open. `grade` is the worst known one."""

    toxicity: str
    opened_at: datetime
    closed_at: datetime | None = None
    grade: int | None = None
    suspected: bool = True
    unknown: bool = False
    grade_unknown: bool = False
    latest: int | None = None
    last_evidence: datetime | None = None
    graded: list[tuple[datetime, int]] = field(default_factory=list)

    def after(self, since: datetime | None) -> bool:
        """Whether any of it is of the time since then: it still lasts, or something pointed to it at that instant or later.

        One that began before a dose and went on after it is also a reaction to that dose.
        """
        return since is None or self.closed_at is None or (self.last_evidence or self.opened_at) >= since

    def lasted_hours(self, at_least: int, now: datetime) -> float | None:
        """Hours at this grade or worse, from its first assessment to the first lower one, the end, or `now`."""
        begun = next((at for at, grade in self.graded if grade >= at_least), None)
        if begun is None:
            return None
        lower = next((at for at, grade in self.graded if at > begun and grade < at_least), None)
        end = min((at for at in (lower, self.closed_at) if at is not None), default=now)
        return (end - begun).total_seconds() / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All episodes of one toxicity, oldest first, and when it was last known to be absent."""

    episodes: tuple[Episode, ...]
    absent_at: datetime | None
    answer: Grade | None
    state: ToxicityState

    @property
    def current(self) -> Episode | None:
        """The open episode, if any."""
        return self.episodes[-1] if self.episodes and self.episodes[-1].closed_at is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """What the rules know about toxicity, and what they cannot say."""

    crs: Course
    icans: Course
    infection: Course
    neurotoxicity: Course
    cannot_say: tuple[Missing, ...]


def episodes(history: History, doses: Sequence[Given], policy: Policy) -> Episodes:
    """Follow every toxicity through the history."""
    first_dose = min((dose.at for dose in doses if dose.at is not None), default=None)
    any_dose = bool(doses)
    crs = _crs(history, policy, first_dose if any_dose else None, unknown_day=any(d.at is None for d in doses))
    icans = _icans(history, policy, any_dose)
    infection = _infection(history, policy)
    neurotoxicity = _neurotoxicity(history)
    missing = [*(crs.answer.cannot_say if crs.answer else ()), *(icans.answer.cannot_say if icans.answer else ())]
    return Episodes(crs=crs, icans=icans, infection=infection, neurotoxicity=neurotoxicity, cannot_say=tuple(missing))


class _Tracker:
    """The state machine the three toxicities share."""

    def __init__(self, toxicity: str, zone: str) -> None:
        self.toxicity = toxicity
        self.zone = zone
        self.episodes: list[Episode] = []
        self.absent_at: datetime | None = None

    def open(self) -> Episode | None:
        """The open episode."""
        return self.episodes[-1] if self.episodes and self.episodes[-1].closed_at is None else None

    def evidence(self, at: datetime, *, unknown: bool = False) -> Episode:
        """Something points to the toxicity, or (`unknown`) might."""
        episode = self.open()
        if episode is None:
            episode = Episode(toxicity=self.toxicity, opened_at=at, unknown=unknown)
            self.episodes.append(episode)
        elif not unknown:
            episode.unknown = False
        episode.last_evidence = at
        self.absent_at = None
        return episode

    def assessed(self, at: datetime, grade: int | None, *, suspected: bool, own: int | None = None) -> None:
        """A clinician graded it; None is "not known", and then the clinician's `own` grade still counts as reached."""
        episode = self.open()
        if grade == 0:
            if episode is not None:
                episode.latest = 0
                episode.graded.append((at, 0))
                if episode.grade is None and not episode.grade_unknown:
                    episode.closed_at = at
            if self.open() is None:
                self.absent_at = at
            return
        episode = self.evidence(at, unknown=grade is None and not suspected)
        episode.latest = grade
        episode.suspected = suspected if grade is None else False
        if grade is None:
            episode.grade_unknown = True
            if own:
                episode.grade = max(own, episode.grade or own)
        else:
            episode.graded.append((at, grade))
            episode.grade = max(grade, episode.grade or grade)

    def resolved(self, event: Event) -> None:
        """A named person says that it is over; evidence later than that keeps it open, and an end in the future is none.

        What ends so without ever having been graded had a grade that nobody knows; only an assessment says that it was nothing.
        """
        when = event.body.resolved_at or event.at
        if {"resolved_at", "confirmed_by"} & set(event.nulls) or when > event.at:
            return
        episode = self.open()
        if episode is not None and (episode.last_evidence is None or when >= episode.last_evidence):
            episode.grade_unknown = episode.grade_unknown or episode.grade is None
            episode.closed_at = when
        if self.open() is None:
            self.absent_at = when


def _crs(history: History, policy: Policy, first_dose: datetime | None, *, unknown_day: bool) -> Course:
    tracker = _Tracker("crs", history.course.time_zone)
    low_rows = [row for row in policy.triage.reading if row.reading in LOW_READINGS and row.ladder is Ladder.RED_1]
    answer: Grade | None = None
    for event in history.of("checkin_received", "vitals_measured", "crs_assessed", "toxicity_resolved"):
        if event.kind == "toxicity_resolved":
            if event.body.toxicity == "crs":
                tracker.resolved(event)
        elif event.kind == "crs_assessed":
            answer = crs_grade(event, tracker.open() is not None)
            grade = clinical_grade(event, answer)
            tracker.assessed(event.at, grade, suspected=answer.suspected, own=event.body.clinician_grade)
        elif unknown_day or (first_dose is not None and event.at >= first_dose):
            found, doubt = _crs_signs(event, policy, low_rows)
            if found or doubt:
                tracker.evidence(event.at, unknown=not found)
    return _course(tracker, answer, "CRS")


def _crs_signs(event: Event, policy: Policy, low_rows: Sequence[ReadingRow]) -> tuple[bool, bool]:
    """Whether a report points to CRS, and whether a fact that it asked for and did not get might.

    A low pressure or oxygen saturation counts without fever: premedication, steroids and tocilizumab hide fever.
    """
    body = event.body
    found = body.temperature_c is not None and body.temperature_c >= policy.triage.fever_c
    for row in low_rows:
        value = getattr(body, row.reading)
        found = found or (value is not None and bool(row.below) and value < row.below)
    found = found or _has_symptom(event, policy, "fever_like")
    return found, not CRS_SIGNS.isdisjoint(event.nulls)


def _icans(history: History, policy: Policy, any_dose: bool) -> Course:
    tracker = _Tracker("icans", history.course.time_zone)
    answer: Grade | None = None
    for event in history.of("checkin_received", "ice_assessed", "icans_assessed", "toxicity_resolved"):
        if event.kind == "toxicity_resolved":
            if event.body.toxicity == "icans":
                tracker.resolved(event)
        elif event.kind == "icans_assessed":
            answer = icans_grade(event, history, policy)
            grade = clinical_icans(event, answer, history, policy)
            tracker.assessed(event.at, grade, suspected=answer.suspected, own=event.body.clinician_grade)
        elif not any_dose:
            continue
        elif event.kind == "ice_assessed":
            _ice_evidence(event, history, tracker)
        else:
            answers = event.body.home_neuro
            changed = bool(answers) and not NEURO_CHANGED.isdisjoint(answers.values())
            if changed or _has_symptom(event, policy, "neurological"):
                tracker.evidence(event.at)
            elif not NEURO_SIGNS.isdisjoint(event.nulls):
                tracker.evidence(event.at, unknown=True)
    return _course(tracker, answer, "ICANS")


def _ice_evidence(event: Event, history: History, tracker: _Tracker) -> None:
    total = ice_total(event)
    if total is None and event.body.baseline is True:
        return
    if ice_at_most(event) < ice_baseline(history, event.at):
        tracker.evidence(event.at)
    elif total is None:
        tracker.evidence(event.at, unknown=True)


def icans_grade(event: Event, history: History, policy: Policy) -> Grade:
    """The computed ICANS grade; the ICE score is that of the named ICE event, else the latest one before it that day."""
    body: IcansAssessed = event.body
    scored = _ice_taken(event, history, policy)
    score = ice_score(ice_inputs(scored.body)) if scored is not None else None
    return grade_icans(icans_inputs(body, score.total if score else None), score=score)


def clinical_icans(event: Event, answer: Grade, history: History, policy: Policy) -> int | None:
    """The ICANS grade that stands, beside the clinician's own; None where the ICE score it rests on was taken and is not known."""
    scored = _ice_taken(event, history, policy)
    ice_unknown = "ice_event" in event.nulls or (scored is not None and ice_total(scored) is None)
    return clinical_grade(event, answer, ice_unknown=ice_unknown)


def _ice_taken(event: Event, history: History, policy: Policy) -> Event | None:
    """The ICE event that an ICANS assessment rests on."""
    body: IcansAssessed = event.body
    if "ice_event" in event.nulls:
        return None
    taken = history.of("ice_assessed")
    if body.ice_event is not None:
        scored = [e for e in taken if e.id == body.ice_event]
    else:
        same_visit = timedelta(hours=policy.before_dose.ice_same_visit_hours)
        scored = [e for e in taken if event.at - same_visit <= e.at <= event.at]
    return scored[-1] if scored else None


def _infection(history: History, policy: Policy) -> Course:
    """Infections by name: "no infection" clears all of them, a name clears itself, a symptom waits for a clinician."""
    tracker = _Tracker("infection", history.course.time_zone)
    words = policy.infection.conditions
    active: set[str] = set()
    for event in history.of("checkin_received", "condition_noted", "toxicity_resolved"):
        if event.kind == "toxicity_resolved":
            if event.body.toxicity == "infection":
                tracker.resolved(event)
                active = active if tracker.open() else set()
        elif event.kind == "checkin_received":
            if _has_symptom(event, policy, "infection") or "symptoms" in event.nulls:
                active.add("reported")
                tracker.evidence(event.at, unknown="symptoms" in event.nulls)
        elif event.body.what in words or "what" in event.nulls:
            _condition(event, tracker, active)
    return _course(tracker, None, "infection")


def _neurotoxicity(history: History) -> Course:
    """Neurological toxicity other than ICANS, as clinicians noted and graded it."""
    tracker = _Tracker(NEUROTOXICITY, history.course.time_zone)
    active: set[str] = set()
    for event in history.of("condition_noted", "toxicity_resolved"):
        if event.kind == "toxicity_resolved":
            if event.body.toxicity == NEUROTOXICITY:
                tracker.resolved(event)
                active = active if tracker.open() else set()
        elif event.body.what == NEUROTOXICITY:
            _condition(event, tracker, active)
    return _course(tracker, None, NEUROTOXICITY)


def _condition(event: Event, tracker: _Tracker, active: set[str]) -> None:
    what = event.body.what
    if what is not None and event.body.active is True:
        active.add(what)
        episode = tracker.evidence(event.at)
        episode.suspected = False
        if event.body.grade is not None:
            episode.graded.append((event.at, event.body.grade))
        else:
            episode.grade_unknown = True
        episode.latest = event.body.grade
        episode.grade = max(event.body.grade or 1, episode.grade or 0)
    elif what is not None and event.body.active is False:
        active.difference_update(set(active) if what == "infection" else {what})
        episode_open = tracker.open()
        if not active and episode_open is not None:
            episode_open.closed_at = event.at
        if what == "infection":
            tracker.absent_at = event.at
    else:
        active.add(what or "reported")
        tracker.evidence(event.at, unknown=True)


def _has_symptom(event: Event, policy: Policy, mark: str) -> bool:
    words = getattr(event.body, "symptoms", None)
    if not words:
        return False
    return any(getattr(row, mark) for word in words if (row := policy.sign_named(word)) is not None)


def _course(tracker: _Tracker, answer: Grade | None, name: str) -> Course:
    episode = tracker.open()
    if episode is not None:
        is_open: bool | None = None if episode.unknown else True
        state = ToxicityState(
            grade=episode.latest,
            suspected=episode.grade is None and not episode.unknown,
            scale=SCALE if name in ("CRS", "ICANS") else "clinical",
            open=is_open,
            at_least=answer.at_least if answer is not None else None,
            basis="assessed" if episode.grade is not None else "reported",
            because=_open_words(episode, name, tracker.zone),
        )
    elif tracker.absent_at is not None:
        state = ToxicityState(
            grade=0,
            suspected=False,
            scale=SCALE if name in ("CRS", "ICANS") else "clinical",
            open=False,
            because=f"{name} assessed as absent or resolved at {say_instant(tracker.absent_at, tracker.zone)}",
        )
    else:
        state = ToxicityState(
            grade=None,
            suspected=False,
            scale=SCALE if name in ("CRS", "ICANS") else "clinical",
            open=None,
            basis="none",
            because=f"{name} has not been assessed",
        )
    return Course(episodes=tuple(tracker.episodes), absent_at=tracker.absent_at, answer=answer, state=state)


def _open_words(episode: Episode, name: str, zone: str) -> str:
    since = f"since {say_instant(episode.opened_at, zone)}"
    if episode.unknown:
        return f"{name} cannot be excluded {since}: a fact was asked and is not known: assess the patient"
    if episode.grade is None:
        todo = "ask whether it is one, and record it" if name == "infection" else "record its grade"
        return f"{name} suspected {since}: {todo}"
    worst = f", worst grade {episode.grade}" if episode.graded else ""
    return f"{name} {since}{worst}: nobody has recorded it as resolved"
