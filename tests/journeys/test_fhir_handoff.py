"""A hand-off to a partner whose system speaks FHIR: offered, fetched with a token, taken up there, accepted, first dose, closed."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import BrowserContext, expect

from handrail import clock
from handrail.actions.courses import start_course
from handrail.actions.document_keys import make_key
from handrail.actions.not_known import seal_looked
from handrail.fhir.oauth import ASSERTION_TYPE
from handrail.people.scope import everything
from handrail.records.models import Event
from tests.fhir.test_signatures import checked_by_hand
from tests.journeys.test_handoffs import looked_at, offer
from tests.support.clients import SYSTEM, assertion, registered, tied
from tests.support.documents import problems
from tests.support.factories import World, make_patient
from tests.support.handoff_world import NOW, stepped_up_course
from tests.support.handoffs import LOOKED
from tests.support.screens import DESKTOP, PHONE
from tests.support.seeing import press, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCOPES = ("system/Patient.rs", "system/Provenance.s", "system/Bundle.r")
NUMBER = "P-4711"


class System:
    """A partner's system: it knows the address of the door, its own key, and an identifier. Nothing of ours is called inside."""

    def __init__(self, url: str, signed: str) -> None:
        self.url = url
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
            "scope": " ".join(SCOPES),
        }
        token = json.loads(self.ask("token", form))["access_token"]
        self.shown = {"Authorization": f"Bearer {token}"}

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> bytes:
        data = urlencode(form).encode() if form is not None else None
        with urlopen(Request(f"{self.url}/fhir/{path}", data=data, headers=headers), timeout=20) as answer:
            return bytes(answer.read())

    def patient(self, identifier: str) -> str:
        """Whom an identifier means, by id."""
        [entry] = json.loads(self.ask("Patient/_search", {"identifier": identifier}, **self.shown))["entry"]
        return str(entry["resource"]["id"])

    def summary(self, patient: str) -> bytes:
        """The document of a patient as it stands."""
        return self.ask(f"Patient/{patient}/$summary", **self.shown)

    def sealed(self, patient: str) -> tuple[bytes, str]:
        """The newest sealed document of a patient and its signature."""
        found = json.loads(self.ask(f"Provenance?patient={patient}", **self.shown))
        where = found["entry"][0]["resource"]["target"][0]["reference"]
        return self.ask(where, **self.shown), self.ask(f"{where}/$signature", **self.shown).decode()


@pytest.fixture
def world(live_server: Any) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        made = World()
        made.time = frozen
        yield made


def own_course(world: World) -> Any:
    """The same person in the partner's own record: a course that goes on from doses given elsewhere."""
    with everything():
        patient = make_patient(world.bob.organisation)
    begun = start_course(
        patient,
        by=world.actor("bob", "oncologist"),
        product="teclistamab",
        site=world.bob.site,
        intent="continuation",
        now=NOW,
    )
    return begun.event.course_id


def test_a_partner_reads_the_packet_as_fhir_takes_it_up_accepts_and_gives_the_first_dose(
    world: World, live_server: Any, open_context: Callable[..., BrowserContext], axe: Any, tmp_path: Path
):
    url, course = live_server.url, stepped_up_course(world, amounts=True)
    client = registered(world, scopes=SCOPES)
    tied(world, client, NUMBER, course)
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.nurse, url)
    offer(desk, url, course, world.bob.organisation.name, "account", axe)

    # The partner's system asks with its key, over the wire.
    partner = System(url, assertion(client))
    patient = partner.patient(f"{SYSTEM}|{NUMBER}")
    content = partner.summary(patient)
    assert problems(json.loads(content)) == []

    # It reads what was sealed too, and checks with the published keys who vouches for it.
    house = world.alice.organisation
    make_key(house, by=world.actor("alice", "director"))
    seal_looked(course.pk, LOOKED, by=world.actor("alice"))
    document, signature = partner.sealed(patient)
    assert problems(json.loads(document)) == []
    checked_by_hand(document, signature, json.loads(partner.ask(f"keys/{house.pk}/jwks.json"))["keys"])
    file = tmp_path / "packet.json"
    file.write_bytes(content)

    # Somebody there reviews it beside their own record, and takes what is known.
    there, own = sign_in(open_context(viewport=PHONE), world.bob.oncologist, url), own_course(world)
    there.goto(f"{url}/courses/{own}/imports/")
    there.get_by_label("File").set_input_files(file)
    press(there, there.get_by_role("button", name="Read it for review"))
    expect(there.get_by_text("3 doses of teclistamab that the record does not have")).to_be_visible()
    looked_at(there, axe, "fhir-review")
    for box in there.get_by_role("checkbox", name=re.compile("dose given")).all():
        box.check()
    there.get_by_role("checkbox", name="I have checked").check()
    there.get_by_label("Why it is the same person").fill(
        "the centre's own number; name, birth date and phone read back by phone"
    )
    press(there, there.get_by_role("button", name="Record the ticked facts"))
    expect(there.get_by_text(re.compile(r"facts? recorded, 0 were here already"))).to_be_visible()
    looked_at(there, axe, "fhir-taken")
    with everything():
        taken = Event.objects.filter(course_id=own, source="import")
        assert {"dose_given", "lab_resulted"} <= set(taken.values_list("kind", flat=True))
        doses = [each.payload["dose_mg"] for each in taken.filter(kind="dose_given").order_by("occurred_at")]
        assert doses == ["4.2", "21", "105"]

    # A named person reads the offer and accepts it from a day on; until then the sender answers.
    there.goto(f"{url}/handoffs/")
    press(there, there.get_by_role("link", name=re.compile("^Open the hand-off")))
    press(there, there.get_by_role("button", name="I have read it"))
    expect(there.locator(".loop")).to_contain_text("Bob Oncologist")
    there.get_by_label("Your team answers from").fill("2026-03-13")
    press(there, there.get_by_role("button", name="Accept: we take the patient over"))
    expect(there.get_by_text(re.compile("answers for the patient until Fri 13 Mar"))).to_be_visible()
    looked_at(there, axe, "fhir-accepted")

    # The first dose there is confirmed, and the loop is closed.
    world.time.advance(days=5)
    desk.goto(f"{url}/handoffs/")
    press(desk, desk.get_by_role("link", name=re.compile("^Open the hand-off")).first)
    expect(desk.get_by_text(f"{world.bob.organisation.name} answers for the patient now.")).to_be_visible()
    press(desk, desk.get_by_role("link", name="Confirm the first dose there"))
    desk.locator("input[name=step][value=treatment]").check()
    desk.get_by_label("Amount").fill("105")
    press(desk, desk.get_by_role("button", name="Save"))
    desk.goto(f"{url}/handoffs/")
    press(desk, desk.get_by_role("link", name=re.compile("^Open the hand-off")).first)
    looked_at(desk, axe, "fhir-first-dose")
    press(desk, desk.get_by_role("button", name="Close the hand-off"))
    expect(desk.locator(".loop li").last).to_contain_text("Closed")
    looked_at(desk, axe, "fhir-closed")

    # The centre sees that the partner's system read the patient's summary, and when.
    boss = sign_in(open_context(viewport=DESKTOP), world.alice.director, url)
    boss.goto(f"{url}/courses/{course.pk}/looks/")
    expect(boss.get_by_text(client.name).first).to_be_visible()
    looked_at(boss, axe, "fhir-looks")
