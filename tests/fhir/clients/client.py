"""Readers of health links that nobody here wrote, for the tests; a test asks with the fixture `open_links`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.npm import installed, needs_node

HERE = Path(__file__).resolve().parent
READERS = ("jose", "kill-the-clipboard")
OpenLinks = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def open_links(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each reader made of its link, in the same order (`open_links.mjs`)."""
    done = subprocess.run(
        ["node", str(HERE / "open_links.mjs")],
        cwd=installed(HERE, "clients"),
        input="".join(json.dumps(each) + "\n" for each in links),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(links), "a reader said nothing about some links"
    return found


@pytest.fixture(name="open_links", scope="session")
def open_links_fixture() -> OpenLinks:
    """`open_links([{"by": …, "link": …, "recipient": …}, …])`."""
    needs_node("no independent reader can open a health link")
    return open_links
