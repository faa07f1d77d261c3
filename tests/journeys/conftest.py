"""Browser journeys: the distribution's Chromium, a phone and a desk, and axe to judge what they show."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.screens import AT_DESK, ON_PHONE

CHROMIUM = os.environ.get("HANDRAIL_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).resolve().parents[1] / "support" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run.

    Playwright keeps an event loop running in the tests' thread, where Django would refuse to speak to the database.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def cheap_hash(settings: Any) -> None:
    """Argon2 takes a tenth of a second for every password that is typed."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts (cookies and storage of their own), closed at the end."""
    opened = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def phone(open_context: Callable[..., BrowserContext]) -> Page:
    """A page of 390 by 844, touched."""
    return open_context(**ON_PHONE, locale="en-US").new_page()


@pytest.fixture
def desktop(open_context: Callable[..., BrowserContext]) -> Page:
    """A page of 1280 by 900."""
    return open_context(**AT_DESK, locale="en-US").new_page()


def axe(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA on the page as it is now: rule and place, one line each."""
    page.emulate_media(reduced_motion="reduce")  # no colour is judged on its way to another
    page.evaluate(AXE.read_text())  # evaluated by the debugger, so the page's own policy need not allow it
    found = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: {type: 'tag', values: tags}})).violations", RULES
    )
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.fixture(name="axe")
def axe_fixture() -> Callable[[Page], list[str]]:
    """`axe(page)`: the violations, none when the page is fine."""
    return axe
