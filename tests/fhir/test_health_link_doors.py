"""The doors of a health link, as a reader on another server meets them: every case of the table, and nothing for a stranger."""

import base64
import json
import logging
from copy import deepcopy
from datetime import UTC, timedelta
from uuid import uuid4

import pytest
from django.test import Client

from handrail import clock
from handrail.actions.access import log_look
from handrail.actions.health_links import revoke_health_link
from handrail.actions.looked import Reader, looks_of, others_who_read
from handrail.actions.packets import seal
from handrail.config.redact import MaskingFormatter
from handrail.people.models import HealthLink, HealthLinkRequest, LinkToken
from handrail.people.scope import everything
from handrail.records.models import Document, Look
from handrail.rules.health_links import health_link_data
from handrail.web.checkin import plan
from handrail.web.views_looks import READERS
from tests.support.documents import problems
from tests.support.factories import World, event
from tests.support.health_links import linked, manifest, post
from tests.support.link_files import read_file
from tests.support.once import made_once
from tests.support.packets import NOW, tell, told

pytestmark = pytest.mark.django_db
ROW = health_link_data().link
WRONG = "000000"


@made_once
def the_world():
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        world.version = seal(world.course.pk, by=world.actor("alice"))
        world.link = linked(world)
        return world


@pytest.fixture
def world(db, the_world):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = deepcopy(the_world)
        world.time = frozen
        yield world


def the_file(answer) -> dict:
    assert answer.status_code == 200, answer.content
    (found,) = answer.json()["files"]
    return found


def header_of(sealed: str) -> dict:
    first = sealed.split(".", maxsplit=1)[0]
    return json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))


# --- what a reader gets -----------------------------------------------------------------------------------------------


def test_the_manifest_holds_the_sealed_document_encrypted(world):
    found = the_file(manifest(world.link))
    assert {key: value for key, value in found.items() if key != "embedded"} == {
        "contentType": "application/fhir+json",
        "fhirVersion": "4.0.1",
        "lastUpdated": f"{NOW.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "status": "can-change",
    }
    assert header_of(found["embedded"]) == {"alg": "dir", "enc": "A256GCM", "cty": "application/fhir+json"}
    assert found["embedded"].split(".")[1] == "", "no encrypted key"
    document = json.loads(read_file(found["embedded"], world.link.key))
    assert problems(document) == [] and document["id"] == str(world.version.pk)


def test_it_is_the_document_that_staff_download(world):
    staff = Client()
    staff.force_login(world.alice.nurse)
    served = staff.get(f"/fhir/Bundle/{world.version.pk}").content
    assert read_file(the_file(manifest(world.link))["embedded"], world.link.key) == served


def test_the_same_content_never_looks_the_same_and_a_later_version_opens_with_the_same_key(world):
    files = [the_file(manifest(world.link))["embedded"] for _ in range(3)]
    assert len({each.split(".")[2] for each in files}) == 3, "a nonce of its own each time"
    assert {len(each.split(".")[2]) for each in files} == {16}, "96 bits"
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    newer = seal(world.course.pk, by=world.actor("alice"))
    assert json.loads(read_file(the_file(manifest(world.link))["embedded"], world.link.key))["id"] == str(newer.pk)


@pytest.mark.parametrize(("over", "where"), [(0, "embedded"), (-1, "location")])
def test_a_file_longer_than_the_reader_takes_has_an_address(world, over, where):
    length = len(the_file(manifest(world.link))["embedded"])
    found = the_file(manifest(world.link, embeddedLengthMax=length + over))
    assert where in found and not {"embedded", "location"} <= set(found)


def test_the_address_of_a_file_needs_no_sign_in_and_ends_within_the_hour(world):
    location = the_file(manifest(world.link, embeddedLengthMax=0))["location"]
    assert location.startswith("http://127.0.0.1:8000/shl/file/")
    path = location.removeprefix("http://127.0.0.1:8000")
    answer = Client().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jose")
    assert json.loads(read_file(answer.content.decode(), world.link.key))["id"] == str(world.version.pk)
    world.time.advance(hours=1)
    gone = Client().get(path)
    assert (gone.status_code, gone.content) == (404, post("never-made", {"recipient": "x"}).content)


