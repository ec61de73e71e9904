from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from swarmpy.daemon import kernel_keyring
from swarmpy.daemon.key_choice import KeyWish, chosen, named
from swarmpy.daemon.key_source import FileSource, KeyringSource, PassphraseSource
from swarmpy.errors import InvalidInput, PermissionDenied, SwarmPyError, WrongState
from swarmpy.ids import IdSource

RNG = random.Random(1)


@pytest.fixture(autouse=True)
def quiet_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMPY_KEY_DIR", str(tmp_path / "keys"))
    for name in ("CREDENTIALS_DIRECTORY", "SWARMPY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


def put_credential(directory: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "swarmpy-key").write_bytes(data)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("auto", "file:{tmp}/keys/n1"),
        ("file", "file:{tmp}/keys/n1"),
        ("file:{tmp}/stick/key", "file:{tmp}/stick/key"),
        ("keyring", "keyring"),
        ("passphrase", "passphrase"),
        ("systemd", "systemd"),
    ],
    ids=lambda text: text.replace("{tmp}", ""),
)
def test_a_wish_names_a_source_that_is_found_again(tmp_path: Path, wish: str, name: str) -> None:
    source = chosen(KeyWish(wish.format(tmp=tmp_path)), "n1", tmp_path / "state")
    assert source.name == name.format(tmp=tmp_path)
    assert named(source.name, "n1", b"").name == source.name


def test_auto_takes_the_credential_that_systemd_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_credential(tmp_path / "credentials", bytes(32), monkeypatch)
    source = chosen(KeyWish(), "n1", tmp_path / "state")
    assert source.name == "systemd"
    assert source.make(RNG).key == source.find()


def test_a_credential_that_is_no_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_credential(tmp_path / "credentials", b"hunter2", monkeypatch)
    with pytest.raises(InvalidInput, match="7 bytes: expected 32"):
        chosen(KeyWish(), "n1", tmp_path / "state")


def test_a_credential_that_is_not_passed_any_more_is_missed(tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="passed no credential"):
        named("systemd", "n1", b"").find()


@pytest.mark.parametrize("wish", ["magic", "", "keyring:x", "FILE", "passphrase:hunter2"])
def test_a_wish_that_makes_no_sense_is_refused(tmp_path: Path, wish: str) -> None:
    with pytest.raises(InvalidInput, match="expected one of auto, systemd"):
        chosen(KeyWish(wish), "n1", tmp_path / "state")


def test_a_source_of_a_newer_version_says_so() -> None:
    with pytest.raises(WrongState, match="does not know"):
        named("tpm", "n1", b"")


@pytest.mark.parametrize("place", ["state/key", "state/deep/er/key", "link/key"])
def test_a_key_beside_its_data_is_refused_unless_that_is_wanted(tmp_path: Path, place: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "state")
    wish = f"file:{tmp_path / place}"
    with pytest.raises(InvalidInput, match="beside the files"):
        chosen(KeyWish(wish), "n1", tmp_path / "state")
    assert chosen(KeyWish(wish, beside_data=True), "n1", tmp_path / "state").name == wish


def test_a_file_keeps_the_key_for_its_owner_alone(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "deep" / "key")
    made = source.make(RNG)
    assert source.find() == made.key
    assert made.key not in source.path.read_bytes()
    assert source.path.stat().st_mode & 0o777 == 0o600
    assert source.path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(WrongState, match="exists"):
        source.make(RNG)
    source.forget()
    source.forget()
    with pytest.raises(WrongState, match="cannot be read"):
        source.find()


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (lambda path: path.chmod(0o640), PermissionDenied, "read by others"),
        (lambda path: path.write_text(""), InvalidInput, "no node key"),
        (lambda path: path.write_bytes(b"\xff\xfe"), InvalidInput, "no node key"),
        (lambda path: path.write_text(path.read_text()[:-3]), InvalidInput, "not complete"),
    ],
    ids=["mode", "empty", "binary", "cut"],
)
def test_a_key_file_that_cannot_be_used_is_named(
    tmp_path: Path, change: object, error: type[SwarmPyError], why: str
) -> None:
    source = FileSource(tmp_path / "key")
    source.make(RNG)
    assert callable(change)
    change(source.path)
    with pytest.raises(error, match=why):
        source.find()


def test_a_passphrase_gives_the_same_key_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = PassphraseSource(b"", "open sesame").make(RNG)
    again = PassphraseSource(made.salt)
    assert again.find() is None, "somebody has to type it"
    assert again.typed("open sesame\n") == made.key
    assert again.typed("close sesame") != made.key
    file = tmp_path / "passphrase"
    file.write_text("open sesame\n")
    monkeypatch.setenv("SWARMPY_PASSPHRASE", str(file))
    assert again.find() == made.key
    file.unlink()
    with pytest.raises(InvalidInput, match="cannot be read"):
        again.find()


def test_no_passphrase_makes_no_key() -> None:
    with pytest.raises(InvalidInput, match="no passphrase"):
        PassphraseSource(b"").make(RNG)


def has_keyring() -> bool:
    try:
        return kernel_keyring.find("swarmpy:nobody") is None
    except WrongState:
        return False


@pytest.mark.skipif(not has_keyring(), reason="this kernel, or its jail, has no keyring")
def test_the_keyring_keeps_a_key_until_it_is_told_to_forget() -> None:
    source = KeyringSource(IdSource(random.Random(os.getpid())).new_id())
    made = source.make(RNG)
    try:
        assert source.find() == made.key
        source.forget()
        assert source.find() is None
        source.keep(source.typed(made.to_keep))
        assert source.find() == made.key, "what the operator wrote down brings it back"
    finally:
        source.forget()
