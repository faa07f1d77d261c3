"""Until when does a course ask nobody for anything? A long list may leave such a course to another of its pages.

Only what is known counts. Whatever somebody has to do, or cannot be said, keeps a course among those that are always shown: a report,
a page, a task, a finding that is more than routine, a check or an assessment that is due, a hand-off under way, a dose whose day is near,
has come or is not known (how near is near stands in the file of the gate, `near_days`). What must be met before the next dose and nothing
but that dose asks for (the REMS, the interval, its amount) waits until its day is near; what a check of the label says of the patient does
not. The instant is never later than the answer's own `look_again_at`: from then on the answer itself may be another.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from handrail.rules.answer import Assessment, Finding, NextDose, ToxicityState
from handrail.rules.doses import given_doses
from handrail.rules.handoff_loop import Stage
from handrail.rules.history import History
from handrail.rules.readiness import gate_data
from handrail.rules.terms import Action, Disposition, Urgency, day_start
from handrail.rules.upcoming import open_plan

BEFORE_A_DOSE: Final = ("rems", "interval")
"""The rules that speak of nothing but the dose that comes next."""
AMOUNT: Final = "amount"
"""What cannot be said of the next dose while the row of its amount is not verified: nobody needs it before the dose is near."""
SETTLED: Final = ("done", "closed")
"""A day of the watched window of which nobody is asked for anything any more."""


def quiet_until(answer: Assessment, history: History) -> datetime | None:
    """The instant until which nobody is asked for anything, as long as no fact comes in; None: somebody is, or it is not known.

    Args:
        answer: about the course as `history` tells it.
    """
    if _asks_somebody(answer):
        return None
    first = _first_day(answer, history)
    if first is None:
        return None
    near = day_start(first - timedelta(days=gate_data().when.near_days), history.course.time_zone)
    until = min(at for at in (near, answer.look_again_at, answer.watch.next_check_due) if at is not None)
    return until if until > answer.at else None


def _asks_somebody(answer: Assessment) -> bool:
    """Whether anything but the next dose asks for somebody, or cannot be said."""
    dose, watch, triage = answer.next_dose, answer.watch, answer.triage
    early = _asks_because_it_is_early(dose)
    return (
        not (dose.action is Action.WAIT or early)
        or triage.ladder is not None
        or triage.disposition is not Disposition.NONE
        or bool(answer.pages)
        or any(each.missing != AMOUNT for each in answer.cannot_say)
        or len(answer.tasks) > int(early)  # "ask" alone is a task already
        or any(map(_is_for_somebody, answer.findings))
        or any(map(_stands_open, (answer.toxicity.crs, answer.toxicity.icans, answer.toxicity.infection)))
        or any(each.until > answer.at for each in answer.masking)
        or watch.in_window
        or watch.overdue_since is not None
        or any(day.state not in SETTLED for day in answer.daily)
        or any(Stage(each.stage).open for each in answer.handoffs)
    )


def _is_for_somebody(finding: Finding) -> bool:
    """More than routine, and not only about a dose that is not near."""
    if finding.urgency is Urgency.ROUTINE:
        return False
    return finding.rule not in BEFORE_A_DOSE


def _asks_because_it_is_early(dose: NextDose) -> bool:
    """`ask` by the label's own row for the days before the dose, and by nothing that outranks it or was inherited from a reaction."""
    would_be = dose.would_be
    return (
        dose.action is Action.ASK
        and dose.row is not None
        and would_be is not None
        and would_be.action is Action.ASK
        and would_be.row == dose.row
        and dose.carried_rows == ()
    )


def _stands_open(state: ToxicityState) -> bool:
    """Open, suspected, or assessed with an answer that is not known; one that nobody ever had reason to assess is none."""
    return state.suspected or (state.open is not False and state.basis != "none")


def _first_day(answer: Assessment, history: History) -> date | None:
    """The first day on which the next dose may be given, is due, or is planned; None: one of them is not known."""
    dose = answer.next_dose
    if dose.earliest_on is None or dose.due_on is None:
        return None
    days = [dose.earliest_on, dose.due_on]
    present = history.until(answer.at)
    doses = given_doses(present)
    planned = present.last("dose_planned")
    if planned is not None and planned.body.on is None and not any(d.at is None or d.at >= planned.at for d in doses):
        return None
    plan = open_plan(present, doses)
    if plan is not None:
        days.append(plan.body.on)
    return min(days)
