"""The emergency card scanned from its own picture, on a phone and on paper, as an emergency department would."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.emergency import issue_card
from handrail.actions.facts import receive_checkin, record_event
from handrail.alerts.models import Alert
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, checkin, dose, event
from tests.support.seeing import PICTURES, picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GIVEN = MONDAY_0900 + timedelta(hours=10)
NOW = GIVEN + timedelta(hours=17, minutes=4)
A4 = 1123
"""Its height in pixels of CSS."""


@pytest.fixture
def world(live_server: Any, settings: Any) -> Iterator[World]:
    settings.HANDRAIL_BASE_URL = live_server.url
    with clock.use(clock.FrozenClock(NOW)):
        world = World()
        given = dose("step_up_2", mg="20", at=GIVEN)
        for fact in (
            given,
            event("weight_measured", at=GIVEN, weight_kg="70"),
            event("lab_resulted", at=GIVEN, code="anc", value="1.4", unit="10*9/L"),
            event(
                "medicine_given", at=NOW - timedelta(minutes=24), agent="dexamethasone", dose_mg="20", purpose="home"
            ),
        ):
            record_event(world.course.pk, fact, by=world.actor("alice", "oncologist"), now=NOW)
        fever = checkin(at=NOW - timedelta(minutes=30), temperature_c="38.6", antipyretic_last_6_h=True)
        receive_checkin(world.course.pk, fever, by=world.actor("alice"), now=NOW)
        yield world


def scanned(page: Page) -> str:
    """What a camera reads from the card as it is shown."""
    seen = Image.open(io.BytesIO(page.locator(".wallet").screenshot()))
    (found,) = zxingcpp.read_barcodes(seen)
    return str(found.text)


def test_an_emergency_department_scans_the_card_and_reads_the_page(
    world: World,
    live_server: Any,
    phone: Page,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    card = issue_card(world.course.pk, by=world.actor("alice"))
    desk = sign_in(open_context(viewport={"width": 1280, "height": 900}), world.alice.nurse, live_server.url)
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/cards/{card.pk}/")
    address = scanned(desk)
    assert address == f"{live_server.url}/e/{card.key}"
    assert axe(desk) == []
    picture(desk, "card")
    desk.emulate_media(media="print")
    assert scanned(desk) == address, "on paper too"
    picture(desk, "card-print")

    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.goto(address)
    expect(phone).to_have_url(f"{live_server.url}/e/")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("treat for both")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "emergency-general")
    phone.get_by_label("The short code printed on the card").fill(card.code.lower())
    phone.get_by_role("button", name="Show the patient's facts").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("On a T-cell-engaging bispecific: teclistamab")
    assert axe(phone) == [] and sideways(phone) == 0
    first = phone.locator(".ed-sheet header").inner_text()
    assert "555-0111" in first and "17 h" in first
    assert phone.locator(".ed-sheet header").bounding_box()["height"] < 844, "the first screen says it"
    assert "560 mg" in phone.locator(".ed-sheet").inner_text()
    picture(phone, "emergency-facts")
    phone.emulate_media(color_scheme="dark")
    phone.reload()
    assert axe(phone) == []
    picture(phone, "emergency-facts-dark")

    assert {re.sub(r"^(https?://[^/]+).*", r"\1", url) for url in asked if not url.startswith("data:")} == {
        live_server.url
    }
    with everything():
        assert (
            Alert.objects.filter(course=world.course, key="shell:emergency_opened", closed_at__isnull=True).count() == 1
        )

    paper = phone.pdf(format="A4", margin={"top": "10mm", "bottom": "10mm", "left": "10mm", "right": "10mm"})
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, "one sheet"
    if PICTURES:
        (Path(PICTURES) / "emergency-facts.pdf").write_bytes(paper)


def test_the_patients_phone_shows_a_card_that_can_be_scanned(
    world: World, live_server: Any, phone: Page, axe: Callable[[Page], list[str]]
):
    from handrail.actions.links import issue_checkin_link

    card = issue_card(world.course.pk, by=world.actor("alice"))
    link = issue_checkin_link(world.course.pk, by=world.actor("alice"))
    phone.goto(f"{live_server.url}/c/{link.token}")
    phone.get_by_role("link", name="My emergency card").click()
    expect(phone.locator(".wallet .code")).to_contain_text(card.code)
    assert scanned(phone) == f"{live_server.url}/e/{card.key}"
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "card-phone")
