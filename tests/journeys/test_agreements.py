"""Two directors agree on who answers: a double owner is refused with its hours, the next version is in force, and the banner follows."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.people.scope import everything
from tests.support.factories import MONDAY_0900, World
from tests.support.screens import DESKTOP, ON_PHONE
from tests.support.seeing import picture, press, sign_in, wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = MONDAY_0900 + timedelta(hours=2)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with clock.use(clock.FrozenClock(NOW)):
        yield


@pytest.fixture
def world(live_server: Any) -> World:
    with everything():
        world = World()
        world.course  # noqa: B018 (shared with Bob's house)
    return world


@pytest.fixture
def seat(open_context: Callable[..., BrowserContext], live_server: Any) -> Callable[..., Page]:
    """`seat(user, …)`: a page on which that person is signed in."""

    def sit(user: Any, **options: Any) -> Page:
        return sign_in(open_context(**options), user, live_server.url)

    return sit


def fill_in(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)


def test_a_double_owner_is_refused_and_the_next_version_is_in_force(
    world: World, seat: Callable[..., Page], live_server: Any, axe: Callable[[Page], list[str]]
) -> None:
    hub = seat(world.alice.director, viewport=DESKTOP)
    community = seat(world.bob.director, **ON_PHONE, color_scheme="dark")

    hub.goto(f"{live_server.url}{reverse('agreements')}")
    expect(hub.get_by_text("None in force")).to_be_visible()
    hub.get_by_label("With").select_option(label=world.bob.organisation.name)
    press(hub, hub.get_by_role("button", name="Write it"))
    fill_in(hub, Receiving_hospital="General Hospital", Its_transfer_line="555-0190", Admitting_service="Haematology")
    hub.get_by_label("After-hours contact in the window").fill(
        "hub | On-call clinician of the hub\ncommunity | Clinic of the practice | Mon-Fri 08:00-17:00"
    )
    assert axe(hub) == []
    picture(hub, "agreement-form-desktop")
    press(hub, hub.get_by_role("button", name="Propose this version"))
    first = hub.url
    hole = "both answer for After-hours contact in the window: Mon 2 Mar 2026 11:00 CST to Mon 2 Mar 2026 17:00 CST"
    expect(hub.get_by_text(hole)).to_be_visible()
    press(hub, hub.get_by_role("button", name="Sign for my organisation"))

    community.goto(first)
    assert not wide(community)
    assert axe(community) == []
    picture(community, "agreement-phone-dark")
    press(community, community.get_by_role("button", name="Sign for my organisation"))

    hub.goto(first)
    press(hub, hub.get_by_role("button", name="Put in force"))
    expect(hub.get_by_role("alert").get_by_text(f"Not put in force: {world.alice.organisation.name}")).to_be_visible()
    picture(hub, "agreement-refused-desktop")

    hub.get_by_role("link", name="Propose a new version").click()
    hub.get_by_label("After-hours contact in the window").fill(
        "hub | On-call clinician of the hub | 17:00-08:00\nhub | On-call clinician of the hub | Sat-Sun 08:00-17:00\n"
        "community | Clinic of the practice | Mon-Fri 08:00-17:00"
    )
    press(hub, hub.get_by_role("button", name="Propose this version"))
    expect(hub.get_by_text("Exactly one party answers for every task at every hour")).to_be_visible()
    press(hub, hub.get_by_role("button", name="Sign for my organisation"))
    community.goto(hub.url)
    press(community, community.get_by_role("button", name="Sign for my organisation"))
    press(community, community.get_by_role("button", name="Put in force"))
    expect(community.get_by_text("In force", exact=True)).to_be_visible()
    hub.reload()
    assert axe(hub) == []
    picture(hub, "agreement-in-force-desktop")
    hub.emulate_media(media="print")
    picture(hub, "agreement-print")
    hub.emulate_media(media="screen")
    hub.goto(f"{live_server.url}{reverse('agreements')}")
    assert axe(hub) == []
    picture(hub, "agreements-desktop")


def test_the_banner_on_a_phone_names_task_party_person_and_number(
    world: World, seat: Callable[..., Page], live_server: Any, axe: Callable[[Page], list[str]]
) -> None:
    nurse = seat(world.alice.nurse, **ON_PHONE)
    nurse.goto(f"{live_server.url}{reverse('course', args=[world.course.pk])}")
    expect(nurse.get_by_text("have no agreement now").first).to_be_visible()
    assert not wide(nurse)
    assert axe(nurse) == []
    picture(nurse, "banner-phone-none")
    nurse.goto(f"{live_server.url}{reverse('agreements')}")
    assert not wide(nurse)
    assert axe(nurse) == []
    picture(nurse, "agreements-phone")
    director = seat(world.alice.director, **ON_PHONE)
    director.goto(f"{live_server.url}{reverse('new_agreement')}?with={world.bob.id}")
    assert not wide(director)
    assert axe(director) == []
    picture(director, "agreement-form-phone")
