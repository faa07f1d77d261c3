"""Every command of `handrail`, by name: what it takes and where it is carried out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from handrail import __version__
from handrail.cli.lines import answered
from handrail.rules.coursefile import course_from_json, instant_from, read_course
from handrail.rules.terms import UnusableInput
from handrail.rules.validity import judge

ANSWERED, FAILED_CHECK = 0, 1


def run(words: list[str]) -> int:
    """Carry out one command line.

    Raises:
        UnusableInput: input that cannot be used.
    """
    if words and words[0] in DATABASE_COMMANDS:
        return _with_database(words[0], words[1:])
    chosen = _parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = chosen.command
    return command(chosen)


# --- commands without a database -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handrail",
        description="Outpatient programmes for bispecific antibodies in multiple myeloma.",
        epilog="Commands with a database: " + ", ".join(sorted(DATABASE_COMMANDS)) + ".",
    )
    parser.add_argument("--version", action="version", version=f"handrail {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    assess = commands.add_parser("assess", help="the next dose, findings and pages of a course file")
    assess.add_argument("file", nargs="?", help="a course file, or - for standard input")
    assess.add_argument("--at", help="an instant with its offset, such as 2026-03-04T09:00:00-05:00; default: now")
    assess.add_argument(
        "--lines", action="store_true", help='one {"id","course","at"} a line in, one answer a line out'
    )
    assess.set_defaults(command=_assess)
    replay = commands.add_parser("replay", help="a course as a readable timeline")
    replay.add_argument("file", help="a course file, or - for standard input")
    replay.add_argument("--until", help="tell on to this instant; default: the last fact on record")
    replay.set_defaults(command=_replay)
    grade = commands.add_parser("grade", help="CRS or ICANS grades of lines of inputs")
    grade.add_argument("what", choices=("crs", "icans"))
    grade.add_argument("--lines", action="store_true", required=True, help='one {"id","in"} a line')
    grade.set_defaults(command=_grade)
    setting = commands.add_parser("setting", help="in which setting a dose may be given, of lines of facts")
    setting.add_argument(
        "--lines", action="store_true", required=True, help='one {"id","at","protocol_key","in"} a line'
    )
    setting.set_defaults(command=_setting)
    schema = commands.add_parser("schema", help="the published JSON Schemas, and the OpenAPI document")
    schema.add_argument("what", choices=("course", "assessment", "protocol", "setting", "setting-line", "openapi"))
    schema.set_defaults(command=_schema)
    protocols = commands.add_parser("protocols", help="the label data")
    protocols.add_argument("what", choices=("check", "list", "show", "diff", "export", "grid"))
    protocols.add_argument(
        "names", nargs="*", help="files to check, the key to show, or two keys (or files) to compare"
    )
    protocols.add_argument("--as", dest="form", choices=("fhir", "json"), default="json", help="the form of an export")
    protocols.add_argument("--json", action="store_true", help="a comparison as JSON")
    protocols.set_defaults(command=_protocols)
    return parser


def _assess(chosen: argparse.Namespace) -> int:
    if chosen.lines:
        if chosen.at is not None:
            raise UnusableInput("unknown_key", "With --lines every line has its own 'at'.", "--at")
        for line in answers(_lines(chosen.file or "-")):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        return ANSWERED
    if chosen.file is None:
        raise UnusableInput("missing_file", "Name a course file, or - for standard input.")
    course = read_course(_text_of(chosen.file))
    answer = judge(course, _instant(chosen.at)).answer
    sys.stdout.write(json.dumps(answer.to_json(), indent=2, ensure_ascii=False) + "\n")
    return ANSWERED


def answers(lines: Iterable[str]) -> Iterator[str]:
    """One JSON answer for each JSON line; an unusable line gives an error and the rest go on."""
    return answered(lines, _answer, keys=("id", "course", "at"), needs=("at",))


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    return judge(course_from_json(body.get("course")), instant_from(body["at"], "at")).answer.to_json()


def _replay(chosen: argparse.Namespace) -> int:
    from handrail.cli.replay import story

    until = None if chosen.until is None else _instant(chosen.until)
    for line in story(read_course(_text_of(chosen.file)), until):
        sys.stdout.write(line + "\n")
    return ANSWERED


def _grade(chosen: argparse.Namespace) -> int:
    from handrail.cli.grade import run as grades

    for line in grades(chosen.what, _lines("-")):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return ANSWERED


def _setting(_: argparse.Namespace) -> int:
    from handrail.cli.setting import run as settings

    for line in settings(_lines("-")):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return ANSWERED


def _schema(chosen: argparse.Namespace) -> int:
    from handrail.rules.schema import schema_of

    if chosen.what == "openapi":
        from handrail.cli import with_django

        return with_django(_openapi, [])  # Django's addresses, and no database
    sys.stdout.write(json.dumps(schema_of(chosen.what), indent=2, ensure_ascii=False) + "\n")
    return ANSWERED


def _openapi(_: list[str]) -> int:
    from handrail.config.openapi import document

    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
    return ANSWERED


def _protocols(chosen: argparse.Namespace) -> int:
    from handrail.cli import protocol_diffs, protocol_exports, protocols

    if chosen.what == "check":
        problems = protocols.check([Path(name) for name in chosen.names])
        for problem in problems:
            sys.stderr.write(problem + "\n")
        sys.stdout.write(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}\n")
        return FAILED_CHECK if problems else ANSWERED
    if chosen.what == "list":
        sys.stdout.write(protocols.list_text() + "\n")
        return ANSWERED
    if chosen.what == "grid" and len(chosen.names) <= 1:
        sys.stdout.write(protocol_exports.grid_text(*chosen.names or (None,)))
        return ANSWERED
    if chosen.what == "diff":
        sys.stdout.write(protocol_diffs.diff_text(chosen.names, as_json=chosen.json))
        return ANSWERED
    if len(chosen.names) != 1:
        raise UnusableInput("missing_key", f"Name one protocol to {chosen.what}; `handrail protocols list` names them.")
    if chosen.what == "export":
        sys.stdout.write(protocol_exports.export_text(chosen.names[0], chosen.form) + "\n")
        return ANSWERED
    sys.stdout.write(protocols.show_text(chosen.names[0]) + "\n")
    return ANSWERED


def _lines(name: str) -> Iterator[str]:
    """The lines of a file or of standard input as they come; one that is not UTF-8 is no JSON either."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as source:
            for line in source:
                try:
                    yield line.decode()
                except UnicodeDecodeError:
                    yield "\ufffd"
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> UnusableInput:
    return UnusableInput("unreadable", f"The file cannot be read: {error.strerror or 'unknown trouble'}.")


