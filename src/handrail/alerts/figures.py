"""Figures about the watching, for somebody outside: lag, what was not delivered, what nobody has said "I have it" to.

Every figure is read from the rows at the moment of asking, so that any process may answer and none has to remember. None is about one
patient: no name, no code, no course, and no label with more values than the ladder has steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Min, Q

from handrail import clock
from handrail.alerts.heartbeat import SILENT_AFTER
from handrail.alerts.models import Alert, Dispatch, Heartbeat, Page
from handrail.records.models import Course
from handrail.rules.terms import Ladder

NEVER: Final = float("inf")
"""The age of a sign of life that there never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One gauge: its name, what it says, and its values by the words of one label (an empty word: no label)."""

    name: str
    says: str
    values: dict[str, float]
    label: str = ""


def figures(now: datetime) -> Iterator[Figure]:
    """Every figure at `now`; spans are seconds of a person's life."""
    beats = Heartbeat.objects.filter(looked_at__lte=now)
    latest = beats.order_by("-looked_at").values_list("looked_at", flat=True).first()
    yield Figure(
        name="handrail_heartbeat_age_seconds",
        says="Since the latest sign of life of any watcher.",
        values={"": NEVER if latest is None else _seconds(now, latest)},
    )
    yield Figure(
        name="handrail_watchers",
        says="Watchers with a recent sign of life.",
        values={"": beats.filter(looked_at__gt=now - SILENT_AFTER * clock.speed()).count()},
    )
    looks = Course.objects.filter(look_again_at__lte=now).aggregate(oldest=Min("look_again_at"), count=Count("pk"))
    yield Figure(
        name="handrail_look_lag_seconds",
        says="How long the course that has been due for longest has waited for its look; 0 when none is due.",
        values={"": _seconds(now, looks["oldest"])},
    )
    yield Figure(name="handrail_looks_due", says="Courses whose look is due.", values={"": looks["count"]})
    waiting = Alert.objects.filter(next_page_at__lte=now, acknowledged_at=None, closed_at=None)
    sending = [
        each.objects.filter(state=Page.State.SENDING, send_at__lte=now).aggregate(
            oldest=Min("send_at"), count=Count("pk")
        )
        for each in (Page, Dispatch)
    ]
    oldest = [waiting.aggregate(oldest=Min("next_page_at"))["oldest"], *(each["oldest"] for each in sending)]
    yield Figure(
        name="handrail_page_lag_seconds",
        says="How long the page that has been due for longest has waited to be written or sent; 0 when none is due.",
        values={"": max(_seconds(now, each) for each in oldest)},
    )
    yield Figure(
        name="handrail_pages_due",
        says="Pages and messages that are due and not yet written or sent.",
        values={"written": waiting.count(), "sent": sum(each["count"] for each in sending)},
        label="to_be",
    )
    failed = Page.objects.filter(alert__closed_at=None, alert__acknowledged_at=None)
    yield Figure(
        name="handrail_undelivered",
        says="Pages of open, unanswered alerts that reached nobody: no provider took them, nobody was on call, "
        "or nobody had the inbox open and there was no other way.",
        values={
            "failed": failed.filter(state=Page.State.FAILED).count(),
            "nobody_on": failed.filter(state=Page.State.NOBODY_ON).count(),
            "not_reached": failed.filter(state=Page.State.NOT_REACHED).count(),
        },
        label="because",
    )
    yield from _unacknowledged(now)


def _unacknowledged(now: datetime) -> Iterator[Figure]:
    unanswered = Alert.objects.filter(Q(acknowledged_at=None, closed_at=None))
    rows = {
        row["ladder"]: row for row in unanswered.values("ladder").annotate(count=Count("pk"), oldest=Min("opened_at"))
    }
    yield Figure(
        name="handrail_unacknowledged",
        says='Open alerts that nobody has said "I have it" to.',
        values={ladder.value: rows.get(ladder.value, {"count": 0})["count"] for ladder in Ladder},
        label="ladder",
    )
    yield Figure(
        name="handrail_oldest_unacknowledged_seconds",
        says="How long the oldest of them has been open.",
        values={ladder.value: _seconds(now, rows.get(ladder.value, {"oldest": None})["oldest"]) for ladder in Ladder},
        label="ladder",
    )


def _seconds(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds() / clock.speed())


def exposition(found: Iterator[Figure]) -> str:
    """The figures in the text format that Prometheus reads, version 0.0.4."""
    lines: list[str] = []
    for figure in found:
        lines += [f"# HELP {figure.name} {figure.says}", f"# TYPE {figure.name} gauge"]
        for word, value in figure.values.items():
            label = f'{{{figure.label}="{word}"}}' if figure.label else ""
            lines.append(f"{figure.name}{label} {'+Inf' if value == NEVER else f'{value:g}'}")
    return "\n".join(lines) + "\n"
