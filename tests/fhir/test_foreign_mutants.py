"""Documents that are nearly right: each is read or refused in one sentence; none breaks anything, and none is half kept."""

import os
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from handrail import clock
from handrail.actions import imports
from handrail.actions.actor import Actor, person
from handrail.actions.errors import RefusedError
from handrail.fhir.foreign import read_foreign
from handrail.fhir.record import FhirReadError
from handrail.records.models import Document, Event, ImportBatch
from handrail.rules.foreign import ForeignPerson, Standing, beside, compared, harms
from handrail.rules.history import History
from handrail.rules.telling import sentence
from tests.support.courses import TEC, Told
from tests.support.factories import World
from tests.support.foreign import BROUGHT_AT, document
from tests.support.mutating import mutants
from tools.examples import EXAMPLES, READ_AT

THOROUGH = os.environ.get("HANDRAIL_PROPERTIES") == "thorough"
SMALL = [
    each for each in EXAMPLES if each.source != "Synthea" and each.file != "Bundle-aups-referral-endoconsult-curated"
]
EACH = 700 if THOROUGH else 12
ZONE = "America/Chicago"


def look(content: bytes) -> str:
    """Read a document and lay it beside a course, as the review does; what became of it."""
    try:
        found = read_foreign(content, course_id="c", zone=ZONE, now=READ_AT, product="teclistamab")
    except FhirReadError as error:
        return "refused" if error.message.endswith(".") and len(error.message) < 200 else error.message
    history = History.build(Told(TEC).course())
    placed = beside(found.offers, history, ZONE)
    assert all(sentence(each.fact) and each.standing is Standing.NEW for each in placed)
    assert all(harms(found, placed, "teclistamab", ["dexamethasone"]))
    assert compared(found.person, ForeignPerson(names=("Synthia Example",)))
    assert all(kept.why and kept.times > 0 for kept in found.kept)
    return "read"


@pytest.mark.parametrize("example", SMALL, ids=lambda each: each.file)
def test_a_mutant_of_a_published_document_is_read_or_refused(example):
    became = Counter(look(each) for each in mutants(example.read(), EACH, seed=len(example.file)))
    assert set(became) <= {"read", "refused"} and sum(became.values()) >= EACH


def test_a_mutant_of_a_document_with_everything_is_read_or_refused():
    became = Counter(look(each) for each in mutants(document(), 3000 if THOROUGH else 250, seed=7))
    assert became["read"] > became["refused"] > 0


@pytest.mark.django_db
def test_a_mutant_is_kept_whole_or_not_at_all():
    with clock.use(clock.FrozenClock(BROUGHT_AT)):
        world = World()
        by, course = person(world.alice.nurse, source="import"), world.course
        events = Event.objects.count()
        kept = [_bring(course.pk, by, content) for content in mutants(document(), 40, seed=11)]
        assert {True, False} == set(kept)
        assert Event.objects.count() == events


def _bring(course_id: UUID, by: Actor, content: bytes) -> bool:
    """Bring one and review it; False: it was refused, and nothing of it is there."""
    before = Document.objects.count(), ImportBatch.objects.count()
    refused = None
    try:
        brought = imports.bring(course_id, content, title="x", by=by)
    except RefusedError as error:
        refused = error.message
    if refused is not None:
        assert refused.endswith("Nothing was kept.")
        assert (Document.objects.count(), ImportBatch.objects.count()) == before
        return False
    _, found = imports.review(course_id, brought.batch.pk, by=by, now=BROUGHT_AT + timedelta(minutes=1))
    assert len(found.placed) == len(found.document.offers)
    return True
