"""A request to a payer in a real browser: from the policy card to the appeal that was won, with the letter and the appeal pack as PDF."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pypdf import PdfReader

from handrail import clock
from handrail.actions.facts import record_event
from handrail.people.models import User
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World, event, make_member
from tests.support.payers import PAYER
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import PICTURES, picture, sideways, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture
def time(live_server: Any) -> Iterator[clock.FrozenClock]:
    frozen = clock.FrozenClock(NOW)
    with clock.use(frozen):
        yield frozen


@pytest.fixture
def world(time: clock.FrozenClock) -> World:
    """A course whose first dose is planned outside a hospital in three days."""
    world = World()
    weight = event("weight_measured", at=MONDAY_0900 + timedelta(hours=1), weight_kg="70")
    record_event(world.course.pk, weight, by=world.actor("alice"), now=NOW)
    on = (NOW + timedelta(days=3)).date().isoformat()
    plan = event("dose_planned", at=NOW, step="step_up_1", on=on, at_site=world.alice.site.code, setting="outpatient")
    record_event(world.course.pk, plan, by=world.actor("alice", "oncologist"), now=NOW)
    return world


@pytest.fixture
def pharmacist(world: World) -> User:
    """Who works on the requests."""
    with everything():
        return make_member(world.alice.organisation, "pharmacist", "Pharmacist Reed")


def written(page: Page, form: str, **typed: str) -> None:
    """Open the form of an entry, type into it and save it; a label leads to the field of that form and no other."""
    place = page.locator(f"#form-{form}")
    title = place.locator("summary").inner_text()
    place.locator("summary").click()
    for label, words in typed.items():
        field = place.get_by_label(label.replace("_", " "))
        expect(field).to_be_visible()
        field.fill(words)
    place.get_by_role("button", name="Save").click()
    expect(page.get_by_text(f"Written down: {title.lower()}.")).to_be_visible()


def state(page: Page) -> Locator:
    return page.locator("h1 + p strong")


def paper(page: Page, link: str, name: str) -> str:
    """Open a PDF of the page; its text."""
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    made = Path(download.value.path())
    assert made.read_bytes().startswith(b"%PDF-")
    if PICTURES:
        (Path(PICTURES) / f"{name}.pdf").write_bytes(made.read_bytes())
    return " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(made).pages).split())


def seen(page: Page, name: str, axe: Callable[[Page], list[str]]) -> None:
    picture(page, name)
    repeated = page.evaluate(
        "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at)"
    )
    assert (axe(page), sideways(page), repeated) == ([], 0, [])


def test_from_the_policy_card_to_the_appeal_that_was_won(
    world: World,
    pharmacist: User,
    time: clock.FrozenClock,
    live_server: Any,
    open_context: Callable[..., BrowserContext],
    axe: Callable[[Page], list[str]],
):
    desk = sign_in(open_context(viewport=DESKTOP), pharmacist, live_server.url)
    desk.goto(f"{live_server.url}/programme/access/")
    desk.get_by_role("link", name="Policy cards and papers").click()
    card = desk.locator("details", has=desk.get_by_text("Add a policy card", exact=True))
    card.locator("summary").click()
    card.get_by_label("Payer").fill(PAYER)
    card.get_by_label("Drug").select_option("teclistamab")
    card.get_by_label("In force from").fill("2026-01-01")
    card.get_by_label("For whom, in own words").fill("myeloma after four lines")
    card.get_by_label("Earlier lines asked for").fill("4")
    card.get_by_label("What it asks of the place").fill("first two doses in hospital")
    card.get_by_role("group", name="Was the clause on the place read?").get_by_label("Yes").check()
    card.get_by_role("group", name="Paid in hospital only").get_by_label("Step-up dose 1").check()
    card.get_by_role("button", name="Save").click()
    expect(desk.get_by_text(f"{PAYER}, teclistamab")).to_be_visible()
    seen(desk, "access-cards-desk", axe)

    desk.goto(f"{live_server.url}/courses/{world.course.pk}/")
    desk.get_by_role("link", name="Access and billing").click()
    expect(desk.get_by_role("heading", name="What will be billed")).to_be_visible()
    expect(desk.get_by_role("row", name="first treatment dose")).to_contain_text("J9380")
    seen(desk, "access-course-desk", axe)
    desk.get_by_role("group", name="For (needed)").get_by_label("Teclistamab").check()
    desk.get_by_role("textbox", name="Payer").fill(PAYER)
    desk.get_by_role("group", name="Where the step-up is planned").get_by_label("Outside").check()
    desk.get_by_role("button", name="Save").click()

    expect(state(desk)).to_have_text("waits for the billing team")
    expect(desk.get_by_text("they are planned outside: ask for an exception before scheduling")).to_be_visible()
    seen(desk, "access-internal-desk", axe)
    written(desk, "internal_cleared", Who_of_the_billing_team="the billing lead, on the card")
    expect(state(desk)).to_have_text("ready to be submitted")
    place = desk.locator("#form-submitted")
    place.locator("summary").click()
    place.get_by_role("button", name="Save").click()
    expect(place.get_by_text("Why: please answer.")).to_be_visible()
    place.get_by_label("Why").fill("an exception is asked for with the letter")
    place.get_by_role("button", name="Save").click()
    expect(state(desk)).to_have_text("submitted, no answer yet")
    first = paper(desk, "PDF, letter", "access-letter")
    assert "Letter of medical necessity: Teclistamab" in first
    assert "Earlier lines of therapy" in first

    time.advance(hours=25)
    phone = sign_in(open_context(**ON_PHONE, color_scheme="dark"), pharmacist, live_server.url)
    phone.goto(f"{live_server.url}/programme/access/")
    expect(phone.get_by_text("Ask the payer where it stands")).to_be_visible()
    expect(phone.locator(".mark", has_text="Overdue")).to_be_visible()
    seen(phone, "access-queue-phone-dark", axe)
    phone.get_by_role("link", name="Teclistamab").click()
    written(phone, "followed_up", What_was_said="in review")
    seen(phone, "access-request-phone-dark", axe)
    written(phone, "denied", Why="in hospital only")
    expect(state(phone)).to_have_text("denied")
    expect(phone.get_by_text("Ask for a peer-to-peer talk by")).to_be_visible()

    desk.reload()
    written(desk, "peer_to_peer_asked", What_was_said="for tomorrow")
    time.advance(hours=5)
    written(desk, "peer_to_peer_held", Why="the reviewer keeps to the clause")
    written(desk, "appealed", What_was_said="sent with the pack")
    expect(state(desk)).to_have_text("denied, appealed")
    pack = paper(desk, "PDF, letter", "access-appeal")
    assert "Appeal: Teclistamab" in pack
    assert "Reason as it was written down here: in hospital only" in pack
    seen(desk, "access-appealed-desk", axe)
    time.advance(hours=20)
    written(desk, "approved", Number="SYN-7", First_day="2026-03-04", Last_day="2026-09-01")
    expect(state(desk)).to_have_text("approved")
    expect(desk.locator(".mark", has_text="Settled")).to_be_visible()
    seen(desk, "access-approved-desk", axe)
    desk.goto(f"{live_server.url}/programme/access/")
    expect(desk.get_by_text("Nothing is open")).to_be_visible()
