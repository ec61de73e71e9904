"""Three members of ours: a process each, mutual TLS on the loopback, fdatasync on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.raft.slices import Slice
from tests.e2e.child import Child, Gone
from tests.e2e.raft_member import found
from tests.raft.ports import free_addresses

NAMES = "abc"
START_S = 60.0
TRY_S = 0.3
PAUSE_S = 0.005


class Ours:
    """Default settings, but for those that are given."""

    def __init__(self, directory: Path, **settings: float) -> None:
        self._directory = directory
        self._settings = settings
        self._members = dict(zip(NAMES, free_addresses(len(NAMES)), strict=True))
        self._running: dict[str, Child] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ours]:
        found(self._directory, NAMES)
        try:
            for name in NAMES:
                await self._start(name)
            await self.settle()
            yield self
        finally:
            for child in self._running.values():
                await child.kill()

    async def load(self, outstanding: int, seconds: float) -> Slice:
        leader = await self._leader()
        return Slice(
            **await leader.ask("load", seconds + 60, outstanding=outstanding, seconds=seconds)
        )

    async def fill(self, count: int) -> None:
        """Commit so many entries."""
        await (await self._leader()).ask("fill", 600, count=count)
        await self.settle()

    async def fail_over(self) -> float:
        """Kill the leader; return the seconds to the next commit. Then all is as before."""
        leader = await self._leader()
        name = self._name_of(leader)
        began = time.monotonic()
        await leader.kill()
        survivors = [child for other, child in self._running.items() if other != name]
        while not await self._one_writes(survivors):
            await asyncio.sleep(PAUSE_S)
        took_s = time.monotonic() - began
        await self._start(name)
        await self.settle()
        return took_s

    async def restart_follower(self) -> float:
        """Kill and start a follower; return the seconds until it has applied all there is."""
        leader = await self._leader()
        name = next(name for name, child in self._running.items() if child is not leader)
        await self._running[name].kill()
        began = time.monotonic()
        await self._start(name)
        await self.settle()
        return time.monotonic() - began

    def pids(self) -> list[int]:
        return [child.pid for child in self._running.values()]

    async def settle(self) -> None:
        """Return once one member leads and all have applied the same."""
        async with asyncio.timeout(START_S):
            while True:
                places = [await child.ask("where", START_S) for child in self._running.values()]
                leads = sum(place["leads"] for place in places)
                if leads == 1 and len({place["index"] for place in places}) == 1:
                    return
                await asyncio.sleep(0.02)

    async def _start(self, name: str) -> None:
        config = {
            "directory": str(self._directory / name),
            "members": self._members,
            "settings": self._settings,
        }
        log = self._directory / f"{name}.log"
        self._running[name] = await Child.start("bench.raft.member", config, log)

    async def _leader(self) -> Child:
        async with asyncio.timeout(START_S):
            while True:
                for child in self._running.values():
                    if (await child.ask("where"))["leads"]:
                        return child
                await asyncio.sleep(0.02)

    def _name_of(self, wanted: Child) -> str:
        return next(name for name, child in self._running.items() if child is wanted)

    @staticmethod
    async def _one_writes(children: list[Child]) -> bool:
        for child in children:
            try:
                if (await child.ask("write", TRY_S))["applied"]:
                    return True
            except (Gone, TimeoutError):
                continue
        return False
