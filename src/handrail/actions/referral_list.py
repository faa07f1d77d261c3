"""How referrals stand: one, the list of an organisation, what looks alike, and what the referring practice may know."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from handrail import clock
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.referral_intake import RECEIVED, intake_of
from handrail.actions.referrals import Kind, is_closed, last, text_of, told_of, write
from handrail.alerts.models import Dispatch
from handrail.people import permissions, scope
from handrail.people.models import Holiday, LinkToken, Patient, Referral, ReferralEntry, User
from handrail.rules.eligibility import EligibilityAnswer, eligibility, revisions_of
from handrail.rules.packet_data import packet_data
from handrail.rules.referral import (
    Intake,
    Progress,
    Standing,
    Weighed,
    comparison,
    not_known,
    referral_data,
    standing,
)
from handrail.rules.terms import civil_date

LINK_COOKIE: Final = "handrail_referral"
OPEN_COOKIE: Final = "handrail_referral_open"
OPEN_FOR: Final = timedelta(hours=1)
"""For so long a browser that typed the code goes on reading."""
CLOSED_SHOWN: Final = timedelta(days=90)
"""For so long a closed referral stands on the list; a list of years would be slow, and read by nobody."""
MYELOMA: Final = ("BCMA", "GPRC5D")
"""Targets of the products that a myeloma programme decides between."""
_LINK, _OPEN = "handrail.referral.link", "handrail.referral.open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A referral with its entries in their order, and how it stands."""

    referral: Referral
    entries: tuple[ReferralEntry, ...]
    progress: Progress
    standing: Standing
    owner: User | None
    zone: str
    holidays: frozenset[date]

    @property
    def intake(self) -> Intake:
        """What the practice said."""
        return intake_of(self.referral)

    @property
    def missing(self) -> tuple[str, ...]:
        """What it did not know."""
        return not_known(self.intake)


def cases_of(person: User, now: datetime, *, ever: bool = False) -> list[Case]:
    """The referrals of the person's organisations: what is red first, then what is late, then the oldest. Constant number of queries.

    Args:
        ever: those that were closed longer ago than `CLOSED_SHOWN` too.
    """
    mine = [
        each.organisation_id
        for each in permissions.memberships(person, now)
        if each.role in permissions.VERBS["view_referrals"]
    ]
    long_closed = _ended().filter(at__lt=now - CLOSED_SHOWN)
    wanted = _rows().filter(organisation__in=mine)
    rows = list((wanted if ever else wanted.filter(~Exists(long_closed))).order_by("received_at", "id"))
    closed = _holidays({each.organisation_id for each in rows})
    cases = [_case(row, closed, now) for row in rows]
    return sorted(cases, key=lambda each: (not each.standing.red, not each.standing.late, each.referral.received_at))


def red_cases_of(organisations: Collection[UUID], now: datetime) -> list[Case]:
    """The referrals of organisations without contact for too long, the oldest first. Constant number of queries.

    The caller has asked who may look at them.
    """
    rows = list(_rows().filter(~Exists(_ended()), organisation__in=organisations).order_by("received_at", "id"))
    closed = _holidays({each.organisation_id for each in rows}) if rows else []
    return [case for row in rows if (case := _case(row, closed, now)).standing.red]


def _ended() -> QuerySet[ReferralEntry]:
    """What closed a referral."""
    return ReferralEntry.objects.filter(referral=OuterRef("pk"), kind__in=(Kind.CLOSED, Kind.SET_ASIDE))


def case_for(person: User, referral_id: UUID, now: datetime) -> Case:
    """One referral.

    Raises:
        NotVisibleError: there is none for this person.
    """
    row = _rows().filter(pk=referral_id, organisation__in=permissions.organisations_of(person, now)).first()
    if row is None or not permissions.may(person, "view_referrals", None, now, organisation_id=row.organisation_id):
        raise NotVisibleError("There is no such referral.")
    return _case(row, _holidays({row.organisation_id}), now)


def case_of(referral_id: UUID, now: datetime) -> Case:
    """One referral, for what asks for nobody: the watcher. The caller holds the row."""
    row = _rows().get(pk=referral_id)
    return _case(row, _holidays({row.organisation_id}), now)


