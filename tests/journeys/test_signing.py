"""A pharmacist and a medical lead sign a protocol on a phone and at a desk, and a live course gets its amount."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.signing_state import state_of
from handrail.alerts import heartbeat
from handrail.people.scope import everything
from handrail.records.models import Course, SigningSet
from handrail.rules.protocol import load
from tests.support.factories import MONDAY_0900, House, make_house, make_patient
from tests.support.screens import each_scheme, each_size, size_word
from tests.support.seeing import enter_board, give_password, picture, press, wide
from tests.support.signing import both_sign, decided_set, is_well, pharmacist_of, signed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOW = MONDAY_0900 + timedelta(hours=1)
KEY = "teclistamab/US/2026-03/mono"
CITATION = "Synthetic prescribing information of March 2026, table 3"


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with clock.use(clock.FrozenClock(NOW)):
        yield


@pytest.fixture
def house(live_server: Any, settings: Any) -> House:
    """A live organisation with a pharmacist and an oncologist who can sign in, and nothing signed."""
    house = make_house("Live", mode="live")
    with everything():
        heartbeat.beat("watcher of the test", MONDAY_0900 + timedelta(days=400))
        give_password(pharmacist_of(house), house.oncologist)
    return house


def table(page: Page, heading: str) -> Any:
    return page.get_by_role("region", name=heading, exact=True)


def decide_everything(page: Page) -> None:
    """Confirm the weight bands and whatever was read in a summary; leave the other rows."""
    bands = table(page, "Weight bands")
    bands.get_by_label("Every open row of this table").check()
    press(page, bands.get_by_role("button", name="Confirm the chosen rows"))
    expect(page.get_by_text("A confirmed row has a citation of its own")).to_be_visible()
    bands.get_by_label("Every open row of this table").check()
    bands.get_by_label("Where did you read it?").fill(CITATION)
    press(page, bands.get_by_role("button", name="Confirm the chosen rows"))
    expect(page.get_by_text("42 rows confirmed.")).to_be_visible()
    for _ in range(40):
        section = page.locator("main section:has(form):has(header strong)").first
        if not section.count():
            return
        leave = section.get_by_role("button", name="Leave the chosen rows")
        unverified = section.locator("li:has(.chip.unverified):has(.mark.soon) input[name=rows]")
        if leave.count() and unverified.count():
            for box in unverified.all():
                box.check()
            press(page, leave)
        else:
            section.get_by_label("Every open row of this table").check()
            section.get_by_label("Where did you read it?").fill(CITATION)
            press(page, section.get_by_role("button", name="Confirm the chosen rows"))
    raise AssertionError("rows stay open")


def test_two_people_sign_and_the_course_that_starts_then_has_its_amount(
    phone: Page, desktop: Page, house: House, live_server: Any
):
    enter_board(phone, pharmacist_of(house), live_server.url)
    phone.get_by_role("link", name="Protocols").click()
    phone.get_by_role("link", name="Which of them are signed, and by whom").click()
    phone.get_by_role("button", name=f"Read and sign for {KEY}").click()
    expect(phone.get_by_role("heading", name=f"{KEY}: set 1")).to_be_visible()
    expect(phone.locator("#row-BAND-0\\.06-70-79")).to_contain_text("4.5")
    expect(phone.get_by_text("before anybody can sign")).to_be_visible()
    decide_everything(phone)
    phone.get_by_role("button", name="Sign as pharmacist").click()
    expect(phone.get_by_text("Say first that you have seen every row")).to_be_visible()
    phone.get_by_label("I have seen every row").check()
    phone.get_by_role("button", name="Sign as pharmacist").click()
    expect(phone.get_by_text("You have signed.")).to_be_visible()
    assert not wide(phone)

    enter_board(desktop, house.oncologist, live_server.url)
    with everything():
        opened = SigningSet.objects.get(organisation=house.organisation)
    desktop.goto(f"{live_server.url}/signing/{opened.pk}/")
    desktop.get_by_label("I have seen every row").check()
    desktop.get_by_role("button", name="Sign as medical lead").click()
    expect(desktop.get_by_text("Signed, in force")).to_be_visible()
    with desktop.expect_download() as download:
        desktop.get_by_role("link", name="Download the signed set").click()
    document = json.loads(Path(download.value.path()).read_text())
    assert {each["name"] for each in document["signatures"]} == {"Synthetic Pharmacist", "Live Oncologist"}
    assert load(KEY).with_overlays([document]).row("BAND-0.06-70-79").acts

    with everything():
        assert set(state_of(opened).entries) == {row.id for row in state_of(opened).to_decide()}
        patient = make_patient(house.organisation, synthetic=False)
    course = start_course(
        patient,
        by=person(house.oncologist),
        product="teclistamab",
        protocol_key=KEY,
        schedule="weekly",
        prior_doses_known=True,
        now=NOW,
    ).event.course_id
    with everything():
        is_well(Course.objects.get(pk=course), person(house.oncologist), NOW)
    desktop.goto(f"{live_server.url}/courses/{course}/")
    card = table(desktop, "Next dose")
    expect(card).to_contain_text("Give: step-up dose 1")
    expect(card).to_contain_text(f"row signed by {house.organisation.name}, set 1")
    expect(card).not_to_contain_text("unverified")


@each_scheme
@each_size
def test_every_page_of_the_signing_is_accessible_and_fits(
    open_context: Callable[..., BrowserContext],
    house: House,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    scheme: Any,
    size: Any,
):
    with everything():
        half = signed(house, "elranatamab/US/2025-07").signing_set
        signed(house, KEY)
        for _ in range(2):
            patient = make_patient(house.organisation, synthetic=False)
            start_course(patient, by=person(house.oncologist), product="teclistamab", protocol_key=KEY, now=NOW)
        newer = both_sign(house, decided_set(house, KEY, confirm=["BAND-0.06-70-79"], now=NOW), now=NOW).signing_set
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    enter_board(page, house.oncologist, live_server.url)
    page.goto(f"{live_server.url}/signing/")
    page.get_by_role("button", name="Read and sign for teclistamab/US/2026-03/combo").click()
    found = {"draft": axe(page) + (["scrolls sideways"] if wide(page) else [])}
    picture(page, f"signing-draft-{size_word(size)}-{scheme}")
    bands = table(page, "Weight bands")
    bands.get_by_role("button", name="Confirm the chosen rows").click()
    found["refused"] = axe(page) + (["scrolls sideways"] if wide(page) else [])
    for name, address in {
        "list": "/signing/",
        "signed": f"/signing/{half.pk}/",
        "left behind": f"/signing/{newer.pk}/",
    }.items():
        page.goto(live_server.url + address)
        picture(page, f"signing-{name.replace(' ', '-')}-{size_word(size)}-{scheme}")
        found[name] = axe(page) + (["scrolls sideways"] if wide(page) else [])
    expect(page.get_by_role("heading", name="2 running courses not on this set")).to_be_visible()
    assert {name: problems for name, problems in found.items() if problems} == {}
