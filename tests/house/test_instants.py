"""No clock time stands alone: an instant is written by the functions that write it whole, and by nobody else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, text

ALLOWED = {
    "actions/document_keys.py::_day": "whole, in UTC, and says so",
    "actions/words_doors.py::_clock": "opening hours: civil times of a place, with the day beside them, under a line that says as of when",
    "actions/words_times.py::home_time": "the one for whoever is no staff here",
    "cli/replay.py::_clock": "one course told in order, under its days; with the zone on a day of a clock change",
    "fhir/bulk_door.py::status": "a header of HTTP",
    "fhir/health_links.py::manifest": "for machines",
    "jobs/demo/night.py::_print": "one night told in order at a terminal",
    "jobs/demo/supervisor.py::_when": "whole, in UTC, and says so",
    "jobs/watcher.py::main": "whole, in UTC, and says so",
    "rules/rota.py::_odd_time": "a civil time of a shift, not an instant",
    "rules/terms.py::say_instant": "the one with the year",
    "rules/watch.py::_clock_change_note": "a civil time of the policy; the instant stands before it",
    "web/gate/page.py::hour_words": "with the zone, beside the day of the dose",
    "web/setting/page.py::_clock": "with the zone, beside the day it belongs to",
    "web/views_rota_parts.py::_pattern_words": "civil times of a plan, not instants",
    "web/views_rota_parts.py::_clock_time": "reads a civil time that was typed",
    "web/words.py::local_time": "the one of the staff pages",
}
"""Who may write hours and minutes, and why it is no bare clock time."""

CLOCK = re.compile(r"%-?[HIXTcp]")
DAY = re.compile(r"%-?[dDFxYbB]")
DJANGO_CLOCK = re.compile(r"(?<!\\)[GHgh]:i|\bTIME_FORMAT|DATETIME_FORMAT")
INSTANT = re.compile(r"(?:^|_)at$")
IN_TEMPLATE = re.compile(
    r"""\|\s*time\b                        # the clock alone
      | \|\s*date\b(?!\s*:)                # the day in the zone of the server
      | \|\s*date\s*:\s*["'][^"']*[GHghiPr]  # hours in the zone of the server
      | \b(?:\w+_)?at\|date\b              # the day of an instant, in the zone of the server
      | \{%\s*now\b""",
    re.VERBOSE,
)
IN_SCRIPT = re.compile(r"\.toLocale(?:Time|Date)?String\((?P<how>[^)]*)\)|\.getHours\(|\.getMinutes\(|DateTimeFormat\(")
NAMES_THE_ZONE = re.compile(r"timeZoneName|timeStyle: \"(?:long|full)\"")


def written(source: str) -> Iterator[tuple[str, int]]:
    """The function and the line of every place that writes hours, or the day of an instant without saying its zone."""

    def walk(node: ast.AST, inside: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            name = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else inside
            if _writes(child):
                yield name, getattr(child, "lineno", 0)
            yield from walk(child, name)

    return walk(ast.parse(source), "")


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        spec = "".join(_strings(node.format_spec))
        of = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        return bool(CLOCK.search(spec) or (DAY.search(spec) and INSTANT.search(of)))
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in ("strftime", "strptime"):
        return any(CLOCK.search(each) for each in _strings(node))
    return name in ("date_format", "time_format", "localize") and any(DJANGO_CLOCK.search(s) for s in _strings(node))


def _strings(node: ast.AST) -> list[str]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _sources(*ends: str) -> Iterator[tuple[str, str]]:
    package = Path("src/handrail")
    for path in files():
        if path.suffix in ends and path.is_relative_to(package) and "migrations" not in path.parts:
            yield path.relative_to(package).as_posix(), text(path) or ""


def test_hours_are_written_in_a_few_functions_only():
    """`__str__` of a row is for whoever mends the program; the log and the clock write no page."""
    found = {
        f"{path}::{name}": line
        for path, source in _sources(".py")
        for name, line in written(source)
        if name != "__str__"
    }
    assert sorted(set(found) - set(ALLOWED)) == [], "say it with local_time, say_instant or home_time"
    assert sorted(set(ALLOWED) - set(found)) == [], "no longer there: take it off the list"


def test_no_template_writes_an_instant_itself():
    found = [
        f"{path}: {match[0]}" for path, source in _sources(".html", ".txt") for match in IN_TEMPLATE.finditer(source)
    ]
    assert found == [], "the view says it with local_time, say_instant or home_time, in the zone of the site"


def test_no_script_writes_an_instant_without_its_zone():
    found = [
        f"{path}: {match[0]}"
        for path, source in _sources(".js")
        if not path.endswith(".min.js")
        for match in IN_SCRIPT.finditer(source)
        if not NAMES_THE_ZONE.search(match["how"] or "")
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'def f(at): return f"{at:%H:%M}"',
        'def f(at): return f"{at.astimezone(zone):%a %H:%M}"',
        'def f(at): return at.strftime("%I:%M %p")',
        'def f(at): return date_format(at, "l g:i A")',
        'def f(at, day): return time_format(at, "H:i" if day else "g:i A")',
        'def f(link): return f"{link.expires_at:%Y-%m-%d}"',
    ],
)
def test_a_planted_bare_time_is_found(source: str):
    assert [name for name, _line in written(source)] == ["f"]


@pytest.mark.parametrize("source", ['f"{day:%a} {day.day}"', 'f"{first:%B %Y}"', 'date_format(day, "l")', 'f"{x:.1f}"'])
def test_a_day_is_no_instant(source: str):
    assert list(written(source)) == []


@pytest.mark.parametrize("planted", ['{{ a.at|date:"j M" }}', '{{ x|date:"H:i" }}', "{{ x|time }}", "{{ x|date }}", '{% now "j" %}'])  # fmt: skip
def test_a_planted_filter_is_found(planted: str):
    assert IN_TEMPLATE.search(planted)


@pytest.mark.parametrize("fine", ['{{ day|date:"D j M Y" }}', "{{ first|date:'Y-m-d' }}", '<input type="date">'])
def test_a_filter_over_a_day_is_none(fine: str):
    assert not IN_TEMPLATE.search(fine)


def test_the_rule_stands_where_the_functions_say():
    assert (ROOT / "docs/decisions/0024-instants-said-whole.md").is_file()
