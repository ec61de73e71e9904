"""What happens to the files of a manager, and what it then does: mend it, or say what is wrong.

Nothing in between: who comes up has every word up to an index, and all that was durable, unless
the durable end of the last file is what was cut off. That looks exactly as a crash does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swarmpy.errors import StorageCorrupt
from swarmpy.raft.file_header import read_header
from swarmpy.raft.records import HEAD_BYTES, Kind, frame
from swarmpy.raft.sealing import Sealing
from swarmpy.security.data_keys import DataKeys
from tests.raft.make_golden import version_1
from tests.raft.manager_files import (
    DURABLE,
    KEYS,
    LOG,
    SNAPSHOT_INDEX,
    SNAPSHOTS,
    ManagerFiles,
    Start,
    ahead,
    old,
    sealing_of,
    start,
    trimmed,
    upgraded,
    whole,
    words_up_to,
)

ALL = DURABLE + 1
OTHER_KEYS = DataKeys({1: bytes(32)})
NEWER_KEYS = DataKeys({**KEYS.keys, 2: bytes(32)})
GARBAGE = bytes(range(1, 200))


@dataclass(frozen=True, slots=True)
class Case:
    """`says` is what a refusal says; without it, words up to `up_to` are there."""

    id: str
    happens: Callable[[ManagerFiles], object]
    says: str = ""
    names: Callable[[ManagerFiles], Path] = lambda files: files.last
    """The file that a refusal names."""
    up_to: int = ALL
    made: Callable[[], ManagerFiles] = trimmed
    sealing: Sealing = field(default_factory=sealing_of)


def first(files: ManagerFiles) -> Path:
    return files.logs[0]


def middle(files: ManagerFiles) -> Path:
    return files.middle


def snapshot(files: ManagerFiles) -> Path:
    return files.snapshot


def directory(path: Path) -> Callable[[ManagerFiles], Path]:
    return lambda _files: path


def flipped(which: Callable[[ManagerFiles], Path], record: int, at: int) -> Callable[..., object]:
    """Return what flips a bit of a record, `at` bytes from its beginning (or its end)."""

    def happens(files: ManagerFiles) -> None:
        path = which(files)
        there = files.records(path)[record]
        files.flip(path, (there.end if at < 0 else there.offset) + at)

    return happens


def last(files: ManagerFiles) -> Path:
    return files.last


def cut_at(
    which: Callable[[ManagerFiles], Path], record: int, at: int = 0
) -> Callable[[ManagerFiles], object]:
    """Return what cuts a file, `at` bytes after the beginning of a record (or before its end)."""

    def happens(files: ManagerFiles) -> None:
        path = which(files)
        there = files.records(path)[record]
        files.truncate(path, (there.end if at < 0 else there.offset) + at)

    return happens


def flip(at: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[at] ^= 1

    return change


def durable_behind(files: ManagerFiles, offset: int) -> bytes:
    """Return a sound record for a place, written when all before it was durable."""
    header = read_header(files.files[files.last], files.last, sealing_of())
    assert header is not None
    return frame(header.seal, Kind.BATCH, 99, b"", offset, offset)


def chunk_made_the_end(files: ManagerFiles) -> None:
    def change(data: bytearray) -> None:
        data[792] = Kind.END

    files.forge(files.snapshot, 789, change)
    files.truncate(files.snapshot, 1015)


DAMAGED = "the Raft log is damaged: {name} at byte "
TAMPERED = "{name} was altered at byte "
NO_SNAPSHOT = "no whole snapshot in /raft/snapshots holds what was before: {name} is damaged"
_LAST = trimmed().records(trimmed().last)
SECOND, THIRD, FOURTH, FIFTH = (record.offset for record in _LAST[2:])
END = _LAST[-1].end

HEADERS = [
    Case("bit of a header's magic", lambda f: f.flip(f.last, 0), DAMAGED + "0"),
    Case("bit of a header's version", lambda f: f.flip(f.last, 8), DAMAGED + "0"),
    Case("bit of a header's length", lambda f: f.flip(f.last, 10), DAMAGED + "0"),
    Case("bit of a header's checksum", lambda f: f.flip(f.last, 12), DAMAGED + "0"),
    Case("bit of a header's cluster", lambda f: f.flip(f.last, 20), DAMAGED + "0"),
    Case("bit of a header's salt", lambda f: f.flip(f.last, 55), DAMAGED + "0"),
    Case("bit of a header's tag", lambda f: f.flip(f.last, 78), DAMAGED + "0"),
    Case("future version", lambda f: f.forge_version(f.last, 3), "{name} has format version 3"),
    Case("future version first", lambda f: f.forge_version(f.logs[0], 9), "version 9", first),
    Case(
        "foreign cluster",
        lambda f: f.files.update(whole(sealing_of("swarm2")).files),
        "belongs to swarm swarm2, and this manager to swarm1",
        directory(SNAPSHOTS),
    ),
    Case(
        "one file of a foreign cluster",
        lambda f: f.files.update({f.last: whole(sealing_of("swarm2")).files[f.last]}),
        "{name} belongs to swarm swarm2, and this manager to swarm1",
    ),
    Case(
        "wrong key",
        lambda _f: None,
        "{name} was encrypted with another data key 1",
        snapshot,
        sealing=sealing_of(keys=OTHER_KEYS),
    ),
    Case(
        "one file of another manager",
        lambda f: f.files.update({f.last: whole(sealing_of(keys=OTHER_KEYS)).files[f.last]}),
        "{name} was encrypted with another data key 1",
    ),
    Case(
        "key that is not there",
        lambda f: f.files.update({f.last: whole(sealing_of(keys=NEWER_KEYS)).files[f.last]}),
        "{name} was encrypted with data key 2, which this manager does not have",
    ),
    Case("older key still there", lambda _f: None, sealing=sealing_of(keys=NEWER_KEYS)),
]

RECORDS = [
    Case("bit of a record's magic", flipped(last, 2, 0), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's kind", flipped(last, 2, 3), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's length", flipped(last, 2, 4), f"{DAMAGED}{SECOND}"),
    Case("high bit of a record's length", flipped(last, 2, 7), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's durable bytes", flipped(last, 2, 8), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's number", flipped(last, 2, 16), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's head checksum", flipped(last, 2, 24), f"{DAMAGED}{SECOND}"),
    Case("bit of a record's body checksum", flipped(last, 2, 28), f"{DAMAGED}{SECOND}"),
    Case("bit of a ciphertext", flipped(last, 2, 40), f"{DAMAGED}{SECOND}"),
    Case("bit of a tag", flipped(last, 2, -1), f"{DAMAGED}{SECOND}"),
    Case("bit in a file before", flipped(middle, 2, 40), f"{DAMAGED}{SECOND}", middle),
    Case("bit in the last durable head", flipped(last, -2, 5), f"{DAMAGED}{FOURTH}"),
    Case("bit in the last durable ciphertext", flipped(last, -2, 50), f"{DAMAGED}{FOURTH}"),
    Case("bit in the last head", flipped(last, -1, 5), f"{DAMAGED}{FIFTH}"),
    Case("high bit of the last length", flipped(last, -1, 7), f"{DAMAGED}{FIFTH}"),
    Case("bit in the last ciphertext", flipped(last, -1, 50), f"{DAMAGED}{FIFTH}"),
    Case("bit in the last tag", flipped(last, -1, -1), f"{DAMAGED}{FIFTH}"),
    Case(
        "record forged",
        lambda f: f.forge(
            f.last, SECOND, lambda data: data.__setitem__(SECOND + 40, data[SECOND + 40] ^ 1)
        ),
        f"{TAMPERED}{SECOND}",
    ),
    Case(
        "record forged to be of another kind",
        lambda f: f.forge(f.last, SECOND, lambda data: data.__setitem__(SECOND + 3, Kind.END)),
        f"{TAMPERED}{SECOND}",
    ),
    Case(
        "record copied behind the end",
        lambda f: f.append(f.last, f.bytes_of(f.last, f.records(f.last)[2])),
        f"{DAMAGED}{END}",
    ),
    Case(
        "record copied to another place and made to fit",
        lambda f: f.forge(
            f.last,
            THIRD,
            lambda data: data.__setitem__(slice(THIRD, FOURTH), data[SECOND:THIRD]),
        ),
        f"{TAMPERED}{THIRD}",
    ),
    Case(
        "record of another file in the same place",
        lambda f: f.put(f.last, SECOND, f.bytes_of(f.middle, f.records(f.middle)[2])),
        f"{TAMPERED}{SECOND}",
    ),
    Case(
        "two records swapped",
        lambda f: f.put(
            f.last,
            SECOND,
            f.bytes_of(f.last, f.records(f.last)[3]) + f.bytes_of(f.last, f.records(f.last)[2]),
        ),
        f"{DAMAGED}{SECOND}",
    ),
    Case("zeroed record between", lambda f: f.zero(f.last, SECOND, THIRD), f"{DAMAGED}{SECOND}"),
    Case("zeroed page", lambda f: f.zero(f.middle, 0, 512), DAMAGED + "0", middle),
    Case("zeroed sector", lambda f: f.zero(f.middle, 512, END), f"{DAMAGED}{FOURTH}", middle),
    Case("zeros all over", lambda f: f.zero(f.last, 0, END), DAMAGED + "0"),
]

ENDS = [
    Case("empty file", lambda f: f.truncate(f.last, 0), DAMAGED + "0"),
    Case("cut in a header's beginning", lambda f: f.truncate(f.last, 9), DAMAGED + "0"),
    Case("cut in a header", lambda f: f.truncate(f.last, 50), DAMAGED + "0"),
    Case("cut before the first record", cut_at(last, 0), DAMAGED + "79"),
    Case("cut in the first record", cut_at(last, 0, 40), DAMAGED + "79"),
    Case("cut after the first record", cut_at(last, 1), up_to=36),
    Case("cut between records", cut_at(last, 3), up_to=38),
    Case("cut in a head", cut_at(last, 3, 10), up_to=38),
    Case("cut after a head", cut_at(last, 3, HEAD_BYTES), up_to=38),
    Case("cut in a body", cut_at(last, 3, 60), up_to=38),
    Case("cut in what was not synced", cut_at(last, -1, 60), up_to=DURABLE),
    Case("cut by its last byte", cut_at(last, -1, -1), up_to=DURABLE),
    Case("cut by what was not synced", cut_at(last, -1), up_to=DURABLE),
    Case("what was not synced never written", lambda f: f.zero(f.last, FIFTH, END), up_to=DURABLE),
    Case(
        "its last sector never written",
        lambda f: f.zero(f.last, FIFTH + 6, END),
        f"{DAMAGED}{FIFTH}",
    ),
    Case("zeros behind the end", lambda f: f.append(f.last, bytes(4096)), up_to=ALL),
    Case("a few bytes behind the end", lambda f: f.append(f.last, GARBAGE[:20]), up_to=ALL),
    Case("garbage behind the end", lambda f: f.append(f.last, GARBAGE), f"{DAMAGED}{END}"),
    Case("file before cut in a record", cut_at(middle, 3, 60), f"{DAMAGED}{THIRD}", middle),
    Case(
        "file before cut between records",
        cut_at(middle, 3),
        f"{{name}} has {THIRD} bytes and had {END}",
        middle,
    ),
    Case("empty file before", lambda f: f.truncate(f.middle, 0), DAMAGED + "0", middle),
    Case("zeros behind a file before", lambda f: f.append(f.middle, bytes(99)), f"{END}", middle),
    Case("garbage behind a file before", lambda f: f.append(f.middle, GARBAGE), f"{END}", middle),
]

AHEAD = [
    Case("ahead: nothing", lambda _f: None, made=ahead),
    Case("ahead: cut in the zeros", lambda f: f.truncate(f.last, END + 700), made=ahead),
    Case("ahead: cut in a body", cut_at(last, -1, 60), up_to=DURABLE, made=ahead),
    Case(
        "ahead: what was not synced never written",
        lambda f: f.zero(f.last, FIFTH, END),
        up_to=DURABLE,
        made=ahead,
    ),
    Case(
        "ahead: half a sector never written",
        lambda f: f.zero(f.last, FIFTH + 6, END),
        f"{DAMAGED}{FIFTH}",
        made=ahead,
    ),
    Case(
        "ahead: zeros in a durable head",
        lambda f: f.zero(f.last, FOURTH, FOURTH + HEAD_BYTES),
        f"{DAMAGED}{FOURTH}",
        made=ahead,
    ),
    Case(
        "ahead: zeros from a durable record on",
        lambda f: f.zero(f.last, FOURTH, END),
        up_to=DURABLE - 1,
        made=ahead,
    ),
    Case(
        "ahead: zeroed record between",
        lambda f: f.zero(f.last, SECOND, THIRD),
        f"{DAMAGED}{SECOND}",
        made=ahead,
    ),
    Case(
        "ahead: record behind zeros that knows them to be durable",
        lambda f: f.put(f.last, END + 900, durable_behind(f, END + 900)),
        f"{DAMAGED}{END}",
        made=ahead,
    ),
    Case(
        "ahead: garbage at the end",
        lambda f: f.put(f.last, END, GARBAGE[:20]),
        f"{DAMAGED}{END}",
        made=ahead,
    ),
    Case("ahead: bit in the last head", flipped(last, -1, 5), f"{DAMAGED}{FIFTH}", made=ahead),
    Case("ahead: bit of the last length", flipped(last, -1, 7), f"{DAMAGED}{FIFTH}", made=ahead),
    Case("ahead: bit in the last body", flipped(last, -1, 50), f"{DAMAGED}{FIFTH}", made=ahead),
    Case("ahead: bit in the last tag", flipped(last, -1, -1), f"{DAMAGED}{FIFTH}", made=ahead),
    Case(
        "ahead: zeros behind a file before",
        lambda f: f.append(f.middle, bytes(5000)),
        f"{END}",
        middle,
        made=ahead,
    ),
]

FILES = [
    Case("nothing", lambda _f: None),
    Case("nothing, with the whole log", lambda _f: None, made=whole),
    Case("two files swapped", lambda f: f.swap(f.logs[1], f.logs[2]), "was written as", middle),
    Case(
        "file doubled",
        lambda f: f.copy(f.last, LOG / "log-0000000009"),
        "{name} was written as log-0000000008",
    ),
    Case(
        "file in the place of another",
        lambda f: f.copy(f.logs[0], f.logs[1]),
        "{name} was written as log-0000000003",
        middle,
    ),
    Case(
        "file between missing",
        lambda f: f.remove(f.logs[2]),
        "missing before {name}",
        lambda f: f.logs[2],
    ),
    Case(
        "files missing that the snapshot does not hold",
        lambda f: f.remove(*f.logs[:3]),
        "the Raft log begins at entry 27, and no whole snapshot in {name}",
        directory(SNAPSHOTS),
    ),
    Case("files missing that the snapshot holds", lambda f: f.remove(f.logs[0])),
    Case("newest files missing", lambda f: f.remove(*f.logs[1:]), "had file 4", directory(LOG)),
    Case("no log", lambda f: f.remove(*f.logs), "{name} had file 4", directory(LOG)),
    Case(
        "file of the version before put behind",
        lambda f: f.files.update(
            {LOG / "log-0000000009": version_1()["log/log-0000000002"]},
        ),
        "{name} has format version 1 and stands behind a newer one",
    ),
    Case("other names beside", lambda f: f.copy(f.last, LOG / "log-0000000009.new")),
]

SNAPSHOT = [
    Case(
        "no snapshot",
        lambda f: f.remove(f.snapshot),
        "the Raft log begins at entry 12, and no whole snapshot in {name}",
        directory(SNAPSHOTS),
    ),
    Case("no snapshot, with the whole log", lambda f: f.remove(f.snapshot), made=whole),
    Case("empty snapshot", lambda f: f.truncate(f.snapshot, 0), NO_SNAPSHOT, snapshot),
    Case("empty one, with the whole log", lambda f: f.truncate(f.snapshot, 0), made=whole),
    Case("snapshot cut in its header", lambda f: f.truncate(f.snapshot, 30), NO_SNAPSHOT, snapshot),
    Case("snapshot cut in a chunk", cut_at(snapshot, 1, 99), NO_SNAPSHOT, snapshot),
    Case("snapshot cut between chunks", cut_at(snapshot, 2), NO_SNAPSHOT, snapshot),
    Case("snapshot cut before its end record", cut_at(snapshot, -1), NO_SNAPSHOT, snapshot),
    Case("snapshot cut by its last byte", cut_at(snapshot, -1, -1), NO_SNAPSHOT, snapshot),
    Case("bit of its header", lambda f: f.flip(f.snapshot, 40), NO_SNAPSHOT, snapshot),
    Case("bit of a chunk's head", flipped(snapshot, 1, 5), NO_SNAPSHOT, snapshot),
    Case("bit of a chunk", flipped(snapshot, 1, 99), NO_SNAPSHOT, snapshot),
    Case("bit of a chunk's tag", flipped(snapshot, 1, -1), NO_SNAPSHOT, snapshot),
    Case("bit of its end record", flipped(snapshot, -1, 40), NO_SNAPSHOT, snapshot),
    Case("bit of a chunk, with the whole log", flipped(snapshot, 1, 99), made=whole),
    Case("garbage behind it", lambda f: f.append(f.snapshot, GARBAGE), NO_SNAPSHOT, snapshot),
    Case("zeroed page of it", lambda f: f.zero(f.snapshot, 512, 1024), NO_SNAPSHOT, snapshot),
    Case(
        "two chunks swapped",
        lambda f: f.put(f.snapshot, 93, f.files[f.snapshot][441:789] + f.files[f.snapshot][93:441]),
        NO_SNAPSHOT,
        snapshot,
    ),
    Case(
        "chunk dropped",
        lambda f: f.files.update(
            {f.snapshot: f.files[f.snapshot][:441] + f.files[f.snapshot][789:]}
        ),
        NO_SNAPSHOT,
        snapshot,
    ),
    Case(
        "chunk in the place of another, made to fit",
        lambda f: f.forge(
            f.snapshot, 441, lambda data: data.__setitem__(slice(441, 789), data[93:441])
        ),
        TAMPERED + "441",
        snapshot,
    ),
    Case(
        "chunk forged",
        lambda f: f.forge(f.snapshot, 441, lambda data: data.__setitem__(500, data[500] ^ 1)),
        TAMPERED + "441",
        snapshot,
    ),
    Case(
        "chunk made to be the end",
        chunk_made_the_end,
        TAMPERED + "789",
        snapshot,
    ),
    Case(
        "snapshot of the future",
        lambda f: f.forge_version(f.snapshot, 3),
        "{name} has format version 3",
        snapshot,
    ),
    Case(
        "snapshot of a foreign cluster",
        lambda f: f.files.update({f.snapshot: whole(sealing_of("swarm2")).files[f.snapshot]}),
        "{name} belongs to swarm swarm2",
        snapshot,
    ),
    Case(
        "snapshot of another manager",
        lambda f: f.files.update(
            {f.snapshot: whole(sealing_of(keys=OTHER_KEYS)).files[f.snapshot]}
        ),
        "{name} was encrypted with another data key 1",
        snapshot,
    ),
    Case(
        "snapshot given a higher index",
        lambda f: f.copy(f.snapshot, SNAPSHOTS / f"snapshot-{30:020d}"),
        f"{{name}} was written as snapshot-{SNAPSHOT_INDEX:020d}",
        snapshot,
    ),
    Case(
        "newer snapshot never finished",
        lambda f: f.files.update({SNAPSHOTS / f"snapshot-{30:020d}": f.files[f.snapshot][:70]}),
    ),
]

VERSION_1 = [
    Case("version 1: nothing", lambda _f: None, made=old, up_to=DURABLE),
    Case("version 1: cut", lambda f: f.truncate(f.last, 700), made=old, up_to=DURABLE - 1),
    Case("version 1: garbage", lambda f: f.append(f.last, GARBAGE), made=old, up_to=DURABLE),
    Case("version 1: zeros", lambda f: f.append(f.last, bytes(99)), made=old, up_to=DURABLE),
    Case("version 1: empty last file", lambda f: f.truncate(f.last, 0), DAMAGED + "0", made=old),
    Case("version 1: torn last file", lambda f: f.truncate(f.last, 20), made=old, up_to=30),
    Case("version 2 after 1: nothing", lambda _f: None, made=upgraded),
    Case("version 2 after 1: cut", lambda f: f.truncate(f.last, 0), DAMAGED + "0", made=upgraded),
    Case("version 2 after 1: header", lambda f: f.flip(f.last, 9), DAMAGED + "0", made=upgraded),
    Case("version 2 after 1: magic", lambda f: f.flip(f.last, 0), DAMAGED + "0", made=upgraded),
    Case(
        "version 2 after 1: zeros",
        lambda f: f.zero(f.last, 0, len(f.files[f.last])),
        DAMAGED + "0",
        made=upgraded,
    ),
    Case(
        "version 2 after 1: file before cut",
        lambda f: f.truncate(f.logs[1], 645),
        "{name} has 645 bytes and had 714",
        lambda f: f.logs[1],
        made=upgraded,
    ),
    Case("version 1: bit", lambda f: f.flip(f.last, 100), DAMAGED, made=old),
    Case("version 1: first bit", lambda f: f.flip(f.last, 0), DAMAGED, made=old),
    Case("version 1: bit before", lambda f: f.flip(f.logs[0], 999), DAMAGED, first, made=old),
    Case("version 1: cut before", lambda f: f.truncate(f.logs[0], 999), DAMAGED, first, made=old),
    Case("version 1: no snapshot", lambda f: f.remove(f.snapshot), made=old, up_to=DURABLE),
    Case("version 1: snapshot cut", lambda f: f.truncate(f.snapshot, 99), made=old, up_to=DURABLE),
    Case("version 1: snapshot bit", lambda f: f.flip(f.snapshot, 99), made=old, up_to=DURABLE),
]

CASES = [*HEADERS, *RECORDS, *ENDS, *AHEAD, *FILES, *SNAPSHOT, *VERSION_1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_files_are_mended_or_refused_with_the_reason(case: Case) -> None:
    files = case.made()
    case.happens(files)
    if case.says:
        says = case.says.replace("{name}", str(case.names(files)))
        with pytest.raises(StorageCorrupt, match=re.escape(says)) as refusal:
            start(files.files, case.sealing)
        assert str(case.names(files)) in refusal.value.message
        assert refusal.value.remedy
        return
    came_up = start(files.files, case.sealing)
    assert came_up.words == words_up_to(case.up_to)
    assert start(came_up.files, case.sealing).words == came_up.words


def test_the_table_is_long_enough() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 40


def outcome(files: ManagerFiles) -> Start | StorageCorrupt:
    try:
        return start(files.files)
    except StorageCorrupt as refusal:
        return refusal


@settings(deadline=None, max_examples=400)
@given(
    made=st.sampled_from([trimmed, whole, ahead, old, upgraded]),
    file=st.integers(0, 20),
    at=st.integers(0, 1 << 16),
    bit=st.integers(0, 7) | st.none(),
)
@example(made=trimmed, file=6, at=0, bit=0)
def test_no_single_flip_or_cut_ever_yields_a_wrong_word(
    made: Callable[[], ManagerFiles], file: int, at: int, bit: int | None
) -> None:
    files = made()
    path = sorted(files.files)[file % len(files.files)]
    offset = at % len(files.files[path])
    if bit is None:
        files.truncate(path, offset)
    else:
        files.flip(path, offset, bit)
    came_up = outcome(files)
    if isinstance(came_up, StorageCorrupt):
        named = path.parents[1] if made in {old, upgraded} else path
        assert str(named) in came_up.message
        return
    assert came_up.words == words_up_to(len(came_up.words) + 1)
    is_end_of_log = path == files.last and (bit is None or made is old)
    assert is_end_of_log or len(came_up.words) + 1 >= DURABLE
