"""The guards as SQLite's triggers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.people.guards import Table


def _triggers(tables: "Sequence[Table]") -> Iterator[tuple[str, str]]:
    """Name and SQL of every trigger. Table and column names come from the models, never from a user."""
    for table in tables:
        for parent in table.parents:
            for moment, only in (("INSERT", ""), ("UPDATE", f" OF organisation_id, {parent.column}")):
                name = f"guard_{table.name}_{parent.column}_{moment.lower()}"
                yield (
                    name,
                    f"""CREATE TRIGGER {name} BEFORE {moment}{only} ON {table.name}
                    WHEN NEW.{parent.column} IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM {parent.table}
                        WHERE id = NEW.{parent.column} AND organisation_id = NEW.organisation_id)
                    BEGIN SELECT RAISE(ABORT, 'organisation differs: {table.name}.{parent.column}'); END""",  # noqa: S608
                )
        if table.append_only:
            for moment in ("UPDATE", "DELETE"):
                name = f"guard_{table.name}_no_{moment.lower()}"
                yield (
                    name,
                    f"""CREATE TRIGGER {name} BEFORE {moment} ON {table.name}
                    BEGIN SELECT RAISE(ABORT, 'append-only: {table.name} refuses {moment}'); END""",
                )


def _present(connection: Any) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard|_%' ESCAPE '|'")
        return dict(cursor.fetchall())


def install(connection: Any, tables: "Sequence[Table]") -> None:
    """Create the triggers that are missing or were written differently."""
    present = _present(connection)
    with connection.cursor() as cursor:
        for name, sql in _triggers(tables):
            if present.get(name) != sql:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(sql)


def drop(connection: Any) -> None:
    """Take every trigger away: SQLite cannot rebuild a table that a trigger of another one reads."""
    with connection.cursor() as cursor:
        for name in _present(connection):
            cursor.execute(f"DROP TRIGGER {name}")


def missing(connection: Any, tables: "Sequence[Table]") -> list[str]:
    """Triggers that do not stand as they should."""
    present = _present(connection)
    return [name for name, sql in _triggers(tables) if present.get(name) != sql]
