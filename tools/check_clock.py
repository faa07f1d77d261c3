"""Nobody reads the clock but `handrail/clock.py`.

usage: python tools/check_clock.py [FOLDER]     # default: src/handrail

Finds, in the syntax tree and therefore also behind an alias: `datetime.now`, `utcnow`, `today`, `date.today`, `time.time` and
its relatives, Django's `timezone.now` and the fields that call it (`auto_now`, `auto_now_add`, the database function `Now`), and
UUIDs made from the clock. `time.monotonic` and `time.sleep` measure a wait, not an instant: they are allowed. So is `uuid4`.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Full names of what reads the clock when it is called, passed on or imported.
BANNED = frozenset(
    {
        *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
        "datetime.date.today",
        *(
            f"time.{name}"
            for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "clock_gettime", "clock_gettime_ns")
        ),
        "uuid.uuid1",
        *(f"django.utils.timezone.{name}" for name in ("now", "localtime", "localdate")),
        "django.db.models.functions.Now",
        "django.db.models.functions.datetime.Now",
    }
)
# Read the clock only when the instant is left out.
BANNED_WITHOUT_ARGUMENT = frozenset({"time.strftime", "time.asctime"})
BANNED_KEYWORDS = frozenset({"auto_now", "auto_now_add"})
# Converts an instant that it is given; reads the clock when it is given none.
CONVERTERS = frozenset({"django.utils.timezone.localtime", "django.utils.timezone.localdate"})
CONVERTERS_BY_POSITION = {"time.localtime": 1, "time.gmtime": 1, "time.ctime": 1, "time.strftime": 2, "time.asctime": 1}


@dataclass(frozen=True, slots=True)
class Finding:
    """One reading of the clock."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what} reads the clock; use handrail.clock.now()"


def find(source: str, file: Path) -> Iterator[Finding]:
    """Every place in one file that reads the clock."""
    tree = ast.parse(source, filename=str(file))
    names = _imported(tree)
    given = {
        id(call.func) for call in ast.walk(tree) if isinstance(call, ast.Call) and _is_given_an_instant(call, names)
    }
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            full = _full_name(node, names)
            if full in BANNED and id(node) not in given:
                yield Finding(file, node.lineno, full)
        elif isinstance(node, ast.Call):
            full = _full_name(node.func, names)
            if full in BANNED_WITHOUT_ARGUMENT and not _is_given_an_instant(node, names):
                yield Finding(file, node.lineno, full)
            for keyword in node.keywords:
                if keyword.arg in BANNED_KEYWORDS and not _is_false(keyword.value):
                    yield Finding(file, node.lineno, keyword.arg)


def _imported(tree: ast.AST) -> dict[str, str]:
    """The full name behind every imported name, and behind a name that is set to one (`read = datetime.now` needs no entry:
    the right-hand side is found by itself)."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            full = _full_name(node.value, names)
            if full in {"datetime", "datetime.datetime", "datetime.date", "time", "django.utils.timezone"}:
                names[node.targets[0].id] = full
    return names


def _full_name(node: ast.AST, names: dict[str, str]) -> str | None:
    """`dt.now` with `from datetime import datetime as dt` is `datetime.datetime.now`."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(attributes)])


def _is_given_an_instant(call: ast.Call, names: dict[str, str]) -> bool:
    full = _full_name(call.func, names)
    if full in CONVERTERS:
        return bool(call.args) or any(keyword.arg == "value" for keyword in call.keywords)
    return full in CONVERTERS_BY_POSITION and len(call.args) >= CONVERTERS_BY_POSITION[full]


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def check(folder: Path) -> list[Finding]:
    """Every reading of the clock under a package folder, but for its own `clock.py`."""
    findings: list[Finding] = []
    for file in sorted(folder.rglob("*.py")):
        if file != folder / "clock.py":
            findings.extend(find(file.read_text(encoding="utf-8"), file))
    return findings


def main(arguments: list[str]) -> int:
    findings = check(Path(arguments[0]) if arguments else ROOT / "src" / "handrail")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
