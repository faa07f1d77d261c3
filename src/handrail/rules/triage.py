"""What a report means tonight: who is paged and how fast (`ladder`), and what the patient does (`disposition`).

Each report that nobody has dealt with is judged against the policy's rows; the worst ladder and the worst disposition
stand. Fever is never sorted into "CRS" or "infection" here: both are worked up. A report is dealt with by a reached
contact that moves the patient on, or by a recorded clinical assessment (CRS grade and ICE score); an acknowledgement
is neither. "Stays at home" deals with a RED-3 or RED-4 report only as a signed departure, and never with RED-1 or RED-2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from handrail.rules.alarm import unnamed_alarm
from handrail.rules.answer import Finding, PageWanted, Task, Triage
from handrail.rules.assessed import has_crs_grade
from handrail.rules.doses import Given
from handrail.rules.events import Event
from handrail.rules.grading import ice_inputs, ice_score
from handrail.rules.history import History
from handrail.rules.policy import Policy, ReadingRow
from handrail.rules.scales import ICE_MOST
from handrail.rules.terms import Disposition, Ladder, Missing, Urgency, say_instant

CLOSING_OUTCOMES = ("coming_in", "sent_to_ed", "handed_over")
NEVER_STAYING_HOME = (Ladder.RED_1, Ladder.RED_2)
STAYING_HOME = "staying_home"
"""The outcome of a contact, and the rule of the departure that a named person signs for it."""
HEARD_FROM = ("patient", "caregiver", None)
"""With whom a call reaches the patient; a call with the emergency department says nothing of the patient at home."""
ANC_FACTORS = {
    "10*9/L": Decimal(1),
    "10*3/uL": Decimal(1),
    "/uL": Decimal("0.001"),
    "{cells}/uL": Decimal("0.001"),
    "/mm3": Decimal("0.001"),
}
"""UCUM units of a neutrophil count and the factor to 10*9/L (exact conversions)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One row that a report met."""

    ladder: Ladder
    disposition: Disposition
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that nobody has dealt with, and the rows it met."""

    event: Event
    triggers: tuple[Trigger, ...]

    @property
    def ladder(self) -> Ladder:
        """The most urgent ladder among the rows."""
        return min((t.ladder for t in self.triggers), key=lambda ladder: ladder.rank)

    @property
    def disposition(self) -> Disposition:
        """The most urgent disposition among the rows."""
        return min((t.disposition for t in self.triggers), key=lambda d: d.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageAnswer:
    """The triage, its findings and pages, and the instants at which time alone changes it."""

    triage: Triage
    reports: tuple[Report, ...] = ()
    findings: tuple[Finding, ...] = ()
    tasks: tuple[Task, ...] = ()
    pages: tuple[PageWanted, ...] = ()
    cannot_say: tuple[Missing, ...] = ()
    changes_at: tuple[datetime, ...] = ()
    closed: Closers | None = None
    baselines: Mapping[str, Decimal | None] = field(default_factory=dict)
    in_doubt: str | None = None
    """A report that may still be urgent: a value that was asked is not known, or CRS grade and ICE score are not recorded."""


def triage(history: History, doses: Sequence[Given], policy: Policy, now: datetime) -> TriageAnswer:
    """Judge every report that is still open at `now`."""
    reports: list[Report] = []
    waiting: list[Report] = []
    in_doubt: str | None = None
    closed = Closers(history)
    baselines = _baselines(history, doses, policy)
    for event in history.of("checkin_received", "vitals_measured", "ice_assessed"):
        if closed.assessed(event):
            continue
        unknown = _may_hide_urgent(event, policy)
        if unknown and not closed.answered_at_worst(event, unknown):
            when = say_instant(event.at, history.course.time_zone)
            asked = ", ".join(_ASKED_WORDS.get(name, name) for name in unknown)
            in_doubt = f"asked at {when}, {asked} not known: ask again, or assess the patient"
        report = report_of(event, history, doses, policy, baselines)
        if report is None:
            continue
        if not closed.answered(report):
            reports.append(report)
        if not closed.assessed(event) and policy.ladders[report.ladder].assess_within_minutes is not None:
            waiting.append(report)
    if waiting and in_doubt is None:
        when = say_instant(waiting[-1].event.at, history.course.time_zone)
        in_doubt = f"CRS grade and ICE score are not recorded since the report of {when}"
    answer = _answer(tuple(reports), waiting, policy, now, history.course.time_zone)
    missing = _no_baseline(history, doses, baselines)
    return replace(answer, in_doubt=in_doubt, cannot_say=missing, closed=closed, baselines=baselines)


def report_of(
    event: Event, history: History, doses: Sequence[Given], policy: Policy, baselines: Mapping[str, Decimal | None]
) -> Report | None:
    """The report of one event, if it met any row."""
    triggers = _triggers(event, history, doses, policy, baselines)
    return Report(event=event, triggers=triggers) if triggers else None


class Closers:
    """When reports were dealt with: latest contact that moves the patient on, latest assessments, departures."""

    def __init__(self, history: History) -> None:
        self.came_in = history.came_in
        contacts = [e for e in history.of("contact_made") if e.body.reached is True]
        heard = [e for e in contacts if e.body.with_ in HEARD_FROM and "with" not in e.nulls]
        self.heard = max((e.at for e in heard), default=None)
        self.moved_on = max((e.at for e in contacts if e.body.outcome in CLOSING_OUTCOMES), default=None)
        self.stays_home = max((e.at for e in contacts if e.body.outcome == STAYING_HOME), default=None)
        self.departed = max((e.at for e in history.of("departure_signed") if signed_to_stay(e)), default=None)
        self.crs = next((e.at for e in reversed(history.of("crs_assessed")) if has_crs_grade(e)), None)
        self.icans = _last_at(history, "icans_assessed")
        self.ice = next((e.at for e in reversed(history.of("ice_assessed")) if ice_total(e) is not None), None)
        reports = reversed(history.of("checkin_received", "vitals_measured"))
        self.measured = next((e.at for e in reports if e.body.temperature_c is not None), None)

    def assessed(self, event: Event) -> bool:
        """True when a CRS grade and an ICE score (for an ICE report: the ICANS inputs) were recorded at or after it."""
        if event.kind == "ice_assessed":
            return self.icans is not None and self.icans >= event.at
        return self.crs is not None and self.crs >= event.at and self.ice is not None and self.ice >= event.at

    def answered(self, report: Report) -> bool:
        """True when the report needs no page any more."""
        if self.assessed(report.event):
            return True
        came_in = self.came_in(report.event)
        if self.moved_on is not None and self.moved_on > came_in:
            return True
        if report.ladder is Ladder.GREEN and self.measured is not None and self.measured > report.event.at:
            return True  # measured again: the new reading is judged on its own
        return self.may_stay(report.ladder, report.disposition, came_in)

    def may_stay(self, ladder: Ladder, disposition: Disposition, at: datetime) -> bool:
        """True when "stays at home" was decided since and is enough for such a report: RED only with a departure, 1 and 2 never.

        `at`: when the report came in.
        """
        if self.stays_home is None or self.stays_home <= at or ladder in NEVER_STAYING_HOME:
            return False
        if ladder.urgency is Urgency.NOW:
            return self.departed is not None and self.departed >= at
        return disposition is not Disposition.ED_NOW

    def answered_at_worst(self, event: Event, unknown: Sequence[str]) -> bool:
        """True when the report needs no page any more, whatever the values are that nobody knows."""
        came_in = self.came_in(event)
        if self.moved_on is not None and self.moved_on > came_in:
            return True
        only_fever = tuple(unknown) == ("temperature_c",)
        return only_fever and self.may_stay(Ladder.RED_3, Disposition.CALL_AND_COME_IN, came_in)


def stays_only_signed(ladder: Ladder | None) -> bool:
    """Whether "stays at home" answers a report of this ladder only as a signed departure. After RED-1 and RED-2 nobody stays at all."""
    return ladder is not None and ladder.urgency is Urgency.NOW and ladder not in NEVER_STAYING_HOME


def signed_to_stay(event: Event) -> bool:
    """Whether a departure lets the patient stay at home: it names who approved it, and why."""
    return event.body.rule == STAYING_HOME and bool(event.body.reason) and bool(event.body.approver)


def _may_hide_urgent(event: Event, policy: Policy) -> tuple[str, ...]:
    """What was asked in a report, is not known, and could have been an urgent sign."""
    if event.kind == "ice_assessed":
        return ("ice",) if event.nulls and event.body.baseline is not True and ice_total(event) is None else ()
    signs = {"temperature_c", "symptoms", *(row.reading for row in policy.triage.reading)}
    return tuple(name for name in event.nulls if name in signs)


def _last_at(history: History, kind: str) -> datetime | None:
    last = history.last(kind)
    return last.at if last is not None else None


def _triggers(
    event: Event, history: History, doses: Sequence[Given], policy: Policy, baselines: Mapping[str, Decimal | None]
) -> tuple[Trigger, ...]:
    if event.kind == "ice_assessed":
        return tuple(_ice_triggers(event, history, policy))
    found = [*_reading_triggers(event, policy, baselines), *_fever_triggers(event, history, doses, policy)]
    if event.kind == "checkin_received":
        found += [*_symptom_triggers(event, policy), *_neuro_triggers(event)]
        if event.body.alarm is True and all(each.ladder.urgency is not Urgency.NOW for each in found):
            row = unnamed_alarm(policy)
            found.append(Trigger(ladder=row.ladder, disposition=row.disposition, words=f"alarm raised: {row.words}"))
    return tuple(found)


def _baselines(history: History, doses: Sequence[Given], policy: Policy) -> dict[str, Decimal | None]:
    """The patient's own baselines, by reading: the last one taken by the first dose; None when there is none."""
    names = {row.reading for row in policy.triage.reading if row.under_baseline_percent is not None}
    if not names or not doses:
        return dict.fromkeys(names)
    first = min(min(dose.at or dose.event.at, dose.event.at) for dose in doses)
    found: dict[str, Decimal | None] = dict.fromkeys(names)
    for event in history.of("vitals_measured"):
        if event.at > first:
            break
        for name in names:
            value = getattr(event.body, name)
            if value is not None:
                found[name] = Decimal(value)
    return found


def _no_baseline(
    history: History, doses: Sequence[Given], baselines: Mapping[str, Decimal | None]
) -> tuple[Missing, ...]:
    """After the first dose, a fall from a baseline that nobody knows."""
    latest = history.last("vitals_measured")
    if not doses or latest is None:
        return ()
    return tuple(
        Missing(
            missing=f"baseline_{name}",
            why_it_matters="no reading before the first dose: a fall under the patient's own baseline cannot be seen",
        )
        for name, value in sorted(baselines.items())
        if value is None and getattr(latest.body, name) is not None
    )


def _reading_triggers(event: Event, policy: Policy, baselines: Mapping[str, Decimal | None]) -> list[Trigger]:
    """The worst row of each reading."""
    found: dict[str, Trigger] = {}
    for row in policy.triage.reading:
        value = getattr(event.body, row.reading, None)
        if value is None:
            continue
        below = row.below is not None and value < row.below
        above = row.above is not None and value > row.above
        fallen = row.under_baseline_percent is not None and _has_fallen(value, baselines[row.reading], row)
        if not (below or above or fallen):
            continue
        limit = f"below {row.below}" if below else f"above {row.above}"
        if fallen:
            limit = f"{row.under_baseline_percent} % or more under the baseline of {baselines[row.reading]}"
        trigger = Trigger(
            ladder=row.ladder, disposition=row.disposition, words=f"{_READING_WORDS[row.reading]} {value} is {limit}"
        )
        if row.reading not in found or trigger.ladder.rank < found[row.reading].ladder.rank:
            found[row.reading] = trigger
    return list(found.values())


def _has_fallen(value: Decimal | int, baseline: Decimal | None, row: ReadingRow) -> bool:
    """Whether a reading lies so far under the patient's own baseline."""
    assert row.under_baseline_percent is not None
    return baseline is not None and value * 100 <= baseline * (100 - row.under_baseline_percent)


_READING_WORDS = {
    "spo2_percent": "oxygen saturation (%)",
    "systolic_mmhg": "systolic pressure (mmHg)",
    "pulse_per_min": "pulse (per min)",
    "breaths_per_min": "breaths (per min)",
}
_ASKED_WORDS = {name: words.partition(" (")[0] for name, words in _READING_WORDS.items()} | {
    "temperature_c": "temperature",
    "ice": "ICE score",
}


def _fever_triggers(event: Event, history: History, doses: Sequence[Given], policy: Policy) -> list[Trigger]:
    limits = policy.triage
    temperature = event.body.temperature_c
    if temperature is None or temperature < limits.recheck_c:
        return []
    if temperature < limits.fever_c:
        words = f"temperature {temperature} °C: measure again in {limits.recheck_after_minutes} minutes"
        return [Trigger(ladder=Ladder.GREEN, disposition=Disposition.RECHECK, words=words)]
    window = timedelta(hours=policy.watch.fever_window_hours)
    in_window = any(
        dose.at is not None and (dose.watched or dose.step is None) and dose.at <= event.at <= dose.at + window
        for dose in doses
    )
    unknown_day = any(dose.at is None for dose in doses)
    ladder = Ladder.RED_3 if in_window or unknown_day else Ladder.RED_4
    said = [f"temperature {temperature} °C is {limits.fever_c} °C or more: CRS and infection are both worked up"]
    disposition = Disposition.CALL_AND_COME_IN
    anc = neutrophils(history, event.at, policy)
    if anc is None or anc < limits.anc_infection_first_below:
        shown = "not known" if anc is None else f"{anc} x 10^9/L"
        said.append(f"infection path first: neutrophil count {shown}")
        if ladder is Ladder.RED_4 or (anc is not None and anc < limits.anc_ed_below):
            disposition = Disposition.ED_NOW
            said.append("emergency department, antibiotics before results")
    if getattr(event.body, "caregiver_present", True) is not True:
        said.append("no home watch: nobody is known to be with the patient")
    return [Trigger(ladder=ladder, disposition=disposition, words="; ".join(said))]


def _symptom_triggers(event: Event, policy: Policy) -> list[Trigger]:
    found = []
    for word in event.body.symptoms or ():
        row = policy.sign_named(word)
        if row is None:
            found.append(
                Trigger(
                    ladder=Ladder.AMBER,
                    disposition=Disposition.CLINICIAN_CALL,
                    words="a symptom that this policy does not know: ask the patient",
                )
            )
        else:
            found.append(Trigger(ladder=row.ladder, disposition=row.disposition, words=f"reported: {row.words}"))
    return found


def _neuro_triggers(event: Event) -> list[Trigger]:
    """Any wrong or unanswered item of the home confusion check is RED-2; it is a screen, never an ICE score."""
    unanswered = "home_neuro" in event.nulls
    answers = event.body.home_neuro or {}
    wrong = sorted(item for item, answer in answers.items() if answer == "wrong")
    missing = sorted(item for item, answer in answers.items() if answer == "not_done")
    if not (wrong or missing or unanswered):
        return []
    parts = []
    if wrong:
        parts.append(f"wrong: {', '.join(wrong)}")
    if missing or unanswered:
        parts.append(f"not answered: {', '.join(missing) if missing else 'all'}")
    return [
        Trigger(ladder=Ladder.RED_2, disposition=Disposition.ED_NOW, words=f"home confusion check, {'; '.join(parts)}")
    ]


def _ice_triggers(event: Event, history: History, policy: Policy) -> list[Trigger]:
    known = ice_total(event)
    if known is None and event.body.baseline is True:
        return []
    total, baseline = ice_at_most(event), ice_baseline(history, event.at)
    drop = baseline - total
    limits = policy.triage
    at_most = "at most " if known is None else ""
    words = f"ICE score {at_most}{total} of {ICE_MOST}, baseline {baseline}"
    if drop >= limits.ice_drop_red or (drop > 0 and total < limits.ice_red_below):
        return [Trigger(ladder=Ladder.RED_2, disposition=Disposition.ED_NOW, words=words)]
    if drop >= limits.ice_drop_amber:
        return [Trigger(ladder=Ladder.AMBER, disposition=Disposition.CLINICIAN_CALL, words=words)]
    return []


def ice_total(event: Event) -> int | None:
    """The ICE score (0-10) of an `ice_assessed` event; None while any point that was asked is not known."""
    return ice_score(ice_inputs(event.body)).total


def ice_at_most(event: Event) -> int:
    """The best score that an `ice_assessed` event leaves open: points that are lost are lost, whatever was not tested."""
    return ice_score(ice_inputs(event.body)).highest


def ice_baseline(history: History, at: datetime) -> int:
    """The best baseline stored by `at`, so that no loss is made the new normal; a full score when none is stored."""
    stored = [e for e in history.of("ice_assessed") if e.body.baseline and e.at <= at]
    return max((total for e in stored if (total := ice_total(e)) is not None), default=ICE_MOST)


def neutrophils(history: History, at: datetime, policy: Policy) -> Decimal | None:
    """The latest neutrophil count in 10*9/L known at `at`; None when absent, old or in an unknown unit."""
    oldest = at - timedelta(days=policy.triage.anc_known_within_days)
    counts = [e for e in history.of("lab_resulted") if oldest <= e.at <= at and (e.body.code == "anc")]
    if not counts:
        return None
    latest = counts[-1].body
    factor = ANC_FACTORS.get(latest.unit or "")
    return None if latest.value is None or factor is None else latest.value * factor


def _answer(
    reports: tuple[Report, ...], waiting: list[Report], policy: Policy, now: datetime, zone: str
) -> TriageAnswer:
    findings: list[Finding] = []
    pages: list[PageWanted] = []
    tasks: list[Task] = []
    changes: list[datetime] = []
    source = policy.source(policy.triage.source, "triage")
    first_on: dict[Ladder, Report] = {}
    for report in reports:
        first_on.setdefault(report.ladder, report)
        findings.append(
            Finding(
                rule="triage",
                what="; ".join(trigger.words for trigger in report.triggers),
                urgency=report.ladder.urgency,
                owner=policy.ladders[report.ladder].owner,
                because=f"reported at {say_instant(report.event.at, zone)}; nobody has recorded what was done",
                source=source,
            )
        )
    for ladder, report in first_on.items():
        if ladder is Ladder.GREEN:
            continue
        pages.append(
            PageWanted(
                key=f"report:{ladder.value}:{report.event.id}",
                urgency=ladder.urgency,
                ladder=ladder,
                what=_page_words(report),
                because="; ".join(trigger.words for trigger in report.triggers),
                since=report.event.at,
            )
        )
    for report in waiting[:1]:
        minutes = policy.ladders[report.ladder].assess_within_minutes
        assert minutes is not None
        by = report.event.at + timedelta(minutes=minutes)
        tasks.append(Task(who="on_call", what="record CRS grade and ICE score", by=by))
        changes.append(by)
        if now >= by:
            pages.append(
                PageWanted(
                    key=f"assess:{report.event.id}",
                    urgency=Ladder.RED_3.urgency,
                    ladder=Ladder.RED_3,
                    what="CRS grade and ICE score not recorded",
                    because=f"no assessment within {minutes} minutes of the report",
                    since=by,
                )
            )
            findings.append(
                Finding(
                    rule="triage",
                    what="CRS grade and ICE score have not been recorded since the report",
                    urgency=Ladder.RED_3.urgency,
                    owner="on_call",
                    because=f"they are due within {minutes} minutes; an acknowledgement does not stop this clock",
                    source=source,
                )
            )
    return TriageAnswer(
        triage=_worst(reports),
        reports=reports,
        findings=tuple(findings),
        tasks=tuple(tasks),
        pages=tuple(pages),
        changes_at=tuple(changes),
    )


def _page_words(report: Report) -> str:
    """What a page says inside the programme; what leaves it carries less still."""
    if getattr(report.event.body, "alarm", None) is True:
        return "alarm raised by the caregiver" if report.event.source == "caregiver" else "alarm raised from home"
    return {
        Ladder.RED_1: "emergency sign reported",
        Ladder.RED_2: "neurological sign reported",
        Ladder.RED_3: "fever in the window",
        Ladder.RED_4: "fever on treatment",
    }.get(report.ladder, "symptoms reported")


def _worst(reports: tuple[Report, ...]) -> Triage:
    if not reports:
        return Triage(ladder=None, disposition=Disposition.NONE, because="no open report")
    worst = min(reports, key=lambda report: report.ladder.rank)
    disposition = min((report.disposition for report in reports), key=lambda d: d.rank)
    return Triage(
        ladder=worst.ladder,
        disposition=disposition,
        because="; ".join(trigger.words for report in reports for trigger in report.triggers),
        since=worst.event.at,
    )
