"""The page of the setting of a course, as staff read it and send its forms."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from handrail.records.models import Course
from tests.support.factories import World


def page(world: World, course: Course, who: str = "oncologist") -> str:
    """The words of the page, as one of Alice's house reads it."""
    client = Client()
    client.force_login(getattr(world.alice, who))
    answer = client.get(reverse("setting", args=[course.pk]))
    assert answer.status_code == 200
    return words(answer.content.decode())


def words(text: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text.split("<main", 1)[1])))


def send(world: World, course: Course, key: str, data: dict[str, str], who: str = "oncologist") -> Any:
    """A form of the page; `decide`, or the key of a note."""
    client = Client()
    client.force_login(getattr(world.alice, who))
    name, args = ("decide_setting", [course.pk]) if key == "decide" else ("setting_note", [course.pk, key])
    return client.post(reverse(name, args=args), {"batch": str(uuid4()), **data})


def offered(text: str) -> list[str]:
    """What the page lets a prescriber choose for this dose."""
    return re.findall(r'name="recommendation" value="([A-Z]+)"', text)
