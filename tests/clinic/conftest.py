"""The clinic of a story: fake phones, a clock that jumps, the real watcher. See `tests/support/clinic.py`."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def clinic(db: None) -> Iterator[Any]:
    from tests.support.clinic import open_clinic  # needs Django, which is set up after this file is read

    with open_clinic() as found:
        yield found
