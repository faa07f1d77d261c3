"""An organisation makes its own policy from the shipped one: tightening is free, everything else is signed by a second person.

A medical lead proposes values. Each is compared with the shipped policy (`rules/policy_changes.py`). When all of them are tighter, the
policy is in force at once; otherwise each departure has a reason and a day of review, and another person approves the whole. New
courses start with the policy in force; no running course moves by itself: `take_up_policy` moves one, as an event.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import ConflictError, NotAllowedError, NotVisibleError, RefusedError
from handrail.actions.recording import Recorded, record
from handrail.people import permissions, scope
from handrail.people.models import Organisation, User
from handrail.people.permissions import VERB_FOR_KIND
from handrail.records.models import Course, PolicyAdoption, PolicyProposal
from handrail.records.policies import in_force
from handrail.rules.policy import load_policy
from handrail.rules.policy_changes import PolicyChange
from handrail.rules.policy_own import Own, Reason, compare, own_policy
from handrail.rules.terms import UnusableInput, civil_date

PROPOSE: Final = "propose_policy"
APPROVE: Final = "approve_policy"
LONGEST_REVIEW: Final = timedelta(days=366)
LONGEST_REASON: Final = 500


def preview(organisation: Organisation, texts: Mapping[str, str], now: datetime) -> Own:
    """What the typed values would change, stored nowhere.

    Raises:
        RefusedError: a value that cannot be used, with its place.
    """
    return _own(organisation, texts, {}, 1, now)


def propose_policy(
    organisation_id: UUID,
    texts: Mapping[str, str],
    *,
    reasons: Mapping[str, Reason] | None = None,
    by: Actor,
    now: datetime | None = None,
) -> PolicyProposal:
    """Propose values in place of those of the shipped policy; one that only tightens is in force at once.

    Args:
        texts: the value at each place, as typed; a place that is not named is as shipped.
        reasons: for each place that is looser or cannot be compared.

    Raises:
        RefusedError: a value that cannot be used, a departure without its reason or with a day of review that is past or more than
            a year ahead, or nothing that differs from the policy in force;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    given = {place: replace(each, reason=each.reason.strip()) for place, each in (reasons or {}).items()}
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        user, organisation = _person(organisation_id, PROPOSE, by, now)
        _lock(organisation_id)
        number = (PolicyProposal.objects.filter(organisation=organisation).aggregate(n=Max("number"))["n"] or 0) + 1
        for change in _own(organisation, texts, {}, number, now).departures:
            _check_reason(change, given.get(change.place), organisation, now)
        own = _own(organisation, texts, given, number, now)
        former = in_force(organisation_id)
        if not own.changes if former is None else _same(own, former):
            raise RefusedError("Nothing differs from the policy in force.", code="nothing_changed", path="values")
        proposal = PolicyProposal.objects.create(
            organisation=organisation,
            number=number,
            base_sha256=load_policy().ref.sha256,
            sha256=own.policy.ref.sha256,
            document=own.document,
            proposed_by=user,
            proposed_at=now,
        )
        if not own.departures:
            _adopt(proposal, user, 0, now)
        return proposal


