"""Identities are unreadable in the database, are found by keyed hash, and survive a change of keys."""

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection

from handrail import clock
from handrail.actions.upkeep import rotate_keys
from handrail.alerts.lines import has_stopped, line_of, may_be_texted, set_line
from handrail.alerts.models import Dispatch
from handrail.alerts.texts_models import TextReceived
from handrail.people import secrets
from handrail.people.models import (
    CarePlace,
    Contact,
    ContactPoint,
    DocumentKey,
    EmergencyCard,
    HealthLink,
    Patient,
    Referral,
)
from handrail.people.secrets import EncryptedTextField
from handrail.records.models import HandoffDoor, HandoffPerson, StayPerson
from tests.support.factories import make_member, make_organisation, make_patient

pytestmark = pytest.mark.django_db


def stored(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return cursor.fetchone()[0]


def test_a_name_is_unreadable_in_the_database_and_comes_back():
    make_patient(make_organisation("Alice"))
    for column in ("given_name", "family_name", "birth_date_text", "phone", "mrn"):
        assert stored("people_patient", column).startswith("gAAAA"), column
    patient = Patient.objects.get()
    assert patient.name == "Synthia Example"
    assert patient.birth_date.year == 1950


def test_empty_stays_empty_and_reads_as_not_known():
    patient = make_patient(make_organisation("Alice"), given_name="", family_name="", birth_date_text="", phone="")
    patient.refresh_from_db()
    assert (patient.name, patient.birth_date, patient.phone_hash) == ("name not known", None, "")
    assert Patient.objects.with_phone("").count() == 0


@pytest.mark.parametrize("typed", ["+1 (555) 010-0123", "+15550100123", "+1-555-010-0123"])
def test_a_phone_is_found_however_it_is_typed(typed: str):
    patient = make_patient(make_organisation("Alice"))
    assert list(Patient.objects.with_phone(typed)) == [patient]
    assert not Patient.objects.with_phone("+15550100199")


def test_two_patients_may_share_a_phone_and_a_record_number_finds_one():
    organisation = make_organisation("Alice")
    first, second = make_patient(organisation, mrn="a 17"), make_patient(organisation, mrn="A18")
    assert set(Patient.objects.with_phone(first.phone)) == {first, second}
    assert list(Patient.objects.with_mrn("A17")) == [first]


def test_the_hash_of_a_phone_is_not_the_hash_of_the_same_record_number():
    assert secrets.keyed_hash("17", purpose="phone") != secrets.keyed_hash("17", purpose="mrn")


def test_searching_an_encrypted_field_is_refused():
    with pytest.raises(FieldError, match="encrypted"):
        Patient.objects.filter(family_name="Example").exists()


def test_no_text_of_a_patient_or_contact_names_them():
    patient = make_patient(make_organisation("Alice"))
    contact = Contact.objects.create(organisation=patient.organisation, patient=patient, name="Synthetic Caregiver")
    for row in (patient, contact):
        assert "Syn" not in f"{row} {row!r}"


def test_keys_are_rotated_and_the_old_one_can_go(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [old]
    house = make_organisation("Alice")
    make_patient(house)
    set_line(house.pk, "+15550100123", agreed_at=clock.now())
    member = make_member(house, "nurse")
    ContactPoint.objects.create(user=member, channel="sms", address="+15550100199")
    Dispatch.objects.create(
        organisation=house,
        whom="patient",
        kind="reminder",
        words="a check is due",
        idempotency_key="1",
        send_at=clock.now(),
    )
    CarePlace.objects.create(organisation=house, name="County ED", number="+15550100170", email="ed@county.example")
    DocumentKey.objects.create(organisation=house, kid="k", public={}, private="the private half")
    before = Patient.objects.get().phone_hash

    settings.HANDRAIL_FIELD_KEYS = [new, old]
    assert Patient.objects.with_phone("+15550100123").count() == 1  # while keys are being rotated, too
    assert rotate_keys() == {
        "patients": 1,
        "contacts": 0,
        "documents": 0,
        "export files": 0,
        "referrals": 0,
        "contact points": 1,
        "dispatches": 1,
        "texts": 0,
        "text lines": 1,
        "cards": 0,
        "health links": 0,
        "document keys": 1,
        "hand-off doors": 0,
        "hand-off people": 0,
        "people at hospitals": 0,
        "care places": 1,
    }

    settings.HANDRAIL_FIELD_KEYS = [new]
    assert CarePlace.objects.get().email == "ed@county.example"
    assert DocumentKey.objects.get().private == "the private half"
    assert stored("people_documentkey", "private").startswith("gAAAA")
    patient = Patient.objects.get()
    assert (patient.given_name, patient.phone_hash != before) == ("Synthia", True)
    assert ContactPoint.objects.get().address == "+15550100199"
    assert Dispatch.objects.get().words == "a check is due"
    assert Patient.objects.with_phone("+15550100123").count() == 1
    assert may_be_texted(house.pk, "+15550100123"), "who agreed to text messages has not agreed to silence"


@pytest.mark.parametrize("written", ["+15550100123", "(555) 010-0123", "1 555 010 0123"])
@pytest.mark.parametrize("whose", ["patient", "caregiver"])
def test_a_stop_outlives_the_key_under_which_it_was_found(settings, written, whose):
    """STOP comes from the number as the provider writes it; the record may write it as people do."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [old]
    house, other = make_organisation("Alice"), make_organisation("Bob")
    patient = make_patient(house, phone=written if whose == "patient" else "")
    if whose == "caregiver":
        Contact.objects.create(organisation=house, patient=patient, name="Synthetic Caregiver", phone=written)
    set_line(house.pk, "+15550100123", agreed_at=clock.now(), stopped_at=clock.now())
    set_line(other.pk, "+15550100123", agreed_at=clock.now())
    set_line(house.pk, "+15550100199", agreed_at=clock.now())  # nobody's number any more

    settings.HANDRAIL_FIELD_KEYS = [new, old]
    assert rotate_keys()["text lines"] == 1
    assert rotate_keys()["text lines"] == 0, "it may be run again at any time"
    settings.HANDRAIL_FIELD_KEYS = [new]
    assert has_stopped(house.pk, written) and not may_be_texted(house.pk, written)
    assert not has_stopped(other.pk, written), "another house's patients are not asked"
    assert line_of(house.pk, "+15550100199") is None, "asked again, should anybody give that number again"


def test_a_word_that_came_under_the_new_key_is_newer(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [old]
    house = make_organisation("Alice")
    make_patient(house)
    set_line(house.pk, "+15550100123", agreed_at=clock.now())
    settings.HANDRAIL_FIELD_KEYS = [new]  # a process that was told of the new key too early
    set_line(house.pk, "+15550100123", stopped_at=clock.now())
    settings.HANDRAIL_FIELD_KEYS = [new, old]
    rotate_keys()
    settings.HANDRAIL_FIELD_KEYS = [new]
    assert has_stopped(house.pk, "+15550100123")


def test_a_missing_key_is_said_and_not_guessed(settings):
    make_patient(make_organisation("Alice"))
    settings.HANDRAIL_FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(secrets.UndecryptableError, match="HANDRAIL_FIELD_KEYS"):
        Patient.objects.get()
    settings.HANDRAIL_FIELD_KEYS = ["no key"]
    with pytest.raises(ImproperlyConfigured, match="Fernet"):
        secrets.encrypt(b"x")


def test_every_table_that_holds_something_encrypted_is_rotated():
    holding = {
        model for model in apps.get_models() if any(isinstance(f, EncryptedTextField) for f in model._meta.fields)
    }
    told = {
        CarePlace,
        Patient,
        Contact,
        ContactPoint,
        Dispatch,
        DocumentKey,
        EmergencyCard,
        HandoffDoor,
        HandoffPerson,
        HealthLink,
        Referral,
        StayPerson,
        TextReceived,
    }
    assert holding == told, "tell rotate_keys of the new table, and this test"
