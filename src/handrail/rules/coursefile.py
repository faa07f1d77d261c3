"""The course file, `handrail-course/1`: what scenarios, replays, imports, exports and bug reports are made of.

Strict at the edge: unknown keys and kinds, naive times and unknown zones are refused with one clear sentence and the
path to the place; keys that begin with `x_` are kept and not read. No sentence repeats a value that may be a reading.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin
from uuid import UUID

from handrail.rules.answer import plain
from handrail.rules.events import KINDS, By, Event
from handrail.rules.overlays import OVERLAY_KEYS, Overlay, PolicyDocument
from handrail.rules.terms import UnusableInput, zone_named

FORMAT = "handrail-course/1"
ENVELOPE = frozenset(
    {"id", "kind", "version", "at", "recorded_at", "by", "source", "site", "zone", "supersedes", "reason"}
)
FIRST_YEAR, LAST_YEAR = 1900, 2199
WRITTEN_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID as we write it ourselves: already in its one form."""
SOURCES = ("staff", "patient", "caregiver", "device", "import")


class CourseFileError(UnusableInput):
    """A course file or event that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the person without identity."""

    birth_year: int | None = None
    sex: str | None = None
    ecog_0_4: int | None = None
    lines_prior: int | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One course: one product, one attempt at initiation, and everything that happened."""

    id: str
    product: str
    jurisdiction: str
    time_zone: str
    protocol_key: str | None = None
    schedule: str | None = None
    policy: Any = None
    synthetic: bool
    overlays: tuple[Any, ...] = ()
    facts: Facts = field(default_factory=Facts)
    context: Any = None
    events: tuple[Event, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


COURSE_KEYS = frozenset(f.name for f in fields(Course)) - {"extra"}
"""The keys of a course file beside `format`."""


def read_course(text: str | bytes) -> Course:
    """The course in a JSON text.

    Raises:
        CourseFileError: not JSON, or not a usable course file.
    """
    return course_from_json(read_json(text, what="course file"))


def read_json(text: str | bytes, *, what: str) -> Any:
    """JSON with decimals kept to the digit; a broken text is one clear sentence."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_each_key_once)
    except CourseFileError:
        raise
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        raise CourseFileError("not_json", f"This {what} is not readable JSON{where}.") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise CourseFileError("duplicate_key", "A key stands twice in one object of the file.")
    return body


def course_from_json(data: Any) -> Course:
    """A course from parsed JSON, every event included.

    Raises:
        CourseFileError: with the path of the first thing that cannot be used.
    """
    body, extra = _object(data, "", "a course file")
    if body.get("format") != FORMAT:
        raise CourseFileError("unknown_format", f'A course file starts with "format": "{FORMAT}".', "format")
    _refuse_unknown(body, COURSE_KEYS | {"format"}, "")
    for name in ("id", "product", "jurisdiction", "time_zone"):
        if body.get(name) is None:
            raise CourseFileError("missing_key", f"A course file needs {name!r}.", name)
    zone = _zone(body["time_zone"], "time_zone")
    events = body.get("events")
    if not isinstance(events, list):
        raise CourseFileError("wrong_type", "The events of a course file are a list.", "events")
    course = Course(
        id=_uuid(body["id"], "id"),
        product=_text(body["product"], "product"),
        jurisdiction=_text(body["jurisdiction"], "jurisdiction"),
        time_zone=zone,
        protocol_key=_optional(_text, body.get("protocol_key"), "protocol_key"),
        schedule=_optional(_text, body.get("schedule"), "schedule"),
        policy=body.get("policy"),
        synthetic=_optional(_bool, body.get("synthetic"), "synthetic") or False,
        overlays=tuple(_optional(_list, body.get("overlays"), "overlays") or ()),
        facts=_optional(_facts, body.get("facts"), "facts") or Facts(),
        context=body.get("context"),
        events=tuple(event_from_json(item, zone=zone, path=f"events[{n}]") for n, item in enumerate(events)),
        extra=extra,
    )
    return course


