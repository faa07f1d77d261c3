"""The gate of a course as a person of the staff reads it: one line of it, and the word at its head."""

from __future__ import annotations

import re
from html import unescape

from django.urls import reverse

from handrail.people.models import User
from handrail.records.models import Course
from tests.support.staff_pages import signed_in

NOT_MET, NOT_KNOWN, MET = "NOT MET", "not known", "met"
"""How the page marks a line."""


def gate_page(user: User, course: Course) -> str:
    """The page, as it was sent."""
    answer = signed_in(user).get(reverse("gate", args=[course.pk]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def gate_line(user: User, course: Course, line: str) -> tuple[str, str]:
    """The mark of a line, and everything that stands in it as it is read."""
    found = re.search(
        rf'<li id="line-{line}"[^>]*><span class="mark \w+">([^<]*)</span>(.*?)</li>',
        gate_page(user, course),
        re.DOTALL,
    )
    assert found is not None, line
    return found[1], re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[2]))


def gate_head(user: User, course: Course) -> str:
    """The verdict at the head of the page."""
    found = re.search(r'<div class="care \w+"><p><strong>([^<]*)</strong>', gate_page(user, course))
    assert found is not None
    return found[1]
