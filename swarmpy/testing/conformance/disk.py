"""What a `seams.Disk` promises while the machine is up; crashes are FaultyDisk's own tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from swarmpy.seams import Disk

Promise: TypeAlias = Callable[[Disk, Path], Awaitable[None]]
"""Takes a disk and an empty directory of it that need not exist yet."""


async def appended_bytes_are_read_back_in_order(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    file = disk.append_to(directory / "log")
    file.append(b"one ")
    file.append(b"two")
    await file.sync()
    file.close()
    assert disk.read(directory / "log") == b"one two"


async def what_was_appended_is_read_before_it_is_synced(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    file = disk.append_to(directory / "log")
    file.append(b"early")
    assert disk.read(directory / "log") == b"early"
    file.sync_now()
    file.close()


async def a_file_opened_again_grows_at_its_end(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    for part in (b"first,", b"second"):
        file = disk.append_to(directory / "log")
        file.append(part)
        file.sync_now()
        file.close()
    assert disk.read(directory / "log") == b"first,second"


async def a_new_file_has_its_name_at_once(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    disk.append_to(directory / "log").close()
    assert disk.list_dir(directory) == ["log"]
    assert disk.read(directory / "log") == b""


async def names_are_listed_in_order(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory / "sub")
    for name in ("b", "a", "c"):
        disk.replace(directory / name, b"")
    assert disk.list_dir(directory) == ["a", "b", "c", "sub"]


async def a_directory_that_is_not_there_lists_nothing(disk: Disk, directory: Path) -> None:
    assert disk.list_dir(directory / "nowhere") == []


async def making_a_directory_twice_is_no_error(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory / "deep" / "er")
    disk.make_dir(directory / "deep" / "er")
    assert disk.list_dir(directory / "deep") == ["er"]


async def reading_what_is_not_there_says_so(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    try:
        disk.read(directory / "missing")
    except FileNotFoundError:
        return
    raise AssertionError("a missing file was read")


async def replace_leaves_the_new_bytes_and_no_other_file(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    disk.replace(directory / "state", b"a long first version")
    disk.replace(directory / "state", b"short")
    assert disk.read(directory / "state") == b"short"
    assert disk.list_dir(directory) == ["state"]


async def a_truncated_file_keeps_its_beginning_and_grows_from_there(
    disk: Disk, directory: Path
) -> None:
    disk.make_dir(directory)
    file = disk.append_to(directory / "log")
    file.append(b"keep this, not that")
    file.sync_now()
    file.close()
    disk.truncate(directory / "log", 9)
    file = disk.append_to(directory / "log")
    file.append(b"!")
    file.sync_now()
    file.close()
    assert disk.read(directory / "log") == b"keep this!"


async def a_removed_file_is_gone_and_may_be_removed_again(disk: Disk, directory: Path) -> None:
    disk.make_dir(directory)
    disk.replace(directory / "state", b"x")
    disk.remove(directory / "state")
    disk.remove(directory / "state")
    assert disk.list_dir(directory) == []


async def zeros_stand_behind_what_was_appended_until_they_are_trimmed(
    disk: Disk, directory: Path
) -> None:
    disk.make_dir(directory)
    file = disk.append_to(directory / "log", ahead_bytes=100)
    content = found = b""
    for part in (b"first", b"x" * 90, b"y" * 30, b"z" * 500):
        file.append(part)
        content += part
        await file.sync()
        found = disk.read(directory / "log")
        assert found.startswith(content)
        assert found[len(content) :] == bytes(len(found) - len(content))
        assert len(found) <= len(content) + 100
    assert len(found) > len(content)
    file.trim()
    assert disk.read(directory / "log") == content
    file.append(b"more")
    file.sync_now()
    file.close()
    assert disk.read(directory / "log") == content + b"more"


PROMISES: tuple[Promise, ...] = (
    appended_bytes_are_read_back_in_order,
    what_was_appended_is_read_before_it_is_synced,
    a_file_opened_again_grows_at_its_end,
    zeros_stand_behind_what_was_appended_until_they_are_trimmed,
    a_new_file_has_its_name_at_once,
    names_are_listed_in_order,
    a_directory_that_is_not_there_lists_nothing,
    making_a_directory_twice_is_no_error,
    reading_what_is_not_there_says_so,
    replace_leaves_the_new_bytes_and_no_other_file,
    a_truncated_file_keeps_its_beginning_and_grows_from_there,
    a_removed_file_is_gone_and_may_be_removed_again,
)
