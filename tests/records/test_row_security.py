"""Row-level security: what the application's role sees of each clinical table, and what it may write."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction

from handrail import clock
from handrail.actions.agreements import activate, end
from handrail.actions.document_keys import make_key
from handrail.actions.emergency import exchange_key, issue_card, open_page, show_card
from handrail.actions.facts import record_event
from handrail.actions.policies import propose_policy
from handrail.actions.referrals import claim
from handrail.alerts.models import Alert, AlertEntry, Dispatch, EdPacket, Notice, Page
from handrail.alerts.texts_models import TextLine, TextReceived
from handrail.people.models import (
    AccessToken,
    Agreement,
    AgreementSignature,
    AgreementStep,
    ClientAssertion,
    Contact,
    DeviceLink,
    DocumentKey,
    DummyCall,
    EmergencyCard,
    EmergencyDestination,
    EmergencyOpening,
    HealthLink,
    HealthLinkRequest,
    LinkToken,
    MockDrill,
    Patient,
    Presence,
    Referral,
    ReferralEntry,
    ReferralLook,
    RemsAct,
    RemsDispense,
    RemsMode,
    RemsRecord,
    RemsReport,
    RotaEntry,
    ServiceClient,
    SiteException,
    SiteGrant,
    SiteItem,
    SiteNumber,
    SiteStrict,
    SiteWay,
    StartDecision,
    TrainingRecord,
    TrainingVersion,
    WaitEntry,
)
from handrail.people.owned import OwnedModel
from handrail.people.scope import acting_for, everything
from handrail.records.models import (
    AccessPaper,
    Course,
    CourseAccess,
    Document,
    Event,
    Export,
    ExportFile,
    ExportJob,
    GateSignature,
    HandoffDoor,
    HandoffPerson,
    ImportBatch,
    ImportDecision,
    Look,
    PacketVersion,
    PayerEntry,
    PayerRequest,
    PolicyAdoption,
    PolicyProposal,
    ProtocolSignature,
    SigningEntry,
    SigningMark,
    SigningSet,
    StayPerson,
)
from tests.support.agreements import agreed_between
from tests.support.capacity import numbers_and_decision as capacity_of_each
from tests.support.clients import registered, tied, token_of
from tests.support.factories import MONDAY_0900, World, checkin, closes_inbox, opens_inbox
from tests.support.health_links import ask, linked
from tests.support.referrals import referred
from tests.support.signing import signed
from tests.support.site_rows import one_of_each

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
NOW = MONDAY_0900 + timedelta(hours=14)
SITES = [SiteItem, SiteException, SiteGrant, SiteStrict, SiteWay, SiteNumber, StartDecision]
"""What the organisation of a site sees, and the other party of an agreement in force."""
AGREED = [Agreement, AgreementSignature, AgreementStep]
"""What both parties of an agreement see, and nobody else."""
CLINICAL = [
    WaitEntry,
    GateSignature,
    RemsDispense,
    RemsReport,
    Patient,
    Contact,
    LinkToken,
    EmergencyCard,
    EmergencyOpening,
    HealthLink,
    HealthLinkRequest,
    Course,
    CourseAccess,
    Event,
    Document,
    HandoffDoor,
    HandoffPerson,
    StayPerson,
    ImportBatch,
    ImportDecision,
    PacketVersion,
    PayerRequest,
    PayerEntry,
    Look,
    Alert,
    Page,
    Notice,
    Dispatch,
    EdPacket,
    EmergencyDestination,
    TextReceived,
]
OWN = [
    DummyCall,
    MockDrill,
    TrainingRecord,
    TrainingVersion,
    RemsAct,
    RemsMode,
    RemsRecord,
    DocumentKey,
    ExportFile,
    ExportJob,
    ServiceClient,
    ClientAssertion,
    AccessToken,
    DeviceLink,
    AlertEntry,
    Presence,
    RotaEntry,
    Referral,
    ReferralEntry,
    ReferralLook,
    TextLine,
    SigningSet,
    SigningEntry,
    SigningMark,
    ProtocolSignature,
    PolicyProposal,
    PolicyAdoption,
    AccessPaper,
    Export,
]
"""Clinical tables that no grant lends: an organisation sees its own rows."""


@pytest.fixture
def world():
    """Alice's course with one row in each clinical table."""
    world = World()
    course = world.course
    record_event(course.pk, checkin(at=NOW, temperature_c="38.6"), by=world.actor("alice"), now=NOW)
    owned = {"organisation": course.organisation, "course": course}
    alert = course.alerts.first()
    assert alert is not None
    Page.objects.create(**owned, alert=alert, step=0, attempt=0, who="first_on_call", idempotency_key="1", send_at=NOW)
    Notice.objects.create(**owned, alert=alert, attempt=4, to="ed", told="packet", idempotency_key="1", send_at=NOW)
    EdPacket.objects.create(**owned, because="by_hand", idempotency_key="1", send_at=NOW)
    EmergencyDestination.objects.create(**owned)
    Dispatch.objects.create(**owned, whom="patient", kind="reminder", idempotency_key="1", send_at=NOW)
    TextReceived.objects.create(**owned, provider_id="SM1", outcome="recorded")
    Look.objects.create(**owned, user=world.alice.nurse, what="course")
    RemsDispense.objects.create(**owned, on=NOW.date(), product="teclistamab", by=world.alice.nurse)
    RemsReport.objects.create(**owned, event=uuid4(), toxicity="crs", owed=True, by=world.alice.nurse)
    scanned = exchange_key(show_card(issue_card(course.pk, by=world.actor("alice"), now=NOW)).address_key)
    assert open_page(scanned, EmergencyCard.objects.get().code, now=NOW)
    LinkToken.objects.create(**owned, token_hash="0", purpose="checkin", expires_at=NOW)
    kept = Document.objects.create(**owned, title="x", content_type="text/plain", size_bytes=1, sha256="0", sealed=b"x")
    PacketVersion.objects.create(**owned, number=1, sha256="0", content=kept)
    assert ask(linked(world, purpose="emergency", now=NOW).address, recipient="x", now=NOW)
    brought = ImportBatch.objects.create(**owned, sha256="0", content=kept)
    ImportDecision.objects.create(**owned, batch=brought, kind="applied")
    door = HandoffDoor.objects.create(**owned, handoff=uuid4(), kind="fax", read_code="A", expires_at=NOW)
    through = {"door": door, "of_organisation": world.bob.organisation}
    HandoffPerson.objects.create(**owned, **through, handoff=door.handoff, name="Synthetic", role="nurse")
    by = {"by": world.alice.nurse}
    sent = PayerRequest.objects.create(**owned, drug="teclistamab", payer="x", opened_by=world.alice.nurse)
    PayerEntry.objects.create(**owned, **by, request=sent, kind="submitted", occurred_at=NOW, role="nurse")
    AccessPaper.objects.create(organisation=course.organisation, kind="stock", key="x", since=NOW.date(), **by)
    StayPerson.objects.create(**owned, name="Synthetic", role="hospitalist")
    own = {"organisation": course.organisation}
    signer = {"user": world.alice.nurse, "role": "nurse"}
    WaitEntry.objects.create(**owned, by=world.alice.nurse, role="nurse", cause="capacity")
    GateSignature.objects.create(**owned, **signer, line="x", dose="x", state="red", because="x", reason="x")
    taught = {"what": "module", "subject": "x", "version": "1", "on": NOW.date(), "by": world.alice.director}
    TrainingVersion.objects.create(**own, **taught, only_from=NOW.date())
    TrainingRecord.objects.create(**own, **taught, user=world.alice.nurse)
    DummyCall.objects.create(**own, site=world.alice.site, at=NOW, answered=False, by=world.alice.director)
    MockDrill.objects.create(**own, site=world.alice.site, kind="x", on=NOW.date(), by=world.alice.director)
    place = Alert.objects.create(**own, key="place:x:1", steps=[], opened_at=NOW)
    TextLine.objects.create(**own, phone_hash="0")
    make_key(course.organisation, by=world.actor("alice", "director"), now=NOW)
    RotaEntry.objects.create(**own, kind="put_on", payload={}, at=NOW)
    desk = {**own, "by": world.alice.director}
    RemsAct.objects.create(**desk, what="begun", programme="elrexfio")
    RemsMode.objects.create(**desk, site=world.alice.site, mode="central", from_at=NOW)
    RemsRecord.objects.create(**desk, kind="setting", programme="elrexfio", from_on=NOW.date())
    claim(referred(world.alice).pk, by=world.actor("alice"), now=NOW)
    ReferralLook.objects.create(**own, referral=Referral.objects.get(), user=world.alice.nurse, what="x")
    Export.objects.create(**own, asked_by=world.alice.director, asked_at=NOW)
    AlertEntry.objects.create(**own, alert=place, kind="page_sent", payload={}, at=NOW)
    closes_inbox()
    opens_inbox(course.organisation, world.alice.nurse)
    system = registered(world)
    tied(world, system)
    token_of(system)
    job = ExportJob.objects.create(**own, client=system, request="$export", expires_at=NOW)
    ExportFile.objects.create(**own, job=job, kind="Patient", number=1, lines=1, size_bytes=1, sha256="0", sealed=b"x")
    signed(world.alice, "elranatamab/US/2025-07")
    propose_policy(world.alice.id, {"triage.fever_c": "37.9"}, by=world.actor("alice", "oncologist"), now=NOW)
    return world


