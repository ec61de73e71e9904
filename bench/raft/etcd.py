"""Three members of etcd: a process each, plain text on the loopback, fsync on, as Debian has it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from bench.process_usage import cpu_s
from bench.raft.slices import VALUE_BYTES, Slice, slice_of
from tests.raft.ports import free_addresses

NAMES = ("m1", "m2", "m3")
START_S = 60.0
TRY_S = 0.3
PAUSE_S = 0.005
PUT = "/etcdserverpb.KV/Put"
KEY = b"bench/00"


def _field(number: int, data: bytes) -> bytes:
    """Return a bytes field of a protobuf message; longer lengths than 2 ** 14 do not occur."""
    length = len(data)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + data


PUT_REQUEST = _field(1, KEY) + _field(2, b"v" * VALUE_BYTES)


class Etcd:
    """Default settings."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clients = dict(zip(NAMES, free_addresses(3), strict=True))
        self._peers = dict(zip(NAMES, free_addresses(3), strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Etcd]:
        try:
            for name in NAMES:
                self._start(name)
            await self.settle()
            yield self
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()

    async def load(self, outstanding: int, seconds: float) -> Slice:
        """Put one key again and again, with h2load."""
        name = await self._leader()
        pid = self._running[name].pid
        before_s = cpu_s(pid)
        latencies, took_s = await self._h2load(
            name, f"--max-concurrent-streams={outstanding}", f"--duration={max(1, seconds):.0f}"
        )
        return slice_of(latencies, took_s, cpu_s(pid) - before_s)

    async def fill(self, count: int) -> None:
        """Commit so many entries."""
        await self._h2load(
            await self._leader(), "--max-concurrent-streams=256", f"--requests={count}"
        )
        await self.settle()

    async def fail_over(self) -> float:
        """Kill the leader; return the seconds to the next commit. Then all is as before."""
        name = await self._leader()
        survivors = [self._clients[other] for other in NAMES if other != name]
        began = time.monotonic()
        process = self._running.pop(name)
        process.kill()
        process.wait()
        while not await asyncio.to_thread(self._one_writes, survivors):
            await asyncio.sleep(PAUSE_S)
        took_s = time.monotonic() - began
        self._start(name)
        await self.settle()
        return took_s

    async def restart_follower(self) -> float:
        """Kill and start a follower; return the seconds until it has applied all there is."""
        leader = await self._leader()
        name = next(name for name in NAMES if name != leader)
        process = self._running.pop(name)
        process.kill()
        process.wait()
        began = time.monotonic()
        self._start(name)
        await self.settle()
        return time.monotonic() - began

    def pids(self) -> list[int]:
        return [process.pid for process in self._running.values()]

    async def settle(self) -> None:
        """Return once one member leads and all have applied the same."""
        async with asyncio.timeout(START_S):
            while True:
                found = [await asyncio.to_thread(self._status, name) for name in NAMES]
                applied = {status.get("raftAppliedIndex") for status in found}
                leaders = {status.get("leader", "0") for status in found}
                if all(found) and len(applied) == len(leaders) == 1 and leaders != {"0"}:
                    return
                await asyncio.sleep(0.02)

    def _start(self, name: str) -> None:
        client, peer = (f"http://{where[name]}" for where in (self._clients, self._peers))
        cluster = ",".join(f"{other}=http://{at}" for other, at in self._peers.items())
        with (self._directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [
                    *("etcd", "--name", name, "--data-dir", str(self._directory / name)),
                    *("--listen-client-urls", client, "--advertise-client-urls", client),
                    *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                    *("--initial-cluster", cluster, "--initial-cluster-state", "new"),
                    *("--log-level", "error"),
                ],
                stdout=log,
                stderr=log,
            )

    def _status(self, name: str) -> dict[str, str]:
        """Return what a member says of itself; {} when it does not answer."""
        url = f"http://{self._clients[name]}/v3/maintenance/status"
        request = urllib.request.Request(url, data=b"{}")
        try:
            with urllib.request.urlopen(request, timeout=2) as response:
                status = json.load(response)
        except (urllib.error.URLError, OSError):
            return {}
        return {**status, "id": status["header"]["member_id"]}

    async def _leader(self) -> str:
        async with asyncio.timeout(START_S):
            while True:
                for name in NAMES:
                    status = await asyncio.to_thread(self._status, name)
                    if status and status.get("leader") == status["id"]:
                        return name
                await asyncio.sleep(0.02)

    @staticmethod
    def _one_writes(addresses: list[str]) -> bool:
        for address in addresses:
            with grpc.insecure_channel(address) as channel:
                try:
                    channel.unary_unary(PUT)(PUT_REQUEST, timeout=TRY_S)
                except grpc.RpcError:
                    continue
                return True
        return False

    async def _h2load(self, name: str, *argv: str) -> tuple[list[float], float]:
        """Return the latency of each put, and the seconds that all took."""
        with tempfile.TemporaryDirectory(dir=self._directory) as temporary:
            body, log = Path(temporary) / "body", Path(temporary) / "log"
            body.write_bytes(b"\0" + len(PUT_REQUEST).to_bytes(4, "big") + PUT_REQUEST)
            load = await asyncio.create_subprocess_exec(
                *("h2load", "--clients=1", *argv, f"--data={body}", f"--log-file={log}"),
                *("--header=content-type: application/grpc", "--header=te: trailers"),
                f"http://{self._clients[name]}{PUT}",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            await load.wait()
            rows = [line.split() for line in log.read_text().splitlines()]
        began_us = [int(row[0]) for row in rows]
        took_us = [int(row[2]) for row in rows]
        ends = [began + took for began, took in zip(began_us, took_us, strict=True)]
        return [took / 1e6 for took in took_us], (max(ends) - min(began_us)) / 1e6
