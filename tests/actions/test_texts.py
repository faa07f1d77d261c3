"""Text messages with people at home: what becomes of "38.4", STOP, nonsense and a shared phone, and the reminders that leave."""

import logging
import re
from datetime import timedelta

import pytest
from django.db import OperationalError

from handrail import clock
from handrail.actions import texts
from handrail.actions.caregivers import end_caregiver
from handrail.actions.facts import record_event
from handrail.actions.texts import agree
from handrail.alerts.models import Alert, Dispatch, TextReceived
from handrail.jobs.watcher import Watcher
from handrail.people.models import Contact, Patient
from handrail.people.scope import everything
from handrail.records.models import Course
from tests.support.factories import MONDAY_0900, World, dose
from tests.support.reaching import BASE
from tests.support.twilio import SENDER, Trouble, signed_post

pytestmark = pytest.mark.django_db
NOON = MONDAY_0900 + timedelta(hours=3)
PATIENT, CAREGIVER, STRANGER = "+15550100123", "+15550100124", "+15550100999"


@pytest.fixture
def world(time, provider):
    """A first step-up dose on Monday at 9:00; a check is due at noon. The patient agreed to text messages."""
    world = World()
    record_event(world.course.pk, dose("step_up_1", at=MONDAY_0900, mg="4.2"), by=world.actor("alice"), now=MONDAY_0900)
    agree(world.course.pk, by=world.actor("alice"), agreed=True, now=MONDAY_0900)
    time.set(NOON)
    return world


class Phone:
    """A phone at home: it sends to the application as the provider passes it on."""

    number = 0

    def __init__(self, client) -> None:
        self.client = client

    def sends(self, body: str, *, sender: str = PATIENT, sid: str = "", **more: str) -> str:
        """The text that the application answers."""
        Phone.number += 1
        form = {"MessageSid": sid or f"SM{Phone.number:032x}", "From": sender, "To": SENDER, "Body": body, **more}
        answer = signed_post(self.client, f"{BASE}/api/phone/texts", form)
        assert answer.status_code == 200, answer.status_code
        found = re.search(r"<Message>(.*)</Message>", answer.content.decode(), flags=re.DOTALL)
        return found[1] if found else ""


@pytest.fixture
def home(world, client):
    return Phone(client)


def checks(course: Course) -> list[dict]:
    with everything():
        return [event.payload for event in course.events.filter(kind="checkin_received").order_by("recorded_at")]


def open_keys(course: Course) -> list[str]:
    with everything():
        return sorted(course.alerts.filter(closed_at__isnull=True).values_list("key", flat=True))


def outcomes() -> list[str]:
    with everything():
        return list(TextReceived.objects.order_by("received_at", "id").values_list("outcome", flat=True))


# --- a temperature ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "celsius", "unit"),
    [("36.8", "36.8", "C"), ("98.6", "37.0", "F"), ("36,8", "36.8", "C"), ("98.6F", "37.0", "F")],
)
def test_a_temperature_is_a_check(world, home, body, celsius, unit):
    answer = home.sends(body)
    (check,) = checks(world.course)
    assert (check["temperature_c"], check["unit_as_typed"]) == (celsius, unit)
    assert check["temperature_as_typed"] == body.rstrip("F")
    assert "symptoms" not in check and "caregiver_present" not in check, "what was never asked stays absent"
    assert (
        answer.startswith("Saved Monday, March 2, 12:00 PM CST.") and "Do you feel unwell? Answer YES or NO." in answer
    )
    assert open_keys(world.course) == []
    assert outcomes() == ["recorded"]


@pytest.mark.parametrize("body", ["38.4", "101.2"])
def test_a_fever_calls_the_clinician_and_tells_the_patient_what_to_do(world, home, body):
    answer = home.sends(body)
    with everything():
        assert Alert.objects.get(course=world.course).ladder == "RED-3"
    assert "The clinician on call is being called." in answer
    assert "Call the number below now" in answer and "555-0111" in answer
    for secret in (body, "38.4", "Synthia", "teclistamab"):
        assert secret not in answer


def test_who_reported_is_said_and_a_caregiver_counts_as_one(world, home):
    home.sends("36.8")
    home.sends("36.9 no", sender=CAREGIVER)
    with everything():
        rows = list(
            world.course.events.filter(kind="checkin_received").order_by("recorded_at", "payload__temperature_c")
        )
        contact = Contact.objects.get()
    assert [(row.source, row.on_behalf_of) for row in rows] == [
        ("patient", str(world.course.patient_id)),
        ("caregiver", str(contact.pk)),
    ]
    assert rows[1].payload["none_of_these"] is True and rows[1].payload["symptoms"] == []


