"""The dose that is planned: its day that passed without a record, and its setting against what the label asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from handrail.rules.aftercare import carry_over, inherited_stays
from handrail.rules.answer import Finding, Monitoring
from handrail.rules.doses import Given, called_off
from handrail.rules.episodes import Episodes
from handrail.rules.history import History
from handrail.rules.protocol import Protocol
from handrail.rules.schedule import planned_setting_findings
from handrail.rules.terms import STEP_WORDS, Urgency, civil_date, day_start, say_date


def planning_findings(
    history: History,
    doses: Sequence[Given],
    protocol: Protocol,
    toxicity: Episodes,
    now: datetime,
    changes: list[datetime],
) -> list[Finding]:
    """A planned day that passed without a record, and a planned setting that differs from the label.

    Args:
        toxicity: the reactions, whose stays the next dose inherits.
        changes: gets the instants at which the answer changes.
    """
    planned = history.last("dose_planned")
    if planned is None or planned.body.on is None or planned.body.step is None:
        return []
    found: list[Finding] = []
    day_after = day_start(date.fromordinal(planned.body.on.toordinal() + 1), planned.zone)
    changes.append(day_after)
    given_since = any(d.at is not None and civil_date(d.at, planned.zone) >= planned.body.on for d in doses)
    not_given = called_off(history, planned, doses)
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
    if given_since or planned.body.setting is None:
        return found
    carried, unknown = _inherited(doses, protocol, toxicity, now, changes)
    # who signed before the last dose did not know of the reaction to it
    since = (doses[-1].at or doses[-1].event.at) if carried and doses else None
    if not departed(history, "setting", since):
        body = planned.body
        found += planned_setting_findings(
            protocol, step=body.step, setting=body.setting, carried=carried, unknown=unknown
        )
    return found


def _inherited(
    doses: Sequence[Given], protocol: Protocol, toxicity: Episodes, now: datetime, changes: list[datetime]
) -> tuple[tuple[Monitoring, ...], str | None]:
    """The stays that the next dose inherits from the reactions since the last one of a known day; the first dose none."""
    if not doses:
        return (), None
    since = next((dose.at for dose in reversed(doses) if dose.at is not None), None)
    carry = carry_over(protocol, toxicity, since=since, now=now)
    changes += carry.changes_at
    return inherited_stays(protocol, carry)


def departed(history: History, rule: str, since: datetime | None = None) -> bool:
    """Whether somebody signed a departure from a rule, with a reason; `since`: at that instant or after it."""
    signed = (e for e in history.of("departure_signed") if since is None or e.at >= since)
    return any(e.body.rule == rule and e.body.reason and e.body.approver for e in signed)
