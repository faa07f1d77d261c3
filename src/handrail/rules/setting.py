"""In which setting may this dose be given and watched: deferred, in hospital, hybrid, or outside hospital?

Three layers. One that defers, or one that asks for hospital, decides on its own, whatever else is missing; considerations add points, and
none of them decides alone. A fact that is not known never permits: it withholds "hybrid" and "outpatient", and says what is missing.
Advice: a licensed person decides, before every dose anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from handrail.rules.answer import SourceRef
from handrail.rules.protocol import Protocol
from handrail.rules.setting_case import FACT_WORDS, Case, Said, any_of, condition, implausible
from handrail.rules.setting_checks import CHECKS, after_gap, check_names, level_needed, payer_asks
from handrail.rules.setting_facts import OtherSite, SettingFacts, check_facts, reaches
from handrail.rules.setting_rules import GapRow, Layer, Recommendation, RuleRow, SettingRules
from handrail.rules.setting_valid import validity
from handrail.rules.terms import STEP_WORDS, Action, Status, UnusableInput, civil_date, weakest

SETTING_FORMAT: Final = "handrail-setting-answer/1"
Place = Literal["inpatient", "outpatient"]
HOME = ("HYBRID", "OUTPATIENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that fires, or that cannot be known: in words, who mends it and how."""

    rule: str
    known: bool
    because: str
    owner: str
    offer: str | None
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """A consideration that counts, with the value that made it."""

    rule: str
    points: int
    value: str | None
    because: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A fact that is not known, and the rules that wait for it."""

    fact: str
    missing: str
    rules: tuple[str, ...]
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteGap:
    """Something that the site or the programme lacks: it can be mended, counts no points, and is counted as the site's."""

    rule: str
    because: str
    owner: str
    offer: str
    fixable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequirement:
    """Where the label wants the patient after this dose."""

    protocol_key: str
    setting: str
    hours: int | None
    words: str
    row: str
    status: Status
    source: SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerRequirement:
    """Where the payer wants this dose: in hospital, or anywhere; and whether it waived that on the day (None: not known)."""

    setting: Literal["inpatient", "any"]
    waived: bool | None
    policy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Label, protocol and payer want different places."""

    between: tuple[str, ...]
    because: str
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPlace:
    """Where a dose of the course would be given and watched."""

    step: str
    on: date
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """After too long a gap part of the step-up is repeated, and the setting is decided anew."""

    action: Action
    step: str
    row: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearSite:
    """A site that can, and the minutes there in the worst case (None: not known)."""

    name: str
    level: str
    worst_minutes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """Whether the dose may be booked at this site as recommended; where not, why, and the nearest sites that can."""

    allowed: bool
    because: tuple[str, ...]
    nearest: tuple[NearSite, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that somebody mends."""

    rule: str
    who: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """What became of one rule: it fires, it does not, or it is not known."""

    rule: str
    layer: str
    state: Literal["fires", "clear", "not_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The recommended setting of a dose, and everything that made it. `recommendation` null: withheld, see `missing`.

    `blocking` holds what defers the start and what could: a rule of the first layer that is not known keeps the dose from being booked,
    in hospital too. `would_be`: what it would be once the departure from the label is signed. `rules_signed_by` null: the rules are
    defaults that no medical lead has signed.
    """

    recommendation: Recommendation | None
    would_be: Recommendation | None
    confidence: Literal["complete", "incomplete"]
    blocking: tuple[Reason, ...]
    inpatient_reasons: tuple[Reason, ...]
    considerations: tuple[Consideration, ...]
    points: int
    missing: tuple[Lacking, ...]
    implausible: tuple[str, ...]
    site_gaps: tuple[SiteGap, ...]
    label_requirement: LabelRequirement | None
    payer_requirement: PayerRequirement | None
    conflicts: tuple[Conflict, ...]
    interrupted: Interrupted | None
    plan: tuple[PlannedPlace, ...]
    scheduling: Scheduling
    tasks: tuple[Task, ...]
    valid_until: datetime
    valid_because: str
    protocol_version: str
    rules_signed_by: str | None
    status: Status
    lines: tuple[RuleLine, ...]


_Judged = tuple[RuleRow, Said]


def setting(facts: SettingFacts, rules: SettingRules, label: Protocol | None, now: datetime) -> Setting:
    """Decide one dose.

    Args:
        facts: what is known; an absent value is not known.
        rules: the programme's own, signed; by default `load_setting_rules()`.
        label: the label revision that the course is pinned to; None: not known.
        now: the instant of the decision.

    Raises:
        UnusableInput: facts that contradict themselves.
    """
    check_facts(facts)
    if facts.day < civil_date(now, facts.zone):  # papers, roster, way and gap would be judged by a day that is over
        raise UnusableInput(
            "wrong_order", "The day of the dose is over: give the day on which it is planned now.", "doses"
        )
    case = Case(facts=facts, rules=rules, label=label, now=now)
    check_names(case)
    judged = [(row, _judge(case, row)) for row in rules.rule if case.phase in row.phases]
    gaps = [(row, _gap(case, row)) for row in rules.gap if case.phase == "step_up"]
    lacking = _lacking(judged, gaps)
    # A signature is asked for where a dose leaves hospital against the label; every other fact that is missing withholds.
    wanted = _wanted(case, judged, complete=all(item.fact == "departure" for item in lacking))
    recommendation = _withheld(case, wanted, judged)
    site_gaps = tuple(_site_gap(row) for row, said in gaps if said.fires)
    stands = validity(case)
    blocking = tuple(_reason(row, said) for row, said in judged if row.layer == "defer" and said.fires is not False)
    return Setting(
        recommendation=recommendation,
        would_be=wanted if wanted != recommendation else None,
        confidence="incomplete" if lacking else "complete",
        blocking=blocking,
        inpatient_reasons=tuple(_reason(row, said) for row, said in judged if row.layer == "inpatient" and said.fires),
        considerations=tuple(_consideration(row, said) for row, said in judged if row.points and said.fires),
        points=_points(judged),
        missing=lacking,
        implausible=tuple(FACT_WORDS[fact] for fact in implausible(case)),
        site_gaps=site_gaps,
        label_requirement=_label_requirement(case),
        payer_requirement=_payer_requirement(case),
        conflicts=tuple(_conflicts(case, judged)),
        interrupted=_interrupted(case),
        plan=tuple(_plan(case, recommendation)),
        scheduling=_scheduling(case, judged, recommendation, blocking, site_gaps),
        tasks=tuple(_tasks(judged, site_gaps, wanted)),
        valid_until=stands.until,
        valid_because=stands.because,
        protocol_version=f"{rules.name}; {label.key if label is not None else 'label not known'}",
        rules_signed_by=rules.signed_by,
        status=weakest(rules.tables_status, *(row.status for row, _ in judged)),
        lines=tuple(_line(row.id, row.layer, said) for row, said in judged)
        + tuple(_line(row.id, "site_gap", said) for row, said in gaps),
    )


# --- the rules, one by one ---------------------------------------------------------------------------------------------------


def _judge(case: Case, row: RuleRow) -> Said:
    parts = [condition(case, each) for each in row.any]
    if row.check is not None:
        parts.append(CHECKS[row.check](case))
    said = any_of(parts)
    rests_on = (row.status,) if row.check is None else (row.status, case.rules.tables_status)
    if said.fires is False and Status.UNVERIFIED in rests_on:
        return Said(
            fires=None, missing=("rule",)
        )  # a row that nobody verified permits nothing, nor does a table of a check
    return said


def _gap(case: Case, row: GapRow) -> Said:
    there, needed = getattr(case.facts, row.fact), True if row.only_if is None else getattr(case.facts, row.only_if)
    if there or needed is False:
        return Said(fires=False)
    open_ = [name for name, value in ((row.fact, there), (row.only_if, needed)) if value is None and name is not None]
    return Said(fires=None, missing=tuple(open_)) if open_ else Said(fires=True, because=row.words)


def _lacking(judged: Sequence[_Judged], gaps: Sequence[tuple[GapRow, Said]]) -> tuple[Lacking, ...]:
    """Every fact that is missing, once, with the rules that wait for it; the first of them names who finds it out."""
    told = [*((row.id, row.owner, said) for row, said in judged), *((row.id, row.owner, said) for row, said in gaps)]
    waiting: dict[str, list[tuple[str, str]]] = {}
    for name, owner, said in told:
        for fact in said.missing:
            waiting.setdefault(fact, []).append((name, owner))
    return tuple(
        Lacking(fact=fact, missing=FACT_WORDS[fact], rules=tuple(name for name, _ in rules), owner=rules[0][1])
        for fact, rules in waiting.items()
    )


def _fires(judged: Sequence[_Judged], layer: Layer) -> bool:
    return any(row.layer == layer and said.fires for row, said in judged)


def _points(judged: Sequence[_Judged]) -> int:
    return sum(row.points for row, said in judged if said.fires)


# --- the recommendation ---------------------------------------------------------------------------------------------------------


def _wanted(case: Case, judged: Sequence[_Judged], *, complete: bool) -> Recommendation | None:
    """What the three layers recommend, before anybody asks whether the label is departed from."""
    if _fires(judged, "defer"):
        return "DEFER"
    by_points = case.rules.recommended(_points(judged))
    if _fires(judged, "inpatient") or by_points == "INPATIENT":
        return "INPATIENT"
    if not complete:
        return None
    return "HYBRID" if _fires(judged, "hybrid") else by_points


def _withheld(case: Case, wanted: Recommendation | None, judged: Sequence[_Judged]) -> Recommendation | None:
    """The recommendation, unless this dose would leave hospital without a signed departure from the label."""
    unsigned = any(row.layer == "departure" and said.fires is not False for row, said in judged)
    return None if unsigned and wanted in HOME and place_of(case, wanted, case.facts.step) == "outpatient" else wanted


def place_of(case: Case, recommendation: Recommendation | None, step: str) -> Place:
    """Where a dose is given: in hospital, unless it is one that leaves it."""
    first = case.facts.doses[0].step
    if recommendation == "OUTPATIENT":
        return "outpatient"
    in_hospital = recommendation != "HYBRID" or step == first or step in case.rules.hybrid.in_hospital
    return "inpatient" if in_hospital else "outpatient"


def _plan(case: Case, recommendation: Recommendation | None) -> Iterator[PlannedPlace]:
    """Where this dose and the ones after it are given; nothing while the start is deferred or the answer withheld."""
    if recommendation in (None, "DEFER"):
        return
    for dose in case.facts.doses:
        if dose.at >= case.facts.dose.at:
            day = civil_date(dose.at, case.facts.zone)
            yield PlannedPlace(step=dose.step, on=day, place=place_of(case, recommendation, dose.step))


# --- label, protocol, payer -------------------------------------------------------------------------------------------------------


def _label_requirement(case: Case) -> LabelRequirement | None:
    stay = case.stay
    if stay is None:
        return None
    assert case.label is not None
    open_ = "; what a reaction in this course adds is not known" if case.carried is None else ""
    return LabelRequirement(
        protocol_key=case.label.key,
        setting=stay.setting,
        hours=stay.hours,
        words=f"{stay.because}{open_}",
        row=stay.row,
        status=stay.status,
        source=case.label.source_of(stay.row),
    )


def _payer_requirement(case: Case) -> PayerRequirement | None:
    asks = payer_asks(case)
    if asks is None:
        return None
    payer = case.facts.payer
    return PayerRequirement(
        setting="inpatient" if asks else "any",
        waived=payer.waiver.holds(case.facts.day) if asks else None,
        policy=payer.policy,
    )


def _conflicts(case: Case, judged: Sequence[_Judged]) -> Iterator[Conflict]:
    """Every pair of the three that want different places for this dose."""
    others = [(row, said) for row, said in judged if row.check not in ("payer", "strict")]
    own = _wanted(case, others, complete=not any(set(said.missing) - {"departure"} for row, said in others))
    at_home = place_of(case, own, case.facts.step) == "outpatient"
    step = STEP_WORDS[case.facts.step]
    payer, label = payer_asks(case), case.label_asks_stay
    if payer and at_home:
        because = f"the payer asks for {step} in hospital; {case.rules.name} allows it outside"
        waived = case.facts.payer.waiver.holds(case.facts.day) is True
        yield Conflict(between=("payer", "protocol"), because=because, signed=waived)
    if payer and label is False:
        because = f"the payer asks for {step} in hospital; the label does not"
        waived = case.facts.payer.waiver.holds(case.facts.day) is True
        yield Conflict(between=("payer", "label"), because=because, signed=waived)
    if label and at_home:
        signed = any(row.layer == "departure" and said.fires is False for row, said in judged)
        yield Conflict(between=("label", "protocol"), because=_departure_words(case, signed=signed), signed=signed)


def _departure_words(case: Case, *, signed: bool) -> str:
    assert case.stay is not None
    hours = f"{case.stay.hours} h" if case.stay.hours is not None else "a stay"
    asks = f"label asks {hours} in hospital after this dose; programme protocol {case.rules.name} allows it outside"
    departure = case.facts.departure
    if signed:
        return f"{asks} because {departure.because}; signed by {departure.signed_by}"
    return f"{asks}; no departure is signed"


def _interrupted(case: Case) -> Interrupted | None:
    found = after_gap(case)
    if found is None or found.step is None or found.action not in (Action.RESTART, Action.REPEAT):
        return None
    assert found.row is not None  # only a row of the table repeats or restarts
    return Interrupted(action=found.action, step=found.step, row=found.row.id, because=found.because)


# --- what follows -------------------------------------------------------------------------------------------------------------------


def _scheduling(
    case: Case,
    judged: Sequence[_Judged],
    recommendation: Recommendation | None,
    blocking: Sequence[Reason],
    site_gaps: Sequence[SiteGap],
) -> Scheduling:
    because = [reason.because for reason in blocking]
    at_site = [(row, said) for row, said in judged if row.check == "site" and said.fires is not False]
    because += [said.because or f"not known: {row.words}" for row, said in at_site]
    if recommendation is None:
        because.append("the recommendation is withheld")
    if recommendation in HOME:
        because += [gap.because for gap in site_gaps]
    return Scheduling(allowed=not because, because=tuple(because), nearest=tuple(_nearest(case)) if at_site else ())


def _nearest(case: Case) -> Iterator[NearSite]:
    """Sites whose level is enough on the day, the nearest first; one whose way is not known comes last."""

    able = [site for site in case.facts.other_sites if _can(case, site)]
    for minutes, name, level in sorted((s.worst_minutes, s.name, s.level) for s in able if s.worst_minutes is not None):
        yield NearSite(name=name, level=str(level), worst_minutes=minutes)
    for name, level in sorted((s.name, s.level) for s in able if s.worst_minutes is None):
        yield NearSite(name=name, level=str(level), worst_minutes=None)


def _can(case: Case, site: OtherSite) -> bool:
    holds = site.level_paper.holds(case.facts.day) is True
    return site.level is not None and reaches(site.level, level_needed(case)) and holds


def _tasks(judged: Sequence[_Judged], gaps: Sequence[SiteGap], wanted: Recommendation | None) -> Iterator[Task]:
    """What each rule that fires offers, and what each gap asks of the site; a departure is asked for only where one is needed."""
    for row, said in judged:
        needed = row.layer != "departure" or wanted in HOME
        if said.fires and row.offer is not None and needed:
            yield Task(rule=row.id, who=row.owner, what=row.offer)
    for gap in gaps:
        yield Task(rule=gap.rule, who=gap.owner, what=gap.offer)


def _reason(row: RuleRow, said: Said) -> Reason:
    lacking = ", ".join(FACT_WORDS[fact] for fact in said.missing)
    return Reason(
        rule=row.id,
        known=said.fires is True,
        because=f"{row.words}: {said.because}" if said.fires else f"not known: {lacking}",
        owner=row.owner,
        offer=row.offer,
        source=row.source,
        status=row.status,
    )


def _site_gap(row: GapRow) -> SiteGap:
    return SiteGap(rule=row.id, because=row.words, owner=row.owner, offer=row.offer)


def _consideration(row: RuleRow, said: Said) -> Consideration:
    return Consideration(
        rule=row.id, points=row.points, value=said.value, because=said.because or row.words, source=row.source
    )


def _line(rule: str, layer: str, said: Said) -> RuleLine:
    state: Literal["fires", "clear", "not_known"] = (
        "not_known" if said.fires is None else "fires" if said.fires else "clear"
    )
    return RuleLine(rule=rule, layer=layer, state=state)
