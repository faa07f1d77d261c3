"""The packet read on a phone and at a desk, sealed, changed and printed, as the two sides of a hand-off do."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.document_keys import make_key
from handrail.actions.links import issue_checkin_link
from tests.support.factories import World, event
from tests.support.packets import NOW, tell, told
from tests.support.screens import DESKTOP, ON_PHONE, each_language
from tests.support.seeing import picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(live_server: Any) -> Iterator[World]:
    with clock.use(clock.FrozenClock(NOW)) as frozen:
        world = World()
        told(world)
        world.time = frozen
        yield world


def test_it_is_sealed_at_a_desk_and_what_changed_is_read_on_a_phone(
    world: World, live_server: Any, open_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]]
):
    make_key(world.alice.organisation, by=world.actor("alice", "director"))
    desk = sign_in(open_context(viewport=DESKTOP), world.alice.nurse, live_server.url)
    desk.goto(f"{live_server.url}/courses/{world.course.pk}/")
    desk.get_by_role("link", name="Packet: everything").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Synthia Example")
    assert axe(desk) == [] and sideways(desk) == 0
    picture(desk, "packet-desk")
    desk.get_by_text("look at them first").click()
    desk.get_by_label("out as not known").check()
    desk.get_by_role("button", name="Seal this as a version").click()
    expect(desk.get_by_role("heading", name="Sealed version 1")).to_be_visible()
    with desk.expect_download():
        desk.get_by_role("link", name="File for other systems").click()
    desk.reload()
    expect(desk.get_by_text("Signature of the FHIR file:")).to_contain_text("Good: not a byte has changed since")
    with desk.expect_download() as download:
        desk.get_by_role("link", name="PDF, Letter").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    desk.emulate_media(media="print")
    picture(desk, "packet-print")

    options = ON_PHONE
    phone = sign_in(open_context(**options), world.bob.nurse, live_server.url)
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/packet/1/")
    expect(phone.get_by_role("heading", name="Changed since")).to_have_count(0)
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "packet-phone")

    world.time.advance(hours=1)
    tell(world, event("lab_resulted", at=NOW, code="anc", value="0.4", unit="10*9/L"), now=NOW + timedelta(hours=1))
    phone.goto(f"{live_server.url}/courses/{world.course.pk}/packet/")
    changed = phone.get_by_role("list", name="What changed")
    expect(changed).to_contain_text("0.4 10*9/L")
    phone.emulate_media(color_scheme="dark")
    phone.reload()
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, "packet-phone-dark")


@each_language
def test_the_patient_reads_the_plan_on_a_phone(
    world: World, live_server: Any, phone: Page, axe: Callable[[Page], list[str]], language: str
):
    issued = issue_checkin_link(world.course.pk, by=world.actor("alice"))
    phone.goto(f"{live_server.url}/c/{issued.token}")
    phone.get_by_role("link", name="My plan").click()
    if language == "es":
        phone.get_by_role("link", name="Español").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text({"en": "My plan", "es": "Mi plan"}[language])
    expect(phone.get_by_role("link", name="555-0111").first).to_have_attribute("href", "tel:5550111")
    assert axe(phone) == [] and sideways(phone) == 0
    picture(phone, f"plan-{language}")
    phone.emulate_media(color_scheme="dark")
    phone.reload()
    assert axe(phone) == []
    picture(phone, f"plan-{language}-dark")
    phone.emulate_media(media="print")
    picture(phone, f"plan-{language}-print")
