"""What the board, the course and the inbox show, as plain strings made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from handrail.alerts.models import Alert
from handrail.records.models import Course
from handrail.rules import handback
from handrail.rules.daily import CONTACT_WORDS
from handrail.rules.telling import role_words
from handrail.rules.terms import civil_date
from handrail.web.label_links import finding_address, row_address
from handrail.web.words import (
    ACTION_TONE,
    ACTION_WORDS,
    DAILY_WORDS,
    SETTING_WORDS,
    STATUS_WORDS,
    URGENCY_WORDS,
    celsius_words,
    day_words,
    instant_iso,
    local_time,
    parse,
    since_words,
    step_words,
)

NO_SITE_WORDS: Final = "site not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The courses of a list on which a person may do what, and those that Handrail cannot judge now."""

    names: frozenset[UUID]
    pages: frozenset[UUID]
    acknowledge: frozenset[UUID]
    unjudged: frozenset[UUID]
    answers_for: Mapping[str, frozenset[UUID]]
    """By verb, the organisations at which the person may: answer pages that are about no course, look at referrals, write down calls."""

    def calls(self, course: Course) -> bool:
        """Whether a call with the patient is offered: not to staff of the patient's own organisation whose role does not write it down."""
        own = course.organisation_id in self.answers_for.get("view_pages", ())
        return not own or course.organisation_id in self.answers_for.get("record_contact", ())


def zone_of(alert: Alert) -> str:
    """The zone in which the instants of an alert are said: the patient's, else the site's, else the organisation's."""
    return (alert.course or alert.site or alert.organisation).time_zone


def listed_alert(alert: Alert, now: datetime, may: Allowed) -> dict[str, Any]:
    """One alert of a list over several courses, by the clock of its own place: that of the reader may be another."""
    course = alert.course_id
    may_have = course in may.acknowledge if course else alert.organisation_id in may.answers_for[alert.verb]
    return alert_row(alert, now, zone_of(alert), names=course in may.names, may_have=may_have)


def alert_row(alert: Alert, now: datetime, zone: str, *, names: bool, may_have: bool) -> dict[str, Any]:
    """One alert of the board or inbox: who was paged, when, and whether somebody has it."""
    pages = [page for page in alert.pages.all() if page.channel in ("on_screen", "")]
    # Of one attempt the page that was made last: the ladder goes on with the number at which somebody was asked by name.
    last = max(pages, key=lambda page: (page.attempt, page.created_at), default=None)
    if alert.acknowledged_at is not None and alert.acknowledged_by is not None:
        state = f"{alert.acknowledged_by.name} has it since {local_time(alert.acknowledged_at, zone)}"
    elif last is None:
        state = "the first page goes out now"
    elif last.state == "nobody_on":
        state = f"NOBODY on as {last.who.replace('_', ' ')}; going on to the next"
    elif last.state == "not_reached" and last.user is not None:
        state = (
            f"{last.user.name} could NOT be reached: no way but the inbox, and it was not open; going on to the next"
        )
    else:
        who = last.user.name if last.user else last.who
        state = f"{who} paged {since_words(last.created_at, now)} ago (page {last.attempt + 1}), not acknowledged"
    return {
        "id": str(alert.id),
        "urgency": alert.urgency,
        "words": URGENCY_WORDS.get(alert.urgency, alert.urgency),
        "ladder": alert.ladder,
        "code": alert.code,
        "who": patient_words(alert.course, names=names) if alert.course else place_words(alert),
        "course_id": str(alert.course_id or ""),
        "what": alert.what,
        "because": alert.because,
        "since": dose_words(alert.course, now) if alert.course else None,
        "opened": local_time(alert.opened_at, zone),
        "state": state,
        "open": alert.acknowledged_at is None,
        "may_have": may_have,
    }


def patient_words(course: Course, *, names: bool) -> str:
    """The patient's name for those who may see it, else the short code of the course."""
    return course.patient.name if names else nameless(course.id)


def nameless(course_id: UUID) -> str:
    """What stands for the name of a patient whom somebody may not see: the short code of the course."""
    return f"course {str(course_id)[:8]}"


def place_words(alert: Alert) -> str:
    """The site, or the organisation, that an alert without a course is about."""
    return alert.site.name if alert.site else alert.organisation.name


def dose_words(course: Course, now: datetime) -> dict[str, str] | None:
    """`26 h after step-up dose 2`, with the machine-readable instant."""
    watch = (course.assessment or {}).get("watch", {})
    at = parse(watch.get("last_dose_at"))
    if at is None:
        return None
    return {
        "iso": instant_iso(at),
        "since": since_words(at, now),
        "step": step_words(watch.get("last_dose_step")) or "a dose of an unknown step",
    }


