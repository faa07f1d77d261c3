"""The addresses that stand in what leaves: written here and not looked up, so that the watcher need not load every page for them."""

from uuid import UUID

from django.conf import settings


def receipt_address(row_id: UUID) -> str:
    """Where a provider tells what became of a page or a dispatch."""
    return f"{settings.HANDRAIL_BASE_URL}/api/phone/receipts/{row_id}"


def key_address(page_id: UUID) -> str:
    """Where a provider tells which key was pressed in the call that read a page."""
    return f"{settings.HANDRAIL_BASE_URL}/api/phone/answers/{page_id}"


def answer_link(token: str) -> str:
    """The page that says "I have it"."""
    return f"{settings.HANDRAIL_BASE_URL}/a/{token}"


def checkin_link(token: str) -> str:
    """The check-in."""
    return f"{settings.HANDRAIL_BASE_URL}/c/{token}"


def emergency_link(key: str) -> str:
    """The emergency page behind a card."""
    return f"{settings.HANDRAIL_BASE_URL}/e/{key}"
