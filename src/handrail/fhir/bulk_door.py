"""GET /fhir/$export: everything of the courses that are tied to a system, asked for, waited for, fetched and deleted.

FHIR Bulk Data 2.0. What is not taken is refused: a filter that is passed over would hand out more than was asked for, or less.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict

from handrail.actions import bulk_exports
from handrail.actions.bulk_exports import TROUBLE, BusyError
from handrail.actions.client_scopes import EXPORT
from handrail.actions.clients import Caller
from handrail.actions.errors import NotVisibleError
from handrail.fhir.answers import answered, issue
from handrail.fhir.bulk import OWN, TYPES, Counted, Held, manifest
from handrail.fhir.door import JSON_FORMS, READING, Refusal, base, exact, reader, refuse_unknown
from handrail.records.models import ExportFile, ExportJob

RESPOND_ASYNC: Final = "respond-async"
FHIR_NDJSON: Final = "application/fhir+ndjson"
NDJSON: Final = "application/ndjson"
LINES: Final = (FHIR_NDJSON, NDJSON, "ndjson", "application/x-ndjson")
OUTPUTS: Final = (FHIR_NDJSON, "application/fhir ndjson", NDJSON, "ndjson")
"""As `_outputFormat`; the second is what a plus sign becomes that was not written as %2B."""
PARAMETERS: Final = ("_type", "_outputFormat")
COME_AGAIN: Final = 5
"""Seconds."""
COME_LATER: Final = 60
NOT_HERE: Final = "There is no such export for this client (any more): ask for a new one with GET $export."


@reader(EXPORT, "GET")
def begin(request: HttpRequest, caller: Caller) -> HttpResponse:
    """An export is asked for: where it can be watched."""
    said = request.GET
    for name in said:
        if name not in PARAMETERS:
            words = f"{' and '.join(PARAMETERS)} are taken here; leave out the others: none is passed over."
            raise Refusal(400, "not-supported", words)
    if RESPOND_ASYNC not in _preferences(request):
        raise Refusal(400, "required", f"Send the header Prefer: {RESPOND_ASYNC}; an export is not answered at once.")
    _refuse_other_outputs(said)
    try:
        job = bulk_exports.ask_for_export(caller, f"{base()}/{_asked(request)}", _types(said))
    except BusyError as error:
        response = Refusal(429, "throttled", error.message).response()
        response["Retry-After"] = str(COME_LATER)
        return response
    words = f"The export of {len(job.courses)} courses waits: ask for the address in Content-Location."
    response = answered(issue("information", "informational", words), 202)
    response["Content-Location"] = _place(job)
    return response


@reader(EXPORT, *READING, "DELETE", forms=(*JSON_FORMS, *LINES))
def status(request: HttpRequest, caller: Caller, job_id: str) -> HttpResponse:
    """How far an export is, then its manifest; DELETE ends it and takes away what it wrote."""
    refuse_unknown(request.GET, ())
    try:
        if request.method == "DELETE":
            bulk_exports.delete_export(caller, _id(job_id))
            return answered(issue("information", "informational", "The export is ended and its files are erased."), 202)
        job = bulk_exports.export_of(caller, _id(job_id))
    except NotVisibleError:
        raise Refusal(404, "not-found", NOT_HERE) from None
    if job.state == ExportJob.State.FAILED:
        words = f"The export failed and nothing of it was kept. {job.reason}"
        raise Refusal(500, "exception", words)
    if job.state != ExportJob.State.WHOLE:
        response = HttpResponse(status=202)
        del response["Content-Type"]
        response["X-Progress"] = f"{job.done} of {len(job.courses)} courses"
        response["Retry-After"] = str(COME_AGAIN)
        response["Cache-Control"] = "no-store"
        return response
    response = answered(_manifest(job), content_type="application/json")
    response["Expires"] = f"{job.expires_at:%a, %d %b %Y %H:%M:%S} GMT"
    return response


@reader(EXPORT, *READING, forms=LINES)
def file(request: HttpRequest, caller: Caller, job_id: str, file_id: str) -> HttpResponse:
    """One file of an export that is whole. Each download is a look at every course in it."""
    refuse_unknown(request.GET, ())
    try:
        found = bulk_exports.open_file(caller, _id(job_id), _id(file_id))
    except NotVisibleError:
        raise Refusal(404, "not-found", NOT_HERE) from None
    name = _name(found.row)
    return exact(request, found.content, NDJSON if name in OWN else FHIR_NDJSON, f"{found.row.number}-{name}")


def _manifest(job: ExportJob) -> dict[str, Any]:
    files = [
        Held(
            name=_name(each),
            url=f"{_place(job)}/{each.pk}",
            lines=each.lines,
            bytes=each.size_bytes,
            sha256=each.sha256,
        )
        for each in bulk_exports.files_of(job)
    ]
    owner = bulk_exports.owner_of(job)
    counted = Counted(
        patients=job.counted.get("patients", 0),
        courses=job.done,
        log=job.counted["log"],
        kinds=job.counted.get("kinds", {}),
        mapped=job.counted.get("mapped", {}),
    )
    at, who = job.asked_at, (owner.pk, owner.name)
    return manifest(at=at, request=job.request, owner=who, files=files, counted=counted, needs_token=True)


def _name(row: ExportFile) -> str:
    return f"{row.kind}.ndjson"


def _place(job: ExportJob) -> str:
    return f"{base()}/export/{job.pk}"


def _asked(request: HttpRequest) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"$export?{query}" if query else "$export"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotVisibleError("There is no such export.") from None


def _preferences(request: HttpRequest) -> set[str]:
    said = request.headers.get("Prefer", "").replace(";", ",").split(",")
    return {each.strip().lower() for each in said}


def _refuse_other_outputs(said: QueryDict) -> None:
    wanted = said.getlist("_outputFormat")
    if len(wanted) > 1 or any(each not in OUTPUTS for each in wanted):
        raise Refusal(400, "not-supported", f"There is one form: _outputFormat={FHIR_NDJSON}.", "_outputFormat")


def _types(said: QueryDict) -> list[str]:
    """The types that were asked for, each once; none: everything."""
    wanted = [each.strip() for text in said.getlist("_type") for each in text.split(",")]
    if any(each not in TYPES for each in wanted):
        words = f"_type is one or more of {','.join(TYPES)}; {TROUBLE} comes along by itself."
        raise Refusal(400, "not-supported", words, "_type")
    return list(dict.fromkeys(wanted))
