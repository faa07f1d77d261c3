"""AuditEvent and Provenance by patient: who looked, and where documents and facts come from, rendered when somebody asks."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict

from handrail.actions.client_scopes import FIND_AUDIT, FIND_PROVENANCE
from handrail.actions.clients import Caller
from handrail.actions.errors import NotVisibleError
from handrail.actions.reading_out import courses_of
from handrail.actions.traces import Place, Wanted, looks_at, patient_of_version, traces_of
from handrail.fhir.audit import audit_event, provenance
from handrail.fhir.door import Refusal, base, patient_named, reader, refuse_unknown, searchset
from handrail.fhir.search_dates import between

USUAL: Final = 50
MOST: Final = 200
COUNT: Final = "_count"
BEHIND: Final = "_behind"
"""The place that the address of the next page holds: an instant and an id of a row, and nothing of a patient."""


@reader(FIND_AUDIT)
def audit_events(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Who saw a patient: `patient`, and `date` as often as wanted."""
    said = request.GET
    refuse_unknown(said, ("patient", "date", COUNT, BEHIND))
    courses = courses_of(caller, patient_named(_patient(said)))
    page, more = looks_at(caller, courses, _wanted(said, "date", courses[0].time_zone))
    last = Place(at=page[-1].look.at, id=page[-1].look.pk) if page and more else None
    return _page(request, "AuditEvent", [audit_event(each) for each in page], last)


@reader(FIND_PROVENANCE)
def provenances(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Where the documents and imported facts of a patient come from: `patient`, or a `target`, and `recorded` as often as wanted."""
    said = request.GET
    refuse_unknown(said, ("patient", "target", "recorded", COUNT, BEHIND))
    patient, version = _target(caller, said)
    courses = courses_of(caller, patient)
    page, more = traces_of(caller, courses, _wanted(said, "recorded", courses[0].time_zone), version_id=version)
    last = Place(at=page[-1].at, id=page[-1].id) if page and more else None
    return _page(request, "Provenance", [provenance(each) for each in page], last)


def _patient(said: QueryDict) -> str:
    if len(said.getlist("patient")) != 1:
        raise Refusal(400, "required", "Say whose, once: patient=<id of the Patient>.", "patient")
    return str(said["patient"])


def _target(caller: Caller, said: QueryDict) -> tuple[UUID, UUID | None]:
    """The patient, and the sealed version when one is the target.

    Raises:
        NotVisibleError: a document of a course that is not tied to the client is answered like one that does not exist.
    """
    target = said.get("target")
    if target is None:
        return patient_named(_patient(said)), None
    if "patient" in said or len(said.getlist("target")) != 1:
        raise Refusal(400, "value", "Name either the patient or one target.", "target")
    if not target.startswith("Bundle/"):
        return patient_named(target), None
    version = patient_named(target.removeprefix("Bundle/"))
    patient = patient_of_version(caller, version)
    if patient is None:
        raise NotVisibleError("There is no such document.")
    return patient, version


def _wanted(said: QueryDict, dates: str, zone: str) -> Wanted:
    span = between(said.getlist(dates), zone, dates)
    return Wanted(most=_count(said), begins=span.begins, ends=span.ends, behind=_behind(said))


def _count(said: QueryDict) -> int:
    text = said.get(COUNT, str(USUAL))
    if not (text.isascii() and text.isdigit() and int(text[:6]) > 0):
        raise Refusal(400, "value", f"{COUNT} is a whole number from 1 to {MOST}.", COUNT)
    return min(int(text[:6]), MOST)


def _behind(said: QueryDict) -> Place | None:
    text = said.get(BEHIND)
    if text is None:
        return None
    try:
        at, name = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").split(" ")
        when = datetime.fromisoformat(at)
        place = Place(at=when.astimezone(UTC), id=UUID(name)) if when.tzinfo is not None else None
    except (ValueError, OverflowError):
        place = None
    if place is None:
        raise Refusal(400, "value", f"Take {BEHIND} from the link `next` as it stands there.", BEHIND)
    return place


def _page(request: HttpRequest, kind: str, found: Iterable[Mapping[str, Any]], last: Place | None) -> HttpResponse:
    here = [(name, value) for name, values in request.GET.lists() for value in values]
    links = {"self": f"{base()}/{kind}?{urlencode(here)}"}
    if last is not None:
        place = base64.urlsafe_b64encode(f"{last.at.isoformat()} {last.id}".encode()).decode()
        rest = [(name, value) for name, value in here if name != BEHIND]
        links["next"] = f"{base()}/{kind}?{urlencode([*rest, (BEHIND, place)])}"
    return searchset([(f"urn:uuid:{each['id']}", each) for each in found], links)
