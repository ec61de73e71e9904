"""One of our members in a process of its own, which also makes the load while it leads.

Nothing but Raft is measured: values go in at `RaftNode.propose` and the state is a dict.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from bench.raft.slices import VALUE_BYTES, slice_of
from swarmpy.daemon.garbage import look_seldom
from swarmpy.errors import Unavailable
from swarmpy.raft.settings import RaftSettings
from tests.e2e.child import Answer, answer_parent
from tests.e2e.raft_member import RaftMember

KEYS = 1000
KEY_BYTES = 8
FILLERS = 256


class Rows:
    """A state machine that keeps the last value of every key."""

    def __init__(self) -> None:
        self.index = 0
        self._rows: dict[bytes, bytes] = {}

    def apply(self, index: int, entry: bytes) -> None:
        self.index = index
        self._rows[entry[:KEY_BYTES]] = entry

    async def snapshot(self) -> Iterator[bytes]:
        return iter([self.index.to_bytes(8, "big"), *self._rows.values()])

    def restore(self, pieces: Iterable[bytes]) -> None:
        snapshot = b"".join(pieces)
        self.index = int.from_bytes(snapshot[:8], "big")
        width = KEY_BYTES + VALUE_BYTES
        rows = (snapshot[at : at + width] for at in range(8, len(snapshot), width))
        self._rows = {row[:KEY_BYTES]: row for row in rows}


class BenchMember:
    def __init__(self, config: dict[str, Any]) -> None:
        self._rows = Rows()
        settings = RaftSettings(**config["settings"])
        self._member = RaftMember(
            Path(config["directory"]), config["members"], self._rows, settings
        )
        self._value = os.urandom(VALUE_BYTES)
        self._count = 0

    async def main(self) -> None:
        async with self._member.running():
            await answer_parent(self._answer)

    async def _answer(self, order: str, values: Answer) -> Answer:
        match order:
            case "where":
                return {
                    "index": self._rows.index,
                    "leads": self._member.node.leadership.is_self,
                }
            case "write":
                return await self._write()
            case "load":
                return await self._load(values["outstanding"], values["seconds"])
            case "fill":
                return await self._fill(values["count"])
            case _:
                raise AssertionError(f"no order: {order}")

    def _entry(self) -> bytes:
        self._count += 1
        return b"%08d" % (self._count % KEYS) + self._value

    async def _write(self) -> Answer:
        try:
            await self._member.node.propose(self._entry())
        except Unavailable:
            return {"applied": False}
        return {"applied": True}

    async def _load(self, outstanding: int, seconds: float) -> Answer:
        """Keep so many proposals outstanding; return the slice."""
        latencies: list[float] = []
        began = time.perf_counter()
        end = began + seconds

        async def one() -> None:
            propose, clock = self._member.node.propose, time.perf_counter
            sent = clock()
            while sent < end:
                await propose(self._entry())
                done = clock()
                latencies.append(done - sent)
                sent = done

        cpu_began = time.process_time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(outstanding):
                tasks.create_task(one())
        cpu_s = time.process_time() - cpu_began
        return asdict(slice_of(latencies, time.perf_counter() - began, cpu_s))

    async def _fill(self, count: int) -> Answer:
        left = iter(range(count))

        async def one() -> None:
            for _ in left:
                await self._member.node.propose(self._entry())

        async with asyncio.TaskGroup() as tasks:
            for _ in range(FILLERS):
                tasks.create_task(one())
        return {}


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    look_seldom()
    asyncio.run(BenchMember(json.loads(sys.argv[1])).main())
