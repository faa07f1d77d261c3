"""What a receiver without an account reads of a hand-off, on the page behind the link and on the fax sheet: one source for both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from handrail.actions.truth import number_to_call
from handrail.records.models import Course
from handrail.rules.doses import Given, given_doses
from handrail.rules.handoff_loop import Loop
from handrail.rules.history import History
from handrail.web import course_page
from handrail.web import handoff_page as page
from handrail.web.checkin.words import dialled
from handrail.web.not_known import said_rows
from handrail.web.on_call import is_demo
from handrail.web.presenters import patient_words, toxicity_words
from handrail.web.words import local_time, step_words

DOSES_SHOWN: Final = 6


def sheet_facts(course: Course, loop: Loop, now: datetime, *, names: bool) -> dict[str, Any]:
    """The facts, as plain strings. What nobody knows says so."""
    judged = page.judged(course, now)
    told = judged.told(loop.id)
    receiver, sender = (
        page.organisation_of(each) for each in (loop.offered.body.to_party, loop.offered.body.from_party)
    )
    number, zone, patient = number_to_call(course, now), course.time_zone, course.patient
    return {
        "patient": patient_words(course, names=names),
        "born": (patient.birth_date_text or page.NOT_KNOWN) if names else "",
        "phone": patient.phone if names else "",
        "language": {"es": "Spanish", "en": "English"}.get(patient.language, patient.language),
        "product": course.product,
        "schedule": course.schedule.replace("_", " "),
        "from": sender.name if sender is not None else page.NOT_KNOWN,
        "from_number": sender.call_number if sender is not None else "",
        "to": receiver.name if receiver is not None else page.NOT_KNOWN,
        "number": number,
        "number_digits": dialled(number),
        "returns": loop.offered.body.returns,
        "proposed": loop.offered.body.take_over_on,
        "clock_rows": page.clock_rows(judged.clock, now),
        "zone_note": page.zone_note(judged.clock, receiver),
        "trouble": judged.trouble,
        "kind": page.kind_rows(told) if told is not None else None,
        "accept_due": local_time(told.accept_due, zone) if told is not None and told.accept_due else "",
        "answers": page.who_answers(course, loop, now),
        "not_known": _not_known(course, loop, judged.history),
        "synthetic": is_demo(course),
        "printed": local_time(now, zone),
        **_clinical(judged, zone),
    }


def _not_known(course: Course, loop: Loop, history: History | None) -> list[dict[str, str]]:
    """Who said of which fields of the packet that they go out as not known."""
    if history is None or not loop.not_known:
        return []
    return said_rows(loop.not_known, page.names_of(course, loop.id, history), course.time_zone)


def _clinical(judged: page.Judged, zone: str) -> dict[str, Any]:
    history, answer = judged.history, judged.answer
    if history is None or answer is None:
        return {"doses": [], "reactions": [], "measured": []}
    return {
        "doses": _doses(history, zone),
        "reactions": toxicity_words(answer.to_json()),
        "measured": course_page.labs(history, zone),
    }


def _doses(history: History, zone: str) -> list[dict[str, str]]:
    """The last doses, the newest first."""
    return [
        {
            "at": local_time(dose.at, zone) if dose.at is not None else "day not known",
            "step": step_words(dose.step) or "step not known",
            "amount": _amount(dose),
        }
        for dose in reversed(given_doses(history)[-DOSES_SHOWN:])
    ]


def _amount(dose: Given) -> str:
    body = dose.body
    if body.dose_mg is not None:
        return f"{body.dose_mg.normalize():f} mg"
    return f"{body.dose_mg_per_kg.normalize():f} mg/kg" if body.dose_mg_per_kg is not None else "amount not known"
