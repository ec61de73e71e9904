"""A service that is busy gets more replicas by itself, and a redeploy leaves it its size."""

from __future__ import annotations

import sys

from tests.e2e.cluster import until
from tests.e2e.loopback import LoopbackSwarm

BUSY = """
services:
  busy:
    image: process
    entrypoint: ["{python}", "-c", "while True: pass"]
    deploy: {{replicas: 1, resources: {{reservations: {{cpus: "0.1"}}}}}}
    x-swarmpy:
      autoscale: {{min: 1, max: 2, cpu: 50%}}
"""
SCALED_S = 60


def test_a_busy_service_is_scaled_and_keeps_its_size(swarm: LoopbackSwarm) -> None:
    swarm.init(1)
    file = swarm.root / "busy.yaml"
    file.write_text(BUSY.format(python=sys.executable))
    deploy = ("stack", "deploy", "-c", str(file), "shop", "--timeout", "60s")
    swarm.swarmpy(1, *deploy)

    def size() -> int:
        [service] = swarm.json(1, "service", "ls")
        return int(service["spec"]["replicated"]["replicas"])

    assert size() == 1
    until(lambda: size() == 2, SCALED_S, "the busy service has two replicas")
    reasons = [event["reason"] for event in swarm.json(1, "events")]
    assert "Scaled" in reasons
    swarm.swarmpy(1, *deploy)
    assert size() == 2
