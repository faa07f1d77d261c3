"""Whose rows the database shows: set for a transaction, or for a request, on PostgreSQL; nothing to set on SQLite.

Row-level security is the second net: queries are scoped anyway, and `may` is asked. It catches the query that forgot.

    with acting_for(organisation.id): ...       # rows of these organisations, and courses they have access to
    with everything(): ...                      # look-up of a link, maintenance
    see_everything_by_default()                 # a process that serves nobody in person: the watcher, an import

`OrganisationScope` (middleware) does it for signed-in people. Behind a pooler that hands a connection to another client after
each transaction, use its session mode.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import connections
from django.db.backends.signals import connection_created

from handrail import clock

EVERYTHING: Final = "*"
_NOTHING: Final = ""

_default = _NOTHING


@contextmanager
def acting_for(*organisation_ids: UUID | str, using: str = "default") -> Iterator[None]:
    """Show the rows that these organisations own or reach, until the block ends."""
    with _scope(_text(organisation_ids), using):
        yield


@contextmanager
def everything(*, using: str = "default") -> Iterator[None]:
    """Show all rows until the block ends."""
    with _scope(EVERYTHING, using):
        yield


def see_everything_by_default() -> None:
    """From now on this process sees all rows unless it is told otherwise: for the watcher, imports and nightly jobs."""
    global _default  # noqa: PLW0603
    _default = EVERYTHING
    for connection in connections.all(initialized_only=True):
        if connection.vendor == "postgresql" and connection.connection is not None:
            _set(connection, EVERYTHING)


def _text(organisation_ids: Iterable[UUID | str]) -> str:
    return ",".join(sorted(str(each) for each in organisation_ids))


def _current(connection: Any) -> str:
    return str(connection.__dict__.get("handrail_scope", _default))


@contextmanager
def _scope(value: str, using: str) -> Iterator[None]:
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    before = _current(connection)
    if value == before == EVERYTHING:  # no date narrows it: there is nothing to tell the server twice
        yield
        return
    _set(connection, value)
    try:
        yield
    except BaseException:
        connection.__dict__["handrail_scope"] = before
        # In a failed transaction nothing can be set, and its end takes back what was set in it.
        if connection.connection is not None and not connection.needs_rollback and connection.is_usable():
            _set(connection, before)
        raise
    else:
        _set(connection, before)


def _set(connection: Any, value: str) -> None:
    connection.__dict__["handrail_scope"] = value
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('handrail.organisation', %s, false), set_config('handrail.now', %s, false)",
            [value, clock.now().isoformat()],
        )


def _set_on_new_connection(connection: Any, **kwargs: Any) -> None:  # noqa: ARG001
    """A connection that was lost and made again shows what it showed before."""
    if connection.vendor == "postgresql" and _current(connection) != _NOTHING:
        _set(connection, _current(connection))


connection_created.connect(_set_on_new_connection, dispatch_uid="handrail.scope")