def test_the_tests_run_as_the_application():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, row_security_active('records_event')")
        assert cursor.fetchone() == ("handrail_app", True)


def test_this_list_is_complete():
    clinical = {m for m in apps.get_models() if issubclass(m, OwnedModel) and m.clinical}
    assert clinical == {*CLINICAL, *OWN, *AGREED, *SITES}


@pytest.mark.parametrize("model", OWN)
def test_what_no_grant_lends_is_seen_by_its_owner_only(world, model):
    with clock.use(clock.FrozenClock(NOW)):
        for house, sees in ((world.alice, True), (world.bob, False), (world.charlie, False)):
            with acting_for(house.id):
                assert model.objects.exists() is sees, house.organisation.name


@pytest.mark.parametrize("model", AGREED)
def test_both_parties_see_their_agreement_and_nobody_else_does(world, model):
    agreed_between(world.alice, world.bob)
    for house, sees in ((world.alice, True), (world.bob, True), (world.charlie, False)):
        with acting_for(house.id):
            assert model.objects.exists() is sees, house.organisation.name
    with acting_for():
        assert not model.objects.exists()


@pytest.mark.parametrize("model", SITES)
def test_the_rows_of_a_site_are_seen_by_the_other_party_while_an_agreement_is_in_force(world, model):
    one_of_each(world.bob)
    capacity_of_each(world.bob, world.course)
    for house, sees in ((world.bob, True), (world.alice, False), (world.charlie, False)):
        with acting_for(house.id):
            assert model.objects.exists() is sees, house.organisation.name
    row = agreed_between(world.alice, world.bob, in_force=False)
    with acting_for(world.alice.id):
        assert not model.objects.exists()
    activate(row.pk, by=world.actor("alice", "director"), now=NOW)
    for house, sees in ((world.alice, True), (world.charlie, False)):
        with acting_for(house.id):
            assert model.objects.exists() is sees, house.organisation.name
    end(row.pk, why="over", by=world.actor("alice", "director"), now=NOW)
    with acting_for(world.alice.id):
        assert not model.objects.exists()


