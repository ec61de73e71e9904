"""Consensus on a thread of its own: a control loop that thinks for long costs no election.

home: API, store, loops                    side: Raft, its network, the cluster port
propose, read_barrier, members  ────────>  RaftNode
store.apply, restore            <────────  in the order of the log
leadership                      <────────  after what was applied before it
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from swarmpy.daemon.side_loop import SideLoop
from swarmpy.raft.leadership import LeadershipWatch
from swarmpy.raft.node import RaftNode
from swarmpy.seams import Leadership
from swarmpy.store.store import Store
from swarmpy.task_group import TaskGroup


class StoreAtHome:
    """Implements `seams.StateMachine` on the side loop, for a store that lives at home."""

    def __init__(self, store: Store, side: SideLoop) -> None:
        self._store = store
        self._side = side

    def apply(self, index: int, entry: bytes) -> None:
        self._side.post(lambda: self._store.apply(index, entry))

    async def snapshot(self) -> Iterable[bytes]:
        """Return the state after everything that was applied here, which home may yet have to do.

        The pieces are made on the side loop: rows in a snapshot are written to by nobody.
        """
        return await self._side.ask(self._store.as_bytes)

    def restore(self, pieces: Iterable[bytes]) -> None:
        whole = list(pieces)
        self._side.post(lambda: self._store.restore(whole))


class ConsensusThread:
    """Implements `seams.Consensus` at home. `run` in the parent's TaskGroup."""

    def __init__(self, node: RaftNode, side: SideLoop) -> None:
        self._node = node
        self._side = side
        self._leadership = LeadershipWatch(0)

    async def run(self) -> None:
        """Take part until cancelled. Raises as `RaftNode.run`; or AssertionError, when the
        state machine could not apply what it must.
        """
        async with TaskGroup() as tasks:
            watching = tasks.create_task(self._side.until_a_post_fails())
            try:
                await self._side.run(self._take_part())
            finally:
                watching.cancel()

    async def _take_part(self) -> None:
        async with TaskGroup() as tasks:
            telling = tasks.create_task(self._tell_leadership())
            try:
                await self._node.run()
            finally:
                telling.cancel()
                self._side.post(lambda: self._publish(self._node.leadership))

    async def _tell_leadership(self) -> None:
        async for leadership in self._node.watch_leadership():
            self._side.post(lambda now=leadership: self._publish(now))  # type: ignore[misc]

    def _publish(self, leadership: Leadership) -> None:
        self._leadership.publish(leadership)

    # --- seams.Consensus

    @property
    def node_id(self) -> str:
        return self._node.node_id

    @property
    def leadership(self) -> Leadership:
        return self._leadership.now

    def watch_leadership(self) -> AsyncIterator[Leadership]:
        return self._leadership.watch()

    def members(self) -> Mapping[str, str]:
        return self._node.members()

    def reachable(self) -> frozenset[str]:
        return self._node.reachable()

    async def propose(self, entry: bytes) -> int:
        return await self._side.run(self._node.propose(entry))

    async def read_barrier(self) -> None:
        await self._side.run(self._node.read_barrier())

    async def add_member(self, node_id: str, address: str) -> None:
        await self._side.run(self._node.add_member(node_id, address))

    async def remove_member(self, node_id: str) -> None:
        await self._side.run(self._node.remove_member(node_id))

    async def transfer_leadership(self) -> None:
        await self._side.run(self._node.transfer_leadership())
