"""Files of an export: private to the person who exports, and there only when they are whole.

Everything is written beside its place under a name that says that it is not finished, forced to the disk, and then given its own name
in one step. What was cut off can be seen and never passes for an export.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from handrail.rules.terms import UnusableInput

PRIVATE_FILE: Final = 0o600
UNFINISHED: Final = ".unfinished-export-"
MANIFEST: Final = "manifest.json"


@dataclass(slots=True)
class _Open:
    """A file that is being written, with its digest and how much it holds."""

    file: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)
    lines: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written whole."""

    name: str
    lines: int
    bytes: int
    sha256: str


class Folder:
    """A folder of lines that appears under its name only when `finish` was called.

    Raises:
        UnusableInput: there is something of that name already, or its place cannot be written.
    """

    def __init__(self, wanted: Path) -> None:
        self.wanted = wanted.absolute()
        self._files: dict[str, _Open] = {}
        if os.path.lexists(self.wanted):
            raise UnusableInput("exists", "There is something of that name already: name a new folder.", str(wanted))
        with _said(wanted):
            self._made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.wanted.parent))  # 0700

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        for each in self._files.values():
            with contextlib.suppress(OSError):  # on a full disk closing fails too; the folder goes all the same
                each.file.close()
        if self._made.exists():  # it was not finished
            shutil.rmtree(self._made, ignore_errors=True)

    def line(self, name: str, content: bytes) -> None:
        """Add a line to a file of the folder.

        Raises:
            UnusableInput: its place cannot be written, such as a disk that is full.
        """
        with _said(self.wanted):
            found = self._files.get(name)
            if found is None:
                found = self._files[name] = _Open(_private(self._made / name))
            found.file.write(content + b"\n")
        found.digest.update(content + b"\n")
        found.lines += 1
        found.size += len(content) + 1

    def written(self) -> list[Written]:
        """The files so far, by name, all of them on the disk."""
        with _said(self.wanted):
            for each in self._files.values():
                _to_disk(each.file)
        return [
            Written(name=name, lines=each.lines, bytes=each.size, sha256=each.digest.hexdigest())
            for name, each in sorted(self._files.items())
        ]

    def finish(self, manifest: bytes) -> None:
        """Add the manifest and give the folder its name, in one step."""
        self.written()
        with _said(self.wanted):
            with _private(self._made / MANIFEST) as file:
                file.write(manifest)
                _to_disk(file)
            _folder_to_disk(self._made)
            if os.path.lexists(self.wanted):
                raise FileExistsError(17, "there is something of that name by now")
            self._made.rename(self.wanted)
        _folder_to_disk(self.wanted.parent)


def write_whole(wanted: Path, content: bytes) -> None:
    """Write a new private file, whole or not at all.

    Raises:
        UnusableInput: there is something of that name already, or its place cannot be written.
    """
    place = wanted.absolute()
    with _said(wanted):
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=place.parent)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                _to_disk(file)
            os.link(name, place)  # unlike a rename this never replaces what is there
        finally:
            os.unlink(name)
        _folder_to_disk(place.parent)


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb")


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _folder_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _said(wanted: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise UnusableInput(
            "exists", "There is something of that name already: choose another.", str(wanted)
        ) from error
    except OSError as error:
        reason = error.strerror or "unknown trouble"
        raise UnusableInput("unwritable", f"The export cannot be written there: {reason}.", str(wanted)) from error
