"""`handrail replay`: a course file as a readable timeline, in the course's time zone.

Every fact stands at the instant at which it became known, in plain words, and below it what it changed in the answer
and why. Between two facts the instants at which time alone changes the answer (`look_again_at`) are followed, so that
silence shows. The story ends with the last fact on record, or at a given instant, and says when it would go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby

from handrail.rules.answer import Assessment, Finding, NextDose, ToxicityState
from handrail.rules.assess import assess
from handrail.rules.coursefile import Course
from handrail.rules.events import SHELL_KINDS, Event
from handrail.rules.history import History, clinical
from handrail.rules.pinned import policy_for, protocol_for
from handrail.rules.telling import role_words, sentence
from handrail.rules.terms import STEP_WORDS, Disposition, Urgency, civil_date, day_start, say_date, zone_named
from handrail.rules.validity import validate

URGENT = (Urgency.NOW, Urgency.SOON)
SILENT = "no new fact"
IN_CARE = "in_care"
ACTION_WORDS = {
    "give": "give",
    "continue": "continue with",
    "repeat": "repeat",
    "restart": "restart with",
    "wait": "wait for",
    "hold": "hold",
    "ask": "ask the prescriber",
    "stop": "stop",
}
DISPOSITION_WORDS = {
    "ed_now": "goes to the emergency department now",
    "call_and_come_in": "calls and comes in",
    "clinician_call": "is called by a clinician",
    "recheck": "measures again",
}
STAGE_WORDS = {
    "reminded": "overdue, the patient is reminded",
    "called": "overdue, the nurse calls the patient and the caregiver",
    "paged": "overdue, the person on call is paged",
    "welfare": "overdue, nobody has answered: welfare check",
}


def story(course: Course, until: datetime | None = None) -> Iterator[str]:
    """The course as lines of text.

    Args:
        course: the course file.
        until: where the story ends; None: with the last fact on record.

    Raises:
        UnusableInput: a file that cannot be used, before the first line.
    """
    recorded = _checked(course)
    teller = _Teller(zone=course.time_zone)
    yield _title(course)
    known = sorted(recorded, key=lambda event: (event.recorded_at, event.at, event.id))
    moments = [(at, tuple(events)) for at, events in groupby(known, key=lambda event: event.recorded_at)]
    if until is not None:
        moments = [(at, events) for at, events in moments if at <= until]
    if not moments:
        yield "Nothing is on record."
        return
    for number, (at, events) in enumerate(moments):
        following = moments[number + 1][0] if number + 1 < len(moments) else until
        before = _answer(course, at)
        yield from teller.facts(at, events, before)
        while (later := before.look_again_at) is not None and following is not None and later <= following:
            if later == following and number + 1 < len(moments):
                break  # the next fact is told at that very instant
            before = _answer(course, later)
            yield from teller.silence(later, before)
    yield ""
    yield _ending(before, until, course.time_zone)


def _checked(course: Course) -> tuple[Event, ...]:
    """Every recorded event once; the whole file is judged before the first line is told."""
    bare = History.build(course)
    instants = [event.at for event in bare.of("course_started", "protocol_changed", "policy_changed")]
    last = bare.events[-1].at if bare.events else datetime.max.replace(tzinfo=UTC)
    for at in [*instants, last]:
        protocol, policy = protocol_for(bare, at), policy_for(bare, at)
    validate(course, protocol, policy)
    return bare.recorded


def _answer(course: Course, at: datetime) -> Assessment:
    """What Handrail said at that instant, from what was known then."""
    known = History.build(course, [event for event in course.events if event.recorded_at <= at])
    protocol, policy = protocol_for(known, at), policy_for(known, at)
    history = History.build(course, known.recorded, policy.plausible)
    return assess(protocol, policy, history, at)


def _title(course: Course) -> str:
    kind = "Synthetic course" if course.synthetic else "Course"
    pinned = course.protocol_key or "no protocol pinned"
    return f"{kind} {course.id}: {course.product}, {course.jurisdiction} ({pinned}). Times in {course.time_zone}."


def _ending(last: Assessment, until: datetime | None, zone: str) -> str:
    ends = "The record ends here." if until is None else f"Told until {_moment(until, zone)}."
    if last.look_again_at is None:
        return f"{ends} Without a new fact the answer stays as it is."
    return f"{ends} Without a new fact the answer changes next on {_moment(last.look_again_at, zone)}."


def _moment(at: datetime, zone: str) -> str:
    return f"{say_date(civil_date(at, zone))} at {_clock(at, zone)}"


def _clock(at: datetime, zone: str) -> str:
    """`02:14`; with the zone's letters on a day on which the clocks change."""
    local = at.astimezone(zone_named(zone))
    today = local.date()
    begins = day_start(today, zone).astimezone(zone_named(zone))
    ends = day_start(date.fromordinal(today.toordinal() + 1), zone).astimezone(zone_named(zone))
    return f"{local:%H:%M %Z}" if begins.utcoffset() != ends.utcoffset() else f"{local:%H:%M}"


