"""The log is what was appended to it, before and after a crash at any byte."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.errors import StorageCorrupt
from swarmpy.raft.commands import Voter, membership
from swarmpy.raft.log import RaftLog
from swarmpy.raft.records import (
    HEAD_BYTES,
    Kind,
    frame,
    is_torn,
    padding_bytes,
    was_durable,
    whole_records,
)
from swarmpy.raft.sealing import TAG_BYTES, FileSeal
from swarmpy.raft.segments import Segments
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import VirtualLoop
from tests.raft.cluster import make_sealing

DIRECTORY = Path("/log")
SEALING = make_sealing(random.Random(1))
SEAL = FileSeal(bytes(32), bytes(16))


def make_disk(seed: int = 1) -> FaultyDisk:
    loop = VirtualLoop()
    loop.close()
    return FaultyDisk(random.Random(seed), VirtualClock(loop))


def opened(disk: FaultyDisk, segment_bytes: int = 1 << 20, ahead_bytes: int = 0) -> RaftLog:
    log = RaftLog(Segments(disk, DIRECTORY, segment_bytes, SEALING, ahead_bytes))
    log.recover()
    return log


def append(log: RaftLog, *words: str, term: int = 1) -> None:
    for word in words:
        log.append(b"\x00" + word.encode(), log.last_index + 1, term)


def words(log: RaftLog) -> list[str]:
    return [command[1:].decode() for command, _, _ in log.entries[1:]]


def test_a_new_log_holds_the_one_entry_that_all_logs_begin_with() -> None:
    log = opened(make_disk())
    assert (log.first_index, log.last_index, log.last_term, log.term) == (1, 1, 0, 0)


def test_what_was_synced_is_read_back_with_ballot_and_members() -> None:
    disk = make_disk()
    log = opened(disk)
    log.append(membership({"a": Voter("x:1", 7), "b": Voter("y:2", 7)}), 2, 1)
    append(log, "one", "two")
    log.set_ballot(7, "b")
    again = opened(disk)
    assert words(again)[1:] == ["one", "two"]
    assert (again.term, again.voted_for) == (7, "b")
    assert again.members == {"a": Voter("x:1", 7), "b": Voter("y:2", 7)}
    assert again.durable_index == again.last_index == 4


def test_a_cut_takes_back_entries_members_and_durability() -> None:
    disk = make_disk()
    log = opened(disk)
    append(log, "one", "two")
    log.append(membership({"a": Voter("x:1", 7)}), 4, 1)
    log.sync_now()
    log.cut_from(3)
    assert (log.last_index, log.durable_index, log.members) == (2, 2, {})
    append(log, "other", term=2)
    log.sync_now()
    assert words(opened(disk)) == ["one", "other"]


@settings(deadline=None, max_examples=60)
@given(
    cut=st.integers(0, 2000),
    synced=st.integers(0, 20),
    seed=st.integers(0, 99),
    ahead_bytes=st.sampled_from([0, 100, 700, 5000]),
    garbles=st.booleans(),
)
def test_a_crash_at_any_byte_leaves_a_beginning_with_all_that_was_synced(
    cut: int, synced: int, seed: int, ahead_bytes: int, garbles: bool
) -> None:
    disk = make_disk(seed)
    disk.garbles = garbles
    log = opened(disk, ahead_bytes=ahead_bytes)
    path = DIRECTORY / disk.list_dir(DIRECTORY)[-1]
    appears_with = len(disk.read(path))
    everything = [f"word {number}" for number in range(20)]
    append(log, *everything[:synced])
    log.sync_now()
    append(log, *everything[synced:])
    log.write_out()
    disk.crash()
    left = words(opened(disk))
    assert left == everything[: len(left)]
    assert len(left) >= synced
    data = disk.read(path)
    disk.replace(path, data[: appears_with + cut % (len(data) - appears_with + 1)])
    left = words(opened(disk))
    assert left == everything[: len(left)]


def test_files_follow_each_other_and_old_ones_go() -> None:
    disk = make_disk()
    log = opened(disk, segment_bytes=500)
    log.set_ballot(3, "me")
    for number in range(100):
        append(log, f"word {number}", term=3)
        log.sync_now()
        log.tidy()
    assert len(disk.list_dir(DIRECTORY)) > 5
    assert words(opened(disk, 500)) == [f"word {number}" for number in range(100)]
    log.rest_on(95, {"a": Voter("x:1", 7)})
    log.forget_below(90)
    log.tidy()
    assert len(disk.list_dir(DIRECTORY)) <= 3
    again = opened(disk, 500)
    assert again.last_index == 101
    assert 2 < again.first_index <= 90
    assert (again.term, again.voted_for) == (3, "me")


def test_a_log_that_begins_anew_forgets_what_was_before() -> None:
    disk = make_disk()
    log = opened(disk)
    append(log, "one", "two")
    log.restart_at(50, 4, {"a": Voter("x:1", 7)})
    append(log, "after", term=4)
    log.sync_now()
    again = opened(disk)
    assert (again.first_index, again.last_index, again.last_term) == (50, 51, 4)
    assert words(again) == ["after"]


def test_a_write_that_finds_no_room_can_be_taken_back() -> None:
    disk = make_disk()
    log = opened(disk)
    append(log, "kept")
    log.sync_now()
    append(log, "refused", "too")
    disk.fill(10)
    with pytest.raises(OSError, match="space") as full:
        log.write_out()
    assert full.value.errno == errno.ENOSPC
    log.take_back_from(3)
    disk.free()
    append(log, "instead")
    log.sync_now()
    assert words(log) == words(opened(disk)) == ["kept", "instead"]


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_damage_before_what_was_synced_later_is_refused(fraction: float) -> None:
    disk = make_disk()
    log = opened(disk)
    for number in range(30):
        append(log, str(number))
        log.sync_now()
    path = DIRECTORY / disk.list_dir(DIRECTORY)[-1]
    disk.rot(path, int(len(disk.read(path)) * fraction))
    with pytest.raises(StorageCorrupt, match=str(path)):
        opened(disk)


def record(payload: bytes, offset: int, durable_bytes: int) -> bytes:
    return frame(SEAL, Kind.BATCH, offset, payload, offset, durable_bytes)


def ends(data: bytes) -> list[int]:
    return [whole.end for whole in whole_records(data, 0)]


def test_a_torn_group_is_no_damage_though_a_later_part_of_it_is_whole() -> None:
    first = record(b"synced", 0, 0)
    second = record(b"torn" * 400, len(first), len(first))
    third = record(b"whole", len(first) + len(second), len(first))
    data = first + bytes(len(second)) + third
    assert ends(data) == [len(first)]
    assert not was_durable(data, len(first))
    assert is_torn(data, len(first))
    fourth = record(b"later", len(data), len(data))
    assert was_durable(data + fourth, len(first))
    assert not is_torn(data + fourth, len(first))


def test_a_record_copied_to_another_place_is_no_record() -> None:
    once = record(b"payload", 0, 0)
    assert ends(once + once) == [len(once)]


def test_a_log_whose_oldest_file_begins_with_entries_that_were_cut_is_read() -> None:
    disk = make_disk()
    log = opened(disk, segment_bytes=60)
    append(log, "kept", "kept too")
    log.sync_now()
    log.tidy()
    append(log, "cut")
    log.sync_now()
    log.cut_from(4)
    append(log, "other", "last", term=2)
    log.sync_now()
    log.rest_on(4, {})
    log.forget_below(4)
    log.tidy()
    again = opened(disk)
    assert again.first_index == 4
    assert words(again) == ["last"]


def test_the_file_in_which_a_log_begins_anew_stays_as_long_as_it_is_needed() -> None:
    disk = make_disk()
    log = opened(disk, segment_bytes=60)
    append(log, "one", "two", "three", "four", "five")
    log.restart_at(90, 3, {})
    log.sync_now()
    log.tidy()
    append(log, "new", term=3)
    log.sync_now()
    log.tidy()
    again = opened(disk)
    assert (again.first_index, again.term_at(90)) == (90, 3)
    assert words(again) == ["new"]


@pytest.mark.parametrize("ahead_bytes", [0, 50, 3000])
@given(
    before=st.integers(0, 600),
    size=st.integers(0, 2000),
    unwritten=st.sets(st.integers(0, 6), min_size=1),
    bit=st.integers(0, 1 << 16),
)
def test_unwritten_sectors_are_a_torn_tail_and_a_flipped_bit_is_damage(
    ahead_bytes: int, before: int, size: int, unwritten: set[int], bit: int
) -> None:
    start = before + padding_bytes(before)
    body = size + padding_bytes(start + HEAD_BYTES + size + TAG_BYTES)
    record = frame(SEAL, Kind.BATCH, 7, bytes(body), start, start)
    data = bytes(b"d" * start) + record + bytes(ahead_bytes)
    at = bit % (len(record) * 8)
    flipped = bytearray(data)
    flipped[start + at // 8] ^= 1 << at % 8
    assert not is_torn(bytes(flipped), start)
    torn = bytearray(data)
    for sector in unwritten:
        begin = max(start, start - start % 512 + sector * 512)
        end = min(start - start % 512 + sector * 512 + 512, len(data))
        if begin < start + len(record):
            torn[begin:end] = bytes(end - begin)
    assert is_torn(bytes(torn), start) == (bytes(torn) != data)


@pytest.mark.parametrize("size", range(1, 520, 5))
@pytest.mark.parametrize("which", ["first", "last"])
def test_a_crash_that_leaves_one_sector_unwritten_is_no_damage(which: str, size: int) -> None:
    disk = make_disk()
    log = opened(disk)
    path = DIRECTORY / disk.list_dir(DIRECTORY)[-1]
    append(log, "x" * size)
    log.sync_now()
    durable_bytes = len(disk.read(path))
    append(log, "y" * 600)
    log.write_out()
    data = bytearray(disk.read(path))
    start, end = durable_bytes, durable_bytes + 512 - durable_bytes % 512
    if which == "last":
        start, end = len(data) - len(data) % 512, len(data)
    data[start:end] = bytes(end - start)
    disk.replace(path, bytes(data))
    assert words(opened(disk)) == ["x" * size]
