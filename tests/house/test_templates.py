"""The migrated database that the tests copy: made once for one text, and never met by another text."""

import ast
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.support import templates
from tests.support.templates import BESIDES, TemplateNotMade, Templates, read_sources

PACKAGE = templates.ROOT / "src" / "handrail"
MIGRATION = "handrail/records/migrations/0001_initial.py"
# As much of a project as the template asks for: every line of every migration becomes a table.
MANAGE = """
import os, pathlib, sqlite3, sys
rooms = pathlib.Path(__file__).parents[1]
with (rooms.parent / "runs").open("a") as runs:
    runs.write("x")
address = os.environ["HANDRAIL_DATABASE_URL"].removeprefix("sqlite:///")
with sqlite3.connect(address) as connection:
    connection.execute("PRAGMA journal_mode=WAL")
    for migration in sorted(rooms.glob("*/migrations/*.py")):
        for table in migration.read_text().split():
            connection.execute(f"CREATE TABLE {table} (id int)")
"""


@pytest.fixture
def project(tmp_path: Path) -> Templates:
    """A planted project with one migration, which makes the table `course`."""
    source = tmp_path / "src"
    for name, text in (
        ("handrail/__init__.py", ""),
        ("handrail/clock.py", ""),
        ("handrail/config/__init__.py", ""),
        ("handrail/config/manage.py", MANAGE),
        ("handrail/records/guards.py", ""),
        ("handrail/web/pages.py", ""),
        (MIGRATION, "course"),
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return Templates(folder=tmp_path / "templates", source=source)


def tables(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        found = [row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    connection.close()
    return found


def copy(project: Templates) -> list[str]:
    """The tables of a new copy."""
    to = project.folder.parent / "copy.db"
    project.sqlite(to)
    return tables(to)


def runs(project: Templates) -> int:
    return len((project.source / "runs").read_text())


def test_the_same_text_is_migrated_once(project: Templates):
    assert [copy(project) for _ in range(3)] == [["course"]] * 3
    assert runs(project) == 1


def test_a_migration_whose_text_changes_is_run_anew(project: Templates):
    copy(project)
    file = project.source / MIGRATION
    before = file.stat()
    file.write_text("cohort")  # as long as it was, and as old by its date
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert copy(project) == ["cohort"]
    assert runs(project) == 2


@pytest.mark.parametrize(
    ("name", "anew"),
    [
        ("handrail/records/migrations/0002_more.py", True),
        ("handrail/records/guards.py", True),
        ("handrail/records/models/course.py", True),
        ("handrail/config/settings.py", True),
        ("handrail/clock.py", True),
        ("handrail/web/pages.py", False),  # follows from the database, not the other way round
    ],
)
def test_every_text_that_the_database_follows_from_counts(project: Templates, name: str, anew: bool):
    copy(project)
    (project.source / name).parent.mkdir(exist_ok=True)
    (project.source / name).write_text("changed")
    copy(project)
    assert runs(project) == (2 if anew else 1)


def test_another_version_of_a_package_or_of_the_database_is_another_template(
    project: Templates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    one = project.fingerprint("sqlite 3.40")
    assert project.fingerprint("sqlite 3.40") == one
    assert project.fingerprint("sqlite 3.41") != one
    (tmp_path / "packages" / "django-5.2.99.dist-info").mkdir(parents=True)
    monkeypatch.setattr(templates.django, "__file__", str(tmp_path / "packages" / "django" / "__init__.py"))
    assert project.fingerprint("sqlite 3.40") != one


def test_what_was_made_while_its_text_changed_is_thrown_away(project: Templates):
    manage = project.source / "handrail/config/manage.py"
    changes = f"\nif (rooms.parent / 'runs').read_text() == 'x': (rooms.parent / {MIGRATION!r}).write_text('cohort')\n"
    manage.write_text(MANAGE + changes)
    assert copy(project) == ["cohort"]
    assert runs(project) == 2


def test_a_migration_that_fails_leaves_nothing_and_is_said(project: Templates):
    (project.source / MIGRATION).write_text("course course")
    with pytest.raises(TemplateNotMade, match="table course already exists"):
        copy(project)
    assert [file.name for file in project.folder.iterdir()] == ["lock"]


def test_only_the_newest_are_kept_and_nothing_of_a_process_that_was_killed(project: Templates):
    (project.folder / "tmpkilled").mkdir(parents=True)
    (project.folder / "other.sql").write_text("of another database")
    for number in range(templates.KEPT + 3):
        (project.source / MIGRATION).write_text(f"course_{number}")
        assert copy(project) == [f"course_{number}"]
    assert len(list(project.folder.glob("*.db"))) == templates.KEPT
    assert {file.name for file in project.folder.iterdir() if file.suffix != ".db"} == {"lock", "other.sql"}


def test_a_migration_and_a_guard_rest_on_nothing_that_is_not_read():
    """Every import of the project in a migration or a guard is among the files of the fingerprint."""
    read = read_sources(PACKAGE)
    rooms = {str(file.relative_to(PACKAGE).parts[0]) for file in read}
    assert {"people", "records", "alerts", *BESIDES} == rooms
    checked = [file for file in read if {"migrations", "guards"} & set(file.parts) or file.name == "owned.py"]
    assert len(checked) > 50
    for file in checked:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("handrail."):
                    room = name.split(".")[1]
                    assert room in rooms or f"{room}.py" in rooms, f"{file} imports {name}"


@pytest.mark.slow
def test_a_changed_text_of_a_real_migration_is_seen_in_the_copy(tmp_path: Path):
    source = tmp_path / "src"
    shutil.copytree(PACKAGE, source / "handrail", ignore=shutil.ignore_patterns("__pycache__"))
    project = Templates(folder=templates.Templates().folder, source=source)
    project.sqlite(tmp_path / "before.db")  # the same text in another place: the template of this very tree
    file = source / "handrail/records/migrations/0009_imports.py"
    file.write_text(file.read_text().replace("records_importbatch_once", "planted_once"))
    Templates(folder=tmp_path / "templates", source=source).sqlite(tmp_path / "after.db")
    assert "planted_once" not in definitions(tmp_path / "before.db")
    assert "planted_once" in definitions(tmp_path / "after.db")
    assert definitions(tmp_path / "after.db").count("CREATE TRIGGER") > 50, "the guards stand in the copy"


def definitions(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        found = "\n".join(row[0] or "" for row in connection.execute("SELECT sql FROM sqlite_master"))
    connection.close()
    return found
