"""The migrations on PostgreSQL, whoever runs them: the role exists, does not exist, or cannot be made."""

import os
import subprocess
import sys

import pytest

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
def plain_user(postgres_server):
    """A user who owns a database and may not create roles, and the address of that database."""
    for sql in (
        "DROP DATABASE IF EXISTS plain",
        "DROP ROLE IF EXISTS plain",
        "CREATE ROLE plain LOGIN PASSWORD 'plain'",
        "CREATE DATABASE plain OWNER plain",
    ):
        postgres_server.psql(sql)
    return postgres_server.url(user="plain", password="plain", database="plain")


def app_role_exists(server) -> bool:
    return server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'handrail_app'") == "1"


def test_a_user_who_may_not_make_the_role_is_told_what_to_run(postgres_server, plain_user):
    existed = app_role_exists(postgres_server)
    if existed:
        postgres_server.psql("ALTER ROLE handrail_app RENAME TO handrail_app_aside")
    try:
        finished = migrate(plain_user)
        assert finished.returncode != 0
        assert "CREATE ROLE handrail_app NOLOGIN; GRANT handrail_app TO plain;" in finished.stderr

        postgres_server.psql("CREATE ROLE handrail_app NOLOGIN")
        postgres_server.psql("GRANT handrail_app TO plain")
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
    finally:
        postgres_server.psql("DROP DATABASE plain")
        postgres_server.psql("DROP ROLE handrail_app")
        if existed:
            postgres_server.psql("ALTER ROLE handrail_app_aside RENAME TO handrail_app")
