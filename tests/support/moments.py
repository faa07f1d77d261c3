"""What can happen in a generated course at one moment, and the writer that puts it into a document.

Every value may also be left out (never asked) or null (asked and not known), and some lie exactly on a limit.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from handrail.rules.protocol import Protocol
from handrail.rules.terms import STEPS
from tests.support.course_documents import (
    FIRM,
    FULL_ICE,
    NO_CRS,
    NO_ICANS,
    POLICY,
    PROTOCOLS,
    SHELL,
    SYMPTOMS,
    Document,
    at_of,
    payload,
    wire,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Writer:
    """Adds events to a document; every choice is drawn, so that a failing course shrinks to a short one."""

    def __init__(self, draw: Draw, zones: list[str], protocol: Protocol) -> None:
        self.draw = draw
        self.protocol = protocol
        self.label = (protocol.product.product, protocol.product.jurisdiction)
        self.steps = list(protocol.steps_of(protocol.schedules[0]))
        self.zone = self.pick(zones)
        self.zones = zones
        self.events: list[Document] = []

    def pick(self, values: list[Any]) -> Any:
        return self.draw(st.sampled_from(values)) if len(values) > 1 else values[0]

    def chance(self, one_in: int) -> bool:
        """True once in that many times; shrinks to False."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def some(self, **choices: list[Any]) -> Document:
        """A payload: `...` among the choices leaves the key out (never asked), None is asked and not known."""
        chosen = {name: self.pick(values) for name, values in choices.items()}
        return {name: value for name, value in chosen.items() if value is not ...}

    def add(self, kind: str, at: datetime, body: Document | None = None, **envelope: Any) -> Document:
        event = {"id": str(UUID(int=len(self.events) + 1)), "kind": kind, "at": wire(at)} | envelope | (body or {})
        self.events.append(event)
        return event

    # --- what happens at one moment ---

    def checkin(self, at: datetime) -> None:
        body = self.some(
            temperature_c=["36.8", "36.8", "37.0", "37.8", "38.0", "39.1", None, ...],
            symptoms=[*[...] * 12, *[[]] * 12, None, ["x_unknown"], *([word] for word in SYMPTOMS)],
            none_of_these=[..., True],
            home_neuro=[
                *[...] * 4,
                *[{"today": "right"}] * 3,
                None,
                {"today": "right", "words": "wrong"},
                {"today": "not_done"},
            ],
            antipyretic_last_6_h=[..., False, True, None],
            caregiver_present=[True, False, None, ...],
        )
        if self.chance(20):
            body |= {"temperature_c": "98.6", "implausible": ["temperature_c"]}
        self.add("checkin_received", at, body, source="patient")

    def well(self, at: datetime) -> None:
        body: Document = {"temperature_c": "36.6", "symptoms": [], "none_of_these": True, "caregiver_present": True}
        self.add("checkin_received", at, body | {"home_neuro": {"today": "right"}, "antipyretic_last_6_h": False})

    def feverish(self, at: datetime) -> None:
        self.add(
            "checkin_received", at, {"temperature_c": self.pick(["38.0", "37.8", "38.4"]), "caregiver_present": True}
        )

    def vitals(self, at: datetime) -> None:
        body = self.some(
            temperature_c=["36.8", "37.9", "38.3", None, ...],
            systolic_mmhg=[120, 100, 89, None, ...],
            spo2_percent=[97, 93, 88, None, ...],
            pulse_per_min=[80, 115, 140, ...],
            breaths_per_min=[16, 22, 30, ...],
        )
        self.add("vitals_measured", at, body)

    def crs(self, at: datetime) -> None:
        body = self.some(
            tmax_c=["36.8", "38.2", "39.5", None],
            hypotension=[False, True, None],
            pressors=[[], ["norepinephrine"], ["norepinephrine", "dopamine"], None],
            o2=["none", "nasal_cannula", "facemask", "bipap", None],
            flow_l_per_min=["0", "4", "8", None, ...],
            episode_open=[..., True, False, None],
            masked=[False, True, ...],
            premed_masking=[False, True, ...],
            clinician_grade=[..., ..., 0, 1, 2, 3, None],
        )
        self.add("crs_assessed", at, {"fever_other": False, "hypotension_other": False, "hypoxia_other": False} | body)

    def crs_of(self, grade: int, at: datetime) -> None:
        """CRS inputs of exactly that grade, every fact known."""
        devices = ["none", "none", "nasal_cannula", "facemask", "bipap"]
        body = NO_CRS | {"tmax_c": "38.5" if grade else "36.8", "o2": devices[grade]}
        body["flow_l_per_min"] = {2: "4", 3: "8"}.get(grade, "0")
        self.add("crs_assessed", at, body)

    def graded(self, at: datetime) -> None:
        """A reaction of known grade, mostly resolved."""
        self.reaction(at, self.pick(["crs", "icans"]), self.pick([1, 1, 2, 3, 3, 4]), self.pick([0, 0, 50]))
        if self.chance(3):
            self.reaction(at + timedelta(hours=61), self.pick(["crs", "icans"]), self.pick([3, 1]), 0)

    def reaction(self, at: datetime, toxicity: str, grade: int, still: int) -> None:
        """One reaction, perhaps as bad hours later, and mostly the word that it is over."""
        for when in {at, at + timedelta(hours=still)}:
            if toxicity == "crs":
                self.crs_of(grade, when)
            else:
                self.add("icans_assessed", when, {**NO_ICANS, "clinician_grade": grade})
        if not self.chance(4):
            over = at + timedelta(hours=still + 4)
            self.add("toxicity_resolved", over, {"toxicity": toxicity, "confirmed_by": "hematologist"})

    def ice(self, at: datetime) -> None:
        if self.chance(3):
            body = self.some(total_0_10=[10, 10, 9, 7, 3, 0, None])
        else:
            body = FULL_ICE | self.some(month=[1, 0, None], naming_0_3=[3, 3, 2, 1], attention_0_1=[1, 1, 0])
        self.add("ice_assessed", at, body | self.some(baseline=[..., ..., False, True]))

    def icans(self, at: datetime) -> None:
        body = NO_ICANS | self.some(
            loc=["alert", "alert", "voice", "tactile", "unarousable", None],
            seizure=["none", "none", "brief", "prolonged", None],
            motor=[False, True, None],
            clinician_grade=[..., ..., ..., 0, 2, None],
        )
        before = [event["id"] for event in self.events if event["kind"] == "ice_assessed"]
        if before and self.chance(3):
            body["ice_event"] = before[-1]
        self.add("icans_assessed", at, body)

    def clear(self, at: datetime) -> None:
        """A visit at which everything a dose needs is known and normal."""
        self.crs_of(0, at - timedelta(hours=1))
        self.add("ice_assessed", at - timedelta(hours=1), FULL_ICE)
        self.add("icans_assessed", at - timedelta(minutes=50), NO_ICANS)
        self.add("condition_noted", at - timedelta(minutes=40), {"what": "infection", "active": False})
        self.add("vitals_measured", at - timedelta(minutes=30), {"temperature_c": "36.6", "systolic_mmhg": 120})

    def condition(self, at: datetime) -> None:
        body = self.some(
            what=["infection", "infection", "pneumonia", "hypogammaglobulinaemia", "bleeding", None],
            active=[True, False, False, None, ...],
            grade=[..., 1, 3, None],
            related_to_drug=[..., False, True, None],
        )
        self.add("condition_noted", at, body)

    def resolved(self, at: datetime) -> None:
        body = self.some(
            toxicity=["crs", "icans", "infection", None],
            resolved_at=[..., ..., wire(at), wire(at - timedelta(hours=2)), None],
            confirmed_by=["hematologist"],
        )
        self.add("toxicity_resolved", at, body)

    def contact(self, at: datetime) -> None:
        body = self.some(
            reached=[True, True, False, None],
            outcome=["staying_home", "coming_in", "sent_to_ed", "handed_over", "none", None, ...],
            next_check_at=[..., ..., ..., wire(at + timedelta(hours=1)), wire(at + timedelta(hours=20)), None],
        )
        self.add("contact_made", at, {"with": "patient", "channel": "phone"} | body)

    def visit(self, at: datetime) -> None:
        """An assessment is booked, said to be complete, or its incident closed."""
        on = (at + timedelta(days=self.pick([0, 1, 2]))).date().isoformat()
        body = self.some(
            on=[on, on, None],
            who_role=["nurse", "app", "coordinator", None],
            contact=["in_person", "in_person", "call", None],
        )
        kind = self.pick(["visit_planned", "visit_planned", "visit_done", "incident_closed"])
        if kind == "incident_closed":
            body = {"what": "daily_assessment", "on": on} | self.some(because=["seen elsewhere", None])
        elif kind == "visit_planned":
            body |= self.some(starts_at=[..., wire(at + timedelta(hours=20)), None])
        self.add(kind, at, body)

    def night_call(self, at: datetime) -> None:
        """A call at any hour about a report just before it, and mostly the word of the morning about it."""
        self.feverish(at - timedelta(minutes=self.pick([10, 1, 200])))
        outcome = self.pick(["staying_home", "coming_in", "sent_to_ed"])
        when = at + timedelta(hours=self.pick([0, 8, 13]))
        agreed = wire(when + timedelta(minutes=self.pick([200, 300])))
        call = {"with": "patient", "channel": "phone", "reached": True, "outcome": outcome, "next_check_at": agreed}
        made = self.add("contact_made", when, call)
        if self.chance(3):
            self.add("home_status", when + timedelta(minutes=30), {"location": "ed"}, site="unit-7")
        if self.chance(3):
            self.add("contact_made", when + timedelta(minutes=50), {"with": "ed", "reached": True, "outcome": "none"})
        if self.chance(3):
            signed = self.some(reason=["reviewed on the phone"], approver=["lead", "lead", None])
            self.add("departure_signed", when, {"rule": "staying_home"} | signed)
        body = self.some(what=["told the nurse of the day", "told the nurse of the day", None], to_role=["nurse", ...])
        self.add(
            "handed_back", when + timedelta(hours=12), {"contact": self.pick([made["id"], made["id"], None])} | body
        )

    def home(self, at: datetime) -> None:
        body = self.some(location=["home", "lodging", "hospital", "ed", None, ...], caregiver_count=[1, 0, None])
        self.add("home_status", at, body, site=self.pick(["unit-7", None]), zone=self.pick(self.zones))

    def rescued(self, at: datetime) -> None:
        """CRS, and tocilizumab for it, perhaps too soon or too often."""
        self.crs_of(2, at)
        for number in range(self.pick([1, 2, 5])):
            given = at + timedelta(hours=number * self.pick([8, 1]) - 1, minutes=self.pick([60, 0]))
            self.add("medicine_given", given, {"agent": "tocilizumab", "purpose": "treatment", "dose_mg": "560"})

    def medicine(self, at: datetime) -> None:
        body = self.some(
            agent=["tocilizumab", "tocilizumab", "dexamethasone", "acetaminophen", None],
            purpose=["treatment", "treatment", "prophylaxis", "premedication", None, ...],
        )
        self.add("medicine_given", at, body | {"dose_mg": "560", "route": "IV"})

    def home_medicine(self, at: datetime) -> None:
        """A medicine at home: authorised with every condition known or not, perhaps ended, perhaps taken."""
        day = [(at + timedelta(days=days)).date().isoformat() for days in (30, 30, 0, -1)]
        yes = [True, True, True, True, False, None, ...]
        body = self.some(
            agent=["dexamethasone", "dexamethasone", "antipyretic", "antibiotic", None],
            medicine=["dexamethasone", "dexamethasone", None],
            dose_mg=["20", "20", None],
            trigger=["fever", "fever_or_neurological_change", "told_by_clinician", None],
            allergy_checked=yes,
            interaction_checked=yes,
            teach_back_passed=yes,
            pack_at_hand=yes,
            valid_until=[*day, None],
            pack_expires_on=[*day, None],
        )
        role = self.pick(["oncologist", "oncologist", "nurse"])
        self.add("home_medicine_authorised", at, body, by={"role": role})
        if self.chance(3):
            self.teach_back(at + timedelta(minutes=self.pick([90, 30])))
        if self.chance(4):
            self.add("home_medicine_stopped", at + timedelta(hours=1), self.some(agent=["dexamethasone", None]))
        if self.chance(2):
            taken = self.some(agent=["dexamethasone", "acetaminophen", None], purpose=["home", "home", None])
            self.add("medicine_given", at + timedelta(hours=2), {"dose_mg": "20", "route": "oral"} | taken)

    def teach_back(self, at: datetime) -> None:
        """What somebody said in their own words, of a medicine at home among others."""
        answers = [{"dexamethasone": said, "fever_number": "passed"} for said in ("passed", "repeat", "not_done")]
        body = self.some(
            who=["patient", "patient", "caregiver", None],
            items=[*answers, {"card": "repeat"}, None, ...],
            own_language=[True, True, False, None, ...],
        )
        self.add("teach_back_done", at, body)

    def lab(self, at: datetime) -> None:
        body = self.some(
            code=["anc", "anc", "igg", None], value=["0.3", "0.8", "2.4", None], unit=["10*9/L", "/uL", None]
        )
        self.add("lab_resulted", at, body)

    def weight(self, at: datetime) -> None:
        self.add("weight_measured", at, self.some(weight_kg=["70", "52.4", "101", None]))

    def not_given(self, at: datetime) -> None:
        body = self.some(
            step=[*STEPS, None],
            because=["adverse_reaction", "infection", "logistics", "patient", None],
            related_to_drug=[..., True, False, None],
        )
        self.add("dose_not_given", at, body)

    def hold(self, at: datetime) -> None:
        self.add("hold_started", at, self.some(because=["a sore throat", None, ...]))
        if not self.chance(3):
            self.add("hold_ended", at + timedelta(hours=self.pick([1, 26])), self.some(because=["well again", None]))

    def interval(self, at: datetime) -> None:
        body = self.some(
            schedule=[*self.protocol.schedules * 2, None],
            response=["PR", "CR", "SD", "better", None, ...],
            response_since=["2025-11-03", "2025-03-03", None, ...],
        )
        self.add("schedule_changed", at, body)

    def responding(self, at: datetime) -> None:
        """A response that has held for long, on an interval that is written down."""
        schedule = self.pick(list(self.protocol.schedules))
        self.add("schedule_changed", at, {"schedule": schedule, "response": "CR", "response_since": "2025-03-03"})
        self.add("response_assessed", at, self.some(response=["CR", "CR", "CR", "SD", None]))

    def revision(self, at: datetime) -> None:
        heads = {key: protocol.product for key, protocol in PROTOCOLS.items()}
        same = [key for key, head in heads.items() if (head.product, head.jurisdiction) == self.label]
        self.add("protocol_changed", at, self.some(protocol_key=[*same, None], schedule=[..., "weekly", None]))

    def departure(self, at: datetime) -> None:
        given = [f"dose_given:{event['id']}" for event in self.events if event["kind"] == "dose_given"]
        body = self.some(
            rule=["setting", *given, None], reason=["agreed at the round"], approver=["lead", "lead", None]
        )
        self.add("departure_signed", at, body)

    def plan(self, at: datetime) -> None:
        body = self.some(
            step=[*self.steps, None],
            on=[(at + timedelta(days=days)).date().isoformat() for days in (0, 2, 7)] + [None],
            setting=["inpatient", "outpatient", None, ...],
        )
        self.add("dose_planned", at, body)

    def paperwork(self, at: datetime) -> None:
        """Facts that no rule of today reads, or that move who answers for the patient."""
        kind, body = self.pick(
            [
                ("note_added", {"text": "feels well"}),
                ("response_assessed", {"response": "VGPR"}),
                ("setting_decided", {"recommendation": "OUTPATIENT", "valid_until": wire(at + timedelta(days=3))}),
                ("authorisation_set", {"subject": "step_up", "valid_until": "2026-09-01"}),
                ("readiness_confirmed", {"item": "rescue_tocilizumab", "confirmed": True, "valid_until": "2026-09-01"}),
                ("earlier_treatment_noted", {"lines": 4, "proteasome_inhibitor": True, "anti_cd38_antibody": None}),
                ("accountability_moved", {"to_party": "hub", "accepted_by": "b", "from_at": wire(at)}),
                ("accountability_moved", {"to_party": "hub", "accepted_by": None}),
                (
                    "accountability_moved",
                    {"to_party": "clinic", "accepted_by": "c", "from_at": wire(at + timedelta(days=2))},
                ),
                ("policy_changed", {"policy_id": POLICY.ref.id, "version": POLICY.ref.version, "sha256": None}),
            ]
        )
        self.add(kind, at, body)

    def gate(self, at: datetime) -> None:
        """What stands on the gate of the next dose: REMS, serology, pregnancy, vaccines; known, worrying or not known."""
        day = [(at + timedelta(days=days)).date().isoformat() for days in (-20, 0, 3, 30)]
        requirements = ["prescriber_certified", "counselling", "wallet_card", None]
        self.add(
            "rems_met",
            at,
            self.some(requirement=requirements, met=[True, True, False, None], valid_until=[..., *day, None]),
        )
        kind, body = self.pick(
            [
                ("lab_resulted", self.some(code=["hbsag", "anti_hbc"], result=["negative", "positive", None])),
                ("lab_resulted", self.some(code=["pregnancy_test"], result=["negative", "positive", "indeterminate"])),
                (
                    "condition_noted",
                    self.some(what=["pregnancy", "childbearing_potential"], active=[False, True, None]),
                ),
                (
                    "vaccine_noted",
                    self.some(
                        vaccine=["yellow fever"], live=[True, False, None, ...], on=[*day, None], given=[True, False]
                    ),
                ),
                ("departure_signed", {"rule": "hepatitis_b", "reason": "DNA every month", "approver": "lead"}),
            ]
        )
        self.add(kind, at, body)

    def shell(self, at: datetime) -> None:
        kind = self.pick(sorted(SHELL))
        self.add(kind, at, SHELL[kind])

    def correction(self, at: datetime) -> None:
        """Another version of an earlier fact, a second one beside it, or the word that it never was."""
        old = self.pick(self.events[1:] or self.events)
        if old["kind"] in ("course_started", "fact_withdrawn", *SHELL):
            return
        for _ in range(2 if self.chance(3) else 1):
            if self.chance(3):
                self.add("fact_withdrawn", at, supersedes=old["id"], reason="wrong patient")
                continue
            names = sorted(payload(old))
            changed = {name: None for name in names if name not in FIRM and self.chance(8)}
            kept = {name: old[name] for name in names} | changed
            moved = at_of(old) + timedelta(minutes=self.pick([0, 0, -30, 90]))
            event = self.add(old["kind"], max(moved, at_of(self.events[0])), kept, reason="typed wrongly")
            event |= {"supersedes": old["id"], "recorded_at": wire(max(at, moved))}
            event |= {name: old[name] for name in ("zone", "site") if name in old}

    def dose(self, step: str | None, at: datetime, schedule: str) -> None:
        body: Document = {"step": step, "route": "SC"} | self.some(
            started_at=[*[...] * 30, wire(at), wire(at), None], schedule=[*[...] * 12, *self.protocol.schedules]
        )
        row = None
        if step is not None and step in self.protocol.steps_of(schedule):
            row = self.protocol.step_row(step, schedule)
        if row is not None and row.mg is not None:
            body["dose_mg"] = str(self.pick([row.mg] * 30 + [row.mg / 2, None]))
            body["dose_mg"] = None if body["dose_mg"] == "None" else body["dose_mg"]
        elif row is not None:
            body["dose_mg_per_kg"] = str(row.mg_per_kg)
            body |= self.some(weight_kg=["70", ..., ...])
        strengths = sorted({str(vial.mg_per_ml) for vial in self.protocol.strength})
        if strengths:
            body |= self.some(strengths_mg_per_ml=[*[...] * 40, strengths, [strengths[0]], None])
        self.add("dose_given", at, body)


Moment = Callable[[Writer, datetime], None]
MOMENTS: list[Moment] = [
    *[Writer.checkin] * 4,
    *[Writer.well] * 2,
    *[Writer.feverish] * 2,
    *[Writer.graded] * 3,
    *[Writer.contact] * 2,
    Writer.night_call,
    *[Writer.correction] * 2,
    Writer.clear,
    Writer.vitals,
    Writer.crs,
    Writer.ice,
    Writer.icans,
    Writer.condition,
    Writer.resolved,
    Writer.home,
    *[Writer.visit] * 2,
    Writer.medicine,
    Writer.home_medicine,
    Writer.teach_back,
    Writer.rescued,
    Writer.lab,
    Writer.weight,
    Writer.not_given,
    Writer.hold,
    Writer.interval,
    Writer.responding,
    Writer.revision,
    Writer.departure,
    Writer.plan,
    Writer.paperwork,
    Writer.gate,
    Writer.shell,
]
