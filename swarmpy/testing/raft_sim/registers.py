"""What the members replicate: a register for each key, and what every entry met there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator

from swarmpy.testing.linearizability import Operation, Value, after


def entry_of(operation: Operation, number: int) -> bytes:
    """Return the entry that carries a write or a swap; `number` tells it from all others."""
    fields = [number, operation.kind, operation.key, operation.value, operation.expected]
    return json.dumps(fields).encode()


class Registers:
    """Implements `seams.StateMachine`; tells a watcher of each entry and of each restore."""

    def __init__(self, on_change: Callable[[int, bytes | None, int], None]) -> None:
        self.index = 0
        self.met: dict[int, Value] = {}
        """Index -> what that entry found in its register; of entries applied one by one."""
        self._on_change = on_change
        self._values: dict[str, Value] = {}

    def get(self, key: str) -> Value:
        return self._values.get(key)

    @property
    def digest(self) -> int:
        return zlib.crc32(self._state())

    def apply(self, index: int, entry: bytes) -> None:
        _number, kind, key, value, expected = json.loads(entry)
        found = self._values.get(key)
        self.met[index] = found
        _, self._values[key] = after(Operation(kind, key, value, expected), found)
        self._changed(index, entry)

    async def snapshot(self) -> Iterator[bytes]:
        return iter([json.dumps([self.index, self._values], sort_keys=True).encode()])

    def restore(self, pieces: Iterable[bytes]) -> None:
        index, self._values = json.loads(b"".join(pieces))
        self._changed(index, None)

    def _changed(self, index: int, entry: bytes | None) -> None:
        self.index = index
        self._on_change(index, entry, self.digest)

    def _state(self) -> bytes:
        return json.dumps(self._values, sort_keys=True).encode()
