"""The papers of the access desk with their days: own policy cards, interchange protocols, guideline editions, counts of rescue doses.

A paper is never changed: a later one of the same kind, key and first day counts instead, and one with a reason takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.rota import managed
from handrail.people import scope
from handrail.people.models import Organisation
from handrail.records.models import AccessPaper
from handrail.rules.access_data import Card, card_on, check_card, last_card, payer_cards
from handrail.rules.access_gate import Stock
from handrail.rules.caredata import tocilizumab
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import Status

VERB: Final = "manage_access_papers"
OWN: Final = ("the organisation's own",)
LONGEST: Final = 1000
MOMENT: Final = timedelta(microseconds=1)


def write_paper(
    organisation_id: UUID,
    *,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    since: date,
    until: date | None = None,
    by: Actor,
    now: datetime | None = None,
) -> AccessPaper:
    """Write a paper down.

    Args:
        key: what of its kind it is about: `payer|drug` of a card, a name, the code of a site.
        payload: what it says, as JSON; what is not known is left out.
        since: its first day; until: its last day, None: no end is known.

    Raises:
        RefusedError: days in the wrong order, an interchange protocol without an end, products, or who approved it, a card that
            cannot be right; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        organisation = managed(organisation_id, by, now, VERB)
        assert by.user is not None
        _check(kind, key, payload, since, until)
        return AccessPaper.objects.create(
            organisation=organisation, kind=kind, key=key.strip(), payload=dict(payload), since=since, until=until,
            recorded_at=_after(kind, key.strip(), since, organisation.pk, now), by=by.user,
        )  # fmt: skip


