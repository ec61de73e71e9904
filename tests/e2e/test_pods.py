"""Pods on a real engine, by the commands that people type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster import until
from tests.e2e.local_swarm import LocalNode, LocalSwarm, docker, local_swarm

pytestmark = pytest.mark.engine

SOON_S = 20.0

SHARING = """
services:
  web:
    image: swarmpy/hello:1
    entrypoint:
      - sh
      - -c
      - mkdir -p /www; cp /shared/page /www/index.html; exec httpd -f -p 8080 -h /www
    ports: ["{port}:8080"]
    stop_grace_period: 1s
    deploy: {{replicas: 2}}
    volumes: [{{type: ephemeral, source: shared, target: /shared}}]
    x-swarmpy:
      init_containers:
        fetch:
          image: swarmpy/hello:1
          entrypoint: [sh, -c, "echo from the init container >/shared/page"]
          volumes: [{{type: ephemeral, source: shared, target: /shared}}]
      containers:
        beside:
          image: swarmpy/hello:1
          entrypoint: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]
          volumes: [{{type: ephemeral, source: shared, target: /shared}}]
      probes:
        readiness: {{http: ":8080/", period: 500ms}}
"""

TENDED = """
services:
  web:
    image: swarmpy/hello:1
    entrypoint:
      - sh
      - -c
      - |
        touch /alive /ready
        mkdir -p /www
        echo hello >/www/index.html
        exec httpd -f -p 8080 -h /www
    ports: ["{port}:8080"]
    stop_grace_period: 1s
    x-swarmpy:
      container_restart: always
      probes:
        readiness: {{exec: [test, -f, /ready], period: 300ms, failure_threshold: 1}}
        liveness: {{exec: [test, -f, /alive], period: 300ms, failure_threshold: 2, grace: 1s}}
      hooks:
        pre_stop: {{exec: [sleep, "0.1"]}}
"""

CRASHING = """
services:
  web:
    image: swarmpy/hello:1
    entrypoint: [sh, -c, "echo tried; exit 3"]
    x-swarmpy: {container_restart: always}
"""


@pytest.fixture(scope="module")
def swarm() -> Iterator[LocalSwarm]:
    with local_swarm(workers=1) as made:
        yield made


@pytest.fixture
def stack(swarm: LocalSwarm, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.split("_")[-1]
    yield name
    swarm.must("stack", "rm", name)
    gone = f"every container of {name} is gone"
    until(lambda: not any(node.containers(ended=True) for node in swarm.nodes), SOON_S, gone)
    assert not [
        one
        for one in docker("volume", "ls", "-q")
        if one.startswith("swarmpy-") and owned(one, swarm)
    ]


def owned(volume: str, swarm: LocalSwarm) -> bool:
    (label,) = docker("volume", "inspect", "-f", '{{index .Labels "swarmpy.node"}}', volume)
    return label in {node.node_id for node in swarm.nodes}


def deploy(swarm: LocalSwarm, stack: str, text: str, *flags: str) -> None:
    file = swarm.root / f"{stack}.yaml"
    file.write_text(text)
    swarm.must("stack", "deploy", "-c", str(file), *flags, stack)


def status(swarm: LocalSwarm, stack: str) -> Any:
    (task,) = swarm.rows("service", "ps", f"{stack}_web")
    return task["status"]


def main(found: Any) -> Any:
    return next(one for one in found["containers"] if one["name"] == "web")


def served(node: LocalNode, port: int) -> bool:
    """Tell whether the published port answers with a page of the task's."""
    return node.get(port) == "hello\n"


def test_containers_share_localhost_and_a_volume_on_one_node_in_sharing(
    swarm: LocalSwarm, stack: str
) -> None:
    port = 18431
    deploy(swarm, stack, SHARING.format(port=port))
    tasks = swarm.tasks(f"{stack}_web")
    assert len(tasks) == 2
    for node in swarm.nodes:
        assert node.get(port) == "from the init container\n"
    for task in tasks:
        fetch = (
            "task",
            "exec",
            "-c",
            "beside",
            task["id"],
            "wget",
            "-qO-",
            "http://localhost:8080/",
        )
        assert swarm.must(*fetch) == "from the init container\n"
        shared = swarm.must("task", "exec", "-c", "beside", task["id"], "cat", "/shared/page")
        assert shared == "from the init container\n"
    for node in swarm.nodes:
        whose = docker(
            "ps", "-a", "--filter", f"label=swarmpy.node={node.node_id}",
            "--format", '{{.Label "swarmpy.task"}}',
        )  # fmt: skip
        assert {len([one for one in whose if one == task]) for task in set(whose)} <= {4}, (
            "all containers of a pod, and its sandbox, are on one node"
        )
    assert "2/2" in swarm.must("service", "ps", f"{stack}_web")
    logged = swarm.run("task", "logs", "-c", "nobody", tasks[0]["id"])
    assert logged.returncode != 0
    assert "nobody" in logged.stderr


def test_liveness_restarts_in_place_and_readiness_gates_the_port_in_tended(
    swarm: LocalSwarm, stack: str
) -> None:
    port = 18432
    deploy(swarm, stack, TENDED.format(port=port))
    (task,) = swarm.tasks(f"{stack}_web")
    address = swarm.nodes[0]

    until(lambda: served(address, port), SOON_S, "it answers")
    swarm.must("task", "exec", task["id"], "rm", "/ready")
    until(lambda: status(swarm, stack).get("unready"), SOON_S, "it is told to be unready")
    until(lambda: not served(address, port), SOON_S, "nobody is sent to it")
    assert swarm.must("task", "exec", task["id"], "echo", "up") == "up\n", "nothing was ended"
    swarm.must("task", "exec", task["id"], "touch", "/ready")
    until(lambda: served(address, port), SOON_S, "it is in the routes again")

    swarm.must("task", "exec", task["id"], "rm", "/alive")
    restarted = lambda: main(status(swarm, stack)).get("restarts", 0) == 1  # noqa: E731
    until(restarted, SOON_S, "its container is restarted")
    until(lambda: served(address, port), SOON_S, "and serves again")
    (same,) = swarm.tasks(f"{stack}_web")
    assert same["id"] == task["id"]
    assert "1/1" in swarm.must("task", "ls")
    reasons = {event["reason"] for event in swarm.rows("events")}
    assert {"ContainerUnhealthy", "ContainerRestarted"} <= reasons


def test_a_crash_loop_says_so_in_crashing(swarm: LocalSwarm, stack: str) -> None:
    deploy(swarm, stack, CRASHING, "--detach")
    words = "CrashLoopBackOff: back-off 10 s restarting web, last ended with exit code 3"
    until(lambda: words in str(status(swarm, stack)), SOON_S, "its back-off is told")
    assert main(status(swarm, stack))["restarts"] == 1
    assert "CrashLoopBackOff" in swarm.must("service", "ps", f"{stack}_web")
    (task,) = swarm.rows("service", "ps", f"{stack}_web")
    assert swarm.must("task", "logs", "--raw", task["id"]) == "tried\ntried\n"
