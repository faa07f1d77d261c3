"""How long one answer takes: `make bench`.

A synthetic 28-day course of teclistamab, watched at home, with 150 events and with 1,500; the instant lies on its last
day. Prints the median of `assess` for both, what ten times the facts cost beside ten times the time, and the courses
per second of `assess --lines` on one core. Nothing here is a test: a slow machine is no fault.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from handrail.rules.assess import assess
from handrail.rules.coursefile import course_from_json
from handrail.rules.history import History
from handrail.rules.policy import load_policy
from handrail.rules.protocol import load

KEY = "teclistamab/US/2026-03/mono"
BEGINS = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAYS = 28
NOW = BEGINS + timedelta(days=DAYS)
AIM_MS = 2.0
DOSES = ((0, "step_up_1"), (3, "step_up_2"), (6, "first_treatment"), (13, "treatment"), (20, "treatment"))
CLEAR = {"hypotension": False, "pressors": [], "o2": "none", "fever_other": False, "episode_open": False}
ALERT = {"loc": "alert", "seizure": "none", "motor": False, "edema": "none", "icp_signs": False, "ich": False}


def course(events: int) -> dict[str, Any]:
    """A course file with that many events: the visits and doses, one feverish night, and check-ins for all the rest."""
    told: list[dict[str, Any]] = []

    def tell(at: datetime, kind: str, **fields: Any) -> str:
        name = str(UUID(int=len(told) + 1))
        told.append({"id": name, "kind": kind, "at": at.isoformat(), **fields})
        return name

    def visit(at: datetime, celsius: str, **crs: Any) -> None:
        tell(at, "vitals_measured", temperature_c=celsius, systolic_mmhg=124, spo2_percent=97, oxygen="none")
        tell(at, "crs_assessed", tmax_c=celsius, **{**CLEAR, **crs})
        score = tell(at, "ice_assessed", total_0_10=10)
        tell(at, "icans_assessed", ice_event=score, **ALERT)
        tell(at, "condition_noted", what="infection", active=False)

    tell(BEGINS - timedelta(days=1), "course_started", intent="step_up", prior_doses_known=True)
    tell(BEGINS - timedelta(hours=2), "weight_measured", weight_kg="70")
    tell(BEGINS - timedelta(hours=2), "lab_resulted", code="anc", value="2.4", unit="10*9/L")
    for day, step in DOSES:
        given = BEGINS + timedelta(days=day)
        visit(given - timedelta(hours=1), "36.6")
        tell(given, "dose_given", step=step, route="subcutaneous")
    night = BEGINS + timedelta(days=1, hours=17)
    tell(night, "checkin_received", temperature_c="38.4", antipyretic_last_6_h=False, caregiver_present=True)
    visit(night + timedelta(hours=1), "38.4", episode_open=True)
    tell(night + timedelta(hours=20), "toxicity_resolved", toxicity="crs", confirmed_by="oncologist")
    visit(NOW - timedelta(hours=1), "36.6")
    missing = events - len(told)
    for number in range(missing):
        at = BEGINS + timedelta(days=DAYS) * (number + 0.5) / missing
        tell(at, "checkin_received", temperature_c="36.7", none_of_these=True, caregiver_present=True, symptoms=[])
    return {
        "format": "handrail-course/1",
        "id": str(UUID(int=1)),
        "synthetic": True,
        "product": "teclistamab",
        "jurisdiction": "US",
        "protocol_key": KEY,
        "schedule": "weekly",
        "time_zone": "America/Chicago",
        "events": told,
    }


def milliseconds(events: int, repeats: int) -> float:
    """Median time of one `assess` of a history that was just built and never asked before."""
    policy, protocol, read = load_policy(), load(KEY), course_from_json(course(events))
    assess(protocol, policy, History.build(read, plausible=policy.plausible), NOW)
    spent = []
    for _ in range(repeats):
        history = History.build(read, plausible=policy.plausible)
        begun = time.perf_counter()
        assess(protocol, policy, history, NOW)
        spent.append((time.perf_counter() - begun) * 1000)
    return median(spent)


def courses_per_second(events: int, count: int) -> float:
    """`assess --lines` as it is run: start of the process, reading and writing included."""
    line = json.dumps({"id": 1, "course": course(events), "at": NOW.isoformat()}) + "\n"
    begun = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "handrail.cli", "assess", "--lines"],
        input=line * count,
        capture_output=True,
        text=True,
        check=True,
    )
    spent = time.perf_counter() - begun
    answers = finished.stdout.splitlines()
    if len(answers) != count or any("error" in json.loads(answer) for answer in answers[:1]):
        sys.exit("assess --lines did not answer every course")
    return count / spent


def main() -> None:
    """Measure and print."""
    few, many = 150, 1_500
    short = milliseconds(few, repeats=300)
    long = milliseconds(many, repeats=60)
    print(f"assess, {DAYS} days, {few:>5} events: {short:7.2f} ms (aim: under {AIM_MS:g} ms)")
    print(f"assess, {DAYS} days, {many:>5} events: {long:7.2f} ms")
    print(f"{many // few} times the events cost {long / short:.1f} times the time (linear: {many / few:.1f})")
    print(f"assess --lines, {few} events: {courses_per_second(few, 300):.0f} courses per second on one core")


if __name__ == "__main__":
    main()
