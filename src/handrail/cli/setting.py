"""`handrail setting --lines`: one dose in, one recommended setting out, a line each.

In:  `{"id": "...", "at": "...", "protocol_key": "...", "in": {"zone": "...", "step": "...", ...}}`. A fact that is absent or null is not
known.
Out: `{"id", "format", "recommendation", "confidence", "blocking", ...}`, in the order of the lines that came in.
A line that cannot be used gives `{"id", "error": {"code", "message", "path"}}`, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from handrail.cli.lines import answered
from handrail.rules.answer import plain
from handrail.rules.coursefile import CourseFileError, instant_from, read_plain
from handrail.rules.protocol import Protocol, load
from handrail.rules.setting import SETTING_FORMAT, Setting, setting
from handrail.rules.setting_facts import SettingFacts
from handrail.rules.setting_rules import load_setting_rules
from handrail.rules.terms import UnusableInput

KEYS = ("id", "at", "protocol_key", "in")


def run(lines: Iterable[str]) -> Iterator[str]:
    """One line of JSON, without its line end, for each line."""
    return answered(lines, _answer, keys=KEYS, needs=("at", "in"))


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    key = body.get("protocol_key")
    if key is not None and not isinstance(key, str):
        raise CourseFileError("wrong_type", "The value is a text.", "protocol_key")
    label = load(key) if key is not None else None
    answer = _setting(read_plain(SettingFacts, body["in"], "in"), label, instant_from(body["at"], "at"))
    return {"format": SETTING_FORMAT, **plain(answer)}


def _setting(facts: SettingFacts, label: Protocol | None, now: datetime) -> Setting:
    """The setting; facts that contradict themselves are named by their place in the line."""
    try:
        return setting(facts, load_setting_rules(), label, now)
    except UnusableInput as error:
        raise UnusableInput(error.code, error.message, f"in.{error.path}".removesuffix(".")) from error
