"""Looks at the machine's processes through /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from swarmpy.seams import Usage

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in {"Z", "X"}


def session_usage(session: int) -> Usage:
    """Return what all processes of a session use together."""
    members = [fields for fields in _all() if int(fields[3]) == session]
    return Usage(
        cpu_seconds=sum(int(one[11]) + int(one[12]) for one in members) / _TICKS_PER_S,
        memory_bytes=sum(int(one[21]) for one in members) * _PAGE_BYTES,
        pids=len(members),
    )


def is_supervisor_of(pid: int, directory: Path) -> bool:
    """Tell whether `pid` is the supervisor of this very task: process ids are used again."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(directory) in argv and is_alive(pid)


def _all() -> Iterator[list[str]]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and (fields := _stat(int(path.name))):
            yield fields


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; [] when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
