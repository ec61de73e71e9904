"""One member of the quorum, taking turns: everything Raft happens inside `turn`.

    frames from peers ─┐
    proposals, reads  ─┼─> turn: receive, elect, append, commit, apply, send, write ─> wait
    time, durability  ─┘

It awaits nothing and knows no tasks: `RaftNode` gives it turns and does the slow work.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import structlog

from swarmpy.errors import NotLeader
from swarmpy.raft.adapter import Core, Role
from swarmpy.raft.commands import TRANSACTION, Entry
from swarmpy.raft.commit import commit_up_to
from swarmpy.raft.dispatch import Dispatch
from swarmpy.raft.elections import Elections
from swarmpy.raft.follower import Follower
from swarmpy.raft.frames import parse
from swarmpy.raft.full_disk import FullDisk
from swarmpy.raft.leadership import LeadershipWatch
from swarmpy.raft.log import RaftLog
from swarmpy.raft.log_ids import LogIds
from swarmpy.raft.proposals import Proposals
from swarmpy.raft.reachable import Reachable
from swarmpy.raft.reads import Reads
from swarmpy.raft.replication import Replication
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.raft.snapshots import SnapshotStore
from swarmpy.raft.transfer import Incoming
from swarmpy.raft.voters import Voters
from swarmpy.seams import Leadership, PeerNetwork, StateMachine

log = structlog.get_logger()


class Member:
    """Implements `adapter.CoreOwner`. The log must be recovered before."""

    def __init__(  # noqa: PLR0913, PLR0917 - it takes what it needs
        self,
        node_id: str,
        raft_log: RaftLog,
        store: SnapshotStore,
        machine: StateMachine,
        network: PeerNetwork,
        rng: random.Random,
        settings: RaftSettings,
        now: float,
        on_snapshot: Callable[[str, Snapshot], None],
        sync: Callable[[], None],
    ) -> None:
        """`sync` is called when something was written that has to become durable."""
        self.node_id = node_id
        self.log = raft_log
        self._machine = machine
        self._settings = settings
        self._now = now
        self._inbox: deque[tuple[str, bytes]] = deque()
        self._full_disk = FullDisk()
        self.log_ids = LogIds(node_id, raft_log)
        send = self.log_ids.marking(network.send)
        self._elections = Elections(node_id, raft_log, send, rng, settings, self.now)
        self.core = Core(node_id, raft_log, self, settings)
        self._elections.core = self.core
        self.proposals = Proposals(raft_log, settings)
        self.reads = Reads(node_id, self.core, send)
        self.replication = Replication(raft_log, store, send, settings, self.now)
        self.voters = Voters(node_id, raft_log, self.core, self.replication, network)
        self.reachable = Reachable(send, settings.election_min_s)
        self.leadership = LeadershipWatch(self.core.term)
        incoming = Incoming(settings.snapshot_bytes)
        self._follower = Follower(self.core, raft_log, send, incoming, on_snapshot)
        self._dispatch = Dispatch(
            self.core,
            self._elections,
            self._follower,
            self.replication,
            self.reads,
            send,
        )
        self._send = send
        self._sync = sync

    # --- what others tell it

    def begin(self, snapshot: Snapshot | None) -> None:
        """Start from what was recovered. The only member elects itself without waiting."""
        if snapshot is not None:
            self._machine.restore(snapshot.state)
            self.core.rest_on(snapshot.index)
        self.voters.adopt()
        if list(self.log.members) == [self.node_id]:
            self.core.hold_election_at(self._now)

    def deliver(self, peer: str, frame: bytes) -> None:
        """Keep a frame for the next turn."""
        if len(self._inbox) < self._settings.inbox_frames:
            self._inbox.append((peer, frame))

    def link_changed(self, peer: str, *, up: bool) -> None:
        self.replication.link_changed(peer, up=up)
        self._elections.link_changed(peer, up=up)

    def install(self, leader: str, snapshot: Snapshot) -> None:
        """Become what a leader's snapshot says; it is durable here."""
        if self.core.role is Role.LEADER:
            return
        if snapshot.index > self.core.applied_index:
            if self.log.term_at(snapshot.index) == snapshot.term:
                self.log.rest_on(snapshot.index, snapshot.members)
            else:
                self.log.restart_at(snapshot.index, snapshot.term, snapshot.members)
            self._machine.restore(snapshot.state)
            self.core.rest_on(snapshot.index)
            log.info("raft_snapshot_installed", index=snapshot.index, leader=leader)
        self._follower.confirm(leader, min(snapshot.index, self.log.durable_index))

    async def snapshot(self) -> Snapshot:
        """Return the state as it is when this is called; what is applied later is not in it."""
        index = self.core.applied_index
        term = self.log.term_at(index)
        members = self.log.members_at(index)
        assert term is not None
        return Snapshot(index, term, members, await self._machine.snapshot())

    def snapshot_saved(self, snapshot: Snapshot) -> None:
        """Forget what a durable snapshot holds, but for the last entries."""
        self.log.rest_on(snapshot.index, snapshot.members)
        keep_from = snapshot.index - self._settings.snapshot_keep
        self.log.forget_below(max(self.log.first_index, keep_from))

    # --- the turn

    def turn(self, now: float) -> None:
        """Do everything there is to do.

        Raises:
            OSError: the disk is broken.
        """
        self._now = now
        while self._inbox:
            self._receive(*self._inbox.popleft())
        if self.core.role is not Role.LEADER:
            self._write()  # first of all: a leader waits for it
        with self._full_disk:
            self._elections.tick()
        self._append_proposals()
        if self.core.commit():
            self._send_new()  # before what is committed is applied: followers wait for it
        with self._full_disk:
            self.core.tick()
        self.voters.adopt()
        self._lead()
        self._write()
        self._follower.acknowledge()
        self.publish()

    def _write(self) -> None:
        with self._full_disk:
            if self.log.write_out():
                self._full_disk.has_room()
        if self.log.needs_sync:
            self._sync()

    def became_durable(self) -> bool:
        """Acknowledge what is durable now; say whether a turn could commit by it."""
        if self.core.role is Role.LEADER:
            committed = self.core.commit_index
            return self.may_commit(self.log.last_index, committed) > committed
        self._follower.acknowledge()
        return False

    def tick(self, now: float) -> None:
        """Do what is due now and then; `turn` follows."""
        self._now = now
        self.reachable.ping_if_due(self.voters.others, self.core.term, now)

    @property
    def has_untold_commit(self) -> bool:
        """Followers do not know yet how much is committed."""
        leads = self.core.role is Role.LEADER
        return leads and self.core.commit_index > self.replication.told_commit

    def tell_commit(self, index: int) -> None:
        """Tell followers what is committed, unless frames have told them of `index` meanwhile."""
        if self.has_untold_commit and self.replication.told_commit < index:
            self.replication.tell_commit(self.core.term, self.core.commit_index)

    def publish(self) -> None:
        """Tell who leads, if that has changed."""
        was, core = self.leadership.now, self.core
        term, leader, leads = core.term, core.leader_id, core.leads_fully
        if (term, leader, leads) != (was.term, was.leader_id, was.is_self):
            self.leadership.publish(Leadership(term, leader, leads))
            log.info("raft_leadership", node=self.node_id, term=term, leader=leader, is_self=leads)

    def stop(self) -> None:
        """End everything that waits; nothing is sent or written any more."""
        self._end_lead()
        self.leadership.publish(Leadership(self.core.term, None, is_self=False))

    @property
    def leader_address(self) -> str:
        """Where the leader is, "" when that is not known."""
        leader = self.core.leader_id
        voter = self.log.members.get(leader) if leader else None
        return voter.address if voter else ""

    # --- what the core asks for

    def now(self) -> float:
        return self._now

    def election_timeout_s(self) -> float:
        return self._elections.timeout_s()

    def ask_for_vote(self, peer: str) -> None:
        self._elections.ask_for_vote(peer)

    def grant_vote(self, peer: str) -> None:
        self._elections.grant_vote(peer)

    def heartbeat(self) -> None:
        self.replication.heartbeat(self.core.term, self.core.commit_index)
        self.reads.repeat_probes(self.log.members)

    def may_commit(self, wanted: int, committed: int) -> int:
        if wanted <= committed:
            return committed
        durable = self.replication.durable()
        durable[self.node_id] = self.log.durable_index
        return commit_up_to(self.log, self.core.term, durable, wanted, committed)

    def apply(self, entries: list[Entry]) -> None:
        apply = self._machine.apply
        for command, index, _ in entries:
            if command[0] == TRANSACTION:
                apply(index, command[1:])
        self.proposals.applied(entries[0][1], entries[-1][1])

    def role_changed(self, was: Role, role: Role) -> None:
        if role is Role.LEADER:
            self.voters.start_leading()
        elif was is Role.LEADER:
            self._end_lead()
            self._elections.wait()

    # --- inside

    def _receive(self, peer: str, data: bytes) -> None:
        heard = parse(data)
        if heard is None:
            log.warning("raft_frame_dropped", peer=peer, bytes=len(data))
            return
        if not self.log_ids.believes(peer, heard.frame):
            return
        self.reachable.heard(peer, self._now)
        with self._full_disk:
            self._dispatch.receive(peer, heard)
        self.voters.adopt()

    def _append_proposals(self) -> None:
        if self.core.role is Role.LEADER and self.proposals.has_more:
            self.proposals.append_group(self.core.term)
            self.voters.adopt()

    def _send_new(self) -> None:
        self.replication.send_new(self.core.term, self.core.commit_index)

    def _lead(self) -> None:
        """Send what followers lack, and step down once this member's removal is committed."""
        if self.core.role is not Role.LEADER:
            return
        self._send_new()
        self.reads.send_probes(self.log.members)
        self.reads.release(self.log.members)
        is_removed = self.node_id not in self.log.members
        if is_removed and self.core.commit_index >= self.log.members_index:
            successor = self.replication.most_advanced(self.log.members)
            self.tell_commit(self.core.commit_index)
            if successor is not None:
                self.replication.hand_over(successor, self.core.term)
            self.core.step_down()

    def _end_lead(self) -> None:
        self.proposals.fail_all("")
        self.proposals.paused = False
        self.reads.fail_all(NotLeader.ask(""))
        self.voters.stop_leading()
