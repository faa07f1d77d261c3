"""Bulk Data: a system takes out what is tied to it, and nothing else; each course is a look; half an export is given to nobody."""

import hashlib
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client

from handrail import clock
from handrail.actions import bulk_exports
from handrail.actions.bulk_exports import LASTS, MOST_TRIES
from handrail.actions.client_scopes import SCOPES, allows
from handrail.actions.clients import end_client, untie_device
from handrail.actions.facts import record_event
from handrail.actions.upkeep import rotate_keys
from handrail.fhir.bulk import OWN, TYPES
from handrail.jobs import bulk_exports as steps
from handrail.jobs import export_lines, exports
from handrail.jobs import watcher as watcher_module
from handrail.jobs.checkpoints import EXPORT_NAMES
from handrail.jobs.setback import bring_back
from handrail.jobs.watcher import Watcher
from handrail.people.models import Site
from handrail.people.scope import everything
from handrail.records.models import Course, Event, ExportFile, ExportJob, Look
from tests.support.clients import registered, tied, token_of
from tests.support.exporting import ASYNC, EXPORT, Taker, parsed, write_all
from tests.support.factories import World, event
from tests.support.packets import NOW, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def time():
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        yield frozen


@pytest.fixture
def world(db, time):
    """Two courses that are tied to a system, and a third that is not."""
    world = World()
    told(world)
    world.second, world.other = world.make_course(), world.make_course()
    world.taker = Taker(world, world.course, world.second)
    world.tied = sorted([str(world.course.pk), str(world.second.pk)])
    return world


def looks():
    with everything():
        rows = Look.objects.filter(what="fhir_export").order_by("course_id", "id")
        return [(str(row.course_id), row.through, row.client_id) for row in rows]


def job_at(place):
    with everything():
        return ExportJob.objects.get(pk=place.rpartition("/")[2])


def held():
    with everything():
        return ExportFile.objects.count()


# --- what is taken ----------------------------------------------------------------------------------------------------


def of_command(world, folder):
    """The lines that `handrail export ndjson` writes of the courses that are tied, by file."""
    words = ["ndjson", str(folder), "--organisation", str(world.alice.id), "--by", world.alice.director.email]
    assert exports.main(words) == 0
    out = {"courses": str(world.other.pk), "patient": str(world.other.patient_id)}
    found = {}
    for each in folder.glob("*.ndjson"):
        lines = each.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not any(name in line for name in out.values())]
        found[OWN.get(each.name, each.stem)] = sorted(kept)
    return {name: lines for name, lines in found.items() if lines}


def test_the_lines_are_those_of_the_command_for_the_same_courses(world, tmp_path):
    place = world.taker.begin()
    assert write_all() == 3, "two courses, and the comparison"
    here = {kind: sorted(lines) for kind, lines in world.taker.files(place).items()}
    assert here == of_command(world, tmp_path / "out")
    assert {"Patient", "Observation", "MedicationAdministration", OWN["events.ndjson"]} <= set(here)


def test_the_manifest_says_what_there_is(world):
    place = world.taker.begin("?_outputFormat=ndjson")
    waiting = world.taker.ask(place)
    assert (waiting.status_code, waiting["X-Progress"], waiting["Retry-After"]) == (202, "0 of 2 courses", "5")
    with everything():
        Watcher()._export_one()
    assert world.taker.ask(place)["X-Progress"] == "1 of 2 courses"
    write_all()
    answer = world.taker.ask(place)
    said = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["Expires"] == f"{NOW + LASTS:%a, %d %b %Y %H:%M:%S} GMT"
    assert (said["transactionTime"], said["requiresAccessToken"]) == (NOW.isoformat(), True)
    assert (said["deleted"], said["error"]) == ([], [])
    assert said["request"].endswith("/fhir/$export?_outputFormat=ndjson")
    assert said["extension"]["counts"] | {"events": 0} == {"patients": 2, "courses": 2, "events": 0}
    with everything():
        assert said["extension"]["event_log"]["written"] == Event.objects.filter(course__in=world.tied).count()
    for row in [*said["output"], *said["extension"]["files"]]:
        taken = world.taker.ask(row["url"], Accept="application/fhir+ndjson")
        content = taken.content
        assert (len(content), hashlib.sha256(content).hexdigest()) == tuple(row["extension"].values())
        assert taken["Content-Type"] == ("application/ndjson" if "what" in row else "application/fhir+ndjson")
    of_type = {row["type"] for row in said["output"]}
    assert of_type <= set(TYPES), "a type that the code makes must be one that can be asked for"
    for row in said["output"]:
        assert {each["resourceType"] for each in parsed(world.taker.ask(row["url"]).content.splitlines())} == {
            row["type"]
        }


