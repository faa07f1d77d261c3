"""What a device sends: taken once, judged as a check-in is, kept when it cannot be believed, and never for a guessed patient."""

import copy
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail import clock
from handrail.actions.clients import tie_device, untie_device
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert
from handrail.fhir.device_codes import FILE, device_codes_from_toml
from handrail.people.models import AccessToken, DeviceLink
from handrail.people.scope import everything
from handrail.records.models import Event
from handrail.rules.strict import ProtocolDataError
from tests.fhir.validators.judge import Judge
from tests.support.clients import NUMBER, SYSTEM, registered, tied, token_of
from tests.support.factories import MONDAY_0900, World, checkin, dose

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=27)
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        given = NOW - timedelta(hours=26)
        record_event(world.course.pk, dose("step_up_1", mg="4.8", at=given), by=world.actor("alice"), now=given)
        world.client = registered(world)
        tied(world, world.client)
        world.token = token_of(world.client)
        yield world


def quantity(value, unit):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def code(loinc):
    return {"coding": [{"system": LOINC, "code": loinc}]}


def observation(loinc="8310-5", value=38.4, unit="Cel", at=NOW - timedelta(minutes=3), number=NUMBER, **fields):
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "https://devices.example/readings", "value": str(uuid4())}],
        "code": code(loinc),
        "subject": {"identifier": {"system": SYSTEM, "value": number}},
        "effectiveDateTime": at.isoformat(),
        "valueQuantity": quantity(value, unit),
    } | fields


def pressure(systolic, diastolic):
    parts = [
        {"code": code("8480-6"), "valueQuantity": quantity(systolic, "mm[Hg]")},
        {"code": code("8462-4"), "valueQuantity": quantity(diastolic, "mm[Hg]")},
    ]
    found = observation("85354-9", component=parts)
    del found["valueQuantity"]
    return found


def bundle(*resources, kind="transaction"):
    entries = [{"resource": each, "request": {"method": "POST", "url": "Observation"}} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def send(world, body, *, token=None, path=None, content_type="application/fhir+json"):
    where = path or (
        "/fhir" if isinstance(body, dict) and body.get("resourceType") == "Bundle" else "/fhir/Observation"
    )
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    shown = world.token if token is None else token
    return Client().post(where, data, content_type=content_type, headers={"Authorization": f"Bearer {shown}"})


def events(*kinds):
    with everything():
        rows = Event.objects.filter(kind__in=kinds or ("vitals_measured", "weight_measured"))
        return list(rows.order_by("recorded_at", "id"))


TAKEN = [
    # observation                                       | what stands in the event
    (observation(), {"temperature_c": "38.4"}),
    (observation(value=101.1, unit="[degF]"), {"temperature_c": "38.4", "x_temperature_as_sent": "101.1 [degF]"}),
    (observation("8480-6", 118, "mm[Hg]"), {"systolic_mmhg": 118}),
    (observation("8867-4", 72.0, "/min"), {"pulse_per_min": 72}),
    (observation("2708-6", 97, "%"), {"spo2_percent": 97}),
    (observation("59408-5", 97, "%"), {"spo2_percent": 97}),
    (observation("29463-7", 70.5, "kg"), {"weight_kg": "70.5"}),
    (observation("29463-7", 154, "[lb_av]"), {"weight_kg": "69.85"}),
    (pressure(118, 76), {"systolic_mmhg": 118, "diastolic_mmhg": 76}),
]


@pytest.mark.parametrize(("sent", "kept"), TAKEN)
def test_what_is_taken_stands_in_the_record_as_measured(world, sent, kept):
    answer = send(world, sent)
    assert answer.status_code == 201, answer.content
    assert answer["Content-Type"].startswith("application/fhir+json")
    [row] = events()
    assert {name: row.payload.get(name) for name in kept} == kept
    assert (row.source, row.by_id if hasattr(row, "by_id") else str(world.client.pk)) == (
        "device",
        str(world.client.pk),
    )
    assert row.occurred_at == NOW - timedelta(minutes=3)


def test_a_fever_pages_as_one_from_a_checkin_does(world):
    answer = send(world, observation())
    with everything():
        mine = [(a.key, a.urgency, a.ladder) for a in Alert.objects.filter(course=world.course).order_by("key")]
    assert mine
    assert answer.json()["issue"][0]["diagnostics"]
    other = World()
    given = NOW - timedelta(hours=26)
    record_event(other.course.pk, dose("step_up_1", mg="4.8", at=given), by=other.actor("alice"), now=given)
    fever = checkin(at=NOW - timedelta(minutes=3), temperature_c="38.4")
    receive_checkin(other.course.pk, fever, by=other.actor("alice"), now=NOW)
    with everything():
        theirs = [(a.key, a.urgency, a.ladder) for a in Alert.objects.filter(course=other.course).order_by("key")]
    fevers = [[row[1:] for row in rows if row[0].startswith("report:")] for rows in (mine, theirs)]
    assert fevers[0] == fevers[1] and fevers[0]
    assert [any(row[0].startswith("overdue:") for row in rows) for rows in (mine, theirs)] == [True, False], (
        "a sensor answers no check"
    )


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "field"),
    [
        ("8310-5", 370, "Cel", "temperature_c"),
        ("29463-7", 700, "kg", "weight_kg"),
        ("8310-5", 0, "Cel", "temperature_c"),
    ],
)
def test_an_implausible_reading_is_kept_and_marked_and_said(world, loinc, value, unit, field):
    answer = send(world, observation(loinc, value, unit))
    [row] = events()
    assert answer.status_code == 201
    assert row.payload["implausible"] == [field]
    assert answer.json()["issue"][0]["severity"] == "warning"
    assert field in answer.json()["issue"][0]["diagnostics"]


