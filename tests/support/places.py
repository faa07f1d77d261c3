"""An alert about a place, as something that looks after a site would raise it."""

from typing import Any

from handrail.alerts.ledger import Wanted
from handrail.rules.paging import Step


def trouble(key: str = "place:test:a", **fields: Any) -> Wanted:
    """Something that pages the site manager, then the director, an hour each."""
    defaults = {
        "urgency": "today",
        "ladder": "GREEN",
        "what": "nobody is first on call on Sunday",
        "because": "the rota has no shift then",
        "steps": (Step(who="site_manager", wait_minutes=60), Step(who="director", wait_minutes=60)),
    }
    return Wanted(key=key, **{**defaults, **fields})
