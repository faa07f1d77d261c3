"""The published JSON Schemas, written from the dataclasses that the reader and the answer really use.

`schema_of("course")` describes `handrail-course/1`, `schema_of("assessment")` describes `handrail-assessment/1`,
`schema_of("protocol")` describes `handrail-protocol-export/1`, `schema_of("setting")` an answer of `handrail setting --lines` and
`schema_of("setting-line")` a line that it reads. Nothing is listed by hand: a field or a kind that is
added to a dataclass stands in the schema. The schema of the course is as strict as the reader or stricter: it knows one
spelling of an instant, the reader forgives a few more. What a schema cannot say (a zone that exists, a step that the
label has, an event before its course) the reader says.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from handrail.rules import answer, coursefile, protocol_export, setting
from handrail.rules.coursefile import COURSE_KEYS, ENVELOPE, SOURCES, Course, Facts, required_fields
from handrail.rules.events import KINDS, By, Event
from handrail.rules.overlays import OVERLAY_KEYS, Overlay, PolicyDocument
from handrail.rules.protocol import Protocol
from handrail.rules.setting_facts import SettingFacts
from handrail.rules.terms import UnusableInput

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXTRA = {"^x_": True}
"""Keys under x_ are kept and not read."""

UUID = {"type": "string", "format": "uuid", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}
INSTANT = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^(19|20|21)\d{2}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$",
}
DATE = {"type": "string", "format": "date", "pattern": r"^(19|20|21)\d{2}-\d{2}-\d{2}$"}
DECIMAL = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
WORD = {"type": "string", "pattern": r"\S"}
NAME = {"type": ["string", "integer", "null"]}
"""The id of a line, as it came."""
OVERLAY = {
    "type": "object",
    "required": list(OVERLAY_KEYS),
    "properties": {name: {"type": "array" if kind is list else "string"} for name, kind in OVERLAY_KEYS.items()},
}
POLICY = {"type": "object", "required": ["format"], "properties": {"format": {"type": "string"}}}

SCHEMAS = ("course", "assessment", "protocol", "setting", "setting-line")

UUIDS = frozenset({(Course, "id"), (Event, "id"), (Event, "supersedes")})
"""Texts that must be UUIDs: the one thing a type hint of these classes does not say."""

OPTIONAL = frozenset({"recorded_at", "zone"})
"""Keys of an event that always have a value once read, and need not stand in the file."""


def schema_of(what: str) -> Schema:
    """The JSON Schema (2020-12) of a course file, an assessment, an exported protocol, or a setting and the line it answers.

    Raises:
        UnusableInput: there is no schema of that name.
    """
    if what == "course":
        return _course()
    if what == "assessment":
        return _assessment()
    if what == "protocol":
        return _protocol()
    if what == "setting":
        return _setting()
    if what == "setting-line":
        return _setting_line()
    raise UnusableInput("unknown_word", f"There is a schema of: {', '.join(SCHEMAS)}.", "schema")


# --- the course file -----------------------------------------------------------------------------------------------


def _course() -> Schema:
    hints = typing.get_type_hints(Course)
    properties: Schema = {"format": {"const": coursefile.FORMAT}}
    for item in fields(Course):
        if item.name in COURSE_KEYS:
            properties[item.name] = _header(item.name, hints[item.name])
    return {
        "$schema": DIALECT,
        "$id": "urn:handrail:schema:course:1",
        "title": coursefile.FORMAT,
        "description": _sentence(coursefile),
        "type": "object",
        "required": ["format", *required_fields(Course), "events"],
        "properties": properties,
        "additionalProperties": False,
        "patternProperties": EXTRA,
        "$defs": {"event": _event(), "facts": _read_object(Facts), "by": _by()} | {kind: _kind(kind) for kind in KINDS},
    }


def _header(name: str, hint: Any) -> Schema:
    if name == "events":
        return {"type": "array", "items": {"$ref": "#/$defs/event"}}
    if name == "facts":
        return _or_null({"$ref": "#/$defs/facts"})
    if name == "overlays":
        return {"type": ["array", "null"], "items": {"type": "object"}}
    if name == "policy":
        return {"type": ["object", "string", "null"]}
    if name == "context":
        return {}
    if (Course, name) in UUIDS:
        return UUID
    return _read(hint) if name not in required_fields(Course) else _plain(hint, _read)


def _event() -> Schema:
    """The envelope; the fields of each kind follow from its `kind`."""
    return {
        "type": "object",
        "description": _sentence(Event),
        "required": ["id", "kind", "at"],
        "properties": {"kind": {"enum": sorted(KINDS)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": f"#/$defs/{kind}"}}
            for kind in KINDS
        ],
    }


def _kind(kind: str) -> Schema:
    """One kind: the envelope's keys and its own. A field of the kind wins over a key of the envelope of that name."""
    own = _read_object(KINDS[kind])
    properties = {"kind": {"const": kind}, **_envelope(), **own["properties"]}
    if "version" in own["properties"]:
        properties["version"] = {"anyOf": [{"const": 1}, own["properties"]["version"]]}
    return {**own, "properties": properties}


