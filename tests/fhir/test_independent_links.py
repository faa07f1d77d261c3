"""Our health links opened over HTTP by two readers that share no code with us, and the guide's own example opened by ours."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail import clock
from handrail.actions.health_links import revoke_health_link
from handrail.actions.packets import seal
from handrail.people.models import HealthLink, HealthLinkRequest
from handrail.people.scope import everything
from tests.fhir.clients.client import READERS, OpenLinks
from tests.support.factories import World, event
from tests.support.health_links import linked, payload_of
from tests.support.link_files import read_file
from tests.support.packets import NOW, tell, told

EXAMPLE = Path(__file__).parent / "shl"
BEFORE = "https://viewer.example.org/#"


def test_the_guides_own_example_is_read():
    link = json.loads((EXAMPLE / "IPS_IG-bundle-01-shl-details.json").read_text(encoding="utf-8"))["shlinkJsonPayload"]
    content = read_file((EXAMPLE / "IPS_IG-bundle-01-enc.txt").read_text(encoding="utf-8"), link["key"])
    assert json.loads(content)["entry"][0]["resource"]["title"] == "Patient Summary as of December 11, 2017 14:30"
    assert hashlib.sha256(content).hexdigest() == "fdf7432edbd8f140d052d65779215eb867e4e9a16813247b165da5da65e05b16"


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        told(world)
        seal(world.course.pk, by=world.actor("alice"))
        yield world


def long_lived(link: HealthLink) -> str:
    """The link with another hint of its end: a reader compares it with the machine's own clock, which no test may turn."""
    text = json.dumps(payload_of(link) | {"exp": 4102444800}, separators=(",", ":")).encode()
    return f"shlink:/{base64.urlsafe_b64encode(text).decode().rstrip('=')}"


def asked(found: HealthLink, by: str, **changed: Any) -> dict[str, Any]:
    return {"by": by, "link": long_lived(found), "recipient": "Mercy ED", "passcode": found.passcode, **changed}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_readers_that_nobody_here_wrote_open_a_link_in_every_way(world: World, open_links: OpenLinks):
    with_code, without, revoked = linked(world), linked(world, with_passcode=False), linked(world)
    revoke_health_link(world.course.pk, revoked.pk, by=world.actor("alice"))
    version = str(world.course.packets.get().pk)
    for reader in READERS:
        wrong, right, whole, apart, short, open_, over = open_links(
            [
                asked(with_code, reader, passcode="000000"),
                asked(with_code, reader),
                asked(with_code, reader, link=f"{BEFORE}{long_lived(with_code)}"),
                asked(with_code, reader, embeddedLengthMax=1000),
                asked(with_code, reader, passcode=with_code.passcode.lower()),
                asked(without, reader, passcode=None),
                asked(revoked, reader),
            ]
        )
        assert wrong == (
            {"error": "HTTP 401", "remaining": 9} if reader == "jose" else {"error": "SHLInvalidPasscodeError"}
        )
        for found, where in (
            (right, "embedded"),
            (whole, "embedded"),
            (apart, "location"),
            (short, "embedded"),
            (open_, "embedded"),
        ):
            assert found.get("error") is None, (reader, where, found)
            assert found["document"]["id"] == version and found["document"]["type"] == "document"
            (file,) = found["files"]
            assert file[where] is True and file["contentType"] == "application/fhir+json"
        assert over["error"] == ("HTTP 404" if reader == "jose" else "SHLManifestNotFoundError")
    with everything():
        rows = HealthLinkRequest.objects.filter(health_link=with_code)
        assert sorted(rows.values_list("outcome", flat=True)) == ["fetched"] * 2 + ["opened"] * 8 + ["wrong"] * 2
        assert set(rows.values_list("recipient", flat=True)) == {"Mercy ED"}

    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"))
    newer = seal(world.course.pk, by=world.actor("alice"))
    later = open_links([asked(with_code, reader) for reader in READERS])
    assert {each["document"]["id"] for each in later} == {str(newer.pk)}, "the same link and key open the later version"
