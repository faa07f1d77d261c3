"""What the database itself refuses, whoever asks and however: append-only rows and children of another organisation."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from handrail.actions.doors import set_day
from handrail.actions.emergency import exchange_key, issue_card, open_page, show_card
from handrail.alerts.models import Alert, AlertEntry
from handrail.people import guards
from handrail.people.models import (
    AgreementSignature,
    AgreementStep,
    Contact,
    LinkToken,
    RemsAct,
    RemsDispense,
    RemsMode,
    RemsRecord,
    RemsReport,
    RotaEntry,
)
from handrail.people.owned import OwnedModel
from handrail.records.models import (
    Course,
    CourseAccess,
    Document,
    Event,
    Look,
    PolicyAdoption,
    PolicyProposal,
    ProtocolSignature,
    SigningEntry,
    SigningMark,
    SigningSet,
)
from tests.support.agreements import agreed_between
from tests.support.capacity import one_of_each as capacity_of_each
from tests.support.database import as_owner
from tests.support.doors import WEEKDAYS, door, open_week
from tests.support.factories import MONDAY_0900, World, make_patient
from tests.support.site_rows import one_of_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


def refused(sql: str, parameters: tuple = ()) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return str(error.value)


APPEND_ONLY = [
    "records_event",
    "records_look",
    "records_signingset",
    "records_signingentry",
    "records_signingmark",
    "alerts_alertentry",
    "people_emergencyopening",
    "people_agreement",
    "people_agreementsignature",
    "people_agreementstep",
    "records_policyproposal",
    "records_policyadoption",
    "people_placehours",
    "people_placeday",
    "people_siteitem",
    "people_siteexception",
    "people_sitegrant",
    "people_siteway",
    "people_sitestrict",
    "people_sitenumber",
    "people_startdecision",
    "people_waitentry",
    "people_remsrecord",
    "people_remsmode",
    "people_remsdispense",
    "people_remsreport",
    "people_remsact",
]


def one_row_each(world) -> None:
    course, nurse = world.course, world.alice.nurse
    Look.objects.create(organisation=course.organisation, course=course, user=nurse, what="course")
    card = issue_card(course.pk, by=world.actor("alice"))
    assert open_page(exchange_key(show_card(card).address_key), card.code)
    own = {"organisation": course.organisation, "signing_set": signing_set(world), "by": nurse}
    SigningEntry.objects.create(**own, number=1, decision="left")
    SigningMark.objects.create(**own, part="pharmacist")
    agreed_between(world.alice, world.bob)
    place = Alert.objects.create(organisation=course.organisation, key="place:x:1", steps=[], opened_at=MONDAY_0900)
    RotaEntry.objects.create(organisation=course.organisation, kind="put_on", payload={}, at=MONDAY_0900)
    AlertEntry.objects.create(
        organisation=course.organisation, alert=place, kind="page_sent", payload={}, at=MONDAY_0900
    )
    adoption(world, world.alice.organisation).save()
    one_of_each(world.alice)
    capacity_of_each(world.alice, course)
    clinic = door(world, "clinic", "Hub clinic")
    open_week(world, clinic, WEEKDAYS)
    set_day(clinic.pk, on=MONDAY_0900.date(), hours="closed", by=world.actor("alice", "director"), now=MONDAY_0900)
    desk = {"organisation": course.organisation, "by": nurse}
    RemsRecord.objects.create(**desk, kind="setting", programme="elrexfio", from_on=MONDAY_0900.date())
    RemsMode.objects.create(**desk, site=world.alice.site, mode="central", from_at=MONDAY_0900)
    RemsDispense.objects.create(**desk, course=course, on=MONDAY_0900.date(), product="teclistamab")
    RemsReport.objects.create(**desk, course=course, event=uuid4(), toxicity="crs", owed=True)
    RemsAct.objects.create(**desk, what="begun", programme="elrexfio")


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("sql", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_the_application_cannot_change_or_delete(world, table, sql):
    one_row_each(world)
    said = refused(sql.format(table))
    assert "append-only" in said or "permission denied" in said


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("sql", ["UPDATE {0} SET id = id", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_not_even_the_owner_of_the_tables_can(world, table, sql):
    one_row_each(world)
    if sql.startswith("TRUNCATE") and connection.vendor == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    with as_owner():
        assert "append-only" in refused(sql.format(table))


def test_the_models_cannot_either(world):
    event = world.course.events.first()
    for change in (
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.update(reason="changed"),
        lambda: Event.objects.bulk_update([event], ["reason"]),
    ):
        event.reason = "changed"
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()
    assert Event.objects.get(id=event.id).reason == ""


def adoption(world, organisation) -> PolicyAdoption:
    """Of a policy of Alice's, not saved."""
    by = world.alice.oncologist
    proposal = PolicyProposal.objects.create(
        organisation=world.alice.organisation, number=1, base_sha256="0", sha256="0", document={}, proposed_by=by
    )
    return PolicyAdoption(organisation=organisation, proposal=proposal, sha256="0", departures=0, proposed_by=by, by=by)


