"""Half an export never passes for one: trouble, a kill, a full disk and a log that moved on; and no more is held for more courses."""

import gc
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest

from handrail import clock
from handrail.actions.exports import BATCH
from handrail.actions.facts import record_event
from handrail.jobs import exports
from handrail.people.models import Patient
from handrail.people.scope import everything
from handrail.records.models import Course, Event, Export
from handrail.rules.terms import UnusableInput
from tests.support.exports import exported, lines, told_world
from tests.support.factories import MONDAY_0900, event
from tests.support.once import made_once
from tests.support.packets import NOW

pytestmark = pytest.mark.django_db


the_world = made_once(told_world)


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def test_an_event_of_before_that_is_missing_keeps_nothing_of_the_export(world, tmp_path, monkeypatch):
    late = event("note_added", at=MONDAY_0900, text="late")
    taken = exports.courses_of

    def and_then(export):
        yield from taken(export)
        record_event(world.course.pk, late, by=world.actor("alice"), now=NOW - timedelta(minutes=1))

    monkeypatch.setattr(exports, "courses_of", and_then)
    with pytest.raises(UnusableInput, match="not those of the log"):
        exported(world, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    with everything():
        assert Export.objects.get().ended_at is None


def test_what_is_recorded_meanwhile_is_said_and_harms_nothing(world, tmp_path, monkeypatch):
    taken = exports.courses_of

    def and_then(export):
        yield from taken(export)
        fresh = event("note_added", at=NOW, text="meanwhile")
        record_event(world.course.pk, fresh, by=world.actor("alice"), now=NOW + timedelta(seconds=1))

    monkeypatch.setattr(exports, "courses_of", and_then)
    log = exported(world, tmp_path / "out")["extension"]["event_log"]
    assert log["in_the_log"] - log["written"] == 1
    assert log["recorded_since"] >= 1


def test_trouble_on_the_way_leaves_nothing(world, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(exports.bulk, "facts_of", fails)
    with pytest.raises(OSError, match="full"):
        exported(world, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from handrail.jobs.export_files import Folder
with Folder(Path(sys.argv[1])) as into:
    for number in range(2000):
        into.line("Patient.ndjson", b"{}")
    into.written()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_export_leaves_no_folder_of_that_name(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "out")], check=False, timeout=60)
    assert done.returncode == -9
    [left] = tmp_path.iterdir()
    assert left.name.startswith(".unfinished-export-")
    assert [each.name for each in left.iterdir()] == ["Patient.ndjson"], "there is no manifest"
    assert left.stat().st_mode & 0o777 == 0o700


FULL_DISK = """
import resource, sys
from pathlib import Path
from handrail.jobs.export_files import Folder
from handrail.rules.terms import UnusableInput
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # this process can write no more into one file
try:
    with Folder(Path(sys.argv[1])) as into:
        for number in range(int(sys.argv[2])):
            into.line("Patient.ndjson", b"x" * 100)
        into.written()
        into.finish(b"x" * int(sys.argv[3]))
except UnusableInput as error:
    sys.exit(error.message)
"""


@pytest.mark.parametrize(
    ("lines_of_100", "manifest"),
    [(2_000, 1), (199, 1), (1, 30_000)],  # within a line, when it is forced to the disk, in the manifest
)
def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing_of_anybody(tmp_path, lines_of_100, manifest):
    words = [sys.executable, "-c", FULL_DISK, str(tmp_path / "out"), str(lines_of_100), str(manifest)]
    done = subprocess.run(words, check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "The export cannot be written there: File too large.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_no_more_is_held_however_many_courses_there_are(world, tmp_path, monkeypatch):
    taken, lived = exports.courses_of, []

    def counting(export):
        for number, each in enumerate(taken(export)):
            if number % BATCH == 1:
                gc.collect()
                lived.append(Counter(type(one).__name__ for one in gc.get_objects()))
            yield each

    multiply(world.course, 3 * BATCH)
    monkeypatch.setattr(exports, "courses_of", counting)
    exported(world, tmp_path / "out")
    assert len(lines(tmp_path / "out" / "courses.ndjson")) == 1 + 3 * BATCH
    first, *_, last = lived
    for held in (Course.__name__, Event.__name__, Patient.__name__, "Packet", "History", "dict", "list"):
        assert last[held] <= first[held] + BATCH, held
    assert first[Course.__name__] >= BATCH, "it counts what is held"


def multiply(course, times):
    """As many copies of a course with its patient and events, as rows."""
    with everything():
        patient = Patient.objects.get(pk=course.patient_id)
        events = list(course.events.order_by("occurred_at", "id"))
        for _ in range(times):
            patient.pk = uuid4()
            patient.save(force_insert=True)
            copy = Course.objects.get(pk=course.pk)
            copy.pk, copy.patient = uuid4(), patient
            copy.save(force_insert=True)
            for row in events:
                row.id, row.course = uuid4(), copy
            Event.objects.bulk_create(events)
