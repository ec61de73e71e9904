"""Durations, sizes and ports as people write them."""

from __future__ import annotations

import re
from math import inf

from swarmpy.pb.types_pb2 import Budget

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def duration_s(text: str) -> float | None:
    """Return the seconds of "1h30m", "1.5s", "250ms" or "0"; None for anything else."""
    if text == "0":
        return 0.0
    total, end = 0.0, 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != end:
            return None
        total += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    return total if end == len(text) and end else None


def size_bytes(text: str) -> int | None:
    """Return the bytes of "512m", "1.5GiB" or "1048576" (powers of 1024); None otherwise."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])


def ratio(text: str) -> float | None:
    """Return 0.7 for "70%" as for "0.7"; None when it is neither, or less than 0."""
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return None
    if not 0 <= number < inf:
        return None
    return number / 100 if text.endswith("%") else number


def budget(text: str) -> Budget | None:
    """Return what "3" tasks or "25%" of them allow; None when it is neither."""
    number = text.removesuffix("%")
    if not number.isdecimal():
        return None
    if number == text:
        return Budget(count=int(number))
    return Budget(ratio=int(number) / 100) if int(number) <= 100 else None


def port_range(text: str) -> range | None:
    """Return the ports of "80" or "8000-8010"; None when they are none."""
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        return None
    ports = range(int(first), int(last if dash else first) + 1)
    return ports if ports and ports[0] >= 1 and ports[-1] <= 65535 else None
