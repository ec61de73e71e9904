from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.data_key_file import KeyFiles, RaftKeys, opener
from swarmpy.daemon.key_duty import KeyDuty
from swarmpy.daemon.key_source import MadeKey, PassphraseSource
from swarmpy.errors import InvalidInput, PermissionDenied, StorageCorrupt
from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.sealing import Sealing
from swarmpy.security.operator_keys import UNLOCK_KEY
from swarmpy.store.store import Store
from swarmpy.store.view import View

NODE_KEY = b"n" * 32
FIRST, SECOND = b"1" * 32, b"2" * 32


class FullDisk(LocalDisk):
    def replace(self, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space")


def files(tmp_path: Path, disk: LocalDisk | None = None) -> KeyFiles:
    return KeyFiles(disk or LocalDisk(), tmp_path, "n1", "c1", random.Random(1))


def cluster(version: int, unlock_key: bytes = b"") -> Cluster:
    return Cluster(id="c1", version=version, unlock_key=unlock_key)


def again(tmp_path: Path, key: bytes) -> RaftKeys:
    """Open the log's ring from the disk, as a manager that starts does."""
    ring = files(tmp_path).raft_ring()
    assert ring is not None
    return files(tmp_path).open_raft(NODE_KEY, ring, key)


def test_the_node_s_own_ring_is_there_from_the_beginning(tmp_path: Path) -> None:
    source = PassphraseSource(b"")
    keys = files(tmp_path).create(source, MadeKey(NODE_KEY, b"salt"))
    assert files(tmp_path).node_ring().open(NODE_KEY) == keys
    assert files(tmp_path).source() == PassphraseSource(b"salt")


def test_a_missing_ring_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageCorrupt, match=r"node-keys\.pb is missing"):
        files(tmp_path).node_ring()
    assert files(tmp_path).raft_ring() is None


def test_autolock_moves_the_keys_under_the_unlock_key_and_back(tmp_path: Path) -> None:
    keys = files(tmp_path).create_raft(NODE_KEY)
    assert not keys.follow(cluster(3)), "autolock is off, and was"
    assert keys.follow(cluster(4, FIRST))
    assert keys.is_autolocked
    with pytest.raises(PermissionDenied):
        again(tmp_path, NODE_KEY)
    assert again(tmp_path, FIRST).keys == keys.keys
    assert keys.follow(cluster(5, SECOND))
    with pytest.raises(PermissionDenied):
        again(tmp_path, FIRST)
    assert keys.follow(cluster(6))
    assert again(tmp_path, NODE_KEY).keys.newest_id == 4, "each change brought a new data key"


def test_a_row_that_was_followed_already_changes_nothing(tmp_path: Path) -> None:
    keys = files(tmp_path).create_raft(NODE_KEY)
    assert keys.follow(cluster(4, FIRST))
    before = (tmp_path / "raft-keys.pb").read_bytes()
    assert not keys.follow(cluster(4, FIRST))
    assert not keys.follow(cluster(9, FIRST)), "another setting of the swarm changed"
    assert (tmp_path / "raft-keys.pb").read_bytes() == before


@pytest.mark.parametrize("old", [cluster(1), cluster(2, FIRST)], ids=["autolock off", "old key"])
def test_a_log_that_is_read_again_does_not_bring_back_old_keys(
    tmp_path: Path, old: Cluster
) -> None:
    keys = files(tmp_path).create_raft(NODE_KEY)
    keys.follow(cluster(3, SECOND))
    started = again(tmp_path, SECOND)
    assert not started.follow(old)
    assert again(tmp_path, SECOND).is_autolocked


def test_the_operator_s_key_opens_and_others_are_told_apart(tmp_path: Path) -> None:
    keys = files(tmp_path).create_raft(NODE_KEY)
    keys.follow(cluster(3, FIRST))
    ring = files(tmp_path).raft_ring()
    assert ring is not None
    open_with = opener(files(tmp_path), NODE_KEY, ring)
    assert open_with(UNLOCK_KEY.shown(FIRST)).keys == keys.keys
    with pytest.raises(PermissionDenied, match="does not open this manager"):
        open_with(UNLOCK_KEY.shown(SECOND))
    with pytest.raises(InvalidInput):
        open_with("hunter2")


def test_a_full_disk_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    files(tmp_path).create_raft(NODE_KEY)
    ring = files(tmp_path).raft_ring()
    assert ring is not None
    keys = files(tmp_path, FullDisk()).open_raft(NODE_KEY, ring, NODE_KEY)
    sealing = Sealing("c1", keys.keys, random.Random(1))
    clock = SystemClock()
    duty = KeyDuty(Store(clock, IdSource(random.Random(1))), keys, sealing, clock)
    view = View()
    view.clusters.put("c1", cluster(3, FIRST))
    assert not duty.look(view), "it will look again"
    assert sealing.keys.newest_id == keys.keys.newest_id == 1
    assert again(tmp_path, NODE_KEY).keys == keys.keys


def test_what_is_sealed_next_is_sealed_with_the_new_key(tmp_path: Path) -> None:
    keys = files(tmp_path).create_raft(NODE_KEY)
    sealing = Sealing("c1", keys.keys, random.Random(1))
    clock = SystemClock()
    duty = KeyDuty(Store(clock, IdSource(random.Random(1))), keys, sealing, clock)
    view = View()
    assert duty.look(view), "there is no swarm yet"
    view.clusters.put("c1", cluster(3, FIRST))
    assert duty.look(view)
    assert sealing.keys.newest_id == 2
    assert again(tmp_path, FIRST).keys == sealing.keys
