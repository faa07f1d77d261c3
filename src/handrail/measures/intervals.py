"""How sure is a rate? The Wilson interval, and how much wider it is for those of whom nobody knows.

E. B. Wilson, J Am Stat Assoc 1927;22:209-212, <https://doi.org/10.1080/01621459.1927.10502953>.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.95
_Z: Final = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Both ends of an interval of a share, 0 to 1."""

    low: float
    high: float


def wilson(events: int, of: int) -> Interval | None:
    """The 95% interval of `events` out of `of`; None of nobody."""
    if of == 0:
        return None
    share, spread = events / of, _Z * _Z / of
    middle = share + spread / 2
    half = _Z * sqrt(share * (1 - share) / of + spread / (4 * of))
    # at the edges the formula gives 0 and 1, which rounding would miss
    low = 0.0 if events == 0 else (middle - half) / (1 + spread)
    high = 1.0 if events == of else (middle + half) / (1 + spread)
    return Interval(low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many had it, had it not, and of how many nobody knows."""

    yes: int
    no: int
    not_known: int

    @property
    def known(self) -> int:
        """Those with a known answer: the denominator."""
        return self.yes + self.no

    @property
    def all(self) -> int:
        """Known and not known."""
        return self.yes + self.no + self.not_known

    @property
    def share(self) -> float | None:
        """Of those known; None of nobody."""
        return self.yes / self.known if self.known else None

    @property
    def interval(self) -> Interval | None:
        """The Wilson interval of those known: it says nothing of the others."""
        return wilson(self.yes, self.known)

    @property
    def whole(self) -> Interval | None:
        """From the lower end if none of those not known had it, to the upper end if all of them had.

        One more that is not known never makes it narrower.
        """
        low, high = wilson(self.yes, self.all), wilson(self.yes + self.not_known, self.all)
        return Interval(low=low.low, high=high.high) if low is not None and high is not None else None


def rate(answers: Iterable[bool | None]) -> Rate:
    """The rate of these answers; None is not known."""
    told = list(answers)
    yes, no = told.count(True), told.count(False)
    return Rate(yes=yes, no=no, not_known=len(told) - yes - no)
