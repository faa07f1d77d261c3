"""A caregiver on record and the link of their own: who may give it, what it is bound to, and who raised an alarm."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from handrail import clock
from handrail.actions.actor import person, through_link
from handrail.actions.caregivers import (
    MOST,
    Caregiver,
    add_caregiver,
    alarms_behind,
    can_be_texted,
    end_caregiver,
    give_link,
    links_of,
)
from handrail.actions.checkin_answers import Answers
from handrail.actions.checkins import receive, sheet_for
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.links import exchange_link, issue_checkin_link, link_of_cookie, revoke_link
from handrail.actions.texts import agree
from handrail.alerts.models import Alert, Dispatch
from handrail.people.models import Contact, LinkToken
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, event, make_member
from tests.support.twilio import phone_provider

pytestmark = pytest.mark.django_db
SAID = Caregiver(name="Synthetic Sister", relationship="sister", phone="555-0177", language="es")


@pytest.fixture(autouse=True)
def time():
    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        yield frozen


@pytest.fixture
def world():
    return World()


@pytest.fixture
def contact(world):
    with everything():
        return world.course.patient.contacts.get()


def given(world, contact, **fields):
    return give_link(world.course.pk, contact.pk, by=world.actor("alice"), **fields)


def raised(issued, *symptoms: str, **fields):
    answers = Answers(id=fields.pop("id", uuid4()), symptoms=symptoms, alarm=True, **fields)
    with everything():
        link = LinkToken.objects.get(pk=issued.link.pk)
    return receive(sheet_for(link), answers)


# --- writing one down ---------------------------------------------------------------------------------------------------


def test_a_caregiver_is_written_down_after_those_who_stand_already(world):
    made = add_caregiver(world.course.pk, SAID, by=world.actor("alice"))
    with everything():
        names = [each.name for each in world.course.patient.contacts.all()]
    assert names == ["Synthetic Caregiver", "Synthetic Sister"]
    assert (made.language, made.is_caregiver, made.organisation_id) == ("es", True, world.alice.id)
    assert "Sister" not in repr(SAID)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "  "}, "missing_key"),
        ({"phone": ""}, "not_a_phone"),
        ({"phone": "555-01"}, "not_a_phone"),
        ({"language": "xx"}, "unknown_word"),
        ({"name": "x" * 121}, "too_long"),
        ({"relationship": "sis\x00ter"}, "too_long"),
    ],
)
def test_what_cannot_be_called_back_is_refused(world, changes, code):
    fields = {"name": SAID.name, "relationship": SAID.relationship, "phone": SAID.phone, "language": SAID.language}
    with pytest.raises(RefusedError) as refused:
        add_caregiver(world.course.pk, Caregiver(**{**fields, **changes}), by=world.actor("alice"))
    assert refused.value.code == code


def test_the_same_twice_and_too_many_are_refused(world):
    add_caregiver(world.course.pk, SAID, by=world.actor("alice"))
    with pytest.raises(RefusedError) as refused:
        add_caregiver(world.course.pk, Caregiver(name=SAID.name, phone="(555) 0177"), by=world.actor("alice"))
    assert refused.value.code == "duplicate"
    for number in range(MOST - 2):
        add_caregiver(world.course.pk, Caregiver(name=f"C {number}", phone="5550199"), by=world.actor("alice"))
    with pytest.raises(RefusedError) as refused:
        add_caregiver(world.course.pk, Caregiver(name="One more", phone="5550198"), by=world.actor("alice"))
    assert refused.value.code == "too_many"


def test_who_cares_no_more_gets_nothing_and_opens_nothing_and_what_they_reported_keeps_their_name(world, contact):
    issued = given(world, contact)
    raised(issued, "seizure")
    with everything():
        viewer = make_member(world.alice.organisation, "viewer")
    for who, error in (
        (world.actor("charlie"), NotVisibleError),
        (person(viewer), NotAllowedError),
    ):
        with pytest.raises(error):
            end_caregiver(world.course.pk, contact.pk, by=who)
    end_caregiver(world.course.pk, contact.pk, by=world.actor("alice"))
    assert exchange_link(issued.token, "checkin") is None
    with pytest.raises(NotVisibleError):
        raised(issued, "seizure")
    with pytest.raises(NotVisibleError):
        given(world, contact)
    with pytest.raises(NotVisibleError):
        end_caregiver(world.course.pk, contact.pk, by=world.actor("alice"))
    with everything():
        [alarm] = alarms_behind(Alert.objects.get(course=world.course, key__startswith="report:"))
    assert alarm.contact == contact


def test_who_was_ended_is_written_down_again_as_the_same_person(world, contact):
    end_caregiver(world.course.pk, contact.pk, by=world.actor("alice"))
    said = Caregiver(name=contact.name, phone=contact.phone, relationship="aunt", language="es")
    again = add_caregiver(world.course.pk, said, by=world.actor("alice"))
    assert (again.pk, again.is_caregiver, again.relationship, again.language) == (contact.pk, True, "aunt", "es")


# --- the link -----------------------------------------------------------------------------------------------------------


def test_the_link_names_the_contact_and_the_token_is_kept_nowhere(world, contact):
    issued = given(world, contact)
    assert (issued.link.contact_id, issued.link.holder, issued.link.purpose) == (contact.pk, "caregiver", "checkin")
    assert issued.token not in repr(issued)
    link, cookie = exchange_link(issued.token, "checkin")
    assert link == issued.link and link_of_cookie(cookie, "checkin") == link
    actor = through_link(link)
    assert (actor.source, actor.on_behalf_of) == ("caregiver", str(contact.pk))


def test_who_may_give_one(world, contact):
    for who, error in (
        (world.actor("charlie"), NotVisibleError),
        (world.actor("alice", "director"), NotAllowedError),
    ):
        with pytest.raises(error):
            give_link(world.course.pk, contact.pk, by=who)
        with pytest.raises(error):
            add_caregiver(world.course.pk, SAID, by=who)
    assert give_link(world.course.pk, contact.pk, by=world.actor("bob")).link.contact_id == contact.pk


def test_a_contact_of_another_patient_or_who_is_no_caregiver_gets_none(world, contact):
    other = world.make_course()
    with everything():
        stranger = other.patient.contacts.get()
        relative = Contact.objects.create(
            organisation=world.alice.organisation, patient=world.course.patient, name="Relative", is_caregiver=False
        )
    for each in (stranger.pk, relative.pk, uuid4()):
        with pytest.raises(NotVisibleError):
            give_link(world.course.pk, each, by=world.actor("alice"))


def test_a_course_that_is_over_gives_none_and_a_link_does_not_begin_over(world, contact):
    with pytest.raises(RefusedError):
        given(world, contact, lasts=timedelta())
    ended = event("course_ended", at=MONDAY_0900, because="other", died=False)
    record_event(world.course.pk, ended, by=world.actor("alice", "oncologist"))
    with pytest.raises(RefusedError) as refused:
        given(world, contact)
    assert refused.value.code == "course_over"


def test_the_database_binds_a_contact_only_to_a_caregivers_check_in(world, contact):
    fields = {"organisation_id": world.alice.id, "course": world.course, "expires_at": MONDAY_0900, "contact": contact}
    for wrong in ({"purpose": "checkin", "holder": "patient"}, {"purpose": "emergency", "holder": "caregiver"}):
        with everything(), pytest.raises(IntegrityError), transaction.atomic():
            LinkToken.objects.create(token_hash=uuid4().hex, **fields, **wrong)


def test_each_caregiver_has_their_own_and_one_is_taken_back_alone(world, contact, time):
    sister = add_caregiver(world.course.pk, SAID, by=world.actor("alice"))
    mine, hers = given(world, contact), given(world, sister)
    patients = issue_checkin_link(world.course.pk, by=world.actor("alice"))
    with everything():
        assert {key: len(value) for key, value in links_of(world.course, clock.now()).items()} == {
            contact.pk: 1,
            sister.pk: 1,
        }
    revoke_link(world.course.pk, mine.link.pk, by=world.actor("alice"))
    assert exchange_link(mine.token, "checkin") is None
    assert exchange_link(hers.token, "checkin") is not None and exchange_link(patients.token, "checkin") is not None
    with everything():
        assert set(links_of(world.course, clock.now())) == {sister.pk}
    time.advance(days=30)
    assert exchange_link(hers.token, "checkin") is None
    with everything():
        assert links_of(world.course, clock.now()) == {}


def test_a_text_goes_only_to_a_phone_whose_owner_agreed(world, contact, settings):
    with everything():
        assert not can_be_texted(world.course, contact)
    with pytest.raises(RefusedError) as refused:
        given(world, contact, text_it=True)
    assert refused.value.code == "not_agreed"
    with phone_provider() as server:
        settings.HANDRAIL_PHONE = server.settings
        settings.HANDRAIL_BASE_URL = "https://handrail.example"
        with pytest.raises(RefusedError):
            given(world, contact, text_it=True)  # nobody has asked the caregiver yet
        agree(world.course.pk, by=world.actor("alice"), agreed=True)
        issued = given(world, contact, text_it=True)
    with everything():
        [sent] = Dispatch.objects.filter(kind="caregiver_link")
        assert (sent.contact_id, sent.forget, sent.channel) == (contact.pk, True, "sms")
        assert f"https://handrail.example/c/{issued.token}" in sent.words
        assert world.course.patient.given_name not in sent.words


# --- the alarm ----------------------------------------------------------------------------------------------------------


def test_an_alarm_is_a_report_of_the_caregiver_and_pages_at_once(world, contact):
    issued = given(world, contact)
    receipt = raised(issued, "hard_to_wake")
    assert receipt.tone == "now" and "being called" in receipt.truth
    assert receipt.instructions[0] == "Call 911 now."
    with everything():
        [row] = world.course.events.filter(kind="checkin_received")
        assert (row.source, row.role, row.on_behalf_of) == ("caregiver", "caregiver", str(contact.pk))
        assert row.payload["alarm"] is True and row.payload["symptoms"] == ["hard_to_wake"]
        assert "home_neuro" not in row.payload and "none_of_these" not in row.payload
        [alert] = Alert.objects.filter(course=world.course, key__startswith="report:")
        assert (alert.ladder, alert.urgency) == ("RED-1", "now")
        [alarm] = alarms_behind(alert)
        assert alarm.contact == contact


def test_the_same_alarm_twice_is_one_and_another_under_its_id_is_refused(world, contact):
    issued, one = given(world, contact), uuid4()
    assert raised(issued, "worried", id=one).again is False
    assert raised(issued, "worried", id=one).again is True
    with pytest.raises(ConflictError):
        raised(issued, "seizure", id=one)
    with everything():
        assert world.course.events.filter(kind="checkin_received").count() == 1


def test_an_alarm_without_a_word_is_kept_as_worried_and_never_held_back(world, contact, monkeypatch):
    monkeypatch.setattr("handrail.actions.checkins.MOST_AN_HOUR", 0)
    issued = given(world, contact)
    assert raised(issued).tone == "now"
    with everything():
        [row] = world.course.events.filter(kind="checkin_received")
    assert row.payload["symptoms"] == ["worried"] and row.payload["temperature_c"] is None


def test_a_reading_that_cannot_be_is_kept_and_the_alarm_stands(world, contact):
    receipt = raised(given(world, contact), "worried", temperature="384", unit="C")
    assert receipt.tone == "now"
    with everything():
        [row] = world.course.events.filter(kind="checkin_received")
    assert row.payload["temperature_as_typed"] == "384" and row.payload["implausible"] == ["temperature_c"]


def test_a_link_that_was_taken_back_meanwhile_raises_nothing(world, contact):
    issued = given(world, contact)
    with everything():
        link = LinkToken.objects.get(pk=issued.link.pk)
    sheet = sheet_for(link)
    revoke_link(world.course.pk, link.pk, by=world.actor("alice"))
    link.refresh_from_db()
    with pytest.raises(NotVisibleError):
        receive(sheet_for(link), Answers(id=uuid4(), alarm=True))
    with everything():
        assert not world.course.events.filter(kind="checkin_received").exists()
    assert sheet.of_caregiver


def test_what_is_shown_behind_an_alert_is_what_came_while_it_stood(world, contact, time):
    issued = given(world, contact)
    raised(issued, "worried")
    with everything():
        alert = Alert.objects.get(course=world.course, key__startswith="report:")
    time.advance(minutes=5)
    raised(issued, "something_else")
    unnamed = issue_checkin_link(world.course.pk, by=world.actor("alice"), holder="caregiver")
    time.advance(minutes=1)
    raised(unnamed, "worried")
    quiet = event("checkin_received", at=clock.now(), temperature_c="36.8", symptoms=[], none_of_these=True)
    receive_checkin(world.course.pk, quiet, by=world.actor("alice"))
    with everything():
        found = alarms_behind(alert)
        assert [each.contact for each in found] == [None, contact, contact]
        alert.closed_at = alert.opened_at + timedelta(minutes=1)
        assert [each.event.payload["symptoms"] for each in alarms_behind(alert)] == [["worried"]]


def test_an_alert_without_a_course_has_none(world):
    assert alarms_behind(Alert(organisation_id=world.alice.id)) == []


def test_the_link_reaches_no_other_course(world, contact):
    issued = given(world, contact)
    other = world.make_course()
    with pytest.raises(NotVisibleError):
        receive_checkin(other.pk, {"id": str(uuid4()), "at": MONDAY_0900.isoformat()}, by=through_link(issued.link))
