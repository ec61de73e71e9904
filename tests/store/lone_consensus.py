"""Consensus of one, for tests of the store: what is proposed is applied at once, or held back."""

from __future__ import annotations

import random

from swarmpy.ids import IdSource
from swarmpy.store.store import Store


class StoppedClock:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class LoneConsensus:
    """Applies every entry to all of its stores, in one order."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.stores: list[Store] = []

    def new_store(self, *, guarded: bool = True) -> Store:
        """Return a store that has applied everything so far."""
        seed = len(self.stores)
        store = Store(StoppedClock(), IdSource(random.Random(seed)), guarded=guarded)
        store.connect(self.propose)
        for index, entry in enumerate(self.entries, start=1):
            store.apply(index, entry)
        self.stores.append(store)
        return store

    async def propose(self, entry: bytes) -> int:
        self.entries.append(entry)
        for store in self.stores:
            store.apply(len(self.entries), entry)
        return len(self.entries)
