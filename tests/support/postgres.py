"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port of the loopback, gone afterwards.

    with temporary_postgres() as server:
        server.url()                    # postgresql://handrail_owner:...@127.0.0.1:40123/handrail
        server.url(user="handrail_app") # any role that a test has made

    python -m tests.support.postgres    # runs a server until Ctrl-C and prints its address, for a look by hand

Debian keeps the server's programs outside the PATH, and `initdb` refuses to run as root: as root the server runs as the user
`postgres`, which Debian's package makes.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

OWNER = "handrail_owner"
DATABASE = "handrail"
START_SECONDS = 30


class PostgresUnavailable(RuntimeError):
    """No server can be started here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `password` is that of the owner, who is a superuser of this server alone."""

    port: int
    socket_folder: Path
    data_folder: Path
    programs: Path
    password: str

    def to_words(self) -> dict[str, str]:
        """The server as it is told to another process."""
        return {each.name: str(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_words(cls, words: dict[str, str]) -> "Server":
        """The server that another process told of; who started it stops it."""
        paths = {name: Path(words[name]) for name in ("socket_folder", "data_folder", "programs")}
        return cls(port=int(words["port"]), password=words["password"], **paths)

    def url(self, *, user: str = OWNER, password: str | None = None, database: str = DATABASE) -> str:
        """An address for `HANDRAIL_DATABASE_URL`. Every role may connect with the owner's password or its own."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def psql(self, sql: str, *, database: str = DATABASE) -> str:
        """Run SQL as the owner and return what it prints, one row a line."""
        finished = subprocess.run(
            [self.programs / "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", self.url(database=database)],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise RuntimeError(f"psql: {finished.stderr.strip()}")
        return finished.stdout.strip()

    def new_database(self) -> str:
        """Make an empty database with a name of its own and return its address."""
        name = f"{DATABASE}_{secrets.token_hex(6)}"
        self.psql(f"CREATE DATABASE {name}")
        return self.url(database=name)


def server_programs() -> Path | None:
    """The folder of `initdb` and `postgres`, newest version first, or None when PostgreSQL's server is not installed."""
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def temporary_postgres(*, fsync: bool = False) -> Iterator[Server]:
    """A new, empty server with a database `handrail` owned by `handrail_owner`; stopped and removed at the end.

    `fsync=True` keeps PostgreSQL's promise to survive a power cut; tests that only ask for answers do without it.
    Raises `PostgresUnavailable` when the server's programs, or as root the user `postgres`, are missing.
    """
    programs = server_programs()
    if programs is None:
        raise PostgresUnavailable("PostgreSQL's server is not installed: install the package postgresql")
    as_server, owner = _run_as()
    # A short path: the name of a unix socket may not exceed 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="handrail-pg-", dir="/tmp"))
    process: subprocess.Popen[bytes] | None = None
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data, password = folder / "data", secrets.token_hex(12)
        secret = folder / "password"
        secret.write_text(password)
        if owner is not None:
            os.chown(secret, owner.pw_uid, owner.pw_gid)
        options = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"]
        _run([*as_server, programs / "initdb", "-D", data, "-U", OWNER, "--pwfile", secret, *options], folder)
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "on" if fsync else "off",
            "synchronous_commit": "on" if fsync else "off",
            "full_page_writes": "on" if fsync else "off",
            "max_connections": 60,
            "shared_buffers": "64MB",
            "timezone": "UTC",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_server, programs / "postgres", "-D", data, *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C stops the tests first, and they stop the server
            )
        server = Server(port, folder, data, programs, password)
        _wait_until_ready(server, process, folder / "log")
        server.psql(f"CREATE DATABASE {DATABASE}", database="postgres")
        yield server
    finally:
        if process is not None:
            _stop(process, folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


def _run_as() -> tuple[list[str], pwd.struct_passwd | None]:
    """The words that go before a command of the server, and whose files they are when that is not us."""
    if os.geteuid() != 0:
        return [], None
    try:
        owner = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresUnavailable("root cannot run PostgreSQL, and there is no user 'postgres' to run it as") from None
    return ["runuser", "-u", "postgres", "--"], owner


def _run(command: list[str | Path], folder: Path) -> None:
    finished = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise PostgresUnavailable(
            f"{Path(str(command[-1])).name}: {finished.stderr.strip() or finished.stdout.strip()}"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            server.psql("SELECT 1", database="postgres")
        except RuntimeError:
            time.sleep(0.05)
        else:
            return
    raise PostgresUnavailable(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes], data: Path) -> None:
    """Stop the server at once: immediate shutdown, since nothing of it is kept."""
    pid_file = data / "postmaster.pid"
    try:
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Run a server until Ctrl-C."""
    with temporary_postgres() as server:
        print(server.url(), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print(file=sys.stderr)


if __name__ == "__main__":
    main()