def take_paper_back(paper_id: UUID, *, reason: str, by: Actor, now: datetime | None = None) -> AccessPaper:
    """Say, with a reason, that a paper does not count. It stays on record.

    Raises:
        RefusedError: no reason; NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with transaction.atomic(), scope.acting_for(*by.organisations(now)):
        paper = AccessPaper.objects.filter(pk=paper_id).first()
        if paper is None:
            raise NotVisibleError("There is no such paper.")
        managed(paper.organisation_id, by, now, VERB)
        assert by.user is not None
        if not reason.strip():
            raise RefusedError("Say why it does not count.", code="missing_key", path="reason")
        return AccessPaper.objects.create(
            organisation_id=paper.organisation_id, kind=paper.kind, key=paper.key, since=paper.since, until=paper.until,
            payload={**paper.payload, "reason": reason.strip()[:LONGEST]}, counts=False, by=by.user,
            recorded_at=_after(paper.kind, paper.key, paper.since, paper.organisation_id, now),
        )  # fmt: skip


def _after(kind: str, key: str, since: date, organisation_id: UUID, now: datetime) -> datetime:
    """Now, or just after the last paper of that kind, key and day: two of one moment keep the order in which they were written."""
    same = AccessPaper.objects.filter(organisation_id=organisation_id, kind=kind, key=key, since=since)
    return max([now, *(at + MOMENT for at in same.values_list("recorded_at", flat=True))])


def _check(kind: str, key: str, payload: Mapping[str, Any], since: date, until: date | None) -> None:
    if kind not in AccessPaper.Kind.values or not key.strip() or len(key) > 200:
        raise RefusedError("Say what paper it is.", code="unknown_word", path="kind")
    if until is not None and until < since:
        raise RefusedError("It runs out before it begins.", code="not_a_time", path="until")
    if kind == AccessPaper.Kind.INTERCHANGE:
        known = {row.id for row in tocilizumab().product}
        products = set(payload.get("products") or ())
        if len(products) < 2 or not products <= known:
            raise RefusedError(
                "Name at least two products that may stand in for one another.", code="missing_key", path="products"
            )
        if not payload.get("approved_by") or until is None:
            raise RefusedError("Say who approved it, and until when.", code="missing_key", path="approved_by")
    if kind == AccessPaper.Kind.CARD:
        try:
            check_card(card_from(key, payload, since, until, Status.UNVERIFIED))
        except (ProtocolDataError, TypeError) as error:
            words = error.message if isinstance(error, ProtocolDataError) else "The card cannot be read."
            raise RefusedError(words, code="wrong_value", path="card") from error
    if kind == AccessPaper.Kind.STOCK and (not isinstance(payload.get("doses"), int) or payload["doses"] < 0):
        raise RefusedError("Say how many doses were counted.", code="bad_number", path="doses")


def card_key(payer: str, drug: str) -> str:
    """The key of a card."""
    return f"{payer.strip()}|{drug}"


def card_from(key: str, payload: Mapping[str, Any], since: date, until: date | None, status: Status) -> Card:
    """An own card as the rules read it."""
    payer, _, drug = key.rpartition("|")
    names = {each.name for each in fields(Card)} - {"id", "payer", "drug", "since", "until", "source", "status"}
    said: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in payload.items() if name in names
    }
    return Card(id=key, payer=payer, drug=drug, since=since, until=until, source=OWN, status=status, **said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """Every paper of an organisation that was not taken back, read at once."""

    rows: tuple[AccessPaper, ...]

    def of(self, kind: str) -> list[AccessPaper]:
        """Those of a kind, the latest first day first."""
        return [row for row in self.rows if row.kind == kind]

    def on(self, kind: str, day: date) -> list[AccessPaper]:
        """Those of a kind that are in force on a day."""
        return [row for row in self.of(kind) if row.since <= day and (row.until is None or day <= row.until)]

    def cards(self) -> tuple[Card, ...]:
        """The shipped cards and the organisation's own."""
        own = (card_from(row.key, row.payload, row.since, row.until, Status.SITE_CHOICE) for row in self.of("card"))
        return (*payer_cards().card, *own)

    def card(self, payer: str, drug: str, day: date) -> Card | None:
        """The card of a payer and a drug on a day: an own one before a shipped one; after an own one that ended, one that began later."""
        own = last_card([card for card in self.cards() if card.source == OWN], payer, drug, day)
        if own is not None and own.counts_on(day):
            return own
        shipped = card_on(payer_cards().card, payer, drug, day)
        ended = own.until if own is not None else None
        return shipped if shipped is None or ended is None or shipped.since > ended else None

    def replaced(self, row: AccessPaper, day: date) -> bool:
        """Whether a later card of the payer and drug, or a later count of the site, stands in place of this one by that day."""
        same = (row.organisation_id, row.kind, row.key)
        return row.kind in (AccessPaper.Kind.CARD, AccessPaper.Kind.STOCK) and any(
            (each.organisation_id, each.kind, each.key) == same and row.since < each.since <= day for each in self.rows
        )

    def interchange(self, ordered: str, offered: str, use: str, day: date) -> AccessPaper | None:
        """An interchange protocol that is valid on a day and covers both products and the use."""
        return next(
            (
                row
                for row in self.on("interchange", day)
                if {ordered, offered} <= set(row.payload["products"]) and use in row.payload.get("uses", ())
            ),
            None,
        )

    def guideline(self, day: date) -> AccessPaper | None:
        """The edition of the guideline that was written down last, of those in force on a day."""
        return next(iter(self.on("guideline", day)), None)

    def count(self, site: str | None, day: date) -> AccessPaper | None:
        """The paper of that count; None: nobody has counted."""
        return next((row for row in self.of("stock") if row.key == site and row.since <= day), None)

    def stock(self, site: str | None, day: date) -> Stock:
        """The latest count of rescue doses at a site, up to a day."""
        row = self.count(site, day)
        return Stock() if row is None else Stock(doses=row.payload.get("doses"), counted_on=row.since)


def papers_of(organisation_id: UUID) -> Papers:
    """The papers of an organisation. One query."""
    return papers_from(AccessPaper.objects.filter(organisation_id=organisation_id).select_related("by"))


def papers_from(rows: Iterable[AccessPaper]) -> Papers:
    """Papers from rows: of one organisation, kind, key and first day the later counts, unless it takes the earlier back."""
    latest: dict[tuple[UUID, str, str, date], AccessPaper] = {}
    for row in sorted(rows, key=lambda each: (each.recorded_at, str(each.pk))):
        latest[row.organisation_id, row.kind, row.key, row.since] = row
    counting: Sequence[AccessPaper] = [row for row in latest.values() if row.counts]
    return Papers(rows=tuple(sorted(counting, key=lambda row: (row.since, row.recorded_at), reverse=True)))


def organisations_with(by: Actor, now: datetime) -> list[Organisation]:
    """The organisations of this actor, by name."""
    return list(Organisation.objects.filter(pk__in=by.organisations(now)).order_by("name", "id"))
