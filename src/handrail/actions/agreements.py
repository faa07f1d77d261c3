"""Agreeing on who answers for what: propose a version, sign it for one's organisation, put it in force, end it.

A version is never altered: what is changed is a new version, which nobody has signed. It is put in force when a named person of each
party has signed its content and exactly one party answers for every task at every hour of the two weeks to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.people import agreements, permissions, scope
from handrail.people.agreements import Version
from handrail.people.models import Agreement, AgreementSignature, AgreementStep, Organisation, Role, Site, User
from handrail.records.models import Course, CourseAccess
from handrail.rules import responsibility
from handrail.rules.responsibility import FIRST, SECOND
from handrail.rules.terms import UnusableInput

VERB: Final = "sign_agreement"
NAMED_HOLES: Final = 5


def propose(
    organisation_id: UUID,
    document: Mapping[str, Any],
    *,
    by: Actor,
    why: str = "",
    now: datetime | None = None,
) -> Agreement:
    """Put a new version to the other party. Nobody has signed it.

    Args:
        organisation_id: the hub of a pair, or the practice alone: it owns the agreement.
        document: `handrail-agreement/1`; it names the other party.
        why: what changed, for those who sign.

    Raises:
        RefusedError: a document that cannot be used, parties or sites that are not here, or nothing new;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        user = _signer(organisation_id, by, now)
        content = _read(document)
        partner = _parties(content, organisation_id)
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
        former = agreements.of_pair(organisation_id, partner.pk if partner else None)
        if any(each.row.organisation_id != organisation_id for each in former):
            raise RefusedError("The other organisation proposes the next version of this agreement.", code="not_owner")
        sha256 = responsibility.sha256_of(document)
        if former and former[-1].ended is None and former[-1].row.sha256 == sha256:
            raise RefusedError(f"Version {former[-1].row.number} says the same.", code="nothing_new")
        return Agreement.objects.create(
            organisation_id=organisation_id,
            partner=partner,
            number=former[-1].row.number + 1 if former else 1,
            document=dict(document),
            sha256=sha256,
            why=why.strip()[:500],
            proposed_by=user,
            proposed_at=now,
        )


def sign(agreement_id: UUID, *, sha256: str, by: Actor, now: datetime | None = None) -> Version:
    """Sign a version for the organisation of the person who signs.

    Args:
        sha256: of the content as the person saw it.

    Raises:
        RefusedError: signed already, over, or replaced; ConflictError: another content;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        version, user, mine = _version_for(agreement_id, by, now)
        if sha256 != version.row.sha256:
            raise ConflictError("This is not the content that you looked at; look again.", code="changed_since")
        _refuse_over(version)
        if any(mark.by_id == user.pk and mark.party_id in mine for mark in version.signatures):
            return version  # the same Send again
        open_parties = [each for each in version.unsigned if each in mine]
        if not open_parties:
            raise RefusedError("Somebody of your organisation has signed already.", code="signed_already")
        if any(mark.by_id == user.pk for mark in version.signatures):
            raise RefusedError("Two different people sign.", code="same_person")
        roles = permissions.roles_at(user, open_parties[0], now) & permissions.VERBS[VERB]
        AgreementSignature.objects.create(
            organisation_id=version.row.organisation_id,
            agreement=version.row,
            party_id=open_parties[0],
            sha256=sha256,
            by=user,
            role=next(role.value for role in Role if role in roles),
            at=now,
        )
        return agreements.version_of(version.row)


def activate(agreement_id: UUID, *, by: Actor, now: datetime | None = None) -> Version:
    """Put a version in force: from its first day on, or from now.

    Raises:
        RefusedError: a party has not signed, the version is over or replaced, or somebody would be asked for at an hour at which nobody
            answers, or two do: the sentence names the task and the hours;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        version, user, _ = _version_for(agreement_id, by, now)
        _refuse_over(version)
        if version.unsigned:
            names = " and ".join(agreements.name_of(each) for each in version.unsigned)
            raise RefusedError(f"Nobody has signed for {names}.", code="not_signed")
        if found := agreements.holes_if_activated(version, now):
            said = "; ".join(hole.words for hole in found[:NAMED_HOLES])
            more = f"; and {len(found) - NAMED_HOLES} more" if len(found) > NAMED_HOLES else ""
            raise RefusedError(f"Not put in force: {said}{more}.", code="holes")
        _step(version, AgreementStep.What.ACTIVATED, user, "", now)
        return agreements.version_of(version.row)


