"""What a node remembers of gossip, and what it learns from it of managers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from swarmpy.daemon.farewell import Farewell
from swarmpy.daemon.known_gossip import NAME, KnownGossip
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.pb.dispatcher_pb2 import GossipAccess
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GossipMember,
    GossipState,
)
from swarmpy.pb.types_pb2 import GossipKey, GossipKeyRing
from swarmpy.raft.disk import LocalDisk
from swarmpy.seams import GossipPicture, Neighbour
from swarmpy.testing.builders import seal

KEY = b"gossip-key-that-no-disk-may-show"
ACCESS = GossipAccess(
    keys=GossipKeyRing(keys=[GossipKey(id=1, key=KEY)], primary_id=1),
    addresses=["10.0.0.1:7947"],
    removed_node_ids=["n9"],
)


def known(directory: Path, node_id: str = "n1") -> KnownGossip:
    return KnownGossip(LocalDisk(), directory, seal(node_id, random.Random(1)))


def test_keys_and_addresses_are_there_after_a_restart_and_sealed_on_the_disk(
    tmp_path: Path,
) -> None:
    known(tmp_path).heard(ACCESS)
    assert known(tmp_path).access == ACCESS
    assert KEY not in (tmp_path / NAME).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"\xff" * 50], ids=["empty", "noise"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    known(tmp_path).heard(ACCESS)
    (tmp_path / NAME).write_bytes(damage)
    assert known(tmp_path).access == GossipAccess()


def test_a_disk_that_is_full_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    one = known(tmp_path / "missing")
    one.heard(ACCESS)
    assert one.access == ACCESS


def test_addresses_are_replaced_when_none_of_them_is_there_any_more(tmp_path: Path) -> None:
    one = known(tmp_path)
    one.heard(ACCESS)
    one.met(["10.0.0.1:7947", "10.0.0.2:7947"])
    assert list(one.access.addresses) == ["10.0.0.1:7947"]
    one.met([])
    assert list(one.access.addresses) == ["10.0.0.1:7947"]
    one.met(["10.0.0.2:7947"])
    assert list(known(tmp_path).access.addresses) == ["10.0.0.2:7947"]
    assert known(tmp_path).access.keys == ACCESS.keys
    assert known(tmp_path).access.removed_node_ids == ACCESS.removed_node_ids


def member(
    node_id: str,
    *,
    manager: bool,
    term: int = 0,
    leader: str = "",
    state: GossipState.ValueType = GOSSIP_STATE_ALIVE,
) -> Neighbour:
    api = f"{node_id}:2378" if manager else ""
    said = GossipMember(node_id=node_id, api_address=api, term=term, leader_id=leader)
    return Neighbour(said, state, 1.0, certain=True)


def picture(*members: Neighbour) -> GossipPicture:
    return GossipPicture({one.member.node_id: one for one in members}, (), 0, 0, 0, {})


def test_a_node_that_lost_all_it_knew_finds_the_managers_that_gossip_sees(tmp_path: Path) -> None:
    managers = KnownManagers(LocalDisk(), tmp_path)
    managers.met(
        picture(
            member("m1", manager=True, term=4, leader="m1"),
            member("m2", manager=True, term=5, leader="m2"),
            member("m3", manager=True, term=5, leader="m2", state=GOSSIP_STATE_DEAD),
            member("w1", manager=False),
        )
    )
    assert managers.api_addresses() == ["m2:2378", "m1:2378"]


def test_gossips_leader_comes_first_then_what_managers_said_then_the_rest(tmp_path: Path) -> None:
    managers = KnownManagers(LocalDisk(), tmp_path)
    managers.heard(["m1:2378", "m2:2378"])
    managers.met(
        picture(
            member("m2", manager=True, term=5, leader="m2"),
            member("m4", manager=True, term=5, leader="m2"),
        )
    )
    assert managers.api_addresses() == ["m2:2378", "m1:2378", "m4:2378"]
    managers.met(picture(member("w1", manager=False)))
    assert managers.api_addresses() == ["m1:2378", "m2:2378"]


def test_a_leader_that_is_gone_is_no_hint(tmp_path: Path) -> None:
    managers = KnownManagers(LocalDisk(), tmp_path)
    managers.met(
        picture(
            member("m1", manager=True, term=5, leader="m2"),
            member("m2", manager=True, term=5, leader="m2", state=GOSSIP_STATE_DEAD),
        )
    )
    assert managers.api_addresses() == ["m1:2378"]


def test_a_farewell_is_wanted_until_a_daemon_starts_again(tmp_path: Path) -> None:
    def is_wanted() -> bool:
        return Farewell(LocalDisk(), tmp_path).is_wanted

    seen = [is_wanted()]
    for act in ("want", "forget", "forget"):
        getattr(Farewell(LocalDisk(), tmp_path), act)()
        seen.append(is_wanted())
    assert seen == [False, True, False, False]
