"""Where a patient was in the window: which setting a dose was planned in, an emergency department, an admission that no plan explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from handrail.rules.doses import Given
from handrail.rules.events import Event
from handrail.rules.history import History

OUTPATIENT, HYBRID, INPATIENT = SETTINGS = ("outpatient", "hybrid", "inpatient")
"""Where a dose is given and watched."""
IN, OUT = True, False
_HERE: Final = ("hospital",)


def setting_of(history: History, dose: Given) -> str | None:
    """The setting of a dose that was given: of its latest plan by then, else as a person decided it for that step. None: not known."""
    at, step = dose.watch_begins, dose.step
    if step is None:
        return None
    plans = [e for e in history.of("dose_planned") if e.at <= at and e.body.step in (step, None)]
    if plans and (plans[-1].body.step is None or "setting" in plans[-1].nulls):
        return None
    if plans and plans[-1].body.setting is not None:
        return str(plans[-1].body.setting)
    decided = [e for e in history.of("setting_decided") if e.at <= at and e.body.step in (step, None)]
    if not decided or decided[-1].body.step is None or decided[-1].body.recommendation is None:
        return None
    word = str(decided[-1].body.recommendation).lower()
    return word if word in SETTINGS else None


def seen_in_emergency(history: History, begins: datetime, ends: datetime) -> bool | None:
    """Whether the patient was in an emergency department; None: sent there without a recorded arrival, or where is not known."""
    places = [e for e in history.of("home_status") if begins <= e.at < ends]
    if any(each.body.location == "ed" for each in places):
        return True
    calls = [e for e in history.of("contact_made") if begins <= e.at < ends]
    sent = any(each.body.outcome == "sent_to_ed" or "outcome" in each.nulls for each in calls)
    return None if sent or any("location" in each.nulls for each in places) else False


def admitted(
    history: History,
    begins: datetime,
    ends: datetime,
    doses: Sequence[tuple[Given, str | None]],
    planned: timedelta,
) -> bool | None:
    """Whether an admission began that no dose planned in hospital explains.

    Args:
        doses: of the window, each with its setting.
        planned: an arrival so close to a dose in hospital is the planned stay; close to one of another or an unknown setting that may
            end in a bed it is not known.
    """
    inside: bool | None = OUT if doses and doses[0][1] == OUTPATIENT else None
    doubt = False
    for at, now_in in moves(history):
        if at >= ends:
            break
        if at > begins and now_in is None:
            doubt = True
        elif at > begins and now_in is IN and inside is not IN:
            near = {setting for dose, setting in doses if abs(at - dose.watch_begins) <= planned}
            if INPATIENT not in near:
                if inside is OUT and not near - {OUTPATIENT}:
                    return True
                doubt = True
        inside = now_in
    return None if doubt else False


def moves(history: History) -> Iterator[tuple[datetime, bool | None]]:
    """Into hospital, out of it, or to a place that is not known, in order."""
    told = history.of("home_status", "admission_noted", "discharge_noted")
    yield from sorted(((_when(each), _into(each)) for each in _placed(told)), key=lambda move: move[0])


def _placed(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        if event.kind != "home_status" or event.body.location is not None or "location" in event.nulls:
            yield event


def _when(event: Event) -> datetime:
    if event.kind == "admission_noted":
        return event.body.admitted_at or event.at
    return (event.body.discharged_at or event.at) if event.kind == "discharge_noted" else event.at


def _into(event: Event) -> bool | None:
    if event.kind == "admission_noted":
        return None if "admitted_at" in event.nulls else IN
    if event.kind == "discharge_noted":
        return None if "discharged_at" in event.nulls else OUT
    return None if event.body.location is None else event.body.location in _HERE
