import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmpy.errors import PermissionDenied, StorageCorrupt
from swarmpy.pb.keys_pb2 import WRAPPED_UNDER_UNLOCK_KEY, KeyFile, KeyRing
from swarmpy.security.data_keys import DataKeys
from swarmpy.security.key_file import ClosedRing, Label, encode
from tests.security.plain_disk import PlainDisk

LABEL = Label("c1", "n1", "raft", source="file:/elsewhere", salt=b"salt", cluster_version=7)
KEYS = DataKeys({1: bytes(32), 2: bytes(range(32))})
KEY = b"k" * 32


def read(path: Path, data: bytes, node_id: str = "n1", purpose: str = "raft") -> ClosedRing:
    path.write_bytes(data)
    ring = ClosedRing.read(PlainDisk(), path, node_id=node_id, purpose=purpose)
    assert ring is not None
    return ring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "raft-keys.pb"


def test_a_ring_comes_back_with_its_label(path: Path) -> None:
    ring = read(path, encode(LABEL, KEYS, KEY, random.Random(1)))
    assert ring.label == LABEL
    assert ring.open(KEY) == KEYS


def test_no_file_is_no_ring(path: Path) -> None:
    assert ClosedRing.read(PlainDisk(), path, node_id="n1", purpose="raft") is None


def test_no_key_is_in_the_file(path: Path) -> None:
    data = encode(LABEL, KEYS, KEY, random.Random(1))
    assert not any(key in data for key in [*KEYS.keys.values(), KEY])


def test_another_key_is_told_from_damage(path: Path) -> None:
    data = encode(LABEL, KEYS, KEY, random.Random(1))
    with pytest.raises(PermissionDenied, match="does not open"):
        read(path, data).open(b"x" * 32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_damage(path: Path, data: st.DataObject) -> None:
    flipped = bytearray(encode(LABEL, KEYS, KEY, random.Random(1)))
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StorageCorrupt, match=r"damaged|newer"):
        read(path, bytes(flipped))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0))
def test_any_shorter_file_is_damage(path: Path, size: int) -> None:
    data = encode(LABEL, KEYS, KEY, random.Random(1))
    with pytest.raises(StorageCorrupt, match="damaged"):
        read(path, data[: size % len(data)])


@pytest.mark.parametrize(
    ("node_id", "purpose"), [("n2", "raft"), ("n1", "node")], ids=["node", "purpose"]
)
def test_a_file_of_another_place_is_named(path: Path, node_id: str, purpose: str) -> None:
    data = encode(LABEL, KEYS, KEY, random.Random(1))
    with pytest.raises(StorageCorrupt, match="raft keys of node n1"):
        read(path, data, node_id, purpose)


@pytest.mark.parametrize(
    "change",
    [
        {"cluster_id": "c2"},
        {"source": "passphrase"},
        {"salt": b"other"},
        {"cluster_version": 8},
        {"under": WRAPPED_UNDER_UNLOCK_KEY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whoever_changes_the_label_cannot_open_the_keys(
    path: Path, change: dict[str, object]
) -> None:
    file = KeyFile.FromString(encode(LABEL, KEYS, KEY, random.Random(1)))
    forged = KeyFile.FromString(encode(replace(LABEL, **change), KEYS, KEY, random.Random(1)))  # type: ignore[arg-type]
    ring, donor = KeyRing.FromString(forged.ring), KeyRing.FromString(file.ring)
    del ring.keys[:]
    ring.keys.extend(donor.keys)
    swapped = ClosedRing(path, replace(LABEL, **change), list(ring.keys))  # type: ignore[arg-type]
    with pytest.raises(PermissionDenied):
        swapped.open(KEY)


def test_a_newer_format_says_so(path: Path) -> None:
    file = KeyFile.FromString(encode(LABEL, KEYS, KEY, random.Random(1)))
    file.format = 2
    with pytest.raises(StorageCorrupt, match="newer swarmpy"):
        read(path, file.SerializeToString())
