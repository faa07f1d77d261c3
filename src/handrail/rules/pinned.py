"""Which protocol revision and policy a course is pinned to, at an instant.

A course keeps its revision until an event moves it. Without a key (the demo, the command line) the newest active revision
is used, and a finding says what rests on rows not read in the label itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from handrail.rules.history import History
from handrail.rules.policy import Policy, load_policy
from handrail.rules.protocol import Protocol, load, newest_active
from handrail.rules.strict import ProtocolDataError


def protocol_for(history: History, now: datetime) -> Protocol:
    """The protocol in force at `now`, with the course's signed overlays.

    Raises:
        UnusableInput: unknown product, jurisdiction or key, or an overlay that does not fit.
    """
    course = history.course
    key = key_for(history, now)
    if key is None:
        protocol = newest_active(course.product, course.jurisdiction)
    else:
        protocol = load(key, product=course.product, jurisdiction=course.jurisdiction)
    overlays = overlays_for(history, now)
    return protocol.with_overlays(overlays) if overlays else protocol


def key_for(history: History, now: datetime) -> str | None:
    """The key of the protocol in force at `now`; None: none is pinned."""
    key = history.course.protocol_key
    for event in history.of("protocol_changed"):
        if event.at <= now and event.body.protocol_key is not None:
            key = event.body.protocol_key
    return key


def overlays_for(history: History, now: datetime) -> tuple[Any, ...]:
    """The documents of signed rows in force at `now`: those of the start, or the one that an event put in their place."""
    overlays: tuple[Any, ...] = tuple(history.course.overlays)
    for event in history.of("protocol_changed"):
        if event.at <= now and event.body.overlay is not None:
            overlays = (event.body.overlay,)
    return overlays


def policy_for(history: History, now: datetime) -> Policy:
    """The policy in force at `now`.

    Raises:
        UnusableInput: no such policy, or other content than the one pinned.
    """
    pinned, sha256 = pinned_policy(history, now)
    policy = load_policy(pinned)
    if sha256 is not None and sha256 != policy.ref.sha256:
        raise ProtocolDataError("other_policy", "The policy of the event has other content.", "policy.sha256")
    return policy


def pinned_policy(history: History, now: datetime) -> tuple[Any, str | None]:
    """What names the policy in force at `now`, as `load_policy` takes it, and the hash that an event gave a whole document."""
    pinned: Any = history.course.policy
    sha256: str | None = None
    for event in history.of("policy_changed"):
        if event.at <= now and event.body.document is not None:
            pinned, sha256 = event.body.document, event.body.sha256
        elif event.at <= now and event.body.policy_id is not None:
            pinned, sha256 = {"id": event.body.policy_id, "sha256": event.body.sha256}, None
    return pinned, sha256
