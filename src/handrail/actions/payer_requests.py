"""Requests to payers: opened, and followed entry by entry. What an entry may say next follows from where the request stands.

No verb here, and no state of a request, is asked when a medicine is given: rescue tocilizumab is recorded like any other fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from django.db.models import QuerySet

from handrail import clock
from handrail.actions.actor import Actor
from handrail.actions.errors import NotVisibleError, RefusedError
from handrail.actions.facts import record_event
from handrail.actions.payer_papers import papers_of
from handrail.actions.recording import locked, record
from handrail.people import scope
from handrail.people.models import Holiday
from handrail.records.models import Course, PayerEntry, PayerRequest
from handrail.records.wire import history_of
from handrail.rules.access import (
    ANY,
    Caution,
    Entry,
    Kind,
    Request,
    Setting,
    Standing,
    Urgency,
    cautions,
    counted,
    standing,
)
from handrail.rules.access_data import TOCILIZUMAB, access_rules
from handrail.rules.caredata import tocilizumab
from handrail.rules.eligibility import first_day
from handrail.rules.gate_evidence import treated_before
from handrail.rules.interchange import exchange
from handrail.rules.protocol import catalogue
from handrail.rules.terms import UnusableInput, civil_date

VERB: Final = "manage_access"
DECIDES: Final = "decide"
"""Who chooses to go on without the payer's word."""
LONGEST: Final = 1000
MOMENT: Final = timedelta(microseconds=1)
STILL_INTERNAL: Final = (
    "The billing team has not cleared it yet: it cannot be submitted. Write down the billing team's word first."
)
URGENCIES: Final[dict[str, Urgency]] = {"standard": "standard", "expedited": "expedited"}
SETTINGS: Final[dict[str, Setting]] = {"inpatient": "inpatient", "hybrid": "hybrid", "outpatient": "outpatient"}
"""The words that the verb lets in, and no others come out of a row."""
PREVENTION: Final = "prophylaxis"
WAIVES: Final = "without_prophylaxis"
"""The option that waives tocilizumab before step-up."""
_DATES: Final = ("valid_from", "valid_until")
_TEXTS: Final = ("reason", "urgency", "number", "code", "site", "setting", "option", "product", "paper", "takes_back")
_SAYS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.INTERNAL_CLEARED: ("reason",),
    Kind.INTERNAL_REFUSED: ("reason",),
    Kind.SUBMITTED: ("urgency", "answer_due", "reason"),
    Kind.FOLLOWED_UP: ("answer_due", "reason"),
    Kind.MORE_ASKED: ("answer_due", "reason"),
    Kind.MORE_SENT: ("answer_due", "reason"),
    Kind.APPROVED: ("number", *_DATES, "code", "site", "setting", "units", "reason"),
    Kind.NOT_REQUIRED: (*_DATES, "reason"),
    Kind.DENIED: ("reason",),
    Kind.TALK_ASKED: ("reason",),
    Kind.TALK_HELD: ("reason",),
    Kind.APPEALED: ("answer_due", "reason"),
    Kind.CHOICE: ("option", "reason", "valid_until"),
    Kind.SUBSTITUTED: ("product", "reason"),
    Kind.WITHDRAWN: ("reason",),
    Kind.TAKEN_BACK: ("takes_back", "reason"),
}
"""What an entry of a kind may say; anything else is refused."""
_NEEDS_REASON: Final = (
    Kind.INTERNAL_REFUSED, Kind.NOT_REQUIRED, Kind.DENIED, Kind.TALK_HELD, Kind.CHOICE, Kind.WITHDRAWN, Kind.TAKEN_BACK,
)  # fmt: skip
AUTHORISES: Final = {Kind.APPROVED: "granted", Kind.NOT_REQUIRED: "granted", Kind.DENIED: "denied"}
"""Entries that the record of the course hears of too, as `authorisation_set`."""


def drugs() -> dict[str, str]:
    """What a request may be for: the products of the protocols, and tocilizumab."""
    names = {protocol.product.product for protocol in catalogue()}
    return {**{name: name.capitalize() for name in sorted(names)}, TOCILIZUMAB: "Tocilizumab"}


