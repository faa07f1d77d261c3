"""A watcher that sleeps hears of a commit at once; one that hears nothing looks all the same when its time is over."""

import threading
import time

import pytest
from django.db import connection, connections, transaction

from handrail.alerts import ledger
from handrail.alerts.ledger import Wanted
from handrail.alerts.models import Alert
from handrail.alerts.wake import wake
from handrail.jobs import waking
from handrail.jobs.waking import Waker
from handrail.rules.paging import Step
from tests.support.factories import MONDAY_0900, World

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30.0
"""Seconds that no test sleeps to the end."""


@pytest.fixture
def waker():
    found = Waker()
    yield found
    found.close()


def beside(work) -> threading.Thread:
    """Do something in another thread, on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def sleep_ends(waker: Waker, work) -> bool:
    """Whether the sleep ends because of what another connection does while it lasts."""
    waker.mark()
    waker.wait(0)  # on PostgreSQL the first one begins to listen
    thread = beside(lambda: (time.sleep(0.1), work()))
    began = time.monotonic()
    waker.wait(LONG)
    thread.join()
    return time.monotonic() - began < LONG / 2


def open_alert(course) -> Alert:
    want = Wanted(
        key="a",
        urgency="soon",
        ladder="AMBER",
        what="?",
        because="",
        steps=(Step(who="first_on_call", wait_minutes=5),),
    )
    with transaction.atomic():
        return ledger.open_alert(course, want, MONDAY_0900)


def test_an_alert_that_is_committed_ends_the_sleep(waker):
    course = World().course
    assert sleep_ends(waker, lambda: open_alert(course))
    assert Alert.objects.count() == 1


def test_what_was_committed_before_the_sleep_began_is_not_slept_over(waker):
    """Between the look and the sleep: the next sleep is over at once."""
    course = World().course
    waker.mark()
    waker.wait(0)
    beside(lambda: open_alert(course)).join()
    began = time.monotonic()
    waker.wait(LONG)
    assert time.monotonic() - began < LONG / 2


def test_nothing_happens_and_the_sleep_lasts_as_long_as_it_was_told(waker):
    waker.mark()
    waker.wait(0)
    began = time.monotonic()
    waker.wait(0.1)
    assert 0.09 <= time.monotonic() - began < LONG


def test_another_thread_may_end_it(waker):
    assert sleep_ends(waker, waker.poke)


@pytest.mark.postgres
def test_what_is_undone_calls_nobody(waker):
    waker.wait(0)

    def undone() -> None:
        with transaction.atomic():
            wake()
            transaction.set_rollback(True)

    beside(undone).join()
    began = time.monotonic()
    waker.wait(0.2)
    assert time.monotonic() - began >= 0.19


@pytest.mark.postgres
def test_ears_that_break_are_no_reason_not_to_look(waker, monkeypatch, caplog):
    """Cut by the server: one sleep may be over at once, the next last as long as they were told, and later it listens again."""
    waker.wait(0)
    process = waker._ears.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    waker.wait(0.3)
    began = time.monotonic()
    waker.wait(0.3)
    waker.wait(0.3)
    assert time.monotonic() - began >= 0.55
    assert caplog.text.count("hears no calls") == 1
    monkeypatch.setattr(waker, "_listen_from", 0.0)
    assert sleep_ends(waker, wake)


@pytest.mark.postgres
def test_a_server_that_takes_no_more_connections_is_no_reason_not_to_look(waker, monkeypatch):
    monkeypatch.setattr(waking, "_ears", lambda: (_ for _ in ()).throw(OSError("no route")))
    began = time.monotonic()
    waker.wait(0.2)
    assert time.monotonic() - began >= 0.19
