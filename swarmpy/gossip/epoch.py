"""Numbers the lives of a node's gossip, so that each is later than all before."""

from __future__ import annotations

from pathlib import Path

from swarmpy.seams import Clock, Disk


class EpochFile:
    """The clock, but never less than what was written: clocks are set back."""

    def __init__(self, disk: Disk, path: Path, clock: Clock) -> None:
        self._disk = disk
        self._path = path
        self._clock = clock

    def next(self) -> int:
        """Return the epoch of a life that begins now, in seconds since 1970 or more."""
        epoch = max(int(self._clock.now()), self._last() + 1)
        self._disk.replace(self._path, str(epoch).encode())
        return epoch

    def _last(self) -> int:
        """A file that cannot be read is as good as none: the clock alone will do then."""
        try:
            text = self._disk.read(self._path)
        except FileNotFoundError:
            return 0
        return int(text) if text.isdigit() and len(text) < 20 else 0
