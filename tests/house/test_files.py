"""Files stay small, name no machine, and the version is written once."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import handrail
from tests.house import tree
from tests.house.tree import ROOT

MAX_LINES = 500

# A file of the source that may be longer, and why.
LONGER: dict[str, str] = {}

# Places and hosts that belong to somebody's machine, not to the project. Put together here so that this file does not name them.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.~-])/(?:work|farm|root|home/[a-z]+|Users/[A-Za-z]+|opt/pypi)/",
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "registry" + r"\.npmjs",
            "deb" + r"\.debian\.org",
        ]
    )
)


def too_long(files: Mapping[str, str], allowed: Mapping[str, str]) -> list[str]:
    """Source files over the limit without a reason on the list."""
    return [
        f"{name}: {text.count(chr(10))} lines"
        for name, text in files.items()
        if text.count("\n") > MAX_LINES and name not in allowed
    ]


def foreign(name: str, text: str) -> list[str]:
    """Every mention of a machine's path or a registry's host, with its line."""
    return [
        f"{name}:{number}: {found.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for found in FOREIGN.finditer(line)
    ]


def source() -> dict[str, str]:
    # A label revision is one file whatever its length: a pharmacist reads it from top to bottom.
    kinds = {".py", ".html", ".css", ".js"}
    chosen = [p for p in tree.files() if p.parts[0] == "src" and p.suffix in kinds and "vendor" not in p.parts]
    return {str(path): tree.text(path) or "" for path in chosen}


def test_source_files_stay_small():
    assert too_long(source(), LONGER) == []


def test_the_list_of_longer_files_holds_nothing_stale():
    files = source()
    for name, reason in LONGER.items():
        assert files[name].count("\n") > MAX_LINES, f"{name} is short again"
        assert len(reason.split()) > 3, f"{name} needs a reason"


def test_a_planted_long_file_is_found():
    planted = {"a.py": "x\n" * (MAX_LINES + 1), "b.py": "x\n" * MAX_LINES, "c.py": "x\n" * (MAX_LINES + 1)}
    assert too_long(planted, {"c.py": "a table that reads best whole"}) == [f"a.py: {MAX_LINES + 1} lines"]


def test_no_file_names_a_machine_or_a_registry():
    found = [line for path in tree.files() for line in foreign(str(path), tree.text(path) or "")]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "see " + "/wo" + "rk/main",
        "cd " + "/ro" + "ot/x",
        "https://py" + "pi.org/simple",
        'path = "' + "/home" + '/someone/x"',
    ],
)
def test_a_planted_name_of_a_machine_is_found(planted: str):
    assert len(foreign("planted", "fine\n" + planted)) == 1


@pytest.mark.parametrize("innocent", ["the frame" + "work/it", "/tmp/x", "http://127.0.0.1:8000/work/", "a/root/b"])
def test_what_only_looks_like_one_is_left_alone(innocent: str):
    assert foreign("innocent", innocent) == []


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert handrail.__version__ == project["version"]
    assert f"## {handrail.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_room_says_what_it_is_for():
    package = Path(handrail.__file__).parent
    rooms = [path.parent for path in package.glob("*/__init__.py")]
    assert len(rooms) >= 14
    says: Callable[[Path], bool] = lambda room: (room / "__init__.py").read_text().startswith('"""')  # noqa: E731
    assert [room.name for room in rooms if not says(room)] == []


def test_the_programme_can_be_told_to_be_licensed():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "END OF TERMS AND CONDITIONS" in (ROOT / "LICENSE").read_text()
