"""A course file as a generated document: its events as they are written, facts that say nothing is wrong, events of the shell."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from handrail.rules.coursefile import ENVELOPE
from handrail.rules.events import KINDS, SHELL_KINDS
from handrail.rules.policy import Policy, load_policy
from handrail.rules.protocol import Protocol, catalogue

Document = dict[str, Any]

PROTOCOLS: dict[str, Protocol] = {protocol.key: protocol for protocol in catalogue()}
POLICY: Policy = load_policy(None)
SYMPTOMS = [row.symptom for row in POLICY.triage.symptom]
SHELL = {
    "page_sent": {"alert": "a", "key": "report:RED-3:x", "ladder": "RED-3", "step": 1, "to_role": "first_on_call"},
    "page_acknowledged": {"alert": "a", "key": "report:RED-3:x", "by_role": "first_on_call"},
    "page_failed": {"alert": "a", "key": "report:RED-3:x", "step": 1, "channel": "sms", "permanent": None},
    "page_held": {"alert": "a", "key": "report:AMBER:x", "how": "put_off", "until": "2026-01-09T08:00:00Z"},
    "page_resumed": {"alert": "a", "key": "report:AMBER:x", "because": "put_off"},
    "patient_told": {"alert": "a", "key": "report:RED-3:x", "told": "go_to_ed", "because": "nobody_on", "packet": True},
    "alert_closed": {"alert": "a", "key": "report:RED-3:x", "because": "condition over"},
    "ed_packet_noted": {"packet": "a", "what": "sent", "because": "nobody", "channel": "email"},
}
assert SHELL.keys() == SHELL_KINDS


def wire(at: datetime) -> str:
    """An instant as a course file has it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def at_of(event: Document) -> datetime:
    """When an event of a document happened."""
    return datetime.fromisoformat(event["at"])


NO_CRS = {
    "fever_other": False,
    "episode_open": False,
    "masked": False,
    "premed_masking": False,
    "hypotension": False,
    "hypotension_other": False,
    "pressors": [],
    "hypoxia_other": False,
}
FULL_ICE = {
    "year": 1,
    "month": 1,
    "city": 1,
    "hospital": 1,
    "naming_0_3": 3,
    "command_0_1": 1,
    "writing_0_1": 1,
    "attention_0_1": 1,
}
NO_ICANS = {
    "loc": "alert",
    "loc_other": False,
    "seizure": "none",
    "motor": False,
    "edema": "none",
    "icp_signs": False,
    "ich": False,
}

FIRM = ("implausible",)
"""Payload keys that mark other values; they are no facts of their own."""


def payload(event: Document) -> Document:
    """The event's own facts, without the envelope."""
    own = {item.name.rstrip("_") for item in fields(KINDS[event["kind"]])}
    return {name: value for name, value in event.items() if name in own or name not in ENVELOPE}
