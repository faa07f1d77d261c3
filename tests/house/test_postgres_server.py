"""The tests' own PostgreSQL server is separate, obeys its parameters and leaves nothing behind."""

import socket

import pytest

from tests.support import databases, postgres
from tests.support.postgres import PostgresUnavailable, Server, temporary_postgres

pytestmark = pytest.mark.postgres


def test_each_new_database_is_empty_and_its_own(postgres_server: Server):
    first, second = (postgres_server.new_database().rsplit("/", 1)[1] for _ in range(2))
    postgres_server.psql("CREATE TABLE course (id int)", database=first)
    count = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'course'"
    assert postgres_server.psql(count, database=first) == "1"
    assert postgres_server.psql(count, database=second) == "0"


def test_what_the_server_refuses_is_an_error(postgres_server: Server):
    with pytest.raises(RuntimeError, match="syntax error"):
        postgres_server.psql("SELEKT 1")


def test_a_wrong_password_is_refused(postgres_server: Server):
    wrong = Server(
        postgres_server.port,
        postgres_server.socket_folder,
        postgres_server.data_folder,
        postgres_server.programs,
        "wrong",
    )
    with pytest.raises(RuntimeError, match="password authentication failed"):
        wrong.psql("SELECT 1")


@pytest.mark.parametrize("fsync", [True, False])
def test_a_server_is_gone_afterwards(fsync: bool):
    with temporary_postgres(fsync=fsync) as server:
        expected = "on" if fsync else "off"
        assert server.psql("SHOW fsync") == expected
        assert server.psql("SHOW timezone") == "UTC"
        folder, port = server.socket_folder, server.port
        assert folder.exists()
    assert not folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_is_gone_after_an_error():
    with pytest.raises(ZeroDivisionError), temporary_postgres() as server:
        raise ZeroDivisionError
    assert not server.socket_folder.exists()


def test_a_machine_without_a_server_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "server_programs", lambda: None)
    with pytest.raises(PostgresUnavailable, match="install the package postgresql"), temporary_postgres():
        pytest.fail("it started")


def test_this_run_is_on_postgres():
    assert databases.chosen() == "postgres"
