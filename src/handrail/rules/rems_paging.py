"""Whom an owed report pages: so many hours before its end, and again, more urgently, once that has passed.

The words name no patient, no grade and no reading. A reaction whose grade is not known is asked for like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from handrail.rules.paging import Step
from handrail.rules.referral_paging import Call, Calls
from handrail.rules.rems_data import DeskRules
from handrail.rules.rems_doses import Report
from handrail.rules.terms import Ladder, say_date


def report_calls(reports: Iterable[Report], rules: DeskRules, now: datetime) -> Calls:
    """The pages that owed reports want at `now`, one for each report, and when that changes by itself.

    The same report is `about` the same before and after its end, so that the later page takes the place of the earlier one.
    """
    wanted, ahead = [], []
    for report in reports:
        begins = report.due_at - timedelta(hours=rules.report.page_hours_before)
        ahead += [at for at in (begins, report.due_at) if at > now]
        if now >= begins:
            wanted.append(_call(report, rules, late=now >= report.due_at))
    return Calls(wanted=tuple(wanted), look_again_at=min(ahead, default=None))


def _call(report: Report, rules: DeskRules, *, late: bool) -> Call:
    last_day = say_date(report.last_day)
    when = f"it was due by the end of {last_day}" if late else f"it is due by the end of {last_day}"
    named = f"course {report.reaction.label}"
    what = f"A REMS report is {'overdue' if late else 'owed'}: {named}"
    why = "a serious reaction is recorded, and no report of it"
    if report.unsure:
        what = f"Whether a REMS report is owed is {'overdue to be' if late else 'not'} decided: {named}"
        why = "the grade of a reaction is not known: report it, or write down why it is not serious"
    about: Literal["soon", "late"] = "late" if late else "soon"
    return Call(
        about=f"{report.reaction.course}:{report.reaction.event}",
        ladder=Ladder.AMBER if late else Ladder.GREEN,
        what=what,
        because=f"{why}; {when}",
        steps=tuple(Step(who=row.who, wait_minutes=row.wait_minutes) for row in rules.page if row.about == about),
    )
