"""The root of the tests: which database they run on, and a PostgreSQL server for those that ask for one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import databases
from tests.support.postgres import PostgresUnavailable, Server, temporary_postgres


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    databases.configure(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    databases.hand_over(node)


def pytest_unconfigure(config: pytest.Config) -> None:
    databases.unconfigure(config)


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {databases.chosen()}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    databases.select(config, items)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A PostgreSQL server of this run's own: the one that the run is on, else a new one.

    Make a database for yourself with `postgres_server.new_database()`; it returns the address.
    """
    running = databases.running_server(pytestconfig)
    if running is not None:
        yield running
        return
    try:
        with temporary_postgres() as server:
            yield server
    except PostgresUnavailable as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def django_db_keepdb(
    pytestconfig: pytest.Config, django_db_createdb: bool, django_db_modify_db_settings: None, django_db_blocker: Any
) -> bool:
    """The test database begins as a copy of a migrated one, unless `--create-db` asks for migrations from nothing.

    It stands in a folder, or on a server, that is removed after the run.
    """
    from tests.support.database import copy_migrated

    with django_db_blocker.unblock():
        return not django_db_createdb and copy_migrated(databases.running_server(pytestconfig))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database, met as the application meets it: under its role, with every guard in place."""
    from tests.support.database import application_role

    with application_role():
        yield


@pytest.fixture
def time() -> Iterator[Any]:
    """The clock of the test: it stands at Monday, nine in the morning, until the test moves it."""
    from handrail import clock
    from tests.support.factories import MONDAY_0900

    with clock.use(clock.FrozenClock(MONDAY_0900)) as frozen:
        yield frozen


@pytest.fixture
def provider(settings: Any) -> Iterator[Any]:
    """A provider of text messages and calls that behaves like a real one, and Handrail's own address for its receipts."""
    from tests.support.reaching import BASE
    from tests.support.twilio import phone_provider

    with phone_provider() as server:
        settings.HANDRAIL_PHONE = server.settings
        settings.HANDRAIL_BASE_URL = BASE
        yield server


@pytest.fixture
def mail(settings: Any) -> Iterator[Any]:
    """A mail server, to which Handrail's mails go."""
    from tests.support.mail import mail_server, use_port

    with mail_server() as server:
        use_port(settings, server.port)
        yield server


@pytest.fixture(autouse=True)
def _somebody_watches(request: pytest.FixtureRequest) -> Iterator[None]:
    """The watcher of a `World` looks for as long as the test lasts, though its one sign of life is dated long after it.

    So do the people on its rota, unless the test closes their inbox.
    """
    if not databases.touches_database(request.node):
        yield
        return
    from django.utils import translation

    from tests.support.factories import with_its_watcher

    translation.deactivate()  # a page in Spanish leaves its language to the thread, which every request but no test sets anew
    with with_its_watcher():
        yield
