"""A manager in a process of its own, told by lines on stdin; for tests that kill it.

It writes words of its own as long as it leads, and notes each acknowledged one in a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import structlog

from swarmpy.daemon.clock import SystemClock
from swarmpy.errors import Unavailable
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.tls_network import TlsPeerNetwork
from swarmpy.security.data_keys import KEY_BYTES, DataKeys
from tests.raft.cluster import Words
from tests.raft.loopback import LoopbackPort

WRITERS = 16


class Process:
    def __init__(self, config: dict[str, Any]) -> None:
        self.name: str = config["name"]
        self.members: dict[str, str] = config["members"]
        self.port = LoopbackPort(self.name)
        self.network = TlsPeerNetwork(self.name, self.port, SystemClock())
        self.machine = Words()
        self.node = RaftNode(
            self.name,
            self.machine,
            self.network,
            LocalDisk(),
            Path(config["directory"]),
            SystemClock(),
            random.Random(),
            # The same key in every life of the process; salts are new in each.
            Sealing("swarm1", DataKeys({1: bytes(KEY_BYTES)}), random.SystemRandom()),
            RaftSettings(
                snapshot_entries=config["snapshot_entries"], snapshot_keep=50, segment_bytes=65536
            ),
        )
        self.acknowledged = os.open(
            config["acknowledged"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        self.writing = True
        self.sequence = 0

    async def main(self) -> None:
        await self.node.start(self.members)
        listen_port = int(self.members[self.name].rpartition(":")[2])
        async with self.port.listening(listen_port), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.network.run())
            tasks.create_task(self.node.run())
            for _ in range(WRITERS):
                tasks.create_task(self.write())
            tasks.create_task(self.obey())

    async def write(self) -> None:
        while True:
            if not (self.writing and self.node.leadership.is_self):
                await asyncio.sleep(0.005)
                continue
            self.sequence += 1
            word = f"{self.name}-{os.getpid()}-{self.sequence}"
            try:
                await self.node.propose(word.encode())
            except Unavailable:
                continue
            os.write(self.acknowledged, f"{word}\n".encode())

    async def obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while order := (await reader.readline()).decode().strip():
            answer: dict[str, Any] = {}
            match order:
                case "pause":
                    self.writing = False
                case "where":
                    leads = self.node.leadership.is_self
                    answer = {"index": self.machine.last_index, "leads": leads}
                case "words":
                    answer = {"words": self.machine.words}
                case _:
                    raise AssertionError(f"no order: {order}")
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(Process(json.loads(sys.argv[1])).main())