def _rows() -> QuerySet[Referral]:
    went = Dispatch.objects.filter(kind=RECEIVED, state=Dispatch.State.SENT)
    return Referral.objects.select_related("organisation", "site").prefetch_related(
        Prefetch("entries", ReferralEntry.objects.select_related("by").order_by("number")),
        Prefetch("dispatches", went),
    )


def _holidays(organisations: Collection[UUID]) -> list[Holiday]:
    return list(Holiday.objects.filter(organisation__in=organisations))


def _case(row: Referral, holidays: Sequence[Holiday], now: datetime) -> Case:
    entries = tuple(row.entries.all())
    zone = row.site.time_zone if row.site is not None else row.organisation.time_zone
    free = frozenset(
        each.on
        for each in holidays
        if each.organisation_id == row.organisation_id and each.site_id in (None, row.site_id)
    )
    mailed = [each.sent_at for each in row.dispatches.all() if each.sent_at is not None]
    progress = progress_of(row, entries, mailed)
    claimed = last(entries, Kind.CLAIMED)
    return Case(
        referral=row,
        entries=entries,
        progress=progress,
        standing=standing(referral_data(), progress, now, zone=zone, holidays=free),
        owner=claimed.by if claimed is not None else None,
        zone=zone,
        holidays=free,
    )


def progress_of(referral: Referral, entries: Sequence[ReferralEntry], mailed: Sequence[datetime]) -> Progress:
    """What has happened, from the entries and from when a mail server took the acknowledgement."""

    def first(*kinds: str) -> datetime | None:
        return min((each.at for each in entries if each.kind in kinds), default=None)

    decided, planned = last(entries, Kind.DECIDED), last(entries, Kind.CONTACT_PLANNED)
    told = told_of(entries, decided) if decided is not None else None
    reached = [each.at for each in entries if each.kind == Kind.CONTACTED and each.payload.get("reached") is True]
    acknowledged = [*mailed, *(each.at for each in entries if each.kind == Kind.ACKNOWLEDGED)]
    return Progress(
        received_at=referral.received_at,
        urgent=intake_of(referral).urgent,
        read_at=first(Kind.CLAIMED),
        acknowledged_at=min(acknowledged, default=None),
        complete_or_query_at=first(Kind.QUERIED, Kind.COMPLETE),
        contact_planned_on=date.fromisoformat(planned.payload["on"]) if planned is not None else None,
        contacted_at=min(reached, default=None),
        decided_at=decided.at if decided is not None else None,
        told_at=told.at if told is not None else None,
        closed_at=first(Kind.CLOSED, Kind.SET_ASIDE),
    )


def is_mailed(referral: Referral) -> bool:
    """Whether an acknowledgement by mail was handed to be sent: an address alone is none where no mail server is set up."""
    with scope.acting_for(referral.organisation_id):
        return Dispatch.objects.filter(referral=referral, kind=RECEIVED).exists()


# --- what is weighed ---------------------------------------------------------------------------------------------------


def weighed(case: Case) -> tuple[Weighed, ...]:
    """The card that compares the options for this patient."""
    return comparison(referral_data(), case.intake)


