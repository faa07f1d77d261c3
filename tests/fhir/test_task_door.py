"""A hand-off as Task: asked for by a system of the sender, accepted only when a named person accepted, and each read is a look."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.task import Task

from handrail import clock
from handrail.actions import handoff_doors, handoffs
from handrail.actions.clients import untie_device
from handrail.actions.facts import record_event
from handrail.actions.handoff_doors import Who
from handrail.actions.handoffs import Offer
from handrail.actions.packets import seal
from handrail.people.models import DeviceLink
from handrail.people.scope import everything
from handrail.records.models import HandoffPerson, Look
from tests.fhir.validators.judge import Judge
from tests.support.clients import registered, tied, token_of
from tests.support.factories import World, dose
from tests.support.handoff_world import NOW, fax_practice, stepped_up_course
from tests.support.handoffs import KNOWN, LOOKED

pytestmark = pytest.mark.django_db
FIND, READ = "system/Task.s", "system/Task.r"
HOUR = timedelta(hours=1)


@pytest.fixture
def world(db):
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        world.time = frozen
        world.shared = stepped_up_course(world)
        world.client = registered(world, scopes=[FIND, READ])
        tied(world, world.client, course=world.shared)
        world.token = token_of(world.client, f"{FIND} {READ}")
        yield world


def offered(world, to=None, **fields):
    what = Offer(to=to or world.bob.organisation, **{**KNOWN, "not_known": LOOKED, **fields})
    return handoffs.offer(world.shared.pk, what, by=world.actor("alice", "oncologist"), now=clock.now()).event.id


def ask(world, path="", *, token=None, **query):
    query = query if path or query else {"patient": str(world.shared.patient_id)}
    shown = world.token if token is None else token
    return Client().get(f"/fhir/Task{path}", query, headers={"Authorization": f"Bearer {shown}"})


def found(world):
    answer = ask(world)
    assert answer.status_code == 200, answer.content
    Bundle.model_validate_json(answer.content)
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def only(world):
    [task] = found(world)
    Task.model_validate(task)
    return task


def stage(task) -> tuple[str, str]:
    return task["status"], task["businessStatus"]["coding"][0]["code"]


def looks() -> list[str]:
    with everything():
        return sorted(look.what for look in Look.objects.filter(what__startswith="fhir_task"))


def output(task) -> dict[str, object]:
    return {
        each["type"]["text"]: each.get("valueReference", each.get("valueDateTime")) for each in task.get("output", [])
    }


def test_an_offer_is_requested_of_the_other_organisation_with_its_packet(world):
    version = seal(world.shared.pk, by=world.actor("alice", "oncologist"))
    loop = offered(world, packet=version.pk, take_over_on=(NOW + timedelta(days=5)).date())
    task = only(world)
    assert (task["id"], stage(task)) == (str(loop), ("requested", "offered"))
    assert task["for"] == {"reference": f"Patient/{world.shared.patient_id}"}
    assert task["focus"] == {"reference": f"Bundle/{version.pk}"}
    assert [task[side]["identifier"]["value"] for side in ("requester", "owner")] == [
        str(world.alice.organisation.pk),
        str(world.bob.organisation.pk),
    ]
    assert task["owner"]["display"] == world.bob.organisation.name
    assert task["restriction"]["period"]["start"] == (NOW + timedelta(days=5)).date().isoformat()
    assert task["authoredOn"] == task["lastModified"] == NOW.isoformat()
    assert "output" not in task


def test_what_nobody_said_is_left_out(world):
    offered(world)
    assert {"priority", "focus", "restriction", "output"}.isdisjoint(only(world))


def test_only_a_named_person_accepts_and_then_the_task_says_who_and_from_when(world):
    loop = offered(world)
    bob = world.actor("bob", "oncologist")
    handoffs.delivered(world.shared.pk, loop, "fhir", by=world.actor("alice"), now=NOW)
    assert stage(only(world)) == ("requested", "delivered")
    handoffs.read(world.shared.pk, loop, by=world.actor("bob"), now=NOW + HOUR)
    world.time.advance(hours=2)
    task = only(world)
    assert (stage(task), task["lastModified"]) == (("requested", "read"), (NOW + HOUR).isoformat())
    assert output(task)["read by"]["display"] == "Bob Nurse"
    handoffs.ask(world.shared.pk, loop, "Which lot, for Mrs Example?", by=bob, now=NOW + 2 * HOUR)
    handoffs.accept(world.shared.pk, loop, by=bob, now=NOW + 2 * HOUR)
    task = only(world)
    assert (stage(task), task["lastModified"]) == (("accepted", "accepted"), (NOW + 2 * HOUR).isoformat())
    who = output(task)["accepted by"]
    assert who == {
        "identifier": {"system": "urn:handrail:user", "value": str(world.bob.oncologist.pk)},
        "display": world.bob.oncologist.name,
    }
    assert output(task)["answers for the patient from"] == (NOW + 2 * HOUR).isoformat()
    assert "Which lot" not in json.dumps(task), "a question may hold anything"
    world.time.advance(hours=1)
    record_event(world.shared.pk, dose("treatment", mg="105", at=NOW + 3 * HOUR), by=bob, now=NOW + 3 * HOUR)
    task = only(world)
    assert stage(task) == ("accepted", "first_dose_confirmed")
    assert output(task)["first dose there"] == (NOW + 3 * HOUR).isoformat()


@pytest.mark.parametrize(("urgent", "priority"), [(True, "urgent"), (False, "routine"), (None, None)])
def test_a_return_says_so_and_how_urgent_it_is(world, urgent, priority):
    bob = world.actor("bob", "oncologist")
    handoffs.accept(world.shared.pk, offered(world), by=bob, now=NOW)
    back = Offer(to=world.alice.organisation, returns=True, urgent=urgent, not_known=LOOKED, **KNOWN)
    loop = handoffs.offer(world.shared.pk, back, by=bob, now=NOW).event.id
    task = ask(world, f"/{loop}").json()
    assert (task["code"]["text"], task.get("priority")) == ("take the patient back", priority)
    assert [task[side]["display"] for side in ("requester", "owner")] == [
        world.bob.organisation.name,
        world.alice.organisation.name,
    ]


def test_a_person_without_an_account_is_named_too(world):
    loop = offered(world, fax_practice())
    alice = world.actor("alice")
    door = handoff_doors.make_fax(world.shared.pk, loop, by=alice, now=NOW)
    who = Who("Synthetic Oncologist", "oncologist")
    handoff_doors.heard_accepted(world.shared.pk, loop, code=door.accept_code, who=who, by=alice, now=NOW)
    with everything():
        person = HandoffPerson.objects.get()
    assert output(only(world))["accepted by"] == {
        "identifier": {"system": "urn:handrail:handoff-person", "value": str(person.pk)},
        "display": "Synthetic Oncologist",
    }


@pytest.mark.parametrize(
    ("how", "who", "status"),
    [("decline", "bob", ("rejected", "declined")), ("withdraw", "alice", ("cancelled", "withdrawn"))],
)
def test_who_does_not_take_over_has_accepted_nothing(world, how, who, status):
    loop = offered(world)
    end = getattr(handoffs, how)
    end(world.shared.pk, loop, "no chair for Mrs Example", by=world.actor(who, "oncologist"), now=NOW)
    again = offered(world)
    now, before = found(world) if found(world)[0]["id"] == str(again) else reversed(found(world))
    assert (stage(now), stage(before)) == (("requested", "offered"), status)
    assert "no chair" not in json.dumps(before), "a reason may hold anything"
    assert "output" not in before


def test_one_is_read_by_its_id(world):
    loop = offered(world)
    assert ask(world, f"/{loop}").json() == only(world)
    assert ask(world, f"/{loop}")["Content-Type"] == "application/fhir+json; fhirVersion=4.0"
    assert looks() == ["fhir_task", "fhir_task", "fhir_task_search"]


def test_without_a_hand_off_the_list_is_empty(world):
    assert found(world) == []
    assert looks() == ["fhir_task_search"]


# --- who is answered what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # the token holds | search | read
    ("scope", "search", "read"),
    [
        (FIND, 200, 403),
        (READ, 403, 200),
        ("system/Task.rs", 200, 200),
        ("system/Task.read", 200, 200),
        ("system/Patient.rs", 403, 403),
    ],
)
def test_the_scope_decides(world, scope, search, read):
    loop = offered(world)
    client = registered(world, scopes=[scope])
    tied(world, client, "D-18", course=world.shared)
    token = token_of(client, scope)
    assert (ask(world, token=token).status_code, ask(world, f"/{loop}", token=token).status_code) == (search, read)


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_client_to_which_nothing_was_tied_is_answered_as_if_nobody_were_here(world, who):
    """H73: bob's organisation is the one that is asked to take over; its system reads nothing that nobody tied to it."""
    loop = offered(world)
    token = token_of(registered(world, who=who, scopes=[FIND, READ]), f"{FIND} {READ}")
    for answers in (
        [ask(world, token=token, patient=name) for name in (str(world.shared.patient_id), str(uuid4()), "Synthia")],
        [ask(world, f"/{name}", token=token) for name in (loop, uuid4(), "Synthia")],
    ):
        [(status, content)] = {(each.status_code, each.content) for each in answers}
        assert status == 404 and b"Synthia" not in content
    assert looks() == []


