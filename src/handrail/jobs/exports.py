"""`handrail export`: a course as course file or as FHIR document, and everything that an organisation owns: nobody is locked in."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from handrail import __version__, clock
from handrail.actions.actor import Actor, person
from handrail.actions.errors import ActionError, RefusedError
from handrail.actions.exports import (
    Taken,
    begin_export,
    course_file,
    courses_of,
    end_export,
    patients_of,
    reconcile,
    standing_packet,
)
from handrail.actions.packet_around import who_is
from handrail.actions.packets import judged
from handrail.fhir import bulk
from handrail.fhir.events import NAMESPACE
from handrail.fhir.handoff_document import document_of, written
from handrail.jobs.export_files import Folder, write_whole
from handrail.jobs.imports import organisation_named, user_named
from handrail.people import scope
from handrail.people.models import Organisation
from handrail.rules.packet import packet
from handrail.rules.terms import UnusableInput

FORMAT: Final = "handrail-export/1"
EVENTS: Final = "events.ndjson"
COURSES: Final = "courses.ndjson"
OWN: Final = {
    EVENTS: "every event of every course, as in a course file",
    COURSES: "every course file without its events",
}
TROUBLE: Final = "OperationOutcome"


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one of course, fhir and ndjson.

    Raises:
        UnusableInput: something that cannot be used, or a person who may not; nothing was written.
    """
    chosen = _parser().parse_args(words)
    scope.see_everything_by_default()
    try:
        said = chosen.command(chosen, person(user_named(chosen.by)))
    except ActionError as error:
        raise UnusableInput(error.code, error.message, error.path) from error
    if said:
        sys.stdout.write(said + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handrail export", description="Take records out. Every export is logged.")
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    course = commands.add_parser("course", help="a course as a course file: no identity, replays anywhere")
    course.set_defaults(command=_course)
    fhir = commands.add_parser("fhir", help="a course as it stands as a FHIR document, with identity")
    fhir.set_defaults(command=_fhir)
    for command in (course, fhir):
        command.add_argument("id", type=UUID, metavar="ID", help="the course")
        command.add_argument("file", metavar="FILE", help="a new file, or - for standard output")
    ndjson = commands.add_parser("ndjson", help="everything that an organisation owns, with identity")
    ndjson.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    ndjson.add_argument("--organisation", required=True, help="name or id")
    ndjson.set_defaults(command=_ndjson)
    for command in (course, fhir, ndjson):
        command.add_argument("--by", required=True, metavar="EMAIL", help="who exports; it stands in the log of looks")
    return parser


# --- one course -------------------------------------------------------------------------------------------------------


def _course(chosen: argparse.Namespace, by: Actor) -> str:
    file = course_file(chosen.id, by=by)
    return _out(chosen.file, json.dumps(file, indent=2, ensure_ascii=False).encode() + b"\n")


def _fhir(chosen: argparse.Namespace, by: Actor) -> str:
    made = standing_packet(chosen.id, by=by)
    name = uuid5(NAMESPACE, f"packet|{made.course}|{made.sha256}|{made.made_at.isoformat()}")
    document = document_of(made.to_json(), version=str(name), number=None, sha256=made.sha256)
    return _out(chosen.file, written(document) + b"\n")


def _out(name: str, content: bytes) -> str:
    if name == "-":
        sys.stdout.write(content.decode())
        return ""
    write_whole(Path(name), content)
    return f"{name}  {len(content):,} bytes"


# --- everything that an organisation owns ---------------------------------------------------------------------------


def _ndjson(chosen: argparse.Namespace, by: Actor) -> str:
    organisation = organisation_named(chosen.organisation)
    manifest = export_ndjson(organisation, chosen.folder, by=by)
    counts = manifest["extension"]["counts"]
    lines = [f"{chosen.folder}  {counts['patients']} patients, {counts['courses']} courses, {counts['events']} events"]
    lines += [f"{each['count']:>8}  {each['url']}" for each in [*manifest["output"], *manifest["extension"]["files"]]]
    if manifest["error"]:
        lines.append(f"{manifest['error'][0]['count']:>8}  {TROUBLE}.ndjson: of these courses no FHIR could be made")
    return "\n".join(lines)


def export_ndjson(organisation: Organisation, folder: Path, *, by: Actor) -> dict[str, Any]:
    """Write everything that an organisation owns into a new folder; returns its manifest.

    Memory stays the same however much there is: a few courses are held at a time.

    Raises:
        ActionError: not for this actor, or the events written are not those of the log; UnusableInput: the folder cannot be made.
            Nothing was left behind.
    """
    with Folder(folder) as into, scope.acting_for(organisation.pk):
        export = begin_export(organisation, by=by)
        tally = _Tally(into, organisation)
        for each in patients_of(export):
            tally.resource(bulk.patient(each.pk, who_is(each), organisation.pk))
            tally.patients += 1
        for taken in courses_of(export):
            tally.course(taken, clock.now())
        log = reconcile(export, dict(tally.kinds))
        manifest = tally.manifest(export.asked_at, log)
        end_export(export, patients=tally.patients, courses=tally.courses, events=log["written"])
        into.finish(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
        return manifest


class _Tally:
    """Writes patients and courses, and counts."""

    def __init__(self, into: Folder, organisation: Organisation) -> None:
        self.into, self.organisation = into, organisation
        self.patients = self.courses = 0
        self.kinds: Counter[str] = Counter()
        self.mapped: Counter[str] = Counter()
        self.resource(bulk.organisation(organisation.pk, organisation.name))

    def resource(self, resource: Mapping[str, Any]) -> None:
        self.into.line(f"{resource['resourceType']}.ndjson", written(dict(resource)))

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
            self.resource(bulk.not_mapped(name, error.message))
            return
        made = packet(said.protocol, said.policy, said.history, said.answer)
        sources = set()
        for event_id, resource in bulk.facts_of(made, said.history, course.patient_id):
            self.resource(resource)
            sources.add(event_id)
        self.mapped.update(kinds[each] for each in sources if each in kinds)

    def manifest(self, at: datetime, log: Mapping[str, int]) -> dict[str, Any]:
        """What the folder holds, as the manifest of a bulk export; our own part stands under `extension`."""
        files = {each.name: each for each in self.into.written()}
        of_type = {name: each for name, each in files.items() if name not in OWN and name != f"{TROUBLE}.ndjson"}

        def row(name: str) -> dict[str, Any]:
            each = files[name]
            told = {"bytes": each.bytes, "sha256": each.sha256}
            return {"url": name, "count": each.lines, "extension": told}

        return {
            "transactionTime": at.isoformat(),
            "request": f"handrail export ndjson --organisation {self.organisation.pk}",
            "requiresAccessToken": False,
            "output": [{"type": name.removesuffix(".ndjson"), **row(name)} for name in of_type],
            "deleted": [],
            "error": [{"type": TROUBLE, **row(f"{TROUBLE}.ndjson")}] if f"{TROUBLE}.ndjson" in files else [],
            "extension": {
                "format": FORMAT,
                "made_by": f"Handrail {__version__}",
                "organisation": {"id": str(self.organisation.pk), "name": self.organisation.name},
                "counts": {"patients": self.patients, "courses": self.courses, "events": log["written"]},
                "event_log": dict(log),
                "events_by_kind": {
                    kind: {"written": count, "in_fhir_too": self.mapped[kind]}
                    for kind, count in sorted(self.kinds.items())
                },
                "files": [{"what": OWN[name], **row(name)} for name in OWN if name in files],
            },
        }


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