@pytest.mark.parametrize("method", ["post", "options"])
def test_any_page_may_read_the_answer_and_nobody_keeps_it(world, method):
    answers = [
        manifest(world.link) if method == "post" else Client().options(f"/shl/{world.link.address}"),
        post("never-made", {"recipient": "x"}) if method == "post" else Client().options("/shl/never-made"),
        Client().get("/shl/file/made:up") if method == "post" else Client().options("/shl/file/made:up"),
    ]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Cache-Control"] == "no-store" and answer["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Credentials" not in answer and not answer.cookies
    if method == "options":
        assert [each["Access-Control-Allow-Methods"][:4] for each in answers] == ["POST", "POST", "GET,"]
        assert {(each.status_code, each["Access-Control-Allow-Headers"]) for each in answers} == {(204, "content-type")}


# --- what is refused --------------------------------------------------------------------------------------------------

BODIES = [
    # body                                                  | status | words
    ({"passcode": "x"}, 400, "recipient is missing"),
    ({"recipient": "  "}, 400, "recipient is missing"),
    ({"recipient": 7}, 400, "recipient is missing"),
    (b"", 400, "Send JSON"),
    (b"\xff", 400, "Send JSON"),
    (b"[" * 10000, 400, "Send JSON"),
    ([], 400, "JSON object"),
    ({"recipient": "x" * 20000}, 400, "usual size"),
    (b"x" * 3_000_000, 400, "usual size"),
    ({"recipient": "x", "embeddedLengthMax": "9"}, 400, "whole number"),
    ({"recipient": "x", "embeddedLengthMax": -1}, 400, "whole number"),
    ({"recipient": "x", "embeddedLengthMax": True}, 400, "whole number"),
    ({"recipient": "x"}, 401, ""),
    ({"recipient": "x", "passcode": None}, 401, ""),
    ({"recipient": "x", "passcode": True}, 401, ""),
    ({"recipient": "x", "passcode": ["x"]}, 401, ""),
]


@pytest.mark.parametrize(("body", "status", "words"), BODIES)
def test_what_cannot_be_used_is_refused_and_costs_no_try(world, body, status, words):
    answer = post(world.link.address, body)
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"remainingAttempts": ROW.tries}
    else:
        assert words in answer.json()["error_description"]
        assert answer.content == post("never-made", body).content, "it says nothing about the link"
    with everything():
        assert HealthLink.objects.get().tries_left == ROW.tries


def test_a_wrong_passcode_says_how_many_are_left_and_the_right_one_after_it_opens(world):
    answer = manifest(world.link, passcode=WRONG)
    assert (answer.status_code, answer.json()) == (401, {"remainingAttempts": ROW.tries - 1})
    assert manifest(world.link, passcode=12345).json() == {"remainingAttempts": ROW.tries - 2}, "a number is text"
    assert the_file(manifest(world.link))


@pytest.mark.parametrize("how", ["revoked", "expired", "exhausted", "mistyped"])
def test_a_stranger_gets_the_same_answer_whatever_it_is(world, how):
    address = world.link.address
    if how == "revoked":
        revoke_health_link(world.course.pk, world.link.pk, by=world.actor("alice"))
    elif how == "expired":
        world.time.advance(days=ROW.lasts_days)
    elif how == "exhausted":
        for _ in range(ROW.tries):
            manifest(world.link, passcode=WRONG)
    else:
        address = address[:-1]
    body = {"recipient": "x", "passcode": world.link.passcode}
    answer, never = post(address, body), post("never-made", body)
    assert (answer.status_code, answer.content, dict(answer.headers)) == (404, never.content, dict(never.headers))
    assert b"Synthia" not in answer.content


def test_whoever_asks_too_often_is_told_when_to_come_again(world):
    for _ in range(ROW.asked_per_minute):
        manifest(world.link)
    answer = manifest(world.link)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert answer["Access-Control-Expose-Headers"] == "Retry-After"
    world.time.advance(seconds=60)
    assert the_file(manifest(world.link))


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_other_methods_are_refused_and_say_which_one(world, method):
    answer = getattr(Client(), method)(f"/shl/{world.link.address}")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    with everything():
        assert not HealthLinkRequest.objects.exists()


