"""Real nodes whose own key is brought by somebody, or by systemd."""

from __future__ import annotations

import re

import pytest

from swarmpy.daemon import kernel_keyring
from swarmpy.errors import WrongState
from tests.e2e.loopback import LoopbackSwarm

pytestmark = pytest.mark.timeout(240)


def has_keyring() -> bool:
    try:
        return kernel_keyring.find("swarmpy:nobody") is None
    except WrongState:
        return False


def test_a_passphrase_and_the_unlock_key_are_asked_for_in_turn(swarm: LoopbackSwarm) -> None:
    init = ("init", "--autolock", "--key-source", "passphrase", *swarm.flags(1))
    swarm.swarmpy(1, *init, stdin="", code=2)
    assert not swarm.dir(1).exists()
    said = swarm.swarmpy(1, *init, stdin="open sesame\n")
    found = re.search(r"SWMKEY-1-\w+", said.stdout)
    assert found is not None
    swarm.swarmpy(1, "config", "create", "motd", "-", stdin="hello")
    swarm.stop_supervised(1)
    swarm.start(1)
    assert "this node is locked" in swarm.swarmpy(1, "config", "ls", code=1).stderr
    wrong = swarm.swarmpy(1, "unlock", stdin="close sesame\n", code=1)
    assert "not the one of this node" in wrong.stderr
    half = swarm.swarmpy(1, "unlock", stdin="open sesame\n", code=2)
    assert "no unlock key of the swarm was given" in half.stderr
    assert "this manager is locked" in swarm.swarmpy(1, "config", "ls", code=1).stderr
    swarm.swarmpy(1, "unlock", stdin=found.group())
    assert "motd" in swarm.swarmpy(1, "config", "ls").stdout
    swarm.stop(1)
    swarm.start(1)
    swarm.swarmpy(1, "unlock", stdin=f"open sesame\n{found.group()}\n")
    assert "motd" in swarm.swarmpy(1, "config", "ls").stdout


@pytest.mark.skipif(not has_keyring(), reason="this kernel, or its jail, has no keyring")
def test_a_node_whose_key_the_keyring_lost_waits_for_it(swarm: LoopbackSwarm) -> None:
    swarm.init(1, "--key-source", "keyring")
    found = re.search(r"SWMNODE-1-\w+", (swarm.root / "n1.log").read_text())
    assert found is not None
    node_id = swarm.json(1, "node", "ls")[0]["id"]
    try:
        swarm.kill(1)
        swarm.start(1)
        swarm.until_answers(1)
        swarm.kill(1)
        kernel_keyring.remove(f"swarmpy:{node_id}")  # as a boot does
        swarm.start(1)
        assert "this node is locked" in swarm.swarmpy(1, "node", "ls", code=1).stderr
        swarm.swarmpy(1, "unlock", stdin=found.group())
        swarm.until_answers(1)
        swarm.kill(1)
        swarm.start(1)
        swarm.until_answers(1)
        swarm.stop(1)
        swarm.swarmpy(1, "leave", "--force", "--state-dir", str(swarm.dir(1)))
        assert kernel_keyring.find(f"swarmpy:{node_id}") is None
    finally:
        kernel_keyring.remove(f"swarmpy:{node_id}")


def test_a_credential_that_systemd_passes_opens_the_node(swarm: LoopbackSwarm) -> None:
    credentials = swarm.root / "credentials"
    credentials.mkdir()
    (credentials / "swarmpy-key").write_bytes(bytes(range(64)))
    swarm.environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    swarm.init(1)
    assert not (swarm.root / "keys").exists()
    swarm.stop(1)
    swarm.start(1)
    swarm.until_answers(1)
    swarm.stop(1)
    (credentials / "swarmpy-key").write_bytes(bytes(64))
    fails(swarm, "this key is not the one of this node")
    swarm.environment.clear()
    fails(swarm, "passed no credential swarmpy-key")


def test_a_node_does_not_run_twice(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    fails(swarm, "runs")
    swarm.until_answers(1)


def fails(swarm: LoopbackSwarm, why: str) -> None:
    """Start the node, and see it end with one message."""
    assert why in swarm.run_to_its_end(1)
