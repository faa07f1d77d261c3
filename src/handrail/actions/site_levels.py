"""The checklist of a site: record an item, except one until a day, sign a level, or that the label is followed strictly.

Nothing is altered; the last word counts.

A site manager or director of the site's organisation records. A director excepts and signs: of a hub with which that organisation has an
agreement in force, or its own where it has none. A practice by itself needs nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.site_facts import Gathered, experience_of, gather, with_experience
from handrail.people import network, permissions, scope
from handrail.people.models import Role, Site, SiteException, SiteGrant, SiteItem, SiteStrict, SiteWay, User
from handrail.rules.setting_facts import LEVELS, Level, reaches
from handrail.rules.site_levels import (
    HOLDS,
    LICENSED,
    SIGNED,
    ItemRow,
    load_site_levels,
    site_level,
)
from handrail.rules.terms import civil_date

LONGEST: Final = {"evidence": 200, "dispenser": 120, "reason": 300, "why": 300}
FURTHEST_MINUTES: Final = 24 * 60
TAKEN_BACK: Final = "taken back"


def sites_seen(user: User, now: datetime) -> QuerySet[Site]:
    """The sites of a person's organisations, and of those with which one of them has an agreement in force."""
    mine = set(permissions.organisations_of(user, now))
    pairs = network.pairs_of(mine, now) if mine else []
    others = {each for pair in pairs for each in (pair.hub, pair.community)}
    return Site.objects.filter(organisation__in=mine | others).select_related("organisation")


def may_record(user: User, site: Site, now: datetime) -> bool:
    """Whether a person records what this site shows."""
    return permissions.may(user, "record_site_item", None, now, organisation_id=site.organisation_id)


def may_sign(user: User, site: Site, hubs: tuple[UUID, ...], now: datetime, verb: str = "grant_site_level") -> bool:
    """Whether a person excepts and signs for this site: the director of a hub of it, or of itself where it has none."""
    return any(permissions.may(user, verb, None, now, organisation_id=each) for each in hubs or (site.organisation_id,))


def record_site_item(
    site_id: UUID,
    *,
    item: str,
    met: bool | None,
    checked_on: date,
    by: Actor,
    product: str = "",
    evidence: str = "",
    until: date | None = None,
    no_end: bool | None = None,
    licence: str = "",
    dispenser: str = "",
    now: datetime | None = None,
) -> SiteItem:
    """Write down how an item of the checklist was found on a day.

    Args:
        met: None: it was asked and is not known.
        product: of an item that is shown for each product; else ''.
        evidence: where the paper is; what is met needs one.
        until: the last day of the evidence; `no_end`: it has none.
        licence: of SITE-05, the type; `dispenser`: who answers for dispensing under it.

    Raises:
        RefusedError: an unknown item, a day to come, something met without evidence or without its end;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _recording(site_id, by, now) as (site, user):
        row = _item(item)
        product = _product(row, product)
        texts = {"evidence": evidence.strip(), "dispenser": dispenser.strip()}
        _short(texts)
        if checked_on > civil_date(now, site.time_zone):
            raise RefusedError("That day is still to come.", code="not_a_time", path="checked_on")
        if until is not None and until < checked_on:
            raise RefusedError("It ends before it was checked.", code="not_a_time", path="until")
        if until is not None and no_end:
            raise RefusedError("It has a last day, or has none: say one.", code="contradiction", path="until")
        if met:
            _evidenced(row, texts, until, no_end, licence)
        return SiteItem.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            item=row.id,
            product=product,
            met=met,
            checked_on=checked_on,
            until=until,
            no_end=no_end,
            licence=licence if row.id == LICENSED else "",
            dispenser=texts["dispenser"] if row.id == LICENSED else "",
            evidence=texts["evidence"],
            by=user,
            role=_role(user, "record_site_item", site.organisation_id, now),
            at=now,
        )


def except_site_item(
    site_id: UUID,
    *,
    item: str,
    until_on: date,
    reason: str,
    by: Actor,
    product: str = "",
    evidence: str = "",
    now: datetime | None = None,
) -> SiteException:
    """Except an item from today until a day, with a reason.

    Raises:
        RefusedError: an item that is never excepted, no reason, a day that is over; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _at_site(site_id, by, now) as (site, user):
        row = _item(item)
        role = _signer(user, site, "except_site_item", now)
        today = civil_date(now, site.time_zone)
        texts = {"reason": reason.strip(), "evidence": evidence.strip()}
        _short(texts)
        if not row.exception:
            raise RefusedError(f"{row.id} is never excepted: {row.criterion}.", code="never", path="item")
        if not texts["reason"]:
            raise RefusedError("An exception has a reason.", code="missing_key", path="reason")
        if until_on < today:
            raise RefusedError("That day is over.", code="not_a_time", path="until_on")
        return SiteException.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            item=row.id,
            product=_product(row, product),
            from_on=today,
            until_on=until_on,
            by=user,
            role=role,
            at=now,
            **texts,
        )


