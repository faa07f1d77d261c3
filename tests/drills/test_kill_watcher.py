"""The watcher is killed at every place between two effects, and at any moment: the page still arrives, and at most once more."""

import ast
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import handrail
from handrail.jobs import checkpoints
from tests.support.installation import DATABASES, Installation, wait_until

pytestmark = pytest.mark.drill
FAST = {"HANDRAIL_LEASE_SECONDS": "1", "HANDRAIL_SEND_LEASE_SECONDS": "2"}


def killed_at(place: Installation, name: str) -> None:
    """Start a watcher, let it come to a checkpoint, and kill it there."""
    mark = place.folder / "mark"
    watcher = place.start("watch", HANDRAIL_CHECKPOINT=name, HANDRAIL_CHECKPOINT_FILE=str(mark))
    wait_until(lambda: mark.exists() and mark.read_text(), f"the watcher comes to {name}")
    assert int(mark.read_text()) == watcher.pid
    os.kill(watcher.pid, signal.SIGKILL)
    assert watcher.wait() == -signal.SIGKILL


def settle(place: Installation, *, seconds: float = 15) -> None:
    """Wait until everything is sent, and a little longer for what should not come."""
    wait_until(place.settled, "every alert is paged and nothing waits", seconds=seconds)
    time.sleep(0.5)
    assert place.settled()


def assert_everybody_was_told(place: Installation, *, at_most: int) -> None:
    """On the screen once a step, by mail at least once and at most so often."""
    alerts, pages = place.open_alerts(), place.pages()
    assert {page.attempt for page in pages} == {0}, "nobody was paged before the time of the next step"
    assert Counter((page.alert, page.channel, page.state) for page in pages) == {
        (alert, channel, "sent"): 1 for alert in alerts for channel in ("on_screen", "email")
    }
    assert place.mail is not None
    mails = Counter(taken.message["Message-ID"] for taken in place.mail.arrived)
    assert set(mails) == {page.message_id for page in pages if page.channel == "email"}
    assert max(mails.values()) <= at_most, mails


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", checkpoints.NAMES)
def test_killed_at_a_checkpoint(prepared, mail, tmp_path, database, name):
    with prepared.installation(database, tmp_path, "overdue", mail=mail, **FAST) as place:
        killed_at(place, name)
        place.start("watch")
        settle(place)
        assert_everybody_was_told(place, at_most=2)
        assert len(place.open_alerts()) == 2, "the overdue check, and the welfare check"


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("name", checkpoints.EXPORT_NAMES)
def test_killed_within_an_export(prepared, tmp_path, database, name):
    """Each course is written once, whoever was killed over it."""
    with prepared.installation(database, tmp_path, "exporting", HANDRAIL_EXPORT_LEASE_SECONDS="1") as place:
        killed_at(place, name)
        place.start("watch")
        assert_exported_once(place, courses=2)


@pytest.mark.parametrize("database", DATABASES)
def test_two_watchers_write_an_export_once(prepared, tmp_path, database):
    with prepared.installation(database, tmp_path, "exporting", "6") as place:
        place.start("watch")
        place.start("watch")
        assert_exported_once(place, courses=6)


def assert_exported_once(place: Installation, *, courses: int) -> None:
    wait_until(lambda: place.rows("SELECT state FROM records_exportjob") == [("whole",)], "the export is whole")
    files = dict(place.rows("SELECT kind, lines FROM records_exportfile"))
    [(events,)] = place.rows("SELECT count(*) FROM records_event")
    assert (files["Patient"], files["courses"], files["events"]) == (courses, courses, events)


@pytest.mark.parametrize("database", DATABASES)
def test_never_killed_everybody_is_told_once(prepared, mail, tmp_path, database):
    """The drill can count: without a kill nothing arrives twice, with two watchers at once neither."""
    with prepared.installation(database, tmp_path, "overdue", mail=mail, **FAST) as place:
        place.start("watch")
        place.start("watch")
        settle(place)
        assert_everybody_was_told(place, at_most=1)


@pytest.mark.parametrize(("database", "seed"), [("sqlite", 1), ("postgres", 2)])
def test_killed_at_any_moment(prepared, mail, tmp_path, database, seed):
    """Twenty courses are late; three watchers one after the other are killed in the middle of them."""
    moments, kills = random.Random(seed), 3
    with prepared.installation(database, tmp_path, "overdue", "20", mail=mail, **FAST) as place:
        for _ in range(kills):
            before = len(mail.arrived)
            watcher = place.start("watch")
            mail.wait_for(before + 1)
            time.sleep(moments.uniform(0, 0.03))
            os.kill(watcher.pid, signal.SIGKILL)
            watcher.wait()
        assert len(mail.arrived) < 40, "the kills came in the middle of the work"
        place.start("watch")
        wait_until(lambda: len(place.open_alerts()) == 40, "every course is looked at", seconds=30)
        settle(place, seconds=30)
        assert_everybody_was_told(place, at_most=1 + kills)


def test_every_place_where_the_watcher_can_stop_is_drilled():
    """A new effect needs a checkpoint, and a new checkpoint needs its drill."""
    called = Counter(
        node.args[0].value
        for file in Path(handrail.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "checkpoint"
        if node.args and isinstance(node.args[0], ast.Constant)
    )
    assert called == Counter((*checkpoints.NAMES, *checkpoints.EXPORT_NAMES)), (
        "each name is called at exactly one place"
    )
    (drilled,) = [mark for mark in test_killed_at_a_checkpoint.pytestmark if mark.args[0] == "name"]
    assert tuple(drilled.args[1]) == checkpoints.NAMES
    (exporting,) = [mark for mark in test_killed_within_an_export.pytestmark if mark.args[0] == "name"]
    assert tuple(exporting.args[1]) == checkpoints.EXPORT_NAMES


def test_a_checkpoint_that_nobody_drills_is_an_error():
    with pytest.raises(KeyError):
        checkpoints.checkpoint("no_such_place")
