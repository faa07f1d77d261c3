"""What the page of a course shows, as plain strings made once: the answer judged now, the banner, the checks, the events."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from handrail.actions.course_nurses import nurses_of
from handrail.actions.truth import number_beside
from handrail.people.models import LinkToken, User
from handrail.records import wire
from handrail.records.accountability import Accountable, accountable_for, context_of
from handrail.records.models import Course
from handrail.rules.assess import assess
from handrail.rules.ed_times import ed_visits
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.pinned import protocol_for
from handrail.rules.policy import Policy
from handrail.rules.telling import kind_words, role_words, sentence
from handrail.rules.terms import UnusableInput, civil_date
from handrail.web import timeline
from handrail.web.presenters import daily_rows, dose_words, findings, next_dose_card, patient_words, toxicity_words
from handrail.web.words import LANGUAGE_WORDS, celsius_words, instant_iso, local_time, parse, since_words

log = logging.getLogger(__name__)

RULES_FAILED: Final = "Its rules failed."
SHOWN_CHECKS: Final = 6
LOCATION_WORDS: Final = {"home": "at home", "lodging": "in lodging", "hospital": "in hospital", "ed": "in the ED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A course judged at an instant: `answer` is None when the rules could not judge it, and `trouble` says why.

    `history` is what was recorded, judged or not; None when even that cannot be read.
    """

    history: History | None
    policy: Policy | None
    answer: dict[str, Any] | None
    trouble: str = ""


def look(course: Course, now: datetime) -> Looked:
    """Judge a course as it stands now: the page never shows an answer that time has overtaken."""
    try:
        history, policy = wire.history_of(course, now)
        answer = assess(protocol_for(history, now), policy, history, now, context=context_of(course, now))
    except UnusableInput as error:
        return Looked(history=_recorded(course), policy=None, answer=None, trouble=error.message)
    except Exception as error:  # noqa: BLE001 (whoever was called to look must see what was reported)
        log.error("course %s could not be judged for its page (%s)", course.pk, type(error).__name__)
        return Looked(history=_recorded(course), policy=None, answer=None, trouble=RULES_FAILED)
    return Looked(history=history, policy=policy, answer=answer.to_json())


def _recorded(course: Course) -> History | None:
    try:
        return History.build(wire.header(course), wire.facts_of(course, with_pages=False))
    except UnusableInput:
        return None


def look_back(course: Course, at: datetime, now: datetime) -> tuple[History, dict[str, Any] | None]:
    """What was known at an instant, and what Handrail said then: the same rules on the facts of that moment."""
    first = History.build(wire.header(course), wire.facts_of(course)).as_known_at(at)
    try:
        policy = wire.policy_of(course, now)
        history = History.build(first.course, first.recorded, policy.plausible)
        return history, assess(protocol_for(history, at), policy, history, at, context=context_of(course, at)).to_json()
    except Exception as error:  # noqa: BLE001 (what was recorded is shown, whatever is wrong with the rules)
        if not isinstance(error, UnusableInput):
            log.error("course %s could not be judged as of then (%s)", course.pk, type(error).__name__)
        return first, None


def banner(course: Course, answer: dict[str, Any] | None, now: datetime, *, names: bool) -> dict[str, Any]:
    """Who, on what, watched until when, where, and who answers for the patient now."""
    party, named = accountable_for(course, now), nurses_of(course, now)
    watch = (answer or {}).get("watch", {})
    ends = parse(watch.get("window_ends"))
    overdue = parse(watch.get("overdue_since"))
    due = parse(watch.get("next_check_due"))
    patient = course.patient
    contacts = [
        {"name": c.name, "relationship": c.relationship, "phone": c.phone}
        for c in patient.contacts.all()
        if names and c.is_caregiver
    ]
    return {
        "id": str(course.pk),
        "who": patient_words(course, names=names),
        "age": _age(course, now) if names else "",
        "synthetic": course.synthetic,
        "product": f"{course.product} {course.protocol_key.split('/', 1)[-1].replace('/', ' ')}",
        "schedule": course.schedule.replace("_", " "),
        "policy": _policy_words(course, answer),
        "site": course.site.name if course.site else "site not known",
        **_accountable(course, party, now),
        "owner": course.organisation.name if course.organisation_id != party.organisation.pk else "",
        "nurses": [
            {"part": each.part, "name": each.user.name if each.user is not None else "", "trouble": each.trouble}
            for each in (named.nurse, named.deputy)
        ],
        "dose": dose_words(course, now),
        "ends": local_time(ends, course.time_zone) if ends else "",
        "due": local_time(due, course.time_zone) if due else "",
        "overdue": {"iso": instant_iso(overdue), "since": since_words(overdue, now)} if overdue else None,
        "phone": patient.phone if names else "",
        "contacts": contacts,
        "language": LANGUAGE_WORDS.get(patient.language, patient.language),
        "ended": local_time(course.ended_at, course.time_zone) if course.ended_at else "",
        "state": (answer or {}).get("state", {}).get("name", "not assessed").capitalize(),
    }


