"""Clients that read, write and swap registers, follow the leader, and remember all of it."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

from swarmpy.errors import NotLeader, StorageFull
from swarmpy.raft.node import RaftNode
from swarmpy.task_group import TaskGroup
from swarmpy.testing.linearizability import Operation, Value
from swarmpy.testing.raft_sim.member import SimulatedMember, Unreachable
from swarmpy.testing.raft_sim.quorum import Quorum
from swarmpy.testing.raft_sim.registers import entry_of

KEYS = ("x", "y", "z")
THINK_S = 0.08
AT_ONCE = (1, 1, 1, 4)
"""How many operations a client begins at a time."""
LOSS = 0.02
"""How often a request, or an answer, never arrives."""
NETWORK_S = (0.0005, 0.01)
PATIENCE_S = (0.05, 1.0)
NEVER_HAPPENED = (NotLeader, StorageFull, Unreachable)


class Clients:
    """All clients of a quorum, and the history they made together."""

    def __init__(self, quorum: Quorum, count: int) -> None:
        self.done: dict[float, Operation] = {}
        """By the moment it was invoked; what is under way is of unknown outcome."""
        self._quorum = quorum
        self._moments = itertools.count(1)
        self._numbers = itertools.count(1)
        self._clients = [_Client(self, quorum, number) for number in range(count)]

    async def run(self) -> None:
        """Ask for this and that until cancelled."""
        async with TaskGroup() as tasks:
            for client in self._clients:
                tasks.create_task(client.run())

    async def use_all(self, leader: SimulatedMember) -> bool:
        """Write and read every register once more; False when something was refused."""
        client = self._clients[0]
        done = []
        for key in KEYS:
            number = self.number()
            done.append(await client.one(Operation("write", key, number), number, leader))
            done.append(await client.one(Operation("read", key), number, leader))
        return all(done)

    @property
    def history(self) -> list[Operation]:
        return list(self.done.values())

    def moment(self) -> float:
        return float(next(self._moments))

    def number(self) -> int:
        return next(self._numbers)


class _Client:
    def __init__(self, clients: Clients, quorum: Quorum, number: int) -> None:
        self._clients = clients
        self._quorum = quorum
        self._rng = quorum.rng(f"client {number}")
        self._leader = ""
        """Whom it asks; anybody while that is unknown."""
        self._last_seen: dict[str, Value] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(0.0, THINK_S))
            async with TaskGroup() as tasks:
                for _ in range(self._rng.choice(AT_ONCE)):
                    number = self._clients.number()
                    tasks.create_task(self.one(self._choose(number), number, self._target()))

    async def one(self, operation: Operation, number: int, target: SimulatedMember) -> bool:
        """Do one operation on one member and remember it; False when it failed for sure."""
        moment = self._clients.moment()
        done = self._clients.done
        done[moment] = replace(operation, invoked=moment)
        answer = await self._ask(operation, number, target)
        if isinstance(answer, NEVER_HAPPENED):
            del done[moment]
            self._leader = answer.leader.partition(":")[0] if isinstance(answer, NotLeader) else ""
            return False
        if not isinstance(answer, _Met):
            self._leader = ""
        done[moment] = self._as_answered(done[moment], answer)
        self._quorum.story.tell("DID", what=str(done[moment]))
        return True

    def _as_answered(self, operation: Operation, answer: object) -> Operation:
        if not isinstance(answer, _Met):
            return operation
        self._last_seen[operation.key] = answer.value
        return replace(operation, seen=answer.value, completed=self._clients.moment())

    async def _ask(self, operation: Operation, number: int, target: SimulatedMember) -> object:
        """Return a `_Met`, an error, or None when no answer came."""
        await asyncio.sleep(self._rng.uniform(*NETWORK_S))
        if self._rng.random() < LOSS:
            return None
        work = target.serve(lambda node: self._work(operation, number, target, node))
        await asyncio.wait([work], timeout=self._rng.uniform(*PATIENCE_S))
        if not work.done() or work.cancelled() or self._rng.random() < LOSS:
            return None
        await asyncio.sleep(self._rng.uniform(*NETWORK_S))
        return work.result()

    async def _work(
        self, operation: Operation, number: int, target: SimulatedMember, node: RaftNode
    ) -> _Met:
        """Run in the member's process."""
        if operation.kind == "read":
            await node.read_barrier()
            return _Met(target.machine.get(operation.key))
        entry = entry_of(operation, number)
        index = await node.propose(entry)
        self._quorum.judge.acknowledged(node, index, entry, self._quorum.nodes)
        return _Met(target.machine.met[index])

    # --- choices

    def _choose(self, number: int) -> Operation:
        key = self._rng.choice(KEYS)
        match self._rng.choice(("read", "read", "write", "swap")):
            case "read":
                return Operation("read", key)
            case "write":
                return Operation("write", key, number)
            case _:
                return Operation("swap", key, number, self._last_seen.get(key))

    def _target(self) -> SimulatedMember:
        members = self._quorum.members
        if self._leader in members and self._rng.random() < 0.9:
            return members[self._leader]
        return members[self._rng.choice(sorted(members))]


class _Met:
    """What an operation found in its register."""

    def __init__(self, value: Value) -> None:
        self.value = value