def course_row(course: Course, now: datetime, may: Allowed) -> dict[str, Any]:
    """One line of the board. An answer from before what cannot be judged now is none."""
    judged = course.pk not in may.unjudged
    answer = (course.assessment or {}) if judged else {}
    watch, dose = answer.get("watch", {}), answer.get("next_dose", {})
    zone = course.time_zone
    ends, due = parse(watch.get("window_ends")), parse(watch.get("next_check_due"))
    temperature = watch.get("last_temperature_c")
    at = parse(watch.get("last_temperature_at"))
    overdue = parse(watch.get("overdue_since"))
    return {
        "id": str(course.id),
        "who": patient_words(course, names=course.pk in may.names),
        "product": course.product,
        "site": course.site.name if course.site else NO_SITE_WORDS,
        "dose": dose_words(course, now),
        "ends": local_time(ends, zone) if ends else "",
        "temperature": f"{celsius_words(temperature)}, {local_time(at, zone)}" if temperature and at else None,
        "ice": f"ICE {watch['last_ice_0_10']} of 10" if watch.get("last_ice_0_10") is not None else None,
        "check": local_time(due, zone) if due else "none",
        "night_calls": sum(task["what"].startswith(handback.TASK) for task in answer.get("tasks", [])),
        "assesses": _assesses(answer, now, zone),
        "may_call": may.calls(course),
        "overdue": {"iso": instant_iso(overdue), "since": since_words(overdue, now)} if overdue else None,
        "state": answer.get("state", {}).get("name", "not assessed").capitalize(),
        "action": ACTION_WORDS.get(dose.get("action", ""), "Not assessed"),
        "tone": ACTION_TONE.get(dose.get("action", ""), "withhold"),
        "step": step_words(dose.get("step") or (dose.get("would_be") or {}).get("step")),
        "because": dose.get("because", ""),
        "due": day_words(dose.get("due_on")),
        "give_by": day_words(dose.get("give_by")),
        "restart": day_words(dose.get("restart_if_after")),
        "assessed": bool(answer),
    }


def daily_rows(answer: dict[str, Any], zone: str) -> list[dict[str, Any]]:
    """Every day of the watched window and every missed one: who assesses, how, and how that stands."""
    found = []
    for day in answer.get("daily") or []:
        at = parse(day["booked_at"])
        found.append(
            {
                "on": day_words(day["on"]),
                "who": day["who"],
                "how": CONTACT_WORDS[day["contact"]],
                "state": DAILY_WORDS[day["state"]],
                "red": day["state"] in ("open", "missed"),
                "at": local_time(at, zone) if at else "",
                "because": day["because"],
            }
        )
    return found


def _assesses(answer: dict[str, Any], now: datetime, zone: str) -> dict[str, Any] | None:
    """Who assesses today, as the board says it; None: nobody is asked today."""
    today = civil_date(now, zone).isoformat()
    day = next((each for each in answer.get("daily") or [] if each["on"] == today), None)
    if day is None:
        return None
    words = f"{day['who']}, {CONTACT_WORDS[day['contact']]}: {DAILY_WORDS[day['state']]}"
    return {"words": words[0].upper() + words[1:], "red": day["state"] in ("open", "missed")}