def links_in_force(course: Course, now: datetime, *, names: bool) -> list[dict[str, Any]]:
    """The links that still open the check-in of a course, newest first: whose, since when, used when last."""
    links = course.links.filter(purpose=LinkToken.Purpose.CHECKIN, revoked_at__isnull=True, expires_at__gt=now)
    return [
        {
            "id": link.pk,
            "holder": link.holder,
            "contact": link.contact.name if names and link.contact is not None else "",
            "made": local_time(link.issued_at, course.time_zone),
            "until": local_time(link.expires_at, course.time_zone),
            "opened": local_time(link.exchanged_at, course.time_zone) if link.exchanged_at else "",
        }
        for link in links.select_related("contact").order_by("-issued_at", "id")
    ]


def _accountable(course: Course, party: Accountable, now: datetime) -> dict[str, Any]:
    """Who answers now, for what, who is on duty there, and the number: what a call about this patient needs."""
    answer = party.answer
    duty = party.on_duty(answer.duty, now)
    on_duty = duty if duty.user is not None else party.on_duty("first_on_call", now)
    return {
        "accountable": answer.name,
        "accountable_task": answer.task_name,
        "accountable_role": answer.role,
        "accountable_person": on_duty.user.name if on_duty.user else "NOBODY on call",
        "accountable_duty": role_words(on_duty.step) if on_duty.user else "",
        "accountable_known": on_duty.user is not None,
        "accountable_outside": party.organisation.name if answer.outside else "",
        "accountable_number": number_beside(course, party),
        "accountable_version": answer.version,
        "accountable_trouble": answer.trouble or "",
    }


def _policy_words(course: Course, answer: dict[str, Any] | None) -> str:
    """The policy in force by name and version; before the first answer, the one that the course started with."""
    ref = (answer or {}).get("policy") or {"id": course.policy_id, "version": course.policy_version}
    return f"policy {ref['id']} v{ref['version']}"


def _age(course: Course, now: datetime) -> str:
    born = course.patient.birth_date_text
    if len(born) != len("2000-01-01"):
        return f"born {born}" if born else "age not known"
    today = civil_date(now, course.time_zone)
    years = today.year - int(born[:4]) - ((today.month, today.day) < (int(born[5:7]), int(born[8:10])))
    return f"{years} years"


def location(history: History | None) -> str | None:
    """Where the patient was last said to be."""
    known = [e.body.location for e in history.of("home_status") if e.body.location] if history else []
    return LOCATION_WORDS[known[-1]] if known else None


def checks(history: History, zone: str) -> list[dict[str, Any]]:
    """The latest check-ins, newest first."""
    rows = []
    for event in reversed(history.of("checkin_received")[-SHOWN_CHECKS:]):
        body = event.body
        temperature = celsius_words(body.temperature_c, fahrenheit_first=False) if body.temperature_c else None
        answers = dict(body.home_neuro or {})
        rows.append(
            {
                "at": local_time(event.at, zone),
                "by": f"{'alarm' if event.body.alarm else 'check'} by the caregiver"
                if event.source == "caregiver"
                else "",
                "temperature": temperature,
                "fever_medicine": {True: "yes", False: "no"}.get(body.antipyretic_last_6_h),
                "symptoms": ", ".join(body.symptoms).replace("_", " ") if body.symptoms else None,
                "none": bool(body.none_of_these) and not body.symptoms,
                "neuro": _neuro_words(answers),
                "marked": ", ".join(body.implausible).replace("_", " "),
            }
        )
    return rows


def _neuro_words(answers: dict[str, str]) -> str | None:
    if not answers:
        return None
    wrong = [f"{name} {answer.replace('_', ' ')}" for name, answer in answers.items() if answer != "right"]
    return ", ".join(wrong) if wrong else "all right"


def medicines(history: History, zone: str) -> list[dict[str, str]]:
    """Medicines given or taken, newest first."""
    found = history.of("medicine_given")
    return [{"at": local_time(e.at, zone), "words": _after_colon(e)} for e in reversed(found[-SHOWN_CHECKS:])]


def ed_times(history: History, zone: str) -> list[dict[str, str]]:
    """Visits to an emergency department, newest first: sent, arrived, tocilizumab, and how long that took."""
    return [
        {
            "at": local_time(first.at, zone),
            "sent": local_time(visit.sent.at, zone) if visit.sent else "",
            "arrived": local_time(visit.arrived.at, zone) if visit.arrived else "",
            "tocilizumab": local_time(visit.tocilizumab.at, zone) if visit.tocilizumab else "",
            "took": visit.said or "",
            "why": visit.why,
        }
        for visit in reversed(ed_visits(history))
        if (first := visit.sent or visit.arrived) is not None
    ]


def labs(history: History, zone: str) -> list[dict[str, str]]:
    """The newest value of every laboratory code."""
    newest: dict[str, Event] = {}
    for event in history.of("lab_resulted"):
        newest[event.body.code or "?"] = event
    weights = history.of("weight_measured")[-1:]
    return [{"at": local_time(e.at, zone), "words": sentence(e)} for e in (*weights, *newest.values())]


