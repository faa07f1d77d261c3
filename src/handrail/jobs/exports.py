"""`handrail export`: a course as course file or as FHIR document, and everything that an organisation owns: nobody is locked in."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from handrail import clock
from handrail.actions.actor import Actor, person
from handrail.actions.errors import ActionError
from handrail.actions.exports import (
    begin_export,
    course_file,
    courses_of,
    end_export,
    patients_of,
    reconcile,
    standing_packet,
)
from handrail.fhir import bulk
from handrail.fhir.events import NAMESPACE
from handrail.fhir.handoff_document import document_of, written
from handrail.jobs.export_files import Folder, write_whole
from handrail.jobs.export_lines import Tally
from handrail.jobs.imports import organisation_named, user_named
from handrail.people import scope
from handrail.people.models import Organisation
from handrail.rules.terms import UnusableInput


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
        lines.append(
            f"{manifest['error'][0]['count']:>8}  {bulk.TROUBLE}.ndjson: of these courses no FHIR could be made"
        )
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
        tally = Tally(into)
        tally.organisation(organisation)
        for each in patients_of(export):
            tally.patient(each)
        for taken in courses_of(export):
            tally.course(taken, clock.now())
        log = reconcile(export, dict(tally.kinds))
        manifest = bulk.manifest(
            at=export.asked_at,
            request=f"handrail export ndjson --organisation {organisation.pk}",
            owner=(organisation.pk, organisation.name),
            files=[
                bulk.Held(name=each.name, url=each.name, lines=each.lines, bytes=each.bytes, sha256=each.sha256)
                for each in into.written()
            ],
            counted=bulk.Counted(
                patients=tally.patients, courses=tally.courses, log=log, kinds=tally.kinds, mapped=tally.mapped
            ),
            needs_token=False,
        )
        end_export(export, patients=tally.patients, courses=tally.courses, events=log["written"])
        into.finish(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
        return manifest
