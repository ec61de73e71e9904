"""The kernel syncs files beside the loop, and says so to whoever waits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmpy.raft.disk import LocalAppendFile, LocalDisk
from swarmpy.raft.kernel_sync import KernelSync


@pytest.fixture
async def queue() -> KernelSync:
    queue = KernelSync.open()
    if queue is None:
        pytest.skip("this kernel has no asynchronous I/O for us")
    return queue


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"something")
    yield descriptor
    os.close(descriptor)


async def test_one_sync_after_another_ends(queue: KernelSync, descriptor: int) -> None:
    for _ in range(20):
        durable = queue.fdatasync(descriptor)
        assert durable is not None
        async with asyncio.timeout(5):
            await durable


async def test_what_is_too_much_at_once_is_not_begun(queue: KernelSync, descriptor: int) -> None:
    begun = [queue.fdatasync(descriptor) for _ in range(17)]
    assert begun[16] is None
    async with asyncio.timeout(5):
        await asyncio.gather(*(durable for durable in begun[:16] if durable is not None))
    assert queue.fdatasync(descriptor) is not None


async def test_a_file_may_be_closed_and_its_waiter_gone_before_it_is_synced(
    queue: KernelSync, descriptor: int
) -> None:
    other = os.dup(descriptor)
    durable = queue.fdatasync(other)
    assert durable is not None
    os.close(other)
    durable.cancel()
    again = queue.fdatasync(descriptor)
    assert again is not None
    async with asyncio.timeout(5):
        await again


async def test_what_cannot_be_synced_is_not_begun(queue: KernelSync) -> None:
    reader, writer = os.pipe()
    assert queue.fdatasync(writer) is None
    os.close(reader)
    os.close(writer)
    assert queue.fdatasync(writer) is None


async def test_without_the_kernels_queue_a_thread_syncs(tmp_path: Path) -> None:
    file = LocalAppendFile(tmp_path / "file", lambda: None)
    file.append(b"something")
    await file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"something"


def test_a_disk_serves_one_loop_after_another(tmp_path: Path) -> None:
    disk = LocalDisk()

    async def write() -> None:
        file = disk.append_to(tmp_path / "file")
        file.append(b"x")
        await file.sync()
        file.close()

    for _ in range(3):
        asyncio.run(write())
    assert disk.read(tmp_path / "file") == b"xxx"
