import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import InvalidInput, PermissionDenied
from swarmpy.pb.keys_pb2 import BackupContent, BackupFile
from swarmpy.security.backup_file import MAGIC, BackupKey, ClosedBackup, encode
from swarmpy.security.operator_keys import RECOVERY_KEY, UNLOCK_KEY

CONTENT = BackupContent(index=7, term=3, state=b"everything, and the password hunter2")


def made(key: BackupKey) -> bytes:
    return encode(CONTENT, "c1", 1_700_000_000_000, key, random.Random(2))


KEY = BackupKey.create(random.Random(1))
SHOWN = RECOVERY_KEY.shown(KEY.key)
DATA = made(KEY)


def test_a_backup_opens_with_its_recovery_key() -> None:
    closed = ClosedBackup("b", DATA)
    assert closed.open(SHOWN) == CONTENT
    assert closed.header.cluster_id == "c1"
    assert not closed.wants_passphrase
    assert b"hunter2" not in DATA


def test_a_backup_opens_with_its_passphrase_and_no_other() -> None:
    closed = ClosedBackup("b", made(BackupKey.from_passphrase("open sesame", random.Random(3))))
    assert closed.wants_passphrase
    assert closed.open("open sesame") == CONTENT
    with pytest.raises(PermissionDenied, match="this passphrase does not open b"):
        closed.open("close sesame")


@pytest.mark.parametrize("passphrase", ["", "short", "x" * 1025])
def test_a_passphrase_has_some_length(passphrase: str) -> None:
    with pytest.raises(InvalidInput, match="expected 8 to 1024"):
        BackupKey.from_passphrase(passphrase, random.Random(3))


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        (RECOVERY_KEY.shown(bytes(32)), PermissionDenied),
        (UNLOCK_KEY.shown(KEY.key), InvalidInput),
        (SHOWN[:-1], InvalidInput),
    ],
    ids=["another", "another kind", "cut"],
)
def test_a_wrong_key_is_told(typed: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ClosedBackup("b", DATA).open(typed)


@given(st.integers(min_value=0))
def test_any_shorter_file_is_refused(size: int) -> None:
    with pytest.raises(InvalidInput, match=r"no backup|not complete"):
        ClosedBackup("b", DATA[: size % len(DATA)])


@given(st.data())
def test_any_flipped_bit_is_refused(data: st.DataObject) -> None:
    flipped = bytearray(DATA)
    bit = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidInput, match=r"no backup|not complete|newer"):
        ClosedBackup("b", bytes(flipped))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", MAGIC[:-1]], ids=["empty", "zip", "cut"])
def test_what_is_no_backup_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="no backup"):
        ClosedBackup("b", data)


def test_a_newer_format_says_so() -> None:
    file = BackupFile.FromString(DATA.removeprefix(MAGIC))
    file.format = 2
    with pytest.raises(InvalidInput, match="newer swarmpy"):
        ClosedBackup("b", MAGIC + file.SerializeToString())
