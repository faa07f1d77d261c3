"""Start-up checks, each with an id and a hint. In live mode an error keeps Handrail from starting."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import OperationalError

from handrail.config.environment import DEMO_FIELD_KEY, DEMO_SECRET


@checks.register(checks.Tags.security)
def secrets_are_secret(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Keys exist, can be read, and are not those of the demonstration."""
    found: list[checks.CheckMessage] = []
    for key in settings.HANDRAIL_FIELD_KEYS:
        try:
            Fernet(key)
        except (ValueError, TypeError):
            found.append(
                checks.Error(
                    "A key in HANDRAIL_FIELD_KEYS is not a Fernet key.",
                    hint="Make one with `handrail new-key`.",
                    id="handrail.E001",
                )
            )
    if settings.HANDRAIL_MODE != "live":
        return found
    if settings.SECRET_KEY == DEMO_SECRET:
        found.append(checks.Error("The secret key is public.", hint="Set HANDRAIL_SECRET_KEY.", id="handrail.E002"))
    if DEMO_FIELD_KEY in settings.HANDRAIL_FIELD_KEYS:
        found.append(checks.Error("The field key is public.", hint="Set HANDRAIL_FIELD_KEYS.", id="handrail.E003"))
    if settings.DEBUG:
        found.append(checks.Error("DEBUG is on.", hint="Unset HANDRAIL_DEBUG.", id="handrail.E004"))
    if not settings.SESSION_COOKIE_SECURE:
        found.append(
            checks.Error(
                "Pages would travel unencrypted.",
                hint="Set HANDRAIL_BASE_URL to the https:// address that people use.",
                id="handrail.E005",
            )
        )
    return found


@checks.register(checks.Tags.compatibility)
def pages_can_leave(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Without a mail server only the screen calls people."""
    if settings.HANDRAIL_MODE == "live" and not settings.HANDRAIL_EMAIL_CONFIGURED:
        return [
            checks.Warning(
                "No mail server: pages appear on screens only.", hint="Set HANDRAIL_EMAIL_URL.", id="handrail.W001"
            )
        ]
    return []


@checks.register(checks.Tags.database)
def database_guards_stand(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> list[checks.CheckMessage]:
    """Triggers, foreign keys and policies are in place, and row-level security holds for this connection.

    Warnings, because an error would also stop the migration that puts things right; live mode does not start on them.
    """
    if not databases or "default" not in databases:
        return []
    from handrail.people import guards
    from handrail.people.guards import postgres

    try:
        if "records_event" not in connection.introspection.table_names():
            return []  # before the first migration there is nothing to guard
        lacking = guards.missing()
        open_rows = connection.vendor == "postgresql" and not postgres.rows_are_guarded(connection)
    except OperationalError:
        return []  # a database that is away has its own message
    found: list[checks.CheckMessage] = []
    if lacking:
        found.append(
            checks.Warning(
                f"The database lacks {len(lacking)} guards, the first is {lacking[0]}.",
                hint="Run `handrail migrate`.",
                id="handrail.W010",
            )
        )
    if open_rows:
        found.append(
            checks.Warning(
                "Row-level security does not hold for this database user.",
                hint="Set HANDRAIL_DATABASE_ROLE=handrail_app, or connect as a user that owns no table.",
                id="handrail.W011",
            )
        )
    return found


def refuse_unsafe_start() -> None:
    """In live mode, an error of security or any trouble with the guards of the database stops the start.

    Raises:
        ImproperlyConfigured: the first of them, with its id and its hint.
    """
    if settings.HANDRAIL_MODE != "live":
        return
    errors = [each for each in checks.run_checks(tags=[checks.Tags.security]) if each.is_serious()]
    for message in (*errors, *database_guards_stand(None, databases=["default"])):
        if message.id and message.id.startswith("handrail."):
            raise ImproperlyConfigured(f"{message.id}: {message.msg} {message.hint}")