def take_back_exception(
    site_id: UUID, *, item: str, by: Actor, product: str = "", reason: str = "", now: datetime | None = None
) -> SiteException:
    """From today on nothing excepts an item any more.

    Raises:
        RefusedError: an unknown item; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _at_site(site_id, by, now) as (site, user):
        row = _item(item)
        role = _signer(user, site, "except_site_item", now)
        today = civil_date(now, site.time_zone)
        texts = {"reason": reason.strip() or TAKEN_BACK}
        _short(texts)
        return SiteException.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            item=row.id,
            product=_product(row, product),
            from_on=today,
            until_on=today,
            taken_back=True,
            by=user,
            role=role,
            at=now,
            **texts,
        )


def grant_site_level(
    site_id: UUID,
    *,
    product: str,
    level: str,
    until_on: date,
    by: Actor,
    evidence: str = "",
    why: str = "",
    now: datetime | None = None,
) -> SiteGrant:
    """Sign a level of a site for a product, from today until a day. A lower one, or 0, is signed at any time.

    Args:
        evidence: what the director looked at; a higher level needs it.
        why: needed where a level is skipped, or patients or reviews are lacking.

    Raises:
        RefusedError: an item up to that level does not hold (each is named), no evidence, no reason where one is needed;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _at_site(site_id, by, now) as (site, user):
        role = _signer(user, site, "grant_site_level", now)
        texts = {"evidence": evidence.strip(), "why": why.strip()}
        _short(texts)
        if level not in LEVELS:
            raise RefusedError("There is no such level.", code="unknown_word", path="level")
        if not product.strip():
            raise RefusedError("A level is of one product.", code="missing_key", path="product")
        gathered = gather([site], now)[site.pk]
        if until_on < gathered.today:
            raise RefusedError("That day is over.", code="not_a_time", path="until_on")
        if level != LEVELS[0]:
            _refuse_unready(gathered, product, level, texts, now)
        return SiteGrant.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            product=product,
            level=level,
            from_on=gathered.today,
            until_on=until_on,
            by=user,
            role=role,
            at=now,
            **texts,
        )


def record_way(
    site_id: UUID, *, other: UUID, minutes: int, by: Actor, evidence: str = "", now: datetime | None = None
) -> SiteWay:
    """Write down how far another site is, in minutes of the worst case.

    Raises:
        RefusedError: the same site, or minutes that no way has; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _recording(site_id, by, now) as (site, user):
        if other == site.pk or not sites_seen(user, now).filter(pk=other).exists():
            raise RefusedError("Choose another site of the programme.", code="unknown_word", path="other")
        if not 0 < minutes <= FURTHEST_MINUTES:
            raise RefusedError("Minutes between 1 and 1440.", code="out_of_range", path="minutes")
        _short({"evidence": evidence})
        return SiteWay.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            other=other,
            minutes=minutes,
            evidence=evidence.strip(),
            by=user,
            role=_role(user, "record_site_item", site.organisation_id, now),
            at=now,
        )


def sign_strictness(
    site_id: UUID, *, strict: bool, reason: str, by: Actor, from_on: date | None = None, now: datetime | None = None
) -> SiteStrict:
    """Sign that a site gives no dose outside hospital where the label asks for hospital, or that it does so no more.

    Args:
        from_on: the first day of a dose for which it counts; None: today. What was decided before stays as it was.

    Raises:
        RefusedError: no reason, or a day that is over; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with _at_site(site_id, by, now) as (site, user):
        role = _signer(user, site, "grant_site_level", now)
        today = civil_date(now, site.time_zone)
        texts = {"reason": reason.strip()}
        _short(texts)
        if not texts["reason"]:
            raise RefusedError("Say why.", code="missing_key", path="reason")
        if from_on is not None and from_on < today:
            raise RefusedError("That day is over.", code="not_a_time", path="from_on")
        return SiteStrict.objects.create(
            organisation_id=site.organisation_id,
            site=site,
            strict=strict,
            from_on=from_on or today,
            by=user,
            role=role,
            at=now,
            **texts,
        )


