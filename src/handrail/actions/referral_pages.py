"""The look at a referral: page whoever reads what comes, and the director once a clock has run out. What was done meanwhile ends it.

The alerts are those of a place, as a gap in the rota is: inbox, ladder, channels and acknowledgement are the same, and no course stands
behind them. What leaves in a message is urgency, site and a code.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from handrail.actions.places import place_key, settle_place
from handrail.actions.referral_list import case_of
from handrail.alerts.ledger import Changes, Wanted
from handrail.alerts.models import REFERRAL
from handrail.people.models import Referral
from handrail.rules.referral import referral_data
from handrail.rules.referral_paging import calls

AGAIN: Final = timedelta(hours=1)
"""While somebody is paged: a mail that a server takes meanwhile acknowledges too, and nobody writes that down."""


def look_at_referral(referral_id: UUID, now: datetime) -> Changes:
    """Look at one referral: its alerts follow, and the next look is stored."""
    with transaction.atomic():
        held = Referral.objects.select_for_update(of=("self",), no_key=True).get(pk=referral_id)
        case = case_of(held.pk, now)
        found = calls(
            referral_data(),
            held.code,
            case.intake.urgency,
            case.progress,
            case.standing,
            now,
            zone=case.zone,
            holidays=case.holidays,
        )
        wanted = [
            Wanted(
                key=place_key(REFERRAL, str(held.pk), each.about),
                urgency=each.ladder.urgency.value,
                ladder=each.ladder.value,
                what=each.what,
                because=each.because,
                steps=each.steps,
            )
            for each in found.wanted
        ]
        changes = settle_place(held.organisation_id, f"{REFERRAL}:{held.pk}", wanted, now, site_id=held.site_id)
        ahead = [found.look_again_at, now + AGAIN if wanted else None]
        Referral.objects.filter(pk=held.pk).update(look_again_at=min((at for at in ahead if at), default=None))
        return changes
