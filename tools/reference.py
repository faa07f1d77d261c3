"""The parts of docs/reference that follow from the code: schemas, the table of event kinds, and what each command prints.

    python tools/reference.py            write them again
    python tools/reference.py --check    say which of them is not what the code gives; exit status 1

In a document the table stands between two comments, and an example is a `console` block: every line that begins with
`$ ` is run at the root of the project, and what it prints follows.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from handrail.rules.coursefile import Facts
from handrail.rules.events import KINDS, SHELL_KINDS
from handrail.rules.schema import SCHEMAS

try:
    from tools import examples, labels, needs
except ModuleNotFoundError:  # run as a script, which knows only its own folder
    import examples
    import labels
    import needs
from handrail.rules.overlays import Overlay, PolicyDocument
from handrail.rules.terms import SCHEDULES, STEPS

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
WORDS = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    Decimal: "decimal",
    datetime: "instant",
    date: "date",
    Overlay: "document of signed rows",
    PolicyDocument: "whole policy document",
}
NAMED = {STEPS: "[step](#steps-and-schedules)", SCHEDULES: "[schedule](#steps-and-schedules)"}


def documents() -> Iterator[tuple[Path, str]]:
    """Every file that follows from the code, with what should stand in it."""
    for what in SCHEMAS:
        yield REFERENCE / f"{what}.schema.json", printed(f"handrail schema {what}")
    yield REFERENCE / "openapi.json", printed("handrail schema openapi")
    yield from labels.documents()
    yield needs.PAGE, needs.page()
    page = REFERENCE / "course-file.md"
    text = between(page.read_text(), "kinds", kinds_table())
    yield page, between(text, "facts", fields_table(Facts))
    page = REFERENCE / "fhir-import.md"
    yield page, between(page.read_text(), "records", examples.table())
    page = REFERENCE / "commands.md"
    yield page, CONSOLE.sub(lambda block: f"```console\n{console(block.group(1))}```", page.read_text())


def between(text: str, name: str, table: str) -> str:
    """The document with this table between its two comments."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"There is no place for the table of {name}.")
    return f"{before}{begin}\n{table}\n\n{end}{after}"


def kinds_table() -> str:
    """One row a kind, the shell's own last."""
    kinds = sorted(KINDS, key=lambda kind: kind in SHELL_KINDS)
    rows = [f"| `{kind}` | {sentence(KINDS[kind])} | {'; '.join(named(KINDS[kind])) or 'none'} |" for kind in kinds]
    return "\n".join(["| kind | what it says | fields |", "| --- | --- | --- |", *rows])


def fields_table(cls: type[Any]) -> str:
    """One row a field."""
    hints = typing.get_type_hints(cls)
    rows = [f"| `{item.name}` | {words(hints[item.name])} |" for item in fields(cls)]
    return "\n".join(["| key | value |", "| --- | --- |", *rows])


def named(cls: type[Any]) -> Iterator[str]:
    """Each field with what may stand in it."""
    hints = typing.get_type_hints(cls)
    for item in fields(cls):
        yield f"`{item.name.rstrip('_')}` {words(hints[item.name])}"


def words(hint: Any) -> str:
    """What may stand in a field of this type."""
    options = [arg for arg in get_args(hint) if arg is not type(None)]
    origin = get_origin(hint)
    if get_args(hint) in NAMED:
        return NAMED[get_args(hint)]
    if origin is Literal:
        numbers = [arg for arg in get_args(hint) if isinstance(arg, int)]
        if numbers:
            return f"{min(numbers)} {'or' if len(numbers) == 2 else 'to'} {max(numbers)}"
        return "/".join(f"`{arg}`" for arg in get_args(hint))
    if origin is tuple and is_dataclass(get_args(hint)[0]):
        return f"list of objects ({', '.join(named(get_args(hint)[0]))})"
    if isinstance(hint, type) and is_dataclass(hint):
        return f"object ({', '.join(named(hint))})"
    if origin is tuple:
        return f"list of {words(get_args(hint)[0])}s"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"object of {words(get_args(hint)[1])}"
    return words(options[0]) if options else WORDS[hint]


def sentence(cls: type[Any]) -> str:
    """The first sentence of its docstring, on one line."""
    return (cls.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").replace("|", "\\|")


def console(block: str) -> str:
    """The commands of a block, each with what it prints now."""
    lines = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{printed(line[2:])}" for line in lines)


def printed(command: str) -> str:
    """What a command line prints, errors included."""
    place = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{place}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}
    finished = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return finished.stdout


def main(arguments: list[str]) -> int:
    """Write or check."""
    wrong = [(path, text) for path, text in documents() if not path.is_file() or path.read_text() != text]
    for path, text in wrong:
        print(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if wrong and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
