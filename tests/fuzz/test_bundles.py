"""Mutated Bundles at the FHIR door: no failure of ours, a refusal says what to do, and nothing is ever half kept.

make fuzz                      10,000 of them; prints the figures and the seed
HANDRAIL_FUZZ_SEED=7 make fuzz
"""

import json
import os
import random
import sys
from collections import Counter
from datetime import timedelta
from itertools import islice

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from handrail import clock
from handrail.actions.packets import packet_of
from handrail.fhir.handoff_document import document_of, written
from handrail.people.owned import OwnedModel
from handrail.people.scope import everything
from tests.support.bundles import SHIPPED, shipped
from tests.support.clients import NUMBER, SYSTEM, registered, tied, token_of
from tests.support.factories import MONDAY_0900, World
from tests.support.mutations import mutated
from tests.support.packets import told

pytestmark = pytest.mark.django_db
FULL = os.environ.get("HANDRAIL_FUZZ") == "full"
SEED = int(os.environ.get("HANDRAIL_FUZZ_SEED", "20260302"))
HOW_MANY = 10_000 if FULL else 300
NEW_TOKEN_EVERY = 250
NOW = MONDAY_0900 + timedelta(days=9)
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.client = registered(world)
        tied(world, world.client)
        yield world


def coded(loinc, value, unit):
    return {
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def observation(number, **fields):
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "https://devices.example/readings", "value": str(number)}],
        "subject": {"identifier": {"system": SYSTEM, "value": NUMBER}},
        "effectiveDateTime": (NOW - timedelta(minutes=3)).isoformat(),
    } | fields


def sent(*resources, kind):
    entries = [{"resource": each, "request": {"method": "POST", "url": "Observation"}} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def sound(world):
    """Bundles that are taken, and whole records of other systems: as they are, and as somebody might post them."""
    panel = {
        "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
        "component": [coded("8480-6", 118, "mm[Hg]"), coded("8462-4", 76, "mm[Hg]")],
    }
    readings = [
        observation(1, **coded("8310-5", 38.4, "Cel")),
        observation(2, **panel),
        observation(3, **coded("29463-7", 70, "kg")),
        observation(4, **coded("8867-4", 72, "/min")),
    ]
    found = [
        sent(*readings, kind="transaction"),
        sent(*readings, kind="batch"),
        sent(readings[0], kind="transaction"),
    ] * 4
    with everything():
        packet = packet_of(world.course, NOW)
    document = json.loads(written(document_of(packet.to_json(), version="v", number=1, sha256=packet.sha256)))
    for whole in [document, *(json.loads(shipped(name)) for name in SHIPPED)]:
        some = {**whole, "entry": whole["entry"][:12]}
        found += [some, sent(*(each["resource"] for each in some["entry"]), kind="batch")]
    return found


def counts():
    """How many rows every table of an organisation has."""
    tables = sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedModel))
    query = " UNION ALL ".join(f"SELECT '{table}', COUNT(*) FROM {table}" for table in tables)
    with everything(), connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


def judged(answer, before, after):
    """What is wrong with an answer, in words; nothing when it is as it should be."""
    if answer.status_code >= 500:
        return f"status {answer.status_code}"
    body = json.loads(answer.content)
    if answer.status_code != 200:
        if body.get("resourceType") != "OperationOutcome" or len(body["issue"][0]["diagnostics"]) < 20:
            return "a refusal that does not say what to do"
        grown = {table: after[table] - before[table] for table in after if after[table] != before[table]}
        return f"refused, and yet kept: {grown}" if grown else ""
    statuses = [each["response"]["status"] for each in body["entry"]]
    new = after["records_event"] - before["records_event"]
    mine = statuses.count("201")
    if mine == 0 and after != before:
        return "nothing was taken, and yet something was kept"
    if new < mine:
        return f"{mine} said to be taken, {new} kept"
    if body["type"] == "transaction-response" and not set(statuses) <= {"200", "201"}:
        return "a transaction that was taken in part"
    refused = [each["response"] for each in body["entry"] if each["response"]["status"] >= "400"]
    if any(each["outcome"]["resourceType"] != "OperationOutcome" or each["status"] >= "500" for each in refused):
        return "an entry was refused without a reason"
    return ""


def bundles(world, seed):
    """Endless mutated bundles, numbered; each follows from the seed and its number alone."""
    whole = sound(world)
    number = 0
    while True:
        chance = random.Random(f"{seed}:{number}")
        name, body = mutated(chance.choice(whole), chance)
        yield number, name, body
        number += 1


@pytest.mark.slow
def test_no_mutated_bundle_fails_or_is_half_kept(world, caplog):
    faults, statuses, kinds = [], Counter(), Counter()
    client, token = Client(raise_request_exception=False), ""
    for number, name, body in islice(bundles(world, SEED), HOW_MANY):
        if number % NEW_TOKEN_EVERY == 0:
            token = token_of(world.client)
            if FULL and number:
                sys.stdout.write(f"{number:>6} asked, {len(faults)} faults\n")
                sys.stdout.flush()
        with transaction.atomic():
            before = counts()
            answer = client.post(
                "/fhir", body, content_type="application/fhir+json", headers={"Authorization": f"Bearer {token}"}
            )
            wrong = judged(answer, before, counts())
            transaction.set_rollback(True)
        statuses[answer.status_code] += 1
        kinds.update(name.split("+"))
        if wrong:
            faults.append(f"seed {SEED}, number {number} ({name}): {wrong}; {body[:300]!r}")
    sys.stdout.write(
        f"\nmutated bundles: {HOW_MANY}, seed {SEED}; answers {dict(sorted(statuses.items()))}; "
        f"faults {len(faults)}; changes {dict(sorted(kinds.items()))}\n"
    )
    assert faults == []
    assert statuses[200] > 0 and statuses[400] > 0 and statuses[422] > 0, "the mutants reach every part of the door"


def test_the_sound_ones_are_taken_so_that_a_mutant_has_something_to_lose(world):
    token = token_of(world.client)
    for body in sound(world)[:3]:
        with transaction.atomic():
            before = counts()
            answer = Client().post(
                "/fhir",
                json.dumps(body),
                content_type="application/fhir+json",
                headers={"Authorization": f"Bearer {token}"},
            )
            assert {each["response"]["status"] for each in answer.json()["entry"]} == {"201"}
            assert judged(answer, before, counts()) == ""
            assert counts()["records_event"] - before["records_event"] >= len(body["entry"])
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("status", "body", "grown", "words"),
    [
        (500, {}, 0, "status 500"),
        (422, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no"}]}, 0, "does not say"),
        (422, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "x" * 30}]}, 1, "and yet kept"),
        (200, {"type": "batch-response", "entry": [{"response": {"status": "201"}}]}, 0, "1 said to be taken"),
        (200, {"type": "batch-response", "entry": [{"response": {"status": "200"}}]}, 1, "nothing was taken"),
        (
            200,
            {"type": "transaction-response", "entry": [{"response": {"status": s}} for s in ("201", "422")]},
            1,
            "in part",
        ),
    ],
)
def test_the_judge_finds_planted_faults(status, body, grown, words):
    class Answer:
        status_code = status
        content = json.dumps(body).encode()

    assert words in judged(Answer, {"records_event": 0}, {"records_event": grown})
