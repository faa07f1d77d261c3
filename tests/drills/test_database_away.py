"""PostgreSQL goes away and comes back while the watcher runs: the watcher goes on by itself, and everybody is told."""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.installation import Prepared, wait_until
from tests.support.postgres import Server, temporary_postgres

pytestmark = pytest.mark.drill
RESTARTED: list[subprocess.Popen[bytes]] = []
"""Servers that were started again; the fixture waits for their end."""


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that no other test needs."""
    with temporary_postgres() as server:
        yield server
    for process in RESTARTED:
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def own(own_server, tmp_path_factory) -> Prepared:
    """Databases with a story on that server."""
    return Prepared(tmp_path_factory.mktemp("prepared"), lambda: own_server)


@contextlib.contextmanager
def away(server: Server, how: signal.Signals) -> Iterator[None]:
    """Stop the server (SIGINT: fast, SIGQUIT: at once, as in a crash), and start it again at the end, as it was started."""
    command = shlex.split((server.data_folder / "postmaster.opts").read_text())
    pid_file = server.data_folder / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), how)
    wait_until(lambda: not answers(server), "the server is gone")
    wait_until(lambda: how == signal.SIGQUIT or not pid_file.exists(), "the server has ended")
    try:
        yield
    finally:
        as_server = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        wait_until(lambda: not running(server), "the server has ended")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        RESTARTED.append(
            subprocess.Popen([*as_server, *command], cwd=server.socket_folder, start_new_session=True, **quiet)
        )
        wait_until(lambda: answers(server), "the server is back", seconds=30)


def answers(server: Server) -> bool:
    try:
        return server.psql("SELECT 1", database="postgres") == "1"
    except RuntimeError:
        return False


def running(server: Server) -> bool:
    try:
        os.kill(int((server.data_folder / "postmaster.pid").read_text().split()[0]), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_database_that_is_away_is_waited_for(own, own_server, mail, tmp_path, how):
    with own.installation("postgres", tmp_path, "quiet", mail=mail) as place:
        watcher = place.start("watch")
        wait_until(lambda: place.rows("SELECT 1 FROM alerts_heartbeat"), "somebody watches")
        with away(own_server, how):
            wait_until(lambda: "does not answer" in place.log(), "the watcher says so")
            time.sleep(1)
            assert watcher.poll() is None
        (course,) = place.told["courses"]
        mark = tmp_path / "committed"
        place.start("send_fever", course, place.told["link"], str(mark), module="tests.support.story")
        wait_until(mark.exists, "the check is committed")
        (taken,) = mail.wait_for(1, seconds=5)
        assert taken.to == ("first_on_call@example.org",)
        assert watcher.poll() is None
        assert place.log().count("does not answer") == 1, "said once, not at every look"
        assert "Traceback" not in place.log()


def test_away_in_the_middle_of_the_work(own, own_server, mail, tmp_path):
    """Twenty courses are late; the server crashes while they are looked at. Nobody starts anything again."""
    with own.installation(
        "postgres", tmp_path, "overdue", "20", mail=mail, HANDRAIL_LEASE_SECONDS="1", HANDRAIL_SEND_LEASE_SECONDS="1"
    ) as place:
        watcher = place.start("watch")
        mail.wait_for(5)
        with away(own_server, signal.SIGQUIT):
            assert len(mail.arrived) < 40, "the crash came in the middle of the work"
            time.sleep(0.5)
        wait_until(lambda: len(place.open_alerts()) == 40 and place.settled(), "everybody is paged", seconds=30)
        mails = Counter(taken.message["Message-ID"] for taken in mail.arrived)
        assert set(mails) == {page.message_id for page in place.pages() if page.channel == "email"}
        assert len(mails) == 40 and max(mails.values()) <= 2
        assert watcher.poll() is None