@pytest.mark.parametrize("method", ["post", "head", "put"])
def test_a_file_is_only_fetched(world, method):
    path = the_file(manifest(world.link, embeddedLengthMax=0))["location"].partition(":8000")[2]
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, OPTIONS")


@pytest.mark.parametrize(("field", "value"), [("sha256", "0" * 64), ("sealed", b"gAAAA")])
def test_content_that_was_changed_is_not_served(world, field, value):
    with everything():
        Document.objects.update(**{field: value})
    answer = manifest(world.link)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    with everything():
        row = HealthLinkRequest.objects.get()
        assert (row.outcome, row.version, row.recipient) == ("unreadable", 1, "Mercy ED"), "nobody opened anything"
        assert not Look.objects.filter(link=world.link.link_id).exists()


def test_a_file_that_was_changed_after_the_manifest_is_not_served_and_not_called_fetched(world):
    path = the_file(manifest(world.link, embeddedLengthMax=0))["location"].partition(":8000")[2]
    with everything():
        Document.objects.filter(kind="packet_fhir_r4").update(sha256="0" * 64)
    assert Client().get(path).status_code == 503
    with everything():
        asked = HealthLinkRequest.objects.order_by("pk").values_list("outcome", flat=True)
        assert sorted(asked) == ["opened", "unreadable"]


# --- what is written down ---------------------------------------------------------------------------------------------


def test_every_opening_is_a_look_of_the_link(world):
    manifest(world.link, recipient="Mercy ED")
    with everything():
        look = Look.objects.get(link=world.link.link_id)
        assert (look.what, look.through, look.user) == ("packet version 1", "link", None)
        row = HealthLinkRequest.objects.get()
        assert (row.recipient, row.outcome, row.version) == ("Mercy ED", "opened", 1)


def test_the_patient_and_the_director_read_that_somebody_came_with_a_health_link(world):
    manifest(world.link)
    with everything():
        (read,) = [each for each in others_who_read(world.course) if each.reader is Reader.HEALTH_LINK]
        assert read.at == NOW
        assert Reader.HEALTH_LINK in {each.reader for each in looks_of(world.course, most=5)}
    assert set(READERS) == set(Reader) and READERS[Reader.HEALTH_LINK] == "somebody with a health link"
    assert Reader.HEALTH_LINK in plan.READERS


def test_a_link_that_is_not_on_record_is_nobody_s_and_never_the_patient_s_own(world):
    with everything():
        log_look(
            world.course,
            "packet version 1",
            link=LinkToken(pk=uuid4(), purpose="checkin", organisation=world.alice.organisation),
            now=NOW,
        )
        (look,) = [each for each in looks_of(world.course, most=5) if each.through == "link"]
        assert look.reader is Reader.UNKNOWN_LINK
        (read,) = [each for each in others_who_read(world.course) if each.reader is Reader.UNKNOWN_LINK]
        assert read.at == NOW
    of_no_course = {Reader.PRACTICE}  # it reads how far a referral got, and no course
    assert set(plan.READERS) == set(Reader) - {Reader.TEAM, Reader.HOME} - of_no_course


def test_no_secret_reaches_a_log(world, caplog):
    caplog.set_level(logging.DEBUG)
    link = world.link
    location = the_file(manifest(link, embeddedLengthMax=0))["location"]
    Client().get(location.partition(":8000")[2])
    manifest(link, passcode=WRONG)
    post(link.address, b"{")
    Client().get(f"/shl/{link.address}")
    Client().get(f"/shl/{link.address}/nowhere/{link.key}")
    Client().get(f"/nowhere/{link.address}/{link.key}")  # outside these doors an unknown address is logged, masked
    revoke_health_link(world.course.pk, link.pk, by=world.actor("alice"))
    manifest(link)
    written = "\n".join(MaskingFormatter("{message}", style="{").format(each) for each in caplog.records)
    assert written, "something was logged"
    for secret in (link.address, link.key, link.passcode, *location.rsplit("/", 1)[1].split(":")[::2]):
        assert secret not in written


def test_the_time_of_asking_is_the_clocks(world):
    world.time.advance(days=2)
    manifest(world.link)
    with everything():
        assert HealthLinkRequest.objects.get().at == NOW + timedelta(days=2)
