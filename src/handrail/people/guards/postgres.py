"""The guards on PostgreSQL: composite foreign keys, triggers, grants and row-level security.

Two settings of a transaction tell the policies who asks (`handrail.people.scope` sets them):

- `handrail.organisation`: the ids of the organisations, comma separated; `*` for the watcher and maintenance; nothing: no rows;
- `handrail.now`: the instant by the programme's clock, for grants with dates; nothing: the server's clock.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction

if TYPE_CHECKING:
    from handrail.people.guards import Table

ROLE = "handrail_app"

FUNCTIONS = """
CREATE OR REPLACE FUNCTION handrail_sees(owner uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE current_setting('handrail.organisation', true)
        WHEN '*' THEN true
        WHEN '' THEN false
        ELSE owner = ANY (string_to_array(current_setting('handrail.organisation', true), ',')::uuid[])
    END
$$;

CREATE OR REPLACE FUNCTION handrail_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(NULLIF(current_setting('handrail.now', true), '')::timestamptz, now())
$$;

CREATE OR REPLACE FUNCTION handrail_reaches_course(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM records_courseaccess a
        WHERE a.course_id = wanted AND handrail_sees(a.to_organisation_id) AND a.revoked_at IS NULL
          AND a.valid_from <= handrail_now() AND (a.valid_until IS NULL OR a.valid_until > handrail_now()))
$$;

CREATE OR REPLACE FUNCTION handrail_reaches_patient(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM records_course c WHERE c.patient_id = wanted AND handrail_reaches_course(c.id))
$$;

CREATE OR REPLACE FUNCTION handrail_reaches_agreement(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM people_agreement a WHERE a.id = wanted AND handrail_sees(a.partner_id))
$$;

CREATE OR REPLACE FUNCTION handrail_reaches_site(wanted uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM people_site s
        JOIN people_agreement a ON a.partner_id IS NOT NULL AND s.organisation_id IN (a.organisation_id, a.partner_id)
        WHERE s.id = wanted AND (handrail_sees(a.organisation_id) OR handrail_sees(a.partner_id))
          AND EXISTS (SELECT 1 FROM people_agreementstep t WHERE t.agreement_id = a.id AND t.what = 'activated')
          AND NOT EXISTS (SELECT 1 FROM people_agreementstep t WHERE t.agreement_id = a.id AND t.what = 'ended'))
$$;

CREATE OR REPLACE FUNCTION handrail_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
"""


def _short(name: str) -> str:
    """PostgreSQL cuts names at 63 bytes; a cut name keeps a hash so that it stays its own."""
    return name if len(name) <= 60 else f"{name[:51]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _constraints(tables: "Sequence[Table]") -> Iterator[tuple[str, str]]:
    for table in tables:
        for parent in table.parents:
            name = _short(f"guard_{table.name}_{parent.column}")
            yield (
                name,
                f"""ALTER TABLE {table.name} ADD CONSTRAINT {name} FOREIGN KEY (organisation_id, {parent.column})
                REFERENCES {parent.table} (organisation_id, id)""",
            )


def _triggers(tables: "Sequence[Table]") -> Iterator[tuple[str, str]]:
    for table in tables:
        if table.append_only:
            name = _short(f"guard_{table.name}_append_only")
            yield (
                name,
                f"""CREATE TRIGGER {name} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name}
                FOR EACH STATEMENT EXECUTE FUNCTION handrail_append_only()""",
            )


def _policies(tables: "Sequence[Table]") -> Iterator[tuple[str, str]]:
    for table in tables:
        if not table.clinical:
            continue
        sees = "handrail_sees(organisation_id)"
        if table.reach:
            sees += f" OR handrail_reaches_{table.reach}({table.reach_column})"
        if table.name == "records_courseaccess":
            sees += " OR handrail_sees(to_organisation_id)"
        name = _short(f"guard_{table.name}_own")
        yield (
            name,
            f"""ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY {name} ON {table.name} USING ({sees}) WITH CHECK ({sees})""",
        )


_PRESENT = """
SELECT conname FROM pg_constraint WHERE conname LIKE 'guard\\_%%'
UNION SELECT tgname FROM pg_trigger WHERE tgname LIKE 'guard\\_%%'
UNION SELECT policyname FROM pg_policies WHERE policyname LIKE 'guard\\_%%'
"""


def _present(connection: Any) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT.replace("%%", "%"))
        return {row[0] for row in cursor.fetchall()}


def install(connection: Any, tables: "Sequence[Table]") -> None:
    """Create what is missing, and grant the application's role what it needs and no more.

    Raises:
        ImproperlyConfigured: the role does not exist and this user may not create it; the sentence says what to run.
    """
    present = _present(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        _make_role(connection)
        cursor.execute(FUNCTIONS)
        for name, sql in (*_constraints(tables), *_triggers(tables), *_policies(tables)):
            if name not in present:
                cursor.execute(sql)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {ROLE}")
        for table in tables:
            if table.append_only:
                cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table.name} FROM {ROLE}")


def _make_role(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone():
            return
        cursor.execute("SELECT current_user")
        user = cursor.fetchone()[0]
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute(f"CREATE ROLE {ROLE} NOLOGIN")
        except DatabaseError:
            raise ImproperlyConfigured(
                f"The role {ROLE} does not exist, and {user} may not create it. As a database administrator run: "
                f"CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO {user}; then migrate again."
            ) from None
        cursor.execute(f"GRANT {ROLE} TO CURRENT_USER")


def missing(connection: Any, tables: "Sequence[Table]") -> list[str]:
    """Constraints, triggers and policies that do not stand."""
    present = _present(connection)
    wanted = [name for name, _ in (*_constraints(tables), *_triggers(tables), *_policies(tables))]
    return [name for name in wanted if name not in present]


def rows_are_guarded(connection: Any) -> bool:
    """Whether row-level security holds for whom this connection acts as: not for the owner, not for a superuser."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_security_active('records_event')")
        return bool(cursor.fetchone()[0])
