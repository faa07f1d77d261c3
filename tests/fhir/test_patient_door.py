"""What a system reads of a patient: only of a course that was tied to it, with the right scope, and every read is a look that names it."""

import json
import re
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from fhir.resources.R4B.bundle import Bundle

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.clients import end_client, untie_device
from handrail.actions.errors import NotVisibleError
from handrail.fhir.patients import SUMMARY_PROFILE
from handrail.people.models import AccessToken, DeviceLink, Organisation, Patient, Site
from handrail.people.scope import everything
from handrail.records.models import Course, Look
from tests.fhir.validators.judge import Judge
from tests.support.clients import NUMBER, SYSTEM, fresh_tokens, registered, tied, token_of
from tests.support.documents import problems
from tests.support.factories import World, event
from tests.support.once import made_once
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db
READ = "system/Patient.rs"
NOBODY = str(uuid4())
FHIR = "application/fhir+json"


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.patient = str(world.course.patient_id)
        world.client = registered(world, scopes=["system/Observation.c", READ])
        tied(world, world.client)
        world.token = token_of(world.client, READ)
        return world


@pytest.fixture
def world(db, the_world):
    fresh_tokens()
    with clock.use(clock.FrozenClock(NOW)):
        yield deepcopy(the_world)


def ask(world, path, *, token=None, method="get", **headers):
    shown = world.token if token is None else token
    return getattr(Client(enforce_csrf_checks=True), method)(
        f"/fhir/{path}", headers={"Authorization": f"Bearer {shown}", **headers}
    )


def send(world, path, body=None, *, token=None, **headers):
    shown = world.token if token is None else token
    data = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    headers = {"Authorization": f"Bearer {shown}", **headers}
    return Client(enforce_csrf_checks=True).post(f"/fhir/{path}", data, content_type=FHIR, headers=headers)


def find(world, value=f"{SYSTEM}|{NUMBER}", *, token=None, **more):
    shown = world.token if token is None else token
    return Client(enforce_csrf_checks=True).post(
        "/fhir/Patient/_search", {"identifier": value, **more}, headers={"Authorization": f"Bearer {shown}"}
    )


def looks():
    with everything():
        return [
            (look.what, look.through, look.client_id, look.user_id)
            for look in Look.objects.order_by("at", "what", "id")
        ]


def parameters(*pairs):
    return {"resourceType": "Parameters", "parameter": [{"name": name, key: value} for name, key, value in pairs]}


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_patient_is_read_and_the_look_names_the_client(world):
    answer = ask(world, f"Patient/{world.patient}")
    assert (answer.status_code, answer["Content-Type"]) == (200, f"{FHIR}; fhirVersion=4.0")
    assert answer["Cache-Control"] == "no-store"
    body = json.loads(answer.content)
    assert (body["resourceType"], body["id"]) == ("Patient", world.patient)
    assert body["name"] == [{"family": "Example", "given": ["Synthia"]}]
    assert answer["ETag"] == f'W/"{body["meta"]["versionId"]}"'
    assert looks() == [("fhir_patient", "client", world.client.pk, None)]


def test_the_summary_is_the_document_of_the_course_as_it_stands(world):
    answer = ask(world, f"Patient/{world.patient}/$summary")
    assert answer.status_code == 200, answer.content
    body = json.loads(answer.content)
    assert problems(body) == []
    Bundle.model_validate_json(answer.content)
    composition = body["entry"][0]["resource"]
    assert (
        composition["title"] == "Summary: Tecvayli (teclistamab-cqyv), after step-up dose 2 (as it stood, not sealed)"
    )
    assert "category" not in composition, "it is no transfer summary"
    narrative = "".join(each["text"]["div"] for each in composition["section"])
    assert "This is no hand-off" in narrative and "Offered to" not in narrative.split("</p>")[0]
    assert looks() == [("fhir_summary", "client", world.client.pk, None)]


def test_the_summary_has_the_sections_of_the_sealed_document(world):
    from handrail.actions.packets import packet_of
    from handrail.fhir.handoff_document import document_of

    standing = json.loads(ask(world, f"Patient/{world.patient}/$summary").content)
    with everything():
        made = packet_of(world.course, NOW)
    sealed = document_of(made.to_json(), version=NOBODY, number=1, sha256=made.sha256)
    for name in ("title", "code"):
        one, other = ([each[name] for each in doc["entry"][0]["resource"]["section"]] for doc in (standing, sealed))
        assert one == other
    kinds = [[entry["resource"]["resourceType"] for entry in doc["entry"]] for doc in (standing, sealed)]
    assert kinds[0] == kinds[1]


