"""Many agents in one process: each with a certificate and a session of its own, and no containers.

    python -m bench.control_plane.agents CLUSTER_ADDRESS API_ADDRESS TOKEN COUNT

It writes a line when all have a session, and from then on, whenever nothing has come for a
while, one with how many tasks they hold and when the last of them came (time.monotonic()).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

from swarmpy.agent.stream import Stream
from swarmpy.pb.dispatcher_pb2 import AgentMessage, Assignment, Heartbeat, Hello, ManagerMessage
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.objects_pb2 import NodeDescription
from swarmpy.pb.types_pb2 import Platform, Resources
from swarmpy.rpc.grpc_transport import GrpcTransport
from swarmpy.rpc.join_client import join
from swarmpy.security.certificates import NodeIdentity, new_key_and_csr

AT_ONCE = 16
"""Joins and handshakes under way."""
QUIET_S = 0.2


class Agents:
    """What they hold together."""

    def __init__(self) -> None:
        self.sessions = 0
        self._tasks: dict[str, set[str]] = {}
        self.last_s = 0.0

    @property
    def tasks(self) -> int:
        return sum(map(len, self._tasks.values()))

    def take(self, node_id: str, message: ManagerMessage) -> None:
        match message.WhichOneof("message"):
            case "assignments":
                self._tasks[node_id] = set(_tasks(message.assignments.items))
            case "diff":
                held = self._tasks.setdefault(node_id, set())
                held.update(_tasks(message.diff.changed))
                held.difference_update(gone.id for gone in message.diff.removed)
            case _:
                return
        self.last_s = time.monotonic()


def _tasks(items: Iterable[Assignment]) -> Iterable[str]:
    return (item.task.id for item in items if item.HasField("task"))


async def one_agent(
    agents: Agents, number: int, cluster: str, api: str, token: str, gate: asyncio.Semaphore
) -> None:
    async with gate:
        key_pem, csr_pem = new_key_and_csr()
        answer = await join(cluster, token, csr_pem, int(time.time() * 1000))
        identity = NodeIdentity.read(answer.certificate_pem, key_pem, answer.ca_certificate_pem)
        channel = GrpcTransport(lambda: identity).channel(api)
        call = DispatcherStub(channel).Session()  # type: ignore[no-untyped-call]
        stream: Stream[AgentMessage, ManagerMessage] = Stream(call)
        await stream.send(AgentMessage(hello=_hello(number)))
        welcome = await stream.read()
        assert welcome is not None
    agents.sessions += 1
    async with asyncio.TaskGroup() as group:
        group.create_task(_beat(stream, welcome.welcome.heartbeat_s))
        while (message := await stream.read()) is not None:
            agents.take(identity.node_id, message)


def _hello(number: int) -> Hello:
    description = NodeDescription(
        hostname=f"agent{number}",
        platform=Platform(os="linux", architecture="amd64"),
        resources=Resources(nano_cpus=64 * 10**9, memory_bytes=256 << 30),
        engine="none",
    )
    return Hello(description=description, address="127.0.0.1")


async def _beat(stream: Stream[AgentMessage, ManagerMessage], every_s: float) -> None:
    while True:
        await stream.send(AgentMessage(heartbeat=Heartbeat(sent_at_ms=int(time.time() * 1000))))
        await asyncio.sleep(every_s)


async def main() -> None:
    cluster, api, token, count = sys.argv[1:]
    agents, gate = Agents(), asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for number in range(int(count)):
            group.create_task(one_agent(agents, number, cluster, api, token, gate))
        while agents.sessions < int(count):
            await asyncio.sleep(QUIET_S)
        sys.stdout.write("connected\n")
        told = 0.0
        while True:
            sys.stdout.flush()
            await asyncio.sleep(QUIET_S)
            if agents.last_s != told and time.monotonic() - agents.last_s > QUIET_S:
                told = agents.last_s
                sys.stdout.write(f"{agents.tasks} {told}\n")


if __name__ == "__main__":
    asyncio.run(main())
