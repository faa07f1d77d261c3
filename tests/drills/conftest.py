"""What the drills share: databases in which a story was told, and a mail server."""

from collections.abc import Iterator

import pytest

from tests.support.installation import Prepared
from tests.support.mail import MailServer, mail_server


@pytest.fixture(scope="session")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Databases with a story, each told once; PostgreSQL is started by the first drill that asks for it."""
    return Prepared(tmp_path_factory.mktemp("prepared"), lambda: request.getfixturevalue("postgres_server"))


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server
