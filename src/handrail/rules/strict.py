"""Strict reading of TOML tables into frozen dataclasses: unknown keys and missing values are refused with their path."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from handrail.rules.terms import UnusableInput

T = TypeVar("T")

LARGEST = 1_000_000
"""No count of days, hours, minutes or points is greater; what rests on one stays within the calendar."""


class ProtocolDataError(UnusableInput):
    """Protocol or policy data that must not be loaded."""


def read_table(cls: type[T], data: Any, path: str) -> T:
    """One table as the dataclass `cls`, whose fields name every key that may stand in it.

    Raises:
        ProtocolDataError: an unknown key, a missing key, or a value of another type.
    """
    if not isinstance(data, dict):
        raise ProtocolDataError("wrong_type", "This is a table.", path)
    hints = _hints(cls)  # type: ignore[arg-type]
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise ProtocolDataError("unknown_key", f"The key {key!r} is not known here.", _join(path, key))
    values: dict[str, Any] = {}
    for name, item in known.items():
        if name in data:
            values[name] = read_value(hints[name], data[name], _join(path, name))
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ProtocolDataError("missing_key", f"The key {name!r} is missing.", path)
    return cls(**values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of the fields, worked out once a class: a label has hundreds of rows of a few classes."""
    return typing.get_type_hints(cls)


def read_tables(cls: type[T], data: Any, path: str) -> dict[str, T]:
    """Named tables of one class; none at all when there is nothing.

    Raises:
        ProtocolDataError: not a table of tables, or one that `read_table` refuses.
    """
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ProtocolDataError("wrong_type", "This is a table of tables.", path)
    return {key: read_table(cls, value, _join(path, key)) for key, value in data.items()}


def read_value(hint: Any, value: Any, path: str) -> Any:
    """One value of the type that `hint` names."""
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return read_value(next(arg for arg in get_args(hint) if arg is not type(None)), value, path)
    if origin is tuple:
        if not isinstance(value, list):
            raise ProtocolDataError("wrong_type", "This is a list.", path)
        return tuple(read_value(get_args(hint)[0], item, f"{path}[{n}]") for n, item in enumerate(value))
    if is_dataclass(hint) and isinstance(hint, type):
        return read_table(hint, value, path)
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError as error:
            words = ", ".join(str(word.value) for word in hint)
            raise ProtocolDataError("unknown_word", f"The value is one of: {words}.", path) from error
    if origin is typing.Literal:
        if value not in get_args(hint):
            words = ", ".join(str(word) for word in get_args(hint))
            raise ProtocolDataError("unknown_word", f"The value is one of: {words}.", path)
        return value
    if hint is Decimal:
        return _decimal(value, path)
    if hint is date and isinstance(value, date) and not isinstance(value, datetime):
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return value
    if hint is str and isinstance(value, str) and value:
        return value
    raise ProtocolDataError("wrong_type", f"The value is no {getattr(hint, '__name__', hint)}.", path)


def _decimal(value: Any, path: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ProtocolDataError("wrong_type", "The value is a decimal number.", path)
    return number


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