def event_from_json(data: Any, *, zone: str, path: str = "event") -> Event:
    """One event from parsed JSON; `zone` is the course's default time zone.

    Raises:
        CourseFileError: unknown kind or key, wrong type, naive time, unknown zone.
    """
    body, extra = _object(data, path, "an event")
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CourseFileError("unknown_kind", "There is no event kind of that name.", f"{path}.kind")
    version = body.get("version", 1)
    if not _is_field(kind, "version", version) and version != 1:
        raise CourseFileError("unknown_version", f"{kind} has no version of that number.", f"{path}.version")
    for name in ("id", "at"):
        if body.get(name) is None:
            raise CourseFileError("missing_key", f"Every event needs {name!r}.", f"{path}.{name}")
    at = instant_from(body["at"], f"{path}.at")
    source = body.get("source")
    if source is not None and source not in SOURCES:
        raise CourseFileError("unknown_word", f"source is one of {', '.join(SOURCES)}.", f"{path}.source")
    payload, nulls = _payload(kind, body, path)
    return Event(
        id=_uuid(body["id"], f"{path}.id"),
        kind=kind,
        version=1,
        at=at,
        recorded_at=_optional(instant_from, body.get("recorded_at"), f"{path}.recorded_at") or at,
        zone=_zone(zone if body.get("zone") is None else body["zone"], f"{path}.zone"),
        body=payload,
        by=_by(body.get("by"), f"{path}.by"),
        source=source,
        site=_optional(_text, body.get("site"), f"{path}.site"),
        supersedes=_optional(_uuid, body.get("supersedes"), f"{path}.supersedes"),
        reason=_optional(_text, body.get("reason"), f"{path}.reason"),
        nulls=nulls,
        extra=extra,
    )


def event_to_json(event: Event) -> dict[str, Any]:
    """The event in wire form: known values, explicit nulls and `x_` keys come back as they were."""
    out: dict[str, Any] = {
        "id": event.id,
        "kind": event.kind,
        "version": event.version,
        "at": plain(event.at),
        "recorded_at": plain(event.recorded_at),
        "zone": event.zone,
    }
    if event.by is not None:
        out["by"] = {"role": event.by.role, "id": event.by.id}
    for name in ("source", "site", "supersedes", "reason"):
        value = getattr(event, name)
        if value is not None:
            out[name] = value
    return out | payload_to_json(event)


def payload_to_json(event: Event) -> dict[str, Any]:
    """Only the kind's own fields of an event, in wire form."""
    out: dict[str, Any] = {}
    for item in fields(event.body):
        value = getattr(event.body, item.name)
        wire = item.name.rstrip("_")
        if wire in event.nulls:
            out[wire] = None
        elif value is not None and not (item.name == "implausible" and value == ()):
            out[wire] = dict(value) if isinstance(value, Mapping) else plain(value)
    return out | dict(event.extra)


def course_to_json(course: Course) -> dict[str, Any]:
    """The whole course in wire form, events in the order given."""
    facts = {f.name: getattr(course.facts, f.name) for f in fields(Facts)}
    return {
        "format": FORMAT,
        "id": course.id,
        "synthetic": course.synthetic,
        "product": course.product,
        "jurisdiction": course.jurisdiction,
        "protocol_key": course.protocol_key,
        "schedule": course.schedule,
        "policy": course.policy,
        "overlays": list(course.overlays),
        "time_zone": course.time_zone,
        "facts": {name: value for name, value in facts.items() if value is not None},
        "context": course.context,
        "events": [event_to_json(event) for event in course.events],
        **dict(course.extra),
    }


# --- reading one value -------------------------------------------------------------------------------------------


