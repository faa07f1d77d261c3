"""The packet through its verbs: who may, the same facts are the same version, what changed since one was opened, what is kept how."""

import json
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, connection, transaction

from handrail import clock
from handrail.actions.access import grant_access
from handrail.actions.actor import person, through_link
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.handoffs import Offer, offer
from handrail.actions.packets import changes_since, last_opened, open_version, packet_of, seal, versions
from handrail.actions.upkeep import rotate_keys
from handrail.people.models import LinkToken
from handrail.people.scope import everything
from handrail.records.models import Course, Document, Look, PacketVersion
from handrail.rules.packet_parts import NOT_KNOWN
from tests.support.agreements import agreed_between
from tests.support.factories import MONDAY_0900, World, dose, event, make_member
from tests.support.handoffs import LOOKED

pytestmark = pytest.mark.django_db
NOW = MONDAY_0900 + timedelta(hours=50)
LATER = NOW + timedelta(minutes=20)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        given = dose("step_up_1", mg="4.8", at=NOW - timedelta(hours=49))
        record_event(world.course.pk, given, by=world.actor("alice", "oncologist"), now=NOW)
        yield world


def tell(world, kind, at=NOW, **fields):
    record_event(world.course.pk, event(kind, at=at, **fields), by=world.actor("alice", "oncologist"), now=at)


def sealed(world, now=NOW):
    return seal(world.course.pk, by=world.actor("alice"), now=now)


def said(world, key, now=NOW):
    with everything():
        return packet_of(Course.objects.get(pk=world.course.pk), now).field(key)


# --- what is joined at the edge ---------------------------------------------------------------------------------------


def test_the_person_the_contacts_and_the_number_stand_in_it(world):
    assert said(world, "person.name").words == "Synthia Example"
    assert said(world, "person.birth_date").words == "1950-04-05"
    assert "555-0111" in (said(world, "fever.number").words or "")
    assert (said(world, "person.contact.1").words or "").startswith("Synthetic Caregiver")
    assert "555-0111" in (said(world, "fever.numbers").words or "")
    assert said(world, "duties.responsible").words == world.alice.organisation.name
    assert said(world, "fever.ed").words is None


def test_the_receiving_side_is_named_while_an_offer_waits(world):
    assert said(world, "duties.to").words == "nobody: no offer waits"
    first = sealed(world)
    offer(world.course.pk, Offer(to=world.bob.organisation, not_known=LOOKED), by=world.actor("alice"), now=NOW)
    assert said(world, "duties.to").words == world.bob.organisation.name
    assert sealed(world, LATER).number == first.number + 1


def test_without_an_agreement_nobody_is_made_up_for_a_task(world):
    with everything():
        made = packet_of(Course.objects.get(pk=world.course.pk), NOW)
    (table,) = made.section("duties").tables
    assert table.lines == () and table.none.startswith(NOT_KNOWN)
    assert made.field("duties.agreement").words is None


def test_the_agreement_in_force_gives_each_task_its_party(world):
    agreed_between(world.alice, world.bob)
    with everything():
        made = packet_of(Course.objects.get(pk=world.course.pk), NOW)
    (table,) = made.section("duties").tables
    assert len(table.lines) > 5
    assert all(party for line in table.lines for party in line.cells)
    assert (made.field("duties.agreement").words or "").startswith("version 1, ")
    assert made.field("duties.from").words


# --- who may ----------------------------------------------------------------------------------------------------------


WHO = [
    # whose      | role          | seals             | opens
    ("alice", "nurse", None, None),
    ("alice", "oncologist", None, None),
    ("alice", "coordinator", None, None),
    ("alice", "pharmacist", NotAllowedError, None),
    ("alice", "viewer", NotAllowedError, NotAllowedError),
    ("bob", "nurse", None, None),
    ("charlie", "oncologist", NotVisibleError, NotVisibleError),
]


@pytest.mark.parametrize(("house", "role", "seals", "opens"), WHO)
def test_who_seals_and_who_opens(world, house, role, seals, opens):
    row = sealed(world)
    user = make_member(getattr(world, house).organisation, role)
    actor = person(user)
    for wanted, call in (
        (seals, lambda: seal(world.course.pk, by=actor, now=NOW)),
        (opens, lambda: open_version(world.course.pk, row.number, by=actor, now=NOW)),
    ):
        if wanted is None:
            call()
        else:
            with pytest.raises(wanted):
                call()
    with everything():
        assert Look.objects.filter(user=user).exists() is (opens is None)


def test_somebody_to_whom_it_is_handed_over_opens_it_and_seals_nothing(world):
    sealed(world)
    grant_access(
        world.course.pk, world.charlie.organisation, purpose="handoff", by=world.actor("alice", "oncologist"), now=NOW
    )
    actor = world.actor("charlie")
    assert open_version(world.course.pk, 1, by=actor, now=NOW).row.number == 1
    with pytest.raises(NotAllowedError):
        seal(world.course.pk, by=actor, now=NOW)


