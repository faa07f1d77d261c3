"""A database as the migrations leave it: made once, and copied by every process of the tests that wants one.

To migrate from nothing costs most of twenty seconds of a processor. What comes of it depends on the migrations, on the guards
and the models that they follow from, on Django and on the database; so the copy is kept under the fingerprint of all of these,
and one that belongs to another text is never found. Django's own `migrate` runs over each copy all the same: it applies what
the copy lacks and puts up a guard that is missing. `pytest --create-db` migrates from nothing, as `tests/config/test_upgrade.py` always does.
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import django

from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
KEPT = 3
"""So many of the newest files of each database stay, for whoever goes to and fro between branches."""
BESIDES = ("clock.py", "config")
"""What a migration may import of the project besides the rooms that have tables of their own."""
ROLE = """DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'handrail_app') THEN
        CREATE ROLE handrail_app NOLOGIN;
        GRANT handrail_app TO CURRENT_USER;
    END IF;
END $$;"""


class TemplateNotMade(RuntimeError):
    """The migrations did not go through; the message is what they said."""


def read_sources(package: Path) -> list[Path]:
    """Every file of the project that the state of a migrated database may follow from, in a fixed order."""
    rooms = [folder.parent for folder in package.glob("*/migrations") if folder.is_dir()]
    files = {file for room in (*rooms, *(package / name for name in BESIDES)) for file in room.rglob("*.py")}
    return sorted({*files, *(package / name for name in BESIDES if name.endswith(".py"))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """The migrated databases of one source tree."""

    folder: Path = ROOT / ".venv" / "templates"
    source: Path = ROOT / "src"

    def fingerprint(self, database: str) -> str:
        """What a migrated database follows from, as one word: another text, version or database gives another word."""
        packages = Path(django.__file__).parents[1]
        # The folder of an installed package is named for its version: Django, and the others that bring tables.
        found = sha256(
            repr((sys.version, database, sorted(each.name for each in packages.glob("*.dist-info")))).encode()
        )
        for file in read_sources(self.source / "handrail"):
            found.update(repr((str(file.relative_to(self.source)), sha256(file.read_bytes()).digest())).encode())
        return found.hexdigest()[:24]

    def sqlite(self, to: Path) -> None:
        """Put a migrated SQLite database at that path.

        Raises:
            TemplateNotMade: there was none yet, and the migrations failed.
        """

        def make(file: Path) -> None:
            self._migrate(f"sqlite:///{file}")
            with sqlite3.connect(file) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the whole of it is in the one file
            connection.close()

        with self._made(f"sqlite {sqlite3.sqlite_version}", ".db", make) as file:
            shutil.copyfile(file, to)

    def postgres(self, server: Server, database: str) -> None:
        """Make a migrated database of that name on the server.

        Raises:
            TemplateNotMade: there was none yet, and the migrations failed.
        """

        def make(file: Path) -> None:
            address = server.new_database()
            self._migrate(address)
            dump = [server.programs / "pg_dump", "--dbname", address, "--file", file]
            subprocess.run(dump, check=True, capture_output=True, stdin=subprocess.DEVNULL)

        with self._made(f"postgres {server.programs}", ".sql", make) as file:
            dumped = file.read_text()
            server.psql(ROLE)  # one process after the other: the role belongs to the whole server
        server.psql(f'CREATE DATABASE "{database}"', database="postgres")
        server.psql(f"BEGIN;\n{dumped}\nCOMMIT;", database=database)

    @contextmanager
    def _made(self, database: str, ending: str, make: Callable[[Path], None]) -> Iterator[Path]:
        """The file of this very source, made now when there is none; one process makes or reads it and the others wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self.folder.glob("tmp*"):  # of a process that was killed while it had the lock
                shutil.rmtree(left)
            while True:
                fingerprint = self.fingerprint(database)
                wanted = self.folder / f"{fingerprint}{ending}"
                if wanted.exists():
                    os.utime(wanted)
                    yield wanted
                    return
                with tempfile.TemporaryDirectory(dir=self.folder) as made:
                    make(Path(made) / f"new{ending}")
                    if self.fingerprint(database) == fingerprint:  # else the text was changed while it was read
                        os.replace(Path(made) / f"new{ending}", wanted)
                        self._forget_the_oldest(ending)

    def _forget_the_oldest(self, ending: str) -> None:
        files = sorted(self.folder.glob(f"*{ending}"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[KEPT:]:
            file.unlink()

    def _migrate(self, address: str) -> None:
        with tempfile.TemporaryDirectory(prefix="handrail-compiled-") as compiled:
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith(("HANDRAIL_", "DJANGO_"))
            }
            environment |= {
                "HANDRAIL_MODE": "test",
                "HANDRAIL_DATABASE_URL": address,
                "PYTHONPATH": str(self.source),
                "PYTHONPYCACHEPREFIX": compiled,  # two texts of one second and one length look the same to what was compiled
            }
            command = [sys.executable, "-m", "handrail.config.manage", "migrate", "--verbosity", "0"]
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
        if done.returncode != 0:
            raise TemplateNotMade(done.stderr.strip() or f"exit status {done.returncode}")
