"""`handrail export`: everything comes along, nothing of others, each look is logged, and half an export never passes for one."""

import hashlib
import json
import re
from collections import Counter
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.facts import record_event
from handrail.actions.packets import judged
from handrail.fhir.reading import read_bundle
from handrail.jobs.exports import main
from handrail.people.owned import OwnedModel
from handrail.people.scope import everything
from handrail.records import wire
from handrail.records.models import Course, Event, Export, PacketVersion
from handrail.rules.coursefile import course_from_json
from handrail.rules.policy import load_policy
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge
from tests.support.exports import director, exported, lines, looks, told_world
from tests.support.factories import MONDAY_0900, World, event, make_patient
from tests.support.histories import Case, cases
from tests.support.once import made_once
from tests.support.packets import NOW

pytestmark = pytest.mark.django_db


the_world = made_once(told_world)


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


# --- one course -------------------------------------------------------------------------------------------------------


def test_a_course_file_says_elsewhere_what_it_says_here(world, tmp_path, capsys):
    to = tmp_path / "course.json"
    assert main(["course", str(world.course.pk), str(to), "--by", director(world)]) == 0
    file = json.loads(to.read_text(encoding="utf-8"))
    with everything():
        assert len(file["events"]) == world.course.events.count()
        here = judged(world.course, NOW).answer
    there = judge(course_from_json(file), NOW).answer
    assert (there.next_dose, there.toxicity, there.watch) == (here.next_dose, here.toxicity, here.watch)
    assert to.stat().st_mode & 0o777 == 0o600
    assert looks("course_file") == [(world.course.pk, world.alice.director.pk)]
    for secret in ("Synthia", "Synthetic Caregiver", "(555)", "010-0123", "+15550100124", "1950-04-05"):
        assert secret not in to.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["course", str(world.course.pk), "-", "--by", director(world)]) == 0
    assert json.loads(capsys.readouterr().out) == file


def test_a_document_is_the_hand_off_document_and_seals_nothing(world, tmp_path):
    to = tmp_path / "course.fhir.json"
    assert main(["fhir", str(world.course.pk), str(to), "--by", director(world)]) == 0
    record = read_bundle(to.read_bytes())
    assert (record.identity.names[0].full, record.bundle_type) == ("Synthia Example", "document")
    assert "not sealed" in json.loads(to.read_bytes())["entry"][0]["resource"]["title"]
    assert looks("export fhir") == [(world.course.pk, world.alice.director.pk)]
    with everything():
        assert not PacketVersion.objects.exists()


@pytest.mark.parametrize("what", ["course", "fhir"])
def test_one_course_is_refused_without_the_right_and_leaves_nothing(world, tmp_path, what):
    to = tmp_path / "out.json"
    for who in ("alice.nurse", "bob.director", "charlie.director"):
        house, role = who.split(".")
        with pytest.raises(UnusableInput):
            main([what, str(world.course.pk), str(to), "--by", getattr(getattr(world, house), role).email])
    for course, by in ((uuid4(), director(world)), (world.course.pk, "nobody@example.org")):
        with pytest.raises(UnusableInput):
            main([what, str(course), str(to), "--by", by])
    assert list(tmp_path.iterdir()) == []
    assert looks("course_file") == looks("export fhir") == []


def test_a_file_that_is_there_is_not_written_over(world, tmp_path):
    to = tmp_path / "out.json"
    to.write_text("mine")
    with pytest.raises(UnusableInput, match="already"):
        main(["course", str(world.course.pk), str(to), "--by", director(world)])
    with pytest.raises(UnusableInput, match="cannot be written"):
        main(["course", str(world.course.pk), str(tmp_path / "no" / "out.json"), "--by", director(world)])
    assert [each.name for each in tmp_path.iterdir()] == ["out.json"]
    assert to.read_text() == "mine"


# --- everything that an organisation owns ---------------------------------------------------------------------------