# --- who, and what ------------------------------------------------------------------------------------------------------


@contextmanager
def _at_site(site_id: UUID, by: Actor, now: datetime) -> Iterator[tuple[Site, User]]:
    """The site and the person, in one transaction, for somebody who sees it."""
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        if by.user is None:
            raise NotAllowedError("Only a person does that.")
        site = sites_seen(by.user, now).filter(pk=site_id).first()
        if site is None:
            raise NotVisibleError("There is no such site.")
        yield site, by.user


@contextmanager
def _recording(site_id: UUID, by: Actor, now: datetime) -> Iterator[tuple[Site, User]]:
    """The same for whoever records what the site shows."""
    with _at_site(site_id, by, now) as (site, user):
        if not may_record(user, site, now):
            raise NotAllowedError("Your role does not allow that here.")
        yield site, user


def _signer(user: User, site: Site, verb: str, now: datetime) -> str:
    """The role in which a person excepts or signs. The rule counts a director's word only."""
    hubs = network.hubs_of([site.organisation_id], now)[site.organisation_id]
    for each in hubs or (site.organisation_id,):
        if permissions.may(user, verb, None, now, organisation_id=each):
            return _role(user, verb, each, now)
    who = "a director of its hub" if hubs else "its own director"
    raise NotAllowedError(f"For this site {who} does that.")


def _role(user: User, verb: str, organisation_id: UUID, now: datetime) -> str:
    held = permissions.roles_at(user, organisation_id, now) & permissions.VERBS[verb]
    return next(role.value for role in Role if role in held)


def _item(item: str) -> ItemRow:
    levels = load_site_levels()
    found = next((row for row in (*levels.item, *levels.licence_item) if row.id == item), None)
    if found is None:
        raise RefusedError("There is no such item on the checklist.", code="unknown_word", path="item")
    return found


def _product(row: ItemRow, product: str) -> str:
    """The product of a row: an item of the whole site is recorded once for all of them."""
    if not row.per_product:
        return ""
    if not product.strip():
        raise RefusedError("This item is shown for each product: name it.", code="missing_key", path="product")
    return product.strip()


def _short(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        if len(text) > LONGEST[name] or any(ord(sign) < 32 for sign in text):
            raise RefusedError(f"At most {LONGEST[name]} signs on one line.", code="too_long", path=name)


def _evidenced(row: ItemRow, texts: dict[str, str], until: date | None, no_end: bool | None, licence: str) -> None:
    if not texts["evidence"]:
        raise RefusedError(f"What shows it? ({row.evidence})", code="missing_key", path="evidence")
    if until is None and not no_end:
        raise RefusedError("Its last day, or that it has none.", code="missing_key", path="until")
    if row.id != LICENSED:
        return
    if licence not in {each.id for each in load_site_levels().licence}:
        raise RefusedError("Choose the type of licence.", code="missing_key", path="licence")
    if not texts["dispenser"]:
        raise RefusedError("Who answers for dispensing under it?", code="missing_key", path="dispenser")


def _refuse_unready(gathered: Gathered, product: str, level: str, texts: dict[str, str], now: datetime) -> None:
    """Refuse a level for which an item is lacking, evidence was not named, or a condition is lacking without a reason."""
    facts = with_experience(gathered, experience_of(gathered, product, now))
    answer = site_level(facts, load_site_levels(), product, gathered.today)
    lacking = [line for line in answer.lines if reaches(_level(level), line.from_level) and line.state not in HOLDS]
    if lacking:
        named = "; ".join(f"{line.item} ({line.owner.replace('_', ' ')}): {line.because}" for line in lacking)
        raise RefusedError(f"Not signed. Level {level} lacks {named}.", code="not_ready", path="level")
    if not texts["evidence"]:
        raise RefusedError("What did you look at? A level rests on evidence.", code="missing_key", path="evidence")
    if texts["why"] or reaches(answer.level, _level(level)) or answer.granted == level:
        return
    unmet = [each.because for each in answer.promotion if each.met is not True and each.id != SIGNED]
    if LEVELS.index(_level(level)) > LEVELS.index(answer.level) + 1:
        unmet.insert(0, f"it is at level {answer.level}, and a site climbs one level at a time")
    if unmet:
        raise RefusedError(f"Say why, since {'; '.join(unmet)}.", code="missing_key", path="why")


def _level(text: str) -> Level:
    return next(each for each in LEVELS if each == text)
