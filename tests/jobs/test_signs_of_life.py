"""Is anybody watching: the heartbeat that pages show, the ping to somebody outside, `watch --check`, and a database that is away."""

import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection

from handrail import clock
from handrail.actions.answering import acknowledge
from handrail.actions.facts import receive_checkin
from handrail.alerts import heartbeat
from handrail.alerts.models import Alert, Heartbeat, Page
from handrail.jobs import watcher as watcher_module
from handrail.jobs.watcher import LEASE_SECONDS, LONGEST_SLEEP, Watcher
from tests.support.factories import MONDAY_0900, World, checkin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alert(time) -> Alert:
    """A fever of Monday 9:00, due to be paged at once."""
    world = World(watched=False)
    sent = checkin(at=MONDAY_0900, temperature_c="38.9")
    receive_checkin(world.course.pk, sent, by=world.actor("alice"), now=MONDAY_0900)
    found = Alert.objects.get()
    found.nurse = world.actor("alice")
    return found


# --- the heartbeat --------------------------------------------------------------------------------------------------------


def test_before_any_watcher_nobody_is_watching(time):
    assert heartbeat.status(MONDAY_0900) == heartbeat.WatcherStatus(watching=False, looked_at=None, behind=0)


def test_a_turn_is_a_sign_of_life_for_thirty_seconds(time):
    Watcher().turn()
    for seconds, watching in ((0, True), (30, True), (30.001, False)):
        found = heartbeat.status(MONDAY_0900 + timedelta(seconds=seconds))
        assert (found.watching, found.looked_at, found.behind) == (watching, MONDAY_0900, 0)


def test_on_a_fast_clock_thirty_seconds_are_those_of_a_person(time):
    Watcher().turn()
    with clock.use(clock.FastClock(60, MONDAY_0900, clock.SystemClock().now())):
        assert heartbeat.status(MONDAY_0900 + timedelta(minutes=30)).watching
        assert not heartbeat.status(MONDAY_0900 + timedelta(minutes=30, seconds=1)).watching


def test_one_watcher_that_lives_is_enough(time):
    Watcher().turn()
    time.advance(minutes=5)
    Watcher().turn()
    assert Heartbeat.objects.count() == 2
    assert heartbeat.status(time.now()).watching


def test_what_nobody_looked_at_is_counted(alert, time):
    assert heartbeat.behind(MONDAY_0900 + timedelta(seconds=4.9)) == 0
    assert heartbeat.behind(MONDAY_0900 + timedelta(seconds=5)) == 1
    acknowledge(alert.pk, by=alert.nurse, now=MONDAY_0900)
    assert heartbeat.behind(MONDAY_0900 + timedelta(seconds=5)) == 0


# --- the ping outside -----------------------------------------------------------------------------------------------------


