"""Pods without an engine: probes find the port that a process was given."""

from __future__ import annotations

import sys
from typing import Any

from tests.e2e.cluster import until
from tests.e2e.loopback import LoopbackSwarm

POD = """
services:
  web:
    image: process
    entrypoint: ["/bin/sh", "-c", "exec {python} -m http.server -b $$SWARMPY_ADDRESS $$PORT"]
    ports: ["18437:8080"]
    stop_grace_period: 1s
    x-swarmpy:
      container_restart: always
      init_containers:
        first: {{image: process, entrypoint: ["/bin/sh", "-c", "exit 0"]}}
      containers:
        beside: {{image: process, entrypoint: [sleep, "600"]}}
      probes:
        readiness: {{http: ":8080/", period: 500ms}}
"""
SOON_S = 30


def test_a_pod_of_processes_is_ready_and_tended_in_place(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    file = swarm.root / "pod.yaml"
    file.write_text(POD.format(python=sys.executable))
    swarm.swarmpy(1, "stack", "deploy", "-c", str(file), "shop", "--timeout", "60s")

    def containers() -> dict[str, Any]:
        [task] = swarm.json(1, "service", "ps", "shop_web")
        assert not task["status"].get("unready")
        return {one["name"]: one for one in task["status"]["containers"]}

    assert {name: one.get("ready", False) for name, one in containers().items()} == {
        "first": False, "web": True, "beside": True,
    }  # fmt: skip
    [task] = swarm.json(1, "service", "ps", "shop_web")
    [process] = [one for one in containers().values() if one["name"] == "beside"]
    pid = process["container_id"].removeprefix("process-")
    swarm.swarmpy(1, "task", "exec", task["id"], "kill", pid)
    until(lambda: containers()["beside"].get("restarts") == 1, SOON_S, "it is restarted in place")
    [same] = swarm.json(1, "service", "ps", "shop_web")
    assert same["id"] == task["id"]
