"""The caregiver's own page: given on the page of who to call, opened from their own phone, and gone when it is taken back."""

import logging
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions.caregivers import give_link
from handrail.actions.links import IssuedLink, revoke_link
from handrail.alerts.models import Alert
from handrail.people.models import Contact, LinkToken, Membership, Organisation, Site
from handrail.people.scope import everything
from handrail.records.models import Look
from handrail.rules.alarm import red_boxes
from handrail.rules.policy import load_policy
from tests.support.checkins import EVENING, Home, make_home, phone_of, quiet_form, text
from tests.support.factories import make_member
from tests.support.twilio import phone_provider

pytestmark = pytest.mark.django_db
PAGE = "/c/alarm"


@pytest.fixture(autouse=True)
def frozen():
    with clock.use(clock.FrozenClock(EVENING)) as stopped:
        yield stopped


@pytest.fixture
def home() -> Home:
    return make_home()


@pytest.fixture
def contact(home: Home) -> Contact:
    with everything():
        return home.course.patient.contacts.get()


@pytest.fixture
def issued(home: Home, contact: Contact) -> IssuedLink:
    return give_link(home.course.pk, contact.pk, by=home.world.actor("alice"))


@pytest.fixture
def phone(issued: IssuedLink) -> Client:
    client = Client()
    assert client.get(f"/c/{issued.token}")["Location"] == PAGE
    return client


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text(response)))


def raise_alarm(phone: Client, home: Home, *symptoms: str, **fields: str) -> Any:
    form = {"id": str(uuid4()), "for": home.tag, "symptoms": list(symptoms), "unit": "F", **fields}
    return phone.post(PAGE, form)


# --- the phone of the caregiver -------------------------------------------------------------------------------------------


def test_the_page_offers_the_urgent_signs_the_numbers_and_the_next_check(phone: Client, home: Home):
    answer = phone.get(PAGE)
    page = text(answer)
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    signs = re.findall(r'name="symptoms" value="(\w+)"', page)
    assert signs == [*(row.symptom for row in red_boxes(load_policy())), "fever", "something_else", "worried"]
    assert 'href="tel:911"' in page and 'href="tel:5550111"' in page
    assert "Next check: Monday, March 2, 8:00 PM CST." in page
    with everything():
        patient, who = home.course.patient, home.course.patient.contacts.get()
    for hidden in (patient.given_name, patient.family_name, patient.mrn, who.name, who.phone):
        assert hidden not in page


def test_an_alarm_pages_at_once_and_the_truth_is_shown(phone: Client, home: Home):
    answer = raise_alarm(phone, home, "hard_to_wake", "fever")
    assert answer.status_code == 200
    page = words(answer)
    assert "The clinician on call is being called." in page and "Call 911 now." in page and "555-0111" in page
    assert "Without a temperature this check does not count" not in page and "The alarm is no check" in page
    assert set(home.alerts()) >= {"RED-1"}
    [row] = home.checks()
    assert (row.source, row.payload["alarm"]) == ("caregiver", True)
    follow = phone.get(f"/c/sent/{row.id}")
    assert "The clinician on call is being called." in words(follow)
    assert "The clinician on call is being called." in words(phone.get(PAGE)), "who comes back reads it first"


def test_no_word_is_needed_and_what_is_unreadable_stops_nothing(phone: Client, home: Home):
    assert raise_alarm(phone, home, temperature="hot", symptoms="nonsense").status_code == 200
    [row] = home.checks()
    assert row.payload["symptoms"] == ["worried"] and row.payload["temperature_as_typed"] == "hot"
    assert home.alerts() == ["RED-4"]