def end(agreement_id: UUID, *, why: str, by: Actor, now: datetime | None = None) -> Version:
    """End a version now, or withdraw one that was never in force. Either party may; whoever is responsible answers from now on.

    Raises:
        RefusedError: no reason, or it has ended already; NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        version, user, _ = _version_for(agreement_id, by, now)
        if not why.strip():
            raise RefusedError("Ending an agreement needs a reason.", code="missing_key", path="why")
        if version.ended is not None:
            raise RefusedError("This version has ended.", code="ended")
        _step(version, AgreementStep.What.ENDED, user, why.strip()[:500], now)
        return agreements.version_of(version.row)


# --- who, and what ----------------------------------------------------------------------------------------------------


def _signer(organisation_id: UUID, by: Actor, now: datetime) -> User:
    if by.user is None:
        raise NotAllowedError("Only a person signs an agreement.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, VERB, None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return by.user


def _version_for(agreement_id: UUID, by: Actor, now: datetime) -> tuple[Version, User, list[UUID]]:
    """The version, held against everybody else who signs it, and the parties for which this person acts."""
    if by.user is None:
        raise NotAllowedError("Only a person signs an agreement.")
    mine = permissions.organisations_of(by.user, now)
    row = Agreement.objects.filter(Q(organisation__in=mine) | Q(partner__in=mine), pk=agreement_id).first()
    if row is None:
        raise NotVisibleError("There is no such agreement.")
    parties = [each for each in (row.organisation_id, row.partner_id) if each in mine]
    acting = [each for each in parties if permissions.may(by.user, VERB, None, now, organisation_id=each)]
    if not acting:
        raise NotAllowedError("Your role does not allow that here.")
    Organisation.objects.select_for_update(no_key=True).get(pk=row.organisation_id)
    return agreements.version_of(row), by.user, acting


def _refuse_over(version: Version) -> None:
    if version.ended is not None:
        raise RefusedError("This version has ended.", code="ended")
    if version.activated is not None:
        raise RefusedError("This version is in force already.", code="in_force")
    newer = agreements.of_pair(version.row.organisation_id, version.row.partner_id)
    if any(each.row.number > version.row.number and each.ended is None for each in newer):
        raise RefusedError("A newer version was proposed.", code="superseded")


def _read(document: Mapping[str, Any]) -> responsibility.Agreement:
    try:
        return responsibility.agreement_from_document(document)
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path=error.path) from error


def _parties(content: responsibility.Agreement, organisation_id: UUID) -> Organisation | None:
    """The other party; both are organisations of this installation and their sites are theirs."""
    first = _organisation(content, FIRST[content.template])
    if first.pk != organisation_id:
        raise RefusedError("The organisation that proposes is the first party.", code="not_owner", path="party")
    key = SECOND.get(content.template)
    second = _organisation(content, key) if key else None
    if second is not None and second.mode != first.mode:
        raise RefusedError("Demonstration and live organisations share nothing.", code="demo_and_live", path="party")
    if second is not None and second.pk == first.pk:
        raise RefusedError("An organisation makes no agreement with itself.", code="same_party", path="party")
    return second


def _organisation(content: responsibility.Agreement, key: str) -> Organisation:
    party = content.party_named(key)
    assert party is not None
    try:
        found = Organisation.objects.filter(pk=UUID(party.organisation or "")).first()
    except ValueError:
        found = None
    if found is None:
        raise RefusedError("There is no such organisation.", code="unknown_party", path=f"party.{key}.organisation")
    known = set(Site.objects.filter(organisation=found).values_list("code", flat=True))
    if unknown := sorted(set(party.sites) - known):
        raise RefusedError(
            f"{found.name} has no site {', '.join(unknown)}.", code="unknown_site", path=f"party.{key}.sites"
        )
    return found


def _step(version: Version, what: str, user: User, why: str, now: datetime) -> None:
    AgreementStep.objects.create(
        organisation_id=version.row.organisation_id, agreement=version.row, what=what, why=why, by=user, at=now
    )
    _look_again(version, now)


def _look_again(version: Version, now: datetime) -> None:
    """Who answers has changed: the watcher judges the courses that the agreement is about anew."""
    look_again_between(version.row.organisation_id, version.row.partner_id, now)


def look_again_between(first: UUID, second: UUID | None, now: datetime) -> None:
    """The watcher judges anew the running courses that two organisations share, or those of one alone."""
    with scope.everything():
        running = Course.objects.filter(ended_at__isnull=True)
        if second is None:
            about = running.filter(organisation=first)
        else:
            lent = CourseAccess.objects.valid(now).filter(
                Q(organisation=first, to_organisation=second) | Q(organisation=second, to_organisation=first)
            )
            about = running.filter(pk__in=lent.values("course"))
        about.update(look_again_at=now)
