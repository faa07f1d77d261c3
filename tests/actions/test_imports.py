"""A partner's document in a course: kept, reviewed, taken fact by fact by a person, once, and dismissed with a reason."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from handrail import clock
from handrail.actions import imports
from handrail.actions.actor import Actor, person
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.facts import record_event, withdraw_event
from handrail.people.scope import everything as all_rows
from handrail.records.models import Course, Document, Event, ImportBatch, ImportDecision, Look
from handrail.rules.foreign import DOSE, LABORATORY, NOTE, VITALS, WEIGHT, Review, Standing
from tests.support.bundles import observation, weight
from tests.support.factories import World, event, make_member
from tests.support.foreign import BROUGHT_AT, DAY_BEFORE, PARTNER, administration, allergy, cover, document, stamp

pytestmark = pytest.mark.django_db
LATER = BROUGHT_AT + timedelta(minutes=5)


@pytest.fixture
def world() -> Iterator[World]:
    with clock.use(clock.FrozenClock(BROUGHT_AT)):
        made = World()
        assert made.course.events.count() == 1  # it has started
        yield made


def who(world: World, house: str = "alice", role: str = "nurse") -> Actor:
    return person(getattr(getattr(world, house), role), source="import")


def bring(world: World, content: bytes | None = None, by: Actor | None = None) -> ImportBatch:
    sent = content if content is not None else document()
    return imports.bring(world.course.pk, sent, title="summary.json", by=by or who(world), now=BROUGHT_AT).batch


def review(world: World, batch: ImportBatch) -> Review:
    return imports.review(world.course.pk, batch.pk, by=who(world), now=LATER)[1]


def ids(found: Review, *groups: str) -> list[str]:
    return [each.offer.id for each in found.placed if each.may and (not groups or each.offer.group in groups)]


def take(world: World, batch: ImportBatch, chosen: list[str], **more) -> imports.Applied:
    given = {"same_person": True, "by": who(world), "now": LATER, **more}
    return imports.apply(world.course.pk, batch.pk, chosen, **given)


def counts() -> tuple[int, ...]:
    return tuple(each.objects.count() for each in (Document, ImportBatch, ImportDecision, Event))


# --- it is kept, and nothing of it counts -----------------------------------------------------------------------------


def test_it_is_kept_encrypted_and_nothing_is_applied(world: World):
    before = Event.objects.count()
    batch = bring(world)
    assert (batch.sender, batch.received_by, Event.objects.count()) == (PARTNER, world.alice.nurse, before)
    assert b"Penicillin" not in bytes(batch.content.sealed) and "Penicillin" not in repr(review(world, batch))
    assert batch.content.sha256 == batch.sha256


def test_the_same_bytes_again_are_the_same_document(world: World):
    first = bring(world)
    again = imports.bring(world.course.pk, document(), title="other.json", by=who(world), now=LATER)
    assert (again.batch, again.new, ImportBatch.objects.count()) == (first, False, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"<Bundle/>",
        b"\xff\xfe",
        b'{"resourceType":"Bundle","type":"history","entry":[]}',
        b'{"resourceType":"OperationOutcome"}',
        b'{"resourceType":"Composition"}',
        b" " * (5 * 1024 * 1024 + 1),
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'{"resourceType":"Patient"}\n{"resourceType":',
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_nothing_is_kept(world: World, content: bytes):
    before = counts()
    with pytest.raises(RefusedError) as refused:
        bring(world, content)
    assert refused.value.message.endswith("Nothing was kept.") and counts() == before


def test_the_review_is_a_look_that_is_logged(world: World):
    batch = bring(world)
    review(world, batch)
    assert Look.objects.filter(user=world.alice.nurse, what=f"import {batch.pk}").count() == 1


# --- what the review says ---------------------------------------------------------------------------------------------


def test_every_part_is_offered_and_only_the_newest_measured_values_stand_chosen(world: World):
    found = review(world, bring(world))
    groups = [each.offer.group for each in found.placed]
    assert {group: groups.count(group) for group in groups} == {
        "dose": 1, "weight": 2, "laboratory": 1, "vitals": 2, "medicine": 1, "condition": 1, "note": 1,
    }  # fmt: skip
    chosen = [(each.offer.group, each.offer.entry) for each in found.placed if each.chosen]
    assert sorted(chosen) == [
        (LABORATORY, "Observation/l1"), (VITALS, "Observation/h1"), (VITALS, "Observation/t1"), (WEIGHT, "Observation/w1"),
    ]  # fmt: skip
    why = {each.offer.entry: each.why for each in found.placed}
    assert why["Observation/w0"] == "the document has a newer one"
    assert why["MedicationAdministration/d1"] == "choose it yourself"
    assert {each.display for each in found.document.kept} == {"12345-6", "Influenza"}


def test_what_the_record_has_already_is_said_and_cannot_be_chosen_again(world: World):
    fact = event("weight_measured", at=DAY_BEFORE, weight_kg="71.40", source="import")
    record_event(world.course.pk, fact, by=who(world), now=BROUGHT_AT)
    record_event(
        world.course.pk,
        event("lab_resulted", at=BROUGHT_AT, code="anc", value="2", unit="10*9/L"),
        by=world.actor("alice"),
    )
    found = review(world, bring(world))
    by_entry = {each.offer.entry: each for each in found.placed}
    assert by_entry["Observation/w1"].standing is Standing.KNOWN and not by_entry["Observation/w1"].may
    assert (by_entry["Observation/l1"].chosen, by_entry["Observation/l1"].why) == (False, "the record has a newer one")


def test_a_value_of_the_same_day_is_perhaps_the_same(world: World):
    record_event(
        world.course.pk,
        event("weight_measured", at=BROUGHT_AT - timedelta(hours=1), weight_kg="71"),
        by=world.actor("alice"),
    )
    day = BROUGHT_AT.date().isoformat()
    found = review(world, bring(world, document(weight(71, at=day), weight(72, at=day, id="w2"))))
    assert {str(each.fact.body.weight_kg): each.standing for each in found.placed} == {
        "71": Standing.SAME_DAY,
        "72": Standing.NEW,
    }


def test_what_could_harm_is_said_first(world: World):
    found = review(
        world,
        bring(
            world,
            document(
                *cover(),
                administration("Tecvayli", 4.3),
                administration("Talvey 40 mg/mL", 40, id="t"),
                administration("Actemra", 580, id="a"),
                allergy("Dexamethasone"),
                allergy("Latex", id="a2"),
                person={"deceasedBoolean": True},
            ),
        ),
    )
    died, doses, other, rescue, *allergies = found.harms
    assert "has died" in died and "a dose of teclistamab" in doses
    assert "Talvey 40 mg/mL" in other and "same class" in other and "tocilizumab" in rescue
    assert any("This course uses dexamethasone" in each for each in allergies)
    assert any("Latex" in each and "This course uses" not in each for each in allergies)


@pytest.mark.parametrize(
    ("what", "change", "differs"),
    [
        ("the same person", {"birthDate": "1950-04-05"}, ()),
        ("the year alone", {"birthDate": "1950"}, ()),
        ("another year", {"birthDate": "1951"}, ("birth date",)),
        ("another name", {"name": [{"family": "Other"}]}, ("name",)),
        ("the names the other way round", {"name": [{"text": "EXAMPLE, Synthia"}]}, ()),
        ("no name", {"name": []}, ()),
    ],
)
def test_a_difference_about_the_person_is_said_in_words(world: World, what: str, change, differs):
    assert review(world, bring(world, document(weight(70), person=change))).differences == differs, what


# --- it is taken by a person ------------------------------------------------------------------------------------------


def test_the_chosen_facts_are_recorded_with_where_they_came_from(world: World):
    batch = bring(world)
    found = review(world, batch)
    chosen = ids(found, WEIGHT, LABORATORY, DOSE, NOTE)
    done = take(world, batch, chosen)
    assert (done.new, done.known) == (5, 0) and done.truth
    rows = Event.objects.filter(id__in=chosen)
    assert {(row.source, row.by, row.role) for row in rows} == {("import", str(world.alice.nurse.pk), "nurse")}
    assert all(row.payload["x_import"] == str(batch.pk) and row.payload["x_from"] == PARTNER for row in rows)
    given = rows.get(kind="dose_given")
    assert (given.payload["dose_mg"], given.payload["x_entry"], given.payload.get("step")) == (
        "4.3",
        "MedicationAdministration/d1",
        None,
    )
    assert rows.get(kind="note_added").payload["text"].startswith("Allergy or intolerance in the document: Penicillin")
    decision = batch.decisions.get()
    assert (decision.kind, sorted(decision.events), decision.decided_by) == (
        "applied",
        sorted(chosen),
        world.alice.nurse,
    )


def test_a_dose_of_an_unknown_step_makes_the_next_dose_ask(world: World):
    batch = bring(world)
    take(world, batch, ids(review(world, batch), DOSE))
    with all_rows():
        assert Course.objects.get(pk=world.course.pk).assessment["next_dose"]["action"] == "ask"


def test_a_second_time_changes_nothing(world: World):
    batch = bring(world)
    chosen = ids(review(world, batch), WEIGHT)
    take(world, batch, chosen)
    before = counts()
    again = take(world, batch, chosen)
    assert (again.new, again.known, counts()) == (0, 2, before)


def test_the_same_facts_in_another_file_are_known(world: World):
    batch = bring(world)
    take(world, batch, ids(review(world, batch), WEIGHT, LABORATORY))
    other = bring(world, json.dumps(json.loads(document()), indent=1).encode())
    assert other != batch
    standing = {each.offer.group: each.standing for each in review(world, other).placed}
    assert (standing[WEIGHT], standing[LABORATORY]) == (Standing.KNOWN, Standing.KNOWN)


def test_what_was_withdrawn_is_not_offered_as_new(world: World):
    batch = bring(world)
    chosen = ids(review(world, batch), LABORATORY)
    take(world, batch, chosen)
    withdraw_event(
        world.course.pk,
        Event.objects.get(id=chosen[0]).id,
        reason="of somebody else",
        by=world.actor("alice"),
        now=LATER,
    )
    (lab,) = [each for each in review(world, batch).placed if each.offer.group == LABORATORY]
    assert (lab.standing, lab.may) == (Standing.UNDONE, False)


@pytest.mark.parametrize(
    ("what", "given", "code"),
    [
        ("nobody says that it is the same person", {"same_person": False}, "not_same"),
        ("nothing is chosen", {"chosen": []}, "missing_key"),
        ("a fact that is not in it", {"chosen": ["00000000-0000-4000-8000-000000000000"]}, "changed"),
        ("no id at all", {"chosen": ["x"]}, "changed"),
    ],
)
def test_nothing_is_taken_by_halves(world: World, what: str, given, code: str):
    batch = bring(world)
    before = counts()
    arguments = {"chosen": ids(review(world, batch)), "same_person": True, **given}
    with pytest.raises(RefusedError) as refused:
        imports.apply(world.course.pk, batch.pk, by=who(world), now=LATER, **arguments)
    assert (refused.value.code, counts()) == (code, before), what


def test_a_difference_needs_a_reason_and_is_kept_with_the_decision(world: World):
    batch = bring(world, document(weight(70), person={"birthDate": "1951"}))
    chosen = ids(review(world, batch))
    with pytest.raises(RefusedError, match="why it is the same person"):
        take(world, batch, chosen, reason="  ")
    take(world, batch, chosen, reason="the practice typed the year wrongly; called them")
    decision = batch.decisions.get()
    assert (decision.differs, decision.reason[:12]) == (["birth date"], "the practice")
    assert "1951" not in json.dumps(decision.differs)


def test_a_failure_in_the_middle_takes_everything_back(world: World, monkeypatch: pytest.MonkeyPatch):
    batch = bring(world)
    chosen, before, recorded = ids(review(world, batch)), counts(), []

    def third_fails(*args, **kwargs):
        if len(recorded) == 2:
            raise RefusedError("Not this one.", code="test")
        recorded.append(record_event(*args, **kwargs))
        return recorded[-1]

    monkeypatch.setattr(imports, "record_event", third_fails)
    with pytest.raises(RefusedError, match="Not this one"):
        take(world, batch, chosen)
    assert (counts(), len(recorded)) == (before, 2)


def test_more_than_can_be_judged_at_once_is_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imports, "MOST_AT_ONCE", 1)
    batch = bring(world)
    with pytest.raises(RefusedError, match="take fewer"):
        take(world, batch, ids(review(world, batch), WEIGHT))


# --- it is dismissed, and seen by a second person ---------------------------------------------------------------------


def test_it_is_dismissed_with_a_reason_and_a_second_person_sees_all_of_it(world: World):
    batch = bring(world)
    with pytest.raises(RefusedError):
        imports.dismiss(world.course.pk, batch.pk, reason=" ", by=who(world), now=LATER)
    take(world, batch, ids(review(world, batch), WEIGHT))
    imports.dismiss(
        world.course.pk,
        batch.pk,
        reason="the rest is ours",
        by=who(world, role="oncologist"),
        now=LATER + timedelta(minutes=1),
    )
    seen, found = imports.review(world.course.pk, batch.pk, by=who(world, role="oncologist"), now=LATER)
    kinds = [(each.kind, each.decided_by) for each in imports.decisions(seen)]
    assert kinds == [("applied", world.alice.nurse), ("dismissed", world.alice.oncologist)]
    assert [each.standing for each in found.placed if each.offer.group == WEIGHT] == [Standing.KNOWN, Standing.KNOWN]


@pytest.mark.parametrize("model", [ImportBatch, ImportDecision])
def test_what_was_brought_and_decided_is_never_changed(world: World, model):
    batch = bring(world)
    imports.dismiss(world.course.pk, batch.pk, reason="not ours", by=who(world), now=LATER)
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(organisation=world.alice.organisation)
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.all().delete()


# --- who may ----------------------------------------------------------------------------------------------------------


def test_a_stranger_and_a_viewer_bring_nothing_and_see_nothing(world: World):
    batch = bring(world)
    stranger, viewer = who(world, "charlie"), person(make_member(world.alice.organisation, "viewer"), source="import")
    for actor, refusal in ((stranger, NotVisibleError), (viewer, NotAllowedError)):
        with pytest.raises(refusal):
            bring(world, by=actor)
        with pytest.raises(refusal):
            imports.review(world.course.pk, batch.pk, by=actor, now=LATER)
        with pytest.raises(refusal):
            imports.dismiss(world.course.pk, batch.pk, reason="x", by=actor, now=LATER)


def test_a_role_takes_what_it_may_record_and_nothing_else(world: World):
    batch = bring(world)
    found = review(world, batch)
    coordinator = person(make_member(world.alice.organisation, "coordinator"), source="import")
    before = counts()
    with pytest.raises(RefusedError, match="Your role may not record"):
        take(world, batch, ids(found, LABORATORY, DOSE), by=coordinator)
    assert counts() == before
    assert take(world, batch, ids(found, LABORATORY), by=coordinator).new == 1


def test_the_document_of_another_course_is_not_here(world: World):
    batch = bring(world)
    other = world.make_course()
    with pytest.raises(NotVisibleError):
        imports.review(other.pk, batch.pk, by=who(world), now=LATER)


def test_the_same_document_in_another_course_makes_events_of_their_own(world: World):
    other = world.make_course()
    first, second = review(world, bring(world)), None
    batch = imports.bring(other.pk, document(), title="x", by=who(world), now=BROUGHT_AT).batch
    second = imports.review(other.pk, batch.pk, by=who(world), now=LATER)[1]
    assert not set(ids(first)) & set(ids(second))


def test_one_resource_and_lines_of_them_are_documents_too(world: World):
    lines = b"\n".join(
        json.dumps(each).encode()
        for each in (observation("26499-4", 1.1, "10*3/uL", stamp(), id="l1"), weight(70, at=stamp(), id="w1"))
    )
    found = review(world, bring(world, lines))
    assert (len(found.placed), found.document.person, found.compared_nothing) == (2, None, True)