def signing_set(world) -> SigningSet:
    return SigningSet.objects.create(
        organisation=world.alice.organisation, protocol_key="x", sha256="0", number=1, opened_by=world.alice.nurse
    )


def other(world, model):
    """An unsaved row of `model` that points to Alice's course or patient and claims to be Charlie's."""
    course, stranger = world.course, world.charlie.organisation
    later = MONDAY_0900 + timedelta(days=1)
    common = {"organisation": stranger}
    return {
        Course: lambda: Course(**common, patient=course.patient, time_zone="UTC", started_at=later),
        CourseAccess: lambda: CourseAccess(**common, course=course, to_organisation=stranger, purpose="consult"),
        Event: lambda: Event(**common, course=course, kind="note_added", occurred_at=later, zone="UTC"),
        Document: lambda: Document(
            **common, course=course, title="x", content_type="text/plain", size_bytes=1, sha256="0", sealed=b"x"
        ),
        Look: lambda: Look(**common, course=course, what="course"),
        Contact: lambda: Contact(**common, patient=course.patient, name="x"),
        SigningEntry: lambda: SigningEntry(
            **common, signing_set=signing_set(world), number=1, decision="left", by=world.alice.nurse
        ),
        SigningMark: lambda: SigningMark(**common, signing_set=signing_set(world), by=world.alice.nurse),
        AgreementSignature: lambda: AgreementSignature(
            **common, agreement=agreed_between(world.alice, world.bob), party=stranger, by=world.charlie.nurse
        ),
        AgreementStep: lambda: AgreementStep(
            **common, agreement=agreed_between(world.alice, world.bob), what="ended", by=world.charlie.nurse
        ),
        ProtocolSignature: lambda: ProtocolSignature(
            **common,
            signing_set=signing_set(world),
            pharmacist=world.alice.nurse,
            medical_lead=world.alice.oncologist,
        ),
        PolicyAdoption: lambda: adoption(world, stranger),
        LinkToken: lambda: LinkToken(
            **common, course=course, token_hash=uuid4().hex, purpose="checkin", expires_at=later
        ),
    }[model]()


CHILDREN = [
    Course,
    CourseAccess,
    Event,
    Document,
    Look,
    Contact,
    LinkToken,
    SigningEntry,
    SigningMark,
    AgreementSignature,
    AgreementStep,
    ProtocolSignature,
    PolicyAdoption,
]


@pytest.mark.parametrize("model", CHILDREN)
def test_a_child_cannot_belong_to_another_organisation_than_its_parent(world, model):
    row = other(world, model)
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        row.save(force_insert=True)
    assert "organisation differs" in str(error.value) or "guard_" in str(error.value)


def test_a_child_cannot_move_to_another_organisation(world):
    course = world.course
    contact = course.patient.contacts.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(organisation=world.charlie.organisation)
    stranger = make_patient(world.charlie.organisation)
    with pytest.raises(DatabaseError), transaction.atomic():
        Contact.objects.filter(pk=contact.pk).update(patient=stranger)


def test_every_table_with_an_organisation_is_guarded():
    """A new clinical table cannot be forgotten: the guards come from the models."""
    owned = {model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedModel)}
    assert {table.name for table in guards.tables()} == owned
    assert guards.missing() == []


def test_every_model_of_the_clinical_rooms_has_its_organisation():
    without = {
        model.__name__
        for label in ("people", "records", "alerts")
        for model in apps.get_app_config(label).get_models()
        if not issubclass(model, OwnedModel)
    }
    assert without == {"Organisation", "User", "ContactPoint", "SignInGuard", "Heartbeat"}


def test_every_unique_key_of_an_owned_table_starts_with_its_organisation():
    for model in apps.get_models():
        if not issubclass(model, OwnedModel):
            continue
        for constraint in model._meta.total_unique_constraints:
            assert constraint.fields[0] == "organisation", (model, constraint)


def test_guards_come_back_when_sqlite_has_rebuilt_a_table(world):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its triggers")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_records_event_no_delete")
    assert guards.missing() == ["guard_records_event_no_delete"]
    guards.install()
    assert guards.missing() == []
