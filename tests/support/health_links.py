"""A health link to the packet of a course, and how it is asked."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from functools import partial
from typing import Any

from django.test import Client

from handrail.actions import health_links
from handrail.actions.health_links import Wish, make_link, written_link
from handrail.people.models import HealthLink
from tests.support.factories import World
from tests.support.handoffs import LOOKED

LABEL = "Treatment packet"


def unread(_link: Any, _version: Any) -> bytes:
    """For whoever does not care what is in the packet."""
    return b"{}"


ask, fetch = partial(health_links.ask, read=unread), partial(health_links.fetch, read=unread)


def linked(
    world: World,
    *,
    label: str = LABEL,
    purpose: str = "handoff",
    days: int = 30,
    with_passcode: bool = True,
    now: datetime | None = None,
) -> HealthLink:
    """A link of Alice's nurse to the packet, which is sealed."""
    wish = Wish(label=label, purpose=purpose, days=days, with_passcode=with_passcode, not_known=LOOKED)
    return make_link(world.course.pk, wish, by=world.actor("alice"), now=now)


def payload_of(link: HealthLink) -> dict[str, Any]:
    """What a reader learns from the link itself."""
    text = written_link(link).removeprefix("shlink:/")
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def post(address: str, body: Any, **headers: Any) -> Any:
    """A manifest request of a reader that has no account."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/shl/{address}", content, content_type="application/json", **headers)


def manifest(link: HealthLink, **said: Any) -> Any:
    """A request with the right passcode, unless another one is given."""
    body = {"recipient": "Mercy ED", "passcode": link.passcode, **said}
    return post(link.address, {key: value for key, value in body.items() if value is not None})
