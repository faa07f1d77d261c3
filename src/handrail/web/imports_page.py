"""What the review of a document shows, as plain strings: who it is about, what was understood, what was not, what was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from handrail.actions.actor import Actor
from handrail.actions.imports import MOST_AT_ONCE, decisions, may_record
from handrail.records.models import Course, ImportBatch
from handrail.rules.foreign import (
    CONDITION,
    DOSE,
    GROUPS,
    LABORATORY,
    MEDICINE,
    NOTE,
    VITALS,
    WEIGHT,
    Agreement,
    Kept,
    Placed,
    Review,
)
from handrail.rules.telling import sentence
from handrail.web.words import local_time

GROUP_WORDS: Final = {
    DOSE: "Doses of the drug",
    WEIGHT: "Weight",
    LABORATORY: "Laboratory values",
    VITALS: "Vital signs",
    MEDICINE: "Medicines given",
    CONDITION: "Conditions",
    NOTE: "Kept as notes, which no rule reads",
}
TONES: Final = {Agreement.SAME: "good", Agreement.DIFFERS: "now", Agreement.NOT_SAID: "routine"}
AT_FIRST: Final = 12
"""Facts of a group that stand open; what is older is one tap further."""
NOT_YOURS: Final = "your role may not record it"


def listed(course: Course, batch: ImportBatch) -> dict[str, Any]:
    """One line of the list of documents."""
    made = decisions(batch)
    return {
        "id": batch.pk,
        "title": batch.content.title if batch.content.kind == "import" else "A document that was stored before",
        "sender": batch.sender or "sender not said",
        "received": local_time(batch.received_at, course.time_zone),
        "by": batch.received_by.name if batch.received_by else "Handrail",
        "state": _state(made),
    }


def _state(made: list[Any]) -> str:
    taken = sum(len(each.events) for each in made)
    if made and made[-1].kind == "dismissed":
        return f"dismissed{f', {_facts(taken)} taken before' if taken else ''}"
    return f"{_facts(taken)} taken" if made else "waits for review"


def _facts(number: int) -> str:
    return "1 fact" if number == 1 else f"{number} facts"


def shown(
    course: Course, batch: ImportBatch, found: Review, by: Actor, now: datetime, typed: Collection[str] | None
) -> dict[str, Any]:
    """The review as its template takes it.

    Args:
        typed: ids of the facts that were ticked when something was wrong; None: nothing was sent yet, and the proposal stands ticked.
    """
    document = found.document
    chosen = {each.offer.id for each in found.placed if each.chosen} if typed is None else set(typed)
    allowed = {kind: may_record(course, kind, by, now) for kind in {each.fact.kind for each in found.placed}}
    return {
        **listed(course, batch),
        "digest": batch.sha256,
        "document_title": document.title,
        "made_on": document.made_on,
        "compared": [
            {
                "what": each.what.capitalize(),
                "there": each.there,
                "here": each.here,
                "agreement": each.agreement.value,
                "tone": TONES[each.agreement],
            }
            for each in found.compared
        ],
        "names_nobody": document.person is None,
        "differs": list(found.differences),
        "compared_nothing": found.compared_nothing,
        "harms": found.harms,
        "notes": document.notes,
        "lists": [{"name": name, "state": state} for name, state in document.lists],
        "groups": [group for name in GROUPS if (group := _group(name, found, course, chosen, allowed))["facts"]],
        "may_choose": any(each.may and allowed[each.fact.kind] for each in found.placed),
        "kept": [_kept(each) for each in document.kept],
        "kept_times": sum(each.times for each in document.kept),
        "most": MOST_AT_ONCE,
        "decisions": [
            {
                "words": "Dismissed" if each.kind == "dismissed" else f"{_facts(len(each.events))} taken",
                "by": each.decided_by.name if each.decided_by else "Handrail",
                "at": local_time(each.decided_at, course.time_zone),
                "reason": each.reason,
                "differs": ", ".join(each.differs),
            }
            for each in decisions(batch)
        ],
    }


def _group(name: str, found: Review, course: Course, chosen: set[str], allowed: dict[str, bool]) -> dict[str, Any]:
    facts = [
        _fact(each, course, chosen, may=each.may and allowed[each.fact.kind], allowed=allowed[each.fact.kind])
        for each in found.placed
        if each.offer.group == name
    ]
    first = [each for each in facts if each["ticked"]] + [each for each in facts if not each["ticked"]]
    return {
        "name": name,
        "title": GROUP_WORDS[name],
        "facts": facts,
        "first": first[:AT_FIRST],
        "rest": first[AT_FIRST:],
    }


def _fact(placed: Placed, course: Course, chosen: set[str], *, may: bool, allowed: bool) -> dict[str, Any]:
    event = placed.offer.event
    when = local_time(placed.fact.at, course.time_zone)
    return {
        "id": placed.offer.id,
        "words": sentence(placed.fact),
        "at": f"{event['at'][:10]}, time of day not said" if event.get("x_date_only") else when,
        "entry": placed.offer.entry,
        "as_sent": ", ".join(_as_sent(event)),
        "why": placed.why if allowed or not placed.may else NOT_YOURS,
        "may": may,
        "ticked": may and placed.offer.id in chosen,
    }


def _as_sent(event: Any) -> Iterator[str]:
    if event.get("weight_kg"):
        yield f"{event['weight_kg']} kg"
    if event.get("x_status"):
        yield str(event["x_status"])
    for name, value in event.items():
        if name.endswith("as_sent"):
            yield f"sent as {value}"
    if event.get("x_dosage"):
        yield str(event["x_dosage"])
    if event.get("x_code"):
        yield f"{event.get('x_system', 'no system')} {event['x_code']}"


def _kept(item: Kept) -> dict[str, Any]:
    code = f"{item.system or 'no system'} {item.code}" if item.code else ""
    return {
        "words": item.display or item.code or "without a name",
        "code": code,
        "why": item.why,
        "times": item.times,
        "entry": item.entry,
    }
