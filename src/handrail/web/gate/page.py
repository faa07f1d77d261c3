"""What the pages of the gate show, as plain strings made once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from handrail.actions.readiness import Gated
from handrail.rules.answer import PremedicationItem
from handrail.rules.caredata import is_prevention
from handrail.rules.gate_evidence import Known
from handrail.rules.gate_home import prophylaxis_row
from handrail.rules.readiness import Gate, Line, LineState, Moment, Verdict
from handrail.rules.terms import civil_date, say_date, zone_named
from handrail.web.gate.mends import mend_address
from handrail.web.words import local_time, step_words

STATES: Final = {
    LineState.RED: ("now", "NOT MET"),
    LineState.NOT_KNOWN: ("today", "not known"),
    LineState.GREEN: ("good", "met"),
}
"""The colour and the words of a line; the words alone say it."""
VERDICTS: Final = {
    Verdict.READY: ("good", "Ready: every line is met"),
    Verdict.UNDER_OVERRIDE: ("soon", "Not ready: given under override"),
    Verdict.NOT_READY: ("now", "Not ready"),
}
MOMENTS: Final = {
    Moment.EARLY: "more than a day before the dose",
    Moment.DAY_BEFORE: "within a day of the dose: time to mend",
    Moment.AT_DOSE: "at the dose",
}


def dose_words(read: Known) -> str:
    """`step-up dose 1 on Tue 3 Mar 2026, 09:00 CST`."""
    dose = read.dose
    step = step_words(dose.step) or "a dose of which the step is not known"
    return f"{step} on {say_date(dose.on)}, {hour_words(read) or 'hour not known'}"


def hour_words(read: Known) -> str:
    """The booked hour by the clock of the site; empty while it is not known."""
    time = read.dose.time
    begins = time.earliest.astimezone(zone_named(time.zone))
    whole_day = (begins.hour, begins.minute) == (0, 0)
    return "" if whole_day else f"{begins:%H:%M %Z}"


def verdict(gated: Gated) -> dict[str, str]:
    """The whole gate in a word, and how many lines stand open. A list never says ready: the desks were not asked."""
    gate = gated.gate
    if gated.read is None:
        return {"tone": "today", "words": gated.trouble}
    reds = sum(line.state is LineState.RED for line in gate.open)
    unknown = len(gate.open) - reds
    counted = ", ".join(
        words for words, number in ((f"{reds} not met", reds), (f"{unknown} not known", unknown)) if number
    )
    tone, words = VERDICTS[gate.verdict]
    if not gated.whole and gate.ready:
        return {"tone": "today", "words": "Nothing open in the record: look at the gate"}
    if not gated.whole:
        tone, words = VERDICTS[Verdict.NOT_READY]  # whatever was signed, more may stand open than is shown
    return {"tone": tone, "words": f"{words} ({counted})" if counted else words}


def rows(gated: Gated, may: frozenset[str], me: Any, zone: str) -> list[dict[str, Any]]:
    """The lines, the reds first, then what is not known, then the greens."""
    gate = gated.gate
    greens = [line for line in gate.lines if not line.open]
    return [_row(line, gated, may, me, zone) for line in (*gate.open, *greens)]


def _row(line: Line, gated: Gated, may: frozenset[str], me: Any, zone: str) -> dict[str, Any]:
    tone, words = STATES[line.state]
    read = gated.read
    waiting = gated.signed.waiting(line, read) if read is not None else None
    open_ = line.open and line.override is None and line.barred is None
    return {
        "id": line.row.id,
        "number": line.row.number,
        "words": line.row.words,
        "tone": tone,
        "state": words,
        "open": line.open,
        "because": line.because,
        "owner": line.owner.replace("_", " "),
        "next_step": line.next_step,
        "by": _by(gated.gate, zone) if line.open else "",
        "evidence": line.evidence,
        "until": local_time(line.until, zone) if line.until and not line.open else "",
        "barred": line.barred,
        "override": _override(line, zone),
        "mend": mend_address(line, gated, may) if line.open else "",
        "waiting": {
            "id": waiting.pk,
            "who": waiting.user.name,
            "reason": waiting.reason,
            "may": "countersign_gate" in may and waiting.user_id != me.pk,
        }
        if waiting and open_
        else None,
        "may_sign": open_ and waiting is None and "override_gate" in may,
    }


def _by(gate: Gate, zone: str) -> str:
    """By when a line has to be mended: the beginning of the dose."""
    return local_time(gate.dose.earliest, zone) if gate.dose is not None else ""


def _override(line: Line, zone: str) -> dict[str, str] | None:
    signed = line.override
    if signed is None:
        return None
    return {
        "prescriber": signed.prescriber,
        "second": signed.second,
        "reason": signed.reason,
        "at": local_time(signed.at, zone),
    }


# --- the timers of a dose --------------------------------------------------------------------------------------------------------


def timers(read: Known, now: datetime) -> list[dict[str, str]]:
    """What is given before the dose and when, by the protocol's rows: premedication, tocilizumab, then the dose itself."""
    zone = read.dose.zone
    start = read.dose.time.earliest if hour_words(read) else None
    found = [_premedication(item, read, start) for item in read.answer.next_dose.premedication]
    toci = _tocilizumab(read, start)
    found += [toci] if toci else []
    words = local_time(start, zone) if start else "hour not known"
    late = f"; {_minutes(start - now)} left" if start and now < start <= now + timedelta(hours=24) else ""
    return [*found, {"what": "Dose", "when": f"{words}{late}"}]


def _minutes(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds() // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _premedication(item: PremedicationItem, read: Known, start: datetime | None) -> dict[str, str]:
    zone = read.dose.zone
    given = [
        e
        for e in read.history.of("medicine_given")
        if e.body.purpose == "premedication"
        and (e.body.agent or "").lower() == item.agent.lower()
        and civil_date(e.at, zone) == read.dose.on
    ]
    what = f"{item.agent} {item.dose}, {item.route}"
    if given:
        return {"what": what, "when": f"given {local_time(given[-1].at, zone)}"}
    return {"what": what, "when": _span(start, item.lead_max_minutes, item.lead_min_minutes, zone)}


def _tocilizumab(read: Known, start: datetime | None) -> dict[str, str] | None:
    row = prophylaxis_row(read.dose.step)
    if row is None:
        return None
    given = [e for e in read.history.of("medicine_given") if is_prevention(e.body.agent, e.body.purpose)]
    what = f"tocilizumab over {row.infusion_minutes} min"
    if given:
        opens = given[-1].at + timedelta(hours=row.hours_before_min)
        when = f"given {local_time(given[-1].at, read.dose.zone)}; dose from {local_time(opens, read.dose.zone)} on"
        return {"what": what, "when": when}
    return {"what": what, "when": _span(start, row.hours_before_max * 60, row.hours_before_min * 60, read.dose.zone)}


def _span(start: datetime | None, most: int | None, least: int, zone: str) -> str:
    """`Mon 2 Mar 07:00 CST to Mon 2 Mar 08:00 CST`: between so many minutes before the dose."""
    if start is None:
        return f"{least} min before" if most in (None, least) else f"{least} to {most} min before"
    last = start - timedelta(minutes=least)
    if most is None or most == least:
        return f"by {local_time(last, zone)}" if most is None else f"at {local_time(last, zone)}"
    return f"{local_time(start - timedelta(minutes=most), zone)} to {local_time(last, zone)}"
