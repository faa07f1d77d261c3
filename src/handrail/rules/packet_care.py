"""The sections of a packet about laboratory values, emergency visits, prophylaxis, toxicities of the target, returning, questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from handrail.rules.ed_times import ed_visits
from handrail.rules.events import Event
from handrail.rules.packet_data import ProphylaxisGroupRow, packet_data
from handrail.rules.packet_parts import Line, Origin
from handrail.rules.packet_telling import Telling, number, origin_of
from handrail.rules.policy import handoff_rules
from handrail.rules.telling import LAB_WORDS
from handrail.rules.terms import say_date
from handrail.rules.triage import ice_total

TREND_OF: Final = 4
"""How many former values stand beside the last one: enough to see a direction."""
VITAL_WORDS: Final = (
    ("temperature_c", "Temperature, °C"),
    ("systolic_mmhg", "Systolic pressure, mmHg"),
    ("diastolic_mmhg", "Diastolic pressure, mmHg"),
    ("pulse_per_min", "Pulse, per minute"),
    ("breaths_per_min", "Breaths, per minute"),
    ("spo2_percent", "SpO2, %"),
)


def laboratory(t: Telling) -> None:
    """The last value of each test with those before it, immunoglobulin, vital signs and the ICE score."""
    by_code: dict[str, list[Event]] = {}
    for event in t.history.of("lab_resulted"):
        by_code.setdefault(event.body.code or "", []).append(event)
    lines = (
        Line(
            key=f"laboratory.row.{code}",
            cells=(LAB_WORDS.get(code, code.upper()), _value(found[-1]), t.say(found[-1].at), _trend(t, found)),
            origin=origin_of(found[-1]),
        )
        for code, found in sorted(by_code.items())
        if code
    )
    t.table("laboratory.rows", "Last values", ("test", "last", "when", "before that"), lines)
    igg = by_code.get("igg", [])
    words = f"{value} ({t.say(igg[-1].at)})" if igg and (value := _value(igg[-1])) is not None else None
    t.add("laboratory.igg", "IgG", words, origin_of(igg[-1]) if igg else None)
    t.add("laboratory.ig_plan", "Immunoglobulin replacement: plan and threshold", None)
    for name, label in VITAL_WORDS:
        t.of_event(f"laboratory.{name}", label, "vitals_measured", name)
    t.of_event("laboratory.weight", "Weight, kg", "weight_measured", "weight_kg")
    for key, label, baseline in (("ice_baseline", "ICE score, baseline", True), ("ice", "ICE score, last", False)):
        scored = [(e, ice_total(e)) for e in t.history.of("ice_assessed") if not baseline or e.body.baseline is True]
        if not scored or scored[-1][1] is None:
            t.add(f"laboratory.{key}", label, None, origin_of(scored[-1][0]) if scored else None)
            continue
        event, total = scored[-1]
        t.add(f"laboratory.{key}", label, f"{total} of 10 ({t.say(event.at)})", origin_of(event))


def _has(name: str, words: str) -> Callable[[Any], bool]:
    """Whether a field of an event names these words."""
    return lambda body: words in (getattr(body, name) or "").lower()


def _value(event: Event) -> str | None:
    body = event.body
    if body.result is not None:
        return str(body.result)
    return None if body.value is None else f"{number(body.value)} {body.unit or 'unit not known'}"


def _trend(t: Telling, found: Sequence[Event]) -> str:
    former = [f"{_value(e) or 'not known'} ({t.say(e.at)})" for e in found[-TREND_OF - 1 : -1]]
    return "; ".join(former) or "no value before"


def emergency_visits(t: Telling) -> None:
    """Each visit to an emergency department, and how long it took from the arrival to tocilizumab."""
    lines = (
        Line(
            key=f"events.ed.{first.id}",
            cells=(
                t.say(visit.sent.at) if visit.sent else None,
                t.say(visit.arrived.at) if visit.arrived else None,
                t.say(visit.tocilizumab.at) if visit.tocilizumab else None,
                visit.said,
                visit.why or "nothing",
            ),
            origin=origin_of(first),
        )
        for visit in ed_visits(t.history)
        if (first := visit.sent or visit.arrived) is not None
    )
    columns = ("sent there by phone", "arrived", "tocilizumab", "took", "what is missing")
    t.table("events.ed", "Emergency department: from the arrival to tocilizumab", columns, lines)


def prophylaxis(t: Telling) -> None:
    """What was recorded for each group; a group without an agent is not known, and the stop rule is asked of the sender."""
    given = [e for e in t.history.of("medicine_given") if e.body.agent and e.body.purpose in ("prophylaxis", "home")]
    for row in packet_data().prophylaxis:
        found = [e for e in given if _covers(row, e.body.agent)]
        words, origin = None, Origin(kind="data", row=row.id, status=row.status)
        if found:
            first = min(found, key=lambda e: e.at)
            words = f"{found[-1].body.agent}, recorded since {t.say(first.at)}, last {t.say(found[-1].at)}"
            origin = origin_of(found[-1], row=row.id, status=row.status)
        t.add(f"prophylaxis.{row.id}", row.words, words, origin, "no agent of this group is recorded")
        t.add(f"prophylaxis.{row.id}_stop", f"{row.words}: when it stops", None)
    known = {agent for row in packet_data().prophylaxis for agent in row.agents}
    other = sorted({str(e.body.agent) for e in given if not any(_covers_name(name, e.body.agent) for name in known)})
    if other:
        t.add("prophylaxis.other", "Other agents recorded", ", ".join(other), Origin(kind="event"))
    for code, label in (("hbsag", "HBsAg"), ("anti_hbc", "anti-HBc")):
        t.of_event(f"prophylaxis.{code}", label, "lab_resulted", "result", fits=_has("code", code))
    t.table(
        "prophylaxis.vaccines",
        "Vaccines",
        ("vaccine", "live", "given or planned", "on"),
        (
            Line(
                key=f"prophylaxis.vaccine.{e.id}",
                cells=(
                    e.body.vaccine,
                    {True: "live", False: "not live"}.get(e.body.live),
                    {True: "given", False: "planned"}.get(e.body.given),
                    say_date(e.body.on) if e.body.on is not None else None,
                ),
                origin=origin_of(e),
            )
            for e in t.history.of("vaccine_noted")
        ),
    )


def _covers(row: ProphylaxisGroupRow, agent: str) -> bool:
    return any(_covers_name(name, agent) for name in row.agents)


def _covers_name(name: str, agent: str) -> bool:
    return name in agent.lower().replace("_", " ")


def target_toxicities(t: Telling) -> None:
    """What the product is directed against, what to look for because of it, and which conditions are on record."""
    product = t.protocol.product.product
    row = packet_data().target_of(product)
    origin = Origin(kind="data", row=row.id, status=row.status) if row is not None else None
    t.add("target.name", "Target", row.target if row is not None else None, origin, "the data has no row for it")
    for name in row.look_for if row is not None else ():
        t.of_event(
            f"target.{name}",
            f"{name.capitalize()}: last noted",
            "condition_noted",
            "active",
            words=lambda active: "there" if active else "not there",
            fits=_has("what", name),
        )
    t.table("target.conditions", "Conditions on record", ("what", "state", "grade", "when"), _conditions(t))
    words = "; ".join(each.words for each in t.protocol.warning if each.check == "every_visit")
    t.add("target.todo", "What to do at each visit", words, Origin(kind="label"), "the label data says nothing")


def _conditions(t: Telling) -> Iterator[Line]:
    latest = {e.body.what: e for e in t.history.of("condition_noted") if e.body.what}
    for what, event in sorted(latest.items()):
        yield Line(
            key=f"target.condition.{what}",
            cells=(
                str(what).replace("_", " "),
                {True: "active", False: "not active"}.get(event.body.active),
                str(event.body.grade) if event.body.grade is not None else None,
                t.say(event.at),
            ),
            origin=origin_of(event),
        )


def care_limits(t: Telling) -> None:
    """When the patient has to return: the criteria of the policy in force."""
    rows = handoff_rules(t.policy).returns
    lines = (
        Line(key=f"returns.{row.id}", cells=(row.words,), origin=Origin(kind="policy", row=row.id, status=row.status))
        for row in rows
    )
    t.table("returns.rows", "Return criteria", ("criterion",), lines, "not known: the site policy has none")


def questions(t: Telling) -> None:
    """What every receiving side is asked, and what nobody could say."""
    for row in packet_data().question:
        origin = Origin(kind="data", row=row.id, status=row.status)
        t.add(f"questions.{row.id}", row.words, None, origin, "the receiving side answers")
    whys: dict[str, list[str]] = {}
    for each in t.answer.cannot_say:  # one fact may be missing for two reasons, and is asked for once
        whys.setdefault(each.missing, []).append(each.why_it_matters)
    missing = [
        Line(key=f"questions.missing.{name}", cells=(name.replace("_", " "), "; ".join(dict.fromkeys(why))))
        for name, why in whys.items()
    ]
    t.table("questions.cannot_say", "What nobody could say", ("what", "why it matters"), missing, "nothing")
