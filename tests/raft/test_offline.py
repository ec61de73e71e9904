"""A manager's files while it does not run: read, continued alone, begun from a snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.errors import StorageCorrupt
from swarmpy.raft.commands import Voter, addresses_of
from swarmpy.raft.offline import Offline
from swarmpy.raft.snapshot_file import Snapshot
from tests.raft.cluster import DIRECTORY, Cluster, Manager, Words, make_sealing, simulate


def offline(manager: Manager) -> Offline:
    return Offline(manager.disk, DIRECTORY, manager.cluster.clock, manager.sealing)


def contents(manager: Manager) -> dict[Path, bytes]:
    disk = manager.disk
    directories = (DIRECTORY / "log", DIRECTORY / "snapshots")
    return {d / name: disk.read(d / name) for d in directories for name in disk.list_dir(d)}


async def write(manager: Manager, count: int) -> None:
    for number in range(count):
        await manager.node.propose(f"{manager.name}{number}".encode())


@pytest.mark.parametrize("count", [5, 180], ids=["a log", "a snapshot and a log"])
def test_reading_shows_everything_and_changes_nothing(count: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        await write(leader, count)
        await leader.stop()
        torn = max(path for path in contents(leader) if "log" in path.parts)
        file = leader.disk.append_to(torn)
        file.append(b"half a rec")
        file.close()
        before, read = contents(leader), Words()
        term, members = offline(leader).read_into(read)
        assert read.words == leader.machine.words
        assert (term, addresses_of(members)) == (1, {"a": "a:4242"})
        assert contents(leader) == before

    simulate(scenario)


def test_reading_with_other_keys_is_refused() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        await write(await cluster.leader(), 3)
        manager = cluster["a"]
        await manager.stop()
        manager.sealing = make_sealing(cluster.rng)
        with pytest.raises(StorageCorrupt):
            offline(manager).read_into(Words())

    simulate(scenario)


def test_one_of_three_goes_on_alone_with_all_that_it_had() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        leader = await cluster.leader()
        await write(leader, 120)
        await cluster.settle()
        await cluster.crash_all()
        survivor = cluster["a"]
        before = list(survivor.machine.words)
        offline(survivor).go_on_alone("a", survivor.address, b"alone")
        await survivor.start()
        await cluster.until(lambda: survivor.is_leader, 5)
        assert survivor.machine.words == [*before, "alone"]
        assert survivor.node.members() == {"a": "a:4242"}
        await survivor.node.propose(b"more")
        await survivor.crash()
        await survivor.start()
        await cluster.until(lambda: survivor.is_leader, 5)
        assert survivor.machine.words == [*before, "alone", "more"]

    simulate(scenario)


def test_members_that_come_back_do_not_disturb_who_went_on_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("abc")
        await write(await cluster.leader(), 10)
        await cluster.settle()
        await cluster.crash_all()
        survivor = cluster["a"]
        offline(survivor).go_on_alone("a", survivor.address, b"alone")
        for manager in cluster.managers.values():
            await manager.start()
        await cluster.until(lambda: survivor.is_leader, 5)
        term = survivor.node.leadership.term
        await cluster.until(lambda: cluster["b"].is_leader or cluster["c"].is_leader, 20)
        await write(survivor, 20)
        assert survivor.is_leader
        assert survivor.node.leadership.term == term
        assert survivor.node.reachable() == {"a"}
        for other in ("b", "c"):
            assert "alone" not in cluster[other].machine.words

    simulate(scenario)


def test_a_log_begins_after_a_snapshot_that_was_put_there() -> None:
    async def scenario(cluster: Cluster) -> None:
        manager = cluster.add("z")
        snapshot = Snapshot(40, 7, {"z": Voter(manager.address)}, [b"39\nold", b"\nwords"])
        await offline(manager).begin_with(snapshot)
        await manager.start()
        await cluster.until(lambda: manager.is_leader, 5)
        assert manager.machine.words == ["old", "words"]
        assert manager.node.leadership.term > 7
        await write(manager, 3)
        await manager.crash()
        await manager.start()
        await cluster.until(lambda: manager.is_leader, 5)
        assert manager.machine.words == ["old", "words", "z0", "z1", "z2"]

    simulate(scenario)


def test_a_newer_data_key_seals_the_next_file() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        leader = await cluster.leader()
        await write(leader, 3)
        old, old_keys = contents(leader), leader.sealing.keys
        leader.sealing.keys = old_keys.with_new_key(cluster.rng)
        await write(leader, 3)
        await leader.stop()
        assert contents(leader).keys() > old.keys(), "a new file was begun"
        read = Words()
        offline(leader).read_into(read)
        assert read.words == ["a0", "a1", "a2"] * 2
        leader.sealing.keys = old_keys
        with pytest.raises(StorageCorrupt, match="data key 2"):
            offline(leader).read_into(Words())

    simulate(scenario)