def test_only_the_types_that_were_asked_for_are_kept(world):
    place = world.taker.begin("?_type=Patient,Flag&_type=Observation&_outputFormat=application/fhir%2Bndjson")
    write_all()
    said = world.taker.manifest(place)
    assert {row["type"] for row in said["output"]} <= {"Patient", "Flag", "Observation"}
    assert {"Patient", "Observation"} <= {row["type"] for row in said["output"]}
    assert said["extension"]["files"] == []
    assert said["extension"]["event_log"]["written"] > 0, "what was read is compared with the log all the same"


def test_a_course_that_the_rules_cannot_judge_is_told_whatever_was_asked_for(world):
    with everything():
        Course.objects.filter(pk=world.second.pk).update(protocol_key="teclistamab/US/1999-01/mono")
    place = world.taker.begin("?_type=Patient")
    write_all()
    [row] = world.taker.manifest(place)["error"]
    [trouble] = parsed(world.taker.ask(row["url"]).content.splitlines())
    assert str(world.second.pk) in trouble["issue"][0]["diagnostics"]


def test_a_system_without_a_tie_takes_out_who_the_organisation_is(world):
    taker = Taker(world)
    place = taker.begin()
    assert write_all() == 1
    assert {row["type"]: row["count"] for row in taker.manifest(place)["output"]} == {"Organization": 1}


def test_somebody_with_two_courses_stands_in_it_once(world):
    with everything():
        Course.objects.filter(pk=world.second.pk).update(patient=world.course.patient)
    place = world.taker.begin("?_type=Patient")
    write_all()
    assert [row["count"] for row in world.taker.manifest(place)["output"]] == [1]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {}, 400),
        ("", {"Prefer": "handling=lenient"}, 400),
        ("", {"Prefer": "handling=lenient, respond-async"}, 202),
        ("?_since=2026-01-01T00:00:00Z", ASYNC, 400),
        ("?_typeFilter=Observation%3Fcode%3D1", ASYNC, 400),
        ("?_elements=id", ASYNC, 400),
        ("?patient=1", ASYNC, 400),
        ("?_format=json", ASYNC, 400),
        ("?_type=Medication", ASYNC, 400),
        ("?_type=Patient,", ASYNC, 400),
        ("?_type=", ASYNC, 400),
        ("?_outputFormat=csv", ASYNC, 400),
        ("?_outputFormat=ndjson&_outputFormat=ndjson", ASYNC, 400),
        ("?_outputFormat=application/fhir+ndjson", ASYNC, 202),
        ("", {**ASYNC, "Accept": "text/html"}, 406),
    ],
)
def test_what_is_asked_for_otherwise_is_refused_and_never_passed_over(world, query, headers, status):
    answer = world.taker.ask(f"$export{query}", **headers)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    with everything():
        assert ExportJob.objects.count() == (status == 202)


def test_only_its_own_scope_opens_it(world):
    place = world.taker.begin()
    others = [each for each in SCOPES if each != EXPORT]
    assert not any(allows([each], EXPORT) for each in others)
    assert not any(allows([EXPORT], each) for each in others)
    assert not any(allows(SCOPES, each) for each in ("system/*.r", "system/*.read", "system/Export.rs"))
    client = registered(world, scopes=others)
    token = token_of(client, " ".join(others))
    for method, path in (("get", "$export"), ("get", place), ("delete", place), ("get", f"{place}/{uuid4()}")):
        answer = world.taker.ask(path, method=method, token=token, **ASYNC)
        accepted = answer.status_code, answer.json()["issue"][0]["code"]
        assert accepted == (403, "forbidden"), (method, path)
        assert Client().generic(method.upper(), f"/fhir/{path.partition('/fhir/')[2] or path}").status_code == 401


@pytest.mark.parametrize(
    ("method", "what"), [("post", "$export"), ("head", "$export"), ("put", "status"), ("delete", "file")]
)
def test_other_methods_are_refused(world, method, what):
    place = world.taker.begin()
    path = {"$export": "$export", "status": place, "file": f"{place}/{uuid4()}"}[what]
    assert world.taker.ask(path, method=method, **ASYNC).status_code == 405