def _envelope() -> Schema:
    hints = typing.get_type_hints(Event)
    out: Schema = {}
    for item in fields(Event):
        name = item.name
        if name not in ENVELOPE or name == "kind":
            continue
        if name == "version":
            out[name] = {"const": 1}
        elif name == "by":
            out[name] = _or_null({"$ref": "#/$defs/by"})
        elif name == "source":
            out[name] = {"enum": [*SOURCES, None]}
        elif (Event, name) in UUIDS:
            out[name] = UUID if name == "id" else _or_null(UUID)
        else:
            plain = _plain(hints[name], _read)
            out[name] = _or_null(plain) if name in OPTIONAL or _optional(hints[name]) else plain
    return out


def _by() -> Schema:
    hints = typing.get_type_hints(By)
    needed = required_fields(By)
    return {
        "type": "object",
        "description": _sentence(By),
        "required": list(needed),
        "properties": {
            item.name: _plain(hints[item.name], _read) if item.name in needed else _read(hints[item.name])
            for item in fields(By)
        },
        "additionalProperties": False,
        "patternProperties": EXTRA,
    }


def _read_object(cls: type[Any]) -> Schema:
    """A class as the reader takes it: every key may be absent (never asked) or null (asked, not known)."""
    hints = typing.get_type_hints(cls)
    return {
        "type": "object",
        "description": _sentence(cls),
        "properties": {item.name.rstrip("_"): _read(hints[item.name]) for item in fields(cls)},
        "additionalProperties": False,
        "patternProperties": EXTRA,
    }


def _read(hint: Any) -> Schema:
    """A value that may be null, decimals as texts or plain numbers, no blank entry in a list."""
    return _or_null(_plain(hint, _read))


def _nested(cls: type[Any]) -> Schema:
    """A class within a field: what it needs is there."""
    hints, needed = typing.get_type_hints(cls), required_fields(cls)
    told = {item.name: _plain(hints[item.name], _read) for item in fields(cls) if item.name in needed}
    schema = _read_object(cls)
    return {**schema, "required": list(needed), "properties": {**schema["properties"], **told}}


# --- the answer ----------------------------------------------------------------------------------------------------


def _assessment() -> Schema:
    hints = typing.get_type_hints(answer.Assessment)
    root = _written_object(answer.Assessment, {})
    _, definitions = _written_all({item.name: hints[item.name] for item in fields(answer.Assessment)})
    root["properties"]["format"] = {"const": answer.FORMAT}
    return {
        "$schema": DIALECT,
        "$id": "urn:handrail:schema:assessment:1",
        "title": answer.FORMAT,
        **root,
        "$defs": definitions,
    }


def _protocol() -> Schema:
    hints = typing.get_type_hints(Protocol)
    tables, definitions = _written_all({name: hints[name] for name in protocol_export.TABLES})
    properties = {
        "format": {"const": protocol_export.FORMAT},
        "notice": {"type": "string"},
        "key": {"type": "string"},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        **tables,
    }
    return {
        "$schema": DIALECT,
        "$id": "urn:handrail:schema:protocol-export:1",
        "title": protocol_export.FORMAT,
        "description": "One label revision of one product: every row with its sources, its status and who signed it.",
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
        "patternProperties": EXTRA,
        "$defs": definitions,
    }


def _setting() -> Schema:
    hints = typing.get_type_hints(setting.Setting)
    root = _written_object(setting.Setting, {})
    _, definitions = _written_all({item.name: hints[item.name] for item in fields(setting.Setting)})
    root["properties"] = {"id": NAME, "format": {"const": setting.SETTING_FORMAT}, **root["properties"]}
    root["required"] = ["id", "format", *root["required"]]
    return {
        "$schema": DIALECT,
        "$id": "urn:handrail:schema:setting-answer:1",
        "title": setting.SETTING_FORMAT,
        **root,
        "$defs": definitions,
    }


