"""How fast those who asked were called back: median, 90th centile, and the share within the promise.

An ask that nobody has settled is no missing value: once its promise is broken it counts as later than every call that was made, so that
calls that were never made cannot make the figures look better. One whose promise still runs is not counted yet, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from handrail.rules.call_back import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of some asks. `median`, `centile_90`: None: nothing counts yet, or at that rank nobody was called.

    `counted`: settled, or late. `not_called`: late, and nobody has called yet. `running`: within the promise still.
    """

    asked: int
    counted: int
    within: int
    late: int
    not_called: int
    running: int
    median: timedelta | None
    centile_90: timedelta | None

    @property
    def share(self) -> Decimal | None:
        """Per cent within the promise, of those counted."""
        return round(Decimal(100 * self.within) / self.counted, 1) if self.counted else None


def took(ask: Ask) -> timedelta | None:
    """From the ask to the call that reached somebody; None: none did yet."""
    return ask.made.at - ask.at if ask.made is not None else None


def figures(asks: Iterable[Ask], now: datetime) -> Figures:
    """The figures at `now`."""
    known = list(asks)
    counted = [each for each in known if each.made is not None or each.late(now)]
    late = [each for each in counted if each.late(now)]
    waits = sorted(wait for each in counted if (wait := took(each)) is not None)
    return Figures(
        asked=len(known),
        counted=len(counted),
        within=len(counted) - len(late),
        late=len(late),
        not_called=len(counted) - len(waits),
        running=len(known) - len(counted),
        median=_centile(waits, len(counted), 50),
        centile_90=_centile(waits, len(counted), 90),
    )


def _centile(waits: Sequence[timedelta], counted: int, centile: int) -> timedelta | None:
    """The nearest rank of `counted` values, of which those beyond `waits` are longer than all; None: there, nobody was called."""
    rank = -(-counted * centile // 100)
    return waits[rank - 1] if 1 <= rank <= len(waits) else None
