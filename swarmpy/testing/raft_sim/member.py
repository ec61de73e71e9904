"""One member: a real RaftNode on a disk, a clock and a network of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from swarmpy.errors import StorageCorrupt, SwarmPyError, Unavailable
from swarmpy.raft.node import RaftNode
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.settings import RaftSettings
from swarmpy.security.data_keys import DataKeys
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.raft_sim.clock import DriftingClock
from swarmpy.testing.raft_sim.peers import HostilePeers
from swarmpy.testing.raft_sim.registers import Registers

if TYPE_CHECKING:
    from swarmpy.testing.raft_sim.quorum import Quorum

T = TypeVar("T")

DIRECTORY = Path("/raft")
CLUSTER_ID = "simulated"
SYNC_S = 0.002
DEAF_S = 0.03
"""How long after a pause a member may not hear its peers yet."""

SETTINGS = RaftSettings(
    election_min_s=0.3,
    election_max_s=0.6,
    heartbeat_s=0.05,
    tick_s=0.025,
    commit_notice_s=0.005,
    proposal_bytes=4096,
    proposals_waiting=16,
    group_bytes=500,
    append_bytes=300,
    window_frames=4,
    snapshot_entries=25,
    snapshot_keep=5,
    snapshot_chunk_bytes=150,
    segment_bytes=1500,
    log_ahead_bytes=700,
    catch_up_s=1.5,
    inbox_frames=64,
)
"""Everything small: each limit is reached, and a seed is short."""


class SimulatedMember:
    """Its disk and its clock outlive its crashes."""

    def __init__(self, name: str, quorum: Quorum) -> None:
        self.name = name
        self.address = f"{name}:4242"
        self.node: RaftNode | None = None
        """The last one there was, also while it is down."""
        self.machine: Registers
        self.clock = DriftingClock(asyncio.get_running_loop())
        self.disk = FaultyDisk(quorum.rng(f"disk {name}"), self.clock, SYNC_S)
        self.disk.garbles = True
        rng = quorum.rng(f"sealing {name}")
        self.sealing = Sealing(CLUSTER_ID, DataKeys.create(rng), rng)
        self.may_fail = False
        """Its disk fails now: that it ends of it is as it should be."""
        self.is_lost = False
        """Its disk is damaged for good: it must never start again."""
        self._quorum = quorum
        self._rng = quorum.rng(f"member {name}")
        self._peers: HostilePeers
        self._running: asyncio.Task[None] | None = None
        self._serving: dict[asyncio.Task[object], None] = {}

    @property
    def is_up(self) -> bool:
        return self._running is not None and not self._running.done()

    @property
    def leads(self) -> bool:
        return self.is_up and self.node is not None and self.node.leadership.is_self

    # --- life

    async def start(self, bootstrap: dict[str, str] | None = None) -> None:
        """Start from what is on the disk.

        Raises:
            StorageCorrupt: it is damaged.
            OSError: it is full, or fails.
        """
        assert not self.is_up
        assert not self.is_lost
        before, judge = self.node, self._quorum.judge
        self.machine = Registers(
            lambda index, entry, digest: judge.changed(self.name, index, entry, digest)
        )
        self._peers = HostilePeers(self._quorum.network, self.name, self._speaks)
        node = RaftNode(
            self.name,
            self.machine,
            self._peers,
            self.disk,
            DIRECTORY,
            self.clock,
            random.Random(self._rng.random()),
            self.sealing,
            SETTINGS,
        )
        judge.came_back(self.name, None, node)
        try:
            await node.start(bootstrap)
        except (StorageCorrupt, OSError):
            await self._peers.close()
            raise
        judge.came_back(self.name, before, node)
        self.node = node
        self._running = asyncio.get_running_loop().create_task(self._run(node))
        self._running.add_done_callback(self._ended)
        self._quorum.story.tell("START", member=self.name)

    async def crash(self) -> None:
        """Lose power: what was not synced is gone, or garbled."""
        self.disk.switch_off()
        could_fail, self.may_fail = self.may_fail, True
        await self.kill()
        self.may_fail = could_fail
        self.disk.switch_on()

    async def kill(self) -> None:
        """End the process at once; the disk keeps what was written."""
        self.resume()
        running, self._running = self._running, None
        if running is None or self.node is None:
            return
        self._quorum.story.tell("DOWN", member=self.name)
        ending = [running, *self._serving]
        for task in ending:
            task.cancel()
        await asyncio.wait(ending)
        await self.node.close()

    def pause(self) -> None:
        """Stop it where it is, as SIGSTOP does."""
        if self.is_up:
            self.clock.pause()
            self._peers.pause()

    def resume(self) -> None:
        if self.clock.is_paused:
            self.clock.resume()
            self._peers.resume(self._rng.uniform(0.0, DEAF_S))

    # --- work

    def serve(self, work: Callable[[RaftNode], Awaitable[T]]) -> asyncio.Task[T | SwarmPyError]:
        """Let the process do something; its result is an error when it raised one of ours.

        The task is cancelled when the process ends: its caller knows nothing then.
        """
        task = self._quorum.tasks.create_task(self._serve(work))
        self._serving[task] = None
        task.add_done_callback(lambda done: self._serving.pop(done, None))
        return task

    async def _serve(self, work: Callable[[RaftNode], Awaitable[T]]) -> T | SwarmPyError:
        if not self.is_up or self.node is None:
            return Unreachable(f"{self.name} is down")
        node = self.node
        await self.clock.goes_on()
        try:
            return await work(node)
        except SwarmPyError as error:
            return error

    async def _run(self, node: RaftNode) -> None:
        try:
            await node.run()
        except StorageCorrupt as error:
            self._quorum.story.tell("DIED", member=self.name, error=str(error))
            if not self.may_fail:
                self._quorum.story.blame(f"{self.name} ended: {error}")

    def _ended(self, running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None:
            self._quorum.story.blame_error(f"{self.name} crashed", error)

    def _speaks(self) -> None:
        if self.node is not None:
            self._quorum.judge.spoke(self.name, self.node)


class Unreachable(Unavailable):
    """Nobody was there to ask: nothing has happened."""
