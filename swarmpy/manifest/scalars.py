"""What unquoted text means, by the core schema of YAML 1.2.2 (§10.3.2).

So 22:22 and no are text, 0o17 is a number, and 1e3 is one too.
"""

from __future__ import annotations

import math
import re

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def is_null(text: str) -> bool:
    return text in _NULL


def as_boolean(text: str) -> bool | None:
    """Return the truth that `text` means, or None when it means none."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def as_integer(text: str) -> int | None:
    """Return the whole number that `text` means, or None when it means none."""
    if len(text) > 64 or not _INTEGER.fullmatch(text):
        return None
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def as_number(text: str) -> float | None:
    """Return the finite number that `text` means, or None when it means none."""
    integer = as_integer(text)
    if integer is not None:
        return float(integer)
    if len(text) > 64 or not _FLOAT.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
