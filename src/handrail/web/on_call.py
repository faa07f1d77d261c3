"""What the person on call sees beside what was reported, and the one sheet that goes to the emergency department."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from handrail.actions.caregivers import alarms_behind
from handrail.actions.truth import number_beside
from handrail.alerts.ed_packets import destination
from handrail.alerts.models import Alert
from handrail.people.models import Organisation
from handrail.records.accountability import accountable_for
from handrail.records.models import Course
from handrail.rules.answering import AFTER_ED
from handrail.rules.caredata import is_tocilizumab
from handrail.rules.doses import given_doses
from handrail.rules.episodes import episodes
from handrail.rules.history import History
from handrail.rules.home_medicines import AGENT_WORDS, TRIGGER_WORDS, taken_at_home
from handrail.rules.management import tocilizumab_amount
from handrail.rules.nextdose import latest_weighing
from handrail.rules.policy import Policy
from handrail.rules.scales import GradedRow, Scale
from handrail.rules.terms import STEP_WORDS
from handrail.rules.worksheet import Worksheet, fever_data, worksheet
from handrail.web.course_page import Looked
from handrail.web.words import LANGUAGE_WORDS, STATUS_WORDS, local_time, parse, since_words

NOT_KNOWN: Final = "not known"
HOME: Final = "home"
UNNAMED: Final = "a medicine that nobody named and that may hide a fever,"
COLUMN_WORDS: Final = {"crs": "for CRS", "infection": "for infection", "both": "hides both"}


def night(course: Course, looked: Looked, now: datetime) -> dict[str, Any]:
    """The part of an alert's page for the next five minutes; empty when the rules cannot judge the course."""
    if looked.history is None or looked.policy is None or looked.answer is None:
        return {}
    history, policy, answer = looked.history.until(now), looked.policy, looked.answer
    doses = given_doses(history)
    sheet = worksheet(history, doses, episodes(history, doses, policy), policy, now)
    return {
        "sheet": _sheet(sheet),
        "home": _home(answer, course.time_zone),
        "taken_home": taken_home(history, course.time_zone, now),
        "tonight": _tonight(course, history, now),
        "rescue": _rescue(history, policy, answer, course.time_zone, now),
        "scripts": _scripts(course, answer, now),
        "drug": _drug(course),
        "last_dose": last_dose(answer, now),
    }


def alarms(alert: Alert, *, names: bool) -> list[dict[str, str]]:
    """Who raised an alarm from home, when, and on which phone they are called back; without a name for whoever may see none."""
    rows = []
    for each in alarms_behind(alert):
        who = each.contact
        rows.append(
            {
                "at": local_time(each.event.occurred_at, alert.course.time_zone if alert.course else ""),
                "by": "the caregiver" if each.event.source == "caregiver" else "the patient",
                "name": who.name if who is not None and names else "",
                "relationship": who.relationship if who is not None and names else "",
                "phone": who.phone if who is not None and names else "",
                "language": LANGUAGE_WORDS.get(who.language, who.language) if who is not None else "",
                "unnamed": "" if who is not None else "yes",
                "signs": ", ".join(each.event.payload.get("symptoms") or []).replace("_", " "),
            }
        )
    return rows


def _drug(course: Course) -> str:
    return course.product


def last_dose(answer: dict[str, Any], now: datetime) -> dict[str, str]:
    """Which dose was the last, and how long ago; both "not known" where nobody knows."""
    watch = answer.get("watch") or {}
    at = parse(watch.get("last_dose_at"))
    step = watch.get("last_dose_step")
    return {
        "step": STEP_WORDS.get(step, NOT_KNOWN) if step else NOT_KNOWN,
        "since": since_words(at, now) if at else NOT_KNOWN,
        "iso": at.isoformat() if at else "",
    }