def test_the_same_twice_is_one_event(world):
    sent = observation()
    first, again = send(world, sent), send(world, sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first["Location"] == again["Location"]
    assert len(events()) == 1


def test_without_an_identifier_the_content_is_what_makes_it_the_same(world):
    sent = observation(identifier=[])
    assert [send(world, sent).status_code for _ in range(2)] == [201, 200]
    assert send(world, observation(identifier=[], value=38.5)).status_code == 201
    assert len(events()) == 2


def test_another_content_under_one_identifier_is_refused(world):
    sent = observation()
    send(world, sent)
    answer = send(world, sent | {"valueQuantity": quantity(36.6, "Cel")})
    assert answer.status_code == 409
    assert [row.payload["temperature_c"] for row in events()] == ["38.4"]


def test_a_clock_that_is_ahead_measured_now_and_once(world):
    sent = observation(at=NOW + timedelta(minutes=7))
    assert send(world, sent).status_code == 201
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=2))):
        assert send(world, sent).status_code == 200
    [row] = events()
    assert row.occurred_at == NOW
    assert row.payload["x_measured_at_as_sent"] == sent["effectiveDateTime"]


def without(name, **fields):
    found = observation(**fields)
    del found[name]
    return found


REFUSED = {
    "no JSON": ("{", 400),
    "no object": ("[]", 400),
    "not a number": ('{"resourceType":"Observation","x":NaN}', 400),
    "one key twice": ('{"status":"final","status":"final"}', 400),
    "another resource": ({"resourceType": "Patient"}, 422),
    "entered in error": (observation(status="entered-in-error"), 422),
    "preliminary": (observation(status="preliminary"), 422),
    "modifier": (observation(modifierExtension=[{"url": "https://x.example/not"}]), 422),
    "no patient": (without("subject"), 422),
    "a reference": (observation(subject={"reference": "Patient/1"}), 422),
    "a name": (observation(subject={"display": "Synthia Testperson"}), 422),
    "half an identifier": (observation(subject={"identifier": {"value": NUMBER}}), 422),
    "unknown patient": (observation(number="D-18"), 422),
    "a day": (observation(effectiveDateTime="2026-03-03"), 422),
    "no offset": (observation(effectiveDateTime="2026-03-03T10:00:00"), 422),
    "no time": (without("effectiveDateTime"), 422),
    "before the course": (observation(at=NOW - timedelta(days=900)), 422),
    "no code": (without("code"), 422),
    "another code": (observation("2339-0", 90, "mg/dL"), 422),
    "two meanings": (observation(code={"coding": [*code("8310-5")["coding"], *code("8867-4")["coding"]]}), 422),
    "no value": (without("valueQuantity"), 422),
    "a value in words": (observation(value="38.4"), 422),
    "a bound": (observation(valueQuantity=quantity(38, "Cel") | {"comparator": ">"}), 422),
    "no unit": (observation(valueQuantity={"value": 38}), 422),
    "a unit in words": (observation(unit="°C"), 422),
    "another unit": (observation(unit="K"), 422),
    "half a beat": (observation("8867-4", 72.5, "/min"), 422),
    "an empty panel": (without("valueQuantity", loinc="85354-9"), 422),
    "a panel with a reading twice": (pressure(1, 2) | {"component": [pressure(1, 2)["component"][0]] * 2}, 422),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_refusal_says_what_to_do_and_keeps_nothing(world, name, caplog):
    body, status = REFUSED[name]
    answer = send(world, body)
    assert answer.status_code == status, answer.content
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert len(outcome["issue"][0]["diagnostics"]) > 20
    assert NUMBER not in answer.content.decode()
    assert events() == []
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/fhir/Observation", "/fhir"])
def test_without_a_good_token_nothing_is_read(world, path):
    for token in ("", "wrong", "x" * 5000):
        answer = send(world, observation(), token=token, path=path)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    with everything():
        AccessToken.objects.update(scopes=[])
    assert send(world, observation(), path=path).status_code == 403
    assert send(world, observation(), path=path, content_type="text/xml").status_code == 403
    assert Client().get(path).status_code == 405
    assert events() == []


def test_another_form_is_refused_by_name(world):
    assert send(world, observation(), content_type="application/fhir+xml").status_code == 415


def test_a_transaction_is_kept_whole(world):
    answer = send(world, bundle(observation(), pressure(118, 76), observation("29463-7", 70, "kg")))
    assert answer.status_code == 200, answer.content
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["201"] * 3
    assert len(events()) == 3


def test_one_bad_entry_leaves_nothing_of_a_transaction(world):
    with everything():
        before = (Event.objects.count(), Alert.objects.count())
    answer = send(world, bundle(observation(), observation(number="D-18"), pressure(118, 76)))
    assert answer.status_code == 422
    assert "entry[1]" in answer.json()["issue"][0]["expression"][0]
    assert "Nothing of the Bundle was kept" in answer.json()["issue"][0]["diagnostics"]
    with everything():
        assert (Event.objects.count(), Alert.objects.count()) == before


def test_each_entry_of_a_batch_stands_for_itself(world):
    answer = send(world, bundle(observation(), observation(number="D-18"), pressure(118, 76), kind="batch"))
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["201", "422", "201"]
    assert len(events()) == 2


@pytest.mark.parametrize(
    "body",
    [
        bundle(),
        bundle(*[observation()] * 201),
        bundle(observation(), kind="collection"),
        bundle(observation()) | {"entry": [{"resource": observation()}]},
        bundle(observation()) | {"entry": [None]},
        bundle(observation()) | {"entry": "many"},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "POST", "url": "Observation"}}]},
        bundle(observation())
        | {"entry": [{"resource": observation(), "request": {"method": "PUT", "url": "Observation"}}]},
    ],
)
def test_a_bundle_that_is_no_list_of_observations_is_refused(world, body):
    answer = send(world, body)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert events() == []


