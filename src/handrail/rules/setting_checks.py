"""The checks of the setting rules that need more than one fact. Each is three-valued, and says which hours, paper or row made it so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from handrail.rules.aftercare import STOPS
from handrail.rules.redosing import GapAnswer, redosing
from handrail.rules.setting_case import FACT_WORDS, NO, STAYS, Case, Said, any_of, lodged, route, unknown
from handrail.rules.setting_facts import Level, Paper, Suspension, months_of, reaches, uncovered
from handrail.rules.terms import PRETREATMENT, STEP_UP_STEPS, STEP_WORDS, STEPS, Action, UnusableInput, say_date

FIRST: Final = (PRETREATMENT, STEP_UP_STEPS[0])
"""Steps before which nothing was given."""


def check_names(case: Case) -> None:
    """Refuse what names a screening test or a row of the label that does not exist: it would count for nothing.

    Raises:
        UnusableInput: there is no such test, or no such row.
    """
    unknown_tests = set(case.facts.screening or {}) - {row.id for row in case.rules.screening}
    if unknown_tests:
        raise UnusableInput("unknown_key", "There is no such screening test.", f"screening.{min(unknown_tests)}")
    rows = (
        {row.id for row in case.label.after_toxicity} if case.label is not None else set(case.facts.carried_rows or ())
    )
    for number, name in enumerate(case.facts.carried_rows or ()):
        if name not in rows:
            message = "This label has no such row for the dose after a reaction."
            raise UnusableInput("unknown_row", message, f"carried_rows[{number}]")


# --- may it start at all ---------------------------------------------------------------------------------------------------


def _screening(case: Case) -> Said:
    """A required test without a result; one that applies to everybody is not waved through as not applying."""
    results = case.facts.screening or {}
    parts = []
    for row in case.rules.screening:
        result = results.get(row.id)
        if result is None:
            parts.append(unknown("screening"))
        elif result == "pending" or (result == "does_not_apply" and not row.may_not_apply):
            parts.append(Said(fires=True, because=f"{row.words}: no result"))
    return any_of(parts)


def _rems(case: Case) -> Said:
    """Prescriber, dispenser and setting, while any requirement of the label's REMS is in force on the day of the dose."""
    if case.label is not None and not any(
        (row.in_force_from is None or row.in_force_from <= case.facts.day)
        and (row.in_force_to is None or case.facts.day <= row.in_force_to)
        for row in case.label.rems
    ):
        return NO
    names = ("rems_prescriber", "rems_dispenser", "rems_setting")
    return any_of(_lacks(case, name, getattr(case.facts, name)) for name in names)


def _authorisation(case: Case) -> Said:
    decided = case.facts.decided_to_proceed_without
    if decided:
        return NO
    lacks = _lacks(case, "authorisation", case.facts.authorisation)
    return unknown("decided_to_proceed_without") if lacks.fires and decided is None else lacks


def _lacks(case: Case, name: str, paper: Paper) -> Said:
    """Whether a paper is not there on the day of the dose."""
    holds = paper.holds(case.facts.day)
    if holds is None:
        return unknown(name)
    return Said(fires=not holds, because=f"{FACT_WORDS[name]}: {_why_not(paper)}")


def _why_not(paper: Paper) -> str:
    """Why a paper that does not hold does not: nobody has it, or its last day is over."""
    return "not there" if paper.held is False or paper.until is None else f"ended on {say_date(paper.until)}"


def after_gap(case: Case) -> GapAnswer | None:
    """What the label's table says after the gap since the last dose; None: there was none, or it is not known."""
    last = case.facts.last_dose
    if case.label is None or last.given is not True or last.step is None or last.on is None or last.schedule is None:
        return None
    return redosing(
        case.label, last_step=last.step, schedule=last.schedule, last_on=last.on, today=case.facts.day, cause=None
    )


