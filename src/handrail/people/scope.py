"""Whose rows the database shows: set for a transaction, or for a request, on PostgreSQL; nothing to set on SQLite.

Row-level security is the second net: queries are scoped anyway, and `may` is asked. It catches the query that forgot.

    with acting_for(organisation.id): ...       # rows of these organisations, and courses they have access to
    with everything(): ...                      # the watcher, look-up of a link, maintenance

`OrganisationScope` (middleware) does it for signed-in people. Behind a pooler that hands a connection to another client after
each transaction, use its session mode.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

from handrail import clock

EVERYTHING = "*"


@contextmanager
def acting_for(*organisation_ids: UUID | str, using: str = "default") -> Iterator[None]:
    """Show the rows that these organisations own or reach, until the block ends."""
    with _scope(",".join(sorted(str(each) for each in organisation_ids)), using):
        yield


@contextmanager
def everything(*, using: str = "default") -> Iterator[None]:
    """Show all rows until the block ends."""
    with _scope(EVERYTHING, using):
        yield


def set_for_connection(organisation_ids: Iterable[UUID | str] | None, *, using: str = "default") -> None:
    """Set the scope of the connection until it is set again; None: no rows at all."""
    if connections[using].vendor == "postgresql":
        _set(",".join(sorted(str(each) for each in organisation_ids or ())), using)


@contextmanager
def _scope(value: str, using: str) -> Iterator[None]:
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('handrail.organisation', true)")
        before = cursor.fetchone()[0] or ""
    _set(value, using)
    try:
        yield
    except BaseException:
        # In a failed transaction nothing can be set, and its end takes back what was set in it.
        if connection.connection is not None and not connection.needs_rollback and connection.is_usable():
            _set(before, using)
        raise
    else:
        _set(before, using)


def _set(value: str, using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('handrail.organisation', %s, false), set_config('handrail.now', %s, false)",
            [value, clock.now().isoformat()],
        )
