"""What does the receiving side have to know? One packet in twenty sections, from the facts of a course and the answer about it.

Every field is there with its value, or as not known; nothing is inferred from silence. The packet holds no duration up to now: the
same facts and answer give the same packet, so a repeated transfer is the same one. Names and numbers are joined at the edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from handrail.rules import packet_sections
from handrail.rules.answer import Assessment
from handrail.rules.doses import Given, given_doses
from handrail.rules.episodes import Episodes, episodes
from handrail.rules.events import Event
from handrail.rules.history import History
from handrail.rules.packet_parts import (
    Around,
    ConditionPart,
    DoseGivenPart,
    EpisodePart,
    MeasuredPart,
    MedicinePart,
    Packet,
    Who,
)
from handrail.rules.packet_telling import Telling
from handrail.rules.policy import Policy
from handrail.rules.protocol import Protocol
from handrail.rules.terms import Urgency

VITALS: Final = (
    ("temperature_c", "Cel"),
    ("systolic_mmhg", "mm[Hg]"),
    ("diastolic_mmhg", "mm[Hg]"),
    ("pulse_per_min", "/min"),
    ("breaths_per_min", "/min"),
    ("spo2_percent", "%"),
)
"""Readings and their units (UCUM)."""


def packet(
    protocol: Protocol,
    policy: Policy,
    history: History,
    answer: Assessment,
    *,
    who: Who | None = None,
    around: Around | None = None,
) -> Packet:
    """The packet of a course at the instant of its answer.

    Args:
        protocol, policy, history: as for `assess`.
        answer: what `assess` said; the packet decides nothing of its own.
        who: identity, joined at the edge; without it every field of it is not known.
        around: parties, numbers and the agreement, from the edge.
    """
    present = history.until(answer.at)
    doses = given_doses(present)
    telling = Telling(
        protocol=protocol,
        policy=policy,
        history=present,
        answer=answer,
        doses=doses,
        toxicity=episodes(present, doses, policy),
        who=who or Who(),
        around=around or Around(),
    )
    sections = []
    for place, (key, title, write) in enumerate(packet_sections.SECTIONS, start=1):
        write(telling)
        sections.append(telling.take(place, key, title))
    return Packet(
        course=history.course.id,
        product=protocol.product.product,
        product_words=f"{protocol.product.brand} ({protocol.product.inn})",
        protocol_key=protocol.key,
        time_zone=telling.zone,
        synthetic=history.course.synthetic,
        made_at=answer.at,
        sections=tuple(sections),
        next_dose=answer.next_dose,
        doses=tuple(_dose(dose) for dose in doses),
        medicines=tuple(_medicine(event) for event in present.of("medicine_given") if event.body.agent),
        episodes=tuple(_episodes(telling.toxicity)),
        conditions=tuple(_conditions(present)),
        labs=tuple(_labs(present)),
        vitals=tuple(_vitals(present)),
        window_ends=answer.watch.window_ends,
        in_window=answer.watch.in_window,
        ecog=history.course.facts.ecog_0_4,
        who=telling.who,
        around=telling.around,
        notes=tuple(_notes(telling)),
    )


def _notes(telling: Telling) -> Iterable[str]:
    if telling.history.conflicts:
        yield "Two corrections of one fact stand side by side: both are shown, and the more cautious reading is used."
    if telling.answer.next_dose.withheld:
        yield f"The next dose is withheld: {telling.answer.next_dose.because}"
    for finding in telling.answer.findings:
        if finding.urgency is Urgency.NOW:
            yield f"{finding.what} ({finding.because})"


def _dose(dose: Given) -> DoseGivenPart:
    body = dose.body
    return DoseGivenPart(
        event=dose.event.id,
        step=dose.step,
        at=dose.at,
        on=dose.on,
        mg=body.dose_mg,
        mg_per_kg=body.dose_mg_per_kg,
        weight_kg=body.weight_kg,
        volume_ml=body.volume_ml,
        route=body.route,
        lot=body.lot,
        site=dose.event.site,
    )


def _medicine(event: Event) -> MedicinePart:
    body = event.body
    return MedicinePart(
        event=event.id, agent=body.agent, at=event.at, mg=body.dose_mg, route=body.route, purpose=body.purpose
    )


def _episodes(toxicity: Episodes) -> Iterable[EpisodePart]:
    for course in (toxicity.crs, toxicity.icans, toxicity.infection, toxicity.neurotoxicity):
        for each in course.episodes:
            yield EpisodePart(
                toxicity=each.toxicity,
                grade=None if each.grade_unknown else each.grade,
                suspected=each.suspected or each.unknown,
                opened_at=each.opened_at,
                closed_at=each.closed_at,
            )


def _conditions(history: History) -> Iterable[ConditionPart]:
    latest = {event.body.what: event for event in history.of("condition_noted") if event.body.what}
    for what, event in latest.items():
        system, code = event.extra.get("x_system"), event.extra.get("x_code")
        yield ConditionPart(
            event=event.id,
            what=what,
            grade=event.body.grade,
            active=event.body.active,
            at=event.at,
            system=system if isinstance(system, str) else None,
            code=code if isinstance(code, str) else None,
        )


def _labs(history: History) -> Iterable[MeasuredPart]:
    for event in history.of("lab_resulted"):
        body = event.body
        if body.code is not None:
            yield MeasuredPart(
                event=event.id,
                what=body.code,
                at=event.at,
                value=body.value,
                unit=body.unit,
                result=body.result,
                low=body.low,
                high=body.high,
            )


def _vitals(history: History) -> Iterable[MeasuredPart]:
    """The latest known reading of each vital sign, the weight, and every known ICE score's latest."""
    for name, unit in VITALS:
        taken = [e for e in history.of("vitals_measured") if getattr(e.body, name) is not None]
        if taken:
            value = Decimal(getattr(taken[-1].body, name))
            yield MeasuredPart(event=taken[-1].id, what=name, at=taken[-1].at, value=value, unit=unit)
    weighed = [e for e in history.of("weight_measured") if e.body.weight_kg is not None]
    if weighed:
        last = weighed[-1]
        yield MeasuredPart(event=last.id, what="weight_kg", at=last.at, value=last.body.weight_kg, unit="kg")
