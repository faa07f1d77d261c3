"""What the access desk knows from files: the clocks of a request, what binds a payer, policy cards, and what a letter may cite.

Every row carries source and status. A policy card is what a published text said from a day on, never what a payer will answer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from handrail.rules.caredata import FOLDER, read_care
from handrail.rules.strict import ProtocolDataError
from handrail.rules.terms import STEP_WORDS, Status

CLOCKS_FORMAT: Final = "handrail-access/1"
CARDS_FORMAT: Final = "handrail-payer-cards/1"
EVIDENCE_FORMAT: Final = "handrail-access-evidence/1"
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TOCILIZUMAB: Final = "tocilizumab"
Supply = Literal["buy_and_bill", "specialty_pharmacy", "free_drug"]
SUPPLY_WORDS: Final[dict[str, str]] = {
    "buy_and_bill": "the site buys and bills",
    "specialty_pharmacy": "a specialty pharmacy delivers",
    "free_drug": "free drug of the manufacturer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRules:
    """The organisation's own clocks. Working days count from the hour at which the clock starts to the same hour."""

    submit_within_working_days: int
    follow_up_after_hours: int
    escalate_before_limit_hours: int
    peer_to_peer_within_hours: int
    appeal_within_working_days: int
    working_days: tuple[str, ...]
    least_answers: int
    high_centile: int
    stock_count_holds_days: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """Hours from the submission within which a payer answers, from a day on."""

    id: str
    words: str
    since: date
    standard_hours: int
    expedited_hours: int
    source: tuple[str, ...]
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRow:
    """What can be done while one waits. `proceeds`: the dose is given without the payer's word, and a prescriber decides that."""

    id: str
    words: str
    consequence: str
    source: tuple[str, ...]
    status: Status
    proceeds: bool = False
    prophylaxis_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """The file of the clocks."""

    format: str
    clocks: ClockRules
    limit: tuple[LimitRow, ...]
    option: tuple[OptionRow, ...]

    def limit_on(self, key: str | None, day: date) -> LimitRow | None:
        """The limit of that name, if it counts on that day."""
        return next((row for row in self.limit if row.id == key and row.since <= day), None)

    def option_of(self, key: str | None) -> OptionRow | None:
        """The option of that name."""
        return next((row for row in self.option if row.id == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a payer's policy said about a drug from a day on.

    Attributes:
        drug: a product of the protocols, or `tocilizumab` for all its brands.
        lines_required: the fewest earlier lines; None: not read.
        inpatient_steps: steps that it pays for in hospital only; empty: it names none; None: not read.
        preferred: ids of products; empty: none was read.
        prophylaxis: whether it names tocilizumab before the first reaction.
        months: how long a first authorisation holds; None: not read.
    """

    id: str
    payer: str
    drug: str
    since: date
    indication: str
    source: tuple[str, ...]
    status: Status
    until: date | None = None
    date_words: str | None = None
    lines_required: int | None = None
    site_of_care: str | None = None
    inpatient_steps: tuple[str, ...] | None = None
    preferred: tuple[str, ...] = ()
    dose_cap: str | None = None
    months: int | None = None
    supply: Supply | None = None
    prophylaxis: Literal["named", "not_named"] | None = None
    contact: str | None = None

    def counts_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFile:
    """The file of the cards."""

    format: str
    card: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study: patients with CRS of those who got tocilizumab, and of those who did not where it had such a group."""

    id: str
    title: str
    published: str
    drugs: tuple[str, ...]
    setting: str
    patients: int
    crs_with: int
    words: str
    source: tuple[str, ...]
    status: Status
    without_patients: int | None = None
    crs_without: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidRow:
    """A sentence with its source."""

    words: str
    source: tuple[str, ...]
    status: Status
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """What a letter may cite."""

    format: str
    study: tuple[StudyRow, ...]
    together: SaidRow
    guideline: SaidRow
    off_label: SaidRow


@cache
def access_rules() -> AccessRules:
    """The shipped clocks, limits and options."""
    return access_rules_from_toml(_shipped("clocks-1"))


@cache
def payer_cards() -> CardFile:
    """The shipped cards."""
    return cards_from_toml(_shipped("cards-1"))


@cache
def evidence_file() -> EvidenceFile:
    """The shipped studies and what is known of the guideline."""
    return evidence_from_toml(_shipped("evidence-1"))


def _shipped(name: str) -> str:
    return (FOLDER / "payers" / f"{name}.toml").read_text(encoding="utf-8")


def access_rules_from_toml(text: str) -> AccessRules:
    """Clocks, limits and options from TOML text.

    Raises:
        ProtocolDataError: an unknown key, a missing source, a clock that never runs out, no working day, an expedited limit
            that is longer than the standard one.
    """
    found = read_care(AccessRules, text, CLOCKS_FORMAT)
    clocks = found.clocks
    positive = (
        clocks.submit_within_working_days,
        clocks.follow_up_after_hours,
        clocks.escalate_before_limit_hours,
        clocks.peer_to_peer_within_hours,
        clocks.appeal_within_working_days,
        clocks.least_answers,
        clocks.stock_count_holds_days,
    )
    if min(positive) <= 0 or not 50 <= clocks.high_centile < 100:
        raise ProtocolDataError("bad_number", "A clock runs for some time.", "clocks")
    if not clocks.working_days or not set(clocks.working_days) <= set(DAYS):
        raise ProtocolDataError("wrong_value", f"Somebody works on some of: {', '.join(DAYS)}.", "clocks.working_days")
    for row in found.limit:
        if not clocks.escalate_before_limit_hours < row.expedited_hours <= row.standard_hours:
            raise ProtocolDataError("bad_number", "The limit makes no sense.", f"limit.{row.id}")
    if not found.option:
        raise ProtocolDataError("missing_key", "There is nothing to choose from.", "option")
    return found


def cards_from_toml(text: str) -> CardFile:
    """Policy cards from TOML text.

    Raises:
        ProtocolDataError: as `check_card`, or two cards of one payer and drug that begin on one day.
    """
    found = read_care(CardFile, text, CARDS_FORMAT)
    days = [(card.payer, card.drug, card.since) for card in found.card]
    if len(set(days)) != len(days):
        raise ProtocolDataError("overlap", "Two cards of one payer and drug begin on one day.", "card")
    for card in found.card:
        check_card(card)
    return found


def check_card(card: Card) -> None:
    """Refuse a card that cannot be right, shipped or an organisation's own.

    Raises:
        ProtocolDataError: dates, lines or months that make no sense, or a step that there is not.
    """
    if card.until is not None and card.until < card.since:
        raise ProtocolDataError("bad_number", "The card ends before it begins.", f"card.{card.id}.until")
    if card.lines_required is not None and not 0 < card.lines_required < 20:
        raise ProtocolDataError("bad_number", "The number of lines makes no sense.", f"card.{card.id}.lines_required")
    if card.months is not None and not 0 < card.months <= 60:
        raise ProtocolDataError("bad_number", "The months make no sense.", f"card.{card.id}.months")
    for step in card.inpatient_steps or ():
        if step not in STEP_WORDS:
            raise ProtocolDataError("unknown_word", f"There is no step {step!r}.", f"card.{card.id}.inpatient_steps")


def evidence_from_toml(text: str) -> EvidenceFile:
    """What a letter may cite, from TOML text.

    Raises:
        ProtocolDataError: a missing source, or counts that make no sense.
    """
    found = read_care(EvidenceFile, text, EVIDENCE_FORMAT)
    for row in found.study:
        beside = (row.without_patients, row.crs_without)
        if not 0 <= row.crs_with <= row.patients or (beside[0] is None) != (beside[1] is None):
            raise ProtocolDataError("bad_number", "The counts make no sense.", f"study.{row.id}")
        if beside[0] is not None and beside[1] is not None and not 0 <= beside[1] <= beside[0]:
            raise ProtocolDataError("bad_number", "The counts make no sense.", f"study.{row.id}")
    return found


def sources_of(name: str) -> dict[str, tuple[str, str | None]]:
    """Document and address of the sources of a shipped file (`clocks-1`, `cards-1`, `evidence-1`), by their keys."""
    return {
        key: (str(row["document"]), row.get("address")) for key, row in tomllib.loads(_shipped(name))["sources"].items()
    }


def card_on(cards: Iterable[Card], payer: str, drug: str, day: date) -> Card | None:
    """The card of a payer and a drug that is in force on a day: the one that began last. Once that has ended none is, and no older one."""
    last = last_card(cards, payer, drug, day)
    return last if last is not None and last.counts_on(day) else None


def last_card(cards: Iterable[Card], payer: str, drug: str, day: date) -> Card | None:
    """The card of a payer and a drug that began last up to a day, ended or not."""
    begun = [card for card in cards if (card.payer, card.drug) == (payer, drug) and card.since <= day]
    return max(begun, key=lambda card: card.since, default=None)