def test_it_follows_the_course(world):
    before = ask(world, f"Patient/{world.patient}/$summary").content.decode()
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.41", unit="10*9/L"))
    after = ask(world, f"Patient/{world.patient}/$summary").content.decode()
    assert '"value":0.41,' in after and '"value":0.41,' not in before


def test_it_is_read_by_post_too_with_parameters_or_without(world):
    path = f"Patient/{world.patient}/$summary"
    asked = [
        None,
        parameters(),
        parameters(("profile", "valueCanonical", SUMMARY_PROFILE)),
        parameters(("identifier", "valueString", f"{SYSTEM}|{NUMBER}")),
        parameters(("identifier", "valueIdentifier", {"system": SYSTEM, "value": NUMBER})),
    ]
    for body in asked:
        answer = send(world, path, body)
        assert answer.status_code == 200, answer.content
    query = {"profile": f"{SUMMARY_PROFILE}|2.0.1"}
    answer = Client().get(f"/fhir/{path}", query, headers={"Authorization": f"Bearer {world.token}"})
    assert answer.status_code == 200, answer.content
    assert len(looks()) == len(asked) + 1


def test_whom_an_identifier_means_is_found_by_post(world):
    answer = find(world)
    body = answer.json()
    assert (answer.status_code, body["type"], body["total"]) == (200, "searchset", 1)
    assert body["entry"][0]["resource"]["id"] == world.patient
    assert body["entry"][0]["fullUrl"].endswith(f"/fhir/Patient/{world.patient}")
    assert looks() == [("fhir_patient_search", "client", world.client.pk, None)]
    none = find(world, f"{SYSTEM}|D-18").json()
    assert (none["total"], "entry" in none) == (0, False)
    assert len(looks()) == 1


def test_a_name_finds_nobody_and_an_identifier_stands_in_no_address(world):
    for form in ({"family": "Example"}, {"birthdate": "1950-04-05"}):
        assert find(world, **form).status_code == 400
    for value in ("", "D-17", "|D-17", f"{SYSTEM}|", "Synthia Example"):
        assert find(world, value).status_code == 400
    answer = ask(world, f"Patient?identifier={SYSTEM}|{NUMBER}")
    assert answer.status_code == 405
    assert "_search" in answer.json()["issue"][0]["diagnostics"]
    assert looks() == []


def second_course(world, value="D-18"):
    """Another course of the same patient, tied under another identifier."""
    other = world.make_course(product="talquetamab")
    with everything():
        Course.objects.filter(pk=other.pk).update(patient=world.course.patient)
    tied(world, world.client, value, other)
    return other


def test_of_several_courses_one_is_named_and_none_is_guessed(world):
    second_course(world)
    path = f"Patient/{world.patient}/$summary"
    answer = ask(world, path)
    assert answer.status_code == 409
    assert "system|value" in answer.json()["issue"][0]["diagnostics"]
    assert looks() == []
    for value, drug in ((NUMBER, "Tecvayli"), ("D-18", "Talvey")):
        body = send(world, path, parameters(("identifier", "valueString", f"{SYSTEM}|{value}")))
        assert drug in json.loads(body.content)["entry"][0]["resource"]["title"]
    assert send(world, path, parameters(("identifier", "valueString", f"{SYSTEM}|D-19"))).status_code == 404
    ask(world, f"Patient/{world.patient}")
    assert [row[0] for row in looks()].count("fhir_patient") == 2, "a look at each course"


# --- what is the same ---------------------------------------------------------------------------------------------------


PATHS = ["Patient/{patient}", "Patient/{patient}/$summary"]


@pytest.mark.parametrize("path", PATHS)
def test_who_has_it_is_told_that_nothing_changed_and_has_looked_all_the_same(world, path):
    path = path.format(patient=world.patient)
    tag = ask(world, path)["ETag"]
    with clock.use(clock.FrozenClock(NOW + timedelta(minutes=1))):
        for sent in (tag, f'"x", {tag}', tag.removeprefix("W/")):
            answer = ask(world, path, **{"If-None-Match": sent})
            assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
            assert "Content-Type" not in answer
        assert ask(world, path, **{"If-None-Match": '"other"'}).status_code == 200
    assert len(looks()) == 5


def change_fact(world):
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.41", unit="10*9/L"))


def change_number(world):
    with everything():
        Site.objects.update(call_number="555-0142")


def change_party(world):
    with everything():
        Organisation.objects.filter(pk=world.alice.id).update(name="Renamed")


def change_person(world):
    with everything():
        for patient in Patient.objects.filter(pk=world.patient):
            patient.phone = "+1 (555) 010-0199"
            patient.save()