def open_request(
    course_id: UUID,
    *,
    drug: str,
    payer: str,
    by: Actor,
    product: str = "",
    limit: str = "",
    internal: bool | None = True,
    urgency: str = "",
    setting: str = "",
    supply: str = "",
    now: datetime | None = None,
) -> PayerRequest:
    """Open a request for a course. Its clock begins.

    Raises:
        RefusedError: a drug, product, limit, urgency or setting that is not known, or no payer;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with locked(course_id, by, now) as course:
        by.role_for(VERB, course, now)
        assert by.user is not None
        payer = payer.strip()
        if not payer or len(payer) > 120:
            raise RefusedError("Name the payer.", code="missing_key", path="payer")
        known: tuple[tuple[str, str, Iterable[str]], ...] = (
            ("drug", drug, drugs()),
            ("product", product, ("", *(row.id for row in tocilizumab().product)) if drug == TOCILIZUMAB else ("",)),
            ("limit", limit, ("", *(row.id for row in access_rules().limit))),
            ("urgency", urgency, ("", *URGENCIES)),
            ("setting", setting, ("", *SETTINGS)),
            ("supply", supply, ("", "buy_and_bill", "specialty_pharmacy", "free_drug")),
        )
        for path, value, allowed in known:
            if value not in allowed:
                raise RefusedError("Choose one of the answers.", code="unknown_word", path=path)
        return PayerRequest.objects.create(
            organisation_id=course.organisation_id, course=course, drug=drug, product=product, payer=payer, limit=limit,
            internal=internal, urgency=urgency, setting=setting, supply=supply, opened_at=now, opened_by=by.user,
        )  # fmt: skip


def add_entry(
    request_id: UUID,
    *,
    kind: str,
    says: Mapping[str, Any],
    by: Actor,
    at: datetime | None = None,
    now: datetime | None = None,
) -> PayerEntry:
    """Write down what happened to a request.

    Args:
        says: what the entry says; days and instants as ISO text. What is not known is left out.
        at: when it happened; None: now.

    Raises:
        RefusedError: it does not fit where the request stands, or lacks what its kind needs;
        NotAllowedError, NotVisibleError: not for this actor.
    """
    now = now or clock.now()
    with scope.acting_for(*by.organisations(now)):
        found = PayerRequest.objects.filter(pk=request_id).first()
    if found is None:
        raise NotVisibleError("There is no such request.")
    with locked(found.course_id, by, now) as course:
        role = by.role_for(VERB, course, now)
        assert by.user is not None
        entries = list(PayerEntry.objects.filter(request=found))
        what = _kind(kind)
        payload = _payload(what, says)
        when = at or now
        if when > now or when < found.opened_at:
            words = "It happened before the request was opened, or it lies ahead: look at the time again."
            raise RefusedError(words, code="not_a_time", path="at")
        stands = _standing(course, found, entries)
        _fits(course, found, entries, stands, what, payload, by, now)
        # Two entries of one moment keep the order in which they were written.
        recorded = max([now, *(each.recorded_at + MOMENT for each in entries)])
        row = PayerEntry(
            organisation_id=found.organisation_id, course=course, request=found, kind=what.value, payload=payload,
            occurred_at=when, recorded_at=recorded, by=by.user, role=role,
        )  # fmt: skip
        before, after = stands.ignored, _standing(course, found, [*entries, row]).ignored
        if what is not Kind.TAKEN_BACK and {each.id for each in after} - {each.id for each in before}:
            raise RefusedError("At that time it does not fit: look at the time again.", code="not_a_time", path="at")
        row.save(force_insert=True)
        _tell_the_course(course, found, [*entries, row], stands, by, now)
        return row


def _kind(kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise RefusedError("There is no such entry.", code="unknown_word", path="kind") from None


def _payload(kind: Kind, says: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in says.items() if value not in (None, "")}
    if str(given.get("site", "")).strip().casefold() == ANY:
        given["site"] = ANY
    if "code" in given:
        given["code"] = str(given["code"]).strip().upper()
    for name in given:
        if name not in _SAYS[kind]:
            raise RefusedError("That does not belong to such an entry.", code="unknown_key", path=name)
    if kind in _NEEDS_REASON and not str(given.get("reason", "")).strip():
        raise RefusedError("Say why, in a sentence.", code="missing_key", path="reason")
    if len(str(given.get("reason", ""))) > LONGEST:
        raise RefusedError(f"At most {LONGEST} letters.", code="wrong_value", path="reason")
    try:
        days = {name: date.fromisoformat(given[name]) for name in _DATES if name in given}
        if "answer_due" in given and datetime.fromisoformat(given["answer_due"]).tzinfo is None:
            raise ValueError("no zone")
    except ValueError:
        raise RefusedError("That is no day or no time.", code="not_a_time", path="valid_from") from None
    if len(days) == len(_DATES) and days["valid_until"] < days["valid_from"]:
        raise RefusedError("It runs out before it begins.", code="not_a_time", path="valid_until")
    return given


def _fits(
    course: Course, request: PayerRequest, entries: list[PayerEntry], stands: Standing, kind: Kind,
    payload: dict[str, Any], by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Refuse, in one sentence, what does not fit where the request stands. What is needed of other papers is added to the payload."""
    if kind is Kind.TAKEN_BACK:
        back = {str(each.payload.get("takes_back")) for each in entries if each.kind == Kind.TAKEN_BACK}
        open_ = {str(each.pk) for each in entries if each.kind != Kind.TAKEN_BACK} - back
        if payload.get("takes_back") not in open_:
            raise RefusedError("Choose the entry that was an error.", code="unknown_word", path="takes_back")
        return
    if kind is Kind.SUBMITTED and kind not in stands.next and stands.submitted is None:
        raise RefusedError(STILL_INTERNAL, code="internal_open", path="kind")
    if kind not in stands.next:
        raise RefusedError(f"It is {stands.words}: that does not come next.", code="not_now", path="kind")
    if kind is Kind.SUBMITTED and not payload.get("reason"):
        warned = [each for each in cautions_of(course, request, now) if each.known and each.key != "older"]
        if warned:
            words = "; ".join(each.words for each in warned)
            raise RefusedError(f"Before it is sent: {words}. Say why it is sent so.", code="warned", path="reason")
    if kind is Kind.CHOICE:
        option = access_rules().option_of(payload.get("option"))
        if option is None or (option.prophylaxis_only and request.drug != TOCILIZUMAB):
            raise RefusedError("Choose one of the ways.", code="unknown_word", path="option")
        if option.proceeds:
            by.role_for(DECIDES, course, now)
            if "valid_until" not in payload:
                raise RefusedError("Say until which day this decision counts.", code="missing_key", path="valid_until")
    if kind is Kind.SUBSTITUTED:
        payload["paper"] = _interchange(course, request, str(payload.get("product", "")), now)


