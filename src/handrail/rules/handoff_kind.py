"""Is a hand-off simple or complicated, and has a patient who was handed over to return?

Simple only when everything that could make it complicated is known and false: a fact that is missing leaves it not known, and what is not
known is handled as complicated. Every reason is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from handrail.rules.answer import NextDose
from handrail.rules.doses import Given
from handrail.rules.episodes import Course, Episodes
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.home_medicines import row_hiding
from handrail.rules.policy import Policy, handoff_rules
from handrail.rules.policy_handoff import ReturnRow
from handrail.rules.terms import STEP_UP_STEPS, Action, step_words
from handrail.rules.triage import neutrophils
from handrail.rules.watch import IN_CARE

Kind = Literal["simple", "complicated", "not_known"]
CYTOPENIAS = ("cytopenia", "neutropenia", "thrombocytopenia", "anaemia", "lymphopenia")
STILL_ACTIVE = ("tocilizumab", "dexamethasone")
"""Rows of the policy's `masking`: as long as one of these may hide a fever it is active."""
NOT_COMPLETE = "the step-up is not complete"
ASSESSED = (("crs_assessed", "CRS"), ("icans_assessed", "ICANS"))
ONLY_A_PERSON_KNOWS = (
    ("caregiver_or_access_problem", "a problem with the caregiver or the way to the clinic"),
    ("more_than_two_organisations", "the care is split over more than two organisations"),
    ("second_product_planned", "a second product is planned"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffKind:
    """The template, and what it rests on: `because` makes it complicated, `missing` is not known."""

    kind: Kind
    because: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


_Said = tuple[bool | None, str]
"""Whether a reason holds (None: not known), in words."""


def handoff_kind(
    history: History,
    doses: Sequence[Given],
    toxicity: Episodes,
    dose: NextDose,
    policy: Policy,
    at: datetime,
    offer: Event | None = None,
) -> HandoffKind:
    """Which template a hand-off takes.

    Args:
        at: when it was offered, or would be: what wears off with time is judged then, and what is learned later counts too.
        offer: the offer, with what only a person knows; without one that is not known.
    """
    said = [
        *_crs(history, doses, toxicity.crs, policy),
        *_icans(history, doses, toxicity.icans),
        *_schedule(history, doses, dose),
        *_infection_and_counts(history, doses, toxicity, policy, at),
        *_conditions(history, policy),
        *_medicines(history, policy, at),
        *_told(offer),
    ]
    because = tuple(dict.fromkeys(words for holds, words in said if holds is True))
    missing = tuple(dict.fromkeys(words for holds, words in said if holds is None))
    kind: Kind = "complicated" if because else "not_known" if missing else "simple"
    return HandoffKind(kind=kind, because=because, missing=missing)


def _crs(history: History, doses: Sequence[Given], crs: Course, policy: Policy) -> Iterator[_Said]:
    rules = handoff_rules(policy)
    worst = max((each.grade for each in crs.episodes if each.grade is not None), default=0)
    if worst > rules.simple_crs_grade:
        yield True, f"CRS of grade {worst}"
    real = [each for each in crs.episodes if each.grade]
    if len(real) > rules.simple_crs_episodes:
        yield True, f"recurrent CRS: {len(real)} episodes"
    if any(each.grade_unknown or (each.grade is None and each.closed_at is None) for each in crs.episodes):
        yield None, "the grade of an episode of CRS"
    yield from _unassessed(history, doses, *ASSESSED[0])


def _icans(history: History, doses: Sequence[Given], icans: Course) -> Iterator[_Said]:
    worst = max((each.grade for each in icans.episodes if each.grade is not None), default=0)
    if worst:
        yield True, f"ICANS of grade {worst}"
    if any(each.grade_unknown or (each.grade is None and each.closed_at is None) for each in icans.episodes):
        yield None, "the grade of an episode of ICANS"
    yield from _unassessed(history, doses, *ASSESSED[1])


def _unassessed(history: History, doses: Sequence[Given], kind: str, name: str) -> Iterator[_Said]:
    """A watched dose after which nobody assessed: whether there was a reaction is not known."""
    watched = [dose for dose in doses if dose.may_be_watched]
    for number, dose in enumerate(watched):
        since = dose.at or dose.event.at
        until = next((each.at for each in watched[number + 1 :] if each.at is not None), None)
        found = (e for e in history.of(kind) if e.at > since and (until is None or e.at <= until))
        if dose.at is None or next(found, None) is None:
            yield None, f"{name} after {step_words(dose.step)}: nobody has recorded an assessment"


def _schedule(history: History, doses: Sequence[Given], dose: NextDose) -> Iterator[_Said]:
    if history.of("hold_started"):
        yield True, "the drug was withheld"
    if history.of("dose_not_given"):
        yield True, "a planned dose was not given"
    steps = [each.step for each in doses if each.step in STEP_UP_STEPS]
    if len(steps) != len(set(steps)):
        yield True, "a step-up dose was repeated, or the step-up started again"
    if history.of("departure_signed"):
        yield True, "a departure from the label or the protocol is signed"
    if dose.action in (Action.REPEAT, Action.RESTART):
        yield True, f"the next dose is not as planned: {dose.because}"
    elif dose.action in (Action.HOLD, Action.STOP):
        yield True, f"the next dose is withheld: {dose.because}"
    elif dose.action is Action.ASK and dose.give_by is None:
        yield None, f"the next dose: {dose.because}"
    if not doses or not doses[-1].is_treatment:
        yield True, NOT_COMPLETE


def _infection_and_counts(
    history: History, doses: Sequence[Given], toxicity: Episodes, policy: Policy, at: datetime
) -> Iterator[_Said]:
    infection = toxicity.infection.state
    if infection.open is True:
        yield True, "an infection is active"
    elif infection.open is None:
        yield None, "whether there is an infection"
    first = min((dose.at for dose in doses if dose.at is not None), default=None)
    closed = [each.closed_at for each in toxicity.infection.episodes if each.graded or each.grade is not None]
    if first is not None and any(over is not None and over >= first for over in closed):
        yield True, "an infection since the first dose"
    rules = handoff_rules(policy)
    anc = neutrophils(history, max(at, _last_count(history) or at), policy)
    if anc is None:
        yield None, f"the neutrophil count of the last {policy.triage.anc_known_within_days} days"
    elif anc < rules.simple_anc_least:
        yield True, f"neutrophils {anc.normalize():f} x 10^9/L: a cytopenia of grade {rules.cytopenia_grade} or more"


def _conditions(history: History, policy: Policy) -> Iterator[_Said]:
    """Cytopenias by grade; every other condition that is active is a new organ problem."""
    rules = handoff_rules(policy)
    latest: dict[str, Event] = {}
    for event in history.of("condition_noted"):
        latest[event.body.what or ""] = event
    for what, event in latest.items():
        if what in policy.infection.conditions:
            continue
        words = what.replace("_", " ") or "a condition that nobody named"
        grade, active = event.body.grade, event.body.active
        if active is False:
            continue
        if what in CYTOPENIAS and active is True:
            holds = None if grade is None else grade >= rules.cytopenia_grade
            yield holds, f"{words} of grade {grade}" if grade is not None else f"the grade of the {words}"
        else:
            yield active, f"{words} is active" if active else f"whether {words} is active"


def _medicines(history: History, policy: Policy, at: datetime) -> Iterator[_Said]:
    """Tocilizumab, or a steroid that was not the premedication of a dose, whose effect reaches beyond the offer."""
    for event in history.of("medicine_given"):
        row = row_hiding(event, policy)
        reaches = row is not None and event.at + timedelta(hours=row.hours) > at
        if event.body.agent is None and "agent" in event.nulls:
            yield None, "which medicine was given"
        elif row is not None and row.id in STILL_ACTIVE and reaches and event.body.purpose != "premedication":
            yield True, f"{event.body.agent} is still active"


def _last_count(history: History) -> datetime | None:
    """When the latest neutrophil count was taken."""
    return max((e.at for e in history.of("lab_resulted") if e.body.code == "anc"), default=None)


def _told(offer: Event | None) -> Iterator[_Said]:
    for name, words in ONLY_A_PERSON_KNOWS:
        value = getattr(offer.body, name) if offer is not None else None
        yield (
            value,
            words
            if value
            else f"whether {words}"
            if name != ONLY_A_PERSON_KNOWS[0][0]
            else f"whether there is {words}",
        )


# --- returning -------------------------------------------------------------------------------------------------------


def must_return(history: History, toxicity: Episodes, dose: NextDose, policy: Policy) -> tuple[ReturnRow, ...]:
    """The reasons to return that the facts themselves show; the others a person says."""
    return tuple(row for row in handoff_rules(policy).returns if _met(row, history, toxicity, dose, policy))


def _met(row: ReturnRow, history: History, toxicity: Episodes, dose: NextDose, policy: Policy) -> bool:
    match row.found:
        case "crs" | "icans":
            current = getattr(toxicity, row.found).current
            home = history.last("home_status")
            in_care = home is not None and home.body.location in IN_CARE
            return current is not None and not in_care and (current.grade or 0) >= (row.least or 0)
        case "restart":
            withheld = dose.would_be.action if dose.would_be is not None else None
            return Action.RESTART in (dose.action, withheld)
        case "progression":
            assessed = history.last("response_assessed")
            return assessed is not None and assessed.body.response == "PD"
        case "infection":
            current = toxicity.infection.current
            return current is not None and (current.grade or 0) >= (row.least or 0)
        case "neutrophils":
            last = _last_count(history)
            anc = neutrophils(history, last, policy) if last is not None else None
            return anc is not None and row.least is not None and anc < row.least
    return False