def test_the_same_message_twice_is_one_check_and_one_answer(world, home):
    first = home.sends("38.4", sid="SM" + "1" * 32)
    assert home.sends("38.4", sid="SM" + "1" * 32) == first
    assert len(checks(world.course)) == 1


@pytest.mark.parametrize("body", ["384", "29", "60", "38.4 F"])
def test_what_is_not_believable_is_kept_marked_and_asked_again(world, home, body):
    answer = home.sends(body)
    (check,) = checks(world.course)
    assert check.get("temperature_c") is None and check["implausible"] == ["temperature_c"]
    assert check["temperature_as_typed"] == body.split()[0]
    assert "Measure again" in answer and "555-0111" in answer
    assert outcomes() == ["asked_again"]
    with everything():
        course = Course.objects.get(pk=world.course.pk)
        assert course.assessment["watch"]["next_check_due"] == "2026-03-02T18:00:00Z", "it counts as no check"
        assert TextReceived.objects.get().body == body


# --- words --------------------------------------------------------------------------------------------------------------


def test_symptoms_are_judged_like_the_boxes_of_the_form(world, home):
    answer = home.sends("confused")
    with everything():
        assert Alert.objects.get(course=world.course).ladder == "RED-2"
    assert "Go to the emergency department now." in answer


def test_yes_calls_the_nurse_and_no_does_not(world, home):
    home.sends("36.8")
    assert "call 555-0111" in home.sends("yes")
    assert open_keys(world.course) == ["shell:text_not_understood"]
    with everything():
        alert = Alert.objects.get(course=world.course)
    assert (alert.ladder, alert.steps[0]["who"]) == ("AMBER", "nurse")
    assert "unwell" in alert.what
    before = len(checks(world.course))
    home.sends("no")
    assert len(checks(world.course)) == before + 1


@pytest.mark.parametrize("body", ["I feel weird", "help", "", "no chills", "38.4 36.8"])
def test_what_is_not_understood_calls_the_nurse_and_says_call(world, home, body):
    answer = home.sends(body)
    assert "We did not understand your message." in answer
    assert "Do not wait for an answer here: call 555-0111." in answer
    assert open_keys(world.course) == ["shell:text_not_understood"]
    assert outcomes() == ["not_understood"]
    Watcher().look()
    with everything():
        page = Alert.objects.get(course=world.course).pages.get(channel="on_screen")
        assert (page.who, page.user) == ("nurse", world.alice.nurse)


def test_what_was_understood_beside_it_still_counts(world, home):
    home.sends("38.9 I feel weird")
    assert checks(world.course)[0]["temperature_c"] == "38.9"
    assert len(open_keys(world.course)) == 2


def test_another_message_pages_again_although_somebody_had_the_first(world, home, time):
    home.sends("what?")
    with everything():
        first = Alert.objects.get(course=world.course)
        Alert.objects.filter(pk=first.pk).update(
            acknowledged_by=world.alice.nurse, acknowledged_at=NOON, next_page_at=None
        )
    time.advance(minutes=1)
    home.sends("hello?")
    with everything():
        assert Alert.objects.filter(course=world.course, closed_at__isnull=True).get().pk != first.pk


def test_the_answer_is_in_the_language_of_the_person(world, home):
    with everything():
        Patient.objects.filter(pk=world.course.patient_id).update(language="es")
    answer = home.sends("36,8")
    assert "¿Se siente mal? Responda SÍ o NO." in answer
    assert "No entendimos su mensaje." in home.sends("hola")


# --- phones -------------------------------------------------------------------------------------------------------------


def test_a_phone_that_two_patients_share_is_kept_and_counts_for_nobody(world, home):
    other = world.make_course()
    answer = home.sends("36.8")
    assert "NOT saved as a check" in answer and "555-0111" in answer
    assert checks(world.course) == checks(other) == []
    assert outcomes() == ["shared", "shared"]
    assert open_keys(world.course) == open_keys(other) == []


@pytest.mark.parametrize("body", ["38.4", "chills", "what?"])
def test_what_may_be_urgent_from_a_shared_phone_calls_the_nurse_for_each(world, home, body):
    other = world.make_course()
    home.sends(body)
    assert open_keys(world.course) == open_keys(other) == ["shell:text_not_understood"]


@pytest.mark.parametrize("body", ["38.4", "STOP"])
def test_a_message_that_broke_off_between_two_patients_reaches_the_other_when_it_comes_again(
    world, home, body, monkeypatch
):
    """The database goes away after the first of them; the provider sends it once more, and the first is not called twice."""
    other = world.make_course()
    kept = texts._keep

    def goes_away(*args):
        kept(*args)
        raise OperationalError("the database is away")

    monkeypatch.setattr(texts, "_keep", goes_away)
    with pytest.raises(OperationalError):
        home.sends(body, sid="SM1")
    monkeypatch.setattr(texts, "_keep", kept)
    assert sorted([len(open_keys(world.course)), len(open_keys(other))]) == [0, 1]
    home.sends(body, sid="SM1")
    assert len(open_keys(world.course)) == len(open_keys(other)) == 1
    assert len(outcomes()) == 2
    home.sends(body, sid="SM1")
    assert len(outcomes()) == 2


