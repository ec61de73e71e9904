"""Tells who leads, now and after every change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from swarmpy.seams import Leadership

REMEMBERED = 64
"""Changes that a slow watcher may be behind; it misses the oldest of more, never the newest."""


class LeadershipWatch:
    """Holds what is true now, and a queue for each watcher."""

    def __init__(self, term: int) -> None:
        self.now = Leadership(term=term, leader_id=None, is_self=False)
        self._watchers: dict[asyncio.Event, deque[Leadership]] = {}

    def publish(self, leadership: Leadership) -> bool:
        """Tell every watcher; False when nothing has changed."""
        if leadership == self.now:
            return False
        self.now = leadership
        for event, changes in self._watchers.items():
            changes.append(leadership)
            event.set()
        return True

    async def watch(self) -> AsyncIterator[Leadership]:
        """Yield what holds now, then every change."""
        event = asyncio.Event()
        changes = deque([self.now], maxlen=REMEMBERED)
        self._watchers[event] = changes
        try:
            while True:
                while changes:
                    yield changes.popleft()
                event.clear()
                await event.wait()
        finally:
            del self._watchers[event]
