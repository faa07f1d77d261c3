"""How a watcher sleeps: until the time it was given, or until something was committed that may be due.

It never has to hear: whatever is wrong with the listening, it sleeps as long as it was told and looks again.
"""

from __future__ import annotations

import logging
import os
import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from handrail.alerts.wake import CHANNEL

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

GLANCE_SECONDS: Final = 0.02
"""How often a watcher on SQLite asks whether the file has changed: some 20 microseconds each."""
AGAIN_SECONDS: Final = 5.0
"""How long it sleeps by the clock alone after its listening broke off."""
CONNECT_SECONDS: Final = 3
AWAY: Final = (OperationalError, InterfaceError, InternalError)
"""The database is gone, locked, or takes no writes for a while (a server that only reads after a fail-over)."""


class Waker:
    """The sleep of one watcher."""

    def __init__(self) -> None:
        self._ears: psycopg.Connection | None = None
        self._listen_from = 0.0
        self._version: int | None = None
        self._inside, self._outside = os.pipe()
        os.set_blocking(self._inside, False)
        os.set_blocking(self._outside, False)

    def mark(self) -> None:
        """From here on a change of the database counts: called before a look, so that none falls between the look and the sleep."""
        if connection.vendor == "sqlite":
            self._version = _version()

    def poke(self) -> None:
        """End the sleep from another thread of this process."""
        with suppress(BlockingIOError):
            os.write(self._outside, b".")

    def wait(self, seconds: float) -> None:
        """Sleep so long, or until something may be due."""
        if connection.vendor == "sqlite":
            self._glance(seconds)
        elif connection.vendor == "postgresql" and time.monotonic() >= self._listen_from:
            self._listen(seconds)
        else:
            self._doze(seconds)

    def _doze(self, seconds: float, *also: psycopg.Connection) -> bool:
        """Sleep until poked, or until one of the connections has something to say; True when something did."""
        sources: list[int] = [self._inside, *(each.fileno() for each in also)]
        woken, _, _ = select.select(sources, [], [], max(0.0, seconds))
        if self._inside in woken:
            with suppress(BlockingIOError):
                os.read(self._inside, 4096)
        return bool(woken)

    # --- SQLite ------------------------------------------------------------------------------------------------------

    def _glance(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        try:
            while (left := ends - time.monotonic()) > 0 and _version() == self._version:
                if self._doze(min(GLANCE_SECONDS, left)):
                    return
        except DatabaseError:
            self._doze(ends - time.monotonic())

    # --- PostgreSQL --------------------------------------------------------------------------------------------------

    def _listen(self, seconds: float) -> None:
        import psycopg

        ends = time.monotonic() + seconds
        try:
            if self._ears is None:
                self._ears = _ears()
                return  # to look once more: what was called before was not heard
            if self._doze(seconds, self._ears):
                for _ in self._ears.notifies(timeout=0):
                    pass  # that somebody called is all there is to know
        except (psycopg.Error, OSError) as error:
            log.warning("the watcher hears no calls (%s); it looks by the clock", type(error).__name__)
            self._deafen()
            self._listen_from = time.monotonic() + AGAIN_SECONDS
            self._doze(ends - time.monotonic())

    def _deafen(self) -> None:
        ears, self._ears = self._ears, None
        if ears is not None:
            ears.close()

    def close(self) -> None:
        """Give everything back; it cannot be used any more."""
        self._deafen()
        os.close(self._inside)
        os.close(self._outside)


def _version() -> int:
    """A number that changes when another connection has written to the file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])


def _ears() -> psycopg.Connection:
    """A connection of its own to listen on: that of the work may be in the middle of a transaction."""
    import psycopg

    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    ears = psycopg.connect(**{"connect_timeout": CONNECT_SECONDS, **parameters}, autocommit=True)
    try:
        ears.execute(f"LISTEN {CHANNEL}")
    except BaseException:
        ears.close()
        raise
    return ears
