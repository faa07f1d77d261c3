"""Bulk Data at the door: a system takes out what is tied to it, and nothing else, for as long as it is tied."""

import hashlib
import json
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from handrail import clock
from handrail.actions.bulk_exports import LASTS
from handrail.actions.client_scopes import SCOPES, allows
from handrail.actions.clients import end_client, untie_device
from handrail.fhir.bulk import OWN, TYPES
from handrail.jobs.watcher import Watcher
from handrail.people.scope import everything
from handrail.records.models import Course, Event, ExportFile, ExportJob
from tests.support.clients import fresh_tokens, registered, tied, token_of
from tests.support.exporting import (
    ASYNC,
    EXPORT,
    Taker,
    gone,
    held,
    job_at,
    looks,
    of_command,
    parsed,
    tied_world,
    write_all,
)
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


# --- what is taken ----------------------------------------------------------------------------------------------------


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
