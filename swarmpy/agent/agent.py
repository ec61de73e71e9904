"""The part on every node that runs its tasks, for whichever manager leads.

Whether a manager answers or not, tasks go on and routes stay. Stopping the agent stops no task.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from swarmpy.agent.dependencies import HeldDependencies
from swarmpy.agent.description import Description
from swarmpy.agent.live_files import LiveFiles
from swarmpy.agent.local_tasks import LocalTasks
from swarmpy.agent.neighbourhood import Neighbourhood
from swarmpy.agent.pull_reports import PullReports
from swarmpy.agent.reporter import Reporter
from swarmpy.agent.routes import Routes
from swarmpy.agent.session import Parts, Session
from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.agent.task_runner import Bench
from swarmpy.agent.volumes import Volumes
from swarmpy.agent.worker import Worker
from swarmpy.errors import NotLeader, SwarmPyError
from swarmpy.pb.dispatcher_pb2 import GossipAccess, Hello
from swarmpy.pb.dispatcher_pb2_grpc import DispatcherStub
from swarmpy.pb.objects_pb2 import ManagerStatus
from swarmpy.pb.types_pb2 import NodeRole
from swarmpy.seams import Clock, DataPlane, Disk, Neighbours, Runtime, Transport
from swarmpy.security.sealed import Seal
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

RECONNECT_MIN_S = 0.1
RECONNECT_MAX_S = 3.0


@dataclass(kw_only=True, slots=True)
class Agent:
    """Everything it needs is given to it; `run` lasts until cancelled."""

    node_id: str
    runtime: Runtime
    """Closed by whoever made it."""
    data_plane: DataPlane
    """Started and closed by `run`."""
    neighbours: Neighbours
    transport: Transport
    disk: Disk
    directory: Path
    """For the tasks' files; made when it is not there."""
    seal: Seal
    """What they are sealed with."""
    clock: Clock
    rng: random.Random
    address: str
    """Host that other nodes reach this one by."""
    hostname: str = ""
    """Empty: what the engine says."""
    generic_resources: Mapping[str, int] = field(default_factory=dict)
    """What the node has that no engine counts: {"gpu": 2}."""
    managers: Callable[[], Sequence[str]]
    """API addresses to try, the likeliest leader's first; asked before every attempt."""
    manager_status: Callable[[], ManagerStatus | None]
    """Set when this node is a manager itself."""
    on_managers: Callable[[Sequence[str]], Awaitable[None]]
    on_role: Callable[[NodeRole.ValueType], Awaitable[None]]
    gossip_address: str = ""
    """host:port; empty: this node takes no part in gossip."""
    on_gossip: Callable[[GossipAccess], None] = lambda _access: None
    """Told the keys, and whom to join by."""

    async def run(self) -> None:
        """Run tasks, keep routes, and keep a session with whoever leads."""
        reporter, time, needs = Reporter(), SwarmTime(self.clock), HeldDependencies()
        bench = Bench(
            runtime=self.runtime,
            local=LocalTasks(self.disk, self.directory / "tasks", self.seal),
            reporter=reporter,
            needs=needs,
            clock=self.clock,
            time=time,
            host=self.address,
        )
        routes = Routes(self.data_plane)
        volumes = Volumes(bench.needs, self.runtime, self.clock)
        worker = Worker(bench, routes, volumes)
        parts = Parts(
            worker=worker,
            reporter=reporter,
            routes=routes,
            volumes=volumes,
            description=Description(
                self.runtime, self.clock, self.hostname, self.generic_resources
            ),
            runtime=self.runtime,
            neighbours=self.neighbours,
            clock=self.clock,
            time=time,
            on_managers=self.on_managers,
            on_role=self.on_role,
            on_gossip=self.on_gossip,
        )
        live_files, pull_reports = LiveFiles(bench, worker), PullReports(bench, worker)
        await self.data_plane.start()
        try:
            async with TaskGroup() as group:
                group.create_task(worker.run(), name="worker")
                group.create_task(live_files.run(), name="live files")
                group.create_task(pull_reports.run(), name="pull reports")
                group.create_task(routes.run(), name="routes")
                group.create_task(volumes.run(), name="volumes")
                neighbourhood = Neighbourhood(self.neighbours, worker, routes)
                group.create_task(neighbourhood.run(), name="neighbourhood")
                group.create_task(self._keep_session(parts, needs), name="session")
        finally:
            await self.data_plane.close()

    async def _keep_session(self, parts: Parts, needs: HeldDependencies) -> None:
        """Speak with one manager after the other, the leader whenever one says who that is."""
        leader, turn, failures = "", 0, 0
        while True:
            needs.node = await parts.description.first()
            hello = Hello(
                description=needs.node,
                address=self.address,
                manager=self.manager_status(),
                gossip_address=self.gossip_address,
            )
            address, leader = leader, ""
            if not address and (addresses := self.managers()):
                address, turn = addresses[turn % len(addresses)], turn + 1
            was_welcome = False
            if address:
                leader, was_welcome = await self._speak(address, hello, parts)
            failures = 0 if was_welcome else failures + 1
            # The first redirection is followed at once; managers may also point in circles.
            await self.clock.sleep(self._pause_s(failures - 1 if leader else failures))

    def _pause_s(self, failures: int) -> float:
        """Return a random time, so that a new leader is not met by all agents at once."""
        longest_s = min(RECONNECT_MAX_S, RECONNECT_MIN_S * 2.0 ** min(max(failures, 0) + 1, 10))
        return self.rng.uniform(RECONNECT_MIN_S, longest_s)

    async def _speak(self, address: str, hello: Hello, parts: Parts) -> tuple[str, bool]:
        """Hold one session. Return the leader's address if it is another manager, and whether
        this one took the node in.
        """
        channel = self.transport.channel(address)
        session = Session(DispatcherStub(channel), parts)
        try:
            await session.run(hello)
        except NotLeader as error:
            return error.leader, session.was_welcome
        except SwarmPyError as error:
            log.info("session_ended", manager=address, why=error.message)
            return "", session.was_welcome
        finally:
            await channel.close(None)
        raise AssertionError("a session ends with an error")
