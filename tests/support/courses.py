"""Synthetic courses for the tests of the rules: facts told in civil time, assessed by the real rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from handrail.rules.answer import Assessment
from handrail.rules.assess import assess
from handrail.rules.coursefile import Course, course_from_json
from handrail.rules.history import History
from handrail.rules.policy import Policy, load_policy
from handrail.rules.protocol import Protocol, load

CHICAGO = "America/Chicago"
TEC = "teclistamab/US/2026-03/mono"
TEC_COMBO = "teclistamab/US/2026-03/combo"
TEC_OLD = "teclistamab/US/2025-03/mono"
ELRA = "elranatamab/US/2025-07"


def instant(text: str, zone: str = CHICAGO) -> datetime:
    """The instant of a civil time such as `2026-03-02 09:00`; a time that names its own offset keeps it."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def civil(at: datetime | None, zone: str = CHICAGO) -> str | None:
    """`2026-03-02 09:00` in that zone: what a person there reads on the clock."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if at else None


class Told:
    """One synthetic course, told fact by fact. Ids are made from the order of telling, so that runs repeat."""

    def __init__(
        self,
        key: str = TEC,
        *,
        zone: str = CHICAGO,
        schedule: str | None = "weekly",
        intent: str = "step_up",
        **header: Any,
    ) -> None:
        product, jurisdiction, *_ = key.split("/")
        self.key, self.zone = key, zone
        self.header: dict[str, Any] = {
            "format": "handrail-course/1",
            "id": str(uuid5(NAMESPACE_URL, "synthetic course")),
            "synthetic": True,
            "product": product,
            "jurisdiction": jurisdiction,
            "protocol_key": key,
            "schedule": schedule,
            "time_zone": zone,
            **header,
        }
        self.events: list[dict[str, Any]] = []
        self.tell("course_started", "2026-01-02 09:00", intent=intent, prior_doses_known=True)

    def tell(self, kind: str, at: str, **fields: Any) -> str:
        """Add a fact at a civil time of the course's zone (or of `zone`); returns its id."""
        zone = fields.get("zone", self.zone)
        number = str(UUID(int=len(self.events) + 1))
        event = {"id": number, "kind": kind, "at": instant(at, zone).isoformat(), **fields}
        if "recorded_at" in fields:
            event["recorded_at"] = instant(fields["recorded_at"], zone).isoformat()
        self.events.append(event)
        return str(event["id"])

    def dose(self, step: str | None, at: str, **fields: Any) -> str:
        """A dose was given."""
        return self.tell("dose_given", at, step=step, **fields)

    def file(self) -> dict[str, Any]:
        """The course file."""
        return {**self.header, "events": self.events}

    def course(self) -> Course:
        """The course, through the reader that every door uses."""
        return course_from_json(self.file())

    def history(self, policy: Policy | None = None) -> History:
        """The history that the rules read."""
        return History.build(self.course(), plausible=(policy or load_policy()).plausible)

    def assess(self, at: str, *, policy: Policy | None = None, protocol: Protocol | None = None) -> Assessment:
        """The answer at a civil time of the course's zone."""
        policy = policy or load_policy()
        return assess(protocol or load(self.key), policy, self.history(policy), instant(at, self.zone))


def well(told: Told, at: str, *, temperature_c: str = "36.7", ice: int = 10, weight_kg: str = "70") -> None:
    """Everything that a dose needs to be known, and normal: temperature, CRS 0, ICE, ICANS 0, no infection, weight."""
    told.tell("weight_measured", at, weight_kg=weight_kg)
    told.tell("vitals_measured", at, temperature_c=temperature_c)
    told.tell(
        "crs_assessed",
        at,
        tmax_c=temperature_c,
        fever_other=False,
        episode_open=False,
        masked=False,
        premed_masking=False,
        hypotension=False,
        hypotension_other=False,
        pressors=[],
        o2="none",
        flow_l_per_min="0",
        hypoxia_other=False,
        died_of_crs=False,
    )
    score = told.tell("ice_assessed", at, total_0_10=ice)
    told.tell(
        "icans_assessed",
        at,
        ice_event=score,
        loc="alert",
        loc_other=False,
        seizure="none",
        motor=False,
        edema="none",
        icp_signs=False,
        ich=False,
    )
    told.tell("condition_noted", at, what="infection", active=False)