def _setting_line() -> Schema:
    """A line as the reader takes it: what a class needs is there, every other key may be absent or null."""
    classes: dict[str, type[Any]] = {}

    def told(hint: Any) -> Schema:
        plain_hint = _without_none(hint)
        if isinstance(plain_hint, type) and is_dataclass(plain_hint):
            classes[plain_hint.__name__] = plain_hint
            return {"$ref": f"#/$defs/{plain_hint.__name__}"}
        if plain_hint is Decimal:
            return {"anyOf": [DECIMAL, {"type": "number"}]}
        return _plain(hint, told)

    def object_of(cls: type[Any]) -> Schema:
        hints, needed = typing.get_type_hints(cls), required_fields(cls)
        return {
            "type": "object",
            "description": _sentence(cls),
            "required": list(needed),
            "properties": {
                item.name: told(hints[item.name]) if item.name in needed else _or_null(told(hints[item.name]))
                for item in fields(cls)
            },
            "additionalProperties": False,
            "patternProperties": EXTRA,
        }

    facts = told(SettingFacts)
    definitions: Schema = {}
    while waiting := [cls for name, cls in classes.items() if name not in definitions]:
        definitions.update({cls.__name__: object_of(cls) for cls in waiting})
    return {
        "$schema": DIALECT,
        "$id": "urn:handrail:schema:setting-line:1",
        "title": "A line of handrail setting --lines",
        "type": "object",
        "required": ["at", "in"],
        "properties": {"id": NAME, "at": INSTANT, "protocol_key": {"type": ["string", "null"]}, "in": facts},
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _written_all(hints: Mapping[str, Any]) -> tuple[Schema, Schema]:
    """The schema of every hint as it is written, and the definitions of all classes below, by name."""
    classes: dict[str, type[Any]] = {}
    properties = {name: _written(hint, classes) for name, hint in hints.items()}
    definitions: Schema = {}
    while waiting := [cls for name, cls in classes.items() if name not in definitions]:
        for cls in waiting:
            definitions[cls.__name__] = _written_object(cls, classes)
    return properties, dict(sorted(definitions.items()))


def _written_object(cls: type[Any], classes: dict[str, type[Any]]) -> Schema:
    """A class as the answer writes it: every key is there, null where there is nothing to say."""
    hints = typing.get_type_hints(cls)
    return {
        "type": "object",
        "description": _sentence(cls),
        "required": [item.name for item in fields(cls)],
        "properties": {item.name: _written(hints[item.name], classes) for item in fields(cls)},
        "additionalProperties": False,
        "patternProperties": EXTRA,
    }


def _written(hint: Any, classes: dict[str, type[Any]]) -> Schema:
    """One field as it is written; a class becomes a reference and is kept in `classes`."""

    def inner(part: Any) -> Schema:
        return _written(part, classes)

    if isinstance(hint, type) and is_dataclass(hint):
        classes[hint.__name__] = hint
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return _or_null(_plain(hint, inner)) if _optional(hint) else _plain(hint, inner)


# --- one type ------------------------------------------------------------------------------------------------------


def _plain(hint: Any, inner: Callable[[Any], Schema]) -> Schema:
    """The schema of a type without its None; `inner` writes the parts of the answer's own types."""
    hint = _without_none(hint)
    origin = get_origin(hint)
    if hint is type(None):
        return {"type": "null"}
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    if origin is tuple:
        part = get_args(hint)[0]
        return {"type": "array", "items": WORD if part is str and inner is _read else _part(part, inner)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _part(get_args(hint)[1], inner)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [word.value for word in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return _nested(hint) if inner is _read else inner(hint)
    if hint is Decimal:
        return DECIMAL if inner is not _read else {"anyOf": [DECIMAL, {"type": "number"}]}
    simple: dict[Any, Schema] = {
        Overlay: OVERLAY,
        PolicyDocument: POLICY,
        str: {"type": "string"},
        int: {"type": "integer"},
        bool: {"type": "boolean"},
        datetime: INSTANT,
        date: DATE,
    }
    if hint not in simple:
        raise TypeError(f"no JSON Schema for {hint}")
    return simple[hint]


def _part(hint: Any, inner: Callable[[Any], Schema]) -> Schema:
    return _plain(hint, inner) if inner is _read else inner(hint)


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (typing.Union, types.UnionType) and type(None) in get_args(hint)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    options = [arg for arg in get_args(hint) if arg is not type(None)]
    if len(options) != 1:
        raise TypeError(f"a field has one type: {hint}")
    return options[0]


def _or_null(schema: Schema) -> Schema:
    """The same, or null."""
    if set(schema) == {"enum"}:
        return {"enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _sentence(thing: Any) -> str:
    """The first sentence of its docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
