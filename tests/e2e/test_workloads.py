"""What services are asked to be, with real containers and real traffic."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from swarmpy import SyncClient
from swarmpy.core.task_life import counts_for_service
from tests.e2e.cluster import until
from tests.e2e.local_swarm import LocalSwarm, docker, local_swarm

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

PORT = 8090
REQUESTS = 20_000
CALLERS = 4
HELLO = "swarmpy/hello:1"
FOR_EVER = ("--", "/bin/sh", "-c", "trap exit TERM; while :; do sleep 1 & wait $!; done")
"""Something that runs until it is told to stop, and stops at once."""


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=2) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_stays(swarm: LocalSwarm) -> Iterator[None]:
    yield
    for service in swarm.rows("service", "ls"):
        swarm.must("service", "rm", service["spec"]["name"])
    for node in swarm.nodes:
        swarm.must("node", "update", node.name, "--availability", "active")
    until(lambda: not any(node.containers() for node in swarm.nodes), 60, "no container runs")


def create(swarm: LocalSwarm, name: str, *flags: str) -> None:
    argv = [flag for flag in flags if flag not in FOR_EVER]
    swarm.must("service", "create", HELLO, "--name", name, *argv, *FOR_EVER)


def serve(swarm: LocalSwarm, order: str) -> None:
    """Start three replicas of a web page that go on for a moment after they are told to stop."""
    swarm.must(
        *("service", "create", HELLO, "--name", "web", "--replicas", "3", "-p", f"{PORT}:80"),
        *("--update-order", order, "--update-monitor", "1s"),
        *("--health-cmd", "wget -q -O /dev/null http://127.0.0.1:80/", "--health-interval", "1s"),
    )


@contextlib.contextmanager
def serving_counted(swarm: LocalSwarm, service: str) -> Iterator[list[int]]:
    """Give a list that grows by how many tasks of a service serve, ten times a second."""
    counts: list[int] = []
    over = threading.Event()

    def count() -> None:
        with SyncClient.connect(swarm.host(1)) as client:
            while not over.wait(0.1):
                tasks = client.tasks(service=service)
                counts.append(sum(counts_for_service(task) for task in tasks))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield counts
    finally:
        over.set()
        counting.join()


def load(address: str) -> subprocess.Popen[str]:
    """Ask a node for its share of pages, each on a connection of its own."""
    return subprocess.Popen(
        [
            *("curl", "-s", "--max-time", "10", "-o", "/dev/null", "-H", "Connection: close"),
            *("--rate", "200/s"),
            *("-w", "%{http_code}\n"),
            f"http://{address}:{PORT}/?[1-{REQUESTS // CALLERS}]",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


# --- updates


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_an_update_under_load_fails_none_of_20000_requests(swarm: LocalSwarm, order: str) -> None:
    serve(swarm, order)
    addresses = [node.address for node in swarm.nodes]
    callers = [load(addresses[number % len(addresses)]) for number in range(CALLERS)]
    swarm.must("service", "update", "web", "--image", "swarmpy/hello:2")
    assert any(caller.poll() is None for caller in callers), "the load lasts longer than the update"
    codes = Counter(code for caller in callers for code in caller.communicate()[0].split())
    assert codes == {"200": REQUESTS}
    assert all("version 2" in node.get(PORT) for node in swarm.nodes)


@pytest.mark.parametrize(
    "bad",
    [
        ("--image", "localhost/nowhere:1"),
        ("--image", "swarmpy/hello:2", "-e", "PORT=not-a-port"),
    ],
    ids=["an image that is nowhere", "a version that crashes"],
)
def test_a_bad_version_is_rolled_back_and_takes_one_task_at_most(
    swarm: LocalSwarm, bad: tuple[str, ...]
) -> None:
    serve(swarm, "stop-first")
    with serving_counted(swarm, "web") as counts:
        failing = ("--update-on-failure", "rollback", "--update-monitor", "4s")
        done = swarm.run("service", "update", "web", *bad, *failing)
    assert done.returncode == 4, done.stdout + done.stderr
    assert min(counts) >= 2
    assert "version 1" in swarm.nodes[0].get(PORT)
    assert len(swarm.tasks("web")) == 3


# --- names


def test_tasks_of_a_stateful_service_keep_their_names(swarm: LocalSwarm) -> None:
    create(swarm, "db", "--mode", "stateful", "--replicas", "3")

    def hosts() -> list[str]:
        names = ("db-0", "db-1", "db-2")
        return [swarm.run("task", "exec", name, "hostname").stdout.strip() for name in names]

    assert hosts() == ["db-0", "db-1", "db-2"]
    victim = docker("ps", "-q", "--filter", "label=swarmpy.slot=2")
    docker("rm", "-f", *victim)
    until(lambda: hosts() == ["db-0", "db-1", "db-2"], 30, "db-1 is back under its name")


# --- room


def test_what_finds_no_room_waits_and_says_why(swarm: LocalSwarm) -> None:
    cpus = swarm.rows("node", "ls")[0]["description"]["resources"]["nano_cpus"]
    whole = str(int(cpus) / 1e9)
    create(swarm, "big", "--reserve-cpu", whole, "--replicas", "4", "--detach")
    until(lambda: len(swarm.tasks("big")) == 3, 30, "a task runs on each of the three nodes")
    said = swarm.must("why", "big")
    assert "3 of 4 tasks" in said
    assert "missing on 3 of 3" in said

    swarm.must("service", "update", "big", "--priority", "-1", "--detach")
    create(swarm, "urgent", "--reserve-cpu", whole, "--priority", "5")
    assert len(swarm.tasks("urgent")) == 1
    until(lambda: len(swarm.tasks("big")) == 2, 30, "one of the others made room")


def test_a_drained_node_gives_its_tasks_away_one_by_one(swarm: LocalSwarm) -> None:
    create(swarm, "app", "--replicas", "6", "--disruption-max-unavailable", "1")
    drained = swarm.nodes[1]
    assert len(drained.containers()) == 2
    with serving_counted(swarm, "app") as counts:
        swarm.must("node", "drain", drained.name)
        until(lambda: not drained.containers(), 60, "the node is empty")
        until(lambda: len(swarm.tasks("app")) == 6, 60, "all run elsewhere")
    assert min(counts) >= 5

    swarm.must("node", "update", drained.name, "--availability", "active")
    moves = swarm.rows("rebalance", "--dry-run")
    assert len(moves) == 2
    swarm.must("rebalance")
    until(lambda: len(drained.containers()) == 2, 60, "the node has its share again")
    until(lambda: len(swarm.tasks("app")) == 6, 60, "all run")


def test_a_maintenance_window_drains_a_node_and_ends(swarm: LocalSwarm) -> None:
    create(swarm, "app", "--replicas", "3")
    node = swarm.nodes[2]
    swarm.must("node", "maintenance", node.name, "--for", "8s")
    began = time.monotonic()
    until(lambda: not node.containers(), 30, "the node is empty")

    def in_maintenance() -> bool:
        rows = {row["description"]["hostname"]: row for row in swarm.rows("node", "ls")}
        return bool(rows[node.name].get("in_maintenance"))

    until(lambda: not in_maintenance(), 30, "the window is over")
    assert time.monotonic() - began >= 7
