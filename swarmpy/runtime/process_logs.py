"""Reads the log files of process tasks, from any line, and follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from swarmpy.pb.dispatcher_pb2 import LogLine, LogOptions
from swarmpy.runtime.task_directory import APART, TaskDirectory
from swarmpy.seams import Clock

POLL_S = 0.1


async def read_log(
    directory: TaskDirectory,
    options: LogOptions,
    node_id: str,
    clock: Clock,
    ended: Callable[[], bool],
) -> AsyncIterator[LogLine]:
    """Yield the lines that are wanted; with `follow`, new ones until the task has ended."""
    older, newer = directory.log_files
    cursor = _Cursor(newer)
    lines = [*_parse(_bytes(older)), *_parse(cursor.read())]
    wanted = [line for line in lines if _is_wanted(line, options)]
    if options.tail >= 0:
        wanted = wanted[len(wanted) - min(options.tail, len(wanted)) :]
    for line in wanted:
        yield _named(line, directory.path.name, node_id)
    while options.follow:
        last_look = ended()
        for line in _parse(cursor.read()):
            if _is_wanted(line, options):
                yield _named(line, directory.path.name, node_id)
        if last_look:
            return
        await clock.sleep(POLL_S)


class _Cursor:
    """Reads whole lines of a file that grows, and begins again when it was moved away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self._rest = b""

    def read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                inode = self._path.stat().st_ino
                if inode != self._inode:
                    self._inode, self._offset, self._rest = inode, 0, b""
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return b""
        self._offset += len(data)
        whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
        return whole + newline


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _parse(data: bytes) -> Iterator[LogLine]:
    for line in data.splitlines():
        at_ms, _, rest = line.partition(b" ")
        stream, _, text = rest.partition(b" ")
        if at_ms.isdigit():
            yield LogLine(at_ms=int(at_ms), stderr=stream == b"e", data=text)


def _is_wanted(line: LogLine, options: LogOptions) -> bool:
    both = not options.stdout and not options.stderr
    stream = both or (options.stderr if line.stderr else options.stdout)
    return stream and line.at_ms >= options.since_ms


def _named(line: LogLine, task_id: str, node_id: str) -> LogLine:
    line.task_id, _, line.container = task_id.partition(APART)
    line.node_id = node_id
    return line
