"""A follower's append that never takes back what already matches.

pysyncobj cuts the log after the entry a leader names, even when what it cuts is the same as
what the leader sends. A repeated or delayed append would so undo entries that this follower
has acknowledged. Here an append is reduced to what it really adds before pysyncobj sees it:

    log        1 2 3 4 5 6
    append       2 3 4          matches, adds nothing  -> "after 6, nothing"; verified to 4
    append             5 6 7 8  overlaps               -> "after 6: 7 8";     verified to 8
    append           4 5' 6'    5 differs              -> "after 4: 5' 6'";   verified to 6'
"""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.raft.commands import Entry
from swarmpy.raft.log import RaftLog


@dataclass(frozen=True, slots=True)
class Append:
    """Entries that are to follow `prev_index`; consecutive, checked on receipt."""

    prev_index: int
    prev_term: int
    entries: list[Entry]
    commit_index: int

    @property
    def last_index(self) -> int:
        return self.prev_index + len(self.entries)


def without_truncation(log: RaftLog, append: Append) -> tuple[Append, int]:
    """Return what an append adds to a log, and up to where both are then known to be equal.

    The commit index is lowered to that: an append says nothing about entries behind it.
    When `prev_index` does not match, the append comes back as it is, to be rejected.
    """
    append = _above_base(log, append)
    verified = append.last_index
    commit_index = min(append.commit_index, verified)
    if log.term_at(append.prev_index) != append.prev_term:
        return Append(append.prev_index, append.prev_term, append.entries, commit_index), verified
    known = _known(log, append.entries)
    if known == len(append.entries):
        return Append(log.last_index, log.last_term, [], commit_index), verified
    if known:
        _, index, term = append.entries[known - 1]
        return Append(index, term, append.entries[known:], commit_index), verified
    return Append(append.prev_index, append.prev_term, append.entries, commit_index), verified


def where_to_go_on(log: RaftLog, append: Append, commit_index: int) -> int:
    """Return the index a leader should send from after this append was rejected.

    A whole term is skipped at once, but nothing that is committed is asked for again.
    """
    if append.prev_index > log.last_index:
        return log.last_index + 1
    index = append.prev_index
    term = log.term_at(index)
    while index > commit_index + 1 and log.term_at(index - 1) == term:
        index -= 1
    return max(index, commit_index + 1)


def _above_base(log: RaftLog, append: Append) -> Append:
    """Drop entries that a snapshot holds: they are committed, so they match."""
    base = log.first_index
    if append.prev_index >= base:
        return append
    rest = [entry for entry in append.entries if entry[1] > base]
    return Append(base, log.entries[0][2], rest, append.commit_index)


def _known(log: RaftLog, entries: list[Entry]) -> int:
    """Return how many leading entries the log holds already."""
    for position, (_, index, term) in enumerate(entries):
        if log.term_at(index) != term:
            return position
    return len(entries)