def test_every_event_comes_along_and_the_counts_are_those_of_the_log(world, tmp_path):
    world.make_course()
    manifest = exported(world, tmp_path / "out")
    with everything():
        log = Counter(Event.objects.filter(organisation=world.alice.organisation).values_list("kind", flat=True))
    found = lines(tmp_path / "out" / "events.ndjson")
    assert Counter(each["event"]["kind"] for each in found) == log
    told = manifest["extension"]
    assert {kind: each["written"] for kind, each in told["events_by_kind"].items()} == log
    assert (told["event_log"]["written"], told["event_log"]["in_the_log"]) == (log.total(), log.total())
    assert told["counts"] == {"patients": 2, "courses": 2, "events": log.total()}
    with everything():
        row = Export.objects.get()
    assert (row.asked_by_id, row.patients, row.courses, row.events) == (world.alice.director.pk, 2, 2, log.total())
    assert row.ended_at == NOW


def test_the_files_are_those_that_the_manifest_says(world, tmp_path):
    manifest = exported(world, tmp_path / "out")
    rows = [*manifest["output"], *manifest["error"], *manifest["extension"]["files"]]
    assert {each["url"] for each in rows} | {"manifest.json"} == {each.name for each in (tmp_path / "out").iterdir()}
    for each in rows:
        content = (tmp_path / "out" / each["url"]).read_bytes()
        assert content.count(b"\n") == each["count"]
        assert hashlib.sha256(content).hexdigest() == each["extension"]["sha256"]
    modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "out").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_course_file_can_be_put_together_again(world, tmp_path):
    other = world.make_course()
    exported(world, tmp_path / "out")
    events = lines(tmp_path / "out" / "events.ndjson")
    files = {
        head["course"]: head["file"]
        | {"events": [each["event"] for each in events if each["course"] == head["course"]]}
        for head in lines(tmp_path / "out" / "courses.ndjson")
    }
    for course in (world.course, other):
        with everything():
            assert files[str(course.pk)] == wire.course_file(course)
    assert len(files) == 2


def test_for_whom_a_thing_was_written_down_is_not_lost(world, tmp_path):
    by = person(world.alice.nurse, on_behalf_of="contact-1")
    told = event("note_added", at=NOW, text="She says he slept well.")
    record_event(world.course.pk, told, by=by, now=NOW)
    exported(world, tmp_path / "out")
    [line] = [each for each in lines(tmp_path / "out" / "events.ndjson") if each["event"]["id"] == told["id"]]
    assert line["event"]["x_on_behalf_of"] == "contact-1"


def test_resources_are_r4_refer_to_what_is_there_and_name_their_event(world, tmp_path):
    manifest = exported(world, tmp_path / "out")
    types = {each["type"]: lines(tmp_path / "out" / each["url"]) for each in manifest["output"]}
    assert set(types) >= {"Patient", "Organization", "Condition", "Observation", "MedicationAdministration"}
    there = {f"{kind}/{each['id']}" for kind, rows in types.items() for each in rows}
    events = {each["event"]["id"] for each in lines(tmp_path / "out" / "events.ndjson")}
    assert len(there) == sum(len(rows) for rows in types.values()), "an id twice"
    for kind, rows in types.items():
        for each in rows:
            get_fhir_model_class(kind).model_validate(each)
            assert set(re.findall(r'"reference": "([^"]+)"', json.dumps(each))) <= there
            source = each.get("meta", {}).get("source")
            assert source is None or source.removeprefix("urn:uuid:") in events
    [patient] = types["Patient"]
    assert patient["name"][0]["family"] == "Example"
    assert len([each for each in types["MedicationAdministration"] if "lot" not in each]) == 4
    temperatures = [each for each in types["Observation"] if each["code"]["text"] == "Body temperature"]
    assert [each["valueQuantity"]["value"] for each in temperatures] == [36.7]
    told = manifest["extension"]["events_by_kind"]
    assert told["dose_given"] == {"written": 2, "in_fhir_too": 2}
    assert told["lab_resulted"] == {"written": 4, "in_fhir_too": 4}
    assert told["crs_assessed"]["in_fhir_too"] == 0, "its own words stand in the events alone"


