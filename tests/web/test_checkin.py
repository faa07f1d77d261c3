"""The patient's check-in as a plain form: the link, every field, and the truth after sending."""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from handrail import clock
from handrail.actions import checkins
from handrail.actions.checkin_answers import QUESTIONS
from handrail.actions.checkins import COOKIE, WORDS_OF_THE_POLICY
from handrail.actions.links import issue_checkin_link, revoke_link
from handrail.people.scope import everything
from handrail.records.models import Look
from handrail.rules.policy import load_policy
from tests.support.checkins import EVENING, Home, make_home, phone_of, quiet_form, send, text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home() -> Home:
    return make_home()


@pytest.fixture
def phone(home: Home) -> Client:
    return phone_of(home)


# --- the link -------------------------------------------------------------------------------------------------------


def test_the_token_is_exchanged_for_a_cookie_and_left_behind(home: Home):
    client = Client()
    response = client.get(f"/c/{home.token}")
    assert response.status_code == 302 and response["Location"] == "/c/"
    assert response["Referrer-Policy"] == "no-referrer" and response["Cache-Control"] == "no-store"
    cookie = response.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert home.token not in cookie.value
    page = client.get("/c/")
    assert page.status_code == 200 and page["Cache-Control"] == "no-store"
    assert home.token not in text(page)


def test_the_page_names_nobody(phone: Client, home: Home):
    page = text(phone.get("/c/"))
    with everything():
        patient = home.course.patient
    assert patient.given_name not in page and patient.family_name not in page and patient.mrn not in page


@pytest.mark.parametrize("address", ["/c/", "/c/" + "x" * 43])
def test_without_a_good_link_there_is_one_sentence_and_no_form(address: str):
    response = Client().get(address)
    assert response.status_code == 410
    assert "ask your team for a new one" in text(response) and "911" in text(response)
    assert "<form" not in text(response)


def test_an_expired_link_says_whom_to_call(phone: Client, home: Home, frozen: clock.FrozenClock):
    frozen.advance(days=31)
    for response in (phone.get("/c/"), phone.post("/c/", quiet_form(home)), Client().get(f"/c/{home.token}")):
        assert response.status_code == 410
        assert 'href="tel:5550111"' in text(response)
    assert home.checks() == []


def test_a_check_sent_after_the_link_is_over_is_said_not_to_be_sent(
    phone: Client, home: Home, frozen: clock.FrozenClock
):
    frozen.advance(days=31)
    assert "NOT sent." not in text(phone.get("/c/"))
    answer = phone.post("/c/", quiet_form(home))
    assert answer.status_code == 410
    assert "NOT sent." in text(answer)
    assert "555-0111" in text(answer)
    assert home.checks() == []


