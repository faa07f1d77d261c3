"""How referrals stand: one, the list of an organisation, what looks alike, and what the referring practice may know."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

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
    ROUTINE,
    Intake,
    Progress,
    Standing,
    Weighed,
    comparison,
    how_late,
    in_time_since,
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
NOT_LISTED: Final = (
    *("referrer", "referrer_phone", "referrer_email"),
    *("birth_date_text", "phone", "key"),
)
"""What no row of a list says: it is neither read nor decrypted."""
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


def organisations_with_referrals(person: User, now: datetime) -> list[UUID]:
    """Where the person may look at referrals. One query."""
    held = permissions.memberships(person, now)
    return [each.organisation_id for each in held if each.role in permissions.VERBS["view_referrals"]]


def open_referrals(organisations: Collection[UUID], *, courseless: bool = False) -> QuerySet[Referral]:
    """The referrals of organisations that are not closed. The caller has asked who may look at them.

    Args:
        courseless: those alone from which no course was started.
    """
    rows = Referral.objects.filter(~Exists(_ended()), organisation__in=organisations)
    return rows.filter(~Exists(_told(Kind.COURSE_STARTED))) if courseless else rows


def closed_referrals(
    organisations: Collection[UUID], now: datetime, *, ever: bool = False, courseless: bool = False
) -> QuerySet[Referral]:
    """Those that are closed, the latest first.

    Args:
        ever: those that were closed longer ago than `CLOSED_SHOWN` too.
        courseless: neither set aside nor with a course.
    """
    rows = Referral.objects.filter(Exists(_ended()), organisation__in=organisations)
    if not ever:
        rows = rows.filter(~Exists(_ended().filter(at__lt=now - CLOSED_SHOWN)))
    if courseless:
        rows = rows.filter(~Exists(_told(Kind.COURSE_STARTED, Kind.SET_ASIDE)))
    return rows.order_by("-received_at", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """An open referral as far as its columns tell without its name: enough to put it in order, and to count it."""

    id: UUID
    site_id: UUID | None
    site: str
    zone: str
    holidays: frozenset[date]
    progress: Progress
    option: str
    """Of the last decision; empty: nothing is decided."""
    red: bool
    late: bool

    def standing(self, now: datetime) -> Standing:
        """How it stands."""
        return standing(referral_data(), self.progress, now, zone=self.zone, holidays=self.holidays)


def in_order(rows: QuerySet[Referral], now: datetime) -> list[Brief]:
    """Open referrals: what is red first, then what is late, then the oldest. No name is read. Four queries, where there are any."""
    columns = ("pk", "organisation", "site", "site__name", "site__time_zone", "organisation__time_zone")
    found = list(rows.order_by("received_at", "id").values_list(*columns, "received_at", "urgency"))
    if not found:
        return []
    steps: dict[UUID, list[Step]] = {}
    entries = ReferralEntry.objects.filter(kind__in=STEPS, referral__in=rows.order_by().values("pk"))
    step_columns = ("referral", "pk", "kind", "number", "at", "payload")
    for referral, *step in entries.order_by("number").values_list(*step_columns):
        steps.setdefault(referral, []).append(Step(*step))
    mailed: dict[UUID, list[datetime]] = {}
    for referral, at in _went().filter(referral__in=rows.order_by().values("pk")).values_list("referral", "sent_at"):
        if at is not None:
            mailed.setdefault(referral, []).append(at)
    closed = _holidays({row[1] for row in found})
    since: dict[tuple[str, frozenset[date]], dict[str, datetime]] = {}
    free: dict[tuple[UUID, UUID | None], frozenset[date]] = {}
    briefs = []
    for pk, house, site, name, here, there, received_at, urgency in found:
        if (house, site) not in free:
            free[house, site] = _free(closed, house, site)
        place = (here or there, free[house, site])
        if place not in since:
            since[place] = in_time_since(referral_data(), now, *place)
        entered = steps.get(pk, ())
        progress = _progress(received_at, urgency != ROUTINE, entered, mailed.get(pk, ()))
        decided = last(entered, Kind.DECIDED)
        red, late = how_late(referral_data(), progress, since[place])
        briefs.append(
            Brief(
                id=pk,
                site_id=site,
                site=name or "",
                zone=place[0],
                holidays=place[1],
                progress=progress,
                option=decided.payload["option"] if decided is not None else "",
                red=red,
                late=late,
            )
        )
    return sorted(briefs, key=lambda each: (not each.red, not each.late))


class Outcome(NamedTuple):
    """A closed referral, without its name: the site, the zone of its days, and what was decided last; empty: nothing was."""

    site: str
    zone: str
    received_at: datetime
    closed_at: datetime
    option: str


def outcomes_of(rows: QuerySet[Referral]) -> Iterator[Outcome]:
    """Closed referrals by their columns alone. One query."""
    ended = _ended().order_by("at").values("at")[:1]
    decided = _told(Kind.DECIDED).order_by("-number").values("payload__option")[:1]
    columns = ("site__name", "site__time_zone", "organisation__time_zone", "received_at", "ended", "option")
    found = rows.annotate(ended=Subquery(ended), option=Subquery(decided)).values_list(*columns)
    for site, here, there, received_at, closed_at, option in found:
        yield Outcome(site or "", here or there, received_at, closed_at, option or "")


def cases_in(ids: Sequence[UUID], now: datetime) -> list[Case]:
    """These referrals, in this order, as a list shows them. Constant number of queries; the caller has asked who may look at them."""
    rows = _rows().defer(*NOT_LISTED).in_bulk(ids)
    closed = _holidays({each.organisation_id for each in rows.values()})
    return [_case(rows[each], closed, now) for each in ids if each in rows]


def red_cases_of(organisations: Collection[UUID], now: datetime) -> list[Case]:
    """The referrals of organisations without contact for too long, the oldest first. Constant number of queries.

    The caller has asked who may look at them.
    """
    return cases_in([each.id for each in in_order(open_referrals(organisations), now) if each.red], now)


def _told(*kinds: Kind) -> QuerySet[ReferralEntry]:
    """The entries of these kinds of a referral."""
    return ReferralEntry.objects.filter(referral=OuterRef("pk"), kind__in=kinds)


def _ended() -> QuerySet[ReferralEntry]:
    """What closed a referral."""
    return _told(Kind.CLOSED, Kind.SET_ASIDE)


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
    return Referral.objects.select_related("organisation", "site").prefetch_related(
        Prefetch("entries", ReferralEntry.objects.select_related("by").order_by("number")),
        Prefetch("dispatches", _went()),
    )


def _went() -> QuerySet[Dispatch]:
    """The acknowledgements that a mail server took."""
    return Dispatch.objects.filter(kind=RECEIVED, state=Dispatch.State.SENT)


def _holidays(organisations: Collection[UUID]) -> list[Holiday]:
    return list(Holiday.objects.filter(organisation__in=organisations))


def _free(holidays: Iterable[Holiday], organisation: UUID, site: UUID | None) -> frozenset[date]:
    """The holidays that count at a site, or where none is named at the organisation."""
    return frozenset(
        each.on for each in holidays if each.organisation_id == organisation and each.site_id in (None, site)
    )


def _case(row: Referral, holidays: Sequence[Holiday], now: datetime) -> Case:
    entries = tuple(row.entries.all())
    zone = row.site.time_zone if row.site is not None else row.organisation.time_zone
    free = _free(holidays, row.organisation_id, row.site_id)
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

    return _progress(referral.received_at, intake_of(referral).urgent, entries, mailed)


class Step(NamedTuple):
    """An entry of a referral as far as its clocks ask for it."""

    pk: UUID
    kind: str
    number: int
    at: datetime
    payload: dict[str, Any]


STEPS: Final = (
    *(Kind.CLAIMED, Kind.ACKNOWLEDGED, Kind.QUERIED, Kind.COMPLETE),
    *(Kind.CONTACT_PLANNED, Kind.CONTACTED, Kind.DECIDED, Kind.TOLD),
)
"""The entries that move a referral which is not closed."""


def _progress(
    received_at: datetime, urgent: bool, entries: Sequence[ReferralEntry | Step], mailed: Sequence[datetime]
) -> Progress:
    def first(*kinds: str) -> datetime | None:
        return min((each.at for each in entries if each.kind in kinds), default=None)

    if not entries:
        return Progress(received_at=received_at, urgent=urgent, acknowledged_at=min(mailed, default=None))
    decided, planned = last(entries, Kind.DECIDED), last(entries, Kind.CONTACT_PLANNED)
    told = told_of(entries, decided) if decided is not None else None
    reached = [each.at for each in entries if each.kind == Kind.CONTACTED and each.payload.get("reached") is True]
    acknowledged = [*mailed, *(each.at for each in entries if each.kind == Kind.ACKNOWLEDGED)]
    return Progress(
        received_at=received_at,
        urgent=urgent,
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