def test_every_reading_is_a_resource_but_what_nobody_believes_and_what_was_withdrawn(world, tmp_path):
    at = NOW - timedelta(hours=3)
    sent = [
        event("vitals_measured", at=at + timedelta(minutes=n), temperature_c=t)
        for n, t in enumerate(["37.1", "37.20", "60"])
    ]
    for each in [
        *sent,
        event("checkin_received", at=at, temperature_c="37.4"),
        event("fact_withdrawn", at=NOW, supersedes=sent[0]["id"], reason="wrong patient"),
    ]:
        record_event(world.course.pk, each, by=world.actor("alice", "nurse"), now=NOW)
    exported(world, tmp_path / "out")
    text = (tmp_path / "out" / "Observation.ndjson").read_text(encoding="utf-8")
    values = re.findall(r'"valueQuantity":\{"value":([\d.]+),"unit":"Cel"', text)
    assert sorted(values) == ["36.7", "37.20", "37.4"]


def test_nothing_of_others_comes_along(world, tmp_path):
    with everything():
        make_patient(world.charlie.organisation, family_name="Elsewhere")
    exported(world, tmp_path / "bob", organisation=str(world.bob.id), by=world.bob.director.email)
    assert {each.name for each in (tmp_path / "bob").iterdir()} == {"manifest.json", "Organization.ndjson"}, (
        "a course that another lends is not one's own"
    )
    exported(world, tmp_path / "charlie", organisation=str(world.charlie.id), by=world.charlie.director.email)
    assert [each["name"][0]["family"] for each in lines(tmp_path / "charlie" / "Patient.ndjson")] == ["Elsewhere"]


def test_somebody_without_a_course_comes_along_too(world, tmp_path):
    with everything():
        make_patient(world.alice.organisation, family_name="Waiting")
    manifest = exported(world, tmp_path / "out")
    assert manifest["extension"]["counts"]["patients"] == 2
    assert {each["name"][0]["family"] for each in lines(tmp_path / "out" / "Patient.ndjson")} == {"Example", "Waiting"}


def test_every_course_in_an_export_is_a_logged_look_of_the_person_who_took_it(world, tmp_path):
    other = world.make_course()
    exported(world, tmp_path / "out")
    who = world.alice.director.pk
    assert looks("export ndjson") == sorted([(world.course.pk, who), (other.pk, who)])


def test_everything_is_refused_without_the_right_and_leaves_nothing(world, tmp_path):
    for by in (world.alice.oncologist, world.alice.nurse, world.bob.director, world.charlie.director):
        with pytest.raises(UnusableInput, match="Only a director"):
            exported(world, tmp_path / "out", by=by.email)
    with pytest.raises(UnusableInput):
        exported(world, tmp_path / "out", organisation="No such place")
    (tmp_path / "there").mkdir()
    with pytest.raises(UnusableInput, match="already"):
        exported(world, tmp_path / "there")
    assert [each.name for each in tmp_path.iterdir()] == ["there"]
    with everything():
        assert not Export.objects.exists()
    assert looks("export ndjson") == []


def test_a_course_that_the_rules_cannot_judge_loses_its_resources_and_no_event(world, tmp_path):
    other = world.make_course()
    with everything():
        Course.objects.filter(pk=other.pk).update(protocol_key="teclistamab/US/1999-01/mono")
    manifest = exported(world, tmp_path / "out")
    [trouble] = lines(tmp_path / "out" / "OperationOutcome.ndjson")
    assert str(other.pk) in trouble["issue"][0]["diagnostics"]
    assert manifest["error"][0]["count"] == 1
    assert {each["course"] for each in lines(tmp_path / "out" / "events.ndjson")} == {
        str(world.course.pk),
        str(other.pk),
    }
    assert len(lines(tmp_path / "out" / "Patient.ndjson")) == 2


