"""Two FHIR R4 validators in JavaScript, of pinned versions, for the tests.

`tests.support.npm` installs them once; a test asks with the fixture `judge`.
"""

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm import installed, needs_node

HERE = Path(__file__).resolve().parent
Judge = Callable[[Iterable[tuple[str, Mapping[str, Any]]]], dict[str, list[str]]]


def judge(resources: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """What the two validators find wrong, for each name; a name without a problem has an empty list."""
    lines = "".join(json.dumps({"name": name, "resource": resource}) + "\n" for name, resource in resources)
    done = subprocess.run(
        ["node", str(HERE / "validate_r4.mjs")],
        cwd=installed(HERE, "validators"),
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
    needs_node("no independent FHIR validator can judge")
    return judge
