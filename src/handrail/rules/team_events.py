"""Who of the team looks after a patient by name. People are ids, never names; no rule reads it: whoever is on call answers a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class NursesNamed:
    """The patient's nurse and the deputy, by the ids of persons; null: nobody. The latest one counts, as a whole."""

    nurse: str | None = None
    deputy: str | None = None


TEAM: Final[dict[str, type[Any]]] = {"nurses_named": NursesNamed}
"""The payload of each such kind."""
TEAM_WORDS: Final = {"nurses_named": "nurse and deputy named"}
"""Each such kind as a person says it."""
