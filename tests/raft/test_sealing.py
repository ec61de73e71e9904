"""What a manager writes tells nothing to who has the disk alone."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.raft.file_header import make_header, read_header
from swarmpy.raft.records import Kind, frame, whole_records
from swarmpy.raft.sealing import FileSeal
from swarmpy.raft.settings import RaftSettings
from swarmpy.testing.faulty_disk import FaultyDisk
from tests.raft.cluster import (
    DIRECTORY,
    NOTHING_AHEAD,
    Cluster,
    Manager,
    make_sealing,
    simulate,
)

CANARY = b"canary-7f3a91c2d4-sings"
PATH = Path("/log/log-0000000001")


def files(disk: FaultyDisk) -> dict[Path, bytes]:
    directories = [DIRECTORY / "log", DIRECTORY / "snapshots"]
    return {d / name: disk.read(d / name) for d in directories for name in disk.list_dir(d)}


def forms(canary: bytes) -> list[bytes]:
    """Return the canary as it is, in hex, and in base64 at each of the three places."""
    hexed = canary.hex().encode()
    based = [base64.b64encode(bytes(shift) + canary)[4:-4] for shift in range(3)]
    return [canary, hexed, hexed.upper(), *based]


def found(disk: FaultyDisk) -> list[tuple[Path, bytes]]:
    return [
        (path, form) for path, data in files(disk).items() for form in forms(CANARY) if form in data
    ]


@pytest.mark.parametrize("kind", ["alone", "with followers"])
def test_a_canary_is_found_in_no_file_after_writes_snapshots_and_restarts(kind: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a" if kind == "alone" else "abc")
        for life in range(2):
            leader = await cluster.leader()
            for number in range(60):
                await leader.node.propose(CANARY + f"-{life}-{number}".encode())
            await cluster.settle()
            await cluster.crash_all()
            for manager in cluster.managers.values():
                await manager.start()
        await cluster.leader()
        await cluster.settle()
        for manager in cluster.managers.values():
            names = [path.name for path in files(manager.disk)]
            assert any(name.startswith("snapshot-") for name in names)
            assert any(CANARY.decode() in word for word in manager.machine.words)
            assert found(manager.disk) == []
            await manager.stop()
        assert all(found(manager.disk) == [] for manager in cluster.managers.values())

    simulate(scenario)


def test_the_search_for_the_canary_finds_it_where_it_is() -> None:
    for form in forms(CANARY):
        assert form in b"x" + form
    for shift in range(3):
        text = base64.b64encode(bytes(3 + shift) + CANARY + bytes(9))
        assert any(form in text for form in forms(CANARY))


def test_a_key_that_is_replaced_seals_the_next_files_and_the_old_ones_stay_readable() -> None:
    def keys_used(manager: Manager) -> set[int]:
        headers = [
            read_header(data, path, manager.sealing) for path, data in files(manager.disk).items()
        ]
        return {header.content.data_key_id for header in headers if header is not None}

    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        manager = await cluster.leader()
        await manager.node.propose(b"before")
        manager.sealing.keys = manager.sealing.keys.with_new_key(cluster.rng)
        for number in range(30):
            await manager.node.propose(str(number).encode())
        assert keys_used(manager) == {1, 2}
        await manager.stop()
        await manager.start()
        await cluster.leader()
        assert manager.machine.words == ["before", *map(str, range(30))]
        for number in range(200):
            await manager.node.propose(str(number).encode())
        assert keys_used(manager) == {2}

    settings = RaftSettings(snapshot_entries=50, snapshot_keep=10, segment_bytes=500)
    simulate(scenario, settings=settings)


def test_no_file_is_written_to_by_two_lives_of_a_manager() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        manager = await cluster.leader()
        finished: dict[Path, bytes] = {}
        for life in range(4):
            await manager.node.propose(str(life).encode())
            await manager.crash()
            now = files(manager.disk)
            for path, data in finished.items():
                assert now[path] == data.rstrip(b"\0")  # the zeros ahead went at the start
            finished = now
            await manager.start()
            await cluster.leader()
        assert len(finished) == 4

    simulate(scenario)


def test_a_write_that_failed_does_not_lend_its_nonce_to_the_next() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.start("a")
        manager = await cluster.leader()
        await manager.node.propose(b"one")
        manager.disk.fill()
        for _ in range(3):
            with pytest.raises(Exception, match="full"):
                await manager.node.propose(b"two")
        manager.disk.free()
        await manager.node.propose(b"three")
        ((path, data),) = files(manager.disk).items()
        header = read_header(data, path, manager.sealing)
        assert header is not None
        numbers = [record.number for record in whole_records(data, len(header.data))]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] - numbers[-2] == 4

    simulate(scenario, settings=NOTHING_AHEAD)


@given(
    number=st.integers(0, 1 << 32),
    other=st.integers(0, 1 << 32),
    place=st.binary(max_size=9),
    other_place=st.binary(max_size=9),
)
def test_a_part_opens_only_as_what_it_was_sealed_as(
    number: int, other: int, place: bytes, other_place: bytes
) -> None:
    seal = FileSeal(bytes(32), bytes(16))
    sealed = seal.seal(number, place, b"plain")
    same = (number, place) == (other, other_place)
    assert seal.open(other, other_place, sealed) == (b"plain" if same else None)
    assert FileSeal(bytes(32), b"other salt").open(number, place, sealed) is None
    assert FileSeal(b"other key".ljust(32), bytes(16)).open(number, place, sealed) is None


def test_equal_records_of_two_files_have_nothing_in_common() -> None:
    sealing = make_sealing(random.Random(3))
    one, other = (make_header(sealing, PATH.name) for _ in range(2))
    first = frame(one.seal, Kind.BATCH, 0, b"the same", 99)
    second = frame(other.seal, Kind.BATCH, 0, b"the same", 99)
    assert one.data != other.data
    assert first[32:] != second[32:]
