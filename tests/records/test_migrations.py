"""The migrations on PostgreSQL, whoever runs them: the role exists, does not exist, or cannot be made."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.postgres import Server, temporary_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def migrate(address: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "handrail.config.manage", *(words or ("migrate", "-v0"))],
        env={**os.environ, "HANDRAIL_DATABASE_URL": address, "HANDRAIL_MODE": "demo"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server on which nothing else runs: the role of the application belongs to the whole of it."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture
def plain_user(own_server: Server) -> str:
    """A user who owns a database and may not create roles, and the address of that database."""
    for sql in (
        "CREATE ROLE plain LOGIN PASSWORD 'plain'",
        "CREATE DATABASE plain OWNER plain",
    ):
        own_server.psql(sql)
    return own_server.url(user="plain", password="plain", database="plain")


def test_a_user_who_may_not_make_the_role_is_told_what_to_run(own_server: Server, plain_user: str):
    finished = migrate(plain_user)
    assert finished.returncode != 0
    assert "CREATE ROLE handrail_app NOLOGIN; GRANT handrail_app TO plain;" in finished.stderr

    own_server.psql("CREATE ROLE handrail_app NOLOGIN")
    own_server.psql("GRANT handrail_app TO plain")
    again = migrate(plain_user)
    assert again.returncode == 0, again.stderr
    assert migrate(plain_user).returncode == 0  # and once more changes nothing
    as_application = subprocess.run(
        [
            sys.executable,
            "-m",
            "handrail.config.manage",
            "check",
            "--database",
            "default",
            "--fail-level",
            "WARNING",
        ],
        env={
            **os.environ,
            "HANDRAIL_DATABASE_URL": plain_user,
            "HANDRAIL_DATABASE_ROLE": "handrail_app",
            "HANDRAIL_MODE": "demo",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert as_application.returncode == 0, as_application.stderr