def test_an_identifier_means_one_course_of_one_client(world):
    with pytest.raises(NotVisibleError):
        tie_device(world.course.pk, world.client.pk, SYSTEM, "D-2", by=world.actor("charlie"))
    with pytest.raises(NotAllowedError):
        tie_device(world.course.pk, world.client.pk, SYSTEM, "D-2", by=world.actor("bob"))
    other = registered(world, who="bob")
    with pytest.raises(RefusedError):
        tied(world, other)  # a client of another organisation
    with pytest.raises(RefusedError):
        tied(world, world.client, value=" ")
    assert tied(world, world.client) == tied(world, world.client)
    with everything():
        link = DeviceLink.objects.get()
    assert NUMBER not in link.value_hash
    answer = send(world, observation(), token=token_of(other))
    assert answer.status_code == 422


def test_an_identifier_that_was_ended_means_nobody(world):
    with everything():
        link = DeviceLink.objects.get()
    untie_device(world.course.pk, link.pk, by=world.actor("alice"))
    assert send(world, observation()).status_code == 422
    tied(world, world.client)
    assert send(world, observation()).status_code == 201


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('source = ["VITALS"]', 'source = ["NOBODY"]'),
        ('id = "pulse_per_min"', 'id = "temperature_c"'),
        ('loinc = ["8867-4"]', 'loinc = ["8310-5"]'),
        ("handrail-device-codes/1", "handrail-device-codes/9"),
    ],
)
def test_a_broken_table_of_codes_does_not_load(old, new):
    with pytest.raises(ProtocolDataError):
        device_codes_from_toml(FILE.read_text(encoding="utf-8").replace(old, new, 1))


@pytest.mark.slow
def test_every_answer_is_r4_to_two_validators(world, judge: Judge):
    bad = observation(number="D-18")
    answers = {
        "taken": send(world, observation()),
        "not believed": send(world, observation(value=370)),
        "refused": send(world, bad),
        "no JSON": send(world, "{"),
        "a transaction": send(world, bundle(observation(), pressure(118, 76))),
        "a transaction that failed": send(world, bundle(observation(), bad)),
        "a batch": send(world, bundle(observation(), bad, kind="batch")),
    }
    found = judge((name, answer.json()) for name, answer in answers.items())
    assert found == {name: [] for name in answers}


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Cel", "final", UCUM]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def paths(value, at=()):
    yield at
    if isinstance(value, dict):
        for name in value:
            yield from paths(value[name], (*at, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from paths(each, (*at, number))


@st.composite
def mutated(draw):
    """A transaction in which one to three places hold something else, or are gone."""
    body = bundle(observation(identifier=[]), pressure(118, 76), observation("29463-7", 70, "kg"))
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from([path for path in paths(body) if path]))
        holder = body
        for step in where[:-1]:
            holder = holder[step]
        if draw(st.booleans()):
            holder[where[-1]] = copy.deepcopy(draw(ANY))
        else:
            del holder[where[-1]]
    return body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=mutated())
def test_no_mutated_bundle_fails_or_is_half_kept(world, body):
    before = len(events())
    answer = send(world, json.dumps(body), path="/fhir")
    assert answer.status_code < 500
    kept = len(events()) - before
    if answer.status_code == 200:
        statuses = [entry["response"]["status"] for entry in answer.json()["entry"]]
        assert kept == statuses.count("201")
    else:
        assert kept == 0
        assert answer.json()["resourceType"] == "OperationOutcome"
