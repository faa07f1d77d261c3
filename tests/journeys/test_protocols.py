"""A pharmacist's walk: why the answer on day 29 after a weekly dose is what it is, from the screen, within two taps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.facts import receive_checkin, record_event
from handrail.people.scope import everything
from handrail.rules.protocol import catalogue
from tests.support.courses import well
from tests.support.factories import MONDAY_0900, World, checkin, dose, event
from tests.support.screens import PHONE, each_scheme, each_size, size_word
from tests.support.seeing import enter_board, give_password, picture, wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST = MONDAY_0900 + timedelta(hours=1)
GIVEN = [("step_up_1", "4.5", 0), ("step_up_2", "22", 3), ("first_treatment", "108", 6), ("treatment", "108", 13)]
DAY_29 = FIRST + timedelta(days=13 + 29)
TEC = "teclistamab/US/2026-03/mono"
DIFFERENT = [TEC, "elranatamab/US/2025-07", "glofitamab/US/2023-06", "mosunetuzumab/US/2025-12/sc"]
"""By weight and flat, another drug before the first dose, and a label of which nearly nothing is verified."""


@dataclass
class Chart:
    """Facts written into a course's record one by one, as `well` tells them."""

    world: World

    def tell(self, kind: str, at: str, **fields: Any) -> str:
        fact = event(kind, at=datetime.fromisoformat(at), **fields)
        record_event(self.world.course.pk, fact, by=self.world.actor("alice"), now=datetime.fromisoformat(at))
        return str(fact["id"])


@pytest.fixture(autouse=True)
def frozen() -> Iterator[clock.FrozenClock]:
    with clock.use(clock.FrozenClock(DAY_29)) as stopped:
        yield stopped


@pytest.fixture
def world(live_server: Any, settings: Any) -> World:
    """A synthetic patient on weekly teclistamab whose last dose was 29 days ago."""
    world = World()
    for step, mg, day in GIVEN:
        at = FIRST + timedelta(days=day)
        record_event(world.course.pk, dose(step, mg=mg, at=at), by=world.actor("alice"), now=at)
    well(Chart(world), str(DAY_29 - timedelta(hours=1)))
    with everything():
        give_password(world.alice.on_call)
    return world


def course_page(page: Page, world: World, live_server: Any) -> None:
    enter_board(page, world.alice.on_call, live_server.url)
    page.goto(f"{live_server.url}/courses/{world.course.pk}/")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_why_day_29_says_what_it_says_in_two_taps(
    request: pytest.FixtureRequest, world: World, live_server: Any, size: str
):
    page: Page = request.getfixturevalue(size)
    course_page(page, world, live_server)
    card = page.locator("section", has=page.get_by_role("heading", name="Next dose"))
    picture(page, f"day-29-{size}")
    expect(card).to_contain_text("Restart: step-up dose 2")
    card.locator("summary").click()  # the first tap
    card.locator("details.why").get_by_role("link", name="row R5", exact=True).click()  # the second
    assert unquote(page.url).endswith(f"/protocols/{TEC}/#row-R5")
    row = page.locator("tr:target")
    expect(row).to_be_in_viewport()
    for words in ("29 to 56", "restart step-up dose 2", "not read in the label itself", "S02", "W022"):
        expect(row).to_contain_text(words)
    expect(row).to_contain_text("tests/spec/test_next_dose_teclistamab.py")
    picture(page, f"row-{size}")
    row.get_by_role("link", name="S01").click()
    expect(page.locator("#source-S01")).to_be_in_viewport()
    expect(page.locator("#source-S01").get_by_role("link")).to_have_attribute(
        "href",
        "https://www.jnjmedicalconnect.com/products/tecvayli/medical-content/restarting-tecvayli-after-dosage-delay",
    )


def test_a_finding_leads_to_its_row(desktop: Page, world: World, live_server: Any):
    course_page(desktop, world, live_server)
    finding = desktop.locator("li", has_text="The answer rests on row R5")
    finding.locator("summary").click()
    finding.get_by_role("link", name="row R5", exact=True).click()
    expect(desktop.locator("tr:target")).to_contain_text("29 to 56 days after a weekly treatment dose")