def _interchange(course: Course, request: PayerRequest, offered: str, now: datetime) -> str:
    """The interchange protocol under which another product is given to prevent CRS.

    Raises:
        RefusedError: none is valid for both products and that use on this day.
    """
    today = civil_date(now, zone_of(course))
    paper = papers_of(course.organisation_id).interchange(request.product, offered, PREVENTION, today)
    answer = exchange((request.product, "iv"), (offered, "iv"), emergency=False, protocol_signed=paper is not None)
    if not answer.allowed or paper is None:
        needs = f": it needs {answer.needs}, in force today and for prevention" if answer.needs else ""
        raise RefusedError(f"Not substituted: {answer.because}{needs}.", code="no_interchange", path="product")
    return str(paper.pk)


def _tell_the_course(
    course: Course, request: PayerRequest, entries: list[PayerEntry], before: Standing, by: Actor, now: datetime
) -> None:
    """What a payer answered is a fact of the course too: the setting and the packet read it there.

    An answer that counts no more is unlearned, also one that fell because what it answered was taken back; else the course would go on
    saying "granted". One that counts again is told again. Whoever may write the answer down may take it back, in both places.

    Args:
        entries: with the new one, the last of them. before: where the request stood without it.
    """
    told = _answers(entries[:-1], before)
    still = _answers(entries, _standing(course, request, entries))
    new = entries[-1]
    for row in entries:
        if row.pk in told and row.pk not in still:
            fact = {
                "id": str(uuid4()),
                "kind": "fact_withdrawn",
                "at": now.isoformat(),
                "supersedes": str(_live_event(course, row, entries)),
                "reason": new.payload.get("reason") or "what it answered counts no more",
            }
            record(course.pk, fact, by=by, verbs=(VERB,), now=now)
        elif row.pk in still and row.pk not in told:
            fact = {
                "id": str(event_of(row) if row is new else _event_again(row, new)),
                "kind": "authorisation_set",
                "at": row.occurred_at.isoformat(),
                "zone": zone_of(course),
                "subject": request.drug,
                "status": AUTHORISES[Kind(row.kind)],
                "number": row.payload.get("number") or None,
                "valid_from": row.payload.get("valid_from"),
                "valid_until": row.payload.get("valid_until"),
            }
            record_event(course.pk, fact, by=by, now=now)


def _answers(entries: list[PayerEntry], stands: Standing) -> set[UUID]:
    """The answers of the payer that count."""
    ignored = {each.id for each in stands.ignored}
    return {
        UUID(each.id) for each in counted(map(entry_of, entries)) if each.kind in AUTHORISES and each.id not in ignored
    }