def test_a_phone_that_nobody_knows_is_told_so_and_nothing_is_kept(world, home, caplog):
    caplog.set_level(logging.DEBUG)
    assert home.sends("38.4", sender=STRANGER).startswith("NOT saved: we do not know this phone.")
    assert outcomes() == []
    assert STRANGER[1:] not in caplog.text


def test_a_course_that_is_over_is_nobodys(world, home):
    with everything():
        Course.objects.filter(pk=world.course.pk).update(ended_at=NOON)
    assert home.sends("38.4").startswith("NOT saved")


def test_only_the_provider_may_pass_a_message_on(world, client):
    form = {"MessageSid": "SM1", "From": PATIENT, "To": SENDER, "Body": "36.8"}
    assert signed_post(client, f"{BASE}/api/phone/texts", form, token="another").status_code == 403
    assert client.post("/api/phone/texts", form).status_code == 403
    assert checks(world.course) == []


def test_no_reading_and_no_number_reaches_a_log(world, home, caplog):
    caplog.set_level(logging.DEBUG)
    home.sends("38.4 chills")
    home.sends("nonsense about Synthia")
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("handrail"))
    for secret in ("38.4", "chills", "nonsense", PATIENT[1:], "Synthia"):
        assert secret not in logged


# --- STOP ---------------------------------------------------------------------------------------------------------------


def test_stop_ends_text_messages_only_and_the_clock_runs_on(world, home, provider, time):
    assert "You get no more text messages. Your checks go on" in home.sends("STOP")
    assert open_keys(world.course) == ["shell:text_stopped"]
    time.set(NOON + timedelta(minutes=60))
    Watcher().look()
    assert [each for each in provider.messages if each.to == PATIENT] == []
    with everything():
        assert len(open_keys(world.course)) == 2, "the check that did not come is paged"
    home.sends("START")
    assert "shell:text_stopped" not in open_keys(world.course)
    home.sends("36.8")
    assert len(checks(world.course)) == 1


def test_a_check_by_text_after_stop_still_counts(world, home):
    home.sends("STOP")
    home.sends("38.4")
    assert checks(world.course)[0]["temperature_c"] == "38.4"


def test_where_the_provider_answers_stop_itself_nothing_is_sent_back(world, home):
    assert home.sends("STOP", OptOutType="STOP") == ""
    assert outcomes() == ["stopped"]


def test_a_provider_that_knows_of_a_stop_that_we_do_not_know_of_is_believed(world, home, provider, time):
    provider.next_answers = [Trouble(400, 21610)]
    time.set(NOON + timedelta(minutes=15))
    Watcher().look()
    assert "shell:text_stopped" in open_keys(world.course)


# --- reminders ----------------------------------------------------------------------------------------------------------


def look(time, minutes: float) -> None:
    time.set(NOON + timedelta(minutes=minutes))
    Watcher().look()


def test_the_patient_is_reminded_and_then_the_caregiver_is_told_at_the_policys_times(world, provider, time):
    look(time, 14)
    assert provider.messages == []
    look(time, 15)
    (reminder,) = provider.messages
    assert reminder.to == PATIENT
    assert re.fullmatch(
        rf"Handrail: your check is due\. {BASE}/c/[\w-]{{43}} Number of the team: 555-0111", reminder.body
    )
    look(time, 29)
    assert len(provider.messages) == 1
    look(time, 30)
    assert [each.to for each in provider.messages] == [PATIENT, CAREGIVER]
    look(time, 60)
    look(time, 120)
    assert len(provider.messages) == 2, "once for each check that is due"
    for sent in provider.messages:
        for secret in ("Synthia", "teclistamab", "fever", "Synthetic Caregiver"):
            assert secret not in sent.body


def test_the_link_of_a_reminder_opens_the_check_in(world, provider, client, time):
    look(time, 15)
    path = re.search(rf"{BASE}(/c/\S+)", provider.messages[0].body)[1]
    assert client.get(path).url == "/c/"
    with everything():
        assert Dispatch.objects.get().words == "", "the link is kept nowhere"


