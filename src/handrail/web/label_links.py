"""Where a row of the label data stands on its page: the address that `why` leads to."""

from __future__ import annotations

from django.urls import reverse

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


def row_anchor(row_id: str) -> str:
    """The anchor of a row on its page."""
    return f"row-{row_id}"
