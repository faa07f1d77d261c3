"""Which database the tests run on: `HANDRAIL_TEST_DATABASE=sqlite` (the default) or `postgres`.

On SQLite every test runs except those marked `postgres`. On PostgreSQL only the tests that touch a database through Django,
and those marked `postgres`, run: the rest would only say the same thing twice. Browser journeys and drills run once, on SQLite;
a drill that must also hold on PostgreSQL asks for `postgres_server` and starts the programme on it.
"""

import os
import re
import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresUnavailable, Server, temporary_postgres

VARIABLE = "HANDRAIL_TEST_DATABASE"
CHOICES = ("sqlite", "postgres")
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "live_server"})
ONCE = ("browser", "drill")
# Folders whose tests need no Django. A run of these alone does without it and starts at once.
WITHOUT_DJANGO = frozenset({"rules", "protocols", "spec", "properties", "scenarios", "clock", "house"})

HANDED_OVER = "postgres_server"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_resources = pytest.StashKey[ExitStack]()
_server = pytest.StashKey[Server]()


def chosen() -> str:
    """The database of this run, `sqlite` or `postgres`."""
    name = os.environ.get(VARIABLE, "sqlite")
    if name not in CHOICES:
        raise pytest.UsageError(f"{VARIABLE} must be one of {', '.join(CHOICES)}, not {name!r}")
    return name


def needs_django(config: pytest.Config) -> bool:
    """Whether any path of the command line may hold tests that need Django."""
    tests = config.rootpath / "tests"
    for argument in config.args:
        path = (config.invocation_params.dir / argument.split("::")[0]).resolve()
        if not path.is_relative_to(tests) or not WITHOUT_DJANGO & set(path.relative_to(tests).parts[:1]):
            return True
    return False


def configure(config: pytest.Config) -> None:
    """Point the settings at a database of this run's own, before Django is set up."""
    resources = config.stash[_resources] = ExitStack()
    on = chosen()
    os.environ.pop("HANDRAIL_CLOCK", None)
    if not needs_django(config):
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        return
    if hasattr(config, "workerinput"):
        # With `-n 2` this process found the settings of the first one in its environment; each has databases of its own there.
        if HANDED_OVER in config.workerinput:
            config.stash[_server] = Server.from_words(config.workerinput[HANDED_OVER])
        return
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="handrail-tests-")))
    address = f"sqlite:///{folder / 'handrail.db'}"
    if on == "postgres" and not config.option.collectonly:
        try:
            server = config.stash[_server] = resources.enter_context(temporary_postgres())
        except PostgresUnavailable as error:
            raise pytest.UsageError(str(error)) from None
        # The transaction of a test may do without the database for as long as it likes.
        address = f"{server.url()}?options=-c%20idle_in_transaction_session_timeout%3D0"
    os.environ.update(
        DJANGO_SETTINGS_MODULE="handrail.config.settings",
        HANDRAIL_MODE="test",
        HANDRAIL_DATABASE_URL=address,
        HANDRAIL_SECRET_KEY=secrets.token_urlsafe(48),
    )

    from django.conf import settings

    _ = settings.DATABASES  # reads the settings; pytest-django sets Django up from here


def hand_over(node: Any) -> None:
    """Tell a process that runs tests for this one which server it is on."""
    server = running_server(node.config)
    if server is not None:
        node.workerinput[HANDED_OVER] = server.to_words()


def unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove what `configure` made."""
    if _resources in config.stash:
        config.stash[_resources].close()


def running_server(config: pytest.Config) -> Server | None:
    """The PostgreSQL server that this run is on, if it is on one."""
    return config.stash.get(_server, None)


def touches_database(item: pytest.Item) -> bool:
    """Whether a test reaches a database through Django."""
    return item.get_closest_marker("django_db") is not None or bool(
        DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    )


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that say something on the chosen database.

    Raises:
        UsageError: a test is named after an identifier. Most are made anew in each process, and two processes of one run
            then refuse to share their tests; alone, none of them notices.
    """
    for item in items:
        if IDENTIFIER.search(item.name):
            raise pytest.UsageError(f"{item.name}: name the case by `ids=`, not after an identifier")
    if chosen() == "sqlite":
        skip = pytest.mark.skip(reason=f"runs on PostgreSQL only: set {VARIABLE}=postgres")
        for item in items:
            if item.get_closest_marker("postgres"):
                item.add_marker(skip)
        return

    def wanted(item: pytest.Item) -> bool:
        if item.get_closest_marker("postgres"):
            return True
        return touches_database(item) and not any(item.get_closest_marker(name) for name in ONCE)

    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]
