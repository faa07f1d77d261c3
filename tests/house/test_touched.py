"""Which tests a change touches."""

import subprocess
from pathlib import Path

import pytest

from tools.touched import changed, touched

TREE = {
    "src/handrail/people/models/__init__.py": "from handrail.people.models.users import User\n",
    "src/handrail/people/models/users.py": "",
    "src/handrail/people/rota.py": "",
    "src/handrail/rules/redosing.py": "",
    "src/handrail/web/board.py": "",
    "src/handrail/web/templates/board.html": "",
    "tests/actions/test_shifts.py": "from handrail.people.models import Shift\nfrom handrail.people import (\n    rota,\n)\n",
    "tests/alerts/test_ladder.py": "from tests.support.world import World\n",
    "tests/conftest.py": "from tests.support import databases\n",
    "tests/drills/conftest.py": "from tests.support.installation import Prepared\n",
    "tests/drills/test_storm.py": "",
    "tests/fhir/conftest.py": "",
    "tests/fhir/test_read.py": "",
    "tests/people/test_rota.py": "",
    "tests/properties/test_heart.py": "",
    "tests/spec/test_redosing.py": "from handrail.rules.redosing import redosing\n",
    "tests/support/databases.py": "from tests.support.postgres import Server\n",
    "tests/support/installation.py": "",
    "tests/support/postgres.py": "",
    "tests/support/house.py": "import handrail.people.rota\n",
    "tests/support/world.py": "from tests.support.house import House\n",
    "tests/web/test_board.py": "",
    "tests/cli/test_reference.py": "from tools import reference\n",
    "tools/reference.py": "",
}
HELPED = "tests/alerts/test_ladder.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "files"),
    [
        # changed                               | run besides what always runs
        ("docs/index.md", []),
        ("tests/web/test_board.py", ["tests/web/test_board.py"]),
        ("tests/spec/test_redosing.py", []),  # runs always
        ("src/handrail/web/board.py", ["tests/web/test_board.py"]),
        ("src/handrail/web/templates/board.html", ["tests/web/test_board.py"]),
        ("src/handrail/rules/redosing.py", ["tests/properties/test_heart.py"]),
        # The folder of its room, a test that names it, and one whose helper's helper does.
        ("src/handrail/people/rota.py", ["tests/actions/test_shifts.py", HELPED, "tests/people/test_rota.py"]),
        ("src/handrail/people/models/users.py", ["tests/actions/test_shifts.py", "tests/people/test_rota.py"]),
        ("tests/support/house.py", [HELPED]),
        ("tests/support/world.py", [HELPED]),
        ("tests/fhir/conftest.py", ["tests/fhir/test_read.py"]),
        # No test names the conftest of its folder, nor what that rests on.
        ("tests/support/installation.py", ["tests/drills/test_storm.py"]),
        ("tools/reference.py", ["tests/cli/test_reference.py"]),
    ],
)
def test_what_a_change_touches(root: Path, path: str, files: list[str]):
    found = touched(root, [path])
    assert found is not None
    assert list(found.files) == files
    assert found.left == 8 - len(files)


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        "requirements-dev.lock",
        "tests/conftest.py",
        "tests/support/databases.py",
        "tests/support/postgres.py",  # through what the root of the tests imports
        "src/handrail/config/settings.py",
    ],
)
def test_what_every_test_rests_on_touches_every_test(root: Path, path: str):
    assert touched(root, ["docs/index.md", path]) is None


def test_where_nobody_knows_what_changed_every_test_runs(root: Path, monkeypatch: pytest.MonkeyPatch):
    assert changed(root) is None, "no repository"
    assert touched(root, None) is None
    assert touched(root, []) is None, "on main itself what was committed there does not show"
    monkeypatch.setenv("PATH", "")
    assert changed(root) is None, "no git"


def test_a_change_is_what_differs_from_main_committed_or_not(root: Path):
    def git(*words: str) -> None:
        who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
        subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "All of it")
    assert changed(root) == []
    git("checkout", "-q", "-b", "branch")
    (root / "src/handrail/people/rota.py").write_text("x = 1\n")
    git("commit", "-q", "-a", "-m", "Change")
    (root / "src/handrail/web/board.py").write_text("x = 1\n")
    (root / "src/handrail/web/new.py").write_text("")
    (root / "tests/fhir/test_read.py").unlink()
    assert changed(root) == [
        "src/handrail/people/rota.py",
        "src/handrail/web/board.py",
        "src/handrail/web/new.py",
        "tests/fhir/test_read.py",
    ]
    git("update-ref", "refs/remotes/origin/main", "main")
    git("checkout", "-q", "-B", "main", "branch")
    assert "src/handrail/people/rota.py" in changed(root), "committed on a local main, and not published"