@pytest.mark.parametrize("change", [change_fact, change_number, change_party, change_person])
def test_what_changed_is_never_called_the_same(world, change):
    """H74: whoever is told "unchanged" goes on showing the number to call that it has."""
    path = f"Patient/{world.patient}/$summary"
    tag = ask(world, path)["ETag"]
    change(world)
    answer = ask(world, path, **{"If-None-Match": tag})
    assert (answer.status_code, answer["ETag"] == tag) == (200, False)


# --- who is answered what -----------------------------------------------------------------------------------------------


READS = {
    "read": lambda world, **how: ask(world, f"Patient/{world.patient}", **how),
    "summary": lambda world, **how: ask(world, f"Patient/{world.patient}/$summary", **how),
    "summary by post": lambda world, **how: send(world, f"Patient/{world.patient}/$summary", **how),
    "search": lambda world, **how: find(world, **how),
}
SCOPES = [
    # the token holds             | read and summary | search
    ("system/Patient.r", 200, 403),
    ("system/Patient.s", 403, 200),
    ("system/Patient.rs", 200, 200),
    ("system/Patient.read", 200, 200),
    ("system/Observation.c", 403, 403),
]


@pytest.mark.parametrize(("scope", "read", "search"), SCOPES)
def test_the_scope_decides(world, scope, read, search):
    token = token_of(world.client, scope)
    answers = {name: how(world, token=token).status_code for name, how in READS.items()}
    assert answers == {"read": read, "summary": read, "summary by post": read, "search": search}


def other_organisation(world):
    return token_of(registered(world, who="bob", scopes=[READ]), READ)


def other_client(world):
    """Of the same organisation, and nobody tied the course to it."""
    return token_of(registered(world, scopes=[READ]), READ)


@pytest.mark.parametrize("whose", [other_organisation, other_client])
@pytest.mark.parametrize("name", READS)
def test_a_client_to_which_nothing_was_tied_is_answered_as_if_nobody_were_here(world, whose, name):
    """H73."""
    token = whose(world)
    answer = READS[name](world, token=token)
    world.patient = NOBODY
    none = READS[name](world, token=token)
    assert (answer.status_code, answer.content) == (none.status_code, none.content)
    assert answer.status_code == (200 if name == "search" else 404)
    assert "Synthia" not in answer.content.decode()
    assert looks() == []


@pytest.mark.parametrize("name", READS)
def test_a_tie_that_was_ended_shows_nothing_any_more(world, name):
    with everything():
        link = DeviceLink.objects.get()
    untie_device(world.course.pk, link.pk, by=world.actor("alice"))
    answer = READS[name](world)
    assert "Synthia" not in answer.content.decode()
    assert answer.status_code == (200 if name == "search" else 404)
    assert looks() == []


@pytest.mark.parametrize("name", READS)
def test_no_token_that_is_wrong_over_or_of_a_client_that_was_ended_opens_anything(world, name):
    assert READS[name](world, token="").status_code == 401
    assert READS[name](world, token="wrong")["WWW-Authenticate"] == "Bearer"
    with everything():
        AccessToken.objects.update(expires_at=clock.SystemClock().now() - timedelta(seconds=1))
    assert READS[name](world).status_code == 401
    world.token = token_of(world.client, READ)
    assert READS[name](world).status_code == 200
    end_client(world.client.pk, by=world.actor("alice", "director"))
    assert READS[name](world).status_code == 401
    assert len(looks()) == 1


def test_the_log_of_looks_takes_no_client_that_does_not_reach_the_course(world):
    for client in (registered(world, who="bob", scopes=[READ]), registered(world, scopes=[READ])):
        with pytest.raises(NotVisibleError):
            log_look(world.course, "fhir_patient", client=client, now=NOW)
    world.client.ended_at = NOW
    with pytest.raises(NotVisibleError):
        log_look(world.course, "fhir_patient", client=world.client, now=NOW)
    assert looks() == []


FORMS = [
    # Accept                                                      | answer
    ("application/fhir+json", 200),
    ("application/json; charset=utf-8", 200),
    ("application/fhir+xml, application/fhir+json;q=0.5", 200),
    ("*/*", 200),
    ("application/fhir+xml", 406),
    ("text/html, application/xml", 406),
    ("", 406),
]


@pytest.mark.parametrize("name", ["read", "summary"])
@pytest.mark.parametrize(("form", "status"), FORMS)
def test_there_is_json_alone(world, name, form, status):
    answer = READS[name](world, Accept=form)
    assert answer.status_code == status
    if status == 406:
        assert "application/fhir+json" in answer.json()["issue"][0]["diagnostics"]
        assert looks() == []


