"""The swarm as a whole: autolock, its key, and its backup."""

from __future__ import annotations

import pytest

from swarmpy.errors import InvalidInput, WrongState
from swarmpy.manager.api.cluster import Clusters
from swarmpy.pb.control_pb2 import (
    GetBackupRequest,
    GetClusterRequest,
    GetUnlockKeyRequest,
    RotateUnlockKeyRequest,
    UpdateClusterRequest,
)
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.types_pb2 import PLACEMENT_STRATEGY_BINPACK
from swarmpy.security.operator_keys import UNLOCK_KEY
from swarmpy.testing import builders
from tests.manager.one_manager import Sent, leading_seat, new_store, put


async def test_autolock_makes_a_key_and_turning_it_off_forgets_it() -> None:
    seat = await leading_seat()
    clusters = Clusters(seat)
    assert (await clusters.get_unlock_key(GetUnlockKeyRequest())).key == ""
    await clusters.update_cluster(UpdateClusterRequest())
    assert not seat.store.view.cluster.spec.autolock, "what is not said is not changed"
    changed = await clusters.update_cluster(UpdateClusterRequest(autolock=True))
    assert changed.spec.autolock
    key = (await clusters.get_unlock_key(GetUnlockKeyRequest())).key
    assert UNLOCK_KEY.parse(key) == seat.store.view.cluster.unlock_key
    await clusters.update_cluster(UpdateClusterRequest(autolock=True))
    assert (await clusters.get_unlock_key(GetUnlockKeyRequest())).key == key, "it is kept"
    await clusters.update_cluster(UpdateClusterRequest(autolock=False))
    assert (await clusters.get_unlock_key(GetUnlockKeyRequest())).key == ""
    assert seat.store.view.cluster.unlock_key == b""


async def test_the_strategy_is_changed_where_it_is_given_and_known() -> None:
    clusters = Clusters(await leading_seat())
    request = UpdateClusterRequest(strategy=PLACEMENT_STRATEGY_BINPACK)
    assert (await clusters.update_cluster(request)).spec.strategy == PLACEMENT_STRATEGY_BINPACK
    kept = await clusters.update_cluster(UpdateClusterRequest())
    assert kept.spec.strategy == PLACEMENT_STRATEGY_BINPACK
    with pytest.raises(InvalidInput, match="strategy: is 9, expected spread or binpack"):
        await clusters.update_cluster(UpdateClusterRequest(strategy=9))  # type: ignore[arg-type]


async def test_rotating_makes_another_key_while_autolock_is_on() -> None:
    seat = await leading_seat()
    clusters = Clusters(seat)
    with pytest.raises(WrongState, match="autolock is off"):
        await clusters.rotate_unlock_key(RotateUnlockKeyRequest())
    await clusters.update_cluster(UpdateClusterRequest(autolock=True))
    old = (await clusters.get_unlock_key(GetUnlockKeyRequest())).key
    new = (await clusters.rotate_unlock_key(RotateUnlockKeyRequest())).key
    assert new != old
    assert (await clusters.get_unlock_key(GetUnlockKeyRequest())).key == new


async def test_a_key_that_was_brought_is_taken_and_what_is_none_refused() -> None:
    seat = await leading_seat()
    clusters = Clusters(seat)
    mine, next_one = (UNLOCK_KEY.shown(letter * 32) for letter in (b"1", b"2"))
    await clusters.update_cluster(UpdateClusterRequest(autolock=True, unlock_key=mine))
    assert seat.store.view.cluster.unlock_key == b"1" * 32
    with pytest.raises(InvalidInput, match="no unlock key"):
        await clusters.rotate_unlock_key(RotateUnlockKeyRequest(key="hunter2"))
    assert seat.store.view.cluster.unlock_key == b"1" * 32
    await clusters.rotate_unlock_key(RotateUnlockKeyRequest(key=next_one))
    assert seat.store.view.cluster.unlock_key == b"2" * 32


async def test_no_answer_but_its_own_has_the_unlock_key() -> None:
    seat = await leading_seat()
    clusters = Clusters(seat)
    answers = [
        await clusters.update_cluster(UpdateClusterRequest(autolock=True)),
        await clusters.get_cluster(GetClusterRequest()),
    ]
    key = seat.store.view.cluster.unlock_key
    assert key
    assert not any(key in answer.SerializeToString() for answer in answers)


async def test_a_backup_is_the_whole_state_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarmpy.manager.api.cluster.CHUNK_BYTES", 100)
    seat = await leading_seat()
    await put(seat.store, nodes=[builders.node("w1"), builders.node("w2")])
    sent = Sent()
    await Clusters(seat).get_backup(GetBackupRequest(), sent)
    assert len(sent.messages) > 3
    content = BackupContent.FromString(b"".join(chunk.data for chunk in sent.messages))
    copy = new_store(seat.clock)
    copy.restore([content.state])
    assert list(copy.as_bytes()) == list(seat.store.as_bytes())
    assert content.index == seat.store.index


async def test_gossips_pace_is_the_swarms_and_one_that_there_is_not_is_refused() -> None:
    seat = await leading_seat()
    clusters = Clusters(seat)
    assert seat.store.view.cluster.spec.gossip_profile == "default"
    await clusters.update_cluster(UpdateClusterRequest(gossip_profile="wan"))
    with pytest.raises(InvalidInput, match="expected one of default, lan, wan"):
        await clusters.update_cluster(UpdateClusterRequest(gossip_profile="fast"))
    await clusters.update_cluster(UpdateClusterRequest())
    assert seat.store.view.cluster.spec.gossip_profile == "wan"
