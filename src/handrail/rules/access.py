"""A request to a payer: where it stands, which clock runs, until when and for whom, and what to see before it is sent.

A request is its entries. What the desk writes down never decides whether a patient is treated: rescue tocilizumab for a reaction is
given from the shelf, whatever a request says, and asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from handrail.rules.access_data import DAYS, TOCILIZUMAB, AccessRules, Card
from handrail.rules.caredata import Care, tocilizumab
from handrail.rules.terms import STEP_WORDS, civil_date, civil_instant, say_date, say_instant, zone_named

BILLING, COORDINATOR, PRESCRIBER = "billing team", "access coordinator", "prescriber"
Setting = Literal["inpatient", "hybrid", "outpatient"]
Urgency = Literal["standard", "expedited"]
ANY: Final = "any"


class Kind(StrEnum):
    """What an entry says."""

    INTERNAL_CLEARED = "internal_cleared"
    INTERNAL_REFUSED = "internal_refused"
    SUBMITTED = "submitted"
    FOLLOWED_UP = "followed_up"
    MORE_ASKED = "more_asked"
    MORE_SENT = "more_sent"
    APPROVED = "approved"
    NOT_REQUIRED = "not_required"
    DENIED = "denied"
    TALK_ASKED = "peer_to_peer_asked"
    TALK_HELD = "peer_to_peer_held"
    APPEALED = "appealed"
    CHOICE = "choice"
    SUBSTITUTED = "substituted"
    WITHDRAWN = "withdrawn"
    TAKEN_BACK = "taken_back"


class State(StrEnum):
    """Where a request stands."""

    INTERNAL = "internal"
    INTERNAL_REFUSED = "internal_refused"
    TO_SUBMIT = "to_submit"
    SUBMITTED = "submitted"
    ASKED = "asked"
    APPROVED = "approved"
    NOT_REQUIRED = "not_required"
    DENIED = "denied"
    TALK = "peer_to_peer"
    APPEALED = "appealed"
    WITHDRAWN = "withdrawn"


STATE_WORDS: Final[dict[State, str]] = {
    State.INTERNAL: "waits for the billing team",
    State.INTERNAL_REFUSED: "refused by the billing team",
    State.TO_SUBMIT: "ready to be submitted",
    State.SUBMITTED: "submitted, no answer yet",
    State.ASKED: "the payer asked for more",
    State.APPROVED: "approved",
    State.NOT_REQUIRED: "the payer asks for no authorisation",
    State.DENIED: "denied",
    State.TALK: "denied, a peer-to-peer talk was asked for",
    State.APPEALED: "denied, appealed",
    State.WITHDRAWN: "withdrawn",
}
SETTLED: Final = frozenset({State.APPROVED, State.NOT_REQUIRED, State.WITHDRAWN})
_ALWAYS: Final = (Kind.CHOICE, Kind.SUBSTITUTED, Kind.WITHDRAWN)
_ANSWER: Final = (Kind.APPROVED, Kind.DENIED)
NEXT: Final[dict[State, tuple[Kind, ...]]] = {
    State.INTERNAL: (Kind.INTERNAL_CLEARED, Kind.INTERNAL_REFUSED, Kind.NOT_REQUIRED, *_ALWAYS),
    State.INTERNAL_REFUSED: (Kind.INTERNAL_CLEARED, *_ALWAYS),
    State.TO_SUBMIT: (Kind.SUBMITTED, Kind.NOT_REQUIRED, *_ALWAYS),
    State.SUBMITTED: (*_ANSWER, Kind.MORE_ASKED, Kind.FOLLOWED_UP, Kind.NOT_REQUIRED, *_ALWAYS),
    State.ASKED: (Kind.MORE_SENT, *_ANSWER, Kind.FOLLOWED_UP, *_ALWAYS),
    State.DENIED: (Kind.TALK_ASKED, Kind.TALK_HELD, Kind.APPEALED, Kind.APPROVED, *_ALWAYS),
    State.TALK: (Kind.TALK_HELD, Kind.APPEALED, Kind.APPROVED, *_ALWAYS),
    State.APPEALED: (*_ANSWER, Kind.MORE_ASKED, Kind.FOLLOWED_UP, *_ALWAYS),
    State.APPROVED: (Kind.DENIED, Kind.CHOICE, Kind.SUBSTITUTED),
    State.NOT_REQUIRED: (Kind.CHOICE, Kind.SUBSTITUTED),
    State.WITHDRAWN: (),
}
"""What may be written down next. A payer that takes an approval back denies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of which payer.

    Attributes:
        drug: a product of the protocols, or `tocilizumab`.
        product: the id of the tocilizumab product that is asked for; None: not chosen, or another drug.
        limit: the name of the rule that binds the payer; None: not known.
        internal: the organisation's own billing team clears it first; None: not known, which counts as yes.
    """

    id: str
    drug: str
    payer: str
    opened_at: datetime
    product: str | None = None
    limit: str | None = None
    internal: bool | None = True
    urgency: Urgency | None = None
    setting: Setting | None = None
    supply: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a request. Absent means not written down; `takes_back` names an entry that was an error."""

    id: str
    kind: Kind
    at: datetime
    recorded_at: datetime
    by_role: str = ""
    reason: str = ""
    urgency: Urgency | None = None
    answer_due: datetime | None = None
    number: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    code: str | None = None
    site: str | None = None
    setting: Setting | Literal["any"] | None = None
    units: int | None = None
    option: str | None = None
    product: str | None = None
    paper: str | None = None
    takes_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A clock that runs: for whom, since when, until when, and what stops it. `also`: another one that runs out behind it; empty: none."""

    key: str
    owner: str
    started: datetime
    due: datetime
    what: str
    also: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a request stands.

    Attributes:
        clock: the one that runs out first; None: nothing runs.
        answer_by: when the payer has to have answered; None: not known, or nobody waits for it.
        answer: the entry that approved or denied it, or said that no authorisation is asked for.
        choices: what was decided meanwhile, the earliest first.
        ignored: entries that do not fit where the request stood, and count for nothing.
        cannot_say: what is missing for a clock.
    """

    state: State
    since: datetime
    clock: Clock | None
    next: tuple[Kind, ...]
    answer_by: datetime | None = None
    answer: Entry | None = None
    submitted: Entry | None = None
    first_answer_at: datetime | None = None
    choices: tuple[Entry, ...] = ()
    substituted: tuple[Entry, ...] = ()
    ignored: tuple[Entry, ...] = ()
    cannot_say: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The state in words."""
        return STATE_WORDS[self.state]


def counted(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that count, in the order in which it happened: nothing that was taken back, and no taking back."""
    every = sorted(entries, key=lambda each: (each.at, each.recorded_at, each.id))
    back = {each.takes_back for each in every if each.kind is Kind.TAKEN_BACK}
    return [each for each in every if each.kind is not Kind.TAKEN_BACK and each.id not in back]


