"""Somebody at a browser who follows links, fills in forms by their labels and presses buttons; no address is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from playwright.sync_api import Locator, Page, expect

PASSWORD: Final = "a long synthetic password"
Answer = str | Sequence[str]


class Walker:
    """One person with a browser of their own."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def choose_password(self, link: str) -> None:
        """Open the link that was handed over, and choose a password."""
        self.page.goto(link)
        self.page.get_by_label("New password").fill(PASSWORD)
        self.page.get_by_label("The same once more").fill(PASSWORD)
        self.press(self.page.get_by_role("button", name="Save the password"))
        self.follow("Sign in")

    def sign_in(self, email: str) -> None:
        """Sign in on the page that stands open."""
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press(self.page.get_by_role("button", name="Sign in"))
        expect(self.page.get_by_role("heading", name="Who needs me now?")).to_be_visible()

    def follow(self, *names: str) -> None:
        """Click one link after another. A name is the beginning of the words of the link."""
        for name in names:
            link = self.page.get_by_role("link", name=_begins(name))
            if not link.count():
                link = self.page.get_by_role("link", name=_begins(name), include_hidden=True)  # behind a fold
                unfold(link.first)
            self.press(link.first)

    def press(self, what: Locator) -> None:
        """Press a button or link that leads to a whole page; nothing on that page says that something was not saved."""
        with self.page.expect_event("load"):
            what.click()
        troubles = self.page.locator("main .error, main .errorlist, main [role=alert]")
        assert troubles.all_inner_texts() == [], (self.page.url, troubles.all_inner_texts())

    def send(self, form: Locator, answers: Mapping[str, Answer], button: str | None = None) -> None:
        """Fill in a form by its labels and send it. `button` None: its last one."""
        unfold(form)
        for label, answer in answers.items():
            put(form, label, answer)
        buttons = form.get_by_role("button")
        self.press(buttons.last if button is None else form.get_by_role("button", name=_begins(button)))

    def form(self, button: str, *, holds: str = "") -> Locator:
        """The form with that button, and with `holds` among its words."""
        has = self.page.get_by_role("button", name=_begins(button), include_hidden=True)
        found = self.page.locator("main form").filter(has=has)
        return (found.filter(has_text=holds) if holds else found).first

    def region(self, heading: str) -> Locator:
        """The form under a heading."""
        return self.page.get_by_role("region", name=heading, exact=True).locator("form").first

    def fold(self, summary: str) -> Locator:
        """The form behind a fold."""
        fold = self.page.locator("details").filter(has=self.page.locator("> summary", has_text=_begins(summary)))
        return fold.last.locator("form").first


def unfold(what: Locator) -> None:
    """Open every fold around something, the outermost first, as a person does."""
    for summary in what.locator("xpath=ancestor::details[not(@open)]/summary").all():
        summary.click()


def put(form: Locator, label: str, answer: Answer) -> None:
    """Answer one question of a form: tick, choose or type."""
    group = form.get_by_role("group", name=_begins(label))
    if group.count():
        for each in [answer] if isinstance(answer, str) else answer:
            whole = group.first.get_by_label(re.compile(rf"^\s*{re.escape(each)}\s*($|[:(,])"))
            (whole if whole.count() else group.first.get_by_label(_begins(each))).first.check()
        return
    field = form.get_by_label(_begins(label)).first
    assert isinstance(answer, str)
    if field.evaluate("e => e.tagName") == "SELECT":
        options = [words.strip() for words in field.locator("option").all_inner_texts()]
        field.select_option(label=next(words for words in options if words.startswith(answer)))
    elif field.get_attribute("type") == "checkbox":
        field.check()
    else:
        field.fill(answer)


def _begins(words: str) -> re.Pattern[str]:
    """Before a colon a hidden part of the words may begin, which is read with a space."""
    return re.compile(r"^\s*" + re.escape(words).replace(":", r"\s*:"))
