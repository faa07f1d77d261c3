"""A PostgreSQL server of a test goes away and comes back."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.installation import wait_until
from tests.support.postgres import Server

RESTARTED: list[subprocess.Popen[bytes]] = []
"""Servers that were started again: kept, so that nobody calls them forgotten; the one who stops the server ends them."""


@contextmanager
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
