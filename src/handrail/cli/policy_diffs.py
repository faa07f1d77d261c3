"""`handrail protocols diff A B` for two policies: what is tighter, what is looser, and what nobody can compare."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from handrail.rules.policy import FOLDER, Policy, load_policy, shipped_document
from handrail.rules.policy import FORMAT as POLICY_FORMAT
from handrail.rules.policy_changes import FORMAT, PolicyChange, Verdict, changes_of, say
from handrail.rules.terms import UnusableInput

SIGNS = {Verdict.TIGHTER: "tighter", Verdict.LOOSER: "LOOSER", Verdict.NEITHER: "NEITHER COMPARABLE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A policy that was named on the command line, as it was written and as it was read."""

    document: Mapping[str, Any]
    policy: Policy


def policy_named(name: str) -> Named | None:
    """The policy of that id, or in that TOML or JSON file; None: the name is not that of a policy.

    Raises:
        UnusableInput: a policy that cannot be loaded.
    """
    shipped = {str(_toml(file)["id"]) for file in FOLDER.glob("*.toml")}
    if name in shipped:
        return Named(document=shipped_document(name), policy=load_policy(name))
    file = Path(name)
    if file.suffix not in (".toml", ".json") or not file.is_file():
        return None
    try:
        document = _toml(file) if file.suffix == ".toml" else json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError):
        return None  # whoever reads it as a label says what is wrong
    if not isinstance(document, dict) or document.get("format") != POLICY_FORMAT:
        return None
    return Named(document=document, policy=load_policy(document))


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)


def policy_diff_text(names: tuple[str, str], *, as_json: bool) -> str:
    """Two policies compared; the directions are those of the first.

    Raises:
        UnusableInput: one of them is no policy, or cannot be loaded.
    """
    one, other = (_wanted(name) for name in names)
    changes = changes_of(one.document, other.document, one.policy.caution)
    if as_json:
        written = {
            "format": FORMAT,
            "before": _ref(one.policy),
            "after": _ref(other.policy),
            "changes": [change.to_json() for change in changes],
        }
        return json.dumps(written, indent=2, ensure_ascii=False) + "\n"
    return "\n".join(_lines(one.policy, other.policy, changes)) + "\n"


def _wanted(name: str) -> Named:
    found = policy_named(name)
    if found is None:
        raise UnusableInput("unknown_policy", f"{name!r} is no policy: two policies or two labels are compared.", name)
    return found


def _ref(policy: Policy) -> dict[str, str]:
    return {"id": policy.ref.id, "version": policy.ref.version, "sha256": policy.ref.sha256}


def _lines(one: Policy, other: Policy, changes: tuple[PolicyChange, ...]) -> Iterator[str]:
    for word, policy in (("before:", one), ("after: ", other)):
        yield f"{word} policy {policy.ref.id} version {policy.ref.version}  sha256 {policy.ref.sha256}"
    if not changes:
        yield "No value differs."
        return
    counts = {verdict: sum(1 for change in changes if change.verdict is verdict) for verdict in Verdict}
    yield ", ".join(f"{number} {verdict.value}" for verdict, number in counts.items())
    signed = {row.place: row for row in other.departures}
    for change in changes:
        yield ""
        yield f"{SIGNS[change.verdict]}: {change.place} ({change.because})"
        yield f"      - {say(change.before)}"
        yield f"      + {say(change.after)}"
        if change.place in signed and not change.free:
            row = signed[change.place]
            yield f"      because: {row.reason}; review on {row.review_on}"
