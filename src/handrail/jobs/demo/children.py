"""What the demonstration starts: its folder, the environment of its processes, and processes that are started again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from handrail.rules.terms import UnusableInput

HOST: Final = "127.0.0.1"
STOP_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 10.0
STEADY_SECONDS: Final = 30.0
HANDRAIL: Final = (sys.executable, "-m", "handrail.cli")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the demonstration: database, mails, logs, and `demo.json` with what is told once."""

    path: Path
    kind: str = "run"
    """`run` or `fever`: one never takes the other's folder."""

    @property
    def format(self) -> str:
        """What the file says that it is."""
        return f"handrail-demo-{self.kind}/1"

    @property
    def file(self) -> Path:
        """The file that says that the folder is the demonstration's, and that its courses were told to the end."""
        return self.path / "demo.json"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / "demo.db"

    def said(self) -> dict[str, Any]:
        """What the file says, of a demonstration that is being made too; empty when there is none."""
        if not self.file.exists():
            return {}
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or found.get("format") != self.format:
            message = "The file demo.json in the folder is not this demonstration's; name another folder with --dir."
            raise UnusableInput("folder", message)
        return found

    def told(self) -> dict[str, Any] | None:
        """What the file says; None when the folder has no finished demonstration."""
        found = self.said()
        return found if found.get("seeded_at") and self.database.exists() else None

    def empty(self) -> None:
        """Make the folder, without an earlier demonstration in it. A folder with anything else in it is left alone."""
        if self.path.exists() and not self.path.is_dir():
            raise UnusableInput("folder", "The folder of the demonstration is a file; name another folder with --dir.")
        if self.path.exists() and any(self.path.iterdir()):
            if not self.file.exists():
                message = "The folder is not empty and not the demonstration's; name another folder with --dir."
                raise UnusableInput("folder", message)
            self.said()
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def write(self, said: Mapping[str, Any]) -> None:
        """Write the file; only its owner reads it."""
        text = json.dumps({**said, "format": self.format}, indent=2) + "\n"
        with open(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)


def new_password() -> str:
    """A password for everybody in one demonstration."""
    return secrets.token_urlsafe(12)


def free_port(wanted: int) -> int:
    """The wanted port, or the next free one above it.

    Raises:
        UnusableInput: fifty ports in a row are taken.
    """
    for port in range(wanted, min(wanted + 50, 65536)):
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
            return port
    raise UnusableInput("port", f"No port from {wanted} on is free; name another with --port.")


def any_port() -> int:
    """A free port that the system chooses."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def environment(
    folder: Folder,
    *,
    port: int,
    mail_port: int,
    secret_key: str,
    host: str = HOST,
    clock: str = "",
    show_button: bool = True,
) -> dict[str, str]:
    """The environment of the demonstration's processes: nothing that Handrail reads comes from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    level = os.environ.get("HANDRAIL_LOG_LEVEL", "")
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "handrail.config.settings",
        "PYTHONUNBUFFERED": "1",
        "HANDRAIL_MODE": "demo",
        "HANDRAIL_SECRET_KEY": secret_key,
        "HANDRAIL_DATABASE_URL": f"sqlite:///{quote(str(folder.database))}",
        "HANDRAIL_EMAIL_URL": f"smtp://{HOST}:{mail_port}",
        "HANDRAIL_BASE_URL": f"http://{host}:{port}",
        **({"HANDRAIL_DEMO_DIR": str(folder.path)} if show_button else {}),
        **({"HANDRAIL_CLOCK": clock} if clock else {}),
        **({"HANDRAIL_LOG_LEVEL": level} if level else {}),
    }


def run_once(words: list[str], variables: Mapping[str, str], folder: Folder) -> None:
    """Run one command of Handrail to its end.

    Raises:
        UnusableInput: it failed; the last line of what it said.
    """
    done = subprocess.run(
        [*HANDRAIL, *words], env=dict(variables), cwd=folder.path, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise UnusableInput(
            "demo", f"`handrail {' '.join(words[:2])}` failed: {said[-1] if said else 'it says nothing'}"
        )


@dataclass(slots=True, kw_only=True)
class Child:
    """A process that is started again when it dies. What it says goes into a file of the folder."""

    name: str
    command: list[str]
    variables: Mapping[str, str]
    folder: Folder
    restarts: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    deaths: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)
    _again_at: float = field(default=0.0, init=False)

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self.folder.path / f"{self.name}.log"

    def start(self) -> None:
        """Start it in a group of its own, so that ctrl-C reaches the supervisor alone, which stops it in order."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.variables),
                cwd=self.folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._since = time.monotonic()

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def look_after(self) -> bool:
        """Start it again if it is dead, after a pause that grows while it keeps dying; True when it was started again."""
        if self.alive() or not self.restarts:
            return False
        now = time.monotonic()
        if not self._again_at:
            self.deaths = self.deaths + 1 if now - self._since < STEADY_SECONDS else 1
            self._again_at = now + min(LONGEST_PAUSE, 0.2 * 2**self.deaths)
        if now < self._again_at:
            return False
        self._again_at = 0.0
        self.start()
        return True

    def stop(self) -> None:
        """Ask it and what it started to end, and insist after a while."""
        self.restarts = False
        process = self.process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            # On a machine with no breath left even this may last: it is dead all the same, and the others are to be stopped too.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_SECONDS)

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n") if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "it says nothing")


def answers(port: int) -> bool:
    """Whether the pages answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_until_it_answers(child: Child, port: int, seconds: float = 60.0) -> None:
    """Wait for the pages.

    Raises:
        UnusableInput: they do not answer in time.
    """
    until = time.monotonic() + seconds
    while not answers(port):
        if time.monotonic() > until or child.deaths > 3:
            raise UnusableInput("demo", f"The pages do not answer; the last line of {child.log}: {child.last_words()}")
        child.look_after()
        time.sleep(0.1)
