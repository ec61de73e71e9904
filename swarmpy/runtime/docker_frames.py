"""Takes apart what containers print: the engine's frames, then lines with their times. Pure.

Source: https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerAttach
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime

from swarmpy.pb.dispatcher_pb2 import LogLine

HEADER_BYTES = 8
STDERR = 2
LINE_MAX_BYTES = 1 << 20
"""A longer line is cut into several."""


class Frames:
    """Splits a stream of frames; each has a header of stream number and length."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Yield (is stderr, payload) of each frame that is complete now."""
        self._rest += data
        while len(self._rest) >= HEADER_BYTES:
            stream, size = struct.unpack_from(">BxxxL", self._rest)
            end = HEADER_BYTES + size
            if len(self._rest) < end:
                return
            payload = self._rest[HEADER_BYTES:end]
            self._rest = self._rest[end:]
            yield stream == STDERR, payload


class Plain:
    """Stands in for `Frames` where there is a terminal: no frames, and all of it is stdout."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Yield whole lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield False, line.rstrip(b"\r") + b"\n"


class Lines:
    """Joins payloads to lines: an engine cuts long ones, and puts a time before each piece."""

    def __init__(self) -> None:
        self._begun: dict[bool, LogLine] = {}

    def feed(self, is_stderr: bool, payload: bytes) -> Iterator[LogLine]:
        """Yield the line that this payload completes, if it does."""
        at, _, text = payload.partition(b" ")
        line = self._begun.pop(is_stderr, None)
        if line is None:
            line = LogLine(at_ms=milliseconds(at.decode("ascii", "replace")), stderr=is_stderr)
        line.data += text.removesuffix(b"\n")
        if payload.endswith(b"\n") or len(line.data) >= LINE_MAX_BYTES:
            yield line
        else:
            self._begun[is_stderr] = line

    def rest(self) -> Iterator[LogLine]:
        """Yield what was never ended by a newline."""
        yield from self._begun.values()
        self._begun.clear()


def milliseconds(written: str) -> int:
    """Return ms since the epoch of "2026-11-24T04:15:03.123456789Z"; 0 when it is no time."""
    whole, _, fraction = written.removesuffix("Z").partition(".")
    try:
        seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
        return seconds * 1000 + int(fraction[:3].ljust(3, "0"))
    except ValueError:
        return 0
