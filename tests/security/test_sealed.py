import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.keys_pb2 import SealedFile
from swarmpy.security.data_keys import DataKeys
from swarmpy.security.sealed import Seal


def seal(node_id: str = "n1", keys: DataKeys | None = None) -> Seal:
    return Seal(keys or DataKeys.create(random.Random(1)), node_id, random.Random(2))


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_and_does_not_show(plain: bytes) -> None:
    closed = seal().close(plain, "a")
    assert seal().open(closed, "a") == plain
    assert len(plain) < 4 or plain not in closed


def test_nothing_is_sealed_twice_alike() -> None:
    one = seal()
    assert one.close(b"same", "a") != one.close(b"same", "a")


@given(st.data())
def test_any_flipped_bit_is_told(data: st.DataObject) -> None:
    closed = bytearray(seal().close(b"what it was", "a"))
    bit = data.draw(st.integers(0, len(closed) * 8 - 1))
    closed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StorageCorrupt):
        seal().open(bytes(closed), "a")


@given(st.integers(min_value=0))
def test_any_shorter_file_is_told(size: int) -> None:
    closed = seal().close(b"what it was", "a")
    with pytest.raises(StorageCorrupt):
        seal().open(closed[: size % len(closed)], "a")


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (seal("n2"), "a"),
        (seal(), "b"),
        (seal(keys=DataKeys({1: bytes(32)})), "a"),
        (seal(keys=DataKeys({2: bytes(32)})), "a"),
    ],
    ids=["another node", "another name", "another key", "no such key"],
)
def test_it_opens_at_its_own_place_only(other: Seal, name: str) -> None:
    with pytest.raises(StorageCorrupt):
        other.open(seal().close(b"what it was", "a"), name)


def test_a_newer_format_says_so() -> None:
    file = SealedFile.FromString(seal().close(b"x", "a"))
    file.format = 2
    with pytest.raises(StorageCorrupt, match="newer swarmpy"):
        seal().open(file.SerializeToString(), "a")


def test_old_keys_open_and_the_newest_seals() -> None:
    old = DataKeys.create(random.Random(1))
    closed, new = seal(keys=old).close(b"x", "a"), seal(keys=old.with_new_key(random.Random(3)))
    assert new.open(closed, "a") == b"x"
    assert SealedFile.FromString(new.close(b"x", "a")).key_id == 2
    assert "keys=" not in repr(new), "no key is ever printed"
