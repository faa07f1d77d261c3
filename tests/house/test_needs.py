"""Every need of a programme has its row, and every test that a row names exists and can be run."""

import ast
from pathlib import Path

import pytest

from tools import needs

ROOT = Path(__file__).resolve().parents[2]


def named_in(file: Path) -> set[str]:
    """The tests of a file, as they are called."""
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def missing(tests: list[str]) -> list[str]:
    """Those that are not there, or name no test."""
    wrong = []
    for test in tests:
        file, _, name = test.partition("::")
        path = ROOT / file
        if not path.is_file() or name not in named_in(path):
            wrong.append(test)
    return wrong


def test_there_are_88_needs_each_in_its_place():
    assert list(needs.needs()) == [f"T-{number:02}" for number in range(1, 89)]
    assert len(set(needs.needs().values())) == 88, "no two say the same"


def test_every_named_test_exists():
    assert missing([test for tests in needs.tests_of_needs().values() for test in tests]) == []


@pytest.mark.parametrize(
    "planted",
    [
        "tests/house/test_needs.py",
        "tests/house/test_needs.py::test_that_was_renamed",
        "tests/house/test_gone.py::test_every_named_test_exists",
    ],
)
def test_a_planted_test_that_is_not_there_is_found(planted: str):
    assert missing([planted]) == [planted]


def test_a_test_named_after_a_need_stands_in_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = ROOT / "tests" / "trace" / "test_planted.py"
    monkeypatch.setattr(needs, "PERFORMED", tmp_path)
    monkeypatch.setattr(needs, "ROOT", tmp_path)
    (tmp_path / file.name).write_text("def test_t17_the_missing_one_is_named(): ...\n")
    assert needs.tests_of_needs()["T-17"] == ["test_planted.py::test_t17_the_missing_one_is_named"]
    row = next(line for line in needs.page().splitlines() if line.startswith("| T-17 "))
    assert row.endswith("[the missing one is named](../../test_planted.py) |")
    (tmp_path / file.name).write_text("def test_t44_t51_both(): ...\n")
    rows = [line for line in needs.page().splitlines() if line.endswith("[both](../../test_planted.py) |")]
    assert [row[:6] for row in rows] == ["| T-44", "| T-51"]
    (tmp_path / file.name).write_text("def test_t99_of_nothing(): ...\n")
    with pytest.raises(ValueError, match="T-99"):
        needs.tests_of_needs()


def test_a_need_without_a_test_says_so():
    words, tests = needs.needs(), needs.tests_of_needs()
    open_ = [need for need in words if not tests[need]]
    rows = {line.split(" | ")[0].strip("| "): line for line in needs.page().splitlines() if line.startswith("| T-")}
    assert [need for need, row in rows.items() if row.endswith("| none yet |")] == open_
