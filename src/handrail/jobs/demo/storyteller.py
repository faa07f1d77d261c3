"""Tells a course through the verbs, with the clock set to the instant of each fact: never a pre-made alert or answer."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from handrail import clock
from handrail.actions.actor import Actor, person, service, through_link
from handrail.actions.courses import start_course
from handrail.actions.ed_packets import choose_destination
from handrail.actions.facts import receive_checkin, record_event
from handrail.actions.links import IssuedLink, issue_checkin_link
from handrail.actions.upkeep import reassess
from handrail.fhir.events import facts_of, to_events
from handrail.fhir.reading import ReadRecord, read_bundle
from handrail.jobs.demo.people import ZONE, House
from handrail.people.models import CarePlace, Contact, Patient
from handrail.records.models import Course
from handrail.rules.terms import civil_date, civil_instant

BUNDLES: Final = ("clint_champlin", "darin_skiles", "cancer-patient-jenny-m")
FOLDER: Final = Path(__file__).resolve().parent / "bundles"
CONFUSION_ITEMS: Final = ("year", "month", "city", "sentence")


@cache
def bundle(name: str) -> ReadRecord:
    """A shipped record, read like any other import."""
    return read_bundle(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))


@contextmanager
def at(instant: datetime) -> Iterator[datetime]:
    """Everything inside happens at that instant."""
    with clock.use(clock.FrozenClock(instant)):
        yield instant


def local(day: date, hhmm: str) -> datetime:
    """The instant of a civil time in the demonstration's zone."""
    return civil_instant(day, time.fromisoformat(hhmm), ZONE)


@dataclass(slots=True, kw_only=True)
class Story:
    """One synthetic course being told."""

    house: House
    number: int
    product: str
    protocol_key: str
    started: datetime
    language: str = "en"
    schedule: str = ""
    course_id: UUID = field(default_factory=uuid4)
    link: IssuedLink | None = None

    def begin(self, *, intent: str = "step_up", wallet_card: bool = True) -> Story:
        """Register the patient from a shipped record, start the course and record what stands on the gate.

        Args:
            wallet_card: False leaves out the patient's wallet card.
        """
        record = bundle(BUNDLES[self.number % len(BUNDLES)])
        with at(self.started) as now:
            patient = Patient.objects.create(
                organisation=self.house.organisation,
                given_name="Patient",
                family_name=f"{self.number:02d}",
                birth_date_text=record.identity.birth_date or "",
                sex=record.identity.gender or "",
                phone=f"555-02{self.number:02d}",
                mrn=f"SYN-{self.number:04d}",
                language=self.language,
                time_zone=ZONE,
                synthetic=True,
            )
            Contact.objects.create(
                organisation=self.house.organisation,
                patient=patient,
                name=f"Caregiver of patient {self.number:02d}",
                relationship="family",
                phone=f"555-03{self.number:02d}",
            )
            start_course(
                patient,
                by=self.by("oncologist"),
                product=self.product,
                protocol_key=self.protocol_key,
                schedule=self.schedule,
                site=self.house.site,
                facts=facts_of(record),
                intent=intent,
                prior_doses_known=True,
                id=self.course_id,
                now=now,
            )
            for event in to_events(record, recorded_at=now, zone=ZONE, course_id=str(self.course_id), labs=6):
                record_event(self.course_id, event, by=service("import", source="import"), now=now)
            self.link = issue_checkin_link(self.course_id, by=self.by("nurse"), lasts=timedelta(days=60), now=now)
            place = CarePlace.objects.get(organisation=self.house.organisation, kind=CarePlace.Kind.ED)
            choose_destination(self.course_id, place.pk, by=self.by("nurse"), now=now)
        weight = record.weight.value if record.weight else None
        if weight is not None:
            self.tell(self.started, "weight_measured", role="nurse", weight_kg=str(weight))
        for code, value in BASELINE_COUNTS.items():
            self.tell(self.started, "lab_resulted", role="nurse", code=code, value=value, unit="10*9/L")
        self.tell(self.started, "ice_assessed", role="nurse", total_0_10=10, baseline=True)
        return self._gate(sex=record.identity.gender, wallet_card=wallet_card)

    def _gate(self, *, sex: str | None, wallet_card: bool) -> Story:
        """REMS requirements, hepatitis B and, where the record says female, that pregnancy is not possible."""
        for code in ("hbsag", "anti_hbc"):
            self.tell(self.started, "lab_resulted", role="nurse", code=code, result="negative")
        if sex != "male":
            body = {"what": "childbearing_potential", "active": False}
            self.tell(self.started, "condition_noted", role="app", **body)
        until = civil_date(self.started, ZONE) + CERTIFIED_FOR
        certified = {"requirement": "prescriber_certified", "valid_until": until.isoformat()}
        self.tell(self.started, "rems_met", role="pharmacist", met=True, **certified)
        for requirement in ("counselling", *(("wallet_card",) if wallet_card else ())):
            self.tell(self.started, "rems_met", role="oncologist", met=True, requirement=requirement)
        return self

    @property
    def course(self) -> Course:
        """The course as stored."""
        return Course.objects.get(pk=self.course_id)

    def by(self, role: str) -> Actor:
        """A member of staff of the course's organisation."""
        return person(self.house.people[role])

    def tell(self, instant: datetime, kind: str, *, role: str, **body: Any) -> Story:
        """One fact by a member of staff."""
        with at(instant) as now:
            data = {"id": str(uuid4()), "kind": kind, "at": now.isoformat(), "zone": ZONE, **body}
            record_event(self.course_id, data, by=self.by(role), now=now)
        return self

    def dose(self, instant: datetime, step: str, **body: Any) -> Story:
        """A dose given at the clinic, after the watcher has looked at what time alone had changed."""
        self.look(instant)
        return self.tell(instant, "dose_given", role="nurse", step=step, route="subcutaneous", lot="SYNTHETIC", **body)

    def clear_visit(self, instant: datetime) -> Story:
        """A pre-dose assessment with nothing abnormal."""
        self.tell(instant, "vitals_measured", role="nurse", **NORMAL_VITALS)
        self.tell(instant, "crs_assessed", role="app", **NO_CRS)
        self.tell(instant, "ice_assessed", role="app", **FULL_ICE)
        self.tell(instant, "icans_assessed", role="app", **NO_ICANS)
        return self.tell(instant, "condition_noted", role="app", what="infection", active=False)

    def checkin(self, instant: datetime, celsius: str = "36.8", **body: Any) -> Story:
        """A check-in from home, through the patient's own link."""
        assert self.link is not None
        with at(instant) as now:
            data = {
                "id": str(uuid4()),
                "at": now.isoformat(),
                "written_at": now.isoformat(),
                "zone": ZONE,
                "temperature_c": celsius,
                "temperature_as_typed": celsius,
                "unit_as_typed": "C",
                "antipyretic_last_6_h": False,
                "symptoms": [],
                "none_of_these": True,
                "home_neuro": dict.fromkeys(CONFUSION_ITEMS, "right"),
                "caregiver_present": True,
                **body,
            }
            receive_checkin(self.course_id, data, by=through_link(self.link.link), now=now)
        return self

    def checks_until(self, until: datetime, *, leave_out: int = 0) -> Story:
        """Answer every check that fell due until then, a few minutes after it; the last `leave_out` are missed."""
        answered: list[datetime] = []
        while True:
            due = (self.course.assessment or {}).get("watch", {}).get("next_check_due")
            if due is None:
                break
            instant = datetime.fromisoformat(due) + timedelta(minutes=4)
            if instant > until - timedelta(hours=5 * leave_out):
                break
            self.checkin(instant, NORMAL_TEMPERATURES[len(answered) % len(NORMAL_TEMPERATURES)])
            answered.append(instant)
        return self

    def look(self, instant: datetime) -> Story:
        """The watcher looks once: what time alone has changed by then is found."""
        with at(instant) as now:
            reassess(self.course_id, now=now)
        return self