def _object(data: Any, path: str, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(data, dict):
        raise CourseFileError("wrong_type", f"{what.capitalize()} is a JSON object.", path)
    extra = {key: value for key, value in data.items() if key.startswith("x_")}
    return (data if not extra else {key: value for key, value in data.items() if key not in extra}), extra


def _refuse_unknown(body: Mapping[str, Any], known: typing.AbstractSet[str], path: str) -> None:
    for key in body:
        if key not in known:
            where = f"{path}.{key}" if path else key
            raise CourseFileError("unknown_key", f"The key {key!r} is not known here.", where)


def _payload(kind: str, body: Mapping[str, Any], path: str) -> tuple[Any, tuple[str, ...]]:
    cls = KINDS[kind]
    readers = _readers(cls)
    values: dict[str, Any] = {}
    nulls: list[str] = []
    for key, value in body.items():
        if key in ENVELOPE and not _is_field(kind, key, value):
            continue
        reader = readers.get(key)
        if reader is None:
            raise CourseFileError("unknown_key", f"{kind} has no field {key!r}.", f"{path}.{key}")
        name, read = reader
        if value is None:
            nulls.append(key)
        else:
            values[name] = read(value, f"{path}.{key}")
    return cls(**values), tuple(sorted(nulls))


def _is_field(kind: str, key: str, value: Any) -> bool:
    """Whether a key of the envelope is a field of the kind here.

    `policy_changed` has a `version` of its own, a text; a whole number under that key is the version of the kind.
    """
    return key in _readers(KINDS[kind]) and not (key == "version" and isinstance(value, int))


Plain = TypeVar("Plain")


def read_plain(cls: type[Plain], data: Any, path: str) -> Plain:
    """One object as the dataclass `cls`: a key that is absent or null is not known.

    Raises:
        CourseFileError: an unknown key, a value of another type, or nothing where the class needs something.
    """
    body, _ = _object(data, path, path.rpartition(".")[2])
    readers = _readers(cls)
    _refuse_unknown(body, readers.keys(), path)
    for name in required_fields(cls):
        if body.get(name.rstrip("_")) is None:
            raise CourseFileError("missing_key", f"The key {name.rstrip('_')!r} is missing.", path)
    return cls(**{readers[k][0]: readers[k][1](v, f"{path}.{k}") for k, v in body.items() if v is not None})


def _facts(value: Any, path: str) -> Facts:
    return read_plain(Facts, value, path)


Reader = Callable[[Any, str], Any]


def _readers(cls: type[Any]) -> Mapping[str, tuple[str, Reader]]:
    """For each wire name of a payload class: the field's name and the function that reads its value."""
    return _readers_of(cls)  # type: ignore[arg-type]  # mypy does not know that a class is hashable


@cache
def _readers_of(cls: type[Any]) -> Mapping[str, tuple[str, Reader]]:
    hints = typing.get_type_hints(cls)
    return {f.name.rstrip("_"): (f.name, _reader_for(hints[f.name])) for f in fields(cls)}


def _reader_for(hint: Any) -> Reader:
    options = [arg for arg in get_args(hint) if arg is not type(None)]
    if get_origin(hint) in (typing.Union, types.UnionType):
        if len(options) != 1:
            raise TypeError(f"a field has one type: {hint}")
        return _reader_for(options[0])
    if get_origin(hint) is Literal:
        return _word_reader(get_args(hint))
    if get_origin(hint) is tuple:
        one = _word if get_args(hint)[0] is str else _reader_for(get_args(hint)[0])
        return lambda value, path: tuple(one(item, f"{path}[{n}]") for n, item in enumerate(_list(value, path)))
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value, path: read_plain(hint, value, path)
    if hint is not None and isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping):
        read = _reader_for(get_args(hint)[1])
        return lambda value, path: _mapping(value, path, read)
    simple: dict[Any, Reader] = {
        Overlay: _overlay,
        PolicyDocument: _policy,
        str: _text,
        int: _int,
        bool: _bool,
        Decimal: _decimal,
        datetime: instant_from,
        date: _date,
    }
    return simple[hint]


