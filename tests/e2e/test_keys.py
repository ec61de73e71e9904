"""Real managers on loopback addresses: locked, unlocked, rotated, backed up, restored, rescued."""

from __future__ import annotations

import base64
import random
import re
from pathlib import Path
from typing import Any

import pytest

from swarmpy.security.operator_keys import RECOVERY_KEY, UNLOCK_KEY
from tests.e2e.cluster import until
from tests.e2e.loopback import LoopbackSwarm

pytestmark = pytest.mark.timeout(240)

CANARY = "canary-7f3a91c2-do-not-find-me"


def unlock_key(swarm: LoopbackSwarm, number: int) -> str:
    return swarm.swarmpy(number, "unlock-key", "-q").stdout.strip()


def recovery_key(said: str) -> str:
    found = re.search(r"SWMBAK-1-\w+", said)
    assert found is not None, said
    return found.group()


def objects(swarm: LoopbackSwarm, number: int) -> dict[str, Any]:
    """Return what people have made, by kind."""
    named = {
        noun: sorted((row["id"], row["spec"]["name"]) for row in swarm.json(number, noun, "ls"))
        for noun in ("service", "secret", "config")
    }
    return {**named, "cluster": swarm.json(number, "cluster", "inspect")["id"]}


def places_of(canary: str, directory: Path) -> list[str]:
    """Return the files that show the canary: as it is, in base64 at any offset, or in hex."""
    plain = canary.encode()
    shapes = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for offset in range(3):
        whole = base64.b64encode(b"x" * offset + plain)
        shapes.add(whole[4 if offset else 0 : -4])
    found = []
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [str(path.relative_to(directory)) for shape in shapes if shape in data]
    return found


@pytest.mark.parametrize(
    "shown",
    [
        CANARY.encode(),
        CANARY.encode().hex().encode(),
        base64.b64encode(f"PASSWORD={CANARY}\n".encode()),
        base64.b64encode(f"WORD={CANARY}".encode()),
        base64.b64encode(CANARY.encode()),
    ],
    ids=["raw", "hex", "base64 at 9", "base64 at 5", "base64 at 0"],
)
def test_the_search_finds_a_canary_that_is_there(tmp_path: Path, shown: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"before" + shown + b"after")
    (tmp_path / "innocent").write_bytes(b"before" + shown[1:4] + b"after")
    assert set(places_of(CANARY, tmp_path)) == {"deep/file"}


