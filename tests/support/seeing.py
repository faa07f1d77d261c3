"""What journeys share: a page of somebody signed in, its picture, what axe finds there, and how far it runs over the edge."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Locator, Page, expect

from handrail.people.models import User
from handrail.people.scope import everything

Axe = Callable[[Page], list[str]]
"""What axe finds on a page as it is now: the fixture `axe`."""

PASSWORD = "a long synthetic password"
PICTURES = os.environ.get("HANDRAIL_PICTURES", "")
"""A folder for pictures of the pages, to be looked at."""


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def sign_in(context: BrowserContext, user: Any, url: str) -> Page:
    """A page on which that person is signed in."""
    client = Client()
    with everything():
        client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    return context.new_page()


def give_password(*users: User) -> None:
    """Let people sign in by the form, with `PASSWORD`."""
    with everything():
        for user in users:
            user.set_password(PASSWORD)
            user.save()


def fill_sign_in(page: Page, user: User) -> None:
    """Sign in by the form that the page shows."""
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, page.get_by_role("button", name="Sign in"))


def enter(page: Page, user: User, address: str) -> None:
    """Open an address and sign in by the form that stands before it."""
    page.goto(address)
    fill_sign_in(page, user)


def enter_board(page: Page, user: User, url: str) -> None:
    """Sign in by the form that stands before the board, and see the board."""
    enter(page, user, f"{url}/")
    expect(page.get_by_role("heading", name="Who needs me now?")).to_be_visible()


def press(page: Page, button: Locator) -> None:
    """Press a button that sends a form, and wait for the whole page that comes back: what follows counts what stands on it."""
    with page.expect_event("load"):
        button.click()


def cut_off(page: Page) -> list[str]:
    """The tables of a page that are wider than their place, so that columns stand out of sight."""
    wide = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.ariaLabel)"
    found: list[str] = page.eval_on_selector_all(".scroll", wide)
    return found


def sideways(page: Page) -> int:
    """Pixels that the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def wide(page: Page) -> bool:
    """Whether the page scrolls sideways as a whole."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def judged(page: Page, axe: Axe, name: str) -> None:
    """No sideways scroll and nothing that axe finds; a picture when somebody wants one."""
    picture(page, name)
    assert sideways(page) <= 0, name
    assert axe(page) == [], name


def fine(page: Page, axe: Axe, name: str) -> None:
    """Light and dark, by the rules and without a sideways scroll; the page is light again afterwards."""
    switch = page.get_by_role("button", name="Light or dark")
    for scheme in ("light", "dark"):
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert axe(page) == [] and sideways(page) == 0, (name, scheme)
        picture(page, f"{name}-{scheme}")
        switch.click()
