"""Who holds a row: a watcher for a while, by its lease; anybody within a transaction, by its lock."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from django.db import connection
from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)


def free(now: datetime) -> Q:
    """Rows that no watcher holds, or whose lease has ended."""
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


def skip_locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Lock the row that is taken and pass over rows that others hold (PostgreSQL); SQLite has one writer anyway."""
    return (
        rows.select_for_update(of=("self",), skip_locked=True)
        if connection.features.has_select_for_update_skip_locked
        else rows
    )
