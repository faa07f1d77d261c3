"""The runner counts honestly: what failed is never a success, and nothing run is not a success either."""

from pathlib import Path

import pytest

from tools import run_tests
from tools.run_tests import Count
from tools.touched import Touched

PASSES = "def test_a(): pass\ndef test_b(): pass\n"
FAILS = "def test_c(): assert False\n"
ERRS = "import pytest\n@pytest.fixture\ndef broken(): raise RuntimeError\ndef test_d(broken): pass\n"
SKIPS = "import pytest\n@pytest.mark.skip(reason='not here')\ndef test_e(): pass\n"
DOES_NOT_LOAD = "import no_such_module_anywhere\n"


def count_of(folder: Path, source: str) -> tuple[Count, bool]:
    """Run pytest on one planted file, outside of the project."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    planted = folder / "test_planted.py"
    planted.write_text(source)
    return run_tests.run_tests(
        "planted", [str(planted), "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), "-p", "no:django"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "count", "well"),
    [
        (PASSES, Count(2, 0, 0), True),
        (PASSES + FAILS, Count(2, 1, 0), False),
        (PASSES + ERRS, Count(2, 1, 0), False),
        (PASSES + SKIPS, Count(2, 0, 1), True),
        (DOES_NOT_LOAD, Count(0, 1, 0), False),
        ("", Count(0, 0, 0), True),
    ],
)
def test_a_run_is_counted(tmp_path: Path, source: str, count: Count, well: bool):
    assert count_of(tmp_path, source) == (count, well)


@pytest.mark.slow
def test_a_run_that_died_counts_nothing_and_is_not_well(tmp_path: Path):
    assert count_of(tmp_path, "import os\nos._exit(3)\n") == (Count(), False)


@pytest.mark.parametrize(
    ("count", "well", "wrong", "status"),
    [
        (Count(3, 0, 1), True, "", 0),
        (Count(3, 1, 0), False, "", 1),
        (Count(3, 0, 0), False, "", 1),  # pytest itself went wrong
        (Count(3, 0, 0), True, "E501", 1),  # a check failed
        (Count(0, 0, 0), True, "", 1),  # nothing ran
        (Count(0, 0, 5), True, "", 1),
    ],
)
def test_the_exit_status_and_the_last_line_tell_the_truth(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: Count,
    well: bool,
    wrong: str,
    status: int,
):
    results = iter([(count, well), (Count(), True)])
    monkeypatch.setattr(run_tests, "run_tests", lambda *_: next(results))
    monkeypatch.setattr(run_tests, "run_checks", lambda _: [("ruff check", 0.1, wrong)])
    assert run_tests.main(["fast"]) == status
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [(Touched(files=("tests/web/test_board.py",), left=7), "7 other files did not"), (None, "every fast test ran")],
)
def test_what_a_quick_run_leaves_out_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: Touched | None, sentence: str
):
    asked: list[list[str]] = []

    def run(name: str, options: list[str], environment: dict[str, str]) -> tuple[Count, bool]:
        asked.append(options)
        return Count(1, 0, 0), True

    monkeypatch.setattr(run_tests, "run_tests", run)
    monkeypatch.setattr(run_tests, "run_checks", lambda _: [])
    monkeypatch.setattr(run_tests, "touched", lambda *_: found)
    assert run_tests.main(["quick"]) == 0
    said = capsys.readouterr().out
    assert sentence in said
    assert ("nothing that is marked browser, postgres, drill or slow" if found else "and no other") in said
    assert "Before you offer the change: make test." in said
    if found is None:
        assert asked == [options for _, options, _ in run_tests.runs_of(everything=False)]
    else:
        assert [word for word in asked[0] if word.startswith("tests/")] == [
            *(f"tests/{folder}" for folder in run_tests.ALWAYS),
            "tests/web/test_board.py",
        ]


def test_a_check_that_fails_is_reported_with_what_it_said():
    results = run_tests.run_checks({"fine": ["true"], "loud": ["sh", "-c", "echo wrong; exit 3"], "mute": ["false"]})
    assert [(name, said) for name, _, said in results] == [("fine", ""), ("loud", "wrong"), ("mute", "exit status 1")]


def test_an_unknown_word_is_refused(capsys: pytest.CaptureFixture[str]):
    assert run_tests.main(["some"]) == 2
    assert "usage" in capsys.readouterr().err
