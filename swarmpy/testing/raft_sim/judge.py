"""What must always hold of Raft, looked at whenever a member speaks, applies or comes back.

| | |
|---|---|
| election safety | one leader in a term |
| log matching | an entry's index and term say what it is, and what is before it |
| leader completeness | a new leader holds everything that was committed in terms before its own |
| state equality | all members are in the same state after the same entry |
| commits | a member's commit index never goes back, and nobody commits something else there |
| durable acks | what a client was told of is on the disks of a majority at that moment |
| recovery | what a member called durable is there when it comes back |

Source: Ongaro, Ousterhout 2014, figure 3.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from swarmpy.raft.commands import TRANSACTION
from swarmpy.raft.node import RaftNode
from swarmpy.testing.raft_sim.anatomy import (
    core_of,
    holds_durably,
    leads,
    log_of,
    snapshot_index,
)
from swarmpy.testing.story import Story


class Judge:
    """Blames in the story; knows what all members together have done so far."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._leaders: dict[int, str] = {}
        self._committed: dict[int, tuple[int, int, int]] = {}
        """Index -> term and checksum of the entry, term in which it was seen committed first."""
        self._entries: dict[tuple[int, int], tuple[int, int]] = {}
        """(index, term) -> checksum of the entry, term of the one before."""
        self._states: dict[int, int] = {}
        """Index -> checksum of the state after it."""
        self._applied: dict[int, bytes] = {}
        self._commit_seen: dict[str, int] = {}
        self._acknowledged: dict[int, bytes] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Return how much there was to judge: a seed without any shows nothing."""
        return {
            "leaders": len(self._leaders),
            "committed": len(self._committed),
            "acknowledged": len(self._acknowledged),
        }

    # --- what it is shown

    def spoke(self, name: str, node: RaftNode) -> None:
        """Look at a member that sends something."""
        commit_index = core_of(node).commit_index
        seen = self._commit_seen.get(name, 0)
        if commit_index < seen:
            self._story.blame(f"{name} took its commit index back from {seen} to {commit_index}")
        if commit_index > seen:
            self._commit_seen[name] = commit_index
            self._note_commits(name, node, seen, commit_index)
        term = core_of(node).term
        if leads(node) and self._leaders.get(term) != name:
            self._note_leader(name, node, term)

    def changed(self, name: str, index: int, entry: bytes | None, digest: int) -> None:
        """Look at a state machine that applied an entry, or was restored at one."""
        if self._states.setdefault(index, digest) != digest:
            self._story.blame(f"{name} is in another state than others after entry {index}")
        if entry is not None and self._applied.setdefault(index, entry) != entry:
            self._story.blame(f"{name} applied something else at entry {index}")

    def acknowledged(self, leader: RaftNode, index: int, entry: bytes, all_: Nodes) -> None:
        """Look at the disks when a client learns that its entry is written."""
        self._acknowledged[index] = entry
        raft_log = log_of(leader)
        term = raft_log.term_at(index)
        if term is None:
            return
        holders = {name for name, node in all_.items() if holds_durably(node, index, term)}
        electorates = (raft_log.members, raft_log.members_at(core_of(leader).commit_index))
        if not any(len(holders & set(e)) * 2 > len(e) for e in electorates):
            self._story.blame(f"entry {index} was acknowledged, and only {holders} hold it")

    def came_back(self, name: str, before: RaftNode | None, node: RaftNode) -> None:
        """Compare what a member said was durable with what it found on its disk."""
        self._commit_seen[name] = 0
        if before is None:
            return
        old, new = log_of(before), log_of(node)
        for index in range(old.first_index, old.durable_index + 1):
            if index <= max(1, snapshot_index(node)):
                continue
            if new.term_at(index) != old.term_at(index):
                self._story.blame(f"{name} lost entry {index}, which was durable")
                return

    def compare_logs(self, nodes: Nodes) -> None:
        """Look at every entry of every log."""
        for name, node in nodes.items():
            previous_term: int | None = None
            for command, index, term in log_of(node).entries:
                if previous_term is not None:
                    entry = (zlib.crc32(command), previous_term)
                    if self._entries.setdefault((index, term), entry) != entry:
                        self._story.blame(f"{name} holds another entry {index} of term {term}")
                        return
                previous_term = term

    def lost(self) -> Iterable[str]:
        """Return what was acknowledged and is not what was applied, or was applied twice."""
        for index, entry in sorted(self._acknowledged.items()):
            if self._applied.get(index) != entry:
                yield f"{entry!r} was acknowledged at entry {index} and is not there"
        places: dict[bytes, int] = {}
        for index, entry in sorted(self._applied.items()):
            if entry in places:
                yield f"{entry!r} was applied at entry {places[entry]} and again at {index}"
            places[entry] = index

    # --- inside

    def _note_commits(self, name: str, node: RaftNode, seen: int, commit_index: int) -> None:
        raft_log = log_of(node)
        term_now = core_of(node).term
        for index in range(max(seen, raft_log.first_index) + 1, commit_index + 1):
            command, _, term = raft_log.entries[index - raft_log.first_index]
            checksum = zlib.crc32(command)
            known = self._committed.setdefault(index, (term, checksum, term_now))
            if known[:2] != (term, checksum):
                self._story.blame(
                    f"{name} committed entry {index} of term {term}, others that of {known[0]}"
                )
            if command[0] == TRANSACTION and self._applied.get(index, command[1:]) != command[1:]:
                self._story.blame(f"{name} committed entry {index}, others applied another")

    def _note_leader(self, name: str, node: RaftNode, term: int) -> None:
        other = self._leaders.setdefault(term, name)
        if other != name:
            self._story.blame(f"{name} leads in term {term}, and so does {other}")
        raft_log = log_of(node)
        for index, (entry_term, _, seen_in) in self._committed.items():
            is_due = seen_in < term and index >= raft_log.first_index
            if is_due and raft_log.term_at(index) != entry_term:
                self._story.blame(f"{name} leads in term {term} without entry {index}")
                return


Nodes = Mapping[str, RaftNode]
"""Every member's node by name; of those that are down, the one that was there last."""
