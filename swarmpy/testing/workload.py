"""People, as a seed plays them: they create, scale, update and remove services, and remember.

What was acknowledged must be there in the end. What ended in doubt may be there or not; since
the network may still hold it back, nobody touches that service again until DOUBT_S later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from swarmpy.core.mode import size_of
from swarmpy.errors import (
    AlreadyExists,
    NotFound,
    OutcomeUnknown,
    SwarmPyError,
    TimedOut,
    Unavailable,
)
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    RemoveServiceRequest,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.specs_pb2 import CONTAINER_RESTART_ALWAYS, ServiceSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    FAILURE_ACTION_CONTINUE,
    ExecAction,
    PortConfig,
    Probe,
    RestartPolicy,
    UpdateConfig,
)
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.testing.builders import service_spec, stateful_spec, task_spec
from swarmpy.testing.one_at_a_time import DATA

if TYPE_CHECKING:
    from swarmpy.pb.control_pb2_grpc import ControlAsyncStub
    from swarmpy.testing.simulation import Swarm

SERVICES = ("svc-1", "svc-2", "svc-3", "svc-4", "db-1", "db-2")
"""No id looks like these, so a name never means another service by its id."""
PORT_OF = {"svc-1": 8001, "svc-2": 8002}
WITH_BUDGETS = ("svc-2", "svc-3")
STATEFUL = ("db-1", "db-2")
"""The first with a volume for each slot, the second in parallel and without."""
PODS = ("svc-2", "svc-4")
REPLICAS = 6
CPUS = 0.5
"""For each task: all services at their largest fit on the nodes with room to spare."""
CALL_S = 15.0
DOUBT_S = 30.0
"""Longer than the network holds a request back."""
PAUSE_S = (1.0, 6.0)
EVERY_NODE = -1

Shape: TypeAlias = tuple[int, str] | None
"""Replicas (EVERY_NODE for a global service) and image; None is no service at all."""


@dataclass(slots=True)
class Belief:
    """What people know of one service."""

    known: Shape = None
    doubts: list[Shape] = field(default_factory=list)
    """What it may be instead."""
    wait_until_s: float = 0.0

    def acknowledge(self, shape: Shape) -> None:
        self.known, self.doubts = shape, []

    def doubt(self, shape: Shape, now_s: float) -> None:
        self.doubts.append(shape)
        self.wait_until_s = now_s + DOUBT_S

    def allows(self, shape: Shape) -> bool:
        return shape == self.known or shape in self.doubts


class Workload:
    """Somebody who does one thing after the other, by any manager that is up."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._rng = swarm.world.rng("workload")
        self._images = 0
        self.beliefs = {name: Belief() for name in SERVICES}

    async def run(self, seconds: float) -> None:
        """Work for so long."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        while loop.time() < end_s:
            await asyncio.sleep(self._rng.uniform(*PAUSE_S))
            name = self._rng.choice(SERVICES)
            if self.beliefs[name].wait_until_s <= loop.time():
                await self._do_something(name, self.beliefs[name])

    async def _do_something(self, name: str, belief: Belief) -> None:
        known = belief.known
        if known is None:
            everywhere = name not in STATEFUL and self._rng.random() < 0.2
            replicas = EVERY_NODE if everywhere else self._replicas()
            shape = (replicas, self._new_image())
            create = CreateServiceRequest(spec=spec_of(name, shape))
            await self._try(belief, shape, lambda stub: stub.CreateService(create, timeout=CALL_S))
            return
        act = self._rng.choice(["scale", "scale", "update", "update", "remove"])
        if act == "remove":
            remove = RemoveServiceRequest(service=name)
            await self._try(belief, None, lambda stub: stub.RemoveService(remove, timeout=CALL_S))
        elif act == "update" or known[0] == EVERY_NODE or belief.doubts:
            shape = (known[0], self._new_image())
            update = UpdateServiceRequest(service=name, spec=spec_of(name, shape))
            await self._try(belief, shape, lambda stub: stub.UpdateService(update, timeout=CALL_S))
        else:
            shape = (self._replicas(), known[1])
            scale = ScaleServiceRequest(service=name, replicas=shape[0])
            await self._try(belief, shape, lambda stub: stub.ScaleService(scale, timeout=CALL_S))

    async def _try(self, belief: Belief, shape: Shape, call: Any) -> None:
        """Make one call and believe what its outcome says."""
        managers = [name for name in self._swarm.world.managers if self._swarm.hosts[name].is_up]
        if not managers:
            return
        stub: ControlAsyncStub = self._swarm.client(self._rng.choice(managers))
        self._swarm.story.tell("people_ask", shape=shape)
        outcome = await self._outcome(call(stub))
        self._swarm.story.tell("people_hear", shape=shape, error=outcome)
        self._learn(belief, shape, outcome)

    async def _outcome(self, call: Awaitable[Any]) -> SwarmPyError | None:
        try:
            with errors_from_the_wire():
                await call
        except SwarmPyError as error:
            return error
        return None

    def _learn(self, belief: Belief, shape: Shape, outcome: SwarmPyError | None) -> None:
        if outcome is None:
            belief.acknowledge(shape)
        elif in_doubt(outcome):
            belief.doubt(shape, asyncio.get_running_loop().time())
        elif isinstance(outcome, NotFound):
            if not belief.allows(None):
                self._swarm.story.blame(f"an acknowledged service is gone: {outcome}")
            belief.acknowledge(None)
        elif isinstance(outcome, AlreadyExists) and belief.doubts:
            belief.acknowledge(belief.doubts[-1])

    def _replicas(self) -> int:
        return self._rng.randint(1, REPLICAS)

    def _new_image(self) -> str:
        self._images += 1
        return f"demo:{self._images}"


def in_doubt(error: SwarmPyError) -> bool:
    """Say whether a write that failed so may have happened all the same."""
    return isinstance(error, OutcomeUnknown | TimedOut) or type(error) is Unavailable


def spec_of(name: str, shape: tuple[int, str]) -> ServiceSpec:
    replicas, image = shape
    task = task_spec(image, cpus=CPUS)
    task.restart.CopyFrom(RestartPolicy(delay_s=0.5, max_delay_s=4.0))
    if name in PODS:
        _make_pod(task)
    port = PORT_OF.get(name)
    if name in STATEFUL:
        return _stateful(name, replicas, task)
    spec = service_spec(
        name,
        replicas=None if replicas == EVERY_NODE else replicas,
        task=task,
        ports=[PortConfig(target=80, published=port)] if port else [],
    )
    # Machines die here: a rollout that paused for that would never end by itself.
    spec.update.CopyFrom(
        UpdateConfig(parallelism=2, monitor_s=1.0, failure_action=FAILURE_ACTION_CONTINUE)
    )
    if name in WITH_BUDGETS:
        spec.update.max_surge.count = 1
        spec.update.max_unavailable.ratio = 0.5
    return spec


def _make_pod(task: TaskSpec) -> None:
    """Give a task an init container and a neighbour; its own container is slow to be ready,
    crashes once and loses its life once.
    """
    image = task.containers[0].image
    task.container_restart = CONTAINER_RESTART_ALWAYS
    main = task.containers[0]
    main.name = "main"
    main.labels.update({
        "fake.ready_after_s": "0.7",
        "fake.exit_after_s": "25",
        "fake.exit_code": "3",
        "fake.bad_runs": "1",
        "fake.dead_after_s": "8",
    })  # fmt: skip
    main.readiness_probe.CopyFrom(Probe(exec=ExecAction(command=["ready"]), period_s=0.5))
    main.liveness_probe.CopyFrom(Probe(exec=ExecAction(command=["alive"]), period_s=5))
    task.containers.add(name="beside", image=image)
    task.init_containers.add(name="before", image=image, labels={"fake.exit_after_s": "0.5"})


def _stateful(name: str, replicas: int, task: TaskSpec) -> ServiceSpec:
    spec = stateful_spec(name, replicas=replicas, task=task, parallel=name == "db-2")
    spec.update.CopyFrom(
        UpdateConfig(parallelism=1, monitor_s=0.5, failure_action=FAILURE_ACTION_CONTINUE)
    )
    if name == "db-1":
        spec.task.containers[0].mounts.add(source=DATA, target="/data")
    return spec


def shape_of(service: Service | None) -> Shape:
    """Return what people would call the shape of a stored service."""
    if service is None or service.removing:
        return None
    image = service.spec.task.containers[0].image
    size = size_of(service)
    return EVERY_NODE if size is None else size, image
