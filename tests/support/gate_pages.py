"""The gate of a course as a person of the staff reads it: one line of it, and the word at its head."""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import datetime
from html import unescape

from django.test import Client
from django.urls import reverse

from handrail import clock
from handrail.people.models import User
from handrail.records.models import Course
from tests.support.staff_pages import signed_in

NOT_MET, NOT_KNOWN, MET = "NOT MET", "not known", "met"
"""How the page marks a line."""


def gate_page(reader: User | Client, course: Course) -> str:
    """The page, as it was sent: to a person, or to whoever has signed in with a client."""
    client = reader if isinstance(reader, Client) else signed_in(reader)
    answer = client.get(reverse("gate", args=[course.pk]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def gate_line(reader: User | Client, course: Course, line: str) -> tuple[str, str]:
    """The mark of a line, and everything that stands in it as it is read."""
    found = re.search(
        rf'<li id="line-{line}"[^>]*><span class="mark \w+">([^<]*)</span>(.*?)</li>',
        gate_page(reader, course),
        re.DOTALL,
    )
    assert found is not None, line
    return found[1], re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[2]))


def line_said(reader: User | Client, course: Course, line: str, at: datetime | None = None) -> str:
    """A line in one sentence, its mark first, as the page says it now or at an instant: `NOT MET 7. Tocilizumab …`."""
    with nullcontext() if at is None else clock.use(clock.FrozenClock(at)):
        mark, words = gate_line(reader, course, line)
    return f"{mark} {words.strip()}"


def gate_head(reader: User | Client, course: Course) -> str:
    """The verdict at the head of the page."""
    found = re.search(r'<div class="care \w+"><p><strong>([^<]*)</strong>', gate_page(reader, course))
    assert found is not None
    return found[1]
