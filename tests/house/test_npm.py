"""The programs in JavaScript that tests ask are installed once, though two workers want them at the same time."""

import os
import threading
from pathlib import Path

import pytest

from tests.support import npm

NPM = """#!/bin/sh
echo once >>"$LOG"
sleep 0.2
test -e package-lock.json
"""


def test_two_that_come_at_once_install_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here, programs = tmp_path / "here", tmp_path / "bin"
    for folder in (here, programs):
        folder.mkdir()
    for name in npm.FILES:
        (here / name).write_text(name)
    (programs / "npm").write_text(NPM)
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(npm, "TOOLS", tmp_path / "tools")
    start, found = threading.Barrier(2), []

    def ask() -> None:
        start.wait()
        found.append(npm.installed(here, "readers"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [tmp_path / "tools" / "readers"] * 2
    assert (tmp_path / "log").read_text() == "once\n"
    assert (tmp_path / "tools" / "readers" / "stamp").exists()