@pytest.mark.parametrize(("purpose", "opens"), [("handoff", None), ("checkin", NotAllowedError)])
def test_the_holder_of_a_link_opens_it_by_the_links_purpose(world, purpose, opens):
    sealed(world)
    with everything():
        link, _ = LinkToken.issue(
            organisation_id=world.alice.id,
            purpose=purpose,
            course=world.course,
            holder="receiver",
            issued_by=None,
            issued_at=NOW,
            expires_at=NOW + timedelta(days=1),
        )
    actor = through_link(link)
    if opens is not None:
        with pytest.raises(opens):
            open_version(world.course.pk, 1, by=actor, now=NOW)
        return
    open_version(world.course.pk, 1, by=actor, now=NOW)
    with everything():
        assert last_opened(world.course, by=actor) == 1
        assert last_opened(world.course, by=world.actor("alice")) is None


def test_a_version_that_was_never_made_is_not_there(world):
    sealed(world)
    for number in (0, 2):
        with pytest.raises(NotVisibleError):
            open_version(world.course.pk, number, by=world.actor("alice"), now=NOW)


# --- versions ---------------------------------------------------------------------------------------------------------


def test_the_same_facts_sealed_again_are_the_same_version(world):
    first, again = sealed(world), sealed(world, LATER)
    assert (first.pk, first.sha256) == (again.pk, again.sha256)
    with everything():
        assert PacketVersion.objects.count() == Document.objects.count() == 1


def test_another_fact_is_another_version_and_the_first_stays_as_it_was(world):
    first = sealed(world)
    tell(world, "lab_resulted", code="anc", value="0.9", unit="10*9/L")
    second = sealed(world, LATER)
    assert (first.number, second.number) == (1, 2)
    assert first.sha256 != second.sha256
    bodies = [open_version(world.course.pk, n, by=world.actor("alice"), now=LATER).body for n in (1, 2)]
    rows = [
        [line for section in body["sections"] for table in section["tables"] for line in table["lines"]]
        for body in bodies
    ]
    assert [any(line["key"] == "laboratory.row.anc" for line in each) for each in rows] == [False, True]
    with everything():
        assert [row.number for row in versions(world.course)] == [2, 1]


def test_what_changed_since_the_version_that_somebody_opened_last(world):
    sealed(world)
    reader = world.actor("bob")
    open_version(world.course.pk, 1, by=reader, now=NOW)
    tell(world, "medicine_given", agent="aciclovir", purpose="prophylaxis")
    sealed(world, LATER)
    with everything():
        assert last_opened(world.course, by=reader) == 1
        assert last_opened(world.course, by=world.actor("alice")) is None
        now_body = packet_of(Course.objects.get(pk=world.course.pk), LATER).to_json()
        labels = {change.label for change in changes_since(world.course, 1, now_body)}
        assert "Herpes (HSV, VZV)" in labels
        assert changes_since(world.course, 2, now_body) == ()
        with pytest.raises(NotVisibleError):
            changes_since(world.course, 3, now_body)
    open_version(world.course.pk, 2, by=reader, now=LATER)
    with everything():
        assert (last_opened(world.course, by=reader), last_opened(world.course, by=reader, before=2)) == (2, 1)


# --- what is kept, how ------------------------------------------------------------------------------------------------


def test_no_name_and_no_fact_stands_in_clear_in_the_database(world):
    sealed(world)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM records_document")
        stored = bytes(cursor.fetchone()[0])
    assert b"Synthia" not in stored and b"step_up_1" not in stored
    opened = open_version(world.course.pk, 1, by=world.actor("alice"), now=NOW)
    assert "Synthia" in json.dumps(opened.body)
    assert "Synthia" not in repr(opened)


def test_a_renewed_key_reaches_it(world, settings):
    sealed(world)
    old, new = settings.HANDRAIL_FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [new, old]
    rotate_keys()
    settings.HANDRAIL_FIELD_KEYS = [new]
    assert open_version(world.course.pk, 1, by=world.actor("alice"), now=NOW).row.number == 1


def test_content_that_is_not_what_was_sealed_is_refused(world):
    sealed(world)
    with everything():
        Document.objects.update(sha256="0" * 64)
    with pytest.raises(RefusedError, match="changed"):
        open_version(world.course.pk, 1, by=world.actor("alice"), now=NOW)


@pytest.mark.parametrize("change", [lambda row: row.delete(), lambda row: row.save()])
def test_a_version_is_never_altered(world, change):
    sealed(world)
    with everything(), pytest.raises(DatabaseError), transaction.atomic():
        change(PacketVersion.objects.get())