def test_another_event_is_no_task_and_neither_is_one_of_an_ended_tie(world):
    loop = offered(world)
    with everything():
        other = world.shared.events.filter(kind="dose_given").first().id
        link = DeviceLink.objects.get()
    assert ask(world, f"/{other}").status_code == 404
    untie_device(world.shared.pk, link.pk, by=world.actor("alice"))
    assert [ask(world).status_code, ask(world, f"/{loop}").status_code] == [404, 404]
    assert looks() == []


@pytest.mark.parametrize("query", [{}, {"patient": ["a", "b"]}, {"patient": "a", "status": "accepted"}])
def test_what_is_not_understood_is_refused_and_not_passed_over(world, query):
    answer = Client().get("/fhir/Task", query, headers={"Authorization": f"Bearer {world.token}"})
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


def test_it_is_only_read(world):
    loop = offered(world)
    for method in ("put", "patch", "delete"):
        answer = getattr(Client(), method)(f"/fhir/Task/{loop}", headers={"Authorization": f"Bearer {world.token}"})
        assert answer.status_code == 405
    assert stage(only(world)) == ("requested", "offered")


@pytest.mark.slow
def test_every_answer_is_r4_to_two_validators(world, judge: Judge):
    version = seal(world.shared.pk, by=world.actor("alice", "oncologist"))
    loop = offered(world, packet=version.pk)
    before = ask(world).json()
    handoffs.accept(world.shared.pk, loop, by=world.actor("bob", "oncologist"), now=NOW)
    after = ask(world, f"/{loop}").json()
    assert judge([("requested", before), ("accepted", after)]) == {"requested": [], "accepted": []}