def indications(case: Case, now: datetime, jurisdiction: str = "US") -> list[tuple[str, EligibilityAnswer]]:
    """Whether the labels in force today cover the patient, product by product, as far as the referral tells."""
    today = civil_date(now, case.zone)
    products = (row.id for row in packet_data().target if row.target in MYELOMA)
    found = ((name, revisions_of(name, jurisdiction)) for name in sorted(products))
    return [(name, eligibility(labels, case.intake.before, today)) for name, labels in found if labels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Others that look like the same person: same phone, or same family name and birth date. Nothing joins them."""

    referrals: tuple[Referral, ...]
    patients: tuple[Patient, ...]


def alike(case: Case) -> Alike:
    """What a person should compare with this referral."""
    own = case.referral
    others = Referral.objects.filter(own.looks_like(), organisation_id=own.organisation_id).exclude(pk=own.pk)
    patients = Patient.objects.with_phone(own.phone).filter(organisation_id=own.organisation_id)
    return Alike(referrals=tuple(others.order_by("received_at", "id")[:5]), patients=tuple(patients.order_by("id")[:5]))


# --- what the practice may know ------------------------------------------------------------------------------------------


def exchange_token(token: str, now: datetime | None = None) -> tuple[Referral, str] | None:
    """The referral behind a link, and the value of a cookie for it; None for a link that opens nothing (any more)."""
    now = now or clock.now()
    with scope.everything():
        found = Referral.objects.filter(token_hash=LinkToken.hash_of(token), expires_at__gt=now).first()
    return None if found is None else (found, signing.dumps(str(found.pk), salt=_LINK))


def behind(cookie: str, now: datetime) -> Referral | None:
    """The referral of a link's cookie, while the link is good and not used up by wrong codes."""
    try:
        found = UUID(signing.loads(cookie, salt=_LINK))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    with scope.everything():
        good = Referral.objects.select_related("organisation", "site").filter(expires_at__gt=now, tries_left__gt=0)
        return good.filter(pk=found).first()


def try_code(referral: Referral, typed: str, now: datetime) -> str | None:
    """The cookie that goes on reading, or None for a wrong code, which is counted for the whole life of the link."""
    code = "".join(typed.upper().split())
    with transaction.atomic(), scope.acting_for(referral.organisation_id):
        held = Referral.objects.select_for_update().get(pk=referral.pk)
        if held.tries_left < 1:
            return None
        if hmac.compare_digest(code.encode("utf-8", "replace"), held.code.encode()):
            return opened_cookie(held, now)
        Referral.objects.filter(pk=held.pk).update(tries_left=held.tries_left - 1)
        return None


def opened_cookie(referral: Referral, now: datetime) -> str:
    """The value of the cookie of somebody who typed the code, or who has just sent the form."""
    return signing.dumps([str(referral.pk), (now + OPEN_FOR).isoformat()], salt=_OPEN)


def is_open(referral: Referral, cookie: str, now: datetime) -> bool:
    """Whether this browser has typed the code of this referral lately."""
    try:
        of, until = signing.loads(cookie, salt=_OPEN)
        return bool(of == str(referral.pk) and datetime.fromisoformat(until) > now)
    except (signing.BadSignature, ValueError, TypeError):
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the practice may know: how far it got, and what it is asked. Nothing of the patient, and not what was decided."""

    case: Case
    questions: tuple[tuple[ReferralEntry, ReferralEntry | None], ...]
    """Each question with its answer."""


def known_to_practice(referral: Referral, now: datetime) -> Known:
    """What stands behind the link and the code."""
    with scope.acting_for(referral.organisation_id):
        case = _case(_rows().get(pk=referral.pk), _holidays({referral.organisation_id}), now)
        answers = {each.payload["question"]: each for each in case.entries if each.kind == Kind.ANSWERED}
        asked = [each for each in case.entries if each.kind == Kind.QUERIED]
        return Known(case=case, questions=tuple((each, answers.get(str(each.pk))) for each in asked))


def answer(referral: Referral, question: str, text: str, *, now: datetime | None = None) -> ReferralEntry:
    """The practice answers a question, once.

    Raises:
        RefusedError: there is no such question, it is answered already, or the referral is closed.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(referral.organisation_id):
        held = (
            Referral.objects.select_for_update(of=("self",)).select_related("organisation", "site").get(pk=referral.pk)
        )
        if is_closed(held):
            raise RefusedError("This referral is closed: please phone.", code="closed")
        entries = list(held.entries.all())
        asked = next((each for each in entries if each.kind == Kind.QUERIED and str(each.pk) == question), None)
        if asked is None:
            raise RefusedError("There is no such question.", code="no_such_question")
        if any(each.kind == Kind.ANSWERED and each.payload["question"] == question for each in entries):
            raise RefusedError("This question is answered already.", code="answered")
        return write(held, Kind.ANSWERED, {"question": question, "answer": text_of(text, "answer")}, now)