def test_the_link_and_what_is_queued_for_a_caregiver_end_with_them(world, provider, client, time):
    """Whoever was written down wrongly opens nothing any more; before, the link leads to the check and names who reports."""
    look(time, 15)
    look(time, 30)
    path = re.search(rf"{BASE}(/c/\S+)", provider.messages[1].body)[1]
    assert client.get(path).url == "/c/"
    with everything():
        contact = Contact.objects.get(is_caregiver=True, patient=world.course.patient)
        waits = Dispatch.objects.get(contact=contact)
        Dispatch.objects.filter(pk=waits.pk).update(
            words="Look after them.", state="sending", sent_at=None, send_at=clock.now()
        )
    end_caregiver(world.course.pk, contact.pk, by=world.actor("alice"))
    assert client.get(path).status_code == 410
    look(time, 31)
    with everything():
        waits.refresh_from_db()
    assert [each.to for each in provider.messages] == [PATIENT, CAREGIVER]
    assert (waits.state, waits.why) == ("failed", "they care for the patient no more")


def test_a_reminder_is_in_the_persons_language(world, provider, time):
    with everything():
        Patient.objects.filter(pk=world.course.patient_id).update(language="es")
    look(time, 15)
    assert provider.messages[0].body.startswith("Handrail: le toca su control.")


def test_whoever_did_not_agree_gets_no_text_and_the_caregiver_is_called(world, provider, time):
    agree(world.course.pk, by=world.actor("alice"), agreed=False, now=NOON)
    look(time, 30)
    assert provider.messages == []
    (call,) = provider.calls
    assert call.to == CAREGIVER and "has not come" in call.body


def test_a_check_that_came_in_time_reminds_nobody(world, home, provider, time):
    home.sends("36.8")
    look(time, 15)
    assert provider.messages == []


def test_a_watcher_that_was_away_for_hours_sends_one_reminder_to_each(world, provider, time):
    look(time, 119)
    assert sorted(each.to for each in provider.messages) == [PATIENT, CAREGIVER]


# --- "go to the emergency department" -------------------------------------------------------------------------------------


def test_when_nobody_answers_the_patient_and_the_caregiver_are_told_by_text_and_by_call(world, home, provider, time):
    home.sends("38.4")
    for minutes in (0, 5, 10, 20, 30):
        look(time, minutes)
    told = [(each.kind, each.to) for each in provider.taken if "emergency department now" in each.body]
    assert sorted(told) == [
        ("Calls", PATIENT),
        ("Calls", CAREGIVER),
        ("Messages", PATIENT),
        ("Messages", CAREGIVER),
    ]
    with everything():
        alert = Alert.objects.get(course=world.course, ladder="RED-3")
        assert dict(alert.notices.values_list("to", "state")) == {
            "patient": "sent",
            "caregiver": "sent",
            "ed": "failed",  # the plan of this patient names no department
        }


def test_word_that_has_waited_too_long_is_not_sent(world, home, provider, time, settings):
    """The provider was set up an hour later: "go to the emergency department now" is not true any more."""
    home.sends("38.4")
    phone, settings.HANDRAIL_PHONE = settings.HANDRAIL_PHONE, None
    for minutes in (0, 5, 10, 20, 30):
        look(time, minutes)
    with everything():
        alert = Alert.objects.get(course=world.course, ladder="RED-3")
        Alert.objects.filter(pk=alert.pk).update(next_page_at=None)
    settings.HANDRAIL_PHONE = phone
    look(time, 59)
    assert [each for each in provider.taken if "emergency department now" in each.body] == []


# --- what staff see -----------------------------------------------------------------------------------------------------


def test_the_page_of_the_course_shows_what_came_as_it_came_and_what_became_of_it(world, home, provider, time, client):
    look(time, 15)
    home.sends("I feel weird")
    client.force_login(world.alice.nurse)
    page = client.get(f"/courses/{world.course.pk}/").content.decode()
    assert "“I feel weird”" in page and "not understood: the nurse is called" in page
    assert "reminder: a check is due (patient, by text)" in page
    home.sends("STOP")
    assert "wrote STOP on" in client.get(f"/courses/{world.course.pk}/").content.decode()


def test_agreeing_is_a_button(world, provider, client):
    client.force_login(world.alice.nurse)
    address = f"/courses/{world.course.pk}/texts"
    assert "No reminder goes by text message any more." in client.post(address, follow=True).content.decode()
    assert "the patient has not agreed" in client.get(f"/courses/{world.course.pk}/").content.decode()
    assert "Reminders go by text message now." in client.post(address, {"agreed": "yes"}, follow=True).content.decode()


def test_reminders_that_fail_hold_up_no_assessment(world, provider, time, monkeypatch, caplog):
    monkeypatch.setattr("handrail.actions.reminders._follow", lambda *_: 1 / 0)
    look(time, 60)
    assert "AMBER" in {alert.ladder for alert in Alert.objects.filter(course=world.course)}
    assert "nobody at home could be reminded (ZeroDivisionError)" in caplog.text
