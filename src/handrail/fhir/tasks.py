"""GET Task: a hand-off as the FHIR Task that asks the receiving side to take over. Mapping only; nothing is accepted here.

A Task is accepted when a named person has accepted in Handrail, and never because a system has fetched it.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from handrail.actions.client_scopes import FIND_TASK, READ_TASK
from handrail.actions.clients import Caller
from handrail.actions.errors import NotVisibleError
from handrail.actions.handoff_tasks import HandoffTask, Named, Party, task_named, tasks_of
from handrail.actions.reading_out import courses_of
from handrail.fhir.answers import answered, refused
from handrail.fhir.door import FHIR_R4, Refusal, base, patient_named, reader, refuse_unknown, searchset
from handrail.rules.handoff_loop import Stage
from handrail.rules.not_known import labelled

Resource = dict[str, Any]
STATUS: Final = {
    Stage.OFFERED: "requested",
    Stage.DELIVERED: "requested",
    Stage.READ: "requested",
    Stage.ACCEPTED: "accepted",
    Stage.FIRST_DOSE: "accepted",
    Stage.CLOSED: "completed",
    Stage.DECLINED: "rejected",
    Stage.WITHDRAWN: "cancelled",
}
"""A machine that delivered and a person who read have accepted nothing: both leave it requested."""
STAGES: Final = "urn:handrail:handoff-stage"
FIELDS: Final = "urn:handrail:packet-field"
"""The keys of the fields of a packet."""
NO_TASK: Final = (
    "There is no such Task for this client: find those of a patient with GET Task?patient=<id of the Patient>."
)


@reader(FIND_TASK)
def search(request: HttpRequest, caller: Caller) -> HttpResponse:
    """The hand-offs of a patient, the latest first: `patient`."""
    refuse_unknown(request.GET, ("patient",))
    said = request.GET.getlist("patient")
    if len(said) != 1:
        raise Refusal(400, "required", "Say whose, once: patient=<id of the Patient>.", "patient")
    found = tasks_of(caller, courses_of(caller, patient_named(said[0])))
    return searchset(
        [(f"urn:uuid:{each.loop.id}", task(each)) for each in found], {"self": f"{base()}/Task?patient={said[0]}"}
    )


@reader(READ_TASK)
def read(request: HttpRequest, caller: Caller, task_id: str) -> HttpResponse:
    """One hand-off."""
    refuse_unknown(request.GET, ())
    try:
        return answered(task(task_named(caller, patient_named(task_id))), content_type=FHIR_R4)
    except NotVisibleError:
        return refused(404, "not-found", NO_TASK)


def task(told: HandoffTask) -> Resource:
    """One hand-off as Task: what waits, for whom, and, once somebody has accepted, who did and from when on they answer."""
    loop = told.loop
    found: Resource = {
        "resourceType": "Task",
        "id": loop.id,
        "status": STATUS[loop.stage],
        "businessStatus": {"coding": [{"system": STAGES, "code": loop.stage.value}]},
        "intent": "order",
        "code": {"text": "take the patient back" if loop.offered.body.returns else "take over the care of the patient"},
        "for": {"reference": f"Patient/{told.patient_id}"},
        "authoredOn": loop.offered.at.isoformat(),
        "lastModified": told.changed_at.isoformat(),
    }
    if loop.offered.body.urgent is not None:
        found["priority"] = "urgent" if loop.offered.body.urgent else "routine"
    if told.packet is not None:
        found["focus"] = {"reference": f"Bundle/{told.packet}"}
    if told.sender is not None:
        found["requester"] = _organisation(told.sender)
    if told.receiver is not None:
        found["owner"] = _organisation(told.receiver)
    if loop.offered.body.take_over_on is not None:
        found["restriction"] = {"period": {"start": loop.offered.body.take_over_on.isoformat()}}
    found |= _not_known(told)
    output: list[Resource] = [
        *([{"type": {"text": "read by"}, "valueReference": _named(told.reader)}] if told.reader is not None else []),
        *(
            [{"type": {"text": "accepted by"}, "valueReference": _named(told.accepted_by)}]
            if told.accepted_by is not None
            else []
        ),
    ]
    if loop.begins is not None:
        output.append({"type": {"text": "answers for the patient from"}, "valueDateTime": loop.begins.isoformat()})
    if loop.first_dose_at is not None:
        output.append({"type": {"text": "first dose there"}, "valueDateTime": loop.first_dose_at.isoformat()})
    return {**found, "output": output} if output else found


def _not_known(told: HandoffTask) -> Resource:
    """The fields that left as not known, each by its key, and who said so, when."""
    words = [(event, labelled(event)) for event in told.loop.not_known]
    if not words:
        return {}
    inputs = {
        key: {
            "type": {"text": "goes out as not known"},
            "valueCodeableConcept": {"coding": [{"system": FIELDS, "code": key, "display": label}], "text": label},
        }
        for _, fields in words
        for key, label in fields
    }
    notes = [
        {
            **({"authorReference": _named(told.said_by[event.id])} if event.id in told.said_by else {}),
            "time": event.at.isoformat(),
            "text": f"Looked, and goes out as not known: {', '.join(label for _, label in fields)}",
        }
        for event, fields in words
    ]
    return {"input": list(inputs.values()), "note": notes}


def _organisation(party: Party) -> Resource:
    return _reference("organisation", party.id, party.name or "not known")


def _named(who: Named) -> Resource:
    return _reference("user" if who.account else "handoff-person", who.id, who.name or "not known")


def _reference(kind: str, name: str, display: str) -> Resource:
    return {"identifier": {"system": f"urn:handrail:{kind}", "value": name}, "display": display}
