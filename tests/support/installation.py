"""A whole installation for a drill: a database with a story in it, a mail server, and real processes that may be killed."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.mail import MailServer
from tests.support.postgres import Server
from tests.support.templates import Templates

ROOT = Path(__file__).resolve().parents[2]
DATABASES = ("sqlite", "postgres")


@dataclass(slots=True)
class Installation:
    """One database, one mail server, and the processes that a drill started on them."""

    folder: Path
    database_url: str
    mail: MailServer | None = None
    told: dict[str, Any] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    # --- processes --------------------------------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """What a process of this installation finds in its environment, and nothing of the run that tests it."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("HANDRAIL_", "DJANGO_"))}
        # As where it is installed: compiled once, and not anew at every start, which takes longer than all the rest of it.
        ours.pop("PYTHONDONTWRITEBYTECODE", None)
        ours.update(
            DJANGO_SETTINGS_MODULE="handrail.config.settings",
            HANDRAIL_DATABASE_URL=self.database_url,
            HANDRAIL_DATABASE_ROLE="handrail_app" if self.database_url.startswith("postgres") else "",
            HANDRAIL_EMAIL_URL=self.mail.address if self.mail else "",
        )
        return {**ours, **self.more, **more}

    def start(self, *words: str, module: str = "handrail.cli", **more: str) -> subprocess.Popen[bytes]:
        """Start a process of the programme; what it says stands in `log`."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env=self.environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def start_piped(self, module: str) -> subprocess.Popen[bytes]:
        """Start a process that one talks with, line by line."""
        with (self.folder / "log").open("ab") as log:
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT, env=self.environment(), stdin=pipe, stdout=pipe, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.started.append(process)
        return process

    def tell(self, *words: str) -> dict[str, Any]:
        """Tell a story and return what it says it made."""
        command = [sys.executable, "-m", "tests.support.story", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def log(self) -> str:
        """What the processes said."""
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End what is still running, with everything that it started."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    # --- what the database says -------------------------------------------------------------------------------------------

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read with an eye of one's own, past the programme."""
        if self.database_url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=5)) as reader:
                return reader.execute(sql).fetchall()
        import psycopg

        with psycopg.connect(self.database_url) as reader:
            found = reader.execute(sql)
            return found.fetchall() if found.description else []

    def pages(self) -> list["PageRow"]:
        """Every page, oldest first."""
        found = self.rows(
            "SELECT alert_id, attempt, step, channel, state, who, idempotency_key, provider_id, id FROM alerts_page "
            "ORDER BY created_at, id"
        )
        return [PageRow(str(row[0]).replace("-", ""), *row[1:-1], id=str(row[-1]).replace("-", "")) for row in found]

    def open_alerts(self) -> list[str]:
        """The alerts that are open."""
        return [
            str(row[0]).replace("-", "") for row in self.rows("SELECT id FROM alerts_alert WHERE closed_at IS NULL")
        ]

    def settled(self) -> bool:
        """Every open alert is paged, and nothing waits to be sent."""
        pages = self.pages()
        alerts = set(self.open_alerts())
        paged = {page.alert for page in pages}
        return bool(alerts) and alerts <= paged and all(page.state != "sending" for page in pages)


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as it stands in the database."""

    alert: str
    attempt: int
    step: int
    channel: str
    state: str
    who: str
    idempotency_key: str
    told_by: str
    """What the provider calls its message, or the key of the message that told it together with others."""
    id: str

    @property
    def message_id(self) -> str:
        """The Message-ID under which its mail leaves, however often."""
        return f"<{sha256(self.idempotency_key.encode()).hexdigest()[:32]}@handrail>"


def wait_until(found: Callable[[], Any], what: str, *, seconds: float = 15) -> Any:
    """Ask again and again until the answer is true; fail with `what` when it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.03)
    raise AssertionError(f"not within {seconds} s: {what}")


# --- databases with a story ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Prepared:
    """Databases in which a story was told once; every drill gets a copy."""

    folder: Path
    postgres: Callable[[], Server]
    made: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = field(default_factory=dict)

    @contextmanager
    def installation(
        self, kind: str, folder: Path, *story: str, mail: MailServer | None = None, **more: str
    ) -> Iterator[Installation]:
        """An installation on a copy of the database of that kind in which the story was told."""
        key = (kind, *story)
        if key not in self.made:
            self.made[key] = self._tell(kind, *story)
        former, told = self.made[key]
        copied = self._copy(kind, former, folder / "handrail.db")
        found = Installation(folder=folder, database_url=copied, mail=mail, told=told, more=more)
        try:
            yield found
        finally:
            found.stop()

    def _tell(self, kind: str, *story: str) -> tuple[str, dict[str, Any]]:
        if not story:
            if kind == "sqlite":
                Templates().sqlite(self.folder / "empty.db")
                return f"sqlite:///{self.folder / 'empty.db'}", {}
            name = f"empty_{os.urandom(6).hex()}"
            Templates().postgres(self.postgres(), name)
            return self.postgres().url(database=name), {}
        if (kind,) not in self.made:
            self.made[(kind,)] = self._tell(kind)
        address = self._copy(kind, self.made[(kind,)][0], self.folder / f"{'-'.join(story)}.db")
        return address, Installation(folder=self.folder, database_url=address).tell(*story)

    def _copy(self, kind: str, former: str, file: Path) -> str:
        if kind == "sqlite":
            shutil.copyfile(
                former.removeprefix("sqlite:///"), file
            )  # nobody has it open: the whole of it is in the file
            return f"sqlite:///{file}"
        server = self.postgres()
        name = f"drill_{os.urandom(6).hex()}"
        server.psql(f"CREATE DATABASE {name} TEMPLATE {former.rsplit('/', 1)[1]}", database="postgres")
        return server.url(database=name)
