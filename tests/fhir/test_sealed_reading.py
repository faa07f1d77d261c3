"""What a system reads of sealed packets: the bytes and the signature that a person is served, only of a course that was tied to it."""

import base64
import hashlib
import json
from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from handrail import clock
from handrail.actions.actor import system
from handrail.actions.clients import end_client, untie_device
from handrail.actions.document_keys import make_key, withdraw_key
from handrail.actions.errors import NotAllowedError, NotVisibleError
from handrail.actions.not_known import seal_looked
from handrail.actions.packets import last_opened, open_version, seal
from handrail.people.models import AccessToken, DeviceLink
from handrail.people.scope import everything
from handrail.records.models import Document, Look
from tests.fhir.test_patient_door import second_course
from tests.fhir.test_signatures import checked_by_hand
from tests.support.clients import fresh_tokens, registered, tied, token_of
from tests.support.documents import problems
from tests.support.factories import World, event
from tests.support.handoffs import LOOKED
from tests.support.once import made_once
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db
READ, FIND, AUDIT = "system/Bundle.r", "system/Provenance.s", "system/AuditEvent.s"
READS = ["Bundle/{version}", "Bundle/{version}/$signature"]


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.version = seal_looked(world.course.pk, LOOKED, by=world.actor("alice"))
        world.key = make_key(world.alice.organisation, by=world.actor("alice", "director"))
        world.client = registered(world, scopes=["system/Bundle.rs", FIND, AUDIT])
        tied(world, world.client)
        world.token = token_of(world.client, READ)
        return world


@pytest.fixture
def world(db, the_world):
    fresh_tokens()
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = deepcopy(the_world)
        world.time = frozen
        yield world


def ask(world, path, *, token=None, method="get", client=None, version=None, **headers):
    shown = f"Bearer {world.token if token is None else token}"
    path = path.format(version=version or world.version.pk)
    asked = client or Client(enforce_csrf_checks=True)
    return getattr(asked, method)(f"/fhir/{path}", headers={"Authorization": shown, **headers})


def signed_in(world, who=None):
    client = Client(enforce_csrf_checks=True)
    client.force_login(who or world.alice.nurse)
    return client


def looks():
    with everything():
        return [
            (look.what, look.through, look.client_id, look.user_id)
            for look in Look.objects.order_by("at", "what", "id")
        ]


# --- what is read -------------------------------------------------------------------------------------------------------


def test_a_system_reads_the_bytes_that_a_person_is_served_and_each_read_is_a_look_that_names_it(world):
    document, signature = (ask(world, path) for path in READS)
    assert [document.status_code, signature.status_code] == [200, 200], document.content
    assert looks() == [("packet version 1", "client", world.client.pk, None)] * 2
    by_hand = signed_in(world)
    for path, answer in zip(READS, (document, signature), strict=True):
        served = by_hand.get(f"/fhir/{path.format(version=world.version.pk)}")
        assert served.content == answer.content
        for name in ("ETag", "Repr-Digest", "Content-Type", "Content-Disposition", "Cache-Control"):
            assert served[name] == answer[name]
    assert problems(json.loads(document.content)) == []
    assert (document["Content-Type"], document["Cache-Control"]) == (
        "application/fhir+json; fhirVersion=4.0",
        "no-store",
    )
    assert signature["Content-Type"] == "application/jose"
    keys = Client().get(f"/fhir/keys/{world.alice.organisation.pk}/jwks.json").json()["keys"]
    checked_by_hand(document.content, signature.content.decode(), keys)


def test_the_newest_version_is_found_by_patient_and_leads_to_its_document(world):
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.41", unit="10*9/L"))
    world.time.advance(minutes=5)
    newer = seal(world.course.pk, by=world.actor("alice"))
    found = ask(world, f"Provenance?patient={world.course.patient_id}", token=token_of(world.client, FIND)).json()
    targets = [entry["resource"]["target"][0]["reference"] for entry in found["entry"]]
    assert targets == [f"Bundle/{newer.pk}", f"Bundle/{world.version.pk}"]
    answer = ask(world, targets[0])
    assert '"value":0.41,' in answer.content.decode()
    assert looks()[-1][:2] == ("packet version 2", "client")


def test_the_look_is_an_audit_event_that_names_the_document_and_the_system(world):
    ask(world, READS[0])
    found = ask(world, f"AuditEvent?patient={world.course.patient_id}", token=token_of(world.client, AUDIT)).json()
    [event_] = [entry["resource"] for entry in found["entry"]]
    assert event_["entity"][1]["what"] == {"reference": f"Bundle/{world.version.pk}"}
    assert event_["agent"][0]["name"] == "Thermometers"


