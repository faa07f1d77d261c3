"""What `make` needs from the system is named in one file, and a missing piece is said in one sentence."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

PROGRAMS = ("sh", "sed", "ls", "dirname", "cat", "cksum", "tr", "rm", "head")


def place(folder: Path, *, user: int, extra: dict[str, str] | None = None) -> dict[str, str]:
    """An environment with only these programs, run by this user, and without apt-get."""
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        (folder / "bin" / name).symlink_to(found)
    for name, text in {"id": f"echo {user}", **(extra or {})}.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return {"PATH": str(folder / "bin")}


def run(folder: Path, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_what_is_there_is_not_asked_for(tmp_path: Path):
    environment = place(tmp_path, user=1000)
    (tmp_path / "tools" / "system.txt").write_text(f"test: shell=sh here={tmp_path}/bin/*\n")
    finished = run(tmp_path, environment, "tools/system.sh", "test")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


@pytest.mark.parametrize("user", [0, 1000])
def test_what_is_missing_and_cannot_be_installed_is_said(tmp_path: Path, user: int):
    environment = place(tmp_path, user=user)
    (tmp_path / "tools" / "system.txt").write_text("demo: one=sh\ntest: a=sh browser=no-such b=/no/such/*/x\n")
    finished = run(tmp_path, environment, "tools/system.sh", "test")
    assert finished.returncode == 1
    assert finished.stderr == "make: please install these packages first (Debian names): browser b\n"


def test_as_root_what_is_missing_is_installed_after_new_lists_when_needed(tmp_path: Path):
    apt = f'echo "$@" >>{tmp_path}/said; case "$*" in update*) : >{tmp_path}/lists;; *) [ -e {tmp_path}/lists ];; esac'
    environment = place(tmp_path, user=0, extra={"apt-get": apt, "mktemp": f"echo {tmp_path}/log", "tail": "cat"})
    (tmp_path / "tools" / "system.txt").write_text("test: browser=no-such\n")
    finished = run(tmp_path, environment, "tools/system.sh", "test")
    assert finished.returncode == 0, finished.stderr
    said = (tmp_path / "said").read_text().splitlines()
    install = "install -y -q --no-install-recommends browser"
    assert said == [install, "update -q", install]


def test_every_target_of_the_makefile_that_needs_packages_has_a_line():
    asked = set(re.findall(r"tools/system\.sh (\w+)", (ROOT / "Makefile").read_text()))
    listed = re.findall(r"^(\w+):", (ROOT / "tools" / "system.txt").read_text(), flags=re.MULTILINE)
    assert sorted(asked) == sorted(listed)


def test_a_missing_python_is_said(tmp_path: Path):
    environment = place(tmp_path, user=1000)
    environment |= {"HANDRAIL_ENV_LOCKED": "1"}
    finished = run(tmp_path, environment, "tools/environment.sh", "dev")
    assert finished.returncode == 1
    assert "Python 3.11 or newer was not found" in finished.stderr


def test_a_python_without_venv_is_said(tmp_path: Path):
    # A Python that is new enough and whose `-m venv` fails, as on a Debian without python3-venv.
    environment = place(tmp_path, user=1000, extra={"python3": '[ "$1" = -c ]'})
    environment |= {"HANDRAIL_ENV_LOCKED": "1"}
    finished = run(tmp_path, environment, "tools/environment.sh", "dev")
    assert finished.returncode == 1
    assert "install the package python3-venv" in finished.stderr


def test_the_continuous_integration_runs_what_a_person_runs():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("exec make test")


def test_make_help_lists_every_command():
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "check", "bench", "docs", "lock", "clean", "help"} <= set(targets)
    assert re.findall(r"^  make (\w+) ", listed, flags=re.MULTILINE) == targets
