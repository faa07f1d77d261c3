"""What an emergency department must not miss about one patient, as plain strings: one source for its page and for the printed sheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from handrail.actions.truth import number_to_call
from handrail.records.models import Course
from handrail.rules.emergency import NO_GCSF, emergency_data
from handrail.rules.grading_terms import DEFAULT_SCALE
from handrail.rules.history import History
from handrail.rules.scales import load_scale
from handrail.rules.worksheet import fever_data
from handrail.web import course_page, on_call
from handrail.web.checkin.words import dialled
from handrail.web.words import local_time, parse, since_words

NOT_KNOWN: Final = "not known"
HOME: Final = "home"


def facts_of(course: Course, now: datetime, *, names: bool) -> dict[str, Any]:
    """The facts of the emergency page. What nobody knows says so."""
    looked = course_page.look(course, now)
    shown = course_page.page_context(course, looked, now, names=names)
    answer, zone = looked.answer or {}, course.time_zone
    number = number_to_call(course, now)
    watch = answer.get("watch") or {}
    given_at = parse(watch.get("last_dose_at"))
    masking = [(each["agent"], parse(each["at"]), parse(each["until"])) for each in answer.get("masking") or []]
    return {
        **shown,
        "night": on_call.night(course, looked, now),
        "drug": course.product,
        "last": {**on_call.last_dose(answer, now), "at": local_time(given_at, zone) if given_at else ""},
        "call": number,
        "call_digits": dialled(number),
        "masking": [
            f"{agent} {local_time(at, zone)}, until {local_time(until, zone)}"
            for agent, at, until in masking
            if at and until
        ],
        "taken_home": _taken_home(looked.history, zone, now),
        "ice": f"{watch['last_ice_0_10']} of 10" if watch.get("last_ice_0_10") is not None else NOT_KNOWN,
        "check": next(iter(shown.get("checks") or []), None),
        "grades": on_call.grade_rows(load_scale(DEFAULT_SCALE)),
        "work_up": [row.words for row in fever_data().work_up if row.id != NO_GCSF],
        "avoid": emergency_data().avoid_words,
        "synthetic": on_call.is_demo(course),
        "printed": local_time(now, zone),
    }


def _taken_home(history: History | None, zone: str, now: datetime) -> list[str]:
    """Every medicine that was taken at home, newest first."""
    if history is None:
        return []
    taken = [e for e in history.until(now).of("medicine_given") if e.body.purpose == HOME]
    return [
        f"{e.body.agent or 'medicine not known'} {f'{e.body.dose_mg} mg' if e.body.dose_mg else '(dose not known)'}, "
        f"{local_time(e.at, zone)} ({since_words(e.at, now)} ago)"
        for e in reversed(taken)
    ]
