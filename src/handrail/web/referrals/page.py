"""What the pages of a referral show: strings are made here, templates place them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from handrail.actions.referral_list import MYELOMA, Brief, Case, Outcome, alike, indications, weighed
from handrail.actions.referrals import WAYS, Kind, last, told_of
from handrail.people.models import ReferralEntry
from handrail.rules.eligibility import Covered
from handrail.rules.packet_data import packet_data
from handrail.rules.protocol import catalogue
from handrail.rules.referral import OPTIONS, PRIOR, REFRACTORY, Clock, Stage, State, referral_data
from handrail.rules.terms import Status, civil_date, say_date
from handrail.web.words import STATUS_WORDS, local_time

STAGE_WORDS: Final = {
    Stage.RECEIVED: "Received, read by nobody",
    Stage.READ: "Read",
    Stage.CONTACT_PLANNED: "First contact planned",
    Stage.CONTACTED: "Patient reached",
    Stage.DECIDED: "Decided, practice not told",
    Stage.TOLD: "Practice told",
    Stage.CLOSED: "Closed",
}
STATE_WORDS: Final = {
    State.DONE: ("good", "done in time"),
    State.DONE_LATE: ("soon", "done late"),
    State.OPEN: ("routine", "open"),
    State.NOT_BEGUN: ("routine", "not begun"),
}
COVERED: Final = {
    Covered.MET: ("good", "Allowed by the text"),
    Covered.NOT_MET: ("soon", "Blocked by the text"),
    Covered.CANNOT_SAY: ("today", "Cannot say: ask the prescriber"),
}
BEARS: Final = {True: "counts here", False: "does not count here", None: "not known: ask"}
YES_NO: Final = {True: "yes", False: "no"}
URGENCY: Final = {"urgent": ("soon", "Urgent"), "routine": ("routine", "Routine")}
NOT_KNOWN_URGENT: Final = ("soon", "Urgency not known: handled as urgent")


def row(case: Case) -> dict[str, Any]:
    """One line of the list."""
    standing, referral = case.standing, case.referral
    return {
        "id": referral.pk,
        "code": referral.code,
        "name": referral.name,
        "practice": referral.practice,
        "to": referral.organisation.name,
        "synthetic": referral.synthetic,
        "urgency": URGENCY.get(referral.urgency, NOT_KNOWN_URGENT),
        "stage": STAGE_WORDS[standing.stage],
        "age": f"{standing.age} working day{'' if standing.age == 1 else 's'}",
        "owner": case.owner.name if case.owner is not None else "",
        "red": standing.red,
        "late": [_late(clock) for clock in standing.clocks if clock.state is State.LATE],
        "next": _next(standing.next),
    }


def without_course(cases: Iterable[Case], now: datetime) -> Iterator[dict[str, Any]]:
    """Who was referred and has no course, as a line of the list, with how far it came or what was decided, and who takes the next step."""
    for case in cases:
        decided = _decided(last(case.entries, Kind.DECIDED), case)
        since = civil_date(case.referral.received_at, case.zone)
        yield {
            **row(case),
            "closed": case.standing.stage is Stage.CLOSED,
            "cause": f"decided: {decided['option']}" if decided is not None else STAGE_WORDS[case.standing.stage],
            "reason": decided["rationale"] if decided is not None else "",
            "site": case.referral.site.name if case.referral.site is not None else "",
            "since": since.isoformat(),
            "days": (civil_date(case.progress.closed_at or now, case.zone) - since).days,
        }


def referred_cells(open_: Iterable[Brief], over: Iterable[Outcome], now: datetime) -> Iterator[tuple[object, ...]]:
    """The same as rows of a file, of everybody, without what anybody wrote; the open ones first."""
    options: dict[str, str] = {each.id: f"decided: {each.words}" for each in referral_data().option}
    for each in open_:
        standing = each.standing(now)
        cause = options.get(each.option) or STAGE_WORDS[standing.stage]
        owner = standing.next.row.owner if standing.next is not None else ""
        since = civil_date(each.progress.received_at, each.zone)
        days = (civil_date(now, each.zone) - since).days
        yield each.site, "", "referred, no course yet", cause, since.isoformat(), days, "", owner
    for one in over:
        cause = options.get(one.option) or STAGE_WORDS[Stage.CLOSED]
        since = civil_date(one.received_at, one.zone)
        days = (civil_date(one.closed_at, one.zone) - since).days
        yield one.site, "", "referred, closed without a course", cause, since.isoformat(), days, "", ""


def _late(clock: Clock) -> str:
    return f"{clock.row.words}: was due by {say_date(clock.last_day)}" if clock.last_day else clock.row.words


def _next(clock: Clock | None) -> dict[str, str] | None:
    if clock is None:
        return None
    by = say_date(clock.last_day) if clock.last_day else "no day yet"
    return {"step": clock.row.next_step, "owner": clock.row.owner, "by": by, "words": clock.row.words}


def detail(case: Case, now: datetime) -> dict[str, Any]:
    """Everything that the page of one referral shows."""
    referral, others = case.referral, alike(case)
    decided = last(case.entries, Kind.DECIDED)
    told = told_of(case.entries, decided) if decided is not None else None
    maintenance = last(case.entries, Kind.MAINTENANCE)
    started = last(case.entries, Kind.COURSE_STARTED)
    return {
        **row(case),
        "way": referral.get_way_display(),
        "received": local_time(referral.received_at, case.zone),
        "closed": case.standing.stage is Stage.CLOSED,
        "clocks": [_clock(each, case) for each in case.standing.clocks],
        "practice_facts": [
            ("Practice", referral.practice),
            ("Who", referral.referrer),
            ("Phone", referral.referrer_phone),
            ("E-mail", referral.referrer_email),
        ],
        "facts": facts(case),
        "missing": case.missing,
        "alike": [
            {"id": each.pk, "code": each.code, "name": each.name, "at": local_time(each.received_at, case.zone)}
            for each in others.referrals
        ],
        "patients": [each.name for each in others.patients],
        "card": [_weighed(each) for each in weighed(case)],
        "no_caregiver": case.intake.caregiver is False,
        "caregiver_not_known": case.intake.caregiver is None,
        "indications": [_indication(name, answer) for name, answer in indications(case, now)],
        "decided": _decided(decided, case),
        "for_bispecific": decided is not None and decided.payload["option"] == "bispecific",
        "told": f"{WAYS[told.payload['way']]}, {local_time(told.at, case.zone)}" if told is not None else "",
        "maintenance": _maintenance(maintenance),
        "course": started.course_id if started is not None else None,
        "entries": [_entry(each, case) for each in reversed(case.entries)],
    }


def facts(case: Case) -> list[tuple[str, str | None]]:
    """What the practice said of the patient; None is not known."""
    referral, intake = case.referral, case.intake
    had = [(f"{words[0].upper()}{words[1:]}", intake.classes.get(name)) for name, words in PRIOR.items()]
    return [
        ("Born", referral.birth_date_text or None),
        ("Phone", referral.phone or None),
        ("Language", intake.language),
        ("Diagnosis", intake.diagnosis),
        ("Earlier lines", None if intake.lines is None else str(intake.lines)),
        ("Refractory", REFRACTORY.get(intake.refractory or "")),
        ("Grew on the last therapy", _yes_no(intake.progressed)),
        *((words, _yes_no(value)) for words, value in had),
        ("Insurer", intake.insurer),
        ("Caregiver", _yes_no(intake.caregiver)),
        ("Travel, one way", None if intake.distance_minutes is None else f"{intake.distance_minutes} min"),
    ]


def _yes_no(value: bool | None) -> str | None:
    return None if value is None else YES_NO[value]


def _clock(clock: Clock, case: Case) -> dict[str, Any]:
    late = ("now" if clock.red else "soon", "LATE")
    tone, words = late if clock.state is State.LATE else STATE_WORDS[clock.state]
    return {
        "words": clock.row.words,
        "tone": tone,
        "state": words,
        "because": clock.because,
        "owner": case.owner.name if case.owner is not None and clock.row.kind != "decision" else clock.row.owner,
        "next": clock.row.next_step if clock.state in (State.OPEN, State.LATE) else "",
        "status": _status(clock.row.status),
    }


def _status(status: Status) -> str:
    """These rows rest on no label: what is second-hand says so."""
    return "from a second-hand source" if status is Status.SECONDARY else STATUS_WORDS[status.value]


def _weighed(each: Any) -> dict[str, Any]:
    return {
        "id": each.row.id,
        "words": each.row.words,
        "bears": BEARS[each.bears],
        "counts": each.bears is not False,
        "car_t": each.row.car_t,
        "bispecific": each.row.bispecific,
        "trial": each.row.trial,
        "status": _status(each.row.status),
    }


def _indication(name: str, answer: Any) -> dict[str, Any]:
    texts = [
        {
            "tone": COVERED[each.covered][0],
            "says": COVERED[each.covered][1],
            "because": each.because,
            "key": each.protocol_key,
        }
        for each in answer.indications
    ]
    tone, says = COVERED[answer.covered]
    return {"product": name, "tone": tone, "says": says, "because": answer.because, "texts": texts}


def _decided(entry: ReferralEntry | None, case: Case) -> dict[str, Any] | None:
    if entry is None:
        return None
    words = {each.id: each.words for each in referral_data().option}
    return {
        "option": words[entry.payload["option"]],
        "rationale": entry.payload["rationale"],
        "message": entry.payload["message"],
        "by": entry.by.name if entry.by is not None else "",
        "at": local_time(entry.at, case.zone),
    }


def _maintenance(entry: ReferralEntry | None) -> str:
    if entry is None or entry.payload.get("chosen") is None:
        return ""
    return str(entry.payload["name"]) if entry.payload["chosen"] else "nobody gives it"


def _entry(entry: ReferralEntry, case: Case) -> dict[str, Any]:
    payload = entry.payload
    said = {
        Kind.QUERIED: payload.get("question"),
        Kind.ANSWERED: payload.get("answer"),
        Kind.SET_ASIDE: payload.get("because"),
        Kind.CONTACT_PLANNED: payload.get("on"),
        Kind.CONTACTED: {True: "reached", False: "NOT reached", None: "not known whether reached"}.get(
            payload.get("reached")
        ),
        Kind.ACKNOWLEDGED: WAYS.get(payload.get("way", "")),
        Kind.TOLD: WAYS.get(payload.get("way", "")),
        Kind.MAINTENANCE: _maintenance(entry) or "not known",
        Kind.DECIDED: payload.get("option"),
    }.get(Kind(entry.kind))
    return {
        "at": local_time(entry.at, case.zone),
        "words": entry.get_kind_display(),
        "said": said or "",
        "by": entry.by.name if entry.by is not None else "the practice",
    }


def labels() -> list[str]:
    """The labels on which a course can start: those of a myeloma programme that are active."""
    products = {each.id for each in packet_data().target if each.target in MYELOMA}
    return [each.key for each in catalogue() if each.product.product in products and each.product.active]


def options() -> list[tuple[str, str]]:
    """The options as the form offers them."""
    words = {each.id: each.words for each in referral_data().option}
    return [(name, words[name]) for name in OPTIONS]
