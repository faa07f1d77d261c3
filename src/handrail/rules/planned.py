"""The dose that is planned: its day that passed without a record, and its setting against what the label asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from handrail.rules.aftercare import stays_after
from handrail.rules.answer import Finding
from handrail.rules.doses import Given
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.schedule import planned_setting_findings
from handrail.rules.terms import STEP_WORDS, Urgency, civil_date, day_start, say_date


def planning_findings(
    history: History,
    doses: Sequence[Given],
    protocol: Protocol,
    inherited: Sequence[str],
    now: datetime,
    changes: list[datetime],
) -> list[Finding]:
    """A planned day that passed without a record, and a planned setting that differs from the label.

    Args:
        inherited: the label's rows for the dose after a reaction that the next dose inherits, by their ids.
        changes: gets the instants at which the answer changes.
    """
    planned = history.last("dose_planned")
    if planned is None or planned.body.on is None or planned.body.step is None:
        return []
    found: list[Finding] = []
    day_after = day_start(date.fromordinal(planned.body.on.toordinal() + 1), planned.zone)
    changes.append(day_after)
    given_since = any(d.at is not None and civil_date(d.at, planned.zone) >= planned.body.on for d in doses)
    not_given = any(e.at >= planned.at for e in history.of("dose_not_given"))
    if now >= day_after and not given_since and not not_given:
        found.append(
            Finding(
                rule="schedule",
                what=f"{STEP_WORDS[planned.body.step]} was planned for {say_date(planned.body.on)}: nothing is recorded",
                urgency=Urgency.TODAY,
                owner="nurse",
                because="record the dose, or why it was not given: the delay clock runs either way",
            )
        )
    carried = stays_after(protocol, inherited)
    since = (
        doses[-1].at if carried and doses else None
    )  # who signed before that dose did not know of the reaction to it
    if not given_since and planned.body.setting is not None and not departed(history, "setting", since):
        body = planned.body
        found += planned_setting_findings(protocol, step=body.step, setting=body.setting, carried=carried)
    return found


def departed(history: History, rule: str, since: datetime | None = None) -> bool:
    """Whether somebody signed a departure from a rule, with a reason; `since`: at that instant or after it."""
    signed = (e for e in history.of("departure_signed") if since is None or e.at >= since)
    return any(e.body.rule == rule and e.body.reason and e.body.approver for e in signed)
