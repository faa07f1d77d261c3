"""The pages of an import: a file is brought, reviewed beside the record, taken fact by fact or dismissed, and everything is said in words."""

import html
import io
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.actions import imports
from handrail.actions.actor import person
from handrail.people.models import User
from handrail.records.models import Event, ImportBatch
from tests.support.bundles import condition, observation, weight
from tests.support.factories import World, make_member
from tests.support.foreign import BROUGHT_AT, PARTNER, allergy, cover, document, everything, stamp

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Iterator[World]:
    with clock.use(clock.FrozenClock(BROUGHT_AT)):
        made = World()
        assert made.course.events.count() == 1  # it has started
        yield made


def client(user: User) -> Client:
    found = Client()
    found.force_login(user)
    return found


def brought(world: World, content: bytes | None = None) -> ImportBatch:
    by = person(world.alice.nurse, source="import")
    return imports.bring(world.course.pk, content or document(), title="summary.json", by=by).batch


def page(world: World, batch: ImportBatch, user: User | None = None) -> str:
    answer = client(user or world.alice.nurse).get(reverse("import_review", args=[world.course.pk, batch.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def send(world: World, name: str, batch: ImportBatch, **data):
    return client(world.alice.nurse).post(reverse(name, args=[world.course.pk, batch.pk]), data, follow=True)


def plain(markup: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", markup).split()))


def ticked(markup: str) -> list[str]:
    return re.findall(r'name="fact" value="([^"]+)" checked', markup)


def boxes(markup: str) -> list[str]:
    return re.findall(r'name="fact" value="([^"]+)"', markup)


def test_a_file_is_brought_and_its_review_opens(world: World):
    file = io.BytesIO(document())
    file.name = "summary.json"
    answer = client(world.alice.nurse).post(reverse("imports", args=[world.course.pk]), {"file": file}, follow=True)
    assert answer.status_code == 200 and answer.redirect_chain
    said = plain(answer.content.decode())
    assert PARTNER in said and "Synthia Example" in said and "Weight" in said
    listed = client(world.alice.nurse).get(reverse("imports", args=[world.course.pk])).content.decode()
    assert "waits for review" in listed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "Choose a file first"),
        (b"", "The file is empty"),
        (b"<html>", "XML or a web page"),
        (b'{"resourceType":"Composition"}', "only the cover of a document"),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field(world: World, content: bytes | None, says: str):
    data = {}
    if content is not None:
        data["file"] = io.BytesIO(content)
        data["file"].name = "x.json"
    answer = client(world.alice.nurse).post(reverse("imports", args=[world.course.pk]), data)
    assert answer.status_code == 422 and says in answer.content.decode()
    assert not ImportBatch.objects.exists()


def test_the_review_shows_every_part_with_its_source_and_ticks_the_newest_measured_alone(world: World):
    markup = page(world, brought(world))
    said = plain(markup)
    for words in (
        "weight: 71.4 kg", "From Observation/w1", "laboratory value: ANC 1.1 10*3/uL", "sent as 100.4 [degF]",
        "dose given", "medicine given: dexamethasone 16 mg", "condition: Multiple myeloma", "Penicillin",
        "Influenza : Handrail does not read Immunization", "12345-6 : this code is not known here",
        "Allergies: entries", "the document has a newer one", "choose it yourself", "time of day not said",
    ):  # fmt: skip
        assert words in said, words
    assert (len(boxes(markup)), len(ticked(markup))) == (9, 4)


@pytest.mark.parametrize(
    ("what", "content", "says"),
    [
        ("the same", document(), "name|the same"),
        ("another birth date", document(person={"birthDate": "1949-01-01"}), "do not say the same: birth date"),
        ("nobody named", b"%s\n%s" % (b'{"resourceType":"Flag"}', b'{"resourceType":"Flag"}'), "does not say who it is about"),
        ("nothing to compare", document(*cover(), person={"name": [], "birthDate": None, "gender": None}), "Nothing in it can be compared"),
    ],
)  # fmt: skip
def test_who_it_is_about_stands_beside_who_the_course_is_about(world: World, what: str, content: bytes, says: str):
    said = plain(page(world, brought(world, content)))
    assert all(words in said for words in says.split("|")) or says == "name|the same", what
    assert "Handrail matches nobody by name and birth date" in said


def test_absent_empty_and_unreadable_lists_are_told_apart(world: World):
    none = {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "716186003"}]}}
    said = plain(page(world, brought(world, document(*cover(), allergy(**none), condition(code={})))))
    assert (
        "Allergies: none known" in said
        and "Conditions: there, but not readable" in said
        and "Medicines: not known" in said
    )


