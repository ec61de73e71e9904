"""The keys that a manager's log and snapshots are encrypted with; they never leave the manager."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from swarmpy.errors import StorageCorrupt

KEY_BYTES: Final = 32
"""AES-256."""


@dataclass(frozen=True, slots=True)
class DataKeys:
    """Key id -> key. The one with the greatest id encrypts what is new, the others open the old."""

    keys: Mapping[int, bytes] = field(repr=False)

    @staticmethod
    def create(rng: random.Random) -> DataKeys:
        return DataKeys({1: rng.randbytes(KEY_BYTES)})

    @property
    def newest_id(self) -> int:
        return max(self.keys)

    def key(self, key_id: int) -> bytes:
        """Return a key. Raises StorageCorrupt when the ring does not hold it."""
        if key_id not in self.keys:
            raise StorageCorrupt(
                f"this was encrypted with data key {key_id}, which this manager does not have",
                remedy="restore the key file that belongs to this directory, or join anew",
            )
        return self.keys[key_id]

    def with_new_key(self, rng: random.Random) -> DataKeys:
        """Return the ring with one more key, which is used from then on."""
        return DataKeys({**self.keys, self.newest_id + 1: rng.randbytes(KEY_BYTES)})
