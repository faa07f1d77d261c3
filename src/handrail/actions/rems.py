"""The verbs of the REMS desk about sites and people: papers, modes, the steps of a set-up, a reminder. Nothing is ever changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.people import permissions, scope
from handrail.people.models import (
    Membership,
    Organisation,
    RemsAct,
    RemsMode,
    RemsRecord,
    Site,
    User,
)
from handrail.rules.doors import hours_from
from handrail.rules.rems_data import desk_rules, programme_for, programmes
from handrail.rules.terms import UnusableInput, say_date

KEEP: Final = "keep_rems"
LICENCES: Final = {
    "hospital": "hospital outpatient department",
    "pharmacy": "state-licensed pharmacy",
    "physician": "practice under a physician's licence",
}
"""Under which licence a site dispenses, in words."""
LENGTHS: Final = {"reference": 120, "version": 60, "reason": 300, "code": 80}
OF_SITES: Final = ("setting", "dispenser", "representative", "deputy")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDraft:
    """What somebody types of a paper. Neither `until` nor `no_end`: its end is not known. `deputy` goes with a representative."""

    kind: str
    programme: str
    from_on: date
    until: date | None = None
    no_end: bool = False
    product: str = ""
    sites: tuple[UUID, ...] = ()
    user_id: UUID | str | None = None
    deputy_id: UUID | str | None = None
    reference: str = ""
    version: str = ""
    licence: str = ""


def add_paper(
    organisation_id: UUID, draft: PaperDraft, *, by: Actor, now: datetime | None = None
) -> tuple[RemsRecord, ...]:
    """Write down a paper: one row for each site that it is for. A representative comes with a deputy, for the same sites and days.

    Raises:
        RefusedError: an unknown word, nobody or nowhere where somebody or somewhere is asked, days in the wrong order;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _kept(organisation_id, by, now)
        _check(draft)
        sites: list[Site | None] = [_site(organisation, each) for each in draft.sites]
        user = _person(organisation, draft, draft.user_id, now)
        rows = [_row(organisation, draft, draft.kind, site, user, by, now) for site in sites or [None]]
        if draft.kind == RemsRecord.Kind.REPRESENTATIVE:
            deputy = _person(organisation, draft, draft.deputy_id, now, path="deputy")
            if deputy == user:
                raise RefusedError("The deputy is somebody else.", code="wrong_value", path="deputy")
            rows += [_row(organisation, draft, RemsRecord.Kind.DEPUTY, site, deputy, by, now) for site in sites]
        return tuple(RemsRecord.objects.bulk_create(rows))


def end_paper(record_id: UUID, *, last_day: date, reason: str, by: Actor, now: datetime | None = None) -> RemsRecord:
    """Let a paper end on a day; a day before its first takes it back. Who wants a longer one adds a new paper.

    Raises:
        RefusedError: it ends by then already, somebody ended it meanwhile, or no reason;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        record = RemsRecord.objects.filter(pk=record_id).first()
        if record is None:
            raise NotVisibleError("There is no such paper.")
        organisation = _kept(record.organisation_id, by, now)
        if record.withdrawn or RemsRecord.objects.filter(supersedes=record).exists():
            raise RefusedError("It was changed meanwhile: look at it again.", code="changed", path="record")
        if record.until is not None and record.until <= last_day:
            raise RefusedError(
                "It ends by then already. A longer one is a new paper.", code="not_a_time", path="last_day"
            )
        withdrawn = last_day < record.from_on
        kept = ("kind", "programme", "product", "site", "user", "from_on", "reference", "version", "licence")
        return RemsRecord.objects.create(
            organisation=organisation,
            **{name: getattr(record, name) for name in kept},
            until=None if withdrawn else last_day,
            no_end=record.no_end and withdrawn,
            withdrawn=withdrawn,
            supersedes=record,
            reason=checked_text(reason, "reason", needed="Say why."),
            by=writer(by),
            at=now,
        )


def set_mode(
    organisation_id: UUID,
    *,
    site_id: UUID,
    mode: str,
    from_at: datetime,
    by: Actor,
    central_id: UUID | str | None = None,
    local_id: UUID | str | None = None,
    week: tuple[str, ...] = (),
    now: datetime | None = None,
) -> RemsMode:
    """Say who gets the codes of a site from an instant on. Every hour must have somebody: a side that is used names a person.

    Args:
        week: seven texts, Monday first: the hours of the centre, where the mode is hybrid.

    Raises:
        RefusedError: an unknown mode or site, a side without a person, hours that cannot be read, a beginning in the past;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _kept(organisation_id, by, now)
        if mode not in RemsMode.Mode.values:
            raise RefusedError("There is no such mode.", code="unknown_word", path="mode")
        if from_at < now:
            raise RefusedError(
                "It begins in the past: what was done then stays as it was.", code="not_a_time", path="from_at"
            )
        central, local = (
            _member(organisation, central_id, now, "central"),
            _member(organisation, local_id, now, "local"),
        )
        if mode != RemsMode.Mode.LOCAL and central is None:
            raise RefusedError("Name who gets the codes at the centre.", code="missing_key", path="central")
        if mode != RemsMode.Mode.CENTRAL and local is None:
            raise RefusedError("Name who gets the codes at the site.", code="missing_key", path="local")
        if mode == RemsMode.Mode.HYBRID:
            _check_week(week)
        return RemsMode.objects.create(
            organisation=organisation,
            site=_site(organisation, site_id),
            mode=mode,
            from_at=from_at,
            central=central,
            local=local,
            week=list(week) if mode == RemsMode.Mode.HYBRID else [],
            by=writer(by),
            at=now,
        )


