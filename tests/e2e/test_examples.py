"""Every example is deployed by the command that it names, and does what its first lines say."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import test_quickstart, test_stateful
from tests.e2e.cluster import EXAMPLES, until
from tests.e2e.local_swarm import LocalSwarm, docker, local_swarm
from tests.e2e.loopback import Done

pytestmark = pytest.mark.engine

PAGES = 30
GONE_S = 30.0


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=2) as made:
        yield made


@pytest.fixture
def stack(swarm: LocalSwarm, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stack's name; the one command that removes a stack leaves nothing of it."""
    name = request.node.name.split("_")[1]
    before = swarm.objects()
    yield name
    swarm.must("stack", "rm", name)
    until(lambda: not any(containers(swarm)), GONE_S, f"every container of {name} is gone")
    until(lambda: not swarm.objects()["stacks"], GONE_S, f"{name} is gone")
    after = swarm.objects()
    assert {**after, "nodes": [], "tokens": []} == {**before, "nodes": [], "tokens": []}


def containers(swarm: LocalSwarm, *, ended: bool = True) -> list[list[str]]:
    """Return the containers on each node."""
    return [node.containers(ended=ended) for node in swarm.nodes]


def deploy(swarm: LocalSwarm, stack: str, *files: Path, **environment: str) -> Done:
    flags = [flag for path in files for flag in ("-c", str(path))]
    return swarm.run("stack", "deploy", *flags, stack, environment=environment)


