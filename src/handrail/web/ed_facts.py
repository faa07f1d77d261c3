"""What an emergency department must not miss about one patient, as plain strings: one source for its page and for the printed sheet."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from handrail.actions.truth import number_to_call
from handrail.records.models import Course
from handrail.rules.emergency import NO_GCSF, emergency_data
from handrail.rules.grading_terms import DEFAULT_SCALE
from handrail.rules.scales import load_scale
from handrail.rules.worksheet import fever_data
from handrail.web import course_page, on_call
from handrail.web.checkin.words import dialled
from handrail.web.stay_page import stay_context
from handrail.web.words import local_time, parse

NOT_KNOWN: Final = "not known"


def facts_of(course: Course, now: datetime, *, names: bool) -> dict[str, Any]:
    """The facts of the emergency page. What nobody knows says so."""
    looked = course_page.look(course, now)
    shown = course_page.page_context(course, looked, now, names=names)
    answer, zone = looked.answer or {}, course.time_zone
    number = number_to_call(course, now)
    watch = answer.get("watch") or {}
    score, scored_at = watch.get("last_ice_0_10"), parse(watch.get("last_ice_at"))
    masking = [(each["agent"], parse(each["at"]), parse(each["until"])) for each in answer.get("masking") or []]
    return {
        **shown,
        "night": on_call.night(course, looked, now),
        "stay": stay_context(course, looked, now, names=names),
        "drug": course.product,
        "general": emergency_data().general,
        "judged": looked.answer is not None,
        "last": _last_dose(looked, now, zone),
        "call": number,
        "call_digits": dialled(number),
        "masking": [
            f"{agent} {local_time(at, zone)}, until {local_time(until, zone)}"
            for agent, at, until in masking
            if at and until
        ],
        "taken_home": on_call.taken_home(looked.history, zone, now),
        "ice": f"{score} of 10, {local_time(scored_at, zone)}" if score is not None and scored_at else NOT_KNOWN,
        "check": next(iter(shown.get("checks") or []), None),
        "grades": on_call.grade_rows(load_scale(DEFAULT_SCALE)),
        "work_up": [row.words for row in fever_data().work_up if row.id != NO_GCSF],
        "avoid": emergency_data().avoid_words,
        "synthetic": on_call.is_demo(course),
        "printed": local_time(now, zone),
    }


def _last_dose(looked: course_page.Looked, now: datetime, zone: str) -> dict[str, str]:
    """The last dose with its instant; of what was recorded, where the rules could not judge the course."""
    if looked.answer is not None:
        at = parse((looked.answer.get("watch") or {}).get("last_dose_at"))
        return {**on_call.last_dose(looked.answer, now), "at": local_time(at, zone) if at else ""}
    given = looked.history.until(now).of("dose_given") if looked.history else []
    if not given:
        return {"at": ""}
    watch = {"last_dose_at": given[-1].at.isoformat(), "last_dose_step": given[-1].body.step}
    return {**on_call.last_dose({"watch": watch}, now), "at": local_time(given[-1].at, zone)}
