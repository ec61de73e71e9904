"""A full disk passes, a broken one ends the process, and neither loses what was promised."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from swarmpy.errors import StorageCorrupt, StorageFull
from swarmpy.raft.records import Kind, frame
from swarmpy.raft.sealing import FileSeal
from swarmpy.raft.settings import RaftSettings
from tests.raft.cluster import DIRECTORY, NOTHING_AHEAD, SMALL, Cluster, Manager, simulate


@pytest.mark.parametrize("names", ["a", "abc"], ids=["alone", "with followers"])
def test_a_full_disk_refuses_writes_until_there_is_room_again(names: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start(names)
        leader = await cluster.leader()
        await leader.node.propose(b"before")
        leader.disk.fill()
        results = await asyncio.gather(
            *(leader.node.propose(b"refused") for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, StorageFull) for result in results)
        leader.disk.free()
        await leader.node.propose(b"after")
        await cluster.settle()
        await cluster.crash_all()
        for manager in cluster.managers.values():
            await manager.start()
        await cluster.leader()
        await cluster.settle()
        assert leader.machine.words == ["before", "after"]

    simulate(scenario, settings=NOTHING_AHEAD)


def test_a_manager_that_starts_on_a_full_disk_serves_once_there_is_room() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        manager = await cluster.leader()
        await manager.node.propose(b"before")
        await manager.crash()
        manager.disk.fill()
        await manager.start()
        await asyncio.sleep(10)
        assert manager.failure is None
        assert cluster.leaders() == []
        manager.disk.free()
        await (await cluster.leader()).node.propose(b"after")
        assert manager.machine.words == ["before", "after"]

    simulate(scenario, settings=NOTHING_AHEAD)


def test_a_follower_with_a_full_disk_acknowledges_nothing_and_catches_up_later() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        followers = [m for m in cluster.managers.values() if m is not leader]
        followers[0].disk.fill()
        await leader.node.propose(b"one follower is enough")
        followers[1].disk.fill()
        written = asyncio.get_running_loop().create_task(leader.node.propose(b"waits"))
        await asyncio.sleep(5)
        assert not written.done()
        assert leader.is_leader
        for follower in followers:
            follower.disk.free()
        await written
        await cluster.settle()

    simulate(scenario, settings=NOTHING_AHEAD)


def test_a_full_disk_costs_no_term_and_no_second_leader() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await cluster.settle()
        for manager in cluster.managers.values():
            manager.disk.fill()
        await leader.crash()
        await asyncio.sleep(20)
        assert cluster.leaders() == []
        for manager in cluster.managers.values():
            manager.disk.free()
        await (await cluster.leader()).node.propose(b"x")

    simulate(scenario, settings=NOTHING_AHEAD)


def test_a_full_disk_refuses_nothing_that_fits_into_the_zeros_ahead() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        await leader.node.propose(b"makes the file longer")
        leader.disk.fill()
        await leader.node.propose(b"fits")
        with pytest.raises(StorageFull):
            await leader.node.propose(bytes(SMALL.log_ahead_bytes))
        leader.disk.fill(SMALL.log_ahead_bytes - 1)
        await leader.node.propose(b"fits, and more zeros do not")
        leader.disk.free()
        words = list(leader.machine.words)
        await leader.crash()
        await leader.start()
        assert (await cluster.leader()).machine.words == words

    simulate(scenario)


def test_a_broken_disk_ends_the_process_and_others_lead() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await leader.node.propose(b"before")
        leader.disk.fail()
        await asyncio.gather(leader.node.propose(b"lost?"), return_exceptions=True)
        await cluster.until(lambda: leader.failure is not None)
        assert isinstance(leader.failure, StorageCorrupt)
        await leader.stop()
        successor = await cluster.leader()
        await successor.node.propose(b"after")
        assert successor.machine.words[0] == "before"

    simulate(scenario)


async def _filled(cluster: Cluster, words: int) -> Manager:
    """Return the only manager after it wrote and stopped."""
    await cluster.start("a")
    leader = await cluster.leader()
    for number in range(words):
        await leader.node.propose(str(number).encode())
    await leader.stop()
    return leader


def _files(manager: Manager, kind: str) -> list[Path]:
    return [DIRECTORY / kind / name for name in manager.disk.list_dir(DIRECTORY / kind)]


@pytest.mark.parametrize("kind", ["a record cut short", "a few bytes", "zeros"])
def test_a_torn_tail_is_cut_and_what_was_acknowledged_is_there(kind: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 30)
        last = _files(manager, "log")[-1]
        data = manager.disk.read(last)
        never_synced = frame(
            FileSeal(bytes(32), bytes(16)), Kind.BATCH, 99, bytes(200), len(data), len(data)
        )
        tail = {
            "a record cut short": never_synced[:-20],
            "a few bytes": cluster.rng.randbytes(7),
            "zeros": bytes(99),
        }
        manager.disk.replace(last, data + tail[kind])
        await manager.start()
        leader = await cluster.leader()
        assert leader.machine.words == [str(number) for number in range(30)]
        await leader.node.propose(b"more")
        await leader.stop()
        await manager.start()
        assert (await cluster.leader()).machine.words[-1] == "more"

    simulate(scenario, settings=NOTHING_AHEAD)


@pytest.mark.parametrize("which", [0, -1], ids=["first file", "last file"])
def test_a_damaged_middle_is_refused_by_file_and_offset(which: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 300)
        path = _files(manager, "log")[which]
        manager.disk.rot(path, 5)
        with pytest.raises(StorageCorrupt, match=f"{path} at byte 0"):
            await manager.start()

    simulate(scenario)


@pytest.mark.parametrize("which", [0, 1], ids=["first file", "one between"])
def test_a_missing_file_of_the_log_is_refused(which: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 45)
        manager.disk.remove(_files(manager, "log")[which])
        with pytest.raises(StorageCorrupt):
            await manager.start()

    simulate(scenario, settings=RaftSettings(segment_bytes=500))


def test_a_damaged_snapshot_is_refused_when_the_log_does_not_reach_back() -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 600)
        (snapshot,) = _files(manager, "snapshots")
        manager.disk.rot(snapshot, 100)
        with pytest.raises(StorageCorrupt, match="no whole snapshot"):
            await manager.start()

    simulate(scenario)


def test_a_snapshot_that_finds_no_room_leaves_nothing_behind_and_comes_later() -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 1)
        await manager.start()
        leader = await cluster.leader()
        while leader.machine.last_index < SMALL.snapshot_entries - 1:
            await leader.node.propose(b"x" * 100)
        leader.disk.fill(1000)
        await leader.node.propose(b"room for this, and not for the snapshot")
        await asyncio.sleep(1)
        assert _files(manager, "snapshots") == []
        leader.disk.free()
        for _ in range(SMALL.snapshot_entries):
            await leader.node.propose(b"x")
        await asyncio.sleep(1)
        assert len(_files(manager, "snapshots")) == 1

    simulate(scenario)


def test_files_that_a_snapshot_makes_needless_are_removed() -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = await _filled(cluster, 600)
        assert len(_files(manager, "snapshots")) == 1
        assert len(_files(manager, "log")) <= 3
        assert len(manager.node._log.entries) < 100

    simulate(scenario)
