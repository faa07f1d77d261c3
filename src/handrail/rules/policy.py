"""A site's policy: watch, triage, ladders and thresholds, loaded strictly from `protocols/policies/*.toml`.

A policy is data that a medical lead signs. The loader refuses unknown keys, missing sources, unknown source keys and
ladders that would go quiet, and a number that does not say which way it is more careful.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from handrail.rules.alarm import check_alarm
from handrail.rules.answer import PolicyRef, SourceRef
from handrail.rules.history import Limits
from handrail.rules.policy_before import BeforeDose, check_before_dose
from handrail.rules.policy_call_back import CallBackPolicy, check_call_back
from handrail.rules.policy_caution import Direction, read_caution
from handrail.rules.policy_daily import DailyPolicy, check_daily
from handrail.rules.policy_handoff import HandoffPolicy, check_handoff
from handrail.rules.policy_inpatient import InpatientPolicy, check_inpatient
from handrail.rules.policy_ladders import ContactPolicy, LadderRow, NightPolicy, check_ladder, check_night
from handrail.rules.policy_medicines import MaskingRow, RemsChoice, TocilizumabPolicy
from handrail.rules.strict import ProtocolDataError, read_table, read_tables
from handrail.rules.terms import Disposition, Ladder, Status

FORMAT = "handrail-policy/1"
FOLDER = Path(__file__).resolve().parent.parent / "protocols" / "policies"
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """A document the policy rests on."""

    document: str
    section: str | None = None
    revision: str | None = None
    date: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibleRow:
    """A reading outside `low`..`high` (both included) satisfies no rule."""

    reading: str
    low: Decimal
    high: Decimal
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPhase:
    """When checks are due (civil times in the patient's zone) and what happens, in minutes after the due time."""

    id: str
    words: str
    times: tuple[str, ...]
    remind_after_minutes: int
    call_after_minutes: int
    page_after_minutes: int
    welfare_after_minutes: int
    source: tuple[str, ...]
    status: Status
    hours_after_dose: int | None = None

    def clock_times(self) -> tuple[time, ...]:
        """The civil times, earliest first."""
        return tuple(sorted(time.fromisoformat(text) for text in self.times))


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """The check-in clock."""

    early_credit_minutes: int
    no_longer_than_days: int
    fever_window_hours: int
    source: tuple[str, ...]
    status: Status
    phase: tuple[WatchPhase, ...]
    caregiver_until_day: int | None = None
    """To the end of which day a caregiver is there (dose 1 is day 1). None, in a policy from before: as the setting rules say."""

    def named(self, phase_id: str) -> WatchPhase:
        """The phase of that id."""
        return next(phase for phase in self.phase if phase.id == phase_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRow:
    """A reading below or above its limit (limit excluded) leads to a ladder and a disposition.

    `under_baseline_percent`: so many per cent under the patient's own baseline, or more.
    """

    reading: str
    ladder: Ladder
    disposition: Disposition
    source: tuple[str, ...]
    status: Status
    below: Decimal | None = None
    above: Decimal | None = None
    under_baseline_percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymptomRow:
    """A box on the check-in and what it leads to."""

    symptom: str
    words: str
    ladder: Ladder
    disposition: Disposition
    neurological: bool = False
    infection: bool = False
    fever_like: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriagePolicy:
    """Thresholds of the triage: °C, ANC in 10*9/L, ICE points."""

    fever_c: Decimal
    recheck_c: Decimal
    recheck_after_minutes: int
    anc_infection_first_below: Decimal
    anc_ed_below: Decimal
    anc_known_within_days: int
    ice_drop_amber: int
    ice_drop_red: int
    ice_red_below: int
    source: tuple[str, ...]
    status: Status
    reading: tuple[ReadingRow, ...]
    symptom: tuple[SymptomRow, ...]
    alarm: tuple[SymptomRow, ...] = ()
    """What an alarm may say besides the boxes of the check-in; empty in a policy written before there was an alarm."""

    def symptom_named(self, word: str) -> SymptomRow | None:
        """The row of a symptom box, or None for a word the policy does not know."""
        return next((row for row in self.symptom if row.symptom == word), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfectionPolicy:
    """Which condition words count as an infection."""

    conditions: tuple[str, ...]
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachingPolicy:
    """How long a way to reach somebody is trusted: seconds without a word that a page arrived, hours that a link is good."""

    next_way_after_seconds: int
    answer_link_hours: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureRow:
    """A value that this policy leaves looser than the shipped one, or that nobody can compare: why, and when it is looked at again."""

    row: str
    verdict: Literal["looser", "neither comparable"]
    before: str
    after: str
    reason: str
    review_on: str
    field: str | None = None

    @property
    def place(self) -> str:
        """Row and key as one name."""
        return self.row if self.field is None else f"{self.row}.{self.field}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The shipped policy that a site's own was made from."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The policy file as written."""

    format: str
    id: str
    version: str
    title: str
    plausible: tuple[PlausibleRow, ...]
    before_dose: BeforeDose
    watch: WatchPolicy
    triage: TriagePolicy
    infection: InfectionPolicy
    tocilizumab: TocilizumabPolicy
    masking: tuple[MaskingRow, ...]
    ladder: tuple[LadderRow, ...]
    rems: tuple[RemsChoice, ...] = ()
    contact: ContactPolicy | None = None
    night: NightPolicy | None = None
    base: Base | None = None
    departure: tuple[DepartureRow, ...] = ()
    daily: DailyPolicy | None = None
    reaching: ReachingPolicy | None = None
    handoff: HandoffPolicy | None = None
    inpatient: InpatientPolicy | None = None
    call_back: CallBackPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A loaded policy."""

    ref: PolicyRef
    title: str
    sources: Mapping[str, PolicySource]
    plausible: Mapping[str, Limits]
    before_dose: BeforeDose
    watch: WatchPolicy
    triage: TriagePolicy
    infection: InfectionPolicy
    tocilizumab: TocilizumabPolicy
    masking: tuple[MaskingRow, ...]
    ladders: Mapping[Ladder, LadderRow]
    contact: ContactPolicy | None
    """None in a policy written before there was one: then nobody stays at home without a departure."""
    night: NightPolicy | None
    rems_effects: Mapping[str, str]
    caution: Mapping[str, Direction]
    base: Base | None
    departures: tuple[DepartureRow, ...]
    daily: DailyPolicy | None
    """None: a policy from before, which asks nobody for daily assessments."""
    reaching: ReachingPolicy | None = None
    """None in a policy written before there was a choice: `shipped_reaching` decides."""
    handoff: HandoffPolicy | None = None
    """None in a policy written before there was one: the rules then take that of the shipped policy."""
    inpatient: InpatientPolicy | None = None
    """Likewise."""
    call_back: CallBackPolicy | None = None
    """Likewise."""

    def patient_words(self, ladder: Ladder, language: str = "") -> str:
        """What the patient does, in that language where the policy itself has it; else as the policy says it."""
        row = self.ladders[ladder]
        own = next((each for each in row.words_in if each.language == language), None)
        return own.patient_words if own is not None else row.patient_words

    def nobody_words(self, ladder: Ladder, language: str = "") -> str:
        """What the patient does when nobody answers: without words of its own, those of RED-1 or of RED-2."""
        row = self.ladders[ladder]
        own = next((each for each in row.words_in if each.language == language), None)
        if own is not None and own.nobody_words is not None:
            return own.nobody_words
        if row.nobody_words is not None:
            return row.nobody_words
        return self.patient_words(Ladder.RED_1 if ladder.calls_911 else Ladder.RED_2, language)

    @property
    def tocilizumab_tolerance(self) -> timedelta:
        """How far outside its hours the dose may lie after tocilizumab that was given before it, without a warning."""
        own = self.before_dose.tocilizumab_tolerance_minutes
        return timedelta(minutes=own) if own is not None else load_policy().tocilizumab_tolerance

    @property
    def alarm_signs(self) -> tuple[SymptomRow, ...]:
        """What an alarm may say besides the boxes of the check-in: those of the shipped policy where this one is older than alarms."""
        return self.triage.alarm or load_policy().triage.alarm

    def sign_named(self, word: str) -> SymptomRow | None:
        """The row of a symptom box or of a sign of an alarm, or None for a word that is neither."""
        return self.triage.symptom_named(word) or next((row for row in self.alarm_signs if row.symptom == word), None)

    def source(self, keys: tuple[str, ...], row: str | None = None) -> SourceRef:
        """The first source of a row, as shown with an answer; `row` is its place in the file."""
        item = self.sources[keys[0]]
        return SourceRef(
            document=item.document,
            section=item.section,
            revision=item.revision or f"policy {self.ref.id} version {self.ref.version}",
            date=item.date,
            address=item.address,
            id=keys[0],
            row=row,
        )


def policy_from_document(document: Mapping[str, Any], sha256: str) -> Policy:
    """A policy from parsed TOML or JSON.

    Raises:
        ProtocolDataError: with the path of the first key that is unknown, missing or wrong.
    """
    body = dict(document)
    caution = body.pop("caution", None)
    sources = read_tables(PolicySource, body.pop("sources", None), "sources")
    read = read_table(_Document, body, "")
    if read.format != FORMAT:
        raise ProtocolDataError("unknown_format", f'A policy starts with format = "{FORMAT}".', "format")
    _sources_exist(body, sources, "")
    ladders = {row.id: row for row in read.ladder}
    for ladder in Ladder:
        if ladder not in ladders or not ladders[ladder].steps:
            raise ProtocolDataError("quiet_ladder", f"{ladder.value} pages nobody.", "ladder")
    for row in read.ladder:
        check_ladder(row)
    check_alarm(read.triage.alarm)
    for choice in read.rems:
        if choice.effect != "block":
            raise ProtocolDataError("loosened", "A site makes a REMS requirement block; it never loosens one.", "rems")
    if read.night is not None:
        check_night(read.night)
    for phase in read.watch.phase:
        _check_phase(phase)
    if read.daily is not None:
        check_daily(read.daily)
    if read.handoff is not None:
        check_handoff(read.handoff)
    if read.inpatient is not None:
        check_inpatient(read.inpatient)
    if read.call_back is not None:
        check_call_back(read.call_back)
    for departed in read.departure:
        _check_day(departed.review_on, f"departure.{departed.place}.review_on")
    check_before_dose(read.before_dose)
    if read.reaching is not None and min(read.reaching.next_way_after_seconds, read.reaching.answer_link_hours) <= 0:
        raise ProtocolDataError("wrong_value", "Waits are positive numbers.", "reaching")
    return Policy(
        ref=PolicyRef(id=read.id, version=read.version, sha256=sha256),
        title=read.title,
        sources=sources,
        plausible={row.reading: Limits(low=row.low, high=row.high) for row in read.plausible},
        before_dose=read.before_dose,
        watch=read.watch,
        triage=read.triage,
        infection=read.infection,
        tocilizumab=read.tocilizumab,
        masking=read.masking,
        ladders=ladders,
        reaching=read.reaching,
        contact=read.contact,
        night=read.night,
        rems_effects={row.requirement: row.effect for row in read.rems},
        caution=read_caution(caution, read),
        base=read.base,
        departures=read.departure,
        daily=read.daily,
        handoff=read.handoff,
        inpatient=read.inpatient,
        call_back=read.call_back,
    )


def _check_day(text: str, path: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ProtocolDataError("wrong_value", "A day reads like 2027-03-01.", path) from error


def _check_phase(phase: WatchPhase) -> None:
    path = f"watch.phase.{phase.id}"
    try:
        times = phase.clock_times()
    except ValueError as error:
        raise ProtocolDataError("wrong_value", "Check times read like 08:00.", f"{path}.times") from error
    if not times:
        raise ProtocolDataError("wrong_value", "A phase has at least one check a day.", f"{path}.times")
    order = (
        phase.remind_after_minutes,
        phase.call_after_minutes,
        phase.page_after_minutes,
        phase.welfare_after_minutes,
    )
    if list(order) != sorted(set(order)) or order[0] <= 0:
        raise ProtocolDataError("wrong_value", "Reminder, call, page and welfare check follow one another.", path)


def _sources_exist(value: Any, sources: Mapping[str, Any], path: str) -> None:
    if isinstance(value, dict):
        for key in value.get("source", ()):
            if key not in sources:
                raise ProtocolDataError("unknown_source", f"There is no source {key!r}.", f"{path}.source")
        if "source" in value and not value["source"]:
            raise ProtocolDataError("missing_source", "The row names no source.", f"{path}.source")
        for key, item in value.items():
            _sources_exist(item, sources, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _sources_exist(item, sources, f"{path}[{number}]")


@cache
def _shipped() -> Mapping[str, Policy]:
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        text = file.read_bytes()
        policy = policy_from_document(
            tomllib.loads(text.decode(), parse_float=Decimal), hashlib.sha256(text).hexdigest()
        )
        found[f"{policy.ref.id}/{policy.ref.version}"] = policy
        found[policy.ref.id] = policy
    return found


def shipped_document(policy_id: str = DEFAULT) -> dict[str, Any]:
    """A shipped policy as it is written, for a site to make its own from.

    Raises:
        ProtocolDataError: no such policy.
    """
    if policy_id not in _written():
        raise ProtocolDataError("unknown_policy", f"There is no policy {policy_id!r}.", "policy.id")
    return copy.deepcopy(_written()[policy_id])


@cache
def _written() -> Mapping[str, dict[str, Any]]:
    files = sorted(FOLDER.glob("*.toml"))
    documents = [tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal) for file in files]
    return {str(document["id"]): document for document in documents}


def canonical(document: Mapping[str, Any]) -> bytes:
    """A whole policy as the text that its hash is of: the same whatever the order of its keys."""
    return json.dumps(document, sort_keys=True, default=str).encode()


def load_policy(policy: Any = None) -> Policy:
    """The policy a course names: nothing (the default), an id, `{id, sha256}` of a shipped one, or a whole document.

    Raises:
        ProtocolDataError: no such policy, or its content is not the one the course was pinned to.
    """
    if policy is None:
        return _shipped()[DEFAULT]
    if isinstance(policy, str):
        name, wanted = policy, None
    elif isinstance(policy, dict) and policy.get("format") == FORMAT:
        try:
            return policy_from_document(policy, hashlib.sha256(canonical(policy)).hexdigest())
        except ProtocolDataError as error:
            place = f"policy.{error.path}" if error.path else "policy"
            raise ProtocolDataError(error.code, error.message, place) from error
    elif isinstance(policy, dict) and isinstance(policy.get("id"), str):
        name, wanted = policy["id"], policy.get("sha256")
    else:
        raise ProtocolDataError("unknown_policy", "The policy is an id with its sha256, or a whole document.", "policy")
    found = _shipped().get(name)
    if found is None:
        raise ProtocolDataError("unknown_policy", f"There is no policy {name!r}.", "policy.id")
    if wanted is not None and wanted != found.ref.sha256:
        raise ProtocolDataError("other_policy", f"Policy {name!r} here has other content.", "policy.sha256")
    return found


def shipped_reaching() -> ReachingPolicy:
    """The waits of the shipped policy."""
    found = load_policy().reaching
    assert found is not None
    return found


def handoff_rules(policy: Policy) -> HandoffPolicy:
    """The waits of a policy for hand-offs: nobody is left waiting because a policy is older than they are."""
    found = policy.handoff or load_policy().handoff
    assert found is not None
    return found


def inpatient_rules(policy: Policy) -> InpatientPolicy:
    """When the centre calls about a patient in hospital: nobody goes uncalled because a policy is older than these rules."""
    found = policy.inpatient or load_policy().inpatient
    assert found is not None
    return found
