"""The simulation of Raft finds what it is there to find: with one protection gone, seeds fail."""

from __future__ import annotations

import pytest

from swarmpy.raft import follower, reads
from swarmpy.raft.append import Append
from swarmpy.raft.commands import Members
from swarmpy.raft.log import RaftLog
from swarmpy.testing.raft_sim.seed import run_raft_seed

SEEDS = 12


def no_seed_holds_them_all(expected: str) -> None:
    faults = [run_raft_seed(seed).fault for seed in range(SEEDS)]
    assert any(expected in fault for fault in faults), faults


def test_a_follower_that_takes_entries_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_it_is(_log: RaftLog, append: Append) -> tuple[Append, int]:
        return append, append.last_index

    monkeypatch.setattr(follower, "without_truncation", as_it_is)
    no_seed_holds_them_all("would undo committed entry")


def test_a_log_that_calls_durable_what_is_only_written(monkeypatch: pytest.MonkeyPatch) -> None:
    write_out = RaftLog.write_out

    def hasty(log: RaftLog) -> bool:
        written = write_out(log)
        log.durable_index = log.last_index
        return written

    monkeypatch.setattr(RaftLog, "write_out", hasty)
    no_seed_holds_them_all("which was durable")


def test_a_leader_that_reads_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_is_asked(_members: Members, answered: dict[str, int]) -> int:
        return max(answered.values(), default=0)

    monkeypatch.setattr(reads, "quorum_index", nobody_is_asked)
    no_seed_holds_them_all("no order explains: read")