def note_setup(
    organisation_id: UUID, *, site_id: UUID, product: str, by: Actor, task: str = "", now: datetime | None = None
) -> RemsAct:
    """Begin to set up a product at a site, or tick one of its tasks; what is there already is answered again.

    Raises:
        RefusedError: no REMS covers the product, or there is no such task, or a paper shows it;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _kept(organisation_id, by, now)
        programme = programme_for(product, "US")
        if programme is None:
            raise RefusedError("No REMS on file covers this product.", code="unknown_word", path="product")
        if task and task not in {row.id for row in desk_rules().setup if row.paper is None}:
            raise RefusedError("There is no such task, or a paper shows it.", code="unknown_word", path="task")
        what = RemsAct.What.DONE if task else RemsAct.What.BEGUN
        of = {"site": _site(organisation, site_id), "product": product, "what": what, "task": task}
        there = RemsAct.objects.filter(organisation=organisation, **of).order_by("at", "id").first()
        return there or RemsAct.objects.create(
            organisation=organisation, programme=programme.id, by=writer(by), at=now, **of
        )


def remind(
    organisation_id: UUID, *, user_id: UUID | str, programme: str, by: Actor, now: datetime | None = None
) -> RemsAct:
    """Remind a prescriber to certify: it stands on the desk, and on that person's own view of it, until the certificate is there.

    Raises:
        RefusedError: nobody of this organisation, or no such programme; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = _kept(organisation_id, by, now)
        _check_programme(programme)
        user = _member(organisation, user_id, now, "user", roles=permissions.PRESCRIBERS)
        if user is None:
            raise RefusedError("Say whom.", code="missing_key", path="user")
        return RemsAct.objects.create(
            organisation=organisation,
            what=RemsAct.What.REMINDED,
            programme=programme,
            user=user,
            by=writer(by),
            at=now,
        )


# --- what is asked of what was typed ------------------------------------------------------------------------------------------------


