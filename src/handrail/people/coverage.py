"""Which hours of a rota nobody answers, or somebody whose training has run out: the same choice as `who_is_on`, over a span."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from django.db.models import Q

from handrail.people.models import Certificate, Membership, Organisation, RotaStep, Shift, Site, User
from handrail.people.permissions import answering_roles
from handrail.rules.rota import StepRow, load_rota_rules
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_date, day_start, say_date, say_instant

LOOK_BACK: Final = timedelta(days=60)
"""So far back a gap is followed to where it began, so that it keeps its name while time passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a step asks at a site: no hour without a person, and the kind of certificate (empty: none)."""

    step: str
    must_be_filled: bool
    certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnShift:
    """A shift for the time from `starts_at` to `ends_at`, in which its person belongs here. Which one answers, the whole shift says."""

    shift: Shift
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From `begins` to `ends` this shift answers; None: nobody does."""

    begins: datetime
    ends: datetime
    shift: Shift | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Hours of a step that somebody has to mend: nobody answers, or somebody who is not trained for it (any more)."""

    step: str
    begins: datetime
    ends: datetime
    who: User | None = None
    certificate: str = ""
    whole_organisation: bool = True
    """False: the rota of this step has shifts for this very site."""

    @property
    def kind(self) -> str:
        """`nobody` or `not_trained`."""
        return "nobody" if self.who is None else "not_trained"


def asked_kinds(organisation: Organisation) -> list[str]:
    """The kinds of certificate that some step asks for, here or at one of the sites. One query."""
    rows = list(RotaStep.objects.filter(organisation=organisation))
    places = {None, *(row.site_id for row in rows)}
    asked = [_asked(row for row in rows if row.site_id in (None, place)) for place in places]
    return sorted({each.certificate for steps in asked for each in steps.values() if each.certificate})


def asked_of(organisation_id: UUID, site_id: UUID | None) -> dict[str, Asked]:
    """What every step asks: the row of the site, else that of the organisation, else the shipped one."""
    return _asked(RotaStep.objects.filter(Q(site__isnull=True) | Q(site_id=site_id), organisation_id=organisation_id))


def _asked(own: Iterable[RotaStep]) -> dict[str, Asked]:
    shipped: dict[str, StepRow] = {row.step: row for row in load_rota_rules().step}
    found = {
        step: Asked(step=step, must_be_filled=row.must_be_filled, certificate=row.certificate or "")
        for step, row in shipped.items()
    }
    for row in sorted(own, key=lambda each: each.site_id is not None):
        found[row.step] = Asked(step=row.step, must_be_filled=row.must_be_filled, certificate=row.certificate)
    return found


def zone_of(organisation: Organisation, site: Site | None) -> str:
    """The zone of a rota: that of the site, else of the organisation."""
    return site.time_zone if site is not None else organisation.time_zone


def not_trained(certificates: Iterable[Certificate], first: date, last: date) -> date | None:
    """The first day from `first` to `last` on which none of the certificates is current; None: all are covered."""
    day = first
    for each in sorted(certificates, key=lambda certificate: certificate.valid_from):
        if each.valid_from > day:
            break
        if each.valid_until is None:
            return None
        if each.valid_until >= day:
            day = each.valid_until + timedelta(days=1)
    return day if day <= last else None


def refusal(
    user: User, asked: Asked | None, organisation: Organisation, zone: str, span: tuple[datetime, datetime]
) -> str:
    """Why a person may not be placed for that span; empty: trained and current for all of it."""
    if asked is None or not asked.certificate:
        return ""
    held = list(Certificate.objects.filter(organisation=organisation, user=user, kind=asked.certificate))
    first, last = civil_date(span[0], zone), civil_date(span[1] - timedelta(microseconds=1), zone)
    lacking = not_trained(held, first, last)
    if lacking is None:
        return ""
    if lacking == first:
        had = [each for each in held if each.valid_until is not None and each.valid_until < first]
        words = (
            f"ran out on {say_date(max(each.valid_until for each in had if each.valid_until))}" if had else "is missing"
        )
        return f"{user.name} is not trained for this: the certificate {asked.certificate} {words}."
    return (
        f"{user.name} is not trained for the whole of it: the certificate {asked.certificate} runs out on "
        f"{say_date(lacking - timedelta(days=1))}."
    )


def stretches(shifts: Sequence[OnShift], begins: datetime, ends: datetime) -> list[Stretch]:
    """Who answers from `begins` to `ends`, by the order in which `who_is_on` chooses: override, site, latest beginning."""
    edges = {begins, ends}
    for each in shifts:
        edges |= {at for at in (each.starts_at, each.ends_at) if begins < at < ends}
    coming = sorted(shifts, key=lambda each: each.starts_at, reverse=True)
    here: list[OnShift] = []
    found: list[Stretch] = []
    for start, end in pairwise(sorted(edges)):
        while coming and coming[-1].starts_at <= start:
            here.append(coming.pop())
        here = [each for each in here if start < each.ends_at]
        on = min((each.shift for each in here), key=_rank, default=None)
        if found and found[-1].shift == on:
            found[-1] = Stretch(begins=found[-1].begins, ends=end, shift=on)
        else:
            found.append(Stretch(begins=start, ends=end, shift=on))
    return found


def _rank(shift: Shift) -> tuple[bool, bool, float, str]:
    """The smallest answers."""
    return not shift.is_override, shift.site_id is None, -shift.starts_at.timestamp(), str(shift.pk)


def answering_shifts(
    organisation_id: UUID, site_id: UUID | None, steps: Iterable[str], begins: datetime, ends: datetime
) -> list[OnShift]:
    """The shifts of those steps in a span, each for the time in which its person may answer here and is active."""
    rows = (
        Shift.objects.filter(
            Q(site__isnull=True) | Q(site_id=site_id),
            organisation_id=organisation_id,
            step__in=list(steps),
            starts_at__lt=ends,
            ends_at__gt=begins,
            user__is_active=True,
        )
        .select_related("user")
        .order_by("starts_at", "id")
    )
    members = Membership.objects.filter(organisation_id=organisation_id, user_id__in={row.user_id for row in rows})
    return _while_members(rows, members)


def _while_members(rows: Iterable[Shift], members: Iterable[Membership]) -> list[OnShift]:
    """The shifts of one organisation, each for the time in which its person has a role there that answers pages of its step."""
    belongs: dict[UUID, list[Membership]] = {}
    for member in members:
        belongs.setdefault(member.user_id, []).append(member)
    found = []
    for row in rows:
        roles = answering_roles(row.step)
        for member in belongs.get(row.user_id, []):
            until = row.ends_at if member.valid_until is None else min(row.ends_at, member.valid_until)
            starts_at = max(row.starts_at, member.valid_from)
            if member.role in roles and starts_at < until:
                found.append(OnShift(shift=row, starts_at=starts_at, ends_at=until))
    return found


def holes(organisation: Organisation, site: Site | None, begins: datetime, ends: datetime) -> list[Hole]:
    """The hours from `begins` to `ends` that somebody has to mend, for every step that must be filled."""
    asked = asked_of(organisation.pk, site.pk if site else None)
    return _found({step: each for step, each in asked.items() if each.must_be_filled}, organisation, site, begins, ends)


def standing_untrained(organisation: Organisation, site: Site | None, begins: datetime, ends: datetime) -> list[Hole]:
    """Who stands on the rota without the certificate that the step asks for, the steps that may stay empty included."""
    asked = asked_of(organisation.pk, site.pk if site else None)
    wanted = {step: each for step, each in asked.items() if each.certificate}
    return [hole for hole in _found(wanted, organisation, site, begins, ends) if hole.who is not None]


def holes_of_sites(
    sites: Sequence[Site], begins: datetime, ends: datetime, *, followed: bool = False
) -> dict[UUID, list[Hole]]:
    """As `holes`, of many sites at once, by site: constant number of queries.

    Args:
        followed: a gap that stands open is followed back to where it began, as `holes` does it; otherwise it begins with `begins`.
    """
    return _of_sites(sites, begins - LOOK_BACK if followed else begins, begins, ends, lambda each: each.must_be_filled)


def untrained_of_sites(sites: Sequence[Site], begins: datetime, ends: datetime) -> dict[UUID, list[Hole]]:
    """As `standing_untrained`, of many sites at once, by site: constant number of queries."""
    found = _of_sites(sites, begins - LOOK_BACK, begins, ends, lambda each: bool(each.certificate))
    return {site: [hole for hole in each if hole.who is not None] for site, each in found.items()}


def _of_sites(
    sites: Sequence[Site], since: datetime, begins: datetime, ends: datetime, wants: Callable[[Asked], bool]
) -> dict[UUID, list[Hole]]:
    wanted = {site.organisation_id for site in sites}
    steps = list(RotaStep.objects.filter(organisation__in=wanted))
    here = Q(site__isnull=True) | Q(site__in=[site.pk for site in sites])
    shifts = list(
        Shift.objects.filter(
            here, organisation__in=wanted, starts_at__lt=ends, ends_at__gt=since, user__is_active=True
        ).order_by("starts_at", "id")
    )  # fmt: skip
    users = User.objects.in_bulk({shift.user_id for shift in shifts})  # a person has many shifts, and is read once
    for shift in shifts:
        shift.user = users[shift.user_id]
    members = list(Membership.objects.filter(organisation__in=wanted, user__in=users))
    certificates = list(Certificate.objects.filter(organisation__in=wanted, user__in=users))
    everywhere: dict[UUID, list[OnShift]] = {}
    of_site: dict[UUID, list[OnShift]] = {}
    for each in wanted:
        cut = _while_members(
            [shift for shift in shifts if shift.organisation_id == each],
            [member for member in members if member.organisation_id == each],
        )
        everywhere[each] = [one for one in cut if one.shift.site_id is None]
        for one in cut:
            if one.shift.site_id is not None:
                of_site.setdefault(one.shift.site_id, []).append(one)
    held = {each: _held(row for row in certificates if row.organisation_id == each) for each in wanted}
    found = {}
    for site in sites:
        own = [row for row in steps if row.organisation_id == site.organisation_id and row.site_id in (None, site.pk)]
        asked = {step: each for step, each in _asked(own).items() if wants(each)}
        answering = [*everywhere[site.organisation_id], *of_site.get(site.pk, ())]
        found[site.pk] = _holes(asked, answering, held[site.organisation_id], site.time_zone, since, begins, ends)
    return found


def _found(
    asked: dict[str, Asked], organisation: Organisation, site: Site | None, begins: datetime, ends: datetime
) -> list[Hole]:
    since = begins - LOOK_BACK
    shifts = answering_shifts(organisation.pk, site.pk if site else None, asked, since, ends)
    kinds = {each.certificate for each in asked.values() if each.certificate}
    users = {each.shift.user_id for each in shifts}
    held = _held(Certificate.objects.filter(organisation=organisation, user_id__in=users, kind__in=kinds))
    return _holes(asked, shifts, held, zone_of(organisation, site), since, begins, ends)


def _held(certificates: Iterable[Certificate]) -> dict[tuple[UUID, str], list[Certificate]]:
    held: dict[tuple[UUID, str], list[Certificate]] = {}
    for each in certificates:
        held.setdefault((each.user_id, each.kind), []).append(each)
    return held


def _holes(
    asked: dict[str, Asked],
    shifts: Sequence[OnShift],
    held: dict[tuple[UUID, str], list[Certificate]],
    zone: str,
    since: datetime,
    begins: datetime,
    ends: datetime,
) -> list[Hole]:
    found = []
    for step, wants in asked.items():
        own = [each for each in shifts if each.shift.step == step]
        everywhere = all(each.shift.site_id is None for each in own)
        for stretch in stretches(own, since, ends):
            if stretch.ends <= begins:
                continue
            if stretch.shift is None:
                found.append(Hole(step=step, begins=stretch.begins, ends=stretch.ends, whole_organisation=everywhere))
            elif wants.certificate:
                found += _untrained(
                    stretch, wants, held.get((stretch.shift.user_id, wants.certificate), []), zone, everywhere
                )
    return sorted((hole for hole in found if hole.ends > begins), key=lambda hole: (hole.begins, hole.step))


def _untrained(stretch: Stretch, asked: Asked, held: list[Certificate], zone: str, everywhere: bool) -> list[Hole]:
    """The parts of a stretch for which its person holds no current certificate; one that is written down later ends a part."""
    assert stretch.shift is not None
    day, last = civil_date(stretch.begins, zone), civil_date(stretch.ends - timedelta(microseconds=1), zone)
    found = []
    while (lacking := not_trained(held, day, last)) is not None:
        again = min((each.valid_from for each in held if lacking < each.valid_from <= last), default=None)
        found.append(
            Hole(
                step=asked.step,
                begins=max(stretch.begins, day_start(lacking, zone)),
                ends=day_start(again, zone) if again else stretch.ends,
                who=stretch.shift.user,
                certificate=asked.certificate,
                whole_organisation=everywhere,
            )
        )
        if again is None:
            break
        day = again
    return found


def hole_words(hole: Hole, zone: str) -> str:
    """`Nobody is first on call from … until …`, by the clock of the zone that is named with each."""
    when = f"from {say_instant(hole.begins, zone)} until {say_instant(hole.ends, zone)}"
    step = role_words(hole.step)
    if hole.who is None:
        return f"Nobody is {step} {when}"
    return f"{hole.who.name} is {step} without a current certificate {hole.certificate} {when}"
