"""A whole swarm in one process, in virtual time, from one seed: real managers, real agents.

    async def main(rng):
        async with Swarm(seed=7) as swarm:
            await swarm.client().CreateService(...)
            await swarm.crash("w1")
            await swarm.settle()

Whatever breaks an invariant, or crashes a part, ends the block with `Broken`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from swarmpy.pb.control_pb2_grpc import ControlStub
from swarmpy.pb.types_pb2 import NODE_STATE_READY
from swarmpy.rpc.peer import Peer
from swarmpy.store.store import Store
from swarmpy.testing.first_rows import write_first_rows
from swarmpy.testing.invariants import Invariants
from swarmpy.testing.memory_network import MemoryNetwork
from swarmpy.testing.memory_transport import MemoryTransport
from swarmpy.testing.simulated_daemon import API_PORT
from swarmpy.testing.simulated_host import SimulatedHost
from swarmpy.testing.story import Broken, Story
from swarmpy.testing.world import World

if TYPE_CHECKING:
    from swarmpy.pb.control_pb2_grpc import ControlAsyncStub

PEOPLE = "people"
"""The host that clients call from; nothing ever happens to it."""
START_S = 60.0
LOOK_S = 0.1
LINES_SHOWN = 60


class Swarm:
    """Managers m1, m2, … and workers w1, w2, …; every node runs tasks."""

    def __init__(self, seed: int, managers: int = 3, workers: int = 5) -> None:
        names = tuple(f"m{n + 1}" for n in range(managers))
        self.story = Story(asyncio.get_running_loop())
        self.invariants = Invariants(self.story, self.running_on)
        self.network = MemoryNetwork(random.Random(f"{seed}/network"))
        self.world = World(seed, self.network, self.story, self.invariants, names)
        self.network.add_host(PEOPLE)
        workers_too = (*names, *(f"w{n + 1}" for n in range(workers)))
        self.hosts = {name: SimulatedHost(self.world, name) for name in workers_too}
        self._ending = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._ending.enter_context(self.story.listening())
        self._ending.push_async_callback(self.end)
        try:
            await self.start()
        except BaseException:
            await self._ending.aclose()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._ending.aclose()
        self.raise_if_broken()

    # --- life

    async def start(self) -> None:
        """Found the swarm on the first manager, and let all others join it.

        Raises:
            Broken: it is not up within START_S.
        """
        founder = self.hosts[self.world.managers[0]]
        founder.boot(found=True)
        await self.until(lambda: self.leader() is founder, START_S, "the founder leads")
        await write_first_rows(self.stores()[founder.name], self.hosts.values())
        for host in self.hosts.values():
            if host is not founder:
                host.boot()
        await self.until(self._is_complete, START_S, "every node is READY and every manager votes")

    async def end(self) -> None:
        """Switch everything off."""
        self.story.is_over = True
        for host in self.hosts.values():
            if host.is_up:
                await host.cut_power()

    async def until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Return once `condition` holds. Raises Broken when it does not in time."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + within_s
        while not condition():
            if loop.time() >= give_up_s:
                self.story.blame(f"not within {within_s:g} s: {what}")
            self.raise_if_broken()
            await asyncio.sleep(LOOK_S)

    async def run_for(self, seconds: float) -> None:
        """Let time pass. Raises Broken as soon as something is."""
        try:
            async with asyncio.timeout(seconds):
                await self.story.broken.wait()
        except TimeoutError:
            return
        self.raise_if_broken()

    def raise_if_broken(self) -> None:
        """Raise Broken, with the seed that replays it, when anything was blamed."""
        if self.story.faults:
            story = "\n".join(self.story.lines()[-LINES_SHOWN:])
            raise Broken(f"seed {self.world.seed}: {self.story.faults[0]}\n{story}")

    # --- what people do

    def client(self, manager: str = "") -> ControlAsyncStub:
        """Return a Control stub to a manager: the one named, else the first that is up."""
        name = manager or next((n for n in self.world.managers if self.hosts[n].is_up), "m1")
        peer: Peer = self.hosts[name].identity()
        channel = MemoryTransport(self.network, PEOPLE, lambda: peer).channel(f"{name}:{API_PORT}")
        return ControlStub(channel)

    # --- what fate does

    async def crash(self, node: str) -> None:
        """Cut a machine's power: unsynced bytes and containers are gone."""
        self.story.tell("FAULT crash", node=node)
        await self.hosts[node].cut_power()

    async def stop(self, node: str) -> None:
        """End a machine's daemon alone; its containers run on."""
        self.story.tell("FAULT stop", node=node)
        await self.hosts[node].stop_daemon()

    def restart(self, node: str) -> None:
        """Boot a machine that crashed, or start the daemon that was stopped."""
        self.story.tell("FAULT restart", node=node)
        self.hosts[node].boot()

    def partition(self, a: str, b: str, *, one_way: bool = False) -> None:
        self.story.tell("FAULT partition", a=a, b=b, one_way=one_way)
        self.network.partition(a, b, one_way=one_way)

    def slow(self, a: str, b: str, extra_s: float) -> None:
        self.story.tell("FAULT slow", a=a, b=b, extra_s=extra_s)
        self.network.slow(a, b, extra_s)

    def lose(self, a: str, b: str, probability: float) -> None:
        self.story.tell("FAULT lose", a=a, b=b, probability=probability)
        self.network.lose(a, b, probability)

    def skew(self, node: str, seconds: float) -> None:
        """Let a node's wall clock be wrong by so much."""
        self.story.tell("FAULT skew", node=node, seconds=seconds)
        self.hosts[node].clock.skew_s = seconds

    def fill_disk(self, node: str) -> None:
        self.story.tell("FAULT disk full", node=node)
        self.hosts[node].disk.fill()

    def free_disk(self, node: str) -> None:
        self.story.tell("FAULT disk free", node=node)
        self.hosts[node].disk.free()

    def slow_disk(self, node: str, sync_s: float) -> None:
        self.story.tell("FAULT disk slow", node=node, sync_s=sync_s)
        self.hosts[node].disk.sync_s = sync_s

    def mend(self, a: str, b: str) -> None:
        """Make the link between two nodes whole again."""
        self.story.tell("FAULT passes", a=a, b=b)
        self.network.mend(a, b)

    def kill_task(self, node: str) -> None:
        """End one container of a node from outside, as the kernel might; nothing when none runs."""
        running = sorted(self.hosts[node].running())
        self.story.tell("FAULT kill", node=node, task=running[:1])
        for task in running[:1]:
            self.hosts[node].runtime.kill(task)

    def engine(self, node: str, *, answers: bool) -> None:
        """Let a node's container engine answer, or not."""
        self.story.tell("FAULT engine", node=node, answers=answers)
        self.hosts[node].runtime.available = answers

    def fail_disk(self, node: str, *, fails: bool) -> None:
        """Let every write to a node's disk fail with EIO, or no more."""
        self.story.tell("FAULT disk errors", node=node, fails=fails)
        disk = self.hosts[node].disk
        disk.fail() if fails else disk.recover()

    def heal(self) -> None:
        """Make every link whole again. Machines and disks stay as they are."""
        self.story.tell("FAULT heal")
        self.network.heal()

    # --- how it stands

    def leader(self) -> SimulatedHost | None:
        """Return the manager that leads, as it sees it, with the highest term."""
        leading = [
            (host.daemon.raft.leadership.term, host)
            for host in self.hosts.values()
            if host.daemon is not None
            and host.daemon.raft is not None
            and host.daemon.raft.leadership.is_self
        ]
        return max(leading, key=lambda pair: pair[0])[1] if leading else None

    def stores(self) -> dict[str, Store]:
        """Return the stores of the managers that are up."""
        return {
            name: host.daemon.store
            for name, host in self.hosts.items()
            if host.daemon is not None and host.daemon.store is not None
        }

    def running_on(self) -> dict[str, frozenset[str]]:
        """Return node id -> ids of the tasks whose containers run there, in truth."""
        return {name: host.running() for name, host in self.hosts.items()}

    def _is_complete(self) -> bool:
        leader = self.leader()
        if leader is None or leader.daemon is None or leader.daemon.store is None:
            return False
        assert leader.daemon.raft is not None
        nodes = list(leader.daemon.store.view.nodes)
        return set(leader.daemon.raft.members()) == set(self.world.managers) and all(
            node.status.state == NODE_STATE_READY for node in nodes
        )
