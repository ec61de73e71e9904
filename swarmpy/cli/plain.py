"""Turns objects into plain values for JSON and YAML: numbers stay numbers, enums are words."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.message import Message


def plain(message: Message) -> dict[str, Any]:
    """Return every field that is set, and scalars also when they are zero.

    Bytes are text where they are UTF-8, else base64.
    """
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if _is_map(field):
            kind = field.message_type.fields_by_name["value"]  # type: ignore[union-attr]
            result[field.name] = {str(key): _value(kind, value[key]) for key in sorted(value)}
        elif field.is_repeated:
            result[field.name] = [_value(field, item) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            result[field.name] = _value(field, value)
    return result


def word(enum: Any, number: int) -> str:
    """Return an enum's value as people say it: of TaskState 512 is "running"."""
    prefix = "".join(f"_{char}" if char.isupper() else char for char in enum.name)
    value = enum.values_by_number.get(number)
    if value is None:
        return str(number)
    name: str = value.name
    return name.removeprefix(prefix.strip("_").upper() + "_").lower().replace("_", "-")


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return plain(value)
    if field.enum_type is not None:
        return word(field.enum_type, value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value