def test_a_finding_of_the_policy_leads_to_its_row(desktop: Page, world: World, live_server: Any):
    report = checkin(at=DAY_29, temperature_c="38.4")
    receive_checkin(world.course.pk, report, by=world.actor("alice"), now=DAY_29)
    course_page(desktop, world, live_server)
    finding = desktop.locator("li", has_text="temperature 38.4 °C is 38.0 °C or more").filter(
        has=desktop.locator("details")
    )
    finding.locator("summary").click()
    finding.get_by_role("link", name="row triage", exact=True).click()
    expect(desktop.locator("tr:target")).to_contain_text("fever c: 38.0")


def test_from_the_list_to_the_same_row_without_a_course(phone: Page, world: World, live_server: Any):
    enter_board(phone, world.alice.on_call, live_server.url)
    phone.get_by_role("link", name="Protocols").click()
    phone.get_by_role("link", name="US 2026-03 mono").click()
    phone.get_by_role("link", name="day 29 to 56 restart step-up dose 2").click()
    expect(phone.locator("tr:target")).to_contain_text("R5")


def test_every_anchor_is_there_once_and_every_link_within_the_page_has_its_place(
    desktop: Page, world: World, live_server: Any
):
    enter_board(desktop, world.alice.on_call, live_server.url)
    for book in catalogue():
        desktop.goto(f"{live_server.url}/protocols/{book.key}/")
        ids = desktop.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids)), book.key
        assert {f"row-{row.id}" for row in book.rows() if row is not book.product} <= set(ids), book.key
        targets = desktop.evaluate("[...document.querySelectorAll('main a[href^=\"#\"]')].map((a) => a.hash.slice(1))")
        assert targets
        assert {unquote(target) for target in targets} <= set(ids), book.key


@each_scheme
@each_size
def test_the_books_are_accessible_and_fit(
    open_context: Callable[..., BrowserContext],
    world: World,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    scheme: Any,
    size: Any,
):
    """The two lists and four books that differ most; on a phone in light, every book fits."""
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    enter_board(page, world.alice.on_call, live_server.url)
    found = {}
    everything_fits = size is PHONE and scheme == "light"
    addresses = {"list": "/protocols/", "policy": "/protocols/policies/default/"}
    addresses |= {book.key.replace("/", "_"): f"/protocols/{book.key}/" for book in catalogue()}
    judged = {"list", "policy", *(key.replace("/", "_") for key in DIFFERENT)}
    for name, address in addresses.items():
        if name not in judged and not everything_fits:
            continue
        page.goto(live_server.url + address)
        picture(page, f"{name}-{size_word(size)}-{scheme}")
        found[name] = (axe(page) if name in judged else []) + (["scrolls sideways"] if wide(page) else [])
    assert judged <= set(found)
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_book_is_printed_whole(desktop: Page, world: World, live_server: Any):
    enter_board(desktop, world.alice.on_call, live_server.url)
    desktop.goto(f"{live_server.url}/protocols/{TEC}/")
    on_screen = desktop.locator("main tbody tr").count()
    desktop.emulate_media(media="print")
    for name in ("Main", "On this page"):
        expect(desktop.get_by_role("navigation", name=name)).to_have_count(0)
    expect(desktop.locator("main tbody tr:visible")).to_have_count(on_screen)
    expect(desktop.get_by_text("sha256")).to_be_visible()
    desktop.set_viewport_size({"width": 720, "height": 960})  # Letter at 96 dots per inch, within its margins
    assert not wide(desktop)
    picture(desktop, "printed")
    printed = desktop.pdf(format="Letter", margin=dict.fromkeys(("top", "bottom", "left", "right"), "12mm"))
    sheets = printed.count(b"/Type /Page\n") or printed.count(b"/Type /Page ")
    assert 1 <= sheets <= 10, sheets  # the longest of all labels