def test_the_ticked_facts_are_taken_and_said(world: World):
    batch = brought(world)
    chosen = ticked(page(world, batch))
    answer = send(world, "import_apply", batch, fact=chosen, same_person="yes")
    said = plain(answer.content.decode())
    assert "4 facts recorded, 0 were here already." in said and "4 facts taken" in said
    assert Event.objects.filter(id__in=chosen, source="import").count() == 4
    again = page(world, batch)
    assert len(boxes(again)) == 5 and ticked(again) == [] and "already in the record" in again


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "tick the sentence above the button"),
        ({"same_person": "yes", "fact": []}, "Choose at least one fact"),
        ({"same_person": "yes", "fact": ["x"]}, "The record has changed"),
    ],
)
def test_what_was_ticked_stays_ticked_when_something_is_missing(world: World, data, says: str):
    batch = brought(world)
    dose = boxes(page(world, batch))[:1]
    answer = send(world, "import_apply", batch, **{"fact": dose, **data})
    assert answer.status_code == 422 and says in answer.content.decode()
    if "fact" not in data:
        assert ticked(answer.content.decode()) == dose
    assert Event.objects.count() == 1


def test_a_difference_asks_for_a_reason_in_words(world: World):
    batch = brought(world, document(weight(70, at=stamp()), person={"birthDate": "1949-01-01"}))
    chosen = boxes(page(world, batch))
    refused = send(world, "import_apply", batch, fact=chosen, same_person="yes")
    assert refused.status_code == 422 and "write why it is the same person" in refused.content.decode()
    done = send(world, "import_apply", batch, fact=chosen, same_person="yes", reason="typed wrongly there")
    assert "Although these differ: birth date" in plain(done.content.decode())


def test_it_is_dismissed_with_a_reason(world: World):
    batch = brought(world)
    refused = send(world, "import_dismiss", batch, why=" ")
    assert refused.status_code == 422 and imports.NO_REASON in refused.content.decode()
    done = send(world, "import_dismiss", batch, why="of another patient")
    assert "dismissed" in plain(done.content.decode()) and "of another patient" in page(
        world, batch, world.alice.oncologist
    )


def test_a_role_that_may_not_record_a_fact_cannot_tick_it(world: World):
    coordinator = make_member(world.alice.organisation, "coordinator")
    markup = page(world, brought(world), coordinator)
    assert "your role may not record it" in markup
    assert len(boxes(markup)) == 2  # the laboratory value and the note


def test_the_file_comes_back_byte_for_byte_as_an_attachment(world: World):
    batch = brought(world)
    answer = client(world.alice.nurse).get(reverse("import_file", args=[world.course.pk, batch.pk]))
    assert answer.content == document() and answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_text_of_the_document_cannot_become_markup(world: World):
    bad = "<script>alert(1)</script>"
    markup = page(
        world,
        brought(
            world,
            document(
                *cover(title=bad), allergy(bad), condition(bad), observation("1", 1, "mg") | {"code": {"text": bad}}
            ),
        ),
    )
    assert bad not in markup and "&lt;script&gt;" in markup


def test_the_course_page_leads_to_it(world: World):
    markup = client(world.alice.nurse).get(reverse("course", args=[world.course.pk])).content.decode()
    assert reverse("imports", args=[world.course.pk]) in markup


def test_many_facts_are_folded_and_none_is_lost(world: World):
    many = [observation("26499-4", n, "10*3/uL", f"2026-01-{n:02d}T10:00:00Z", id=f"n{n}") for n in range(1, 29)]
    markup = page(world, brought(world, document(*everything(), *many)))
    assert "17 more of laboratory values" in markup and len(set(boxes(markup))) == 37