def approve_policy(proposal_id: UUID, *, sha256: str, by: Actor, now: datetime | None = None) -> PolicyProposal:
    """Sign the departures of a proposal: it is in force from now on.

    Args:
        sha256: of the proposal as the person saw it.

    Raises:
        RefusedError: the person who proposed it, a newer proposal, or a shipped policy that has changed since;
        ConflictError: another document than the one that was looked at;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        proposal = PolicyProposal.objects.filter(pk=proposal_id).first()
        if proposal is None:
            raise NotVisibleError("There is no such policy.")
        try:
            user, organisation = _person(proposal.organisation_id, APPROVE, by, now)
        except NotVisibleError:
            raise NotVisibleError("There is no such policy.") from None
        _lock(organisation.pk)
        if proposal.adoptions.exists():
            return proposal  # the same Send again
        if PolicyProposal.objects.filter(organisation=organisation, number__gt=proposal.number).exists():
            raise RefusedError("A newer policy was proposed: look at that one.", code="superseded")
        if proposal.base_sha256 != load_policy().ref.sha256:
            raise RefusedError(
                "The shipped policy has changed since this was proposed: propose it again.", code="changed_since"
            )
        if sha256 != proposal.sha256:
            raise ConflictError("This is not the policy that you looked at; look again.", code="changed_since")
        if user.pk == proposal.proposed_by_id:
            raise RefusedError(
                "Another person than the one who proposed it signs what departs from the shipped policy.",
                code="same_person",
            )
        departures = [change for change in compare(proposal.document) if not change.free]
        _adopt(proposal, user, len(departures), now)
        return proposal


def take_up_policy(
    course_id: UUID,
    *,
    by: Actor,
    id: UUID | None = None,  # noqa: A002
    now: datetime | None = None,
) -> Recorded:
    """Move a course to the policy of its organisation that is in force: an event, with who did it.

    Raises:
        RefusedError: the organisation has no policy of its own;
        NotVisibleError, NotAllowedError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        course = Course.objects.filter(pk=course_id).first()
        if course is None:
            raise NotVisibleError("There is no such course.")
        by.role_for(VERB_FOR_KIND["policy_changed"], course, now)
        own = in_force(course.organisation_id)
    if own is None:
        raise RefusedError("The organisation of this course has no policy of its own.", code="no_policy")
    body = {
        "id": str(id or uuid4()),
        "kind": "policy_changed",
        "at": now.isoformat(),
        "policy_id": own.document["id"],
        "version": own.document["version"],
        "sha256": own.sha256,
        "document": own.document,
    }
    return record(course_id, body, by=by, verbs=(VERB_FOR_KIND["policy_changed"],), now=now)


# --- what the verbs share -------------------------------------------------------------------------------------------


def _own(
    organisation: Organisation, texts: Mapping[str, str], reasons: Mapping[str, Reason], number: int, now: datetime
) -> Own:
    try:
        return own_policy(
            texts,
            policy_id=slugify(organisation.name)[:60] or "own",
            version=number,
            organisation=organisation.name,
            on=civil_date(now, organisation.time_zone),
            reasons=reasons,
        )
    except UnusableInput as error:
        raise RefusedError(error.message, code=error.code, path=error.path) from error


def _check_reason(change: PolicyChange, given: Reason | None, organisation: Organisation, now: datetime) -> None:
    if given is None or not given.reason or len(given.reason) > LONGEST_REASON or "\x00" in given.reason:
        raise RefusedError(
            f"Say in at most {LONGEST_REASON} signs why this departs from the shipped policy, and when it is reviewed.",
            code="missing_reason",
            path=change.place,
        )
    today = civil_date(now, organisation.time_zone)
    if not today < given.review_on <= today + LONGEST_REVIEW:
        raise RefusedError("The day of review lies ahead, by a year at most.", code="wrong_value", path=change.place)


def _same(own: Own, former: PolicyProposal) -> bool:
    """The two say the same of the shipped policy; how they are called and dated does not count."""
    return own.changes == compare(former.document) and own.document["departure"] == former.document["departure"]


def _adopt(proposal: PolicyProposal, user: User, departures: int, now: datetime) -> None:
    PolicyAdoption.objects.create(
        organisation_id=proposal.organisation_id,
        proposal=proposal,
        sha256=proposal.sha256,
        departures=departures,
        proposed_by_id=proposal.proposed_by_id,
        by=user,
        at=now,
    )


def _person(organisation_id: UUID, verb: str, by: Actor, now: datetime) -> tuple[User, Organisation]:
    if by.user is None:
        raise NotAllowedError("Only a person decides about a policy.")
    if not permissions.roles_at(by.user, organisation_id, now):
        raise NotVisibleError("There is no such organisation.")
    if not permissions.may(by.user, verb, None, now, organisation_id=organisation_id):
        raise NotAllowedError("Your role does not allow that here.")
    return by.user, Organisation.objects.get(pk=organisation_id)


def _lock(organisation_id: UUID) -> None:
    """Proposals are append-only and cannot be locked; other rows that point to the organisation are not held up."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