def _gap(case: Case) -> Said:
    """The gap since the last dose asks for another step, or for none yet; a table that only asks leaves it open."""
    if case.facts.last_dose.given is False:  # only the very first dose has none before it
        return _begins(case) if case.facts.step in FIRST and case.dose_before is None else unknown("last_dose")
    found = after_gap(case)
    if found is None:
        return unknown("last_dose", *([] if case.label is not None else ["label"]))
    if found.action is Action.ASK:
        return unknown("label")
    if not found.action.gives:
        return Said(fires=True, because=f"{found.action.value}: {found.because}")
    if found.action in (Action.RESTART, Action.REPEAT) and found.step is not None:
        words = f"{found.action.value} at {STEP_WORDS[found.step]}: {found.because}"
        return Said(fires=found.step != case.facts.step, because=words)
    if case.phase == "step_up" and case.dose_before not in (None, case.facts.last_dose.step):
        return unknown("last_dose")  # the dose of the plan before this one is not given yet
    if found.step is not None and STEPS.index(case.facts.step) > STEPS.index(found.step):
        words = f"{STEP_WORDS[found.step]} comes first: {found.because}"
        return Said(fires=True, because=words)
    return NO


def _begins(case: Case) -> Said:
    """Whether the first dose of the course is one that the label begins with."""
    if case.label is None:
        return unknown("label")
    first = {case.label.steps_of(schedule)[0] for schedule in case.label.schedules}
    words = f"the label begins with {' or '.join(STEP_WORDS[step] for step in sorted(first, key=STEPS.index))}"
    return Said(fires=case.facts.step not in first, because=words)


def _reaction(case: Case) -> Said:
    """After a reaction the label stops the drug or considers it; a row that nobody verified leaves it to the prescriber."""
    if case.carried is None:
        return unknown("label" if case.label is None else "carried_rows")
    parts = []
    for row in case.carried:
        if row.action in STOPS:
            parts.append(Said(fires=True, because=f"label: {row.words} (row {row.id})"))
        elif not row.acts:
            parts.append(unknown("label"))
    return any_of(parts)


# --- at home ---------------------------------------------------------------------------------------------------------------


def _caregiver(case: Case) -> Said:
    """Every hour of the span, on the roster; the hours that nobody covers are named."""
    shifts = case.facts.caregivers
    if shifts is None:
        return unknown("caregivers")
    holes = uncovered(case.span, [(shift.from_at, shift.until_at) for shift in shifts])
    if holes:
        return Said(fires=True, because="nobody is there: " + "; ".join(case.said(hole) for hole in holes))
    return NO if case.span_is_known else unknown("doses")


def _shared_roster(case: Case) -> Said:
    shifts = case.facts.caregivers
    if shifts is None:
        return unknown("caregivers")
    people = len({shift.who for shift in shifts})
    return Said(fires=people > 1, because=f"{people} people share the roster", value=str(people))


def _travel(case: Case) -> Said:
    limit = case.rules.travel.limit_minutes
    return route(case, lambda minutes: minutes > limit, f"limit {limit} min")


def _near_limit(case: Case) -> Said:
    least = case.rules.travel.near_limit_from_minutes
    return route(case, lambda minutes: minutes >= least, f"{least} min or more")


def _suspension(case: Case) -> Said:
    """The seasonal plan of the site. Weather that nobody foretold is taken for the worst."""
    plan = case.facts.site.suspensions
    if plan is None:
        return unknown("suspensions")
    said = [_suspended(case, row) for row in plan]
    if not case.end_is_known and any(_in_weather(case, row) for row in plan):
        said.append(unknown("doses"))  # the span may reach into the months of the plan
    return any_of(said)


def _in_weather(case: Case, row: Suspension) -> bool:
    expected = case.facts.weather_expected
    return row.weather is None or expected is None or row.weather in expected


def _suspended(case: Case, row: Suspension) -> Said:
    in_season = any(month in row.months for month in months_of(case.span, case.facts.zone))
    if not in_season or not _in_weather(case, row):
        return NO
    if not row.unless_lodging:
        return Said(fires=True, because=row.words)
    there = lodged(case)
    return unknown("lodging") if there is None else Said(fires=not there, because=f"{row.words}; no lodging")


