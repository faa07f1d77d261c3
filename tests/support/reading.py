"""Which courses' rows were read: a page of one course has no business with the facts of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from handrail.people.models import RemsDispense, RemsReport
from handrail.records.models import Event

OF_A_COURSE: tuple[type[Model], ...] = (Event, RemsDispense, RemsReport)
"""What is kept of a course, and grows with the number of courses."""


@contextmanager
def only_of(course_id: UUID) -> Iterator[None]:
    """Within it, every question about the rows of courses names this course; one that does not would read those of others too.

    Raises:
        AssertionError: on leaving, with the questions.
    """
    with CaptureQueriesContext(connection) as asked:
        yield
    tables = [f'FROM "{model._meta.db_table}"' for model in OF_A_COURSE]
    about = [each["sql"] for each in asked if any(table in each["sql"] for table in tables)]
    assert about, "nothing was read of any course"
    wide = [sql for sql in about if course_id.hex not in sql]
    assert not wide, "read the rows of every course:\n" + "\n".join(wide)