def standing(
    request: Request, entries: Iterable[Entry], rules: AccessRules, zone: str, holidays: Collection[date] = ()
) -> Standing:
    """Where a request stands. The order in which entries arrived changes nothing.

    Args:
        zone: of the site, for working days.
        holidays: days that are no working days there.
    """
    state = State.TO_SUBMIT if request.internal is False else State.INTERNAL
    since = request.opened_at
    submitted = appealed = denied = answer = first_answer = None
    last_contact: datetime | None = None
    talked = False
    choices: list[Entry] = []
    substituted: list[Entry] = []
    ignored: list[Entry] = []
    due: list[datetime] = []
    followed: list[datetime] = []
    for entry in counted(entries):
        if entry.kind not in NEXT[state] or (entry.kind is Kind.TALK_ASKED and talked):
            ignored.append(entry)
            continue
        if entry.kind is Kind.CHOICE:
            choices.append(entry)
            continue
        if entry.kind is Kind.SUBSTITUTED:
            substituted.append(entry)
            continue
        before = state
        state = _after(entry.kind, state)
        since = entry.at if state is not before else since
        if entry.kind is Kind.SUBMITTED:
            submitted, last_contact, due = entry, entry.at, []
        elif entry.kind is Kind.APPEALED:
            appealed, last_contact, due = entry, entry.at, []
        elif entry.kind in (Kind.FOLLOWED_UP, Kind.MORE_SENT):
            last_contact = entry.at
            followed.append(entry.at)
        elif entry.kind is Kind.MORE_ASKED:
            last_contact = entry.at
        elif entry.kind is Kind.DENIED:
            denied, talked = entry, False
        elif entry.kind is Kind.TALK_HELD:
            talked = True
        if entry.answer_due is not None:
            due.append(entry.answer_due)
        if entry.kind in (Kind.APPROVED, Kind.DENIED, Kind.NOT_REQUIRED):
            answer = entry
            first_answer = first_answer or entry.at
    waits = state in (State.SUBMITTED, State.ASKED, State.APPEALED)
    limit, lacks = (
        _limit(request, submitted, appealed, due, rules, zone) if waits and submitted is not None else (None, ())
    )
    clock = _clock(
        request,
        rules,
        zone,
        holidays,
        state=state,
        last_contact=last_contact,
        limit=limit,
        followed=followed,
        denied=denied,
        talked=talked,
    )
    offered = tuple(kind for kind in NEXT[state] if not (kind is Kind.TALK_ASKED and talked))
    return Standing(
        state=state,
        since=since,
        clock=clock,
        next=offered,
        answer_by=limit,
        answer=answer if state in (*SETTLED, State.DENIED, State.TALK, State.APPEALED) else None,
        submitted=submitted,
        first_answer_at=first_answer,
        choices=tuple(choices),
        substituted=tuple(substituted),
        ignored=tuple(ignored),
        cannot_say=lacks,
    )


