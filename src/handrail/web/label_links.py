"""Where a row of the label data stands on its page: the address that `why` leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse

from handrail.rules.policy_book import shipped_policies
from handrail.rules.protocol import load
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import UnusableInput


def row_address(key: str, row_id: str | None) -> str | None:
    """The address of a row; None for a revision or a row that this installation does not have."""
    if row_id is None:
        return None
    try:
        protocol = load(key)
        protocol.row(row_id)
    except (UnusableInput, ProtocolDataError):
        return None
    return f"{reverse('protocol', args=[protocol.key])}#{row_anchor(row_id)}"


def policy_address(policy: Mapping[str, Any], row_id: str | None, course_id: UUID | None = None) -> str | None:
    """The address of a row of the policy of an answer: of a shipped one on its page, of any other on that of the course."""
    if row_id is None or not any(row_id == row.id for _, rows in shipped_policies().values() for row in rows):
        return None  # an organisation's own policy has the rows of the shipped one that it was made from
    shipped, _ = shipped_policies().get(policy["id"], (None, ()))
    if shipped is not None and shipped.ref.sha256 == policy["sha256"]:
        return f"{reverse('policy', args=[policy['id']])}#{row_anchor(row_id)}"
    return f"{reverse('course_policy', args=[course_id])}#{row_anchor(row_id)}" if course_id is not None else None


def finding_address(answer: Mapping[str, Any], finding: Mapping[str, Any], course_id: UUID | None = None) -> str | None:
    """The row that a finding rests on: of the label data, or of the policy."""
    row_id = (finding["source"] or {}).get("row")
    return row_address(answer["protocol_key"], row_id) or policy_address(answer["policy"], row_id, course_id)


def row_anchor(row_id: str) -> str:
    """The anchor of a row on its page."""
    return f"row-{row_id}"
