"""The lines of an export, one for each resource and event, however they are kept: in a folder by command, sealed for a system."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from handrail.actions.errors import RefusedError
from handrail.actions.exports import Taken
from handrail.actions.packet_around import who_is
from handrail.actions.packets import judged
from handrail.fhir import bulk
from handrail.fhir.bulk import COURSES, EVENTS
from handrail.fhir.handoff_document import written
from handrail.people.models import Organisation, Patient
from handrail.rules.packet import packet


class Sink(Protocol):
    """What keeps lines."""

    def line(self, name: str, content: bytes) -> None:
        """Add a line to the file of that name."""


class Tally:
    """Writes patients and courses into a sink, and counts."""

    def __init__(self, into: Sink) -> None:
        self.into = into
        self.patients = self.courses = 0
        self.kinds: Counter[str] = Counter()
        self.mapped: Counter[str] = Counter()

    def organisation(self, organisation: Organisation) -> None:
        """Who hands the records out; once, before everything else."""
        self._resource(bulk.organisation(organisation.pk, organisation.name))

    def patient(self, patient: Patient) -> None:
        """One person."""
        self._resource(bulk.patient(patient.pk, who_is(patient), patient.organisation_id))
        self.patients += 1

    def course(self, taken: Taken, now: datetime) -> None:
        """One course: its header, each of its events, and what FHIR has a word for."""
        course, name = taken.course, str(taken.course.pk)
        kinds = {}
        for event in taken.file["events"]:
            kinds[event["id"]] = event["kind"]
            behalf = taken.on_behalf_of.get(event["id"])
            said = event if behalf is None else {**event, "x_on_behalf_of": behalf}
            self.into.line(EVENTS, _json({"course": name, "event": said}))
        head = {
            "course": name,
            "patient": str(course.patient_id),
            "site": course.site.code if course.site else None,
            "file": {**taken.file, "events": []},
        }
        self.into.line(COURSES, _json(head))
        self.courses += 1
        self.kinds.update(kinds.values())
        try:
            said = judged(course, now)
        except RefusedError as error:
            self._resource(bulk.not_mapped(name, error.message))
            return
        made = packet(said.protocol, said.policy, said.history, said.answer)
        sources = set()
        for event_id, resource in bulk.facts_of(made, said.history, course.patient_id):
            self._resource(resource)
            sources.add(event_id)
        self.mapped.update(kinds[each] for each in sources if each in kinds)

    def _resource(self, resource: Mapping[str, Any]) -> None:
        self.into.line(f"{resource['resourceType']}.ndjson", written(dict(resource)))


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