_STATE_AFTER: Final[dict[Kind, State]] = {
    Kind.INTERNAL_CLEARED: State.TO_SUBMIT,
    Kind.INTERNAL_REFUSED: State.INTERNAL_REFUSED,
    Kind.SUBMITTED: State.SUBMITTED,
    Kind.MORE_ASKED: State.ASKED,
    Kind.MORE_SENT: State.SUBMITTED,
    Kind.APPROVED: State.APPROVED,
    Kind.NOT_REQUIRED: State.NOT_REQUIRED,
    Kind.DENIED: State.DENIED,
    Kind.TALK_ASKED: State.TALK,
    Kind.TALK_HELD: State.DENIED,
    Kind.APPEALED: State.APPEALED,
    Kind.WITHDRAWN: State.WITHDRAWN,
}


def _after(kind: Kind, state: State) -> State:
    """The state after an entry; a follow-up changes none."""
    return _STATE_AFTER.get(kind, state)


def _limit(
    request: Request, submitted: Entry, appealed: Entry | None, stated: list[datetime], rules: AccessRules, zone: str
) -> tuple[datetime | None, tuple[str, ...]]:
    """When the payer has to have answered: the sooner of what binds it and what it said itself."""
    if appealed is not None:
        # What binds a payer in an appeal differs by payer and level: only what it said itself is known.
        return min(stated, default=None), () if stated else ("by when the payer answers an appeal: ask it",)
    found = list(stated)
    row = rules.limit_on(request.limit, civil_date(submitted.at, zone))
    if row is not None:
        usual = (submitted.urgency or request.urgency) == "standard"
        found.append(submitted.at + timedelta(hours=row.standard_hours if usual else row.expedited_hours))
    return min(found, default=None), () if found else ("by when the payer has to answer: ask it",)


def _clock(
    request: Request,
    rules: AccessRules,
    zone: str,
    holidays: Collection[date],
    *,
    state: State,
    last_contact: datetime | None,
    limit: datetime | None,
    followed: list[datetime],
    denied: Entry | None,
    talked: bool,
) -> Clock | None:
    clocks = rules.clocks
    if state in (State.INTERNAL, State.INTERNAL_REFUSED, State.TO_SUBMIT):
        due = after_working_days(
            request.opened_at, clocks.submit_within_working_days, zone, clocks.working_days, holidays
        )
        owner = COORDINATOR if state is State.TO_SUBMIT else BILLING
        what = {
            State.INTERNAL: "the billing team clears it, so that it can be submitted",
            State.INTERNAL_REFUSED: "take it up with the billing team, with the guideline and the studies",
            State.TO_SUBMIT: "submit it",
        }[state]
        return Clock(key="submit", owner=owner, started=request.opened_at, due=due, what=what)
    if denied is not None and state in (State.DENIED, State.TALK):
        appeal = after_working_days(denied.at, clocks.appeal_within_working_days, zone, clocks.working_days, holidays)
        if not talked:
            due = denied.at + timedelta(hours=clocks.peer_to_peer_within_hours)
            what = "talk to the payer's reviewer" if state is State.TALK else "ask for a peer-to-peer talk"
            # Whoever waits for the talk would not see that the appeal runs out meanwhile.
            also = f"an appeal is due by {say_instant(appeal, zone)}, whether they talked or not: {COORDINATOR}"
            return Clock(key="peer_to_peer", owner=PRESCRIBER, started=denied.at, due=due, what=what, also=also)
        return Clock(key="appeal", owner=COORDINATOR, started=denied.at, due=appeal, what="appeal")
    if last_contact is None or state not in (State.SUBMITTED, State.ASKED, State.APPEALED):
        return None
    follow = last_contact + timedelta(hours=clocks.follow_up_after_hours)
    what = "send what the payer asked for" if state is State.ASKED else "ask the payer where it stands"
    clock = Clock(key="follow_up", owner=COORDINATOR, started=last_contact, due=follow, what=what)
    if limit is None:
        return clock
    escalate = limit - timedelta(hours=clocks.escalate_before_limit_hours)
    if escalate < follow and not any(at >= escalate for at in followed):
        what = "call the payer's supervisor: its limit is near"
        if state is State.ASKED:
            what = f"send what the payer asked for, and {what}"
        return Clock(key="escalate", owner=COORDINATOR, started=last_contact, due=escalate, what=what)
    return clock


