"""How far the log is committed: what a majority of the members holds durably."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from swarmpy.raft.log import RaftLog


def quorum_index(members: Collection[str], durable: Mapping[str, int]) -> int:
    """Return the highest entry that more than half of the members hold durably.

    >>> quorum_index("abc", {"a": 9, "b": 7})
    7
    """
    held = sorted([durable.get(member, 0) for member in members])
    return held[(len(held) - 1) // 2] if held else 0


def quorum_size(members: Collection[str]) -> int:
    return len(members) // 2 + 1


def commit_up_to(
    log: RaftLog, term: int, durable: Mapping[str, int], wanted: int, committed: int
) -> int:
    """Return how far the leader of `term` may commit, at most `wanted`.

    Only an entry of its own term commits what is before it: an older entry may be held by a
    majority and still be overwritten. Source: Ongaro, Ousterhout 2014, section 5.4.2.
    """
    index = min(wanted, quorum_index(log.members, durable))
    if index > committed and log.term_at(index) == term:
        return index
    return committed