def test_the_same_alarm_sent_twice_is_one(phone: Client, home: Home):
    one = str(uuid4())
    first, second = (raise_alarm(phone, home, "worried", id=one) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert len(home.checks()) == 1
    other = raise_alarm(phone, home, "seizure", id=one)
    assert other.status_code == 409 and "NOT sent." in text(other) and "555-0111" in text(other)


def test_an_alarm_written_for_another_course_is_said_not_to_be_sent(phone: Client, home: Home):
    answer = phone.post(PAGE, {"id": str(uuid4()), "for": "0" * 16, "symptoms": ["seizure"]})
    assert answer.status_code == 409 and "NOT sent." in text(answer) and "raise the alarm anew" in text(answer)
    assert home.checks() == []


def test_alarms_are_never_too_many(phone: Client, home: Home, monkeypatch):
    monkeypatch.setattr("handrail.actions.checkins.MOST_AN_HOUR", 1)
    assert phone.post("/c/", quiet_form(home)).status_code == 200
    assert phone.post("/c/", quiet_form(home)).status_code == 429, "the door counts quiet checks of this link too"
    assert raise_alarm(phone, home, "worried").status_code == 200


def test_the_caregiver_answers_the_patients_check_with_the_same_form(phone: Client, home: Home):
    page = words(phone.get("/c/"))
    assert "How is the person you care for?" in page and "Raise an alarm" in page
    assert phone.post("/c/", quiet_form(home)).status_code == 200
    [row] = home.checks()
    assert (row.source, row.role) == ("caregiver", "caregiver") and "alarm" not in row.payload
    assert "Next check: Tuesday, March 3, 2:00 AM CST." in text(phone.get(PAGE))


def test_whose_clock_and_who_is_meant_is_said_to_the_caregiver_and_not_to_the_patient(phone: Client, home: Home):
    clock_words, meant = "Times here are by the patient's clock.", "“You” and “I” on this page are the patient."
    assert clock_words in words(phone.get(PAGE)) and clock_words in words(raise_alarm(phone, home, "worried"))
    assert meant in words(phone.get("/c/plan")) and meant in words(phone.get("/c/card"))
    assert "<h1>The plan</h1>" in text(phone.get("/c/plan"))
    patient = phone_of(home)
    for page in ("/c/", "/c/plan", "/c/card"):
        said = words(patient.get(page))
        assert clock_words not in said and meant not in said
    assert "<h1>My plan</h1>" in text(patient.get("/c/plan"))


def test_the_patients_link_has_the_check_in_and_no_alarm(home: Home):
    patient = phone_of(home)
    assert patient.get(PAGE)["Location"] == "/c/"
    answer = raise_alarm(patient, home, "worried")
    assert answer.status_code == 409 and "NOT sent." in text(answer) and 'href="tel:5550111"' in text(answer)
    assert home.checks() == [] and "Raise an alarm" not in text(patient.get("/c/"))


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_link_that_is_over_says_whom_to_call_and_nothing_else(
    phone: Client, home: Home, issued: IssuedLink, frozen: clock.FrozenClock, how: str
):
    if how == "expired":
        frozen.advance(days=30)
    else:
        revoke_link(home.course.pk, issued.link.pk, by=home.world.actor("alice"))
    for answer in (phone.get(PAGE), raise_alarm(phone, home, "seizure"), Client().get(f"/c/{issued.token}")):
        assert answer.status_code == 410
        page = text(answer)
        assert 'href="tel:5550111"' in page and "911" in page
        assert "<form" not in page and "Next check" not in page and home.course.product not in page
    assert "NOT sent." in text(raise_alarm(phone, home, "seizure"))
    assert home.checks() == []


def test_what_is_not_sent_yet_says_to_call_now(phone: Client, home: Home):
    page = words(phone.get(PAGE))
    assert "Do not wait for it. Call now: 555-0111" in page and "you feel unwell" not in page
    Organisation.objects.update(call_number="")
    Site.objects.update(call_number="")
    assert "Do not wait for it: call the programme's number now, or 911." in words(phone.get(PAGE))


def test_a_form_without_its_secret_is_said_not_to_be_sent(phone: Client, home: Home):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = phone.cookies
    answer = strict.post(PAGE, {"id": str(uuid4()), "for": home.tag, "symptoms": ["seizure"]})
    assert answer.status_code == 403 and "NOT sent." in text(answer) and "555-0111" in text(answer)
    assert "Call now, or raise the alarm anew." in words(answer) and "Write a new check." not in words(answer)
    assert home.checks() == []
    strict.get(f"{PAGE}?language=es")
    again = strict.post(PAGE, {"id": str(uuid4()), "for": home.tag, "symptoms": ["seizure"]})
    assert "Llame ahora, o vuelva a dar la alarma." in words(again)


def test_the_page_speaks_the_caregivers_language_and_is_whole_in_spanish(phone: Client, home: Home, contact: Contact):
    with everything():
        Contact.objects.filter(pk=contact.pk).update(language="es")
    page = text(phone.get(PAGE))
    assert "Dar la alarma ahora" in page and "fiebre, o está muy caliente" in page and "despertar" in page
    for english in ("Raise", "alarm now", "Next check", "What do you see", "worried"):
        assert english not in re.sub(r"<[^>]+>", " ", page), english
    sent = words(raise_alarm(phone, home, "confused"))
    assert "Qué hacer ahora" in sent and "No maneje usted." in sent and "profesional clínico de guardia" in sent
    assert phone.get(f"{PAGE}?language=en")["Location"] == PAGE
    assert "Raise the alarm now" in text(phone.get(PAGE))


def test_looks_are_written_down_and_no_token_or_sign_reaches_a_log(
    home: Home, issued: IssuedLink, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    client = Client()
    client.get(f"/c/{issued.token}")
    client.get(PAGE)
    raise_alarm(client, home, "hard_to_wake", temperature="103.9")
    revoke_link(home.course.pk, issued.link.pk, by=home.world.actor("alice"))
    client.get(f"/c/{issued.token}")
    assert issued.token not in caplog.text and "103.9" not in caplog.text and "hard_to_wake" not in caplog.text
    with everything():
        seen = list(Look.objects.filter(course=home.course, link=issued.link.pk).values_list("what", flat=True))
    assert {"caregiver", "alarm_raised"} <= set(seen)


def test_the_api_takes_the_same_alarm(phone: Client, home: Home):
    body = {"id": str(uuid4()), "for": home.tag, "alarm": True, "symptoms": ["seizure"], "sure": False}
    answer = phone.post("/api/checkins", body, content_type="application/json")
    assert answer.status_code == 201 and answer.json()["tone"] == "now"
    assert phone.post("/api/checkins", body, content_type="application/json").status_code == 200
    [row] = home.checks()
    assert row.payload["alarm"] is True and "home_neuro" not in row.payload


# --- the person on call ---------------------------------------------------------------------------------------------------


def on_call_page(home: Home, who: Any = None) -> str:
    with everything():
        alert = Alert.objects.get(course=home.course, key__startswith="report:")
    client = Client()
    client.force_login(who or home.world.alice.on_call)
    return words(client.get(reverse("page", args=[alert.pk])))


def test_the_person_on_call_reads_who_raised_it_and_which_phone_to_call(phone: Client, home: Home, contact: Contact):
    with everything():
        Contact.objects.filter(pk=contact.pk).update(language="es", relationship="sister")
    raise_alarm(phone, home, "confused")
    page = on_call_page(home)
    assert "alarm raised by the caregiver" in page
    assert "Alarm raised by the caregiver Synthetic Caregiver (sister)" in page
    assert "Call back: +15550100124 , reads Spanish" in page
    assert "Alarm by the caregiver:" in page, "among what was reported"


def test_an_alarm_of_a_link_that_named_nobody_says_so(home: Home):
    unnamed = make_home(home.world, holder="caregiver")
    client = phone_of(unnamed)
    raise_alarm(client, unnamed, "confused")
    assert "The link named nobody: call the numbers below." in on_call_page(unnamed)


def test_a_report_of_the_patient_shows_no_alarm(home: Home):
    phone_of(home).post("/c/", quiet_form(home, temperature="101.5"))
    assert "Alarm raised by" not in on_call_page(home)


# --- the team ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def nurse(home: Home) -> Client:
    client = Client()
    client.force_login(home.world.alice.nurse)
    return client


def contacts(client: Client, home: Home) -> str:
    return words(client.get(reverse("contacts", args=[home.course.pk])))


def test_a_nurse_writes_down_a_caregiver_gives_a_link_and_takes_it_back(nurse: Client, home: Home):
    where = reverse("contacts", args=[home.course.pk])
    typed = {"name": "Synthetic Son", "relationship": "son", "phone": "555-0188", "language": "es"}
    assert nurse.post(reverse("add_caregiver", args=[home.course.pk]), typed)["Location"] == f"{where}#caregivers"
    page = contacts(nurse, home)
    assert "Synthetic Son (son) 555-0188 , reads Spanish" in page and "No link of their own." in page
    with everything():
        son = Contact.objects.get(patient=home.course.patient, order=2)
    shown = nurse.post(reverse("give_caregiver_link", args=[home.course.pk, son.pk]), {"how": "show"})
    assert shown.status_code == 200 and "Own link of Synthetic Son" in words(shown)
    assert "data:image/svg+xml" in text(shown), "the code for the camera"
    token = re.search(r"/c/([\w-]{43})", text(shown)).group(1)
    phone = Client()
    assert phone.get(f"/c/{token}")["Location"] == PAGE
    assert "Own link made" in contacts(nurse, home) and token not in contacts(nurse, home)
    with everything():
        link = LinkToken.objects.get(contact=son)
    back = nurse.post(reverse("end_link", args=[home.course.pk, link.pk]), {"back": "contacts"})
    assert back["Location"] == f"{where}#caregivers"
    assert "No link of their own." in contacts(nurse, home) and phone.get(PAGE).status_code == 410


def test_a_nurse_ends_a_caregiver_who_was_written_down_wrongly(
    nurse: Client, home: Home, phone: Client, contact: Contact
):
    where = reverse("contacts", args=[home.course.pk])
    assert "Synthetic Caregiver" in contacts(nurse, home)
    ended = nurse.post(reverse("end_caregiver", args=[home.course.pk, contact.pk]))
    assert ended["Location"] == f"{where}#caregivers"
    page = contacts(nurse, home)
    assert "No caregiver is written down" in page and "their own links are ended" in page
    assert "Synthetic Caregiver" not in page and phone.get(PAGE).status_code == 410
    course = words(nurse.get(reverse("course", args=[home.course.pk])))
    assert "Synthetic Caregiver" not in course, "nobody is led to call them"
    packet = words(nurse.get(reverse("packet", args=[home.course.pk])))
    assert "Caregiver" in packet and "Synthetic Caregiver" not in packet and contact.phone not in packet
    with everything():
        assert Look.objects.filter(what="caregiver_ended").count() == 1


def test_what_cannot_be_taken_is_shown_again_with_the_reason(nurse: Client, home: Home):
    answer = nurse.post(reverse("add_caregiver", args=[home.course.pk]), {"name": "Synthetic Son", "phone": "none"})
    assert answer.status_code == 422
    assert "Nothing is saved. Write the phone" in words(answer) and 'value="Synthetic Son"' in text(answer)


def test_the_link_is_texted_only_where_that_was_agreed(nurse: Client, home: Home, contact: Contact, settings):
    give = reverse("give_caregiver_link", args=[home.course.pk, contact.pk])
    assert "Text it to their phone" not in contacts(nurse, home)
    nurse.post(give, {"how": "text"})
    assert "This phone cannot be texted" in contacts(nurse, home)
    with phone_provider() as server:
        settings.HANDRAIL_PHONE = server.settings
        settings.HANDRAIL_BASE_URL = "https://handrail.example"
        nurse.post(reverse("agree_texts", args=[home.course.pk]), {"agreed": "yes"})
        assert "Text it to their phone" in contacts(nurse, home)
        nurse.post(give, {"how": "text"})
        assert "The link goes to the caregiver's phone." in contacts(nurse, home).replace("&#x27;", "'")
        course = words(nurse.get(reverse("course", args=[home.course.pk]))).replace("&#x27;", "'")
        assert "the caregiver's own link (caregiver, by text)" in course


def test_a_form_of_the_nurses_that_was_sent_before_is_said_so(nurse: Client, home: Home):
    with everything():
        ana, ben = (make_member(home.world.alice.organisation, "nurse", name) for name in ("Ana Nurse", "Ben Nurse"))
    where, key = reverse("nurses", args=[home.course.pk]), str(uuid4())
    for _ in range(2):
        assert nurse.post(where, {"id": key, "nurse": str(ana.pk), "deputy": ""}).status_code == 302
    answer = nurse.post(where, {"id": key, "nurse": str(ben.pk), "deputy": ""})
    assert answer.status_code == 422 and "Nothing is saved. This form was sent before with other names." in words(
        answer
    )


def test_who_may_not_see_the_patient_sees_no_caregiver_and_who_may_not_give_has_no_button(home: Home):
    with everything():
        viewer = make_member(home.world.alice.organisation, "viewer")
        director = home.world.alice.director
        assert Membership.objects.filter(user=director, role="director").exists()
    client = Client()
    client.force_login(viewer)
    assert "Caregiver" not in contacts(client, home)
    client.force_login(director)
    page = contacts(client, home)
    assert "Synthetic Caregiver" in page and "Give a link" not in page and "Write down a caregiver" not in page


def test_a_link_of_a_caregiver_is_named_among_the_links_of_the_course(nurse: Client, home: Home, issued: IssuedLink):
    page = words(nurse.get(reverse("course", args=[home.course.pk])))
    assert "caregiver Synthetic Caregiver, made" in page
    assert timedelta(days=29) < issued.link.expires_at - clock.now() <= timedelta(days=30)
