"""Reads a TOML file into a frozen dataclass, strictly: the fields are the known keys, their types what is expected.

A key that the dataclass does not have is refused at every level, with the known keys in the message; so is a value of
another type. Nothing is guessed and nothing converted, but for blanks and line breaks in sentences.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from fairhire.errors import UsageError

__all__ = ["parse_toml", "record_of"]

Record = TypeVar("Record")

_HUGE = 1e300
_LONGEST = 60
_EXPECTED: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date such as 2026-11-22",
}


def parse_toml(raw: bytes, file: str) -> dict[str, Any]:
    """Return the table that ``raw`` holds. Raises :class:`UsageError` with the line where it is not TOML in UTF-8."""
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}, line {line}: expected UTF-8 text, got byte {raw[error.start]:#04x}") from None
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError
        raise UsageError(f"{file}: expected TOML, got {str(error).splitlines()[0]}") from None


def record_of(
    kind: type[Record], table: Mapping[str, Any], *, file: str, given: Mapping[str, Any] | None = None
) -> Record:
    """Return a ``kind`` made of ``table``; ``given`` fields are not keys of the file.

    Raises :class:`UsageError` naming file and key: an unknown or missing key, a value of another type, or what the
    dataclass itself refuses.
    """
    return _record(kind, table, file=file, place="", given=given or {})


def _record(kind: type[Record], table: Mapping[str, Any], *, file: str, place: str, given: Mapping[str, Any]) -> Record:
    types = get_type_hints(kind)
    here = f"{file}, {place}" if place else file
    parts = [part for part in fields(kind) if part.name not in given]  # type: ignore[arg-type]
    _check_keys(table, [part.name for part in parts], here)
    values = dict(given)
    for part in parts:
        if part.name in table:
            inner = f"{place}.{part.name}" if place else part.name
            values[part.name] = _value(types[part.name], table[part.name], file=file, place=inner)
        elif part.default is MISSING and part.default_factory is MISSING:
            raise UsageError(f"{here}: expected a key {part.name}, got {', '.join(table) or 'nothing'}")
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{here}: {error}") from None


def _check_keys(table: Mapping[str, Any], known: Collection[str], here: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(f"{here}: unknown key {key!r}; the known keys are {', '.join(sorted(known))}")


def _value(kind: Any, value: Any, *, file: str, place: str) -> Any:
    """Return ``value`` as a field of type ``kind`` holds it."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):  # a field that may be absent is written as its type or None
        (kind,) = (part for part in parts if part is not type(None))
        return _value(kind, value, file=file, place=place)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong("a list", value, file, place)
        return tuple(_value(parts[0], one, file=file, place=f"{place}[{at}]") for at, one in enumerate(value, start=1))
    if origin is not None and _is_mapping(origin):
        _need_table(value, file, place)
        for name in value:
            if not name.strip() or not name.isprintable():
                raise UsageError(f"{file}, {place}: expected a name, got {name!r}")
        return {name: _value(parts[1], one, file=file, place=f"{place}.{name}") for name, one in value.items()}
    if is_dataclass(kind) and isinstance(kind, type):
        _need_table(value, file, place)
        return _record(kind, value, file=file, place=place, given={})
    if origin is Literal:
        if value not in parts or type(value) is not str:
            raise _wrong(f"one of {', '.join(parts)}", value, file, place)
        return value
    return _plain(kind, value, file=file, place=place)


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _plain(kind: Any, value: Any, *, file: str, place: str) -> Any:
    if kind is float and type(value) in (int, float) and abs(value) < _HUGE:  # neither NaN nor infinity
        return float(value)
    if kind is date and isinstance(value, date) and not isinstance(value, datetime):
        return value
    if kind in (int, bool) and type(value) is kind:
        return value
    if kind is str and isinstance(value, str):
        sentence = " ".join(value.split())
        if not sentence or not sentence.isprintable():
            raise _wrong("text", value, file, place)
        return sentence
    raise _wrong(_EXPECTED[kind], value, file, place)


def _need_table(value: Any, file: str, place: str) -> None:
    if not isinstance(value, dict):
        raise _wrong("a table", value, file, place)


def _wrong(expected: str, value: Any, file: str, place: str) -> UsageError:
    return UsageError(f"{file}, {place}: expected {expected}, got {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    shown = str(value) if isinstance(value, date) else repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