@dataclass(slots=True, kw_only=True)
class _Teller:
    """What was told so far: the day of the last heading, the last answer, what each page was about."""

    zone: str
    day: date | None = None
    last: Assessment | None = None
    about: dict[str, str] = field(default_factory=dict)

    def facts(self, at: datetime, events: Iterable[Event], answer: Assessment) -> Iterator[str]:
        """The facts that became known at one instant, and what they changed."""
        told = tuple(events)
        clock = _clock(at, self.zone)
        facts = [f"{clock} {self._fact(event)}" for event in clinical(told)]
        if facts:
            yield from self._heading(at)
            yield from facts
            yield from self._changes(answer)
        else:
            yield from self.silence(at, answer)
        for event in told:
            if event.kind in SHELL_KINDS:
                yield from self._heading(at)
                yield f"{clock} {self._fact(event)}"

    def silence(self, at: datetime, answer: Assessment) -> Iterator[str]:
        """What time alone changed; nothing that a reader would see: no line."""
        changes = list(self._changes(answer))
        if changes:
            yield from self._heading(at)
            yield f"{_clock(at, self.zone)} {SILENT}"
            yield from changes

    def _heading(self, at: datetime) -> Iterator[str]:
        day = civil_date(at, self.zone)
        if day != self.day:
            self.day = day
            yield ""
            yield say_date(day)

    def _fact(self, event: Event) -> str:
        words = sentence(event)
        key = getattr(event.body, "key", None) if event.kind in SHELL_KINDS else None
        if key in self.about:
            words += f" ({self.about[key]})"
        if event.by is not None and event.kind not in SHELL_KINDS:
            words += f" [{role_words(event.by.role)}]"
        if event.supersedes is not None:
            words += " [corrects an earlier entry]"
        late = _when(event, self.zone)
        return f"{words}{late}"

    def _changes(self, answer: Assessment) -> Iterator[str]:
        before, self.last = self.last, answer
        self.about |= {page.key: page.what for page in answer.pages}
        for line in _changed(before, answer, self.zone):
            yield f"      -> {line}"


def _when(event: Event, zone: str) -> str:
    """When it happened, where that is not when it became known."""
    if abs((event.at - event.recorded_at).total_seconds()) < 60:
        return ""
    same_day = civil_date(event.at, zone) == civil_date(event.recorded_at, zone)
    said = _clock(event.at, zone) if same_day else _moment(event.at, zone)
    return f" (happened {'at' if same_day else 'on'} {said})" if event.at < event.recorded_at else f" (dated {said})"


# --- what changed ----------------------------------------------------------------------------------------------------


def _changed(before: Assessment | None, after: Assessment, zone: str) -> Iterator[str]:
    """One line for each change of the answer that a person should notice, the most urgent first."""
    opened = list(_findings(before.findings if before else (), after.findings))
    yield from opened
    yield from _pages(before, after, " ".join(opened))
    if (before.triage.disposition if before else Disposition.NONE) is not after.triage.disposition:
        words = DISPOSITION_WORDS.get(after.triage.disposition)
        yield f"the patient {words}" if words else "no report is open any more"
    for name in ("crs", "icans", "infection"):
        state: ToxicityState = getattr(after.toxicity, name)
        was: ToxicityState | None = getattr(before.toxicity, name) if before else None
        words = _toxicity(name, state)
        if words != (_toxicity(name, was) if was else _unknown(name)):
            yield f"{words}: {state.because}"
    yield from _watch(before, after, zone)
    if before is None or _dose(before.next_dose) != _dose(after.next_dose):
        yield _dose(after.next_dose)
    if after.accountable is not None and (before is None or before.accountable != after.accountable):
        yield f"{after.accountable} answers for the patient"


