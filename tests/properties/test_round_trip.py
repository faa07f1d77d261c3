"""Our own hand-off document, read by another organisation: the facts come back field by field, as far as the document carries them.

What is expected is taken from the history of the generated course and not from the packet, so that both ways are judged.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given

from handrail.fhir.codes import code_table
from handrail.fhir.foreign import read_foreign
from handrail.fhir.handoff_document import document_of, written
from handrail.rules.coursefile import event_from_json
from handrail.rules.events import Event
from handrail.rules.foreign import ForeignDocument, Standing, beside
from handrail.rules.history import History
from handrail.rules.packet import packet
from handrail.rules.validity import Judged
from tests.support.histories import Case, cases

VERSION = "7c9a3a34-58f5-4b6e-9d38-0c6a1a6a9c11"
OTHER = "another course"
VITALS = ("temperature_c", "systolic_mmhg", "diastolic_mmhg", "pulse_per_min", "breaths_per_min", "spo2_percent")
TAKEN = ("prophylaxis", "home")
Said = tuple[Any, ...]


def sent(answer: Judged) -> bytes:
    made = packet(answer.protocol, answer.policy, answer.history, answer.answer)
    return written(document_of(made.to_json(), version=VERSION, number=1, sha256=made.sha256))


def came(answer: Judged, course_id: str = OTHER) -> ForeignDocument:
    zone, product = answer.history.course.time_zone, answer.protocol.product.product
    return read_foreign(sent(answer), course_id=course_id, zone=zone, now=answer.answer.at, product=product)


def facts(found: ForeignDocument, zone: str) -> list[Event]:
    return [event_from_json(offer.event, zone=zone) for offer in found.offers]


# --- what was there, from the history, and what came back, in the same words ------------------------------------------


def doses(events: list[Event]) -> Iterator[Said]:
    """A dose whose start was asked and is not known has no time to come back with."""
    for event in events:
        if event.kind == "dose_given" and "started_at" not in event.nulls:
            body = event.body
            yield body.started_at or event.at, body.step, body.dose_mg, body.route, body.lot


def medicines(events: list[Event]) -> Iterator[Said]:
    """What is taken in the long run: the latest of each agent, without its route."""
    latest: dict[str, Said] = {}
    for event in events:
        if event.kind == "medicine_given" and event.body.agent:
            body = event.body
            if body.purpose in TAKEN:
                latest[body.agent] = (event.at, body.agent, body.dose_mg, None, body.purpose)
            else:
                yield event.at, body.agent, body.dose_mg, body.route, body.purpose
    yield from latest.values()


def readable(event: Event) -> bool:
    """A laboratory value that a document can carry: a known word, or a number in a unit that is read."""
    body = event.body
    if body.result is not None:
        return True
    row = next((row for row in code_table().fact if row.code == body.code), None)
    if body.value is None or not body.unit or (row is not None and body.unit not in row.units):
        return False
    limits = code_table().limits_of(body.code, body.unit)
    return body.value >= 0 if limits is None else bool(limits.low <= body.value <= limits.high)


def labs(events: list[Event]) -> Iterator[Said]:
    for event in events:
        if event.kind == "lab_resulted" and event.body.code is not None and readable(event):
            body = event.body
            value = (body.value, body.unit, body.low, body.high) if body.result is None else (None,) * 4
            yield event.at, body.code, body.result, *value


def signs(events: list[Event]) -> Iterator[Said]:
    """The last known reading of each vital sign."""
    for name in VITALS:
        taken = [e for e in events if e.kind == "vitals_measured" and getattr(e.body, name) is not None]
        if taken:
            yield taken[-1].at, name, Decimal(getattr(taken[-1].body, name))


def weights(events: list[Event]) -> Iterator[Said]:
    taken = [(e.at, e.body.weight_kg) for e in events if e.kind == "weight_measured" and e.body.weight_kg is not None]
    yield from taken[-1:]


def conditions(events: list[Event]) -> Iterator[Said]:
    """The last word on each, unless it is that the condition is not there."""
    noted = [e for e in events if e.kind == "condition_noted" and e.body.what]
    for event in {e.body.what: e for e in noted}.values():
        if event.body.active is not False:
            codes = (event.extra.get("x_system"), event.extra.get("x_code"))
            yield event.at, event.body.what.replace("_", " "), event.body.grade, event.body.active, *codes


READERS = (doses, medicines, labs, signs, weights, conditions)


def ordered(said: Iterator[Said]) -> list[Said]:
    return sorted(set(said), key=repr)


def in_force(history: History, now: datetime) -> list[Event]:
    return list(history.until(now).events)


# --- the properties ---------------------------------------------------------------------------------------------------


@given(cases())
def test_the_facts_come_back_field_by_field(case: Case):
    answer = case.judged()
    there, back = in_force(answer.history, answer.answer.at), facts(came(answer), answer.history.course.time_zone)
    for reader in READERS:
        assert ordered(reader(back)) == ordered(reader(there)), reader.__name__


@given(cases())
def test_nothing_comes_back_that_was_not_there(case: Case):
    answer = case.judged()
    found = came(answer)
    kinds = {offer.event["kind"] for offer in found.offers}
    assert kinds <= {
        "dose_given",
        "medicine_given",
        "lab_resulted",
        "vitals_measured",
        "weight_measured",
        "condition_noted",
        "note_added",
    }
    notes = [offer.event["text"] for offer in found.offers if offer.event["kind"] == "note_added"]
    assert all(words.startswith(("In the document: ", "ECOG performance status ")) for words in notes)
    assert found.ours and found.sender == "not known"


@given(cases())
def test_every_fact_of_our_own_document_is_known_where_it_comes_from(case: Case):
    """Whatever is read of it stands on the course that wrote it: nothing of it could be recorded there a second time."""
    answer = case.judged()
    placed = beside(came(answer).offers, answer.history, answer.history.course.time_zone)
    measured = [
        each
        for each in placed
        if each.fact.kind not in ("note_added", "dose_given", "medicine_given", "condition_noted")
    ]
    assert {each.standing for each in measured} <= {Standing.KNOWN}


@given(cases())
def test_the_same_bytes_give_the_same_facts_with_the_same_ids(case: Case):
    answer = case.judged()
    first, again = came(answer), came(answer)
    assert [json.dumps(dict(each.event)) for each in first.offers] == [
        json.dumps(dict(each.event)) for each in again.offers
    ]
    assert not {each.id for each in first.offers} & {each.id for each in came(answer, "a third course").offers}
