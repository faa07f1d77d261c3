"""`handrail setting --lines`: one dose in, one recommended setting out, a line each.

In:  `{"id": "...", "at": "...", "protocol_key": "...", "in": {"zone": "...", "step": "...", ...}}`. A fact that is absent or null is not
known.
Out: `{"id", "format", "recommendation", "confidence", "blocking", ...}`, in the order of the lines that came in.
A line that cannot be used gives `{"id", "error": {"code", "message", "path"}}`, and the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from handrail.rules.answer import plain
from handrail.rules.coursefile import CourseFileError, instant_from, read_json, read_plain
from handrail.rules.protocol import Protocol, load
from handrail.rules.setting import SETTING_FORMAT, Setting, setting
from handrail.rules.setting_facts import SettingFacts
from handrail.rules.setting_rules import load_setting_rules
from handrail.rules.terms import UnusableInput

KEYS = ("id", "at", "protocol_key", "in")


def run(lines: Iterable[str]) -> Iterator[str]:
    """One line of JSON, without its line end, for each line."""
    return (json.dumps(_answer(line)) for line in lines)


def _answer(line: str) -> dict[str, Any]:
    name: Any = None
    try:
        body = read_json(line, what="line")
        if not isinstance(body, dict):
            raise CourseFileError("wrong_type", 'A line is an object {"id","at","protocol_key","in"}.')
        name = body.get("id") if isinstance(body.get("id"), (str, int)) else None
        for key in body:
            if key not in KEYS:
                raise CourseFileError("unknown_key", f"The key {key!r} is not known here.", key)
        for key in ("at", "in"):
            if body.get(key) is None:
                raise CourseFileError("missing_key", f"A line needs {key!r}.", key)
        key = body.get("protocol_key")
        if key is not None and not isinstance(key, str):
            raise CourseFileError("wrong_type", "The value is a text.", "protocol_key")
        label = load(key) if key is not None else None
        answer = _setting(read_plain(SettingFacts, body["in"], "in"), label, instant_from(body["at"], "at"))
    except UnusableInput as error:
        return {"id": name, "error": {"code": error.code, "message": error.message, "path": error.path}}
    return {"id": name, "format": SETTING_FORMAT, **plain(answer)}


def _setting(facts: SettingFacts, label: Protocol | None, now: datetime) -> Setting:
    """The setting; facts that contradict themselves are named by their place in the line."""
    try:
        return setting(facts, load_setting_rules(), label, now)
    except UnusableInput as error:
        raise UnusableInput(error.code, error.message, f"in.{error.path}".removesuffix(".")) from error
