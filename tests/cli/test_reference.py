"""The reference says what the commands really print and what a course file may really hold."""

import re
from pathlib import Path

import pytest

from handrail.cli.commands import DATABASE_COMMANDS
from handrail.rules.events import KINDS
from tools import reference

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_that_follows_from_the_code_has_grown_old():
    old = [str(path.relative_to(ROOT)) for path, text in reference.documents() if path.read_text() != text]
    assert old == [], "run `python tools/reference.py` and read what changed"


def test_every_command_is_described_and_every_description_is_a_command():
    page = (ROOT / "docs/reference/commands.md").read_text()
    described = set(re.findall(r"^## (\w+)$", page, flags=re.MULTILINE))
    assert described == {"assess", "replay", "grade", "setting", "schema", "protocols", *DATABASE_COMMANDS}
    assert set(re.findall(r"^\| \[`(\w+)`\]", page, flags=re.MULTILINE)) == described


def test_every_kind_has_a_row():
    page = (ROOT / "docs/reference/course-file.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \| [A-Z]", page, flags=re.MULTILINE)) == set(KINDS)


def test_a_planted_old_table_is_found():
    text = "before\n<!-- kinds -->\nold\n<!-- end of kinds -->\nafter\n"
    fresh = reference.between(text, "kinds", "new")
    assert fresh == "before\n<!-- kinds -->\n\nnew\n\n<!-- end of kinds -->\nafter\n"
    assert reference.between(fresh, "kinds", "new") == fresh
    with pytest.raises(SystemExit, match="no place for the table of facts"):
        reference.between(text, "facts", "new")


def test_a_planted_old_output_is_found():
    assert reference.console("$ echo new\nold\n$ echo other\n") == "$ echo new\nnew\n$ echo other\nother\n"
