"""Real nodes without an engine, and what they tell each other while no manager says anything."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.cluster import until
from tests.e2e.loopback import LoopbackSwarm

SOON_S = 30.0

PORT = 18080
TOLD_S = 2.0
"""Within this, every node knows where a task answers, whoever is down."""

STACK = """
services:
  web:
    image: process
    entrypoint: ["sh", "-c"]
    command: ["touch $$HOSTNAME; exec {python} -m http.server -b $$SWARMPY_ADDRESS $$PORT"]
    ports: ["{port}:80"]
    healthcheck: {{test: "test -f {go}-$$HOSTNAME", interval: 200ms, start_period: 5m}}
    deploy: {{replicas: 2, placement: {{constraints: [node.role == worker]}}}}
"""
"""Each replica says its name, and is healthy once there is a file of that name."""


def test_a_worker_that_lost_all_it_knew_finds_the_managers_by_gossip(
    swarm: LoopbackSwarm,
) -> None:
    swarm.init(1)
    for number in (2, 3):
        swarm.join(number, "worker")
    swarm.until_ready(1, managers=1, nodes=3)
    until(lambda: "gossip_started" in events(swarm, 2), SOON_S, "its gossip runs")
    until((swarm.dir(2) / "gossip.pb").exists, SOON_S, "it has written down whom it knows")
    assert swarm.stop(2) == 0
    (swarm.dir(2) / "managers.pb").unlink()
    before = events(swarm, 2).count("session_opened")
    assert before
    swarm.start(2)
    until(
        lambda: events(swarm, 2).count("session_opened") > before, SOON_S, "it finds its managers"
    )
    assert [swarm.stop(number) for number in (2, 3, 1)] == [0, 0, 0]


def events(swarm: LoopbackSwarm, number: int) -> list[str]:
    """Return the names of what a node has logged."""
    lines = (swarm.root / f"n{number}.log").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


def test_with_every_manager_killed_nodes_tell_each_other_where_a_task_begins_to_answer(
    swarm: LoopbackSwarm,
) -> None:
    swarm.init(1)
    for number in (2, 3, 4):
        swarm.join(number, "worker")
    swarm.until_ready(1, managers=1, nodes=4)
    go, stack = swarm.root / "go", swarm.root / "stack.yaml"
    stack.write_text(STACK.format(python=sys.executable, port=PORT, go=go))
    Path(f"{go}-shop_web.1").touch()
    swarm.swarmpy(1, "stack", "deploy", "-d", "-c", str(stack), "shop")

    def states() -> list[str]:
        return sorted(row["status"]["state"] for row in swarm.json(1, "service", "ps", "shop_web"))

    def lead_to(*names: str) -> bool:
        return all(seen(swarm, number, PORT) == set(names) for number in (2, 3, 4))

    until(lambda: states() == ["running", "starting"], 20, "one task is not healthy yet")
    until(lambda: lead_to("shop_web.1"), 20, "every worker leads to the one that is")
    swarm.kill(1)
    time.sleep(TOLD_S)
    assert lead_to("shop_web.1")
    Path(f"{go}-shop_web.2").touch()
    until(lambda: lead_to("shop_web.1", "shop_web.2"), TOLD_S, "every worker leads to both")


def test_a_node_whose_gossip_hangs_is_named_and_stays_up(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    for number in (2, 3):
        swarm.join(number, "worker")
    swarm.until_ready(1, managers=1, nodes=3)

    def column() -> list[str]:
        lines = swarm.swarmpy(1, "node", "ls").stdout.splitlines()
        return [word for line in lines for word in line.split() if word in {"alive", "dead"}]

    until(lambda: column() == ["alive"] * 3, 20, "all know each other")
    assert "6 of 6 ways" in swarm.swarmpy(1, "net", "doctor").stdout
    with stopped(gossip_of(swarm, 3)):
        until(lambda: column().count("dead") == 1, 20, "the others call it dead")
        said = swarm.swarmpy(1, "net", "doctor", code=1).stdout
        assert "n1 → n3: nothing arrives" in said
        assert "n2 → n3: nothing arrives" in said
        states = [row["status"]["state"] for row in swarm.json(1, "node", "ls")]
        assert states == ["ready"] * 3
    until(lambda: column() == ["alive"] * 3, 20, "it is back")


def test_who_leaves_is_known_to_have_left_at_once_and_who_is_removed_is_forgotten(
    swarm: LoopbackSwarm,
) -> None:
    swarm.init(1)
    swarm.join(2, "worker")
    swarm.join_in_background(3, "worker")
    swarm.until_ready(1, managers=1, nodes=3)

    def gossip() -> dict[str, str]:
        rows = swarm.json(1, "node", "ls")
        return {row["description"]["hostname"]: str(row["gossip"]["state"]) for row in rows}

    until(lambda: set(gossip().values()) == {"alive"}, 20, "all know each other")
    swarm.swarmpy(1, "leave", "--state-dir", str(swarm.dir(3)))
    assert gossip() == {"n1": "alive", "n2": "alive", "n3": "left"}
    until(
        lambda: swarm.swarmpy(1, "node", "rm", "n3", code=None).returncode == 0,
        20,
        "it is down, and can be removed",
    )
    assert "n3" not in gossip()
    until(lambda: "gossip_keys_changed" in events(swarm, 1), 40, "the keys change")
    assert "2 of 2 ways" in swarm.swarmpy(1, "net", "doctor").stdout
    swarm.swarmpy(1, "cluster", "update", "--gossip-profile", "lan")
    until(lambda: events(swarm, 2).count("gossip_started") == 2, 20, "it takes another pace")
    until(lambda: "2 of 2 ways" in doctor(swarm, 1), 20, "all know each other again")
    assert gossip() == {"n1": "alive", "n2": "alive"}


def doctor(swarm: LoopbackSwarm, number: int) -> str:
    return swarm.swarmpy(number, "net", "doctor", code=None).stdout


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def gossip_of(swarm: LoopbackSwarm, number: int) -> int:
    """Return the process id of a node's gossip."""
    daemon_pid = swarm.pid(number)
    children = Path(f"/proc/{daemon_pid}/task/{daemon_pid}/children").read_text().split()
    (pid,) = (
        int(child)
        for child in children
        if b"swarmpy.gossip" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return pid


def seen(swarm: LoopbackSwarm, number: int, port: int) -> set[str]:
    """Return the names of the tasks that answer on a published port of a node."""
    url = f"http://{swarm.address(number)}:{port}/"
    pages = [urlopen(url, timeout=1).read().decode() for _ in range(4)]
    return {name for page in pages for name in re.findall(r"shop_web\.\d", page)}