def event_of(row: PayerEntry) -> UUID:
    """The id of the event that an answer of a payer is in the record of the course."""
    return uuid5(row.pk, "authorisation_set")


def _event_again(row: PayerEntry, because_of: PayerEntry) -> UUID:
    """The id of the event of an answer that counts again, because of another entry."""
    return uuid5(row.pk, f"authorisation_set again {because_of.pk}")


def _live_event(course: Course, row: PayerEntry, entries: list[PayerEntry]) -> UUID:
    """The event by which the course knows of an answer now."""
    known = [event_of(row), *(_event_again(row, each) for each in entries)]
    events = course.events.filter(id__in=known, kind="authorisation_set").order_by("-recorded_at")
    return events.values_list("id", flat=True).first() or event_of(row)


# --- reading ---------------------------------------------------------------------------------------------------------------


def zone_of(course: Course) -> str:
    """The zone in which working days and days of papers count."""
    return course.site.time_zone if course.site else course.time_zone


def request_of(row: PayerRequest) -> Request:
    """A request as the rules read it."""
    return Request(
        id=str(row.pk),
        drug=row.drug,
        payer=row.payer,
        opened_at=row.opened_at,
        product=row.product or None,
        limit=row.limit or None,
        internal=row.internal,
        urgency=URGENCIES.get(row.urgency),
        setting=SETTINGS.get(row.setting),
        supply=row.supply or None,
    )


def entry_of(row: PayerEntry) -> Entry:
    """An entry as the rules read it."""
    said = row.payload
    due = said.get("answer_due")
    days: dict[str, Any] = {name: date.fromisoformat(said[name]) for name in _DATES if said.get(name)}
    texts: dict[str, Any] = {name: said[name] for name in _TEXTS if said.get(name)}
    return Entry(
        id=str(row.pk),
        kind=Kind(row.kind),
        at=row.occurred_at,
        recorded_at=row.recorded_at,
        by_role=row.role,
        answer_due=datetime.fromisoformat(due) if due else None,
        units=said.get("units"),
        **days,
        **texts,
    )


def waivers(courses: QuerySet[Course]) -> dict[UUID, str]:
    """Of which of these courses somebody decided to start without tocilizumab, and the reason; of each request the last choice that
    was not taken back counts. Two queries."""
    errors = {
        entry["takes_back"]
        for entry in PayerEntry.objects.filter(course__in=courses, kind=Kind.TAKEN_BACK.value).values_list(
            "payload", flat=True
        )
    }
    choices = PayerEntry.objects.filter(course__in=courses, kind=Kind.CHOICE.value, request__drug=TOCILIZUMAB)
    last: dict[UUID, tuple[UUID, dict[str, Any]]] = {}
    for key, course, request, payload in choices.order_by("occurred_at", "recorded_at", "id").values_list(
        "id", "course", "request", "payload"
    ):
        if str(key) not in errors:
            last[request] = course, payload
    return {course: payload.get("reason", "") for course, payload in last.values() if payload.get("option") == WAIVES}


def holidays_of(organisation_id: UUID) -> frozenset[date]:
    """The holidays of the whole organisation."""
    return frozenset(Holiday.objects.filter(organisation_id=organisation_id, site=None).values_list("on", flat=True))


def _standing(course: Course, row: PayerRequest, entries: Iterable[PayerEntry]) -> Standing:
    return standing_of(course, row, entries, holidays_of(course.organisation_id))


def standing_of(
    course: Course, row: PayerRequest, entries: Iterable[PayerEntry], holidays: frozenset[date]
) -> Standing:
    """Where a request stands. No query."""
    return standing(request_of(row), [entry_of(each) for each in entries], access_rules(), zone_of(course), holidays)


def cautions_of(course: Course, row: PayerRequest, now: datetime) -> tuple[Caution, ...]:
    """What to see before a request is sent: the payer's card of today beside the request and the patient."""
    today = civil_date(now, zone_of(course))
    card = papers_of(course.organisation_id).card(row.payer, row.drug, today)
    return cautions(request_of(row), card, lines_prior=_lines(course, now), label_since=label_day(course))


def _lines(course: Course, now: datetime) -> int | None:
    """Earlier lines of the patient as somebody noted them last, else as the course began with them; None: not known."""
    try:
        history, _ = history_of(course, now)
    except UnusableInput:
        return None
    return treated_before(history).lines


def label_day(course: Course) -> date | None:
    """The first day of the label revision that a course follows, as far as its key says it."""
    protocol = next((each for each in catalogue() if each.product.key == course.protocol_key), None)
    return first_day(protocol.product.revision) if protocol is not None else None