def deployed(swarm: LocalSwarm, stack: str, file: str, **environment: str) -> None:
    done = deploy(swarm, stack, EXAMPLES / file, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def say(address: str, port: int, line: str) -> str:
    """Send a line to a published port and return the answer."""
    with socket.create_connection((address, port), timeout=5) as connection:
        connection.sendall(line.encode() + b"\n")
        return connection.makefile().read().strip()


def test_every_example_has_a_test_that_is_named_after_it() -> None:
    names = [*globals(), *vars(test_quickstart), *vars(test_stateful)]
    stems = sorted((path.stem for path in EXAMPLES.glob("*.yaml")), key=len, reverse=True)
    assert stems
    for stem in stems:  # the longest first: a test of hello-process is none of hello
        mine = [name for name in names if name.startswith(f"test_{stem.replace('-', '_')}_")]
        assert mine, f"{stem}.yaml has no test"
        names = [name for name in names if name not in mine]


def test_hello_answers_from_three_replicas_on_every_node(swarm: LocalSwarm, stack: str) -> None:
    deployed(swarm, stack, "hello.yaml")
    for node in swarm.nodes:
        pages = {node.get(8080) for _ in range(PAGES)}
        assert len(pages) == 3, f"{node.name} shows {pages}"
        assert all(page.startswith("hello from ") for page in pages)


def test_counter_keeps_its_data_when_its_task_is_replaced(swarm: LocalSwarm, stack: str) -> None:
    for slow in ("n2", "n3"):
        swarm.must("node", "update", slow, "--label", "disk=slow")
    deployed(swarm, stack, "counter.yaml")
    assert say(swarm.nodes[1].address, 6379, "SET color blue") == "OK"
    assert "counting page" in swarm.nodes[2].get(8081)
    [before] = swarm.tasks("counter_store")

    swarm.must("service", "update", "--force", "counter_store")

    [after] = swarm.tasks("counter_store")
    assert after["id"] != before["id"]
    assert after["node_id"] == before["node_id"] == swarm.nodes[0].node_id
    assert [say(node.address, 6379, "GET color") for node in swarm.nodes] == ["blue"] * 3
    for slow in ("n2", "n3"):
        swarm.must("node", "update", slow, "--label-rm", "disk")


def test_everywhere_runs_limited_on_every_node_and_on_one_that_joins_later(
    swarm: LocalSwarm, stack: str
) -> None:
    deployed(swarm, stack, "everywhere.yaml")
    assert [len(there) for there in containers(swarm, ended=False)] == [1, 1, 1]
    swarm.add_worker()
    swarm.until_all_ready()
    until(
        lambda: [len(there) for there in containers(swarm, ended=False)] == [1] * 4,
        20,
        "the new node gets one",
    )
    until(lambda: len(swarm.tasks("everywhere_agent")) == 4, 20, "all four are seen to run")
    for [container] in containers(swarm, ended=False):
        [limits] = docker("inspect", "-f", "{{json .HostConfig}}", container)
        assert json.loads(limits)["Memory"] == 32 * 1024 * 1024
        assert json.loads(limits)["NanoCpus"] == 100_000_000
    until(
        lambda: swarm.must("service", "logs", "everywhere_agent").count("everywhere_agent@") >= 4,
        10,
        "the logs of all are shown",
    )


def test_pod_serves_what_its_other_container_writes(swarm: LocalSwarm, stack: str) -> None:
    deployed(swarm, stack, "pod.yaml")
    until(lambda: "news of" in swarm.nodes[1].get(8085), 10, "the news are served")
    [task] = swarm.tasks("pod_web")
    assert {one["name"] for one in task["status"]["containers"]} == {"first", "web", "writer"}


def test_job_runs_five_tasks_to_their_end(swarm: LocalSwarm, stack: str) -> None:
    deployed(swarm, stack, "job.yaml")
    tasks = swarm.rows("service", "ps", "job_sums")
    assert [task["status"] for task in tasks if task["status"]["state"] != "complete"] == []
    assert len(tasks) == 5
    assert not any(containers(swarm, ended=False))
    said = swarm.must("service", "logs", "job_sums")
    assert [said.count(f"sum is {number * 1000}\n") for number in range(5)] == [1] * 5


def test_cron_runs_by_itself_within_a_minute_and_by_hand_at_once(
    swarm: LocalSwarm, stack: str
) -> None:
    deployed(swarm, stack, "cron.yaml")
    swarm.must("cronjob", "run", "cron_date")
    [by_hand] = swarm.rows("cronjob", "runs", "cron_date")
    assert "Hello from cron" in swarm.must("service", "logs", by_hand["spec"]["name"])

    def is_done() -> bool:
        runs = swarm.rows("cronjob", "runs", "cron_date")
        states = [run["job"]["state"] for run in runs if run["scheduled_at_ms"] != "0"]
        return states[:1] == ["complete"]

    until(is_done, 75, "a run of the schedule has completed")
    [row] = swarm.rows("cronjob", "ls")
    assert row["cron_job"]["spec"]["schedule"] == "* * * * *"


def test_config_and_secret_are_files_and_a_secret_is_never_shown(
    swarm: LocalSwarm, stack: str
) -> None:
    password = "correct-horse-battery"
    deployed(swarm, stack, "config-and-secret.yaml", PASSWORD=password)
    assert [node.get(8082) for node in swarm.nodes] == [
        f"a page that every replica shows\nthe password has {len(password)} letters\n"
    ] * len(swarm.nodes)
    [secret] = swarm.rows("secret", "ls")
    [container] = [found for there in containers(swarm) for found in there]
    shown = [
        swarm.must("secret", "ls", "--format", "yaml"),
        swarm.must("service", "inspect", "config_web"),
        swarm.must("task", "inspect", "config_web.1"),
        swarm.must("events"),
        *(swarm.log_tail(number) for number in range(1, len(swarm.nodes) + 1)),
        *docker("inspect", container),
    ]
    assert secret["spec"]["data"] == ""
    assert not [text for text in shown if password in text]


def test_rolling_update_replaces_what_is_well_and_undoes_what_is_not(
    swarm: LocalSwarm, stack: str, tmp_path: Path
) -> None:
    file = "rolling-update.yaml"
    deployed(swarm, stack, file)
    assert "version 1" in swarm.nodes[0].get(8083)
    deployed(swarm, stack, file, HELLO_IMAGE="swarmpy/hello:2")
    pages = [node.get(8083) for node in swarm.nodes for _ in range(10)]
    assert all("version 2" in page for page in pages)

    bad = tmp_path / "bad.yaml"
    bad.write_text("services:\n  web:\n    environment: {PORT: '81'}\n")
    done = deploy(swarm, stack, EXAMPLES / file, bad, HELLO_IMAGE="swarmpy/hello:1")

    assert done.returncode == 4, done.stdout + done.stderr
    assert "failed and was undone" in done.stderr
    assert len(swarm.tasks("rolling_web")) == 4
    pages = [node.get(8083) for node in swarm.nodes for _ in range(10)]
    assert all("version 2" in page for page in pages)
