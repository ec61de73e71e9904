"""Says what an exit code means, as people would look it up.

Source: POSIX.1, 2.8.2 Exit Status for Commands; signal(7).
"""

from __future__ import annotations

import signal
from typing import Final

from swarmpy.core.container import Exit

_SIGNALED: Final = 128
_MEANINGS: Final = {
    126: "its command is there, and cannot be executed",
    127: "its image has no such command",
    128 + signal.SIGABRT: "it gave itself up",
    128 + signal.SIGKILL: "somebody killed it, or the kernel did for want of memory",
    128 + signal.SIGSEGV: "it used memory that is not its own",
    128 + signal.SIGTERM: "somebody asked it to end",
}


def how_it_ended(ended: Exit) -> str:
    """Return in one line how a container ended."""
    if ended.oom_killed:
        return "it used more memory than its limit and was killed"
    return ended.error or of_code(ended.code)


def of_code(code: int) -> str:
    """Return in one line what an exit code says."""
    name = _signal_name(code - _SIGNALED)
    by = f", by {name}" if name else ""
    meaning = f": {_MEANINGS[code]}" if code in _MEANINGS else ""
    return f"it ended with exit code {code}{by}{meaning}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
