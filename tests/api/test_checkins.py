"""POST /api/checkins: who may, what is refused and how, and the same check twice."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from handrail import clock
from handrail.actions import checkins
from handrail.actions.links import revoke_link
from handrail.people.scope import everything
from handrail.records.models import Look
from tests.support.checkins import Home, make_home, quiet_json
from tests.support.factories import MONDAY_0900

pytestmark = pytest.mark.django_db

EVENING = MONDAY_0900 + timedelta(hours=10, minutes=30)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home() -> Home:
    return make_home()


@pytest.fixture
def phone(home: Home) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.get(f"/c/{home.token}")
    return client


def post(client: Client, body: Any, **headers: str) -> Any:
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post("/api/checkins", data, content_type="application/json", headers=headers)


def error_of(response: Any) -> dict[str, str]:
    body = response.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "path"}, "the one shape"
    assert response["Cache-Control"] == "no-store"
    return body["error"]


def test_a_check_is_saved_and_the_truth_comes_back(phone: Client, home: Home):
    body = quiet_json(home, temperature="101.1")
    response = post(phone, body)
    assert response.status_code == 201 and response["Cache-Control"] == "no-store"
    assert response.json() == {
        "id": body["id"],
        "truth": "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called.",
        "instructions": [
            "Call the number below now. You must be seen within the hour.",
            "Take fever medicine only if your team told you to.",
            "Do not stay alone.",
        ],
        "call": "555-0111",
        "next_check": "Tuesday, March 3, 2:00 AM CST",
        "tone": "now",
        "ask_again_after": 15,
        "take": None,
        "doors": [],
    }
    assert home.checks()[0].payload["temperature_c"] == "38.4" and home.alerts() == ["RED-3"]
    with everything():
        assert Look.objects.filter(course=home.course, what="api_checkins", link=home.issued.link.pk).count() == 1


def test_the_same_check_again_gives_the_same_answer(phone: Client, home: Home, frozen: clock.FrozenClock):
    body = quiet_json(home, temperature="101.1", waited_seconds=0.4)
    first = post(phone, body)
    frozen.advance(minutes=2)
    again = post(phone, body | {"waited_seconds": 120.4})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(home.checks()) == 1 and home.alerts() == ["RED-3"]


def test_other_content_under_the_same_id_is_refused(phone: Client, home: Home):
    body = quiet_json(home)
    post(phone, body)
    response = post(phone, body | {"temperature": "101.1"})
    assert response.status_code == 409 and error_of(response)["code"] == "duplicate_id"
    assert len(home.checks()) == 1


# --- when it was written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "before_now"),
    [
        ({}, timedelta()),
        ({"written_at": (EVENING - timedelta(minutes=20)).isoformat()}, timedelta(minutes=20)),
        ({"written_at": (EVENING + timedelta(days=9)).isoformat()}, timedelta()),
        ({"waited_seconds": 600}, timedelta(minutes=10)),
        ({"waited_seconds": 600, "written_at": "1970-01-01T00:00:00Z"}, timedelta(minutes=10)),
        ({"waited_seconds": 10**12}, EVENING - MONDAY_0900),  # no phone waits since before the course
        ({"written_at": "1970-01-01T00:00:00Z"}, EVENING - MONDAY_0900),
    ],
)
def test_a_check_happened_when_it_was_written_and_never_later_than_now(
    phone: Client, home: Home, fields: dict[str, Any], before_now: timedelta
):
    assert post(phone, quiet_json(home, **fields)).status_code == 201
    [check] = home.checks()
    assert (check.occurred_at, check.recorded_at) == (EVENING - before_now, EVENING)


def test_in_a_hurried_demonstration_the_wait_is_hurried_too(home: Home, phone: Client):
    fast = clock.FastClock(60, EVENING, clock.SystemClock().now())
    with clock.use(fast):
        assert post(phone, quiet_json(home, waited_seconds=2)).status_code == 201
    [check] = home.checks()
    assert check.recorded_at - check.occurred_at == timedelta(minutes=2)


# --- who may --------------------------------------------------------------------------------------------------------


def test_the_token_itself_opens_the_door_too(home: Home):
    response = post(Client(), quiet_json(home), authorization=f"Bearer {home.token}")
    assert response.status_code == 201 and len(home.checks()) == 1


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer " + "x" * 43}, {"authorization": "Basic eDp5"}])
def test_without_a_good_link_nothing_is_taken(home: Home, headers: dict[str, str]):
    response = post(Client(), quiet_json(home), **headers)
    assert response.status_code == 401 and error_of(response)["code"] == "link_over"
    assert home.checks() == []


def test_a_link_that_is_over_says_whom_to_call(phone: Client, home: Home):
    revoke_link(home.course.pk, home.issued.link.pk, by=home.world.actor("alice"))
    response = post(phone, quiet_json(home))
    assert response.status_code == 401 and "555-0111" in error_of(response)["message"]
    assert home.checks() == []


def test_a_check_written_under_another_link_is_refused(phone: Client, home: Home):
    other = make_home(home.world)
    response = post(phone, quiet_json(other))
    assert response.status_code == 409 and error_of(response)["code"] == "other_link"
    assert home.checks() == [] and other.checks() == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
def test_another_site_is_refused(phone: Client, home: Home, headers: dict[str, str]):
    response = post(phone, quiet_json(home), **headers)
    assert response.status_code == 403 and error_of(response)["code"] == "other_site"
    assert home.checks() == []


def test_its_own_page_is_not(phone: Client, home: Home):
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert post(phone, quiet_json(home), **own).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_what_a_form_of_another_site_could_send_is_refused(phone: Client, home: Home, kind: str):
    response = phone.post("/api/checkins", json.dumps(quiet_json(home)), content_type=kind)
    assert response.status_code == 415 and error_of(response)["code"] == "not_json"
    assert home.checks() == []


def test_what_became_of_a_check_can_be_asked_later(phone: Client, home: Home, frozen: clock.FrozenClock):
    body = quiet_json(home, temperature="101.1")
    first = post(phone, body).json()
    frozen.advance(minutes=1)
    assert phone.get(f"/api/checkins?id={body['id']}").json() == first
    stranger = make_home(home.world)
    other = Client()
    other.get(f"/c/{stranger.token}")
    response = other.get(f"/api/checkins?id={body['id']}")
    assert response.status_code == 404 and error_of(response)["code"] == "not_found"
    assert Client().get(f"/api/checkins?id={body['id']}").status_code == 401
    assert error_of(phone.get("/api/checkins"))["path"] == "id"


def test_nothing_else_than_get_and_post(phone: Client):
    response = phone.delete("/api/checkins")
    assert response.status_code == 405 and error_of(response)["code"] == "method_not_allowed"


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": "seven"}, "id"),
        ({"temperature": 98.2}, "temperature"),
        ({"temperature": "9" * 21}, "temperature"),
        ({"temperature": "9\x00"}, "temperature"),
        ({"unit": "K"}, "unit"),
        ({"antipyretic": "maybe"}, "antipyretic"),
        ({"symptoms": "cough"}, "symptoms"),
        ({"symptoms": ["Coughs a lot!"]}, "symptoms.0"),
        ({"symptoms": ["cough"] * 41}, "symptoms"),
        ({"none_of_these": "yes"}, "none_of_these"),
        ({"home_neuro": {"year": "perhaps"}}, "home_neuro.year"),
        ({"home_neuro": {"name": "right"}}, "home_neuro.name"),
        ({"spo2_percent": "97"}, "spo2_percent"),
        ({"pulse_per_min": True}, "pulse_per_min"),
        ({"written_at": "2026-03-02T19:30:00"}, "written_at"),
        ({"waited_seconds": -1}, "waited_seconds"),
        ({"at": "2026-03-02T19:30:00Z"}, "at"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(phone: Client, home: Home, changes: dict[str, Any], path: str):
    response = post(phone, quiet_json(home, **changes))
    assert response.status_code == 422 and error_of(response)["path"] == path
    assert home.checks() == []


@pytest.mark.parametrize("body", ["{", "[]", "7", '"x"', "\ufeff{}"])
def test_what_is_not_an_object_is_refused(phone: Client, home: Home, body: str):
    assert post(phone, body).status_code == 422 and home.checks() == []


def test_what_is_too_large_is_refused_unread(phone: Client, home: Home):
    response = post(phone, quiet_json(home, judged_by="x" * 30_000))
    assert response.status_code == 413 and error_of(response)["code"] == "too_large"


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"temperature": "384"}, "ask.temperature.implausible", "temperature"),
        ({"temperature": "38.4"}, "ask.temperature.looks_celsius", "temperature"),
        ({"symptoms": ["cough"]}, "ask.symptoms.contradiction", "symptoms"),
        ({"home_neuro": {}}, "ask.home_neuro.missing", "home_neuro"),
    ],
)
def test_a_sender_who_is_not_sure_is_asked_once_more(
    phone: Client, home: Home, changes: dict[str, Any], code: str, path: str
):
    body = quiet_json(home, **changes)
    response = post(phone, body)
    assert response.status_code == 422
    assert (error_of(response)["code"], error_of(response)["path"]) == (code, path)
    assert home.checks() == []
    assert post(phone, body | {"sure": True}).status_code == 201


def test_an_implausible_temperature_is_kept_and_marked(phone: Client, home: Home):
    response = post(phone, quiet_json(home, temperature="384", sure=True))
    assert home.checks()[0].payload["implausible"] == ["temperature_c"]
    assert any("does not count" in line for line in response.json()["instructions"])


def test_a_box_that_this_policy_does_not_know_calls_somebody(phone: Client, home: Home):
    post(phone, quiet_json(home, symptoms=["tingling_hands"], none_of_these=False))
    assert home.alerts() == ["AMBER"]


def test_the_answer_is_in_the_patients_language(phone: Client, home: Home):
    home.set_patient(language="es")
    answer = post(phone, quiet_json(home)).json()
    assert answer["truth"] == "Guardado: lunes, 2 de marzo, 7:30 PM CST."
    assert answer["instructions"] == ["Gracias. No tiene que hacer nada más ahora."]
    assert answer["next_check"].startswith("martes")


def test_no_error_and_no_log_repeats_what_was_sent(phone: Client, home: Home, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        answers = [
            post(phone, quiet_json(home, temperature="101.73", unit="secret-unit")),
            post(phone, quiet_json(home, temperature="101.73")),
            post(phone, quiet_json(home, symptoms=["secret sign"])),
            post(Client(), quiet_json(home, temperature="101.73"), authorization=f"Bearer {home.token}"),
        ]
    said = " ".join(answer.content.decode() for answer in answers)
    log = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))
    for secret in ("101.73", "secret-unit", "secret sign", home.token):
        assert secret not in said and secret not in log


def test_too_many_are_answered_with_the_number_to_call(phone: Client, home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkins, "MOST_AN_HOUR", 1)
    assert post(phone, quiet_json(home)).status_code == 201
    answer = post(phone, quiet_json(home))
    assert answer.status_code == 429
    error = error_of(answer)
    assert error["code"] == "too_many"
    assert "not saved" in error["message"]
    assert error["message"].endswith("Call 555-0111.")
    assert post(phone, quiet_json(home, temperature="101.2")).status_code == 201
    assert len(home.checks()) == 2
