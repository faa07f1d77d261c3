"""A site that shows everything a REMS asks, so that a test takes one thing away."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from handrail.rules.rems_desk import Ask, Paper, Person, Place
from handrail.rules.rems_doses import Dispense

DAY = date(2026, 3, 9)
CHICAGO = "America/Chicago"
SHARED = "tecvayli_talvey"
ANA, BO, CY = (Person(id=name.lower(), name=f"Synthetic {name}") for name in ("Ana", "Bo", "Cy"))
"""Ana prescribes; Bo represents the site; Cy is the deputy and dispenses."""
PLACE = Place(id="site", name="Elm Clinic", zone=CHICAGO, menders=("Synthetic Dee (site manager)",), prescribers=(ANA,), staff=(CY,))  # fmt: skip


def paper(kind: str, **fields: Any) -> Paper:
    """A paper of the shared programme that holds from New Year and does not run out, unless told otherwise."""
    usual: dict[str, Any] = {"programme": SHARED, "from_on": date(2026, 1, 1), "id": kind}
    if not {"until", "no_end"} & set(fields):
        usual["no_end"] = True
    return Paper(kind=kind, **{**usual, **fields})  # type: ignore[arg-type]


def papers() -> tuple[Paper, ...]:
    """All that the shared programme asks of Elm Clinic for teclistamab."""
    return (
        paper("setting", site="site"),
        paper("dispenser", site="site", licence="pharmacy"),
        paper("representative", site="site", who=BO),
        paper("deputy", site="site", who=CY),
        paper("prescriber", who=ANA, reference="P-1"),
        paper("training", who=ANA, product="teclistamab", version="2"),
        paper("training", who=CY, product="teclistamab", version="2"),
    )


def dispense(**fields: Any) -> Dispense:
    """A whole dispense record of the day."""
    at = datetime(2026, 3, 9, 13, 0, tzinfo=UTC)
    usual: dict[str, Any] = {"course": "c", "on": DAY, "checked": True, "code": "RDA-1", "obtained_at": at}
    return Dispense(**{**usual, "recorded_at": at, "by": "Synthetic Cy", "how": "portal", "id": "d1", **fields})


def ask(**fields: Any) -> Ask:
    """A dose of teclistamab for which everything is there."""
    whole = Ask(
        product="teclistamab",
        jurisdiction="US",
        place=PLACE,
        on=DAY,
        prescriber=ANA,
        papers=papers(),
        dispenses=(dispense(),),
    )
    return replace(whole, **fields)


def without(kind: str, *more: Paper) -> tuple[Paper, ...]:
    """The papers without those of a kind, and with others."""
    return (*(each for each in papers() if each.kind != kind), *more)