def test_that_a_machine_fetched_it_is_no_reading_by_anybody(world):
    ask(world, READS[0])
    with everything():
        assert [last_opened(world.course, by=world.actor(who)) for who in ("alice", "bob")] == [None, None]
    assert signed_in(world).get(f"/courses/{world.course.pk}/packet/1/").status_code == 200
    with everything():
        assert last_opened(world.course, by=world.actor("alice")) == 1


def test_without_a_key_the_document_is_read_and_there_is_no_signature(world):
    withdraw_key(world.alice.organisation, world.key.kid, by=world.actor("alice", "director"))
    document, signature = (ask(world, path) for path in READS)
    assert (document.status_code, signature.status_code) == (200, 404)
    assert "handrail keys make" in signature.json()["issue"][0]["diagnostics"]


# --- what is the same ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["a system", "a person"])
@pytest.mark.parametrize("path", READS)
def test_who_has_the_bytes_is_told_so_and_has_looked_all_the_same(world, path, who):
    inside, where = signed_in(world), path.format(version=world.version.pk)
    first = ask(world, path)
    tag = first["ETag"]
    assert tag == f'"{hashlib.sha256(first.content).hexdigest()}"'
    digest = base64.b64encode(hashlib.sha256(first.content).digest()).decode()
    assert first["Repr-Digest"] == f"sha-256=:{digest}:"
    for sent, status in ((tag, 304), (f'"x", W/{tag}', 304), ('"x"', 200), (tag.strip('"'), 200), ("", 200)):
        headers = {"If-None-Match": sent}
        answer = ask(world, path, **headers) if who == "a system" else inside.get(f"/fhir/{where}", headers=headers)
        assert (answer.status_code, answer["ETag"]) == (status, tag)
        assert answer.content == (b"" if status == 304 else first.content)
        assert ("Content-Type" in answer) is (status == 200)
    assert len(looks()) == 6


def test_a_document_that_was_signed_again_has_another_signature_and_the_same_bytes(world):
    tags = [ask(world, path)["ETag"] for path in READS]
    director = world.actor("alice", "director")
    withdraw_key(world.alice.organisation, world.key.kid, by=director)
    make_key(world.alice.organisation, by=director)
    world.time.advance(minutes=1)
    again = [ask(world, path, **{"If-None-Match": tag}) for path, tag in zip(READS, tags, strict=True)]
    assert [each.status_code for each in again] == [304, 200]
    assert [each["ETag"] == tag for each, tag in zip(again, tags, strict=True)] == [True, False]


def test_content_that_was_changed_is_refused_in_words_and_never_called_the_same(world):
    tag = ask(world, READS[0])["ETag"]
    with everything():
        Document.objects.filter(kind="packet_fhir_r4").update(sha256="0" * 64)
    answer = ask(world, READS[0], **{"If-None-Match": tag})
    assert answer.status_code == 409
    assert answer.json()["issue"][0]["diagnostics"] == "The stored packet was changed."


# --- who is answered what -----------------------------------------------------------------------------------------------

SCOPES = [
    # the token holds        | it reads
    ("system/Bundle.r", 200),
    ("system/Bundle.rs", 200),
    ("system/Bundle.read", 200),
    ("system/Bundle.s", 403),
    ("system/Patient.rs", 403),
    ("system/Provenance.rs", 403),
    ("system/Observation.c", 403),
]


@pytest.mark.parametrize(("scope", "status"), SCOPES)
def test_the_scope_decides(world, scope, status):
    client = registered(world, scopes=[scope])
    tied(world, client)
    for path in READS:
        answer = ask(world, path, token=token_of(client, scope))
        assert answer.status_code == status
        if status == 403:
            assert READ in answer.json()["issue"][0]["diagnostics"]
    assert len(looks()) == (2 if status == 200 else 0)


def other_organisation(world):
    """The partner, whose people do read the course."""
    return token_of(registered(world, who="bob", scopes=[READ]), READ)


def other_client(world):
    """Of the same organisation, and nobody tied the course to it."""
    return token_of(registered(world, scopes=[READ]), READ)


def tie_ended(world):
    with everything():
        link = DeviceLink.objects.get()
    untie_device(world.course.pk, link.pk, by=world.actor("alice"))
    return world.token