def next_dose_card(answer: dict[str, Any], signed: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The next dose, ready to be shown: large word, dates, premedication, monitoring, why.

    Args:
        answer: the assessment.
        signed: who signed which row: such a row is said to be signed, whatever its status in the shipped data.
    """
    dose = answer["next_dose"]
    would = dose.get("would_be") or {}
    amount = dose.get("amount")
    would_amount = would.get("amount")
    monitoring = dose.get("monitoring")
    dates = [
        ("earliest", day_words(dose.get("earliest_on"))),
        ("due", day_words(dose.get("due_on"))),
        ("usual until", day_words(dose.get("usual_until"))),
        ("give by", day_words(dose.get("give_by"))),
        ("restart if after", day_words(dose.get("restart_if_after"))),
    ]
    return {
        "action": ACTION_WORDS[dose["action"]],
        "tone": ACTION_TONE.get(dose["action"], "withhold"),
        "step": step_words(dose.get("step") or (would.get("step") if dose["action"] in ("hold", "wait") else None)),
        "because": dose["because"],
        "confirm": dose.get("confirm"),
        "flags": dose.get("flags", []),
        "amount": amount_words(amount) if amount else None,
        "would_amount": amount_words(would_amount) if would_amount else None,
        "would": _would_words(would),
        "dates": [(name, words) for name, words in dates if words],
        "then": _then_words(dose.get("then")),
        "after": [
            {
                "words": f"from {day_words(item['from_day'])}: {ACTION_WORDS[item['action']].lower()} {step_words(item['step'])}",
                "row": item["row"],
                "row_address": row_address(answer["protocol_key"], item["row"]),
            }
            for item in dose.get("after_that", [])
        ],
        "premedication": [
            {
                "words": f"{item['agent']} {item['dose']}, {item['route']}, {_lead(item)}",
                **_chip(item["row"], item["status"], signed),
            }
            for item in dose.get("premedication", [])
        ],
        "with_it": [*_infusion_words(dose.get("infusion")), *map(_companion_words, dose.get("companions", []))],
        "monitoring": _monitoring_words(monitoring) if monitoring else None,
        "row": dose.get("row"),
        "row_address": row_address(answer["protocol_key"], dose.get("row")),
        "source": dose.get("source"),
        **_chip(dose.get("row"), dose.get("status"), signed),
        "protocol": answer["protocol_key"],
    }


def _chip(row: str | None, status: str | None, signed: Mapping[str, str]) -> dict[str, str]:
    if row is not None and row in signed and status in ("secondary", "unverified"):
        return {"status": "signed", "chip": f"signed by {signed[row]}"}
    return {"status": status or "", "chip": STATUS_WORDS.get(status or "", "")}


def _would_words(would: dict[str, Any]) -> str | None:
    if not would.get("action"):
        return None
    words = f"{ACTION_WORDS[would['action']].lower()} {step_words(would.get('step'))}".strip()
    status = f" ({STATUS_WORDS[would['status']]})" if would.get("status") else ""
    return f"{words}{status}: {would.get('words', '')}"


def _then_words(then: dict[str, Any] | None) -> str | None:
    return f"then {step_words(then['step'])} {then['after_days']} days later, if tolerated" if then else None


def amount_words(amount: dict[str, Any]) -> str:
    """`32 mg, 0.8 mL, 1 syringe (flat 32 mg)`."""
    parts = [f"{amount['mg']} mg"]
    if amount.get("ml"):
        parts.append(f"{amount['ml']} mL")
    if amount.get("syringes"):
        parts.append(f"{amount['syringes']} syringe{'s' if amount['syringes'] > 1 else ''}")
    return f"{', '.join(parts)} ({amount['basis']})"


def _lead(item: dict[str, Any]) -> str:
    low, high = item["lead_min_minutes"], item["lead_max_minutes"]
    if high is None:
        return f"{low} min or more before"
    return f"about {low} min before" if low == high else f"{low} to {high} min before"


def _monitoring_words(item: dict[str, Any]) -> str:
    least = f"{item['hours_at_least']} to " if item.get("hours_at_least") else ""
    hours = f" for {least}{item['hours']} h" if item.get("hours") else ""
    then = item.get("then")
    after = f", then {SETTING_WORDS[then['setting']]} until {then['hours']} h" if then else ""
    counted = f", counted from the {item['anchor'].replace('_', ' ')}" if item["anchor"] != "administration" else ""
    return f"{SETTING_WORDS[item['setting']]}{hours}{after}{counted}"


def _infusion_words(item: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The infusion time, when the label's data has one."""
    if item is None:
        return []
    return [_marked(f"infusion over {'up to ' if item['up_to'] else ''}{item['minutes']} min", item["status"])]


def _companion_words(item: dict[str, Any]) -> dict[str, Any]:
    """Another medicine or fluid, and on which days after the dose."""
    first, last = item["from_day"], item["to_day"]
    days = f"day {first}" if first == last else f"days {first} to {last}"
    when = "on the day of the dose" if last == 0 else f"{days} after the dose"
    return _marked(f"{item['agent']} {item['dose']}, {item['route']}, {when}", item["status"])


def _marked(words: str, status: str) -> dict[str, Any]:
    return {"words": words, "status": status, "chip": STATUS_WORDS[status]}


def findings(answer: dict[str, Any], course_id: UUID | None = None) -> list[dict[str, Any]]:
    """Findings with their urgency in words, each with the address of its row."""
    return [
        {
            **item,
            "words": URGENCY_WORDS[item["urgency"]],
            "owner": role_words(item["owner"]),
            "row_address": finding_address(answer, item, course_id),
        }
        for item in answer["findings"]
    ]


def toxicity_words(answer: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """CRS, ICANS and infection: name, words, and whether it is known."""
    rows = []
    for name, label in (("crs", "CRS"), ("icans", "ICANS"), ("infection", "Infection")):
        state = answer["toxicity"][name]
        if name == "infection":
            words = {True: "active", False: "none", None: "not known"}[state["open"]]
        elif state["suspected"]:
            words = "suspected, not graded"
        else:
            words = f"grade {state['grade']}" if state["grade"] is not None else "not known"
        rows.append((label, words, words != "not known"))
    return rows
