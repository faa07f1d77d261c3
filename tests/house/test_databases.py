"""Which tests run on which database."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.support import databases


@dataclass
class Item:
    """As much of a collected test as the choice looks at."""

    name: str
    marks: tuple[str, ...] = ()
    fixturenames: tuple[str, ...] = ()
    added: list[pytest.MarkDecorator] = field(default_factory=list)

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        self.added.append(marker)


def items() -> list[Item]:
    return [
        Item("rule"),
        Item("by mark", ("django_db",)),
        Item("by fixture", (), ("db",)),
        Item("journey", ("browser",), ("live_server",)),
        Item("drill", ("drill", "django_db")),
        Item("postgres only", ("postgres",)),
    ]


@pytest.fixture
def dropped() -> list[str]:
    return []


@pytest.fixture
def config(dropped: list[str]) -> SimpleNamespace:
    return SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: dropped.extend(i.name for i in items)))


def test_on_sqlite_everything_runs_but_what_needs_postgres(monkeypatch, config, dropped):
    monkeypatch.setenv(databases.VARIABLE, "sqlite")
    chosen = items()
    databases.select(config, chosen)
    assert [item.name for item in chosen if item.added] == ["postgres only"]
    assert dropped == []


def test_no_test_is_named_after_an_identifier_that_another_process_does_not_share(monkeypatch, config):
    monkeypatch.setenv(databases.VARIABLE, "sqlite")
    chosen = [Item("rule"), Item(f"test_a_nurse[{uuid4()}]")]
    with pytest.raises(pytest.UsageError, match=r"test_a_nurse\[.*\]: name the case by `ids=`"):
        databases.select(config, chosen)


def test_on_postgres_only_what_touches_a_database_runs_again(monkeypatch, config, dropped):
    monkeypatch.setenv(databases.VARIABLE, "postgres")
    chosen = items()
    databases.select(config, chosen)
    assert [item.name for item in chosen] == ["by mark", "by fixture", "postgres only"]
    assert dropped == ["rule", "journey", "drill"]


def test_an_unknown_database_is_refused(monkeypatch):
    monkeypatch.setenv(databases.VARIABLE, "oracle")
    with pytest.raises(pytest.UsageError, match="must be one of sqlite, postgres"):
        databases.chosen()


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["tests/rules", "tests/spec/test_x.py::test_y"], False),
        (["tests/records"], True),
        (["tests/rules", "tests/web"], True),
        (["tests"], True),
        (["."], True),
        ([], False),
    ],
)
def test_django_is_set_up_only_for_tests_that_may_need_it(tmp_path: Path, arguments: list[str], needed: bool):
    config = SimpleNamespace(rootpath=tmp_path, args=arguments, invocation_params=SimpleNamespace(dir=tmp_path))
    assert databases.needs_django(config) is needed