def _after_colon(event: Event) -> str:
    return sentence(event).split(": ", 1)[-1]


def asks_given_before(looked: Looked) -> bool:
    """Whether no dose is on record, and nobody has said yet that none was given before."""
    if looked.history is None or looked.history.of("dose_given"):
        return False
    started = looked.history.last("course_started")
    return started is not None and started.body.prior_doses_known is not True


def _missing_words(name: str) -> str:
    """The name of a fact as a person says it: `o2` is the oxygen device."""
    kind, _, field = name.rpartition(".")
    words = _FACT_WORDS.get(field, field.removesuffix("_kg").removesuffix("_c").replace("_", " "))
    return f"{kind_words(kind)}: {words}" if kind else words


_FACT_WORDS: Final = {
    "o2": "oxygen device",
    "fever_other": "whether the fever has another cause",
    "hypotension_other": "whether the low pressure has another cause",
    "hypoxia_other": "whether the oxygen need has another cause",
    "flow_l_per_min": "oxygen flow",
    "loc": "consciousness",
    "loc_other": "whether the drowsiness has another cause",
    "masked": "medicine that hides fever",
    "premed_masking": "premedication that hides fever",
    "tmax_c": "highest temperature",
    "crs": "CRS",
    "icans": "ICANS",
    "ice": "ICE score",
}


def event_rows(history: History, zone: str, people: dict[str, str]) -> list[dict[str, Any]]:
    """Every event that was recorded, newest first; what was superseded or withdrawn is struck through."""
    standing = {event.id for event in history.events}
    rows = []
    for event in sorted(history.recorded, key=lambda e: (e.at, e.recorded_at, e.id), reverse=True):
        late = (event.recorded_at - event.at).total_seconds()
        by = event.by
        name = people.get(by.id or "") if by else None
        rows.append(
            {
                "id": event.id,
                "at": local_time(event.at, zone),
                "recorded": local_time(event.recorded_at, zone) if abs(late) > 300 else "",
                "words": sentence(event),
                "who": name or (role_words(by.role) if by else "not known"),
                "source": event.source if event.source not in (None, "staff", by.role if by else None) else "",
                "struck": event.id not in standing and event.kind != "fact_withdrawn",
                "can_withdraw": event.id in standing and event.kind not in _STAYS,
                "kind": kind_words(event.kind),
            }
        )
    return rows


_STAYS: Final = (
    "course_started",
    "fact_withdrawn",
    "page_sent",
    "page_acknowledged",
    "page_failed",
    "patient_told",
    "page_held",
    "page_resumed",
    "alert_closed",
    "ed_packet_noted",
    "accountability_moved",
    "not_known_said",
    "call_back_asked",
)
"""Kinds that nobody withdraws by hand."""


def people_of(history: History) -> dict[str, str]:
    """The names behind the ids that stand in the record."""
    ids = {event.by.id for event in history.recorded if event.by and event.by.id}
    numbers = [each for each in ids if each and each.replace("-", "").isalnum() and each != "handrail"]
    found = {str(user.pk): user.name for user in User.objects.filter(pk__in=_keys(numbers))}
    return {**found, "handrail": "Handrail"}


def _keys(texts: list[str]) -> list[Any]:
    keys = []
    for text in texts:
        try:
            keys.append(User._meta.pk.to_python(text))
        except Exception:  # noqa: BLE001, S112 (an id of another machine is nobody here)
            continue
    return keys


def page_context(course: Course, looked: Looked, now: datetime, *, names: bool) -> dict[str, Any]:
    """Everything between the banner and the events."""
    answer, history = looked.answer, looked.history
    context: dict[str, Any] = {
        "course": banner(course, answer, now, names=names),
        "trouble": looked.trouble,
        "location": location(history),
    }
    if history is None:
        return context
    zone = course.time_zone
    context |= {"checks": checks(history, zone), "medicines": medicines(history, zone), "labs": labs(history, zone)}
    context["ed_times"] = ed_times(history, zone)
    if answer is None or looked.policy is None:
        return context
    picture = timeline.picture_of(history, protocol_for(history, now), looked.policy, now)
    watch = answer["watch"]
    return {
        **context,
        "dose": next_dose_card(answer, _signed(history, now)),
        "findings": findings(answer, course.pk),
        "daily": daily_rows(answer, course.time_zone),
        "toxicity": toxicity_words(answer),
        "cannot_say": [{**item, "missing": _missing_words(item["missing"])} for item in answer["cannot_say"]],
        "tasks": [
            {**task, "who": role_words(task["who"]), "by": local_time(by, zone) if (by := parse(task["by"])) else ""}
            for task in answer["tasks"]
        ],
        "triage": answer["triage"],
        "watch_because": watch["because"],
        "picture": timeline.svg(picture) if picture else None,
    }


def _signed(history: History, now: datetime) -> dict[str, str]:
    """Who signed which row of the protocol in force."""
    return {row.id: row.signed_by for row in protocol_for(history, now).rows() if row.signed_by}
