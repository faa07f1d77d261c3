"""Whom an alert reaches: people are looked up at the moment of paging, at whoever answers for the patient then.

An alert about a site or an organisation reaches the people of that organisation itself.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from handrail.alerts.models import Alert
from handrail.people.rota import OnDuty, who_is_on
from handrail.records.accountability import Accountable, accountable_for
from handrail.rules.answering import EXPERT_LINE
from handrail.rules.call_back import ask_of
from handrail.rules.paging import Step


def steps_of(alert: Alert) -> Sequence[Step]:
    """The ladder as it was pinned when the alert opened."""
    return [Step(**step) for step in alert.steps]


def on_duty(alert: Alert, who: str, now: datetime) -> OnDuty:
    """The person who answers as `who` for this alert at `now`, or nobody."""
    return on_duties(alert, now)(who)


def on_duties(alert: Alert, now: datetime, party: Accountable | None = None) -> Callable[[str], OnDuty]:
    """The same for one step after the other: who answers for the patient is looked up once, or is given as `party`."""
    if alert.course is None:
        return lambda who: who_is_on(alert.organisation_id, who, now, site_id=alert.site_id)
    if (
        ask_of(alert.key) is not None
    ):  # whoever answers for the expert line, and not for what is done for the patient now
        party = accountable_for(alert.course, now, EXPERT_LINE)
    answers = party or accountable_for(alert.course, now)
    return lambda who: answers.on_duty(who, now)
