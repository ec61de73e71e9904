import asyncio
import errno
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import SECTOR_BYTES, FaultyDisk
from swarmpy.testing.virtual_loop import VirtualLoop, run

LOG = Path("/log")


def disk_of(seed: int = 1) -> FaultyDisk:
    loop = VirtualLoop()
    loop.close()
    return FaultyDisk(random.Random(seed), VirtualClock(loop))


@given(st.lists(st.tuples(st.binary(max_size=20), st.booleans())), st.integers())
def test_a_crash_keeps_all_that_was_synced_and_a_beginning_of_the_rest(
    writes: list[tuple[bytes, bool]], seed: int
) -> None:
    disk = disk_of(seed)
    file = disk.append_to(LOG)
    synced = written = b""
    for data, sync in writes:
        file.append(data)
        written += data
        if sync:
            file.sync_now()
            synced = written
    disk.crash()
    left = disk.read(LOG)
    assert left.startswith(synced)
    assert written.startswith(left)


def test_some_seed_tears_a_record_in_the_middle() -> None:
    lengths = set()
    for seed in range(50):
        disk = disk_of(seed)
        disk.append_to(LOG).append(b"record")
        disk.crash()
        lengths.add(len(disk.read(LOG)))
    assert lengths == set(range(7))


@given(
    st.lists(st.tuples(st.integers(1, 1500), st.booleans()), max_size=8),
    st.integers(0, 3000),
    st.integers(),
    st.booleans(),
)
def test_a_crash_in_zeros_ahead_leaves_each_unsynced_sector_written_or_zero(
    writes: list[tuple[int, bool]], ahead_bytes: int, seed: int, garbles: bool
) -> None:
    disk = disk_of(seed)
    disk.garbles = garbles
    file = disk.append_to(LOG, ahead_bytes)
    synced = written = b""
    durable_size = 0
    for size, sync in writes:
        file.append(b"x" * size)
        written += b"x" * size
        if sync:
            file.sync_now()
            synced, durable_size = written, len(disk.read(LOG))
    disk.crash()
    left = disk.read(LOG)
    assert left.startswith(synced)
    assert len(left) >= durable_size
    assert not left[len(written) :].strip(b"\0")
    for sector in range(0, min(len(left), len(written)), SECTOR_BYTES):
        end = min(sector + SECTOR_BYTES, len(left), len(written))
        found = left[max(sector, len(synced)) : end]
        assert found in {b"x" * len(found), bytes(len(found))}


def test_some_seed_loses_what_was_written_over_zeros_and_not_synced() -> None:
    left = set()
    for seed in range(20):
        disk = disk_of(seed)
        file = disk.append_to(LOG, ahead_bytes=100)
        file.append(b"one")
        file.sync_now()
        file.append(b"two")
        disk.crash()
        left.add(disk.read(LOG))
    assert left == {b"one" + bytes(100), b"onetwo" + bytes(97)}


def test_a_file_opened_before_a_crash_is_dead_after_it() -> None:
    disk = disk_of()
    file = disk.append_to(LOG)
    disk.crash()
    with pytest.raises(OSError, match="Bad file") as refused:
        file.append(b"from the grave")
    assert refused.value.errno == errno.EBADF


def test_what_is_appended_during_a_sync_is_not_made_durable_by_it() -> None:
    async def main(rng: random.Random) -> bytes:
        disk = FaultyDisk(rng, VirtualClock(asyncio.get_running_loop()), sync_s=1.0)
        file = disk.append_to(LOG)
        file.append(b"in time")
        sync = file.sync()
        await asyncio.sleep(0.5)
        file.append(b", too late" * 100)
        await sync
        disk.crash()
        return disk.read(LOG)

    left = {run(main, seed) for seed in range(5)}
    assert all(data.startswith(b"in time") for data in left)
    assert len(left) > 1


def test_a_full_disk_refuses_writes_whole_and_allows_removal() -> None:
    disk = disk_of()
    file = disk.append_to(LOG)
    disk.fill(room_bytes=4)
    file.append(b"four")
    with pytest.raises(OSError, match="No space") as refused:
        file.append(b"x")
    assert refused.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space"):
        disk.replace(Path("/state"), b"x")
    disk.remove(LOG)
    disk.free()
    disk.replace(Path("/state"), b"x")
    assert disk.list_dir(Path("/")) == ["state"]


def test_a_failing_disk_fails_writes_and_syncs_but_not_reads() -> None:
    disk = disk_of()
    file = disk.append_to(LOG)
    file.append(b"x")
    disk.fail()
    for attempt in (file.sync_now, lambda: file.append(b"y"), lambda: disk.truncate(LOG, 0)):
        with pytest.raises(OSError, match="Input/output") as failed:
            attempt()
        assert failed.value.errno == errno.EIO
    assert disk.read(LOG) == b"x"
    disk.recover()
    file.sync_now()


def test_rot_changes_one_bit_of_one_byte() -> None:
    disk = disk_of()
    disk.replace(LOG, bytes(10))
    disk.rot(LOG, 7)
    data = disk.read(LOG)
    assert [at for at, byte in enumerate(data) if byte] == [7]
    assert data[7].bit_count() == 1


def test_a_disk_that_is_switched_off_answers_nobody() -> None:
    disk = disk_of()
    disk.replace(LOG, b"x")
    disk.switch_off()
    with pytest.raises(OSError, match="Input/output"):
        disk.read(LOG)
    disk.switch_on()
    assert disk.read(LOG) == b"x"