def _text_of(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise _unreadable(error) from error


def _instant(text: str | None) -> datetime:
    """The instant of --at or --until; nothing given: the clock's own now."""
    if text is None:
        from handrail import clock

        return clock.now()
    return instant_from(text, "the command line")


# --- commands with a database ----------------------------------------------------------------------------------------


def _with_database(name: str, words: list[str]) -> int:
    from importlib import import_module

    from handrail.cli import with_django

    module, prefix = DATABASE_COMMANDS[name]

    def command(rest: list[str]) -> int:
        found: Callable[[list[str]], int] = import_module(module).main
        return found([*prefix, *rest])

    if name == "migrate":
        found = import_module(module).main
        found(["migrate", *words])
        return ANSWERED
    return with_django(command, words)


DATABASE_COMMANDS: dict[str, tuple[str, list[str]]] = {
    "accountability": ("handrail.jobs.accountability", []),
    "clients": ("handrail.jobs.clients", []),
    "demo": ("handrail.jobs.demo", []),
    "serve": ("handrail.jobs.serve", []),
    "watch": ("handrail.jobs.watcher", []),
    "export": ("handrail.jobs.exports", []),
    "import": ("handrail.jobs.imports", []),
    "keys": ("handrail.jobs.document_keys", ["keys"]),
    "packet": ("handrail.jobs.document_keys", ["packet"]),
    "people": ("handrail.jobs.people", []),
    "rota": ("handrail.jobs.rota", []),
    "migrate": ("handrail.config.manage", []),
}
"""Module whose `main(words)` carries the command out."""
