"""Real processes on real disks and sockets, killed at random: no acknowledged write is lost."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KILLING_S = 6.0


class Managers:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.acknowledged = directory / "acknowledged"
        self.members = dict(zip("abc", free_addresses(3), strict=True))
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> None:
        config = {
            "name": name,
            "members": self.members,
            "directory": str(self.directory / name),
            "acknowledged": str(self.acknowledged),
            "snapshot_entries": 400,
        }
        command = [sys.executable, "-m", "tests.raft.manager_process", json.dumps(config)]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=64 << 20,
            )

    async def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        await process.communicate()

    async def tell(self, name: str, order: str) -> dict[str, Any]:
        process = self.processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{order}\n".encode())
        async with asyncio.timeout(10):
            answer: dict[str, Any] = json.loads(await process.stdout.readline())
        return answer

    async def agree(self) -> None:
        """Wait until one leads and all have applied what it has."""
        async with asyncio.timeout(20):
            while True:
                answers = [await self.tell(name, "where") for name in self.members]
                leads = any(answer["leads"] for answer in answers)
                if leads and len({answer["index"] for answer in answers}) == 1:
                    return
                await asyncio.sleep(0.1)


def free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    finally:
        for s in sockets:
            s.close()


async def test_no_acknowledged_write_is_lost_when_managers_are_killed(tmp_path: Path) -> None:
    rng = random.Random(20)
    managers = Managers(tmp_path)
    try:
        for name in managers.members:
            await managers.start(name)
        end = time.monotonic() + KILLING_S
        kills = 0
        while time.monotonic() < end:
            await asyncio.sleep(rng.uniform(0.3, 1.2))
            victims = rng.sample("abc", rng.choice([1, 1, 1, 2, 3]))
            for name in victims:
                await managers.kill(name)
                kills += 1
            for name in victims:
                await managers.start(name)
        for name in managers.members:
            await managers.tell(name, "pause")
        await managers.agree()
        acknowledged = managers.acknowledged.read_text().split()
        assert kills >= 4
        assert len(acknowledged) > 100
        for name in managers.members:
            words = (await managers.tell(name, "words"))["words"]
            assert set(acknowledged) <= set(words)
            assert len(set(words)) == len(words)
    finally:
        for name in list(managers.processes):
            await managers.kill(name)
