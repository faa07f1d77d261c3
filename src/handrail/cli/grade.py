"""`handrail grade crs|icans --lines`: one case in, one grade out, a line each.

In:  `{"id": "...", "in": {"tmax_c": 38.4, "hypotension": false, ...}}`. A field that is absent or null is not known.
Out: `{"id", "grade", "suspected", "flags", "because", "cannot_say"}`, in the order of the lines that came in.
A line that cannot be used gives `{"id", "error": {"code", "message", "path"}}`, and the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from handrail.rules.grading import CrsInputs, Grade, IcansInputs, grade_crs, grade_icans
from handrail.rules.terms import UnusableInput

Kind = Literal["crs", "icans"]
KINDS: tuple[str, ...] = get_args(Kind)

Reader = Callable[[Any, str], Any]

MOST_DIGITS = 18  # a short text can name a number of a million digits, which takes minutes to write out


def run(kind: str, lines: Iterable[str]) -> Iterator[str]:
    """One line of JSON, without its line end, for each line.

    Raises:
        UnusableInput: `kind` is neither `crs` nor `icans`.
    """
    if kind not in KINDS:
        raise UnusableInput("unknown_word", f"A grade is one of: {', '.join(KINDS)}.", "kind")
    return (json.dumps(_answer(kind, line)) for line in lines)


def _answer(kind: str, line: str) -> dict[str, Any]:
    name: str | int | None = None
    try:
        body = _object(_parse(line), "")
        name = _id(body)
        for key in body:
            if key not in ("id", "in"):
                raise UnusableInput("unknown_key", "A line has the keys id and in.", key)
        if "in" not in body:
            raise UnusableInput("missing_key", "A line needs its facts under the key in.", "in")
        grade = _grade(kind, _object(body["in"], "in"))
    except UnusableInput as error:
        return {"id": name, "error": {"code": error.code, "message": error.message, "path": error.path}}
    return {
        "id": name,
        "grade": grade.grade,
        "suspected": grade.suspected,
        "flags": list(grade.flags),
        "because": grade.because,
        "cannot_say": [
            {"missing": SPELLINGS.get(item.missing, item.missing), "why_it_matters": item.why_it_matters}
            for item in grade.cannot_say
        ],
    }


def _grade(kind: str, facts: Mapping[str, Any]) -> Grade:
    """The grade of the facts of its kind; the facts of the other kind may stand beside them and are not read."""
    for key in facts:
        if key not in CRS_FIELDS and key not in ICANS_FIELDS:
            raise UnusableInput("unknown_key", "The line has a fact of an unknown name.", f"in.{key}")
    readers = CRS_FIELDS if kind == "crs" else ICANS_FIELDS
    values: dict[str, Any] = {}
    for key, (field, read) in readers.items():
        if facts.get(key) is None:
            continue
        value = read(facts[key], f"in.{key}")
        if values.setdefault(field, value) != value:
            raise UnusableInput(
                "contradiction", "The same fact stands in the line twice, with two values.", f"in.{key}"
            )
    try:
        return grade_crs(CrsInputs(**values)) if kind == "crs" else grade_icans(IcansInputs(**values))
    except UnusableInput as error:
        place = SPELLINGS.get(error.path, error.path)
        raise UnusableInput(error.code, error.message, f"in.{place}") from error


def _parse(line: str) -> Any:
    try:
        return json.loads(line, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once)
    except UnusableInput:
        raise
    except (ValueError, RecursionError) as error:
        raise UnusableInput("not_json", "This line is not readable JSON.") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise UnusableInput("duplicate_key", "A key stands twice in one object of the line.")
    return body


def _object(data: Any, path: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise UnusableInput("wrong_type", "This is a JSON object.", path)
    return data


def _id(body: Mapping[str, Any]) -> str | int:
    name = body.get("id")
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise UnusableInput("missing_key", "A line needs an id: a text or a whole number.", "id")
    return name


def _bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise UnusableInput("wrong_type", "The value is true, false or null.", path)
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise UnusableInput("wrong_type", "The value is a text.", path)
    return value


def _texts(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UnusableInput("wrong_type", "The value is a list of texts.", path)
    return tuple(value)


def _number(value: Any, path: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise UnusableInput("wrong_type", "The value is a number.", path)
    if number and abs(number.adjusted()) > MOST_DIGITS:
        raise UnusableInput("out_of_range", "The value is beyond any reading.", path)
    return number


def _whole(value: Any, path: str) -> int:
    number = _number(value, path)
    if number != number.to_integral_value():
        raise UnusableInput("wrong_type", "The value is a whole number.", path)
    return int(number)


CRS_FIELDS: dict[str, tuple[str, Reader]] = {
    "tmax_c": ("tmax_c", _number),
    "fever_other": ("fever_other", _bool),
    "episode_open": ("episode_open", _bool),
    "masked": ("masked", _bool),
    "premed_masking": ("premed_masking", _bool),
    "hypotension": ("hypotension", _bool),
    "hypotension_other": ("hypotension_other", _bool),
    "pressors": ("pressors", _texts),
    "o2": ("o2", _text),
    "flow": ("flow_l_per_min", _number),
    "flow_l_per_min": ("flow_l_per_min", _number),
    "hypoxia_other": ("hypoxia_other", _bool),
    "died_of_crs": ("died_of_crs", _bool),
}
"""Names in a line, with the input each one is."""

ICANS_FIELDS: dict[str, tuple[str, Reader]] = {
    "ice": ("ice", _whole),
    "loc": ("loc", _text),
    "loc_other": ("loc_other", _bool),
    "seizure": ("seizure", _text),
    "motor": ("motor", _bool),
    "edema": ("edema", _text),
    "icp_signs": ("icp_signs", _bool),
    "ich": ("ich", _bool),
}

SPELLINGS = {"flow_l_per_min": "flow"}
"""Inputs that a line calls by a shorter name."""
