"""Keeps a node's process running where systemd does not: starts it again when it dies.

A program of its own, which never imports gRPC: `python -m swarmpy.daemon.supervise STATE_DIR`.
It writes its pid to STATE_DIR/daemon.pid and ends when the node ends on purpose (exit code 0,
or 2 for settings that will not get better), or on SIGTERM, which it hands on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_S = 60.0
"""A node that ran this long starts again without delay."""
FINAL_CODES = (0, 2)


def pid_file(state_dir: Path) -> Path:
    return state_dir / "daemon.pid"


def log_file(state_dir: Path) -> Path:
    return state_dir / "daemon.log"


class Supervisor:
    """One child at a time, until it ends on purpose or we are told to stop."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> int:
        """Return the child's last exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        delay_s = FIRST_DELAY_S
        while True:
            started = time.monotonic()
            self._child = subprocess.Popen(self._argv)
            code = self._child.wait()
            if self._stopping or code in FINAL_CODES:
                return code
            if time.monotonic() - started > STEADY_S:
                delay_s = FIRST_DELAY_S
            time.sleep(delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)
        else:
            sys.exit(0)


def main() -> int:
    state_dir = Path(sys.argv[1])
    pid_file(state_dir).write_text(str(os.getpid()))
    try:
        return Supervisor([sys.executable, "-m", "swarmpy.daemon", str(state_dir)]).run()
    finally:
        pid_file(state_dir).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