def _word_reader(words: tuple[Any, ...]) -> Reader:
    """One of a few words, or one of a few whole numbers."""

    def read(value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value not in words:
            raise CourseFileError("unknown_word", f"The value is one of: {', '.join(map(str, words))}.", path)
        return value

    return read


def _mapping(value: Any, path: str, read: Reader) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CourseFileError("wrong_type", "The value is a JSON object.", path)
    return {key: read(item, f"{path}.{key}") for key, item in value.items()}


def _overlay(value: Any, path: str) -> Mapping[str, Any]:
    """A document of signed rows; what it says is judged when it is put over its protocol."""
    body: dict[str, Any] = value if isinstance(value, dict) else {}
    if not all(isinstance(body.get(name), wanted) for name, wanted in OVERLAY_KEYS.items()):
        raise CourseFileError("wrong_type", "An overlay names its protocol_key, signed_by and rows.", path)
    return body


def _policy(value: Any, path: str) -> Mapping[str, Any]:
    """A whole policy; what it says is judged when it comes into force."""
    body: dict[str, Any] = value if isinstance(value, dict) else {}
    if not isinstance(body.get("format"), str):
        raise CourseFileError("wrong_type", "A policy says its format.", path)
    return body


def _optional(read: Reader, value: Any, path: str) -> Any:
    return None if value is None else read(value, path)


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise CourseFileError("wrong_type", "The value is a list.", path)
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise CourseFileError("wrong_type", "The value is a text.", path)
    return value


def _word(value: Any, path: str) -> str:
    text = _text(value, path)
    if not text.strip():
        raise CourseFileError("empty", "An entry of this list is empty.", path)
    return text


def _bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise CourseFileError("wrong_type", "The value is true, false or null.", path)
    return value


def _int(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CourseFileError("wrong_type", "The value is a whole number.", path)
    return value


def _decimal(value: Any, path: str) -> Decimal:
    """Decimals are strings in the file; plain JSON numbers are tolerated, to the digit."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise CourseFileError("wrong_type", "The value is a decimal number written as a text.", path)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise CourseFileError("wrong_type", "The value is a decimal number written as a text.", path) from error
    if not number.is_finite():
        raise CourseFileError("wrong_type", "The value is a finite decimal number.", path)
    return number


def instant_from(value: Any, path: str) -> datetime:
    """An instant with its offset, in UTC.

    Raises:
        CourseFileError: not a date and time, naive, or of a year that no course can have.
    """
    text = _text(value, path)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CourseFileError("not_a_time", "The value is not a date and time in RFC 3339 form.", path) from error
    if at.tzinfo is None:
        raise CourseFileError("naive_time", "The time needs its offset from UTC, such as Z or -05:00.", path)
    _check_year(at.year, path)
    return at.astimezone(UTC)


def _date(value: Any, path: str) -> date:
    try:
        day = date.fromisoformat(_text(value, path))
    except ValueError as error:
        raise CourseFileError("not_a_date", "The value is not a date such as 2026-03-04.", path) from error
    _check_year(day.year, path)
    return day


def _check_year(year: int, path: str) -> None:
    """Beyond these years a rule that counts on from a date would leave the calendar."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CourseFileError("not_a_time", f"The year is not one of {FIRST_YEAR} to {LAST_YEAR}.", path)


def _zone(value: Any, path: str) -> str:
    name = _text(value, path)
    try:
        zone_named(name)
    except UnusableInput as error:
        raise CourseFileError(error.code, error.message, path) from error
    return name


def _uuid(value: Any, path: str) -> str:
    if isinstance(value, str) and WRITTEN_UUID.fullmatch(value):
        return value
    try:
        return str(UUID(_text(value, path)))
    except ValueError as error:
        raise CourseFileError("not_a_uuid", "The id is a UUID.", path) from error


def _by(value: Any, path: str) -> By | None:
    if value is None:
        return None
    body, _ = _object(value, path, "by")
    _refuse_unknown(body, {"role", "id"}, path)
    if not isinstance(body.get("role"), str):
        raise CourseFileError("missing_key", "by needs a role.", f"{path}.role")
    return By(role=body["role"], id=_optional(_text, body.get("id"), f"{path}.id"))


def required_fields(cls: type[Any]) -> tuple[str, ...]:
    """Fields of a dataclass without a default (used when the schema is written)."""
    return tuple(f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING)
