"""Programs in JavaScript that the tests ask, of pinned versions: installed once for each lock.

A `package-lock.json` names versions and hashes and no host; npm installs into `.tools`, which `make clean` removes.
"""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = (".npmrc", "package.json", "package-lock.json")
TOOLS = Path(__file__).resolve().parents[2] / ".tools"


def installed(here: Path, name: str) -> Path:
    """The folder with what the lock in `here` names; installed when it is not there, or when the lock has changed."""
    folder = TOOLS / name
    wanted = hashlib.sha256(b"".join((here / each).read_bytes() for each in FILES)).hexdigest()
    stamp = folder / "stamp"
    TOOLS.mkdir(exist_ok=True)
    # Two workers may come at once: one installs, the other waits, and neither removes what the other is writing.
    with (TOOLS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(here, folder, stamp, wanted, name)
    return folder


def _install(here: Path, folder: Path, stamp: Path, wanted: str, name: str) -> None:
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for each in FILES:
            shutil.copy(here / each, folder / each)
        done = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"npm could not install the {name}: {done.stderr or done.stdout}"
        stamp.write_text(wanted)


def needs_node(what: str) -> None:
    """Skip the test with one sentence where there is no Node.js; an installation that fails is a failure."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(f"Node.js and npm are not installed here, so {what} (Debian: nodejs, npm)")
