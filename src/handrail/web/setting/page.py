"""What the page of a setting shows, as plain strings made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from handrail.actions.setting_desk import Desk
from handrail.people.models import User
from handrail.rules.answer import SourceRef
from handrail.rules.evidence import Evidence
from handrail.rules.handoff_kind import HandoffKind
from handrail.rules.setting import Reason, Setting
from handrail.rules.setting_case import FACT_WORDS
from handrail.rules.setting_evidence import SettingLook, caregiver_evidence, setting_evidence, travel_evidence
from handrail.rules.setting_facts import MONTHS, uncovered
from handrail.rules.telling import role_words
from handrail.rules.terms import STEP_WORDS, civil_date, day_start, say_date, say_instant, zone_named
from handrail.web.handoff_page import KIND_WORDS
from handrail.web.setting.forms import ELSEWHERE

HOURS: Final = range(24)
WORDS: Final = {
    "DEFER": "Defer the start",
    "INPATIENT": "In hospital",
    "HYBRID": "Hybrid",
    "OUTPATIENT": "Outside hospital",
}
MEANING: Final = {
    "DEFER": "no dose in any setting until what stands below is settled",
    "INPATIENT": "every dose of this plan is given and watched in hospital",
    "HYBRID": "some doses in hospital, the others outside",
    "OUTPATIENT": "given in the clinic, watched at home",
}
TONES: Final = {"DEFER": "now", "INPATIENT": "soon", "HYBRID": "good", "OUTPATIENT": "good", None: "soon"}
PLACES: Final = {"inpatient": "in hospital", "outpatient": "outside hospital"}
LABEL_PLACES: Final = {
    "hospital": "in hospital",
    "observation": "under observation",
    "near_facility": "near a hospital",
}
MARKS: Final = {True: ("good", "met"), False: ("now", "not met"), None: ("soon", "not known")}


def page_context(desk: Desk, now: datetime) -> dict[str, Any]:
    """Everything of the page but its forms; without a dose only why there is nothing to judge."""
    look = desk.look
    if look is None:
        return {"setting_trouble": desk.trouble}
    answer, zone = look.answer, look.dose.zone
    people = _people(look)
    return {
        "head": _head(look, now),
        "decision": _decision(look, people),
        "disputed": setting_evidence(look).because if look.disputed else "",
        "defer": [_reason(each) for each in answer.blocking],
        "inpatient": [_reason(each) for each in answer.inpatient_reasons],
        "considerations": [
            {"rule": each.rule, "points": each.points, "words": each.because} for each in answer.considerations
        ],
        "points": answer.points,
        "plan": _plan(answer),
        "three": _three(answer, look.strictness_words),
        "conflicts": [
            {"between": " and ".join(each.between), "words": _named(each.because, people), "signed": each.signed}
            for each in answer.conflicts
        ],
        "against": [
            {"fact": FACT_WORDS[each.fact], "desk": each.desk, "record": each.record, "page": _desk_page(each.fact)}
            for each in look.against
        ],
        "interrupted": answer.interrupted.because if answer.interrupted is not None else "",
        "gaps": _gaps(answer),
        "tasks": _tasks(answer),
        "not_bookable": list(answer.scheduling.because),
        "nearest": [_near(each.name, each.level, each.worst_minutes) for each in answer.scheduling.nearest],
        "implausible": list(answer.implausible),
        "roster": _roster(look),
        "way": _way(look),
        "gate": [_gate(number, line) for number, line in _lines(look)],
        "zone_words": zone,
    }


def class_rows(kind: HandoffKind) -> dict[str, Any]:
    """Simple or complicated as things are known now, with every reason, and what would have to be known."""
    return {"key": kind.kind, "words": KIND_WORDS[kind.kind], "because": kind.because, "missing": kind.missing}


def _head(look: SettingLook, now: datetime) -> dict[str, Any]:
    answer, zone = look.answer, look.dose.zone
    dose = f"{STEP_WORDS[look.dose.step]} on {say_date(look.dose.on)}"
    said = answer.recommendation
    count = len(answer.missing)
    if said is not None:
        line = f"{WORDS[said]}: {dose}"
        meaning = MEANING[said]
    else:
        line = f"Nothing is recommended yet: {dose}"
        meaning = f"{count} fact{'' if count == 1 else 's'} missing" if count else "a signature is missing"
    return {
        "tone": TONES[said],
        "line": line,
        "meaning": meaning,
        "would_be": WORDS[answer.would_be].lower() if answer.would_be is not None else "",
        "incomplete": answer.confidence == "incomplete" and said is not None,
        "missing": count,
        "until": say_instant(answer.valid_until, zone),
        "until_because": answer.valid_because,
        "rules": answer.protocol_version,
        "signed_by": answer.rules_signed_by or "",
        "status": answer.status.value,
        "at": say_instant(now, zone),
    }


def _decision(look: SettingLook, people: Mapping[str, str]) -> dict[str, Any] | None:
    event = look.decision
    if event is None:
        return None
    body, line = event.body, setting_evidence(look)
    return {
        "words": WORDS.get(body.recommendation or "", "not known"),
        "at": say_instant(event.at, look.dose.zone),
        "who": people.get(event.by.id or "", role_words(event.by.role)) if event.by is not None else "not known",
        "until": say_instant(body.valid_until, look.dose.zone) if body.valid_until is not None else "",
        "because": body.because or "",
        "advised": WORDS.get(body.advised or "", "nothing"),
        "stands": line.met is True,
        "why_not": "" if line.met else line.because,
    }


def _plan(answer: Setting) -> list[dict[str, str]]:
    return [
        {"step": STEP_WORDS[each.step].capitalize(), "on": say_date(each.on), "place": PLACES[each.place]}
        for each in answer.plan
    ]


def _gaps(answer: Setting) -> list[dict[str, str]]:
    return [
        {"rule": each.rule, "words": each.because, "owner": role_words(each.owner), "offer": each.offer}
        for each in answer.site_gaps
    ]


def _tasks(answer: Setting) -> list[dict[str, str]]:
    """Each thing to do once, though two rules may ask for it."""
    told = dict.fromkeys((role_words(each.who), each.what) for each in answer.tasks)
    return [{"who": who, "what": what} for who, what in told]


def _reason(each: Reason) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "known": each.known,
        "words": each.because,
        "owner": role_words(each.owner),
        "offer": each.offer or "",
        "source": ", ".join(each.source),
        "status": each.status.value,
    }


def _three(answer: Setting, strictness: str) -> list[dict[str, Any]]:
    """Label, programme and payer side by side: what each asks for this dose."""
    label, payer = answer.label_requirement, answer.payer_requirement
    rows: list[dict[str, Any]] = []
    if label is None:
        rows.append({"who": "Label", "asks": "", "words": "which label holds is not known"})
    else:
        hours = f", {label.hours} h" if label.hours is not None else ""
        place = LABEL_PLACES.get(label.setting, label.setting.replace("_", " "))
        rows.append(
            {"who": "Label", "asks": f"{place}{hours}", "words": label.words, "source": _source(label.source), "status": label.status.value}
        )  # fmt: skip
    said = answer.recommendation or answer.would_be
    signed = f"signed by {answer.rules_signed_by}" if answer.rules_signed_by else "not signed by a medical lead"
    words = "; ".join([f"{answer.protocol_version}; {signed}", *([strictness] if strictness else [])])
    rows.append({"who": "Programme", "asks": WORDS[said].lower() if said else "", "words": words})
    if payer is None:
        rows.append({"who": "Payer", "asks": "", "words": "what the payer asks is not known"})
    else:
        waived = {True: "; waived", False: "; no waiver", None: "; a waiver is not known"}[payer.waived]
        asks = "in hospital" if payer.setting == "inpatient" else "any setting"
        rows.append(
            {"who": "Payer", "asks": asks + (waived if payer.setting == "inpatient" else ""), "words": payer.policy or "policy not named"}
        )  # fmt: skip
    return rows


def _source(source: SourceRef) -> str:
    parts = [source.document, *([f"section {source.section}"] if source.section else [])]
    return ", ".join(parts)


def _near(name: str, level: str, minutes: int | None) -> str:
    return f"{name}, level {level}: {f'{minutes} min' if minutes is not None else 'the way there is not known'}"


def missing_rows(look: SettingLook) -> Iterator[dict[str, Any]]:
    """Every fact that is missing, who finds it out, for which rules; the calendar first, from which the watched span is counted."""
    told = [(each.fact, each.missing, each.owner, each.rules) for each in look.answer.missing]
    if look.case.phase == "step_up" and not look.case.span_is_known:
        told = [(*CALENDAR, ("IP-1",)), *(row for row in told if row[0] != CALENDAR[0])]
    for fact, words, owner, rules in told:
        yield {
            "fact": fact,
            "words": words,
            "owner": role_words(owner),
            "rules": ", ".join(rules),
            "elsewhere": ELSEWHERE.get(fact, ()),
            "desk": DESKS[fact] if fact in look.desks else (),
        }


DESKS: Final = {
    **dict.fromkeys(("rems_prescriber", "rems_dispenser", "rems_setting"), ("rems_course", "The REMS desk cannot say: mend it there")),
    **dict.fromkeys(("authorisation", "payer"), ("course_access", "The access desk cannot say: mend it there")),
}  # fmt: skip
"""Where a fact is written down that a desk answers: a word in the course would not be read."""


def _desk_page(fact: str) -> str:
    """The page of a course on which a desk keeps a fact; empty: the site keeps it."""
    return DESKS[fact][0] if fact in DESKS else ""


CALENDAR: Final = ("doses", "the calendar of the step-up: day and time of each dose", "nurse")
"""Without it the span begins at midnight of the day of the dose, and nobody knows when it ends."""


def _roster(look: SettingLook) -> dict[str, Any]:
    """The watched span day by day, hour by hour, and the hours that nobody covers in words."""
    case, zone = look.case, look.dose.zone
    shifts = case.facts.caregivers
    span = case.span
    if span[1] <= span[0]:
        return {"over": True}
    covers = [(each.from_at, each.until_at) for each in shifts or ()]
    holes = uncovered(span, covers)
    first, last = civil_date(span[0], zone), civil_date(span[1] - timedelta.resolution, zone)
    days = [_day(first + timedelta(days=number), span, covers, zone) for number in range((last - first).days + 1)]
    return {
        "known": shifts is not None,
        "span": case.said(span),
        "span_known": case.span_is_known,
        "days": days,
        "holes": [case.said(hole) for hole in holes],
        "shifts": [
            {"who": each.who.replace("_", " "), "from": say_instant(each.from_at, zone), "until": say_instant(each.until_at, zone)}
            for each in shifts or ()
        ],
    }  # fmt: skip


Span = tuple[datetime, datetime]


def _day(day: date, span: Span, covers: Sequence[Span], zone: str) -> dict[str, Any]:
    """One day of the grid: each hour covered, not covered, or outside the span; a day of a clock change has as many as it has."""
    begins, ends = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    cells = []
    at = begins
    while at < ends:
        hour = (max(at, span[0]), min(at + timedelta(hours=1), span[1]))
        inside = hour[0] < hour[1]
        cells.append("out" if not inside else "open" if uncovered(hour, covers) else "there")
        at += timedelta(hours=1)
    asked = (max(begins, span[0]), min(ends, span[1]))
    holes = uncovered(asked, covers)
    return {
        "on": f"{day:%a} {day.day} {day:%b}",
        "cells": cells,
        "holes": [f"{_clock(hole[0], zone)}–{_clock(hole[1], zone, end=True)}" for hole in holes],
    }


def _clock(at: datetime, zone: str, *, end: bool = False) -> str:
    """`01:00 CDT` beside the day it belongs to; the end of that day is `24:00`."""
    local = at.astimezone(zone_named(zone))
    return "24:00" if end and (local.hour, local.minute) == (0, 0) else f"{local:%H:%M %Z}"


def _way(look: SettingLook) -> dict[str, Any]:
    travel, lodging, zone = look.case.facts.travel, look.case.facts.lodging, look.dose.zone
    rows = [
        {
            "months": ", ".join(MONTHS[month - 1] for month in each.months) if len(each.months) < len(MONTHS) else "every month",
            "weather": each.weather or "",
            "minutes": each.minutes,
        }
        for each in travel.worst or ()
    ]  # fmt: skip
    where = {True: "accepted", False: "not accepted", None: "not known"}[lodging.accepted]
    spans = [say_instant(at, zone) if at is not None else "not known" for at in (lodging.from_at, lodging.until_at)]
    words = where
    if lodging.accepted:
        minutes = f"{lodging.worst_minutes} min" if lodging.worst_minutes is not None else "minutes not known"
        words = f"accepted, from {spans[0]} until {spans[1]}, {minutes} from the hospital"
    return {
        "rows": rows,
        "typical": travel.typical_minutes,
        "night": travel.night_minutes,
        "to": travel.to or "",
        "told_by": travel.source or "",
        "as_of": say_date(travel.as_of) if travel.as_of else "",
        "limit": look.case.rules.travel.limit_minutes,
        "lodging": words,
    }


def _lines(look: SettingLook) -> tuple[tuple[int, Evidence], ...]:
    return (10, caregiver_evidence(look)), (11, travel_evidence(look)), (17, setting_evidence(look))


def _gate(number: int, line: Evidence) -> dict[str, Any]:
    tone, words = MARKS[line.met]
    return {
        "number": number,
        "tone": tone,
        "state": words,
        "words": line.because,
        "owner": role_words(line.owner),
        "next": line.next_step or "",
    }


def _people(look: SettingLook) -> dict[str, str]:
    """Names behind the ids that stand in the decision and under the departure."""
    by = look.decision.by if look.decision is not None else None
    ids = {(by.id or "") if by is not None else "", look.case.facts.departure.signed_by or ""}
    numbers = [each for each in ids if each.isdecimal() or len(each) == len("00000000-0000-4000-8000-000000000000")]
    keys = []
    for each in numbers:
        try:
            keys.append(User._meta.pk.to_python(each))
        except Exception:  # noqa: BLE001, S112 (an id of another machine is nobody here)
            continue
    return {str(user.pk): user.name for user in User.objects.filter(pk__in=keys)} if keys else {}


def _named(words: str, people: Mapping[str, str]) -> str:
    """The words with the name of whoever signed instead of the id that stands in the record."""
    for number, name in people.items():
        words = words.replace(f"signed by {number}", f"signed by {name}")
    return words
