"""Two FHIR R4 validators in JavaScript, of pinned versions, for the tests.

`package-lock.json` names versions and hashes and no host; npm installs them once into `.tools/validators`, which `make clean` removes.
A test asks with the fixture `judge`; where there is no Node.js it is skipped with one sentence, and an installation that fails is a failure.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[2] / ".tools" / "validators"
FILES = (".npmrc", "package.json", "package-lock.json")
NO_NODE = "Node.js and npm are not installed here, so no independent FHIR validator can judge (Debian: nodejs, npm)"
Judge = Callable[[Iterable[tuple[str, Mapping[str, Any]]]], dict[str, list[str]]]


def install() -> Path:
    """The folder with the installed validators; installed when it is not there, or when the lock has changed."""
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    stamp = INSTALLED / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(INSTALLED, ignore_errors=True)
        INSTALLED.mkdir(parents=True)
        for name in FILES:
            shutil.copy(HERE / name, INSTALLED / name)
        done = subprocess.run(["npm", "ci"], cwd=INSTALLED, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"npm could not install the validators: {done.stderr or done.stdout}"
        stamp.write_text(wanted)
    return INSTALLED


def judge(resources: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """What the two validators find wrong, for each name; a name without a problem has an empty list."""
    lines = "".join(json.dumps({"name": name, "resource": resource}) + "\n" for name, resource in resources)
    done = subprocess.run(
        ["node", str(HERE / "validate_r4.mjs")],
        cwd=install(),
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == lines.count("\n"), "the validators said nothing about some resources"
    return {each["name"]: each["errors"] for each in found}


@pytest.fixture(name="judge", scope="session")
def judge_fixture() -> Judge:
    """`judge([(name, resource), …])`: the errors of each."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(NO_NODE)
    return judge
