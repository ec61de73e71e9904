"""What happened in a simulated gossip, as lines and as a hash."""

from __future__ import annotations

import hashlib
from collections import deque

LINES_KEPT = 2000


class GossipStory:
    """Two runs of one seed tell the same."""

    def __init__(self) -> None:
        self.events = 0
        self.faults: list[str] = []
        """What must never happen and did."""
        self._hash = hashlib.sha256()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)

    @property
    def digest(self) -> str:
        """Of everything told, in order."""
        return self._hash.hexdigest()[:16]

    def lines(self) -> tuple[str, ...]:
        """Return the last LINES_KEPT lines."""
        return tuple(self._lines)

    def tell(self, at_s: float, event: str, **fields: object) -> None:
        """Add a line."""
        said = " ".join(f"{name}={value}" for name, value in sorted(fields.items()))
        line = f"{at_s:10.4f} {event} {said}"
        self.events += 1
        self._hash.update(line.encode())
        self._lines.append(line)

    def blame(self, at_s: float, what: str) -> None:
        """Say that something happened which must never happen."""
        self.tell(at_s, "BROKEN", what=what)
        self.faults.append(what)
