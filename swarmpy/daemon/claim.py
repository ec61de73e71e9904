"""One process at a time works on a state directory."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from swarmpy.errors import WrongState


@contextlib.contextmanager
def claimed(state_dir: Path) -> Iterator[None]:
    """Hold the directory for a block. The kernel lets go of it however the process ends.

    Raises:
        WrongState: another process holds it: the daemon runs.
    """
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongState(
                f"the daemon of {state_dir} runs",
                remedy="stop it first: systemctl stop swarmpy, or kill the process in daemon.pid",
            ) from error
        yield
    finally:
        os.close(descriptor)