def _findings(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> Iterator[str]:
    was = {(f.rule, f.what): f.urgency for f in before if f.urgency in URGENT}
    now = {(f.rule, f.what): f for f in after if f.urgency in URGENT}
    for key, finding in now.items():
        if was.get(key) != finding.urgency:
            yield f"{finding.urgency.value}, for the {role_words(finding.owner)}: {finding.what} ({finding.because})"
    for key, urgency in was.items():
        if key not in now:
            yield f"no longer {urgency.value}: {key[1]}"


def _pages(before: Assessment | None, after: Assessment, said: str) -> Iterator[str]:
    """Pages wanted and no longer wanted; a reason that was just said is not said again."""
    was = {page.key: page for page in (before.pages if before else ())}
    now = {page.key: page for page in after.pages}
    for key, page in now.items():
        if key not in was:
            because = "" if page.because in said else f" ({page.because})"
            yield f"page wanted, {page.ladder.value}: {page.what}{because}"
    for key, page in was.items():
        if key not in now:
            yield f"page no longer wanted, {page.ladder.value}: {page.what}"


def _watch(before: Assessment | None, after: Assessment, zone: str) -> Iterator[str]:
    was, now = before.watch if before else None, after.watch
    if now.window_ends is not None and now.in_window and (was is None or was.window_ends != now.window_ends):
        yield f"watched closely until {_moment(now.window_ends, zone)}"
    elif was is not None and was.in_window and not now.in_window:
        yield "the close watch after the dose ends"
    if (was is not None and was.phase == IN_CARE) != (now.phase == IN_CARE):
        yield f"home checks pause: {now.because}" if now.phase == IN_CARE else f"home checks run again: {now.because}"
    stage = now.overdue_stage if now.overdue_stage in STAGE_WORDS else None
    if stage is not None and (was is None or (was.overdue_stage, was.next_check_due) != (stage, now.next_check_due)):
        due = f" (due {_moment(now.next_check_due, zone)})" if now.next_check_due else ""
        yield f"check-in: {STAGE_WORDS[stage]}{due}"
    if was is not None and was.overdue_since is not None and now.overdue_since is None and now.phase != IN_CARE:
        yield f"check-in no longer overdue: {now.because}"


def _unknown(name: str) -> str:
    return f"{_NAMES[name]} not known"


_NAMES = {"crs": "CRS", "icans": "ICANS", "infection": "infection"}


def _toxicity(name: str, state: ToxicityState) -> str:
    if name == "infection":
        return {True: "infection active", False: "no infection", None: _unknown(name)}[state.open]
    if state.suspected:
        return f"{_NAMES[name]} suspected, not graded"
    if state.grade is None:
        return _unknown(name)
    open_ = {True: ", open", False: ", over", None: ", not known whether over"}[state.open]
    return f"{_NAMES[name]} grade {state.grade}{open_ if state.grade else ''}"


def _dose(dose: NextDose) -> str:
    """`next dose: give step-up dose 2, due Thu 5 Mar 2026: the reason (row SUD1-WINDOW)`."""
    step = f" {STEP_WORDS[dose.step]}" if dose.step else ""
    parts = [f"next dose: {ACTION_WORDS[dose.action]}{step if dose.action not in ('ask', 'stop') else ''}"]
    if dose.amount is not None and dose.amount.mg is not None:
        parts.append(f"{dose.amount.mg} mg")
    for name, day in (("earliest", dose.earliest_on), ("due", dose.due_on), ("give by", dose.give_by)):
        if day is not None:
            parts.append(f"{name} {say_date(day)}")
    if dose.then is not None:
        parts.append(f"then {STEP_WORDS[dose.then.step]} after {dose.then.after_days} days")
    if dose.confirm is not None:
        parts.append(f"confirm: {dose.confirm}")
    row = f" (row {dose.row})" if dose.row else ""
    return f"{', '.join(parts)}: {dose.because}{row}"
