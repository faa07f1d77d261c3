"""Bulk Data as it is written: each course is a look, pieces hold whole lines, half an export is given to nobody, and nobody waits for it."""

import json
from copy import deepcopy
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from handrail import clock
from handrail.actions import bulk_exports
from handrail.actions.bulk_exports import MOST_TRIES
from handrail.actions.facts import record_event
from handrail.actions.upkeep import rotate_keys
from handrail.jobs import bulk_exports as steps
from handrail.jobs import export_lines
from handrail.jobs import watcher as watcher_module
from handrail.jobs.checkpoints import EXPORT_NAMES
from handrail.jobs.setback import bring_back
from handrail.jobs.watcher import Watcher
from handrail.people.models import Site
from handrail.people.scope import everything
from handrail.records.models import Course, ExportFile
from tests.support.clients import fresh_tokens
from tests.support.exporting import Taker, gone, held, job_at, looks, of_command, parsed, tied_world, write_all
from tests.support.factories import event
from tests.support.once import made_once
from tests.support.packets import NOW

pytestmark = pytest.mark.django_db


the_world = made_once(tied_world)


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(db, time, the_world):
    fresh_tokens()
    return deepcopy(the_world)


# --- looks ------------------------------------------------------------------------------------------------------------


def test_each_course_is_a_look_before_its_first_line_and_at_each_download(world, monkeypatch):
    seen_by = []
    course = export_lines.Tally.course
    monkeypatch.setattr(
        export_lines.Tally, "course", lambda self, *rest: (seen_by.append(looks()), course(self, *rest))[1]
    )
    place = world.taker.begin()
    write_all()
    look = {name: (name, "client", world.taker.client.pk) for name in world.tied}
    first, second = world.tied
    assert seen_by == [[look[first]], [look[first], look[second]]]
    [patients] = [row for row in world.taker.manifest(place)["output"] if row["type"] == "Patient"]
    [house] = [row for row in world.taker.manifest(place)["output"] if row["type"] == "Organization"]
    before = len(looks())
    assert before == 2, "how far it is tells nothing of anybody"
    answer = world.taker.ask(patients["url"])
    assert looks() == [look[first]] * 2 + [look[second]] * 2
    again = world.taker.ask(patients["url"], **{"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    assert looks() == [look[first]] * 3 + [look[second]] * 3
    world.taker.ask(house["url"])
    assert len(looks()) == 7, "the file that holds the first line holds a line of the first course's step alone"


# --- pieces, and what the database holds ------------------------------------------------------------------------------


def test_a_file_is_no_longer_than_a_piece_and_holds_whole_lines(world, monkeypatch):
    monkeypatch.setattr(bulk_exports, "MOST_BYTES", 2_000)
    place = world.taker.begin()
    write_all()
    rows = world.taker.manifest(place)["output"]
    many = [row for row in rows if row["type"] == "Observation"]
    assert len(many) > 2
    for row in rows:
        assert row["extension"]["bytes"] <= 2_000 or row["count"] == 1
        assert parsed(world.taker.ask(row["url"]).content.splitlines())
    everything_at_once = [line for lines in world.taker.files(place).values() for line in lines]
    assert len(everything_at_once) == len(set(everything_at_once)), "no line twice"
    with everything():
        for each in ExportFile.objects.filter(kind="Observation"):
            assert set(each.courses) <= set(world.tied)


def test_files_are_unreadable_in_the_database_and_survive_a_change_of_keys(world, settings):
    old, new = settings.HANDRAIL_FIELD_KEYS[0], Fernet.generate_key().decode()
    place = world.taker.begin("?_type=Patient")
    write_all()
    before = world.taker.files(place)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM records_exportfile")
        stored = b"".join(bytes(row[0]) for row in cursor.fetchall())
    assert stored.startswith(b"gAAAA")
    assert b"Synthia" not in stored and "Synthia" in json.dumps(before)
    settings.HANDRAIL_FIELD_KEYS = [new, old]
    assert rotate_keys()["export files"] == 1
    settings.HANDRAIL_FIELD_KEYS = [new]
    assert world.taker.files(place) == before


# --- half an export never passes for one ------------------------------------------------------------------------------


def test_an_event_that_is_missing_fails_the_export_and_no_file_is_given(world):
    place = world.taker.begin()
    with everything():
        watcher = Watcher()
        watcher._export_one()
        watcher._export_one()
        file = ExportFile.objects.first()
    late = event("note_added", at=NOW - timedelta(days=1), text="late")
    record_event(world.course.pk, late, by=world.actor("alice"), now=NOW - timedelta(minutes=1))
    write_all()
    answer = world.taker.ask(place)
    assert (answer.status_code, answer.json()["resourceType"]) == (500, "OperationOutcome")
    assert "note_added" in answer.json()["issue"][0]["diagnostics"]
    assert (job_at(place).state, held()) == ("failed", 0)
    assert gone(world, world.taker.ask(f"{place}/{file.pk}"))
    assert world.taker.begin(), "one that failed keeps no other waiting"
    assert world.taker.ask(place, method="delete").status_code == 202
    assert gone(world, world.taker.ask(place))


def test_what_is_recorded_elsewhere_or_since_harms_nothing(world, time):
    time.advance(timedelta(seconds=1))
    place = world.taker.begin()
    with everything():
        watcher = Watcher()
        watcher._export_one()
        watcher._export_one()
    record_event(
        world.other.pk,
        event("note_added", at=NOW, text="of a course that is not in it"),
        by=world.actor("alice"),
        now=NOW - timedelta(minutes=1),
    )
    record_event(
        world.course.pk,
        event("note_added", at=NOW, text="since"),
        by=world.actor("alice"),
        now=NOW + timedelta(seconds=2),
    )
    write_all()
    log = world.taker.manifest(place)["extension"]["event_log"]
    assert (log["in_the_log"] - log["written"], log["recorded_since"]) == (1, 1)


class Killed(BaseException):
    """Nothing after it runs, as when a process is killed."""


def killed_at(name):
    def stop(here):
        if here == name:
            raise Killed

    return stop


@pytest.mark.parametrize("name", EXPORT_NAMES)
def test_killed_at_a_checkpoint_the_next_watcher_writes_each_line_once(world, time, tmp_path, monkeypatch, name):
    place = world.taker.begin()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "checkpoint", killed_at(name))
        with pytest.raises(Killed):
            write_all()
    assert write_all() == (2 if name == "export_written" else 0), "what was held is held still"
    time.advance(timedelta(seconds=steps.LEASE_SECONDS + 1))
    write_all()
    assert job_at(place).state == "whole"
    time.set(NOW)
    here = {kind: sorted(lines) for kind, lines in world.taker.files(place).items()}
    assert here == of_command(world, tmp_path / "out")


def test_of_two_that_write_the_same_course_one_is_believed(world, time, monkeypatch, tmp_path):
    """The first is slow: its lease is over, another has written the course before it stores anything."""
    place, slow, fast = world.taker.begin(), Watcher(), Watcher()

    def meanwhile(name):
        if name == "export_sealed":
            monkeypatch.setattr(steps, "checkpoint", lambda _: None)
            time.advance(timedelta(seconds=steps.LEASE_SECONDS + 1))
            assert fast._export_one()

    monkeypatch.setattr(steps, "checkpoint", meanwhile)
    with everything():
        assert slow._export_one()
    assert job_at(place).done == 1
    write_all()
    time.set(NOW)
    here = {kind: sorted(lines) for kind, lines in world.taker.files(place).items()}
    assert here == of_command(world, tmp_path / "out")


def test_an_export_goes_on_after_a_clock_was_set_back(world, time, monkeypatch):
    time.set(NOW + timedelta(hours=9))
    begun, held_by_the_dead = world.taker.begin(), Taker(world, world.course).begin()
    with monkeypatch.context() as patch:
        patch.setattr(steps, "checkpoint", killed_at("export_claimed"))
        with pytest.raises(Killed):
            write_all()
    time.set(NOW)
    assert write_all() == 0
    with everything():
        assert bring_back(NOW, longest_lease=timedelta(minutes=4)) == 3, "two that are due, and a lease"
    write_all()
    assert [job_at(each).state for each in (begun, held_by_the_dead)] == ["whole", "whole"]
    with everything():
        assert bring_back(NOW, longest_lease=timedelta(minutes=4)) == 0, "what is whole waits for its day"


def test_deleted_while_a_course_is_being_written_nothing_comes_back(world, monkeypatch):
    place = world.taker.begin()

    def meanwhile(name):
        if name == "export_sealed":
            assert world.taker.ask(place, method="delete").status_code == 202

    monkeypatch.setattr(steps, "checkpoint", meanwhile)
    write_all()
    assert (held(), job_at(place).state) == (0, "deleted")


def test_a_course_that_cannot_be_written_fails_the_export_after_a_few_tries(world, time, monkeypatch):
    place = world.taker.begin()

    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr(export_lines.Tally, "course", fails)
    for number in range(MOST_TRIES):
        assert (job_at(place).tries, write_all()) == (number, 1)
        time.advance(watcher_module.POISON_PAUSE + timedelta(seconds=1))
    write_all()
    assert (job_at(place).state, held()) == ("failed", 0)
    assert world.taker.ask(place).status_code == 500


# --- it keeps nobody waiting ------------------------------------------------------------------------------------------


def test_it_goes_last_one_course_at_a_time(world, monkeypatch):
    with everything():
        Site.objects.update(rota_look_at=None)
        Course.objects.update(look_again_at=None)
    world.taker.begin()
    order, write = [], watcher_module.write_next
    looked_at = Watcher._assess_one

    def course(self):
        found = looked_at(self)
        if found:
            order.append("look")
        return found

    def export(claim):
        order.append("export")
        with everything():
            assert not Course.objects.filter(look_again_at__lte=NOW).exists()
            if len(order) < 5:
                Course.objects.filter(pk=world.other.pk).update(look_again_at=NOW)  # due while a course is written
        write(claim)

    monkeypatch.setattr(Watcher, "_assess_one", course)
    monkeypatch.setattr(watcher_module, "write_next", export)
    with everything():
        Course.objects.filter(pk=world.other.pk).update(look_again_at=NOW)
        Watcher().look()
    assert order == ["look", "export", "look", "export", "look", "export"]
