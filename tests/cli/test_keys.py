"""Keys and backups at the command line: shown once, asked for, never in an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.errors import Locked, OutcomeUnknown
from swarmpy.security.backup_file import ClosedBackup
from swarmpy.security.operator_keys import UNLOCK_KEY
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl


def test_gossips_pace_can_be_changed(run: Run, control: FakeControl) -> None:
    said = run("cluster", "update", "--gossip-profile", "wan")
    assert said.exit_code == 0, said.output
    assert "at the pace wan" in said.stdout
    assert control.cluster.spec.gossip_profile == "wan"


def test_autolock_is_turned_on_with_its_key_and_off_again(run: Run, control: FakeControl) -> None:
    on = run("cluster", "update", "--autolock")
    assert on.exit_code == 0, on.output
    assert "autolock is on" in on.stdout
    key = control.key
    assert UNLOCK_KEY.parse(key)
    assert key in on.stdout
    again = run("cluster", "update", "--autolock").stdout
    assert "was on already" in again
    assert key in again
    assert "autolock is off" in run("cluster", "update", "--no-autolock").stdout
    assert run("cluster", "update").exit_code == 2
    assert run("cluster", "update", "--strategy", "pile").exit_code == 2
    assert "placed by binpack" in run("cluster", "update", "--strategy", "binpack").stdout
    assert "strategy: binpack" in run("cluster", "inspect").stdout
    assert "id: c00000000000001" in run("cluster", "inspect").stdout


def test_the_unlock_key_is_shown_and_rotated(run: Run, control: FakeControl) -> None:
    off = run("unlock-key")
    assert off.exit_code == 1
    assert "swarmpy cluster update --autolock" in off.stderr
    run("cluster", "update", "--autolock")
    old = control.key
    assert run("unlock-key", "-q").stdout == f"{old}\n"
    assert run("unlock-key", "-q", "--rotate").stdout == f"{control.key}\n"
    assert control.key != old
    assert control.key in run("unlock-key").stdout


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("RotateUnlockKey", ("unlock-key", "--rotate", "-q")),
        ("UpdateCluster", ("cluster", "update", "--autolock")),
    ],
    ids=["rotated", "turned on"],
)
def test_a_key_that_may_have_been_taken_is_told(
    run: Run, control: FakeControl, method: str, words: tuple[str, ...]
) -> None:
    control.failures[method] = [OutcomeUnknown("the leader went away")]
    said = run(*words)
    assert said.exit_code == 1
    assert "the leader went away" in said.stderr
    assert UNLOCK_KEY.parse(said.stderr.split()[-1])


def test_a_backup_is_encrypted_under_a_key_that_is_shown_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "b"
    said = run("backup", str(file))
    assert said.exit_code == 0, said.output
    key = said.stdout.split()[-1]
    assert ClosedBackup("b", file.read_bytes()).open(key).index == 7
    again = run("backup", str(file))
    assert again.exit_code == 6
    assert "exists already" in again.stderr
    (tmp_path / "c.new").write_text("somebody's")
    assert run("backup", str(tmp_path / "c")).exit_code == 6
    assert (tmp_path / "c.new").read_text() == "somebody's"


def test_a_backup_takes_a_passphrase_from_stdin(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "b"
    said = run("backup", str(file), "--passphrase", stdin="open sesame\n")
    assert said.exit_code == 0, said.output
    assert "SWMBAK" not in said.stdout
    assert ClosedBackup("b", file.read_bytes()).open("open sesame").term == 2


@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (["backup", "{tmp}/no/such/b"], None, "is no directory"),
        (["backup", "{tmp}/b", "--passphrase"], "short\n", "expected 8 to 1024"),
        (["backup", "{tmp}/b", "--passphrase"], "", "no passphrase of the backup was given"),
        (["restore", "{tmp}/b"], None, "No such file"),
        (["restore", "{tmp}"], None, "Is a directory"),
        (["restore", "/etc/passwd"], None, "no backup"),
    ],
    ids=["no directory", "short", "no passphrase", "no file", "a directory", "no backup"],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    run: Run, tmp_path: Path, words: list[str], stdin: str | None, why: str
) -> None:
    before = sorted(tmp_path.iterdir())
    said = run(*(word.format(tmp=tmp_path) for word in words), stdin=stdin)
    assert said.exit_code == 2
    assert why in said.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_locked_manager_says_what_to_do(run: Run, control: FakeControl) -> None:
    control.failures["ListNodes"] = [Locked.node("manager")]
    said = run("node", "ls")
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        "error: this manager is locked: its keys are not open yet",
        "hint: swarmpy unlock",
    ]


@pytest.mark.parametrize("source", ["magic", "keyring:x"])
def test_a_key_source_that_makes_no_sense_changes_nothing(
    run: Run, tmp_path: Path, source: str
) -> None:
    state_dir = tmp_path / "state"
    address = ("--advertise-addr", "127.0.0.9", "--listen-addr", "127.0.0.9")
    node = ("--state-dir", str(state_dir), "--runtime", "process", *address)
    said = run("init", *node, "--key-source", source)
    assert said.exit_code == 2
    assert "expected one of auto, systemd, keyring, file, passphrase" in said.stderr
    assert not state_dir.exists()


def test_unlocking_where_no_daemon_runs_says_so(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMPY_HOST", f"unix://{tmp_path}/nobody.sock")
    said = run("unlock", stdin="SWMKEY-1-x\n")
    assert said.exit_code == 1
    assert "no node daemon answers" in said.stderr


def test_another_machine_cannot_be_unlocked_from_here(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMPY_HOST", "192.0.2.1:2378")
    said = run("unlock", stdin="SWMKEY-1-x\n")
    assert said.exit_code == 2
    assert "own machine" in said.stderr


def test_a_new_cluster_is_not_forced_where_no_manager_lives(run: Run, tmp_path: Path) -> None:
    said = run("init", "--force-new-cluster", "--state-dir", str(tmp_path / "none"))
    assert said.exit_code == 1
    assert "no node lives in" in said.stderr
