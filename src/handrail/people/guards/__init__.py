"""What the database itself refuses, on both databases, for every table that has an owning organisation.

- A child whose organisation differs from its parent's (triggers on SQLite, composite foreign keys on PostgreSQL).
- UPDATE, DELETE and TRUNCATE of append-only rows (triggers; on PostgreSQL also missing grants).
- Rows of other organisations, for the application's role on PostgreSQL (row-level security).

The guards follow from what the models say about themselves (`handrail.people.owned`) and are put in place after every
migration: a table that a later release adds is guarded without a word. SQLite cannot rebuild a table that a trigger of another
one reads, so there they step aside for a migration and stand again after it. `missing` says what is not in place; a start-up check asks it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import ForeignKey

from handrail.people.guards import postgres, sqlite
from handrail.people.owned import OwnedModel, Reach


@dataclass(frozen=True, slots=True)
class Parent:
    """A foreign key to another owned table."""

    column: str
    table: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table to guard."""

    name: str
    parents: tuple[Parent, ...]
    append_only: bool
    clinical: bool
    reach: Reach
    reach_column: str


def tables() -> Iterator[Table]:
    """Every table with an owning organisation, as its model describes it."""
    for model in apps.get_models():
        if issubclass(model, OwnedModel):
            yield _describe(model)


def _describe(model: type[OwnedModel]) -> Table:
    parents = [
        Parent(field.column, field.related_model._meta.db_table)
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey) and issubclass(field.related_model, OwnedModel)
    ]
    reach = model.reached_through
    names = {field.column for field in model._meta.local_fields}
    # A course leads to itself, and so does a patient; everything else has a column that says which.
    column = f"{reach}_id" if f"{reach}_id" in names else "id"
    return Table(
        name=model._meta.db_table,
        parents=tuple(parents),
        append_only=model.append_only,
        clinical=model.clinical,
        reach=model.reached_through,
        reach_column=column,
    )


def install(using: str = "default") -> None:
    """Put every guard in place; those that stand already are left alone."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        sqlite.install(connection, list(tables()))
    elif connection.vendor == "postgresql":
        postgres.install(connection, list(tables()))


def missing(using: str = "default") -> list[str]:
    """The names of guards that the database lacks."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        return sqlite.missing(connection, list(tables()))
    if connection.vendor == "postgresql":
        return postgres.missing(connection, list(tables()))
    return []


def drop_before_migrate(using: str, plan: Any = (), **kwargs: Any) -> None:  # noqa: ARG001
    """Signal handler: on SQLite the guards step aside while tables are rebuilt, and stand again after the migration."""
    connection = connections[using]
    if plan and connection.vendor == "sqlite":
        sqlite.drop(connection)


def install_after_migrate(using: str, plan: Any = (), **kwargs: Any) -> None:  # noqa: ARG001
    """Signal handler: guards stand once every table exists (a migration to an earlier state may lack some)."""
    existing = set(connections[using].introspection.table_names())
    if all(table.name in existing for table in tables()):
        install(using)
