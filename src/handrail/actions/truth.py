"""The sentence a person sees after saving: what is saved, and truly who is being called."""

from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from handrail.alerts import heartbeat
from handrail.alerts.duty import on_duty, reaches_anybody
from handrail.alerts.models import Alert
from handrail.records.accountability import accountable_for
from handrail.records.models import Course
from handrail.rules.terms import zone_named

_CALLED: Final = ("now", "soon")
_WHO: Final[dict[str, Promise]] = {
    "first_on_call": gettext_lazy("The clinician on call is being called."),
    "second_on_call": gettext_lazy("The second clinician on call is being called."),
    "attending": gettext_lazy("The attending physician is being called."),
    "nurse": gettext_lazy("The nurse on call is being called."),
    "site_manager": gettext_lazy("The site manager is being called."),
    "director": gettext_lazy("The programme director is being called."),
}


def truth_about(course: Course, now: datetime, *, saved_at: datetime) -> str:
    """What is true now, in the language in use: the time saved by the patient's clock, and what happens with the alerts."""
    saved = _("Saved %(time)s.") % {"time": saved_at.astimezone(zone_named(course.time_zone)).strftime("%H:%M")}
    urgent = [
        alert
        for alert in course.alerts.filter(closed_at__isnull=True).order_by("opened_at")
        if alert.urgency in _CALLED and not alert.key.startswith("shell:break_glass")
    ]
    waiting = [alert for alert in urgent if alert.acknowledged_at is None]
    if waiting:
        return f"{saved} {_who_is_called(course, waiting, now)}"
    if urgent:
        held = _("The team has it.")  # on a line of its own, where translations are looked for
        return f"{saved} {held}"
    return saved


def number_to_call(course: Course, now: datetime) -> str:
    """The number that is answered now: that of the site, else of whoever answers for the patient."""
    party = accountable_for(course, now)
    if party.site_id is not None and course.site is not None and course.site.call_number:
        return course.site.call_number
    return party.organisation.call_number


def _who_is_called(course: Course, waiting: list[Alert], now: datetime) -> str:
    if not heartbeat.status(now).watching:
        return _call_yourself(course, now)
    order = {"now": 0, "soon": 1}
    alert = min(waiting, key=lambda each: order[each.urgency])
    if not reaches_anybody(alert, now):
        return _call_yourself(course, now)
    for step in alert.steps:
        if on_duty(alert, step["who"], now).user is not None:
            return str(_WHO.get(step["who"], _WHO["first_on_call"]))
    raise AssertionError("somebody is on duty")


def _call_yourself(course: Course, now: datetime) -> str:
    """Nobody is on, or no watcher sends the pages: saying "is being called" would not be true."""
    number = number_to_call(course, now)
    if number:
        return _("NOBODY could be reached from here: call %(number)s now.") % {"number": number}
    return _("NOBODY could be reached from here: call your programme's number now, or 911.")