def after_working_days(
    start: datetime, days: int, zone: str, working: Collection[str], holidays: Collection[date] = ()
) -> datetime:
    """So many working days later, at the same civil time of the zone."""
    local = start.astimezone(zone_named(zone))
    day, left = local.date(), days
    while left > 0:
        day += timedelta(days=1)
        if DAYS[day.weekday()] in working and day not in holidays:
            left -= 1
    return civil_instant(day, local.time().replace(tzinfo=None), zone)


def urgency_of(request: Request, stands: Standing) -> Urgency | None:
    """How urgently it was asked for: as it was submitted, before that as it was opened; None: not known."""
    return (stands.submitted.urgency if stands.submitted is not None else None) or request.urgency


def precedence(
    request: Request, stands: Standing, planned_on: date | None, now: datetime
) -> tuple[int, datetime, date, str]:
    """Where a request stands in a queue, the smallest first: a clock that ran out, then one asked for as expedited, then the clock that
    runs out next, then the dose that is planned first."""
    due = stands.clock.due if stands.clock is not None else None
    rank = 0 if due is not None and due <= now else 1 if urgency_of(request, stands) == "expedited" else 2
    return rank, due or datetime.max.replace(tzinfo=UTC), planned_on or date.max, request.id


# --- before it is sent ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """What to see before a request is sent. `known` False: a fact or a clause that nobody has read."""

    key: str
    words: str
    known: bool = True


def cautions(
    request: Request, card: Card | None, *, lines_prior: int | None, label_since: date | None, care: Care | None = None
) -> tuple[Caution, ...]:
    """Where the payer's card and the request do not fit together. None of them stops anything: a person decides.

    Args:
        card: the payer's card of the day; None: there is none.
        lines_prior: earlier lines of the patient; None: not known.
        label_since: the first day of the label revision that the course follows; None: not known.
    """
    if card is None:
        return (Caution(key="card", words="no policy card of this payer and drug: read its policy first", known=False),)
    found = [*_product(request, card, care or tocilizumab()), *_place(request, card)]
    if card.lines_required is not None and lines_prior is None:
        words = f"the policy asks for {card.lines_required} earlier lines; how many there were is not known"
        found.append(Caution(key="lines", words=words, known=False))
    elif card.lines_required is not None and lines_prior is not None and lines_prior < card.lines_required:
        words = f"the policy asks for {card.lines_required} earlier lines; there were {lines_prior}"
        found.append(Caution(key="lines", words=words))
    if label_since is not None and card.since < label_since and request.drug != TOCILIZUMAB:
        words = f"the policy is of {say_date(card.since)}, the label of {say_date(label_since)}: it may follow an older label"
        found.append(Caution(key="older", words=words))
    if request.drug == TOCILIZUMAB and card.prophylaxis != "named":
        known = card.prophylaxis == "not_named"
        words = "the policy does not name prevention" if known else "whether the policy names prevention was not read"
        found.append(Caution(key="prophylaxis", words=f"{words}: attach the guideline", known=known))
    return tuple(found)


def _product(request: Request, card: Card, care: Care) -> Iterable[Caution]:
    if not card.preferred:
        return
    brands = {row.id: row.brand for row in care.product}
    preferred = ", ".join(brands.get(each, each) for each in card.preferred)
    if request.product is None:
        yield Caution(key="preferred", words=f"the payer prefers {preferred}; no product is chosen yet", known=False)
    elif request.product not in card.preferred:
        asked = brands.get(request.product, request.product)
        yield Caution(key="preferred", words=f"the payer prefers {preferred}, the request names {asked}")


def _place(request: Request, card: Card) -> Iterable[Caution]:
    if card.inpatient_steps is None:
        yield Caution(key="site_of_care", words="what the policy asks of the place was not read", known=False)
        return
    if not card.inpatient_steps or request.setting == "inpatient":
        return
    steps = " and ".join(STEP_WORDS[step] for step in card.inpatient_steps)
    clause = f"the policy pays {steps} in hospital only"
    if request.setting is None:
        yield Caution(key="site_of_care", words=f"{clause}; where they are planned is not known", known=False)
    elif request.setting == "hybrid":
        yield Caution(key="site_of_care", words=f"{clause}; some doses are planned outside: ask for an exception")
    else:
        yield Caution(
            key="site_of_care", words=f"{clause}; they are planned outside: ask for an exception before scheduling"
        )


def conflicts(found: Sequence[Caution]) -> tuple[Caution, ...]:
    """Those that say the plan and the policy differ about the place, or may: nothing is scheduled before they are settled."""
    return tuple(each for each in found if each.key == "site_of_care")