@pytest.mark.parametrize("whose", [other_organisation, other_client, tie_ended])
@pytest.mark.parametrize("path", READS)
def test_what_was_not_tied_is_answered_as_if_it_were_not_here(world, whose, path):
    """H73."""
    token = whose(world)
    mine, none = ask(world, path, token=token), ask(world, path, token=token, version=uuid4())
    assert (mine.status_code, mine.content) == (none.status_code, none.content)
    assert (mine.status_code, mine.json()["issue"][0]["code"]) == (404, "not-found")
    assert b"Synthia" not in mine.content
    assert looks() == []


def test_another_course_of_the_same_patient_is_tied_for_itself(world):
    other = second_course(world)
    version = seal(other.pk, by=world.actor("alice"))
    assert ask(world, READS[0], version=version.pk).status_code == 200
    with everything():
        link = DeviceLink.objects.get(course=other)
    untie_device(other.pk, link.pk, by=world.actor("alice"))
    assert ask(world, READS[0], version=version.pk).status_code == 404
    assert ask(world, READS[0]).status_code == 200


@pytest.mark.parametrize("path", READS)
def test_no_token_that_is_wrong_over_or_of_a_client_that_was_ended_opens_anything(world, path):
    for token in ("", "wrong"):
        answer = ask(world, path, token=token)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.json()["resourceType"] == "OperationOutcome"
    nobody = Client().get(f"/fhir/{path.format(version=world.version.pk)}")
    assert (nobody.status_code, nobody["WWW-Authenticate"]) == (401, "Bearer")
    with everything():
        AccessToken.objects.update(expires_at=clock.SystemClock().now() - timedelta(seconds=1))
    assert ask(world, path).status_code == 401
    world.token = token_of(world.client, READ)
    assert ask(world, path).status_code == 200
    end_client(world.client.pk, by=world.actor("alice", "director"))
    assert ask(world, path).status_code == 401
    assert len(looks()) == 1


@pytest.mark.parametrize("path", READS)
def test_a_token_that_is_shown_decides_whoever_is_signed_in_beside_it(world, path):
    assert ask(world, path, token="wrong", client=signed_in(world)).status_code == 401
    assert ask(world, path, token=other_client(world), client=signed_in(world)).status_code == 404
    assert ask(world, path, client=signed_in(world, world.charlie.nurse)).status_code == 200
    assert looks() == [("packet version 1", "client", world.client.pk, None)]


def test_a_password_for_something_in_front_of_the_door_is_no_token(world):
    answer = ask(world, READS[0], client=signed_in(world), Authorization="Basic eDp5")
    assert answer.status_code == 200
    assert [row[1:] for row in looks()] == [("membership", None, world.alice.nurse.pk)]


REFUSED = {
    # what is asked                                                       | answer
    "another parameter": (lambda w, path: ask(w, f"{path}?_summary=true"), 400),
    "a post": (lambda w, path: ask(w, path, method="post"), 405),
    "a put": (lambda w, path: ask(w, path, method="put"), 405),
    "no id": (lambda w, path: ask(w, path, version="Synthia"), 404),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("path", READS)
def test_every_refusal_says_what_to_do_and_is_no_look(world, name, path, caplog):
    how, status = REFUSED[name]
    answer = how(world, path)
    assert answer.status_code == status, answer.content
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert len(answer.json()["issue"][0]["diagnostics"]) > 20
    assert looks() == [] and caplog.records == []


FORMS = [
    # Accept                                                           | document | signature
    ("application/fhir+json", 200, 200),
    ("text/html, application/xml;q=0.9, */*;q=0.8", 200, 200),
    ("application/jose", 406, 200),
    ("application/fhir+xml", 406, 200),
]


@pytest.mark.parametrize(("form", "document", "signature"), FORMS)
def test_the_document_is_json_alone_and_the_signature_has_one_form(world, form, document, signature):
    answers = [ask(world, path, Accept=form).status_code for path in READS]
    assert answers == [document, signature]
    assert len(looks()) == answers.count(200)


def test_no_token_and_no_name_stands_in_a_log(world, caplog):
    caplog.set_level("DEBUG")
    for path in READS:
        assert ask(world, path).status_code == 200
    for secret in ("Synthia", world.token):
        assert secret not in caplog.text


# --- what a system may not do -------------------------------------------------------------------------------------------


def test_a_system_reads_and_does_nothing_else(world):
    by = system(world.client)
    assert open_version(world.course.pk, 1, by=by).row == world.version
    with pytest.raises(NotAllowedError):
        seal(world.course.pk, by=by)
    world.client.ended_at = NOW
    with pytest.raises(NotVisibleError):
        open_version(world.course.pk, 1, by=by)
    assert len(looks()) == 1