# --- the site, the payer, the label ------------------------------------------------------------------------------------------


def level_needed(case: Case) -> Level:
    """The lowest level at which a site may take this dose."""
    return case.rules.level.maintenance_from if case.phase == "maintenance" else case.rules.level.hybrid_from


def _site(case: Case) -> Said:
    """The level, the day until which it holds, and in the step-up the agreement with a receiving hospital."""
    site = case.facts.site
    parts = [_level(case, level_needed(case)), _of_level_paper(case)]
    if case.phase == "step_up":
        parts.append(_lacks(case, "hospital_agreement", site.hospital_agreement))
    return any_of(parts)


def _level(case: Case, least: Level) -> Said:
    site = case.facts.site
    if site.level is None:
        return unknown("site_level")
    words = f"{site.name} is at level {site.level}; level {least} is needed"
    return Said(fires=not reaches(site.level, least), because=words)


def _of_level_paper(case: Case) -> Said:
    site = case.facts.site
    holds = site.level_paper.holds(case.facts.day)
    if holds is None:
        return unknown("site_level")
    return Said(fires=not holds, because=f"the level of {site.name}: {_why_not(site.level_paper)}")


def _site_hybrid(case: Case) -> Said:
    return _level(case, case.rules.level.outpatient_from)


def _payer(case: Case) -> Said:
    asks = payer_asks(case)
    if not asks:
        return unknown("payer") if asks is None else NO
    waived = case.facts.payer.waiver.holds(case.facts.day)
    if waived is None:
        return unknown("payer")
    words = f"the payer pays {STEP_WORDS[case.facts.step]} in hospital only"
    return Said(fires=not waived, because=f"{words} ({case.facts.payer.policy or 'policy not named'}); no waiver")


def payer_asks(case: Case) -> bool | None:
    """Whether the payer asks for hospital with this dose, waived or not."""
    steps = case.facts.payer.inpatient_steps
    return None if steps is None else case.facts.step in steps


def _strict(case: Case) -> Said:
    strict, asks = case.facts.site.follows_label_strictly, case.label_asks_stay
    if strict is False or asks is False:
        return NO
    if strict is None or asks is None:
        return unknown(
            *(["follows_label_strictly"] if strict is None else []), *(case.stay_lacks if asks is None else ())
        )
    assert case.stay is not None
    return Said(fires=True, because=f"label: {case.stay.because} (row {case.stay.row})")


def _departure(case: Case) -> Said:
    """The label asks for hospital, by the step or after a reaction, and nobody has signed that this dose is watched elsewhere."""
    asks, signed = case.label_asks_stay, _signed(case)
    if asks is None:
        return unknown(*case.stay_lacks)  # nobody can have signed a departure from what is not known
    if asks and signed and case.carried is None:
        return unknown("carried_rows")
    if not asks or signed:
        return NO
    if signed is None:
        return unknown("departure")
    assert case.stay is not None
    return Said(fires=True, because=f"label: {case.stay.because} (row {case.stay.row}); no departure is signed")


def _signed(case: Case) -> bool | None:
    departure = case.facts.departure
    holds = departure.paper.holds(case.facts.day)
    if not holds:
        return holds
    after_reaction = {stay.row for stay in case.carried_stays if stay.setting in STAYS}
    named = case.facts.step in departure.steps and after_reaction <= set(departure.carried_rows)
    return named and bool(departure.because) and bool(departure.signed_by)


CHECKS: Final[Mapping[str, Callable[[Case], Said]]] = {
    "screening": _screening,
    "rems": _rems,
    "authorisation": _authorisation,
    "gap": _gap,
    "reaction": _reaction,
    "caregiver": _caregiver,
    "travel": _travel,
    "site": _site,
    "payer": _payer,
    "suspension": _suspension,
    "strict": _strict,
    "site_hybrid": _site_hybrid,
    "departure": _departure,
    "near_limit": _near_limit,
    "shared_roster": _shared_roster,
}
"""The check behind each name that a rule may have; `setting_rules.CHECKED` lists the same names."""
