"""Waking the watchers: what was committed a moment ago is looked at at once, not at the end of somebody's sleep.

On PostgreSQL a notification leaves with the commit, and not at all when the transaction is undone; on SQLite the watcher sees that the
file has changed. One that is lost costs the rest of a sleep, a quarter of a second at the most: the rows decide, never the call.
"""

from typing import Final

from django.db import connection

CHANNEL: Final = "handrail_due"


def wake() -> None:
    """Call the watchers when this transaction is committed."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
