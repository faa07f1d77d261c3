"""What the tests of a module begin with, made once: each test gets a copy, and what it writes is taken back after it.

    the_world = made_once(make_world)

    @pytest.fixture
    def world(db, the_world):
        yield deepcopy(the_world)

The rows lie in a transaction that ends with the module; each test's own transaction, which the marker `django_db` opens, lies
within it. Not for tests with real transactions (`transaction=True`): those see only what was committed.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from pytest_django import DjangoDbBlocker

Made = TypeVar("Made")


def made_once(make: Callable[[], Made]) -> Any:
    """A fixture of a module that yields what `make` returned, with its rows in the database until the module has ended."""

    @pytest.fixture(scope="module")
    def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Made]:
        from django.db import transaction

        from tests.support.factories import with_its_watcher

        with django_db_blocker.unblock(), transaction.atomic():
            with with_its_watcher():
                made = make()
            yield made
            transaction.set_rollback(True)

    return made
