"""What the judge may see of a member's inside: the one place that reaches into `RaftNode`."""

from __future__ import annotations

from swarmpy.raft.adapter import Core, Role
from swarmpy.raft.log import RaftLog
from swarmpy.raft.node import RaftNode


def log_of(node: RaftNode) -> RaftLog:
    return node._log  # noqa: SLF001 - see above


def core_of(node: RaftNode) -> Core:
    return node._member.core  # noqa: SLF001


def leads(node: RaftNode) -> bool:
    return core_of(node).role is Role.LEADER


def snapshot_index(node: RaftNode) -> int:
    """Return the last entry in the newest durable snapshot, 0 without one."""
    return node._store.index  # noqa: SLF001


def holds_durably(node: RaftNode, index: int, term: int) -> bool:
    """Say whether an entry would be there if the power failed now."""
    raft_log = log_of(node)
    in_log = index <= raft_log.durable_index and raft_log.term_at(index) == term
    return in_log or index <= snapshot_index(node)
