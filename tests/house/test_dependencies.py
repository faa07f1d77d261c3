"""Every dependency says why it is here, and the locks name hashes but no host."""

import re
import tomllib

import pytest

from tests.house.tree import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock", "tools/uv.lock")
REQUIREMENT = re.compile(r"^\s+\"[A-Za-z0-9._-]+(\[[a-z,]+\])?\s*(~=|>=|==)[^\"]*\",")


def without_a_reason(pyproject: str) -> list[str]:
    """The dependency lines of a pyproject.toml that have no comment after them."""
    bare = []
    inside = False
    for line in pyproject.splitlines():
        if re.match(r"^(dependencies|dev|postgres|[a-z]+) = \[$", line):
            inside = True
        elif line.startswith("]"):
            inside = False
        elif inside and REQUIREMENT.match(line) and not re.search(r",\s+# \S+ \S+", line):
            bare.append(line.strip())
    return bare


def packages(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9.-]+)==", lock, flags=re.MULTILINE))


def test_every_dependency_says_why():
    assert without_a_reason((ROOT / "pyproject.toml").read_text()) == []


def test_every_dependency_is_seen_by_that_check():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)
    declared = [
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
        *(name for group in project["dependency-groups"].values() for name in group),
    ]
    assert len([line for line in text.splitlines() if REQUIREMENT.match(line)]) == len(declared)


@pytest.mark.parametrize("line", ['    "leftpad~=1.0",', '    "leftpad[x]>=1.0", #', '    "leftpad==1", # why'])
def test_a_planted_dependency_without_a_reason_is_found(line: str):
    planted = f"dependencies = [\n{line}\n]\n"
    assert without_a_reason(planted) == [line.strip()]


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_hashes_and_no_host(lock: str):
    text = (ROOT / lock).read_text()
    assert re.findall(r"https?:|--index-url|--find-links| @ ", text) == []
    assert packages(text)
    for block in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in block, block


def test_what_is_needed_to_run_is_locked_alike_for_development():
    run, dev = ((ROOT / name).read_text() for name in LOCKS[:2])
    assert set(re.findall(r"^\S+==\S+", run, re.MULTILINE)) <= set(re.findall(r"^\S+==\S+", dev, re.MULTILINE))


def test_every_declared_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = packages((ROOT / "requirements.lock").read_text())
    for requirement in project["project"]["dependencies"]:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert name is not None
        assert name.group().lower().replace("_", "-").replace(".", "-") in locked
