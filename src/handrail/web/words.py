"""How the pages say instants, spans, steps and answers: strings are made here, once, and templates only place them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from handrail import clock
from handrail.rules.terms import STEP_WORDS, say_date, say_instant, zone_named

URGENCY_WORDS: Final = {"now": "Call now", "soon": "Soon", "today": "Today", "routine": "Routine"}
ACTION_WORDS: Final = {
    "give": "Give",
    "continue": "Continue",
    "repeat": "Repeat",
    "restart": "Restart",
    "wait": "Wait",
    "hold": "Hold",
    "ask": "Ask the prescriber",
    "stop": "Stop",
}
ACTION_TONE: Final = {"give": "give", "continue": "give", "repeat": "give", "restart": "give", "stop": "stop"}
LANGUAGE_WORDS: Final = {"en": "English", "es": "Spanish"}
STATUS_WORDS: Final = {
    "sourced": "sourced",
    "secondary": "not read in the label itself",
    "unverified": "unverified",
    "site-choice": "site's choice",
}
SETTING_WORDS: Final = {
    "hospital": "in hospital",
    "observation": "watched in a suitable healthcare setting",
    "near_facility": "near a facility, checked daily",
    "none_stated": "none stated in the label",
}
KIND_WORDS: Final = {
    "checkin_received": "Check-in from home",
    "vitals_measured": "Vital signs",
    "crs_assessed": "CRS assessment",
    "ice_assessed": "ICE score",
    "icans_assessed": "ICANS assessment",
    "condition_noted": "Condition",
    "toxicity_resolved": "Toxicity resolved",
    "dose_given": "Dose given",
    "dose_planned": "Dose planned",
    "dose_not_given": "Dose not given",
    "medicine_given": "Medicine given",
    "teach_back_done": "Teach-back",
    "contact_made": "Call",
    "visit_planned": "Assessment booked",
    "visit_done": "Assessment took place",
    "incident_closed": "Incident closed",
    "readiness_confirmed": "Confirmed before a dose",
    "earlier_treatment_noted": "Earlier treatment",
    "handed_back": "Handed back",
    "admission_noted": "Admitted",
    "admission_plan_written": "Plan of the day in hospital",
    "hub_call_made": "Call with the hospital",
    "discharge_noted": "Discharged",
    "nurses_named": "Nurse and deputy named",
    "call_back_asked": "Call back asked for",
    "call_back_made": "Call back",
    "page_sent": "Page sent",
    "page_acknowledged": "Page acknowledged",
    "page_failed": "Page not delivered",
    "patient_told": "Patient told",
    "page_held": "Page held",
    "page_resumed": "Pages go on",
    "alert_closed": "Alert closed",
    "ed_packet_noted": "Packet for the emergency department",
}


DAILY_WORDS: Final = {
    "done": "done",
    "booked": "booked",
    "open": "NOT booked",
    "missed": "MISSED",
    "closed": "missed, closed",
    "in_care": "by the hospital",
}
"""How a day of the watched window stands."""


def instant_iso(at: datetime) -> str:
    """RFC 3339 in UTC, for a machine-readable `datetime`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


FAR: Final = timedelta(days=182)
"""From so far away on, before or ahead, a day without its year may be taken for that of another year."""


def local_time(at: datetime, zone: str) -> str:
    """`Mon 2 Mar 10:00 CST`: how staff pages, receivers' pages and sheets say an instant, always whole.

    Never a clock time alone, also not for today: a page stays open over midnight, its reader may sit in another zone
    than the site, and on the night the clocks go back the same time comes twice. With its year from half a year away: a
    course lasts years, and its record says 2 March more than once. What is read a year later, a signature or the end of
    a link, is said with its year at once, by `say_instant`; whoever is no staff here reads `home_time`.
    The rule is in `docs/decisions/0024-instants-said-whole.md`.

    Raises:
        UnusableInput: `unknown_zone`.
    """
    if abs(at - clock.now()) >= FAR:
        return say_instant(at, zone)
    local = at.astimezone(zone_named(zone))
    return f"{local:%a} {local.day} {local:%b} {local:%H:%M} {local:%Z}"


def since_words(at: datetime, now: datetime) -> str:
    """How long ago: `3 min`, `5 h 20 min`, `26 h`, `4 days`."""
    minutes = max(0, int((now - at).total_seconds() // 60))
    hours = minutes // 60
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 72:
        return f"{hours} h {minutes % 60} min" if hours < 10 and minutes % 60 else f"{hours} h"
    return f"{hours // 24} days"


def day_words(text: str | None) -> str | None:
    """An ISO date as `Fri 27 Nov 2026`."""
    return say_date(date.fromisoformat(text)) if text else None


def step_words(step: str | None) -> str:
    """A step as people say it."""
    return STEP_WORDS.get(step or "", "")


def parse(text: str | None) -> datetime | None:
    """An instant of a stored answer."""
    return datetime.fromisoformat(text) if text else None


def celsius_words(celsius: object, *, fahrenheit_first: bool = True) -> str:
    """`101.1 °F (38.4 °C)` or the reverse."""
    from decimal import Decimal

    value = Decimal(str(celsius))
    fahrenheit = (value * 9 / 5 + 32).quantize(Decimal("0.1"))
    return f"{fahrenheit} °F ({value} °C)" if fahrenheit_first else f"{value} °C ({fahrenheit} °F)"
