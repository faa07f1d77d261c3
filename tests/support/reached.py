"""Which rules a run of generated courses reached: what there is to reach, read from the code and the data, and counts."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from handrail.rules import assess as rules_assess
from handrail.rules.answer import NextDose
from handrail.rules.protocol import AfterToxicityRow, Protocol
from handrail.rules.terms import Action, Disposition, Ladder
from handrail.rules.validity import Judged
from tests.support.course_documents import POLICY

RULES = Path(rules_assess.__file__).parent
counts: Counter[tuple[str, str]] = Counter()
"""(what, which) of everything reached since the tests began."""


def count(said: Judged) -> Judged:
    """Count what one answer rests on."""
    answer, key = said.answer, said.protocol.key
    dose = answer.next_dose
    seen = {
        ("action", dose.action.value),
        ("state", answer.state.name),
        ("disposition", answer.triage.disposition.value),
    }
    rows = [dose.row, dose.would_be.row if dose.would_be else None]
    seen |= {("row", f"{key} {row}") for row in rows if row is not None}
    seen |= {("after", f"{key} {row.id}") for row in said.protocol.after_toxicity if _shown(row, dose)}
    seen |= {("finding", finding.rule) for finding in answer.findings}
    seen |= {("page", page.key.split(":")[0]) for page in answer.pages}
    seen |= {("cannot say", missing.missing) for missing in answer.cannot_say if "." not in missing.missing}
    seen |= {("watch", answer.watch.phase)}
    if answer.triage.ladder is not None:
        seen.add(("ladder", answer.triage.ladder.value))
    counts.update(seen)
    return said


def _shown(row: AfterToxicityRow, dose: NextDose) -> bool:
    """The answer names the row: as its reason, or as where to watch the next dose."""
    return row.words in dose.because or (dose.monitoring is not None and dose.monitoring.row == row.id)


def shown_after(protocol: Protocol) -> Iterator[AfterToxicityRow]:
    """The rows after a reaction that an answer names; the others only withhold while the reaction lasts."""
    for row in protocol.after_toxicity:
        said = not row.acts or row.action == "stop" or row.monitoring_next or row.rest_hours
        if row.toxicity in ("crs", "icans") and said:
            yield row


def expected() -> set[tuple[str, str]]:
    """Everything that a run must reach, but for the rows of a protocol."""
    written = _written()
    return {
        *(("action", action.value) for action in Action),
        *(("ladder", ladder.value) for ladder in Ladder),
        *(("disposition", disposition.value) for disposition in Disposition),
        *(("watch", phase.id) for phase in POLICY.watch.phase),
        *(("watch", phase) for phase in ("in_care", "none")),
        *written,
    }


@cache
def _written() -> set[tuple[str, str]]:
    """The words that the code gives to findings, states, pages and facts it cannot say."""
    found: set[tuple[str, str]] = set()
    for path in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found |= _of_call(node)
    return found


def _of_call(node: ast.Call) -> set[tuple[str, str]]:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    words = {item.arg: item.value for item in node.keywords}
    wanted = {"Finding": ("finding", "rule"), "CourseState": ("state", "name"), "PageWanted": ("page", "key")}
    if called == "_page" and isinstance(node.args[0], ast.Constant):
        return {("page", str(node.args[0].value))}
    if called not in wanted:
        return set()
    what, argument = wanted[called]
    value = words[argument]
    if isinstance(value, ast.JoinedStr):
        value = value.values[0]
    return {(what, str(value.value).rstrip(":"))} if isinstance(value, ast.Constant) else set()
