"""Tocilizumab for CRS: the amount, the gap between doses and the number in one event.

A warning is loud and never prevents recording or giving rescue treatment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from handrail.rules.answer import Finding
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.history import History
from handrail.rules.policy import Policy
from handrail.rules.terms import Urgency, say_instant

TREATMENT_PURPOSES = ("treatment", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TocilizumabAnswer:
    """What the policy says of one more dose at an instant: amount in mg, and every warning."""

    mg: Decimal | None
    capped: bool
    warnings: tuple[Finding, ...]
    changes_at: tuple[datetime, ...] = ()


def tocilizumab_amount(weight_kg: Decimal | None, policy: Policy) -> tuple[Decimal | None, bool]:
    """Milligrams of one treatment dose for a weight in kg, and whether the cap cut it. None without a weight."""
    if weight_kg is None:
        return None, False
    row = policy.tocilizumab
    wanted = row.mg_per_kg * weight_kg
    return (row.cap_mg, True) if wanted > row.cap_mg else (wanted, False)


def above_the_cap(history: History, policy: Policy, since: datetime | None) -> tuple[Finding, ...]:
    """Tocilizumab doses after `since` (all of them, when None) of more milligrams than one dose has at most."""
    row = policy.tocilizumab
    above = [
        e
        for e in history.of("medicine_given")
        if is_tocilizumab(e.body.agent)
        and e.body.dose_mg is not None
        and e.body.dose_mg > row.cap_mg
        and (since is None or e.at >= since)
    ]
    return tuple(
        Finding(
            rule="management",
            what=f"Tocilizumab {e.body.dose_mg} mg is on record: one dose has at most {row.cap_mg} mg",
            urgency=Urgency.TODAY,
            owner="prescriber",
            because=f"recorded at {say_instant(e.at, history.course.time_zone)}; it counts as given, also when the amount "
            "was a slip of the pen: correct it then",
            source=policy.source(row.source),
        )
        for e in above
    )


def another_tocilizumab(
    history: History, policy: Policy, now: datetime, weight_kg: Decimal | None, event_since: datetime | None
) -> TocilizumabAnswer:
    """Whether one more dose at `now` meets a limit.

    The gap counts from the last dose of any purpose; the number counts treatment doses since `event_since`, the
    beginning of the CRS event.
    """
    row = policy.tocilizumab
    mg, capped = tocilizumab_amount(weight_kg, policy)
    given = [e for e in history.of("medicine_given") if is_tocilizumab(e.body.agent) and e.at <= now]
    warnings: list[Finding] = []
    changes: list[datetime] = []
    source = policy.source(row.source, "tocilizumab")
    if given:
        free_at = given[-1].at + timedelta(hours=row.min_hours_between)
        changes.append(free_at)
        if now < free_at:
            warnings.append(
                Finding(
                    rule="management",
                    what=f"Less than {row.min_hours_between} h since the last tocilizumab: not before "
                    f"{say_instant(free_at, history.course.time_zone)}; use the steroid path meanwhile",
                    urgency=Urgency.NOW,
                    owner="prescriber",
                    because=f"last dose at {say_instant(given[-1].at, history.course.time_zone)}; rescue treatment can always be recorded",
                    source=source,
                )
            )
    in_event = [
        e for e in given if e.body.purpose in TREATMENT_PURPOSES and (event_since is None or e.at >= event_since)
    ]
    if len(in_event) >= row.most_doses_per_event:
        warnings.append(
            Finding(
                rule="management",
                what=f"{len(in_event)} tocilizumab doses in this event: the limit is {row.most_doses_per_event}",
                urgency=Urgency.NOW,
                owner="prescriber",
                because="counted since the event began; rescue treatment can always be recorded",
                source=source,
            )
        )
    return TocilizumabAnswer(mg=mg, capped=capped, warnings=tuple(warnings), changes_at=tuple(changes))
