"""Who holds which certificate until when: one standing a person and kind, those that need somebody first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from handrail.people.coverage import asked_kinds, not_trained
from handrail.people.models import Certificate, Membership, Organisation, User
from handrail.people.permissions import VERBS
from handrail.rules.rota import load_rota_rules
from handrail.rules.terms import civil_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One person and one kind of certificate, on a day."""

    user: User
    kind: str
    certificates: tuple[Certificate, ...]
    """Every one that was ever written down and not taken back, the earliest first."""
    lacks_from: date | None
    """The first day from that day on without a current one; None: it does not run out."""
    days_left: int | None
    """Whole days before `lacks_from`; 0: none is current now. None: it does not run out."""
    within: int | None
    """The smallest number of days of the rules within which it runs out; None: later, or never, or it is not current now."""

    @property
    def is_current(self) -> bool:
        """Whether the person holds one today."""
        return self.days_left != 0


def standing_of(user: User, kind: str, held: Sequence[Certificate], today: date) -> Standing:
    """Where one person stands with one kind: certificates that follow one another without a day between count as one."""
    ordered = tuple(sorted(held, key=lambda each: each.valid_from))
    lacks = not_trained(ordered, today, date.max)
    left = (lacks - today).days if lacks is not None else None
    within = next((days for days in load_rota_rules().training.warn_days if left and left <= days), None)
    return Standing(user=user, kind=kind, certificates=ordered, lacks_from=lacks, days_left=left, within=within)


def standings(organisation: Organisation, now: datetime) -> list[Standing]:
    """Everybody who belongs here now: what each holds, and what each who may answer pages lacks of what the rota asks."""
    today = civil_date(now, organisation.time_zone)
    in_force = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    members = Membership.objects.filter(in_force, organisation=organisation, valid_from__lte=now, user__is_active=True)
    users = {each.pk: each for each in User.objects.filter(pk__in=members.values("user"))}
    answer = set(members.filter(role__in=VERBS["acknowledge"]).values_list("user", flat=True))
    kinds = asked_kinds(organisation)
    held: dict[tuple[UUID, str], list[Certificate]] = {(user, kind): [] for user in answer for kind in kinds}
    for each in Certificate.objects.filter(organisation=organisation, user_id__in=users):
        held.setdefault((each.user_id, each.kind), []).append(each)
    found = [standing_of(users[user], kind, rows, today) for (user, kind), rows in held.items()]
    return sorted(found, key=lambda each: (each.days_left is None, each.days_left or 0, each.user.name, each.kind))
