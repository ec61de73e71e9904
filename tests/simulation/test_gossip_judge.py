"""The simulation of gossip finds what it is there to find: with one protection gone, seeds fail."""

from __future__ import annotations

import pytest

from swarmpy.core.gossip import table
from swarmpy.core.gossip.differences import Differences
from swarmpy.core.gossip.own import Own
from swarmpy.core.gossip.probes import Probes
from swarmpy.core.gossip.table import Entry
from swarmpy.pb.gossip_pb2 import GossipEndpoint
from swarmpy.testing.gossip_sim.seed import run_gossip_seed

SEEDS = 40


def no_seed_holds_them_all(expected: str) -> None:
    faults = (run_gossip_seed(seed).fault for seed in range(SEEDS))
    assert any(expected in fault for fault in faults)


def test_a_node_that_answers_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Differences, "answer", lambda *_: None)
    no_seed_holds_them_all("different tables")


def test_a_node_that_does_not_try_the_dead_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(probes: Probes, *_: object) -> None:
        probes._retry_at = float("inf")

    monkeypatch.setattr(Probes, "_retry", never)
    no_seed_holds_them_all("after healing")


def test_an_owner_that_does_not_set_right_what_is_told_in_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Own, "settle", lambda *_: None)
    monkeypatch.setattr(Own, "answer", lambda *_: None)
    no_seed_holds_them_all("too many")


def test_a_table_that_takes_what_came_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_endpoint: GossipEndpoint, _entry: Entry) -> bool:
        return False

    init = Entry.__init__
    count = iter(range(1, 1 << 60))

    def as_it_comes(entry: Entry, endpoint: GossipEndpoint, now: float) -> None:
        init(entry, endpoint, now)
        entry.rank = (next(count), 0, "", 0)

    monkeypatch.setattr(table, "_is_older", never)
    monkeypatch.setattr(Entry, "__init__", as_it_comes)
    no_seed_holds_them_all("went back")