def test_a_form_without_its_secret_is_said_not_to_be_sent_and_whom_to_call(phone: Client, home: Home):
    """Somebody signed in on the same browser meanwhile, or the phone forgot its cookies but the link's."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = phone.cookies
    answer = strict.post("/c/", quiet_form(home))
    assert answer.status_code == 403
    assert "NOT sent." in text(answer)
    assert "555-0111" in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert home.checks() == []
    took = strict.post("/c/took", {"authorisation": str(uuid4()), "check": str(uuid4())})
    assert took.status_code == 403 and "Write a new check." not in text(took)
    assert "This could not be written down. Tell it to the person you call." in text(took) and "555-0111" in text(took)
    staff = strict.post("/rota/add", {})
    assert "This page was open too long" in text(staff)


def test_a_revoked_link_ends_the_cookie_too(phone: Client, home: Home):
    revoke_link(home.course.pk, home.issued.link.pk, by=home.world.actor("alice"))
    assert phone.get("/c/").status_code == 410
    assert send(phone, home).status_code == 410
    assert home.checks() == []


def test_a_forged_cookie_opens_nothing(home: Home):
    client = Client()
    client.cookies[COOKIE] = f'"{home.issued.link.pk}":forged'
    assert client.get("/c/").status_code == 410


def test_a_check_written_for_another_patient_is_refused(phone: Client, home: Home):
    other = make_home(home.world)
    response = phone.post("/c/", quiet_form(other))
    assert response.status_code == 409 and "NOT sent" in text(response) and "tel:5550111" in text(response)
    assert home.checks() == [] and other.checks() == []


def test_every_look_is_written_down(phone: Client, home: Home):
    phone.get("/c/")
    send(phone, home)
    with everything():
        looks = list(Look.objects.filter(course=home.course).order_by("at").values_list("what", "through", "link"))
    assert sorted(looks) == [(what, "link", home.issued.link.pk) for what in ("checkin", "checkin_sent")]


# --- the form -------------------------------------------------------------------------------------------------------


def test_the_boxes_are_those_of_the_policy(phone: Client):
    page = text(phone.get("/c/"))
    for row in load_policy().triage.symptom:
        assert f'value="{row.symptom}"' in page and row.words in page
    assert "Good evening." in page
    assert page.count("Synthetic patients: demonstration") == 1


def test_the_page_says_when_the_next_check_is_by_the_patients_clock(phone: Client, home: Home):
    assert "Next check: Monday, March 2, 8:00 PM CST." in text(phone.get("/c/"))
    send(phone, home)  # half an hour early counts for eight o'clock
    assert "Next check: Tuesday, March 3, 2:00 AM CST." in text(phone.get("/c/"))
    home.set_patient(clock_24h=True)
    assert "Next check: Tuesday, March 3, 02:00 CST." in text(phone.get("/c/"))


def test_a_quiet_check_is_kept_as_typed(phone: Client, home: Home):
    response = send(phone, home)
    assert response.status_code == 200
    assert "Saved Monday, March 2, 7:30 PM CST." in text(response) and "Thank you. Nothing more to do now." in text(
        response
    )
    assert 'href="tel:5550111"' in text(response) and response["Cache-Control"] == "no-store"
    [check] = home.checks()
    assert check.payload == {
        "temperature_c": "36.8",
        "temperature_as_typed": "98.2",
        "unit_as_typed": "F",
        "antipyretic_last_6_h": False,
        "symptoms": [],
        "none_of_these": True,
        "home_neuro": {"year": "right", "month": "right", "city": "right", "sentence": "right"},
        "caregiver_present": True,
    }
    assert check.occurred_at == EVENING and (check.role, check.source) == ("patient", "patient")
    assert home.alerts() == []


def test_a_caregivers_link_reports_as_a_caregiver():
    home = make_home(holder="caregiver")
    client = Client()
    client.get(f"/c/{home.token}")
    send(client, home, judged_by="caregiver")
    [check] = home.checks()
    assert check.source == "caregiver" and check.payload["x_home_neuro_judged_by"] == "caregiver"


@pytest.mark.parametrize(
    ("changes", "field", "kept"),
    [
        ({"temperature": "37,2", "unit": "C"}, "temperature_c", "37.2"),
        ({"temperature": "37,2", "unit": "C"}, "temperature_as_typed", "37,2"),
        ({"antipyretic": "yes"}, "antipyretic_last_6_h", True),
        ({"antipyretic": "not_sure"}, "antipyretic_last_6_h", None),
        ({"caregiver_present": "no"}, "caregiver_present", False),
        ({"systolic_mmhg": "118"}, "systolic_mmhg", 118),
        ({"pulse_per_min": "80"}, "pulse_per_min", 80),
        ({"spo2_percent": "97"}, "spo2_percent", 97),
        ({"medicine_pack_at_hand": "no"}, "medicine_pack_at_hand", False),
        ({"symptoms": ["rash", "dizzy"], "none_of_these": None}, "symptoms", ["dizzy", "rash"]),
        (
            {"neuro_city": "not_done"},
            "home_neuro",
            {"year": "right", "month": "right", "city": "not_done", "sentence": "right"},
        ),
    ],
)
def test_each_field_is_kept(phone: Client, home: Home, changes: dict[str, Any], field: str, kept: Any):
    assert send(phone, home, **changes).status_code == 200
    assert home.checks()[0].payload[field] == kept


def test_a_vital_sign_that_is_no_whole_number_is_asked_again_and_never_dropped(phone: Client, home: Home):
    asked = send(phone, home, pulse_per_min="98.6")
    assert asked.status_code == 422
    assert 'value="98.6"' in asked.content.decode()
    assert home.checks() == []
    assert send(phone, home, pulse_per_min="98.6", anyway="yes").status_code == 200
    [check] = home.checks()
    assert (check.payload["pulse_per_min"], check.payload["x_pulse_per_min_as_typed"]) == (None, "98.6")


# --- asked once more ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"temperature": ""}, "temperature.missing"),
        ({"temperature": "warm"}, "temperature.unreadable"),
        ({"unit": None}, "temperature.unreadable"),
        ({"temperature": "384"}, "temperature.implausible"),
        ({"temperature": "38.4"}, "temperature.looks_celsius"),
        ({"temperature": "101.1", "unit": "C"}, "temperature.looks_fahrenheit"),
        ({"antipyretic": None}, "antipyretic.missing"),
        ({"none_of_these": None}, "symptoms.missing"),
        ({"symptoms": "cough"}, "symptoms.contradiction"),
        ({"caregiver_present": None}, "caregiver_present.missing"),
        ({"neuro_month": None}, "home_neuro.missing"),
        ({"spo2_percent": "970"}, "vitals.implausible"),
    ],
)
def test_what_is_doubtful_is_asked_once_more_and_can_be_sent_anyway(
    phone: Client, home: Home, changes: dict[str, Any], code: str
):
    form = quiet_form(home, **changes)
    asked = phone.post("/c/", form)
    assert asked.status_code == 422 and home.checks() == []
    assert f'data-ask="{code}">' in text(asked), "this question is shown"
    assert text(asked).count(" hidden>") >= len(QUESTIONS) - 1, "and the others are not"
    assert f'value="{form["id"]}"' in text(asked), "under the same id"
    assert phone.post("/c/", form | {"anyway": "yes"}).status_code == 200
    assert len(home.checks()) == 1


def test_every_question_that_can_be_asked_is_on_the_page(phone: Client):
    page = text(phone.get("/c/"))
    for code in QUESTIONS:
        assert f'data-ask="{code}" hidden>' in page


@pytest.mark.parametrize(("typed", "unit"), [("384", "F"), ("384", "C"), ("38.4", "F")])
def test_an_implausible_temperature_is_kept_marked_and_counts_as_not_known(
    phone: Client, home: Home, typed: str, unit: str
):
    response = send(phone, home, temperature=typed, unit=unit, anyway="yes")
    [check] = home.checks()
    assert check.payload["temperature_as_typed"] == typed and check.payload["unit_as_typed"] == unit
    assert check.payload["implausible"] == ["temperature_c"]
    assert "this check does not count" in text(response)
    assert home.alerts() == []


def test_a_question_never_holds_back_an_emergency(phone: Client, home: Home):
    response = phone.post("/c/", {"id": str(uuid4()), "for": home.tag, "symptoms": "chest_pain"})
    assert response.status_code == 200
    assert "Call 911 now." in text(response)
    assert home.checks()[0].payload["temperature_c"] is None
    assert home.alerts() == ["RED-1"]


def test_with_a_fever_the_question_says_to_call_first(phone: Client, home: Home):
    page = text(send(phone, home, temperature="101.1", caregiver_present=None))
    assert '<p id="call-first" class="call-first"><b>Call the number below now.' in page
    quiet = text(send(phone, home, caregiver_present=None))
    assert '<p id="call-first" class="call-first" hidden>' in quiet


def test_a_word_that_no_button_sends_is_left_out(phone: Client, home: Home):
    strange = {
        "neuro_year": "maybe",
        "antipyretic": "perhaps",
        "unit": "K",
        "symptoms": "made_up",
        "pulse_per_min": "²",
    }
    assert send(phone, home, **strange, anyway="yes", id="not an id", temperature="9" * 500).status_code == 200
    payload = home.checks()[0].payload
    assert payload["home_neuro"]["year"] == "not_done" and payload["symptoms"] == []
    assert payload["temperature_c"] is None and len(payload["temperature_as_typed"]) == 20
    assert payload["pulse_per_min"] is None and payload["x_pulse_per_min_as_typed"] == "²"


# --- the truth ------------------------------------------------------------------------------------------------------


def test_a_fever_calls_somebody_and_says_who(phone: Client, home: Home):
    response = send(phone, home, temperature="101.1")
    page = text(response)
    assert "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called." in page
    assert "Call the number below now. You must be seen within the hour." in page
    assert 'href="tel:5550111"' in page
    assert home.checks()[0].payload["temperature_c"] == "38.4"
    assert home.alerts() == ["RED-3"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symptoms": "seizure"}, "Call 911 now."),
        ({"symptoms": "bad_headache"}, "Go to the emergency department now. Do not drive yourself."),
        ({"neuro_year": "wrong"}, "Go to the emergency department now. Do not drive yourself."),
        ({"neuro_year": "not_done"}, "Go to the emergency department now. Do not drive yourself."),
        ({"symptoms": "shaking_chills"}, "Call the number below now. You must be seen within the hour."),
        ({"symptoms": "rash"}, "A nurse calls you back within 30 minutes."),
        ({"temperature": "100.1"}, "Measure your temperature again in 60 minutes"),
    ],
)
def test_what_to_do_is_the_ladders_own_words(phone: Client, home: Home, changes: dict[str, Any], words: str):
    if "symptoms" in changes:
        changes["none_of_these"] = None
    assert words in text(send(phone, home, **changes))


def test_where_nobody_is_on_call_the_page_says_so(frozen: clock.FrozenClock):
    home = make_home()
    client = Client()
    frozen.advance(days=400)  # past every shift
    issued = issue_checkin_link(home.course.pk, by=home.world.actor("alice"))
    client.get(f"/c/{issued.token}")
    said = "NOBODY could be reached from here. Go to the emergency department now. Do not drive yourself."
    assert f"{said} Your programme&#x27;s number: 555-0111." in text(send(client, home, temperature="101.1"))


def test_the_same_check_again_gives_the_same_answer(phone: Client, home: Home, frozen: clock.FrozenClock):
    form = quiet_form(home, temperature="101.1")
    first = phone.post("/c/", form)
    frozen.advance(minutes=3)
    again = phone.post("/c/", form)
    told = "Saved Monday, March 2, 7:30 PM CST. The clinician on call is being called."
    assert told in text(first) and told in text(again)
    assert len(home.checks()) == 1 and home.alerts() == ["RED-3"]


def test_another_check_under_the_same_id_is_refused_aloud(phone: Client, home: Home):
    form = quiet_form(home)
    phone.post("/c/", form)
    other = phone.post("/c/", form | {"temperature": "101.1"})
    assert other.status_code == 409 and "NOT sent" in text(other) and "tel:5550111" in text(other)
    assert len(home.checks()) == 1


# --- Spanish --------------------------------------------------------------------------------------------------------


def test_a_patient_who_reads_spanish_gets_spanish(phone: Client, home: Home):
    home.set_patient(language="es")
    page = text(phone.get("/c/"))
    assert '<html lang="es"' in page and "Temperatura" in page and "escalofríos con temblor" in page
    assert "todavía no la ha revisado un traductor" in page
    assert "Próximo control: lunes, 2 de marzo, 8:00 PM CST." in page
    sent = text(send(phone, home, temperature="101.1"))
    assert "Guardado: lunes, 2 de marzo, 7:30 PM CST. Se está llamando al profesional clínico de guardia." in sent
    assert "Llame ahora al número de abajo." in sent


def test_the_language_can_be_changed_on_the_phone(phone: Client, home: Home):
    response = phone.get("/c/?language=es")
    assert response.status_code == 302 and response["Location"] == "/c/"
    assert '<html lang="es"' in text(phone.get("/c/"))
    phone.get("/c/?language=tlh")
    assert '<html lang="es"' in text(phone.get("/c/"))
    phone.get("/c/?language=en")
    assert '<html lang="en"' in text(phone.get("/c/"))


def test_nothing_that_a_patient_reads_is_left_in_english():
    policy = load_policy()
    shown = [row.words for row in policy.triage.symptom] + [row.patient_words for row in policy.ladders.values()]
    shown += [policy.nobody_words(ladder) for ladder in policy.ladders]
    with translation.override("en"):
        words = {str(each) for each in (*WORDS_OF_THE_POLICY, *QUESTIONS.values())}
    assert set(shown) <= words, "every word of the shipped policy is listed for translation"
    with translation.override("es"):
        assert [each for each in words if translation.gettext(each) == each] == []


# --- too many -------------------------------------------------------------------------------------------------------


def test_more_than_any_person_sends_is_refused_aloud_and_nothing_urgent_ever_is(
    phone: Client, home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkins, "MOST_AN_HOUR", 2)
    cache.clear()
    first = quiet_form(home)
    assert phone.post("/c/", first).status_code == 200
    assert send(phone, home).status_code == 200
    answer = send(phone, home)
    assert answer.status_code == 429
    for words in ("NOT sent.", "Too many checks", "555-0111"):
        assert words in text(answer)
    assert len(home.checks()) == 2
    assert phone.post("/c/", first).status_code == 200  # the same again is no other check
    urgent: list[dict[str, Any]] = [
        {"symptoms": ["shaking_chills"], "none_of_these": None},
        {"neuro_year": "wrong"},
        {"temperature": "100.5"},
        {"temperature": "38.2", "unit": "F", "anyway": "yes"},
        {"temperature": "39 or so", "anyway": "yes"},
        {"pulse_per_min": "140"},
    ]
    for count, changes in enumerate(urgent, start=3):
        assert send(phone, home, **changes).status_code == 200, changes
        assert len(home.checks()) == count
    other = make_home(home.world)
    elsewhere = Client()
    elsewhere.get(f"/c/{other.token}")
    assert send(elsewhere, other).status_code == 200  # each link for itself


# --- silence about people -------------------------------------------------------------------------------------------


def test_no_token_name_or_reading_reaches_a_log(phone: Client, home: Home, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        Client().get(f"/c/{home.token}")
        wrong = "w" * 31  # too short for the mask of the formatter: it must not be logged at all
        Client().get(f"/c/{wrong}")
        phone.get("/c/")
        send(phone, home, temperature="101.7")
        send(phone, home, temperature="38.47")
        other = make_home(home.world)
        phone.post("/c/", quiet_form(other, temperature="101.7"))
    log = "\n".join(f"{record.getMessage()} {record.__dict__.get('request')}" for record in caplog.records)
    log = "\n".join(line for line in log.splitlines() if "django.db" not in line)
    with everything():
        patient = home.course.patient
    for secret in (home.token, wrong, "101.7", "38.47", patient.family_name, patient.mrn):
        assert secret not in log


def test_the_worker_has_its_own_address(phone: Client):
    response = phone.get("/c/sw.js")
    assert response["Content-Type"].startswith("text/javascript") and response["Cache-Control"] == "no-cache"
    assert "/static/handrail/checkin.js" in text(response) and "{%" not in text(response)