def test_a_promoted_node_is_locked_too_and_a_demoted_one_forgets(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--autolock")
    key = unlock_key(swarm, 1)
    swarm.join(2, "worker")
    swarm.until_ready(1, 1, 2)
    assert not (swarm.dir(2) / "raft-keys.pb").exists()
    swarm.swarmpy(1, "node", "promote", "n2")
    swarm.until_ready(1, 2, 2)
    until(lambda: "data_keys_wrapped" in swarm.log_tail(2, 200), 20, "the new manager follows")
    swarm.kill(2)
    swarm.start(2)
    assert "this manager is locked" in swarm.swarmpy(2, "node", "ls", code=1).stderr
    swarm.swarmpy(2, "unlock", stdin=key)
    swarm.until_ready(1, 2, 2)
    swarm.swarmpy(1, "node", "demote", "n2")
    until(lambda: not (swarm.dir(2) / "raft-keys.pb").exists(), 30, "its keys go with its log")
    assert not (swarm.dir(2) / "raft").exists()
    assert "is a worker" in swarm.swarmpy(2, "unlock-key", code=1).stderr


def test_a_locked_manager_tells_so_and_opens_with_the_right_key_only(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--autolock")
    key = unlock_key(swarm, 1)
    swarm.deploy(1, CANARY)
    before, pids = objects(swarm, 1), swarm.task_pids(1)
    assert pids
    swarm.kill(1)
    swarm.start(1)
    for words in (("secret", "ls"), ("node", "ls"), ("unlock-key",), ("events",)):
        refused = swarm.swarmpy(1, *words, code=1)
        assert "this manager is locked" in refused.stderr
        assert "swarmpy unlock" in refused.stderr
    other = UNLOCK_KEY.shown(UNLOCK_KEY.create(random.Random(1)))
    wrong = swarm.swarmpy(1, "unlock", stdin=other + "\n", code=1)
    assert "does not open this manager" in wrong.stderr
    typo = key[:-4] + ("aaaa" if key[-4:] != "aaaa" else "bbbb")
    swarm.swarmpy(1, "unlock", stdin=typo + "\n", code=2)
    assert "no unlock key" in swarm.swarmpy(1, "unlock", stdin="", code=2).stderr
    swarm.swarmpy(1, "secret", "ls", code=1)
    assert swarm.task_pids(1) == pids, "what runs is left alone"
    swarm.swarmpy(1, "unlock", stdin=key + "\n")
    assert objects(swarm, 1) == before
    assert swarm.task_pids(1) == pids
    assert "not locked" in swarm.swarmpy(1, "unlock", stdin=key, code=1).stderr


def test_no_file_of_a_node_shows_what_a_service_holds(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    swarm.deploy(1, CANARY)
    assert places_of(CANARY, swarm.dir(1)) == []
    swarm.swarmpy(1, "cluster", "update", "--autolock")
    key = unlock_key(swarm, 1)
    swarm.kill(1)
    assert places_of(CANARY, swarm.dir(1)) == []
    swarm.start(1)
    assert places_of(CANARY, swarm.dir(1)) == [], "while it is locked"
    swarm.swarmpy(1, "unlock", stdin=key)
    swarm.stop(1)
    assert places_of(CANARY, swarm.dir(1)) == []
    assert places_of(key, swarm.dir(1)) == []
    assert places_of("BEGIN EC", swarm.dir(1)) == [], "no other private key is there"
    private = [path.name for path in swarm.dir(1).rglob("*") if path.is_file()
               and b"PRIVATE KEY" in path.read_bytes()]  # fmt: skip
    assert private == ["node.pem"]


def test_turning_autolock_off_lets_a_manager_start_by_itself(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--autolock")
    assert "SWMKEY-1-" in swarm.swarmpy(1, "cluster", "update", "--autolock").stdout
    assert "autolock is off" in swarm.swarmpy(1, "cluster", "update", "--no-autolock").stdout
    assert "autolock is off" in swarm.swarmpy(1, "unlock-key", code=1).stderr
    swarm.swarmpy(1, "unlock-key", "--rotate", code=1)
    swarm.kill(1)
    swarm.start(1)
    swarm.until_answers(1)


def test_a_rotated_key_opens_all_but_who_was_down(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--autolock")
    for number in (2, 3):
        swarm.join(number, "manager")
    swarm.until_ready(1, 3, 3)
    old = unlock_key(swarm, 2)
    swarm.kill(3)
    new = swarm.swarmpy(1, "unlock-key", "--rotate", "-q").stdout.strip()
    assert new != old
    until(lambda: unlock_key(swarm, 2) == new, 10, "the other manager has seen it")
    swarm.kill(2)
    swarm.start(2)
    assert "does not open" in swarm.swarmpy(2, "unlock", stdin=old, code=1).stderr
    swarm.swarmpy(2, "unlock", stdin=new)
    swarm.start(3)
    assert "does not open" in swarm.swarmpy(3, "unlock", stdin=new, code=1).stderr
    swarm.swarmpy(3, "unlock", stdin=old)
    swarm.until_ready(1, 3, 3)
    until(
        lambda: '"newest": 3' in swarm.log_tail(3, 200),
        10,
        "the manager that was down follows",
    )
    swarm.kill(3)
    swarm.start(3)
    swarm.swarmpy(3, "unlock", stdin=new)


def test_a_backup_becomes_the_same_swarm_in_an_empty_directory(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    for number in (2, 3):
        swarm.join(number, "manager")
    swarm.until_ready(1, 3, 3)
    swarm.deploy(1, CANARY)
    before = objects(swarm, 2)
    file = swarm.root / "backup"
    key = recovery_key(swarm.swarmpy(2, "backup", str(file)).stdout)
    assert places_of(CANARY, swarm.root) == []
    assert file.stat().st_mode & 0o777 == 0o600
    assert "exists already" in swarm.swarmpy(2, "backup", str(file), code=6).stderr
    swarm.kill(1, 2, 3)
    restore = ("restore", str(file), *swarm.flags(4))
    other = RECOVERY_KEY.shown(RECOVERY_KEY.create(random.Random(1)))
    assert "does not open" in swarm.swarmpy(4, *restore, stdin=other, code=1).stderr
    cut = swarm.root / "cut"
    cut.write_bytes(file.read_bytes()[:-1])
    damaged = swarm.swarmpy(4, "restore", str(cut), *swarm.flags(4), stdin=key, code=2)
    assert "damaged or not complete" in damaged.stderr
    assert not swarm.dir(4).exists()
    try:
        swarm.swarmpy(4, *restore, stdin=key)
        assert objects(swarm, 4) == before
        managers = [row for row in swarm.json(4, "node", "ls") if row.get("manager")]
        assert [row["status"]["address"] for row in managers] == [swarm.flags(4)[3]]
        removed = swarm.json(4, "cluster", "inspect")["removed_node_ids"]
        assert len(removed) == 3
        until(lambda: len(swarm.task_pids(4)) == 1, 40, "the service runs again, here")
        swarm.swarmpy(4, "secret", "create", "later", "-", stdin="x")
    finally:
        swarm.swarmpy(4, "leave", "--force", "--state-dir", str(swarm.dir(4)), code=None)
    assert not swarm.dir(4).exists()
    assert len(list((swarm.root / "keys").iterdir())) == 3, "its key is gone with it"


def test_a_locked_manager_is_backed_up_from_its_files(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--autolock")
    swarm.swarmpy(1, "config", "create", "motd", "-", stdin="hello")
    key, before = unlock_key(swarm, 1), objects(swarm, 1)
    swarm.kill(1)
    swarm.start(1)
    file = swarm.root / "backup"
    wrong = UNLOCK_KEY.shown(UNLOCK_KEY.create(random.Random(1)))
    swarm.swarmpy(1, "backup", str(file), stdin=wrong, code=1)
    assert not file.exists()
    said = swarm.swarmpy(1, "backup", str(file), "--passphrase", stdin=f"{key}\nopen sesame\n")
    assert "from the files of this manager" in said.stdout
    swarm.stop(1)
    try:
        restore = ("restore", str(file), *swarm.flags(4))
        assert "does not open" in swarm.swarmpy(4, *restore, stdin="close sesame", code=1).stderr
        swarm.swarmpy(4, *restore, stdin="open sesame")
        assert objects(swarm, 4) == before
        assert unlock_key(swarm, 4) == key, "autolock is on, as it was"
    finally:
        swarm.swarmpy(4, "leave", "--force", "--state-dir", str(swarm.dir(4)), code=None)


@pytest.mark.parametrize("autolock", [False, True], ids=["open", "locked"])
def test_one_manager_goes_on_when_two_of_three_are_lost(
    swarm: LoopbackSwarm, autolock: bool
) -> None:
    swarm.init(1, *(["--autolock"] if autolock else []))
    for number in (2, 3):
        swarm.join(number, "manager")
    swarm.join(4, "worker")
    swarm.until_ready(1, 3, 4)
    swarm.deploy(1, CANARY, replicas=4)
    before, pids = objects(swarm, 1), swarm.task_pids(4)
    assert pids
    assert places_of(CANARY, swarm.dir(4)) == [], "a worker's files are sealed too"
    key = unlock_key(swarm, 1) if autolock else ""
    force = ("init", "--force-new-cluster", "--state-dir", str(swarm.dir(1)))
    assert "runs" in swarm.swarmpy(1, *force, stdin=key, code=1).stderr
    worker = ("init", "--force-new-cluster", "--state-dir", str(swarm.dir(4)))
    swarm.kill(1, 2, 3)
    if not autolock:
        swarm.stop(4)
        assert "is no manager" in swarm.swarmpy(4, *worker, code=1).stderr
        swarm.start(4)
    if autolock:
        wrong = UNLOCK_KEY.shown(UNLOCK_KEY.create(random.Random(1)))
        assert "does not open" in swarm.swarmpy(1, *force, stdin=wrong, code=1).stderr
    said = swarm.swarmpy(1, *force, stdin=key)
    assert "the only one now" in said.stdout
    try:
        assert objects(swarm, 1) == before
        swarm.swarmpy(1, "config", "create", "later", "-", stdin="x")
        until(lambda: ready_addresses(swarm) == 2, 40, "the worker is back")
        assert swarm.task_pids(4) & pids, "its tasks went on"
        swarm.start(2)
        swarm.start(3)
        refused_everywhere(swarm)
    finally:
        swarm.stop_supervised(1)


def ready_addresses(swarm: LoopbackSwarm) -> int:
    return sum(row["status"]["state"] == "ready" for row in swarm.json(1, "node", "ls"))


def refused_everywhere(swarm: LoopbackSwarm) -> None:
    """Those that come back change nothing here: they are no members, and their rows are gone."""
    swarm.swarmpy(1, "config", "create", "undisturbed", "-", stdin="x")
    rows = swarm.json(1, "node", "ls")
    assert len(rows) == 2
    assert [bool(row.get("manager")) for row in rows].count(True) == 1