@contextmanager
def outside(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server of this machine: its address, and the requests that reached it."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/alive", reached


@contextmanager
def served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_outside_is_told_once_in_a_while(time, monkeypatch):
    with outside() as (address, reached):
        monkeypatch.setenv("HANDRAIL_HEARTBEAT_URL", address)
        watcher = Watcher()
        watcher.turn()
        watcher.turn()
        assert reached == ["/alive"]
        monkeypatch.setattr(watcher_module, "PING_SECONDS", 0)
        monkeypatch.setattr(watcher_module, "BEAT_SECONDS", 0)
        watcher.turn()
        assert reached == ["/alive"] * 2


def test_the_outside_is_told_nothing_while_something_is_late(alert, time, monkeypatch):
    """Another watcher holds the alert and has sent nothing: whoever waits for the ping outside must hear of it."""
    time.advance(seconds=4)
    Watcher()._claim_alert()
    time.advance(seconds=LEASE_SECONDS - 1)
    with outside() as (address, reached):
        monkeypatch.setenv("HANDRAIL_HEARTBEAT_URL", address)
        Watcher().turn()
        assert heartbeat.status(time.now()).behind == 1
        assert reached == []
        time.advance(seconds=10)
        Watcher().turn()
        assert heartbeat.status(time.now()).behind == 0
        assert reached == ["/alive"]


def test_no_address_no_ping(time, monkeypatch):
    monkeypatch.delenv("HANDRAIL_HEARTBEAT_URL", raising=False)
    Watcher().turn()
    assert heartbeat.status(time.now()).watching


class Babbler(socketserver.BaseRequestHandler):
    """Answers with something that is not HTTP."""

    def handle(self) -> None:
        self.request.recv(4096)
        self.request.sendall(b"what?\r\n\r\n")


@pytest.mark.parametrize("trouble", ["refused", "error 500", "not http", "not an address", "file:///etc/hostname"])
def test_whatever_is_wrong_outside_the_watcher_goes_on(alert, time, monkeypatch, trouble):
    with outside(500) as (broken, _), served(socketserver.TCPServer(("127.0.0.1", 0), Babbler)) as port:
        monkeypatch.setenv(
            "HANDRAIL_HEARTBEAT_URL",
            {
                "refused": "http://127.0.0.1:1/",
                "error 500": broken,
                "not http": f"http://127.0.0.1:{port}/",
                "not an address": "http://no such host/",
            }.get(trouble, trouble),
        )
        Watcher().turn()
    assert Page.objects.filter(alert=alert, channel="on_screen").count() == 1
    assert heartbeat.status(time.now()).watching


# --- handrail watch -------------------------------------------------------------------------------------------------------


def test_check_says_whether_somebody_watches_and_keeps_up(alert, time, capsys):
    assert watcher_module.main(["--check"]) == 1
    assert "NOBODY IS WATCHING; last look never" in capsys.readouterr().out
    assert watcher_module.main(["--once"]) == 0
    assert Page.objects.filter(alert=alert, channel="on_screen").count() == 1
    assert watcher_module.main(["--check"]) == 0
    assert "watching; last look 2026-03-02 15:00:00 UTC; 0 late" in capsys.readouterr().out
    Heartbeat.objects.update(due_behind=2)
    assert watcher_module.main(["--check"]) == 1
    assert "2 late" in capsys.readouterr().out
    Heartbeat.objects.update(due_behind=0)
    time.advance(seconds=31)
    assert watcher_module.main(["--check"]) == 1


# --- a database that is away ----------------------------------------------------------------------------------------------


def test_a_locked_database_is_waited_for(alert, time, caplog):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no lock of the whole database; see the two tests below and the drill")
    connection.settings_dict["OPTIONS"]["timeout"], patience = 0.05, connection.settings_dict["OPTIONS"]["timeout"]
    connection.close()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        watcher = Watcher()
        assert [watcher.turn(), watcher.turn()] == [LONGEST_SLEEP] * 2
        assert caplog.text.count("does not answer") == 1, "said once, not at every look"
        other.execute("ROLLBACK")
        watcher.turn()
    finally:
        other.close()
        connection.settings_dict["OPTIONS"]["timeout"] = patience
        connection.close()
    assert Page.objects.filter(alert=alert, channel="on_screen").count() == 1


@pytest.mark.postgres
def test_a_connection_that_is_cut_is_made_again(alert, time):
    watcher = Watcher()
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT pg_backend_pid()")
        process = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    other.close()
    for _ in range(2):
        watcher.turn()
    assert Page.objects.filter(alert=alert, channel="on_screen").count() == 1


@pytest.mark.postgres
def test_a_server_that_only_reads_for_a_while_is_waited_for(alert, time):
    """After a fail-over the old server takes no writes: that is no reason to stop watching."""
    watcher = Watcher()
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert watcher.turn() == LONGEST_SLEEP
    watcher.turn()
    assert Page.objects.filter(alert=alert, channel="on_screen").count() == 1
