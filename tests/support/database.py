"""The database of the tests as the programme meets it: under the application's role on PostgreSQL, and emptied in spite of its guards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django.test import TransactionTestCase

from handrail.people import scope
from tests.support.postgres import Server
from tests.support.templates import TemplateNotMade, Templates

ROLE = "handrail_app"


def copy_migrated(server: Server | None, using: str = "default") -> bool:
    """Put a migrated database where Django will look for the test database.

    Returns:
        Whether it stands there. Where the migrations fail there is none; Django then migrates from nothing, and says why it cannot.
    """
    creation = connections[using].creation
    name = creation._get_test_db_name()
    try:
        if server is None:
            Templates().sqlite(Path(name))
        else:
            Templates().postgres(server, name)
    except TemplateNotMade:
        return False
    return True


@contextmanager
def application_role(using: str = "default") -> Iterator[None]:
    """Every connection takes on the application's role, and Django's flush gives way to `empty_tables`.

    The test itself, which serves nobody in person, sees every row; requests and verbs are shown what their actor may see.
    """
    connections[using].close()
    scope.see_everything_by_default()
    TransactionTestCase._fixture_teardown = flush_instead_of_django
    options = connections[using].settings_dict["OPTIONS"]
    if connections[using].vendor == "postgresql":
        options["assume_role"] = ROLE
    yield
    options.pop("assume_role", None)
    connections[using].close()


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the owner of the tables for a while (PostgreSQL); what a test sets up by hand is not under test."""
    if connection.vendor != "postgresql":
        yield
        return
    connection.check_constraints()  # what is still to be checked would stand in the way of DDL
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {ROLE}")


def learn_statistics() -> None:
    """Let the server count its tables, as it does by itself once rows are committed (PostgreSQL).

    A test commits nothing: where the server last counted the remains of other tests, it takes tables of thousands of rows for empty, and
    a question that takes milliseconds takes minutes.
    """
    if connection.vendor == "postgresql":
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def empty_tables(tables: list[str]) -> None:
    """Delete every row of these tables, the append-only ones included."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = ", ".join(f'"{name}"' for name in tables)
            cursor.execute("RESET ROLE")
            cursor.execute("SET session_replication_role = replica")  # triggers and foreign keys look away
            cursor.execute(f"TRUNCATE {names} CASCADE")
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute(f"SET ROLE {ROLE}")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        cursor.execute("PRAGMA foreign_keys = OFF")
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        for table in tables:
            cursor.execute(f'DELETE FROM "{table}"')
        for _, sql in triggers:
            cursor.execute(sql)
        cursor.execute("PRAGMA foreign_keys = ON")


def flush_instead_of_django(test_case: Any) -> None:
    """Django's own flush stops at the guards; this takes its place at the end of a test with real transactions."""
    del test_case
    keep = {"django_migrations"}
    empty_tables([name for name in connection.introspection.table_names() if name not in keep])
