"""The watcher's look, the rebuild, and the nightly comparison."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command

from handrail.actions import recording
from handrail.actions.documents import open_document, store_document
from handrail.actions.errors import NotVisibleError
from handrail.actions.facts import receive_checkin
from handrail.actions.upkeep import reassess, rotate_keys, verify_cache
from handrail.people import secrets
from handrail.records.models import Course
from handrail.rules.terms import UnusableInput
from tests.support.factories import MONDAY_0900, World, checkin

pytestmark = pytest.mark.django_db
LATER = MONDAY_0900 + timedelta(hours=3)


@pytest.fixture
def world():
    world = World()
    receive_checkin(world.course.pk, checkin(at=LATER), by=world.actor("alice"), now=LATER)
    return world


def test_looking_again_stores_the_answer_of_that_instant(world):
    at = LATER + timedelta(hours=9)
    settled = reassess(world.course.pk, now=at)
    course = Course.objects.get()
    assert (course.assessed_at, course.assessment) == (at, settled.assessment.to_json())
    assert course.look_again_at is None or course.look_again_at > at


def test_looking_again_at_nothing_is_said(world):
    with pytest.raises(NotVisibleError):
        reassess(uuid4(), now=LATER)


def test_looking_again_never_stops_the_watcher(world, monkeypatch):
    def unusable(*args, **kwargs):
        raise UnusableInput("unknown_protocol", "There is no such protocol.")

    monkeypatch.setattr(recording, "assess", unusable)
    settled = reassess(world.course.pk, now=LATER)
    assert [alert.key for alert in settled.changes.opened] == [recording.CANNOT_ASSESS]
    again = reassess(world.course.pk, now=LATER + timedelta(minutes=5))
    assert (again.changes.opened, len(again.changes.kept)) == ((), 1)
    assert Course.objects.get().look_again_at == LATER + timedelta(minutes=5) + recording.TRY_AGAIN


def test_the_comparison_is_quiet_until_a_stored_answer_was_changed(world, capsys):
    assert list(verify_cache()) == []
    call_command("verify_cache")
    stored = Course.objects.get().assessment
    Course.objects.update(assessment={**stored, "protocol_key": "another"})
    assert [difference.what for difference in verify_cache()] == ["differs in protocol_key"]
    with pytest.raises(SystemExit):
        call_command("verify_cache")
    call_command("rebuild_cache")
    assert list(verify_cache()) == []
    assert "1 courses rebuilt" in capsys.readouterr().out


def test_a_course_that_was_never_assessed_is_found(world):
    Course.objects.update(assessment=None, assessed_at=None)
    assert [difference.what for difference in verify_cache()] == ["was never assessed"]


def test_the_comparison_knows_only_what_was_known_then(world):
    """A fact that came after the stored answer does not make that answer wrong."""
    receive_checkin(world.course.pk, checkin(at=LATER, temperature_c="39"), by=world.actor("alice"), now=LATER)
    course = Course.objects.get()
    assert course.assessed_at == LATER
    assert list(verify_cache()) == []


def test_documents_are_rotated_too(world, settings):
    from cryptography.fernet import Fernet

    document = store_document(world.course.pk, b"%PDF-1 synthetic", title="x", by=world.actor("alice"))
    former, new = settings.HANDRAIL_FIELD_KEYS[0], Fernet.generate_key().decode()
    settings.HANDRAIL_FIELD_KEYS = [new, former]
    assert rotate_keys() == {
        "patients": 1,
        "contacts": 1,
        "contact points": 0,
        "dispatches": 0,
        "texts": 0,
        "text lines": 0,
        "cards": 0,
        "documents": 1,
        "export files": 0,
        "hand-off doors": 0,
        "hand-off people": 0,
        "people at hospitals": 0,
        "health links": 0,
        "document keys": 0,
        "care places": 0,
        "referrals": 0,
    }
    settings.HANDRAIL_FIELD_KEYS = [new]
    assert open_document(world.course.pk, document.pk, by=world.actor("alice"))[1] == b"%PDF-1 synthetic"
    settings.HANDRAIL_FIELD_KEYS = [former]
    with pytest.raises(secrets.UndecryptableError):
        open_document(world.course.pk, document.pk, by=world.actor("alice"))
