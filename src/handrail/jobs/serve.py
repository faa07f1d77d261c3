"""`handrail serve`: the web pages by Granian (WSGI, one thread a worker), and with `--watch` the watcher beside them."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; a watcher that dies is started again."""
    parser = argparse.ArgumentParser(prog="handrail serve", description="Serve Handrail's pages.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--watch", action="store_true", help="run the watcher beside the pages")
    chosen = parser.parse_args(arguments)
    children = [web(chosen.host, chosen.port, chosen.workers)]
    if chosen.watch:
        children.append(watcher())
    return supervise(children, watched=chosen.watch)


def web(host: str, port: int, workers: int = 2) -> subprocess.Popen[bytes]:
    """Start the web server as a process of its own."""
    return subprocess.Popen(web_command(host, port, workers))


def web_command(host: str, port: int, workers: int = 2) -> list[str]:
    """The command line of the web server."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", str(workers), "--blocking-threads", "1", "--no-access-log", "--log-level", "warning",
        "handrail.config.wsgi:application",
    ]  # fmt: skip


def watcher() -> subprocess.Popen[bytes]:
    """Start a watcher as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "handrail.cli", "watch"])


def supervise(children: list[subprocess.Popen[bytes]], *, watched: bool) -> int:
    """Wait for the web server; start the watcher again when it dies; stop all of them on a signal."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            try:
                return children[0].wait(timeout=1)
            except subprocess.TimeoutExpired:
                if watched and children[1].poll() is not None:
                    children[1] = watcher()
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM if os.name == "posix" else signal.SIGINT)
        for child in children:
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
