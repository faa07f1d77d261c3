"""A medical lead makes the organisation's own policy on a phone, and a pharmacist signs at a desk what is looser."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from handrail import clock
from handrail.actions.actor import person
from handrail.actions.courses import start_course
from handrail.actions.policies import approve_policy, propose_policy
from handrail.alerts import heartbeat
from handrail.people.scope import everything
from handrail.records.policies import in_force
from handrail.rules.policy_own import Reason
from tests.journeys.test_signing import NOW
from tests.support.factories import House, make_house, make_patient
from tests.support.screens import each_scheme, each_size, size_word
from tests.support.seeing import enter_board, give_password, picture, press, wide
from tests.support.signing import pharmacist_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGED = "watch.phase.risk_window.page_after_minutes"


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with clock.use(clock.FrozenClock(NOW)):
        yield


@pytest.fixture
def house(live_server: Any, settings: Any) -> House:
    """An organisation with one running course on the shipped policy."""
    house = make_house("Hub")
    with everything():
        heartbeat.beat("watcher of the test", NOW.replace(year=2027))
        give_password(pharmacist_of(house), house.oncologist)
        patient = make_patient(house.organisation)
    start_course(patient, by=person(house.oncologist), product="teclistamab", now=NOW)
    return house


def test_one_proposes_and_another_signs_what_is_looser(phone: Page, desktop: Page, house: House, live_server: Any):
    enter_board(phone, house.oncologist, live_server.url)
    phone.get_by_role("link", name="Protocols").click()
    phone.get_by_role("link", name="Policies of your organisations").click()
    phone.get_by_role("link", name="Propose values").click()
    phone.locator("summary", has_text="Triage").click()
    phone.get_by_label("Triage: Fever c", exact=True).fill("37.9")
    phone.locator("summary", has_text="Watch").click()
    phone.get_by_label("Phase risk window: Page after minutes").fill("75")
    press(phone, phone.get_by_role("button", name="Compare with the shipped policy").first)
    compared = phone.get_by_role("region", name="What this changes of the shipped policy")
    expect(compared.locator("li", has_text="triage.fever_c")).to_contain_text("Tighter")
    expect(compared.locator("li", has_text=PAGED)).to_contain_text("Looser")
    press(phone, phone.get_by_role("button", name="Propose", exact=True))
    expect(phone.get_by_text("Give the day of review.").first).to_be_visible()
    phone.get_by_label(f"Why does {PAGED} depart?").fill("two nurses look within the hour")
    phone.get_by_label(f"Day of review of {PAGED}").fill("2026-09-01")
    press(phone, phone.get_by_role("button", name="Propose", exact=True))
    expect(phone.get_by_text("You proposed it: another person signs")).to_be_visible()
    assert not wide(phone) and in_force(house.id) is None

    enter_board(desktop, pharmacist_of(house), live_server.url)
    desktop.goto(f"{live_server.url}/policies/")
    desktop.get_by_role("link", name="Version 1").click()
    desktop.get_by_label("I have read each departure").check()
    press(desktop, desktop.get_by_role("button", name="Sign the 1 departure"))
    expect(desktop.get_by_role("heading", name="1 running course not on this version")).to_be_visible()
    press(desktop, desktop.get_by_role("button", name="Move to version 1"))
    expect(desktop.get_by_text("Moved to the policy in force")).to_be_visible()
    desktop.get_by_role("link", name="policy hub").click()
    expect(desktop.get_by_role("heading", name="Where it departs from the shipped policy")).to_be_visible()
    expect(desktop.locator("#row-triage")).to_contain_text("fever c: 37.9")


@each_scheme
@each_size
def test_every_page_of_a_policy_is_accessible_and_fits(
    open_context: Callable[..., BrowserContext],
    house: House,
    live_server: Any,
    axe: Callable[[Page], list[str]],
    scheme: Any,
    size: Any,
):
    reasons = {PAGED: Reason(reason="two nurses look within the hour", review_on=date(2026, 9, 1))}
    values = {PAGED: "75", "triage.fever_c": "37.9"}
    first = propose_policy(house.id, values, reasons=reasons, by=person(house.director), now=NOW)
    approve_policy(first.pk, sha256=first.sha256, by=person(pharmacist_of(house)), now=NOW)
    second = propose_policy(house.id, {PAGED: "70"}, reasons=reasons, by=person(house.director), now=NOW)
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    enter_board(page, house.oncologist, live_server.url)
    found = {}
    for name, address in {
        "list": "/policies/",
        "form": f"/policies/{house.id}/propose",
        "in force": f"/policies/versions/{first.pk}/",
        "waits": f"/policies/versions/{second.pk}/",
    }.items():
        page.goto(live_server.url + address)
        picture(page, f"policy-{name.replace(' ', '-')}-{size_word(size)}-{scheme}")
        found[name] = axe(page) + (["scrolls sideways"] if wide(page) else [])
    page.goto(f"{live_server.url}/policies/{house.id}/propose")
    page.get_by_label("Triage: Fever c", exact=True).fill("38.2")
    press(page, page.get_by_role("button", name="Compare with the shipped policy").first)
    press(page, page.get_by_role("button", name="Propose", exact=True))
    picture(page, f"policy-refused-{size_word(size)}-{scheme}")
    found["refused"] = axe(page) + (["scrolls sideways"] if wide(page) else [])
    assert {name: problems for name, problems in found.items() if problems} == {}
