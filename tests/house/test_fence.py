"""The fence between the rooms holds, and is shown to fall when a forbidden import is planted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own contracts on the package below `folder`."""
    # lint-imports puts the current folder first on the path, so the copy is read and not the installed package.
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--config", folder / "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with every room of the project, empty, under the project's own contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "handrail"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "clock.py").touch()
    for room in (ROOT / "src" / "handrail").iterdir():
        if (room / "__init__.py").exists():
            (package / room.name).mkdir()
            (package / room.name / "__init__.py").touch()
    return tmp_path


def test_the_rooms_of_the_project_import_one_way():
    finished = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


def test_empty_rooms_keep_the_contracts(tree: Path):
    finished = lint(tree)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("rules", "people"),  # the rules know nobody
        ("rules", "clock"),  # the rules are given the time
        ("people", "records"),
        ("records", "alerts"),
        ("alerts", "actions"),
        ("actions", "web"),
        ("web", "api"),  # the doors never import one another
        ("jobs", "fhir"),
        ("jobs", "config"),
        ("config", "cli"),
        ("measures", "records"),
        ("measures", "planner"),
        ("planner", "clock"),
        ("planner", "django"),
    ],
)
def test_a_planted_import_is_found_and_named(tree: Path, importer: str, imported: str):
    target = "import django" if imported == "django" else f"import handrail.{imported}"
    (tree / "handrail" / importer / "planted.py").write_text(f"def later():\n    {target}\n")
    finished = lint(tree)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert f"handrail.{importer}.planted" in finished.stdout


def test_a_new_room_must_be_given_its_place(tree: Path):
    (tree / "handrail" / "attic").mkdir()
    (tree / "handrail" / "attic" / "__init__.py").touch()
    finished = lint(tree)
    assert finished.returncode == 1
    assert "attic" in finished.stdout