def _sheet(sheet: Worksheet) -> dict[str, Any]:
    return {
        "advice": sheet.advice,
        "expected": sheet.expected or "",
        "expected_status": STATUS_WORDS[sheet.expected_status.value] if sheet.expected_status else "",
        "features": [
            {
                "name": row.name,
                "known": row.known or "",
                "speaks": COLUMN_WORDS.get(row.speaks_for or "", ""),
                "crs": row.crs,
                "infection": row.infection,
            }
            for row in sheet.features
        ],
        "work_up": [row.words for row in sheet.work_up],
        "clocks": [f"{row.words}: within {row.minutes} min of triage" for row in sheet.clocks if row.id != "observed"],
        "observed": next((row.minutes // 60 for row in sheet.clocks if row.id == "observed"), None),
    }


def _home(answer: dict[str, Any], zone: str) -> list[dict[str, str]]:
    """Every medicine at home: may it be used, and was it taken."""
    words = {"usable": "may be used", "not_usable": "may NOT be used", "not_known": "not known whether it may be used"}
    rows = []
    for each in answer.get("home_medicines") or []:
        amount = f"{each['medicine'] or AGENT_WORDS[each['agent']]} {each['dose_mg'] or '?'} mg"
        trigger = TRIGGER_WORDS.get(each["trigger"] or "", "trigger not known")
        taken = parse(each["taken_at"])
        rows.append(
            {
                "words": f"{amount}, {trigger}",
                "state": words[each["state"]],
                "because": "" if each["state"] == "usable" else each["because"],
                "taken": f"taken {local_time(taken, zone)}"
                if taken
                else "since it was authorised: not taken, as far as anybody said",
            }
        )
    return rows


def taken_home(history: History | None, zone: str, now: datetime) -> list[str]:
    """Every medicine that was taken at home, or may have been, newest first; whatever became of its authorisation."""
    if history is None:
        return []
    return [
        f"{e.body.agent or UNNAMED} {f'{e.body.dose_mg} mg' if e.body.dose_mg else '(dose not known)'}, "
        f"{local_time(e.at, zone)} ({since_words(e.at, now)} ago{'' if e.body.purpose == HOME else '; not known whether at home'})"
        for e in reversed(taken_at_home(history.until(now)))
    ]


def _tonight(course: Course, history: History, now: datetime) -> dict[str, str]:
    """Who is with the patient, how far it is, and where to: from the last that was said of each."""
    home = [event.body for event in history.of("home_status")]
    said = [event.body.caregiver_present for event in history.of("checkin_received")]
    caregiver = next((each for each in reversed(said) if each is not None), None)
    until = next((body.caregiver_until for body in reversed(home) if body.caregiver_until is not None), None)
    present = NOT_KNOWN if caregiver is None else f"{'yes' if caregiver else 'NO'}, by the last check-in"
    planned = f"; planned until {local_time(until, course.time_zone)}" if until else ""
    minutes = {
        name: next((value for body in reversed(home) if (value := getattr(body, name)) is not None), None)
        for name in ("travel_min_night", "travel_min_worst", "travel_min_typical")
    }
    known = [f"{value} min {name.rpartition('_')[2]}" for name, value in minutes.items() if value is not None]
    hospital = accountable_for(course, now, AFTER_ED).answer
    place = destination(course)
    return {
        "caregiver": f"{present}{planned}",
        "travel": ", ".join(known) or NOT_KNOWN,
        "hospital": place.name if place else hospital.name if hospital.outside else "",
        "hospital_number": place.number if place else hospital.number if hospital.outside else "",
        "in_plan": "yes" if place else "",
    }


def _rescue(history: History, policy: Policy, answer: dict[str, Any], zone: str, now: datetime) -> dict[str, Any]:
    """One dose of tocilizumab in milligrams, what was given, and the limits; a weight that is not known gives no amount."""
    row = policy.tocilizumab
    weighed = latest_weighing(history)
    weight = weighed.body.weight_kg if weighed else None
    mg, capped = tocilizumab_amount(weight, policy)
    given = [e for e in history.of("medicine_given") if is_tocilizumab(e.body.agent) and e.at <= now]
    return {
        "mg": f"{mg.quantize(Decimal(1), ROUND_DOWN)}" if mg is not None else "",  # whole milligrams, never above
        "capped": capped,
        "weighed": local_time(weighed.at, zone) if weighed else "",
        "weight": f"{weight.quantize(Decimal('0.1'))}" if weight is not None else "",
        "rule": f"{row.mg_per_kg} mg/kg, at most {row.cap_mg} mg, {row.min_hours_between} h apart, "
        f"at most {row.most_doses_per_event} doses for one reaction",
        "given": [
            f"{e.body.dose_mg or 'amount not known'} mg {local_time(e.at, zone)}{f' ({e.body.purpose})' if e.body.purpose else ''}"
            for e in reversed(given)
        ],
        "warnings": [f["what"] for f in answer["findings"] if f["rule"] == "management"],
    }


def _scripts(course: Course, answer: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    party = accountable_for(course, now)
    masking = [(each["agent"], parse(each["at"])) for each in answer.get("masking") or []]
    taken = [f"{agent} {local_time(at, course.time_zone)}" for agent, at in masking if at is not None]
    last = last_dose(answer, now)
    blanks = {
        "drug": _drug(course),
        "dose": last["step"],
        "since": last["since"],
        "taken": ", ".join(taken) or "nothing that is known",
        "number": number_beside(course, party) or NOT_KNOWN,
    }
    return [{"title": row.title, "lines": [line.format(**blanks) for line in row.lines]} for row in fever_data().script]


def is_demo(course: Course) -> bool:
    """Whether the sheet must say that nobody on it is real."""
    return course.synthetic or course.organisation.mode == Organisation.Mode.DEMO


def grade_rows(scale: Scale) -> list[tuple[str, str]]:
    """The grades of CRS and ICANS in words, from the rows of the scale: what stands in the boxes of the sheet."""
    rows = []
    for grade in range(1, 5):
        signs: list[GradedRow] = [scale.crs.fever, *scale.crs.hypotension, *scale.crs.hypoxia]
        words = [row.words for row in signs if row.grade == grade]
        also = f"fever {scale.crs.fever.from_c} °C or more" if grade == scale.crs.fever.grade else ""
        rows.append((f"CRS {grade}", "; ".join(part for part in (also, *words) if part and part != "fever")))
    for grade in range(1, 5):
        bands = [f"ICE {band.from_score} to {band.to_score}" for band in scale.icans.ice if band.grade == grade]
        words = [row.words for row in scale.icans.sign if row.grade == grade]
        rows.append((f"ICANS {grade}", "; ".join([*bands, *words])))
    return rows