def _kept(organisation_id: UUID, by: Actor, now: datetime) -> Organisation:
    """The organisation, held until the end, whose desk this actor keeps."""
    if by.user is None:
        raise NotAllowedError("Only a person keeps the REMS desk.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, KEEP, None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)


def writer(by: Actor) -> User:
    if by.user is None:
        raise NotAllowedError("Only a person writes that down.")
    return by.user


def _check(draft: PaperDraft) -> None:
    if draft.kind not in RemsRecord.Kind.values:
        raise RefusedError("There is no such paper.", code="unknown_word", path="kind")
    _check_programme(draft.programme)
    products = {row.id for each in programmes() if each.id == draft.programme for row in each.product}
    if draft.product and draft.product not in products:
        raise RefusedError("That programme does not cover this product.", code="unknown_word", path="product")
    if draft.kind == RemsRecord.Kind.TRAINING and not draft.product:
        raise RefusedError("Say for which product the training was.", code="missing_key", path="product")
    if draft.kind == RemsRecord.Kind.TRAINING and not draft.version.strip():
        raise RefusedError("Say which version of the material it was.", code="missing_key", path="version")
    if draft.until is not None and draft.no_end:
        raise RefusedError("It has a last day, or it does not run out: not both.", code="not_a_time", path="until")
    if draft.until is not None and draft.until < draft.from_on:
        raise RefusedError("It runs out before it begins.", code="not_a_time", path="until")
    if draft.kind in OF_SITES and not draft.sites:
        raise RefusedError("Say for which sites.", code="missing_key", path="sites")
    if draft.licence and draft.licence not in LICENCES:
        raise RefusedError("There is no such licence.", code="unknown_word", path="licence")
    if draft.kind == RemsRecord.Kind.DISPENSER and not draft.licence:
        raise RefusedError("Say under which licence the site dispenses.", code="missing_key", path="licence")
    for name in ("reference", "version"):
        checked_text(getattr(draft, name), name)


def _check_programme(programme: str) -> None:
    if programme not in {each.id for each in programmes()}:
        raise RefusedError("There is no such programme.", code="unknown_word", path="programme")


def _check_week(week: tuple[str, ...]) -> None:
    if len(week) != 7:
        raise RefusedError("A week has seven days.", code="not_a_week", path="week")
    try:
        days = [hours_from(text) for text in week]
    except UnusableInput as error:
        raise RefusedError(str(error), code="no_hours", path="week") from error
    if not any(days):
        raise RefusedError("In a hybrid mode the centre has some hours.", code="no_hours", path="week")


def _person(
    organisation: Organisation, draft: PaperDraft, user_id: UUID | str | None, now: datetime, path: str = "user"
) -> User | None:
    """Whose paper it is: none for a setting or a dispenser; a prescriber prescribes, a representative may keep dispense records."""
    if draft.kind in ("setting", "dispenser"):
        return None
    roles = {"prescriber": permissions.PRESCRIBERS, "training": permissions.STAFF}.get(
        draft.kind, permissions.VERBS["record_dispense"]
    )
    user = _member(organisation, user_id, now, path, roles=frozenset(roles))
    if user is None:
        what = "A representative needs a deputy for days away." if path == "deputy" else "Say whose it is."
        raise RefusedError(what, code="missing_key", path=path)
    return user


def _member(
    organisation: Organisation,
    user_id: UUID | str | None,
    now: datetime,
    path: str,
    roles: frozenset[Any] = permissions.STAFF,
) -> User | None:
    if not user_id:
        return None
    current = Q(valid_until__isnull=True) | Q(valid_until__gt=now)
    found = Membership.objects.filter(
        current, organisation=organisation, user_id=user_id, valid_from__lte=now, user__is_active=True
    ).select_related("user")
    members = list(found)
    if not members:
        raise RefusedError("That person does not belong here.", code="unknown_word", path=path)
    fitting = [each for each in members if each.role in roles]
    if not fitting:
        raise RefusedError("That person's role does not do this.", code="not_allowed", path=path)
    return fitting[0].user


def _site(organisation: Organisation, site_id: UUID) -> Site:
    site = Site.objects.filter(pk=site_id, organisation=organisation).first()
    if site is None:
        raise RefusedError("There is no such site.", code="unknown_word", path="sites")
    return site


def _row(
    organisation: Organisation,
    draft: PaperDraft,
    kind: str,
    site: Site | None,
    user: User | None,
    by: Actor,
    now: datetime,
) -> RemsRecord:
    return RemsRecord(
        organisation=organisation,
        kind=kind,
        programme=draft.programme,
        product=draft.product,
        site=site,
        user=user,
        from_on=draft.from_on,
        until=draft.until,
        no_end=draft.no_end,
        reference=draft.reference.strip(),
        version=draft.version.strip(),
        licence=draft.licence if kind == RemsRecord.Kind.DISPENSER else "",
        by=writer(by),
        at=now,
    )


def checked_text(text: str, name: str, needed: str = "") -> str:
    text = text.strip()
    if needed and not text:
        raise RefusedError(needed, code="missing_key", path=name)
    if len(text) > LENGTHS[name]:
        raise RefusedError(f"At most {LENGTHS[name]} letters.", code="wrong_value", path=name)
    return text


def ends_words(record: RemsRecord) -> str:
    """Until when a paper holds, in words."""
    if record.until is not None:
        return f"until {say_date(record.until)}"
    return "does not run out" if record.no_end else "its end is not known"