def test_what_one_writes_down_alone_is_seen_by_nobody_else(world):
    agreed_between(world.alice, None)
    with acting_for(world.alice.id):
        assert Agreement.objects.count() == 1
    for house in (world.bob, world.charlie):
        with acting_for(house.id):
            assert not Agreement.objects.exists()


def test_nobody_writes_an_agreement_in_the_name_of_another(world):
    row = agreed_between(world.alice, world.bob)
    for house in (world.bob, world.charlie):
        with acting_for(house.id), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Agreement.objects.create(
                organisation=world.alice.organisation,
                partner=house.organisation,
                number=9,
                document={},
                sha256="0",
                proposed_by=house.nurse,
            )
    with acting_for(world.charlie.id), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        AgreementStep.objects.create(
            organisation=world.alice.organisation, agreement=row, what="ended", by=world.charlie.nurse
        )


@pytest.mark.parametrize("model", CLINICAL)
def test_the_owner_and_the_helper_see_it_and_the_stranger_does_not(world, model):
    with clock.use(clock.FrozenClock(NOW)):
        for house, sees in ((world.alice, True), (world.bob, True), (world.charlie, False)):
            with acting_for(house.id):
                assert model.objects.exists() is sees, house.organisation.name
        with acting_for():
            assert not model.objects.exists()
        with everything():
            assert model.objects.exists()


@pytest.mark.parametrize("model", [m for m in CLINICAL if m is not CourseAccess])
@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"revoked_at": NOW}, NOW),
        ({"valid_until": NOW}, NOW),
        ({}, MONDAY_0900 - timedelta(days=1)),
    ],
)
def test_a_grant_that_is_over_or_not_yet_shows_nothing(world, model, change, at):
    if change:
        CourseAccess.objects.update(**change)
    with clock.use(clock.FrozenClock(at)), acting_for(world.bob.id):
        assert not model.objects.exists()


def test_an_alert_about_a_place_is_seen_by_its_organisation_only(world):
    places = Alert.objects.filter(course__isnull=True)
    with clock.use(clock.FrozenClock(NOW)):
        for house, sees in ((world.alice, True), (world.bob, False), (world.charlie, False)):
            with acting_for(house.id):
                assert places.exists() is sees, house.organisation.name


def test_a_stranger_can_neither_write_into_the_course_nor_change_it(world):
    course = world.course
    with acting_for(world.charlie.id):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Look.objects.create(organisation=course.organisation, course=course, what="course")
        assert Course.objects.filter(pk=course.pk).update(schedule="weekly") == 0


def test_a_scope_ends_with_its_block_also_after_an_error(world):
    with acting_for(world.alice.id):
        with pytest.raises(DatabaseError), transaction.atomic(), acting_for(world.charlie.id), connection.cursor() as c:
            c.execute("SELECT nonsense")
        assert Course.objects.exists()
        with pytest.raises(Course.DoesNotExist), acting_for(world.charlie.id):
            Course.objects.get()
        assert Course.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_shows_what_it_showed_before(world):
    with acting_for(world.charlie.id):
        connections["default"].close()
        assert not Course.objects.exists()
    with acting_for(world.alice.id):
        connections["default"].close()
        assert Course.objects.exists()
