"""Reads the content of a config or secret: a file, or stdin as `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from swarmpy.errors import InvalidInput

CONTENT_BYTES = 1 << 20
"""A config or secret is replicated to every manager."""


def read_given(file: str) -> bytes:
    """Return the bytes. Raises InvalidInput when there are none, or too many."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(CONTENT_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(CONTENT_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error
    if len(data) > CONTENT_BYTES:
        raise InvalidInput(
            f"{file} has more than {CONTENT_BYTES} bytes", remedy="put large files in a volume"
        )
    return data
