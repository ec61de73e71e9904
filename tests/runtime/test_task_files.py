"""Files of a task: whole, in memory, and exchanged at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from swarmpy.core.shown_files import MODE
from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Config, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, SecretSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference
from swarmpy.runtime.task_files import is_memory, keep_files, refresh_files
from swarmpy.seams import Dependencies

LIVE = ContainerSpec(
    configs=[FileReference(name="app", target="/etc/app", on_change=FILE_CHANGE_LIVE, mode=0o640)]
)


def holding(**entries: bytes) -> Dependencies:
    config = Config(id="c", spec=ConfigSpec(name="app", entries=entries))
    return Dependencies({"c": config}, {}, {}, newest={"configs/app": "c"})


def shown(directory: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in directory.iterdir() if one.name[:2] != ".."}


def test_a_directory_holds_a_file_for_each_key(tmp_path: Path) -> None:
    (kept,) = keep_files(LIVE, holding(a=b"1", b=b"2"), tmp_path / "t")
    assert (kept.target, shown(kept.path)) == ("/etc/app", {"a": b"1", "b": b"2"})
    assert (kept.path / "a").stat().st_mode & 0o777 == 0o640
    assert kept.path.stat().st_mode & 0o777 == 0o755, "whoever the container runs as may enter"
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o700


def test_a_refresh_changes_adds_and_takes_away(tmp_path: Path) -> None:
    (kept,) = keep_files(LIVE, holding(a=b"1", b=b"2"), tmp_path)
    refresh_files(LIVE, holding(a=b"3", c=b"4"), tmp_path)
    assert shown(kept.path) == {"a": b"3", "c": b"4"}
    assert len([one for one in kept.path.iterdir() if one.name[:2] == ".."]) == 2, "no old data"


def test_a_refresh_to_the_same_touches_nothing(tmp_path: Path) -> None:
    (kept,) = keep_files(LIVE, holding(a=b"1"), tmp_path)
    before = (kept.path / "..data").readlink()
    refresh_files(LIVE, holding(a=b"1"), tmp_path)
    assert (kept.path / "..data").readlink() == before


def test_who_reads_meanwhile_finds_one_version_of_all_files(tmp_path: Path) -> None:
    (kept,) = keep_files(LIVE, holding(a=b"0", b=b"0"), tmp_path)
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            data = kept.path / (kept.path / "..data").readlink()
            try:
                one, other = (data / "a").read_bytes(), (data / "b").read_bytes()
            except FileNotFoundError:
                continue  # that version is gone: read the next one
            if one != other:
                torn.append((one, other))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        value = str(number).encode()
        refresh_files(LIVE, holding(a=value, b=value), tmp_path)
    stop.set()
    reader.join()
    assert torn == []


def test_what_does_not_change_in_place_is_left_as_it_is(tmp_path: Path) -> None:
    spec = ContainerSpec(configs=[FileReference(id="c", name="app", target="/x", key="a")])
    (kept,) = keep_files(spec, holding(a=b"1"), tmp_path)
    refresh_files(spec, holding(a=b"2"), tmp_path)
    assert kept.path.read_bytes() == b"1"
    assert kept.path.stat().st_mode & 0o777 == MODE


def test_a_secret_is_kept_in_memory_or_not_at_all(tmp_path: Path) -> None:
    spec = ContainerSpec(secrets=[FileReference(id="s", name="key", target="/run/secrets/key")])
    needs = Dependencies({}, {"s": Secret(id="s", spec=SecretSpec(data=b"hush"))}, {})
    if is_memory(tmp_path):
        pytest.skip("every directory here is in memory")
    with pytest.raises(TaskRefused, match="secrets are kept in memory only"):
        keep_files(spec, needs, tmp_path / "t")
    assert not (tmp_path / "t").exists()
