"""A database in use is brought to a later state: tables are rebuilt, and every guard stands again afterwards."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
BEFORE = "0022_training"
"""The state before a table that another one's guard reads was rebuilt."""


def migrate(database: Path, *words: str) -> None:
    env = {**os.environ, "HANDRAIL_MODE": "test", "HANDRAIL_DATABASE_URL": f"sqlite:///{database}"}
    command = [sys.executable, "-m", "handrail.cli", "migrate", "--verbosity", "0", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def guards(database: Path) -> dict[str, str]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'guard%'")
        return dict(rows.fetchall())


def test_sqlite_goes_back_and_forward_over_a_rebuilt_table_and_keeps_its_guards(tmp_path: Path):
    database = tmp_path / "practice.db"
    migrate(database)
    whole = guards(database)
    assert "guard_people_referralentry_referral_id_insert" in whole
    migrate(database, "people", BEFORE)
    migrate(database)
    assert guards(database) == whole