CERTIFIED_FOR: Final = timedelta(days=365)
BASELINE_COUNTS: Final = {"anc": "2.9", "platelets": "168"}
NORMAL_TEMPERATURES: Final = ("36.7", "36.9", "36.6", "37.1", "36.8")
NORMAL_VITALS: Final = {
    "temperature_c": "36.7",
    "systolic_mmhg": 124,
    "diastolic_mmhg": 76,
    "pulse_per_min": 78,
    "breaths_per_min": 15,
    "spo2_percent": 97,
    "oxygen": "none",
}
NO_CRS: Final = {
    "tmax_c": "36.9",
    "fever_other": False,
    "episode_open": False,
    "masked": False,
    "premed_masking": False,
    "hypotension": False,
    "hypotension_other": False,
    "pressors": [],
    "o2": "none",
    "hypoxia_other": False,
    "died_of_crs": False,
}
CRS_GRADE_1: Final = {**NO_CRS, "tmax_c": "38.4", "episode_open": True}
FULL_ICE: Final = {
    "year": 1,
    "month": 1,
    "city": 1,
    "hospital": 1,
    "naming_0_3": 3,
    "command_0_1": 1,
    "writing_0_1": 1,
    "attention_0_1": 1,
    "total_0_10": 10,
}
NO_ICANS: Final = {
    "loc": "alert",
    "loc_other": False,
    "seizure": "none",
    "motor": False,
    "edema": "none",
    "icp_signs": False,
    "ich": False,
}


def days_ago(now: datetime, days: int, hhmm: str = "10:00") -> datetime:
    """A civil time in the demonstration's zone, so many calendar days before `now`, never in the future."""
    instant = local(civil_date(now, ZONE) - timedelta(days=days), hhmm)
    return min(instant, now - timedelta(minutes=5))
