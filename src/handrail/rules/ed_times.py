"""How long from the arrival at an emergency department to tocilizumab, from what is on record.

A visit begins when the patient is sent there by phone, or is there, and ends with the word that the patient is at home or was
discharged. Time that nobody can say is not known, and says which fact is missing: no word of tocilizumab is no word that none was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from handrail.rules.caredata import is_tocilizumab
from handrail.rules.events import Event
from handrail.rules.history import History, in_order

AT_HOME: Final = ("home", "lodging")
MINUTE: Final = timedelta(minutes=1)
NO_ARRIVAL: Final = "the arrival in the emergency department is not recorded"
NO_TOCILIZUMAB: Final = "no tocilizumab as a treatment is recorded; that is no word that none was given"
NO_PLACE: Final = "where the patient was before the arrival was asked, and is not known"
NO_PURPOSE: Final = "tocilizumab is recorded earlier, and whether as a treatment is not known"
NO_NAME: Final = "a medicine is recorded earlier that nobody named"
BEFORE: Final = "it is recorded before the arrival"
RIVALS: Final = "two corrections of one of its facts stand side by side"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdVisit:
    """One visit. `sent`: the call that sent the patient there; `admitted_at`: when the patient went on to a ward.

    `minutes`: from the arrival to the first treatment with tocilizumab, whole minutes; None: not known, and `why`
    says what is missing. Never a time that is still running.
    """

    sent: Event | None = None
    arrived: Event | None = None
    admitted_at: datetime | None = None
    tocilizumab: Event | None = None
    why: str = ""

    @property
    def minutes(self) -> int | None:
        """From the arrival to tocilizumab."""
        if self.why or self.arrived is None or self.tocilizumab is None:
            return None
        return (self.tocilizumab.at - self.arrived.at) // MINUTE

    @property
    def said(self) -> str | None:
        """As a person says it: hours and minutes, and where it was given when no longer in the emergency department."""
        minutes = self.minutes
        if minutes is None or self.tocilizumab is None:
            return None
        words = f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
        ward = self.admitted_at is not None and self.admitted_at <= self.tocilizumab.at
        return f"{words}, on a ward" if ward else words


class _What(IntEnum):
    """What a moment means; of the same instant in this order."""

    LEFT = 0
    SENT = 1
    SOMEWHERE = 2
    IN_ED = 3
    ON_WARD = 4
    MEDICINE = 5


def ed_visits(history: History) -> tuple[EdVisit, ...]:
    """Every visit to an emergency department on record, oldest first."""
    contested = {event.id for group in history.conflicts for event in group}
    found: list[EdVisit] = []
    visit: EdVisit | None = None
    unplaced = False  # the last word on where the patient was says that nobody knows
    for at, what, event in sorted(_moments(history), key=lambda each: (each[0], each[1], in_order(each[2]))):
        if what is _What.MEDICINE:
            visit = _treated(visit, event) if visit is not None else None
            continue
        if visit is not None and (what is _What.LEFT or _another(visit, what)):
            found.append(visit)
            visit = None
        if what is _What.SENT:
            visit = visit or EdVisit(sent=event)
        elif what is _What.IN_ED:
            visit = _here(visit or EdVisit(), event, unplaced=unplaced)
        elif what is _What.ON_WARD and visit is not None and visit.admitted_at is None:
            visit = replace(visit, admitted_at=at)
        unplaced = what is _What.SOMEWHERE
    if visit is not None:
        found.append(visit)
    return tuple(_judged(each, contested) for each in found)


def _moments(history: History) -> Iterator[tuple[datetime, _What, Event]]:
    """What begins, goes on and ends a visit. A discharge whose time was asked and is not known, or is still to come, ends none."""
    for e in history.of("contact_made", "home_status", "admission_noted", "discharge_noted", "medicine_given"):
        body = e.body
        if e.kind == "contact_made":
            if body.outcome == "sent_to_ed" and body.reached is not False:
                yield e.at, _What.SENT, e
        elif e.kind == "home_status":
            if body.location is None and "location" in e.nulls:
                yield e.at, _What.SOMEWHERE, e
            elif body.location == "ed":
                yield e.at, _What.IN_ED, e
            elif body.location is not None:
                yield e.at, _What.LEFT if body.location in AT_HOME else _What.ON_WARD, e
        elif e.kind == "admission_noted":
            yield min(body.admitted_at or e.at, e.at), _What.ON_WARD, e
        elif e.kind == "discharge_noted":
            if "discharged_at" not in e.nulls and (body.discharged_at or e.at) <= e.at:
                yield body.discharged_at or e.at, _What.LEFT, e
        else:
            yield e.at, _What.MEDICINE, e


def _another(visit: EdVisit, what: _What) -> bool:
    """Whoever is sent there after an arrival, or is there after a ward, has left meanwhile, though nobody wrote it."""
    if what is _What.SENT:
        return visit.arrived is not None
    return what is _What.IN_ED and visit.admitted_at is not None


def _here(visit: EdVisit, event: Event, *, unplaced: bool) -> EdVisit:
    """The first word that the patient is there is the arrival; a later one says that the patient still is."""
    if visit.arrived is not None:
        return visit
    why = NO_PLACE if unplaced else BEFORE if visit.tocilizumab is not None and not visit.why else visit.why
    return replace(visit, arrived=event, why=why)


def _treated(visit: EdVisit, event: Event) -> EdVisit:
    """The first treatment with tocilizumab; one that may have been it before leaves the time unknown."""
    if visit.tocilizumab is not None:
        return visit
    body = event.body
    purpose = body.purpose
    if not (body.agent or "").strip():
        return replace(visit, why=visit.why or NO_NAME) if purpose in (None, "treatment") else visit
    if not is_tocilizumab(body.agent):
        return visit
    if purpose is None:
        return replace(visit, why=visit.why or NO_PURPOSE)
    return replace(visit, tocilizumab=event) if purpose == "treatment" else visit


def _judged(visit: EdVisit, contested: set[str]) -> EdVisit:
    rests_on = [event.id for event in (visit.sent, visit.arrived, visit.tocilizumab) if event is not None]
    if visit.arrived is None:
        return replace(visit, why=NO_ARRIVAL)
    if not contested.isdisjoint(rests_on):
        return replace(visit, why=RIVALS)
    if visit.tocilizumab is None:
        return replace(visit, why=visit.why or NO_TOCILIZUMAB)
    return visit