@pytest.mark.parametrize(("form", "status"), [("json", 200), ("application/fhir+json", 200), ("xml", 406)])
def test_the_form_in_the_address_goes_before_the_header(world, form, status):
    answer = Client().get(
        f"/fhir/Patient/{world.patient}", {"_format": form}, headers={"Authorization": f"Bearer {world.token}"}
    )
    assert answer.status_code == status


REFUSED = {
    # what is asked                                                                            | answer
    "not an id": (lambda w: ask(w, "Patient/Synthia"), 404),
    "put": (lambda w: ask(w, f"Patient/{w.patient}", method="put"), 405),
    "delete": (lambda w: ask(w, f"Patient/{w.patient}", method="delete"), 405),
    "post a patient": (lambda w: send(w, "Patient", {"resourceType": "Patient"}), 405),
    "another parameter": (lambda w: ask(w, f"Patient/{w.patient}/$summary?_summary=true"), 400),
    "another profile": (lambda w: ask(w, f"Patient/{w.patient}/$summary?profile=http://x.example/p"), 400),
    "another edition": (lambda w: ask(w, f"Patient/{w.patient}/$summary?profile={SUMMARY_PROFILE}|9.9"), 400),
    "half an identifier": (
        lambda w: send(w, f"Patient/{w.patient}/$summary", parameters(("identifier", "valueString", "D-17"))), 400,
    ),
    "an identifier in the address": (
        lambda w: ask(w, f"Patient/{w.patient}/$summary?identifier={SYSTEM}|{NUMBER}"), 400,
    ),
    "an identifier in the address of a post": (
        lambda w: send(w, f"Patient/{w.patient}/$summary?identifier={SYSTEM}|{NUMBER}"), 400,
    ),
    "no JSON": (lambda w: send(w, f"Patient/{w.patient}/$summary", "{"), 400),
    "no Parameters": (lambda w: send(w, f"Patient/{w.patient}/$summary", {"resourceType": "Patient"}), 400),
    "no value": (lambda w: send(w, f"Patient/{w.patient}/$summary", parameters(("profile", "valueX", "1"))), 400),
    "no such parameter": (
        lambda w: send(w, f"Patient/{w.patient}/$summary", parameters(("graph", "valueUri", "1"))), 400,
    ),
    "one twice": (
        lambda w: send(w, f"Patient/{w.patient}/$summary", parameters(*[("profile", "valueUri", SUMMARY_PROFILE)] * 2)),
        400,
    ),
    "too much": (lambda w: send(w, f"Patient/{w.patient}/$summary", "x" * 6_000_000), 413),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_every_refusal_says_what_to_do_and_is_no_look(world, name, caplog):
    how, status = REFUSED[name]
    answer = how(world)
    assert answer.status_code == status, answer.content
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert len(outcome["issue"][0]["diagnostics"]) > 20
    assert "Synthia" not in answer.content.decode() and NUMBER not in answer.content.decode()
    assert looks() == []
    assert caplog.records == []


def test_a_course_that_cannot_be_judged_is_not_vouched_for(world):
    with everything():
        Course.objects.filter(pk=world.course.pk).update(policy_document={"id": "no-such", "sha256": "0"})
    answer = ask(world, f"Patient/{world.patient}/$summary")
    assert answer.status_code == 409
    assert "No packet can be made" in answer.json()["issue"][0]["diagnostics"]
    assert looks() == []


def test_no_name_and_no_identifier_stands_in_an_address_or_a_log(world, caplog):
    caplog.set_level("DEBUG")
    answers = [how(world) for how in READS.values()]
    addresses = " ".join(str(answer.request) for answer in answers)
    urls = re.findall(r'"(?:url|fullUrl|reference)":\s?"([^"]*)"', "".join(a.content.decode() for a in answers))
    for secret in ("Synthia", "Example", "0123", NUMBER, world.token):
        assert secret not in caplog.text
        assert not any(secret in url for url in urls)
    assert "Synthia" not in addresses and NUMBER not in addresses


@pytest.mark.slow
def test_every_answer_is_r4_to_two_validators(world, judge: Judge):
    answers = {name: how(world) for name, how in READS.items()}
    answers["nobody"] = find(world, f"{SYSTEM}|D-18")
    answers |= {name: how(world) for name, (how, _) in REFUSED.items()}
    asked = [(name, json.loads(answer.content)) for name, answer in answers.items()]
    for name in ("summary", "search"):
        whole = json.loads(answers[name].content)
        asked += [(f"{name} {number}", entry["resource"]) for number, entry in enumerate(whole["entry"])]
    found = judge(asked)
    assert {name: errors for name, errors in found.items() if errors} == {}