TAKEN = {"people_patient", "people_contact", "records_course", "records_event"}
NOT_TAKEN = {
    "memberships": ["people_membership"],
    "certificates": ["people_certificate"],
    "sites": ["people_site"],
    "levels of sites": [
        "people_siteitem",
        "people_siteexception",
        "people_sitegrant",
        "people_siteway",
        "people_sitestrict",
    ],
    "dummy calls": ["people_dummycall"],
    "capacity of sites and who waits": ["people_sitenumber", "people_startdecision", "people_waitentry"],
    "drills and teach-back": ["people_mockdrill", "people_trainingrecord", "people_trainingversion"],
    "signatures of the gate": ["records_gatesignature"],
    "referrals": ["people_referral", "people_referraldoor", "people_referralentry"],
    "the REMS desk": [f"people_rems{name}" for name in ("act", "dispense", "mode", "record", "report")],
    "payers": ["records_accesspaper", "records_payerentry", "records_payerrequest"],
    "rota": ["people_rotaentry", "people_rotastep", "people_shift", "people_shiftplan"],
    "holidays and swaps": ["people_holiday", "people_swap"],
    "places of care": ["people_careplace", "people_placeday", "people_placehours"],
    "agreements": ["people_agreement", "people_agreementsignature", "people_agreementstep"],
    "signed rows": ["protocolsignature", "signingentry", "signingmark", "signingset"],
    "policies": ["policyadoption", "policyproposal"],
    "who may reach a course": ["courseaccess"],
    "sealed packets": ["packetversion"],
    "stored documents": ["document"],
    "in a review": ["importbatch", "importdecision"],
    "names of those who read": ["handoffperson"],
    "people at a hospital that had the patient": ["stayperson"],
    "emergency department of each plan": ["people_emergencydestination"],
    "alerts and their messages": [f"alerts_{name}" for name in ("alert", "alertentry", "dispatch", "notice", "page")],
    "text messages": ["alerts_textline", "alerts_textreceived"],
    "packets to a department": ["alerts_edpacket"],
    "check-in links": ["people_linktoken"],
    "emergency cards": ["people_emergencycard"],
    "health links": ["people_healthlink"],
    "hand-off codes": ["handoffdoor"],
    "systems and their ties": [f"people_{name}" for name in ("serviceclient", "accesstoken", "clientassertion")]
    + ["people_devicelink"],
    "the keys that sign documents": ["people_documentkey"],
    "looks": ["look", "people_referrallook"],
    "exports": ["export", "exportjob", "exportfile"],
    "who opened a card or a health link": ["people_emergencyopening", "people_healthlinkrequest"],
    "who was at a screen": ["people_presence"],
}
"""By the words with which the guide names it: what does not come along. A table without a room here is one of `records`."""


def test_what_does_not_come_along_is_named_in_the_guide():
    guide = (Path(__file__).resolve().parents[2] / "docs/how-to/take-everything-along.md").read_text(encoding="utf-8")
    _, said = guide.split("Not in it, ")
    for words in NOT_TAKEN:
        assert words in said
    named = {each if "_" in each else f"records_{each}" for tables in NOT_TAKEN.values() for each in tables}
    owned = {model._meta.db_table for model in apps.get_models() if issubclass(model, OwnedModel)}
    assert owned == TAKEN | named, "take a new table along, or name it in the guide and here"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=cases())
def test_whatever_happened_an_exported_course_file_gives_the_same_answer(tmp_path_factory, db, case: Case):
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        course = stored(world, case)
        to = tmp_path_factory.mktemp("out") / "course.json"
        assert main(["course", str(course.pk), str(to), "--by", director(world)]) == 0
    again = course_from_json(json.loads(to.read_text(encoding="utf-8")))
    # A stored course names its protocol; a document that names none is judged by the newest, and is told so.
    named = {**case.course, "protocol_key": again.protocol_key}
    assert judge(again, case.now).answer.to_json() == judge(course_from_json(named), case.now).answer.to_json()


def stored(world, case: Case) -> Course:
    """A course of a document as rows, whatever the verbs would say to it."""
    read, said, policy = course_from_json(case.course), case.judged(), load_policy()
    with everything():
        patient = make_patient(world.alice.organisation)
        course = Course.objects.create(
            organisation=world.alice.organisation,
            patient=patient,
            product=read.product,
            jurisdiction=read.jurisdiction,
            protocol_key=read.protocol_key or said.protocol.key,
            schedule=read.schedule or "",
            policy_id=policy.ref.id,
            policy_version=policy.ref.version,
            policy_sha256=policy.ref.sha256,
            time_zone=read.time_zone,
            context=read.context,
            synthetic=True,
            started_at=MONDAY_0900,
        )
        Event.objects.bulk_create(wire.to_row(each, course) for each in read.events)
    return course
