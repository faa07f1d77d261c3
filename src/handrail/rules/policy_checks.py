"""What a policy must hold beyond what its loader refuses: limits that can be met, the right way round, and an edition."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handrail.rules.policy import Policy
from handrail.rules.terms import Urgency


def of_policy(policy: Policy) -> Iterator[str]:
    """Limits that could never be met, or that stand the wrong way round; and the edition."""
    for reading, limits in policy.plausible.items():
        if limits.low >= limits.high:
            yield f"The lowest believable value is below the highest (at plausible.{reading})."
    for row in policy.triage.reading:
        if sum(limit is not None for limit in (row.below, row.above, row.under_baseline_percent)) != 1:
            yield f"A limit is either below or above a value, or under the baseline (at triage.reading.{row.reading})."
        believed = policy.plausible.get(row.reading)
        for limit in (row.below, row.above):
            if believed is not None and limit is not None and not believed.low < limit < believed.high:
                yield f"No believable value lies on both sides of the limit (at triage.reading.{row.reading})."
    if policy.watch.caregiver_until_day is not None and policy.watch.caregiver_until_day <= 0:
        yield "A caregiver is there for some time (at watch.caregiver_until_day)."
    triage = policy.triage
    if triage.recheck_c > triage.fever_c:
        yield "A lower temperature is measured again, a higher one is fever (at triage.recheck_c)."
    if triage.anc_ed_below > triage.anc_infection_first_below:
        yield "The lower neutrophil count is the more urgent (at triage.anc_ed_below)."
    if triage.ice_drop_amber > triage.ice_drop_red:
        yield "The greater loss of ICE points is the more urgent (at triage.ice_drop_red)."
    for ladder, rung in policy.ladders.items():
        if ladder.urgency is Urgency.NOW and all(step.pages_a_person for step in rung.steps):
            yield f"Nobody answers, and the patient is never told (at ladder.{ladder.value}.steps)."
    if not re.fullmatch(r"\d+(\.\d+)*", policy.ref.version):
        yield "The version is a number (at version)."
