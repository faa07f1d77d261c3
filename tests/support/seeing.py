"""What journeys share: a page of somebody signed in, its picture, and how far it runs over the edge."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from handrail.people.scope import everything

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


def cut_off(page: Page) -> list[str]:
    """The tables of a page that are wider than their place, so that columns stand out of sight."""
    wide = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.ariaLabel)"
    found: list[str] = page.eval_on_selector_all(".scroll", wide)
    return found


def sideways(page: Page) -> int:
    """Pixels that the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
