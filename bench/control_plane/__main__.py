"""From a call of the API to every agent's assignment: three managers that sync, many agents.

    python -m bench.control_plane [--agents 1000] [--tasks 10000] [--services 10]

Managers are daemons as users have them. Agents are a process of their own that holds the
sessions of all nodes and runs nothing, so that what is measured is the control plane.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.raft.swarm import swarm
from swarmpy import Client
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.testing import builders

GOAL_PER_S = 5000
START_S = 300.0
PATIENCE_S = 300.0
CLUSTER_ADDRESS, API_ADDRESS = "127.0.0.41:2377", "127.0.0.41:2378"


@asynccontextmanager
async def agents(client: Client, count: int) -> AsyncIterator[asyncio.StreamReader]:
    """Give what the agents tell, once all of them have a session."""
    token = (await client.create_token(NODE_ROLE_WORKER, ttl_s=600, uses=count)).secret
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.control_plane.agents"),
        *(CLUSTER_ADDRESS, API_ADDRESS, token, str(count)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            assert (await process.stdout.readline()) == b"connected\n"
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


def service(name: str, replicas: int) -> ServiceSpec:
    task = builders.task_spec(cpus=0.1, memory_bytes=64 << 20, constraints=["node.role==worker"])
    return builders.service_spec(name, replicas=replicas, task=task)


async def until_held(told: asyncio.StreamReader, count: int) -> float:
    """Return when the last of so many tasks came."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            held, at_s = (await told.readline()).split()
            if int(held) == count:
                return float(at_s)


async def measure(root: Path, agent_count: int, task_count: int, service_count: int) -> None:
    async with swarm(root) as client, agents(client, agent_count) as told:
        each = task_count // service_count
        began_s = time.monotonic()
        for number in range(service_count):
            await client.create_service(service(f"service{number}", each))
        took_s = await until_held(told, each * service_count) - began_s
    print(f"{agent_count} agents, {each * service_count} tasks of {service_count} services")
    print(f"  {took_s:.2f} s, {each * service_count / took_s:,.0f} tasks/s (goal {GOAL_PER_S:,})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--services", type=int, default=10)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        asyncio.run(measure(Path(root), wanted.agents, wanted.tasks, wanted.services))


if __name__ == "__main__":
    main()
