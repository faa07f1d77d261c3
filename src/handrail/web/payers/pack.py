"""What the letter and appeal pack adds to the case: the course of the request day by day, the policy card with its document and day, the
label the course follows, the earlier treatment as the record holds it, and what Handrail holds no place for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from handrail.actions.payer_gate import Held
from handrail.actions.payer_papers import OWN, Papers, card_key
from handrail.actions.payer_requests import entry_of
from handrail.records import wire
from handrail.records.models import AccessPaper, Course, PayerEntry, PayerRequest
from handrail.rules.access import Kind, State, counted
from handrail.rules.access_data import Card, sources_of
from handrail.rules.eligibility import Before
from handrail.rules.gate_evidence import treated_before
from handrail.rules.pinned import protocol_for
from handrail.rules.terms import DRUG_CLASSES, Status, UnusableInput, civil_date, say_date, say_instant
from handrail.web.payers import forms


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeld:
    """Something a reviewer asks for that Handrail has no place for. `held`: what the pack holds of it, filled in already."""

    what: str
    held: str = ""


APPEALS: Final = (State.DENIED, State.TALK, State.APPEALED)
"""Where a request stands when the pack is an appeal."""
ALWAYS_ADDED: Final = (
    NotHeld(what="Diagnosis code (ICD-10-CM), as the practice bills it"),
    NotHeld(what="Prescriber’s National Provider Identifier (NPI), and the practice’s own"),
    NotHeld(what="Member number and group of the patient’s plan"),
    NotHeld(what="Allergies and intolerances (nothing here means that there are none)"),
)
_STATUS_WORDS: Final[dict[Status, str]] = {
    Status.SOURCED: "read in the document itself",
    Status.SECONDARY: "read in a summary, not in the document itself",
    Status.UNVERIFIED: "not read: check the document first",
    Status.SITE_CHOICE: "written down by this organisation",
}
_STAGES: Final[tuple[tuple[str, tuple[Kind, ...]], ...]] = (
    ("submitted", (Kind.SUBMITTED,)),
    ("followed up", (Kind.FOLLOWED_UP,)),
    ("denied", (Kind.DENIED,)),
    ("peer-to-peer", (Kind.TALK_ASKED, Kind.TALK_HELD)),
    ("appealed", (Kind.APPEALED,)),
)
"""The stages that an appeal is asked about, and the entries that show each."""
_SHOWN: Final = (
    Kind.SUBMITTED, Kind.FOLLOWED_UP, Kind.MORE_ASKED, Kind.MORE_SENT, Kind.APPROVED, Kind.NOT_REQUIRED, Kind.DENIED,
    Kind.TALK_ASKED, Kind.TALK_HELD, Kind.APPEALED, Kind.WITHDRAWN,
)  # fmt: skip
"""What passes between the practice and the payer. The billing team's word and one's own choices stay in the house."""
_ANSWERS: Final = frozenset({Kind.APPROVED, Kind.NOT_REQUIRED, Kind.DENIED})


def course_of_request(held: Held, zone: str, *, appeal: bool) -> dict[str, Any]:
    """What happened to the request so far, the earliest first, each with its moment and its day since it was submitted.

    What was taken back, or fits nowhere, is no part of it. `missing`: stages of an appeal that nobody wrote down.
    """
    by_id = {str(each.pk): each for each in held.entries}
    ignored = {each.id for each in held.standing.ignored}
    entries = [each for each in counted(map(entry_of, held.entries)) if each.id not in ignored and each.kind in _SHOWN]
    first = next((each.at for each in entries if each.kind is Kind.SUBMITTED), None)
    rows = [
        {
            "at": say_instant(each.at, zone),
            "day": "" if first is None else str((civil_date(each.at, zone) - civil_date(first, zone)).days),
            "title": forms.TITLES[each.kind],
            "said": _said(by_id[each.id]),
        }
        for each in entries
    ]
    kinds = [each.kind for each in entries]
    missing = [words for words, shown in _STAGES if not set(shown) & set(kinds)]
    last = max((place for place, kind in enumerate(kinds) if kind is Kind.APPEALED), default=len(kinds))
    if not _ANSWERS & set(kinds[last:]):
        missing.append("the answer to the appeal")
    due = held.standing.answer_by
    return {
        "rows": rows,
        "missing": missing if appeal else [],
        "stands": held.standing.words,
        "answer_by": say_instant(due, zone) if due else "",
    }


def _said(row: PayerEntry) -> str:
    """What an entry says, for a reader outside the house: its reason, its number and its days."""
    said = row.payload
    parts = [str(said["reason"])] if said.get("reason") else []
    parts += [str(said["urgency"])] if said.get("urgency") else []
    parts += [f"number {said['number']}"] if said.get("number") else []
    parts += [
        f"{words} {say_date(date.fromisoformat(said[name]))}"
        for name, words in (("valid_from", "from"), ("valid_until", "until"))
        if said.get(name)
    ]
    return "; ".join(parts)


def card_against(papers: Papers, row: PayerRequest, denied_on: date | None, today: date) -> dict[str, Any] | None:
    """The policy card that the pack argues against, with its document and day: the one in force on the day of the denial, else today's.

    `since_then`: another card that is in force today; None: it is the same, or there is none.
    """
    day = denied_on or today
    card, current = papers.card(row.payer, row.drug, day), papers.card(row.payer, row.drug, today)
    if card is None:
        return None
    other = current if current is not None and (current.id, current.since) != (card.id, card.since) else None
    return {
        "since": say_date(card.since),
        "until": say_date(card.until) if card.until else "",
        "date_words": card.date_words or "",
        "in_force_on": say_date(day),
        "on_denial": denied_on is not None,
        "words": card.indication,
        "place": card.site_of_care or ("names none" if card.inpatient_steps == () else "not read"),
        "contact": card.contact or "",
        "documents": _documents(papers, row, card),
        "status": _STATUS_WORDS[card.status],
        "since_then": f"Card of {say_date(other.since)}: {other.indication}" if other is not None else "",
    }


def _documents(papers: Papers, row: PayerRequest, card: Card) -> list[tuple[str, str | None]]:
    """Where a card was read, with its address; an own card names the document that its writer named, and who wrote it down when."""
    if card.source != OWN:
        known = sources_of("cards-1")
        return [known[key] for key in card.source]
    key = card_key(row.payer, row.drug)
    paper = next(each for each in papers.of(AccessPaper.Kind.CARD) if (each.key, each.since) == (key, card.since))
    written = say_date(civil_date(paper.recorded_at, paper.organisation.time_zone))
    named = str(paper.payload.get("document") or "the payer’s document was not named")
    return [(f"{named}; written down here on {written} by {paper.by.name}", None)]


def label_of(course: Course, now: datetime) -> dict[str, Any] | None:
    """The label revision that the course follows, and what it says of whom it is for on this day. None: it cannot be read."""
    try:
        history, _ = wire.history_of(course, now)
        protocol = protocol_for(history, now)
    except UnusableInput:
        return None
    today = civil_date(now, course.time_zone)
    rows = [
        {
            "words": row.words,
            "status": _STATUS_WORDS[row.status],
            "from": say_date(row.in_force_from) if row.in_force_from else "",
            "sources": [protocol.sources[key] for key in row.source],
        }
        for row in protocol.indication
        if (row.in_force_from is None or row.in_force_from <= today)
        and (row.in_force_to is None or today <= row.in_force_to)
    ]
    product = protocol.product
    return {
        "name": f"{product.brand} ({product.inn}), {product.jurisdiction}, revision {product.revision}",
        "rows": rows,
    }


def earlier(course: Course, now: datetime) -> Before:
    """What the record holds of treatment before this course: from the referral, or as somebody noted it last."""
    try:
        history, _ = wire.history_of(course, now)
    except UnusableInput:
        return Before(lines=None)
    return treated_before(history)


def earlier_rows(before: Before) -> list[tuple[str, str | None]]:
    """The rows of the case on earlier treatment. None: not known."""
    words = {True: "yes", False: "no", None: None}
    return [
        ("Earlier lines of therapy", None if before.lines is None else str(before.lines)),
        *((f"Earlier {name}", words[before.classes.get(key)]) for key, name in DRUG_CLASSES.items()),
        ("Progressed on the last line", words[before.progressed]),
    ]


def not_held(before: Before) -> tuple[NotHeld, ...]:
    """What the practice must add, because Handrail has no place for it. What the pack holds of it stands beside, and is not asked again."""
    had = [name for key, name in DRUG_CLASSES.items() if before.classes.get(key)]
    lines = "" if before.lines is None else f"{before.lines} earlier line{'' if before.lines == 1 else 's'}"
    told = "; ".join(each for each in (lines, f"among them {', '.join(had)}" if had else "") if each)
    therapies = NotHeld(what="Each earlier therapy by name, with its dates and how it ended", held=told)
    return (ALWAYS_ADDED[0], therapies, *ALWAYS_ADDED[1:])