def test_one_at_a_time(world):
    place = world.taker.begin()
    second = world.taker.ask(**ASYNC)
    assert (second.status_code, second["Retry-After"]) == (429, "60")
    assert Taker(world, world.course).begin(), "another system is not kept waiting"
    write_all()
    assert world.taker.begin() != place, "one that is whole keeps no other waiting"


def gone(world, answer):
    """Whether it is answered as an export that never was."""
    never = world.taker.ask(f"export/{uuid4()}")
    assert never.status_code == 404
    return (answer.status_code, answer.content) == (404, never.content)


def test_what_is_anothers_what_was_deleted_and_what_never_was_are_answered_alike(world, time):
    place = world.taker.begin()
    write_all()
    file = world.taker.manifest(place)["output"][0]["url"]
    stranger = Taker(world, world.course, world.second)
    for path in (place, file, "export/no-id", f"{place}/no-id", f"{place}/{uuid4()}"):
        assert gone(world, stranger.ask(path)), path
    assert gone(world, stranger.ask(place, method="delete"))
    theirs = stranger.begin()
    write_all()
    assert gone(world, stranger.ask(f"{theirs}/{file.rpartition('/')[2]}")), "a file by the way of another export"
    assert world.taker.ask(place, method="delete").status_code == 202
    for path in (place, file):
        assert gone(world, world.taker.ask(path))
    assert gone(world, world.taker.ask(place, method="delete"))
    assert job_at(place).state == "deleted"
    with everything():
        assert not ExportFile.objects.filter(job=job_at(place)).exists(), "nothing of it is left but that it was"


def test_no_file_is_given_before_the_whole_was_compared(world):
    place = world.taker.begin()
    with everything():
        watcher = Watcher()
        watcher._export_one()
        watcher._export_one()
        file = ExportFile.objects.first()
    assert gone(world, world.taker.ask(f"{place}/{file.pk}"))


def test_after_a_day_it_is_gone_and_the_watcher_erases_it(world, time):
    place = world.taker.begin()
    write_all()
    time.set(NOW + LASTS - timedelta(seconds=1))
    assert write_all() == 0
    assert world.taker.ask(place).status_code == 200
    time.set(NOW + LASTS)
    assert gone(world, world.taker.ask(place))
    again = Taker(world, world.course).begin()
    time.set(NOW + 3 * LASTS)
    write_all()
    assert (held(), job_at(place).state, job_at(again).state) == (0, "deleted", "deleted")


# --- ties and systems that end ----------------------------------------------------------------------------------------


def untie(world, number=1):
    tie = world.taker.ties[number]
    untie_device(tie.course_id, tie.pk, by=world.actor("alice", "oncologist"))


@pytest.mark.parametrize("steps_before", [0, 1, 2])
def test_a_tie_that_ends_on_the_way_ends_the_whole(world, steps_before):
    place = world.taker.begin()
    with everything():
        watcher = Watcher()
        for _ in range(steps_before):
            watcher._export_one()
    seen = looks()
    untie(world)
    write_all()
    assert (held(), job_at(place).state) == (0, "deleted")
    assert looks() == seen, "nobody was looked at after that"
    assert gone(world, world.taker.ask(place))


@pytest.mark.parametrize("number", [0, 1])
def test_a_tie_that_ends_before_the_download_ends_the_whole(world, number):
    place = world.taker.begin()
    write_all()
    files = [row["url"] for row in world.taker.manifest(place)["output"]]
    seen = looks()
    untie(world, number)
    for path in (*files, place):
        assert gone(world, world.taker.ask(path))
    assert (held(), looks()) == (0, seen)


def test_a_tie_that_is_made_meanwhile_adds_nobody(world):
    place = world.taker.begin()
    Taker(world, world.other)
    tied(world, world.taker.client, "late", world.other)
    write_all()
    assert job_at(place).courses == world.tied
    assert str(world.other.pk) not in json.dumps(world.taker.files(place))


def test_a_system_that_is_ended_fetches_nothing_and_the_watcher_writes_nothing(world):
    whole = Taker(world, world.course)
    place, other = world.taker.begin(), whole.begin()
    end_client(world.taker.client.pk, by=world.actor("alice", "director"))
    write_all()
    assert world.taker.ask(place).status_code == 401
    assert job_at(place).state == "deleted"
    end_client(whole.client.pk, by=world.actor("alice", "director"))
    assert whole.ask(other).status_code == 401


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
