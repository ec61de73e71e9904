"""The door to consensus: implements `seams.Consensus` and gives its member turns.

frames, ticker ──── now ──> turn ──> group commit (syncs beside the loop) ── now ──> turn
proposals, reads ── soon ──>    └──> snapshots (written in pieces)        ── soon ─>
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import structlog

from swarmpy.errors import InvalidInput, NotLeader, StorageCorrupt, SwarmPyError
from swarmpy.raft.adapter import Role
from swarmpy.raft.commands import addresses_of, transaction
from swarmpy.raft.failures import Failures
from swarmpy.raft.group_commit import GroupCommit
from swarmpy.raft.log import RaftLog
from swarmpy.raft.member import Member
from swarmpy.raft.membership import Membership
from swarmpy.raft.recovery import bootstrap as begin_log
from swarmpy.raft.recovery import recover
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.segments import Segments
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshot_writer import SnapshotWriter
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.raft.turns import Turns
from swarmpy.seams import Clock, Disk, Leadership, PeerNetwork, StateMachine
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()


class RaftNode:
    """`start`, then `run` in the parent's TaskGroup, then `close`.

    A node that starts without members (later managers do, with an empty directory) is silent
    until a leader brings it the log.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - it takes what it needs
        self,
        node_id: str,
        machine: StateMachine,
        network: PeerNetwork,
        disk: Disk,
        directory: Path,
        clock: Clock,
        rng: random.Random,
        sealing: Sealing,
        settings: RaftSettings | None = None,
    ) -> None:
        self._node_id = node_id
        self._machine = machine
        self._network = network
        self._clock = clock
        self._rng = rng
        self._settings = settings or RaftSettings()
        self._directory = directory
        self._store = SnapshotStore(
            disk, directory / "snapshots", clock, self._settings.snapshot_chunk_bytes, sealing
        )
        self._log = RaftLog(
            Segments(
                disk,
                directory / "log",
                self._settings.segment_bytes,
                sealing,
                self._settings.log_ahead_bytes,
            )
        )
        self._untold = asyncio.Event()
        self._failures = Failures()
        self._turns = Turns(self._take_turn, self._failures)
        self._commit = GroupCommit(self._log, self._on_durable, self._failures)
        self._running = False

    # --- life

    async def start(self, bootstrap: Mapping[str, str] | None) -> None:
        """Recover what is on disk and open the network; nothing happens until `run`.

        `bootstrap` (node id -> host:port) begins a new log; it is ignored when there is one.

        Raises:
            StorageCorrupt: what is on disk cannot be trusted.
            OSError: the disk fails.
        """
        snapshot = recover(self._log, self._store, self._settings.snapshot_keep)
        if bootstrap is not None:
            begin_log(self._log, bootstrap)
        self._member = Member(
            self._node_id,
            self._log,
            self._store,
            self._machine,
            self._network,
            self._rng,
            self._settings,
            self._clock.monotonic(),
            self._received_snapshot,
            self._commit.sync,
        )
        self._snapshots = SnapshotWriter(
            self._member, self._store, self._clock, self._settings, self._turns.soon
        )
        self._membership = Membership(self._member, self._proposed, self._clock, self._settings)
        self._network.set_handlers(self._on_frames, self._on_link)
        await self._network.start()
        self._member.begin(snapshot)

    async def run(self) -> None:
        """Take part until cancelled.

        Raises:
            StorageCorrupt: the disk failed. The process must end: what it believes to be
                written may be gone.
        """
        self._running = True
        self._turns.begin()
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(self._failures.raise_first())
                tasks.create_task(self._tick())
                tasks.create_task(self._tell_commits())
                tasks.create_task(self._snapshots.run())
                tasks.create_task(self._membership.note_log_ids())
        except BaseExceptionGroup as failures:
            raise self._first(failures) from failures
        finally:
            self._running = False
            self._turns.end()
            self._commit.end()
            self._member.stop()

    async def close(self) -> None:
        """Close network and files. `run` must have ended."""
        assert not self._running
        await self._network.close()
        self._log.close()

    # --- what is asked

    @property
    def node_id(self) -> str:
        return self._node_id

    @property
    def leadership(self) -> Leadership:
        return self._member.leadership.now

    def watch_leadership(self) -> AsyncIterator[Leadership]:
        return self._member.leadership.watch()

    def members(self) -> Mapping[str, str]:
        return addresses_of(self._log.members)

    def reachable(self) -> frozenset[str]:
        heard = self._member.reachable.among(self._log.members, self._clock.monotonic())
        return heard | ({self._node_id} & self._log.members.keys())

    async def propose(self, entry: bytes) -> int:
        if len(entry) > self._settings.proposal_bytes:
            raise InvalidInput(
                f"a change of {len(entry)} bytes is larger than "
                f"{self._settings.proposal_bytes} bytes",
                remedy="split it into several",
            )
        proposals = self._member.proposals
        while proposals.are_full:
            await proposals.room()
        return await self._proposed(transaction(entry))

    async def read_barrier(self) -> None:
        if not (self._running and self._member.core.leads_fully):
            raise NotLeader.ask(self._member.leader_address)
        self._turns.soon()
        await self._member.reads.barrier()

    async def add_member(self, node_id: str, address: str) -> None:
        await self._membership.add(node_id, address)

    async def remove_member(self, node_id: str) -> None:
        await self._membership.remove(node_id)

    async def transfer_leadership(self) -> None:
        await self._membership.transfer()

    # --- inside

    def _proposed(self, command: bytes) -> asyncio.Future[int]:
        """Queue a command, at once: a change of members is decided on what holds now. The future
        gives its index. No coroutine: every write comes by here.
        """
        if not self._running or self._member.core.role is not Role.LEADER:
            raise NotLeader.ask(self._member.leader_address)
        proposals = self._member.proposals
        applied = proposals.add(command)
        if proposals.is_lone:
            self._turns.now()
        else:
            self._turns.soon()
        return applied

    def _on_frames(self, peer: str, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._member.deliver(peer, frame)
        self._turns.now()

    def _on_durable(self) -> None:
        if self._member.became_durable():
            self._turns.now()

    def _on_link(self, peer: str, up: bool) -> None:
        log.info("raft_link", node=self._node_id, peer=peer, up=up)
        self._member.link_changed(peer, up=up)

    def _received_snapshot(self, leader: str, snapshot: Snapshot) -> None:
        self._snapshots.received(leader, snapshot)

    def _take_turn(self) -> None:
        self._member.turn(self._clock.monotonic())
        if self._member.has_untold_commit:
            self._untold.set()
        self._snapshots.take_if_due()
        if self._member.proposals.has_more:
            self._turns.soon()

    async def _tick(self) -> None:
        while True:
            self._member.tick(self._clock.monotonic())
            self._turns.now()
            await self._clock.sleep(self._settings.tick_s)

    async def _tell_commits(self) -> None:
        while True:
            await self._untold.wait()
            self._untold.clear()
            untold_index = self._member.core.commit_index
            await self._clock.sleep(self._settings.commit_notice_s)
            self._member.tell_commit(untold_index)

    def _first(self, failures: BaseExceptionGroup[BaseException]) -> BaseException:
        """Return what made `run` fail, as one error that says what to do."""
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        if isinstance(failure, OSError) and not isinstance(failure, SwarmPyError):
            return StorageCorrupt(
                f"the disk under {self._directory} failed: {failure}",
                remedy="check the disk; if it is lost, remove this manager and join it anew",
            )
        return failure
