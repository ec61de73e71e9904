"""From a deployed stack to running tasks and back: every loop, real sessions, no network."""

from __future__ import annotations

import asyncio

from swarmpy.manager.api.services import Services
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.lead import LOOPS, Lead
from swarmpy.pb.control_pb2 import DeployStackRequest, RemoveStackRequest, ScaleServiceRequest
from swarmpy.pb.dispatcher_pb2 import ManagerMessage
from swarmpy.pb.specs_pb2 import StackSpec
from swarmpy.pb.types_pb2 import (
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortConfig,
    TaskState,
)
from swarmpy.testing import builders
from tests.manager.fake_agent import FakeAgent, Swarm
from tests.manager.one_manager import leading_seat, put
from tests.manager.stopped_clock import settle

STACK = StackSpec(
    name="shop",
    services=[
        builders.service_spec("shop_web", replicas=4, ports=[PortConfig(target=80, published=8080)])
    ],
)


class Obedient:
    """Says of every task that it is what managers want it to be."""

    def __init__(self, agent: FakeAgent) -> None:
        self._agent = agent
        self._read = 0
        self._sequence = 0
        self.routes: set[str] = set()

    def obey(self) -> None:
        for message in self._agent.heard[self._read :]:
            self._take(message)
        self._read = len(self._agent.heard)

    def _take(self, message: ManagerMessage) -> None:
        for item in (*message.assignments.items, *message.diff.changed):
            if item.HasField("task"):
                stops = item.task.desired_state > TASK_STATE_RUNNING
                self._report(item.task.id, TASK_STATE_SHUTDOWN if stops else TASK_STATE_RUNNING)
            if item.HasField("load_balancer"):
                self.routes.add(item.load_balancer.id)

    def _report(self, task_id: str, state: TaskState.ValueType) -> None:
        self._sequence += 1
        self._agent.report(task_id, state, self._sequence)


async def until_quiet(swarm: Swarm, agents: list[Obedient]) -> None:
    for _ in range(20):
        await swarm.clock.advance(0.1)
        await asyncio.sleep(0.002)  # the loops' alarms keep the event loop's time
        for agent in agents:
            agent.obey()
        await settle()


async def test_a_stack_runs_is_scaled_and_goes_without_a_trace() -> None:
    seat = await leading_seat()
    nodes = ["w1", "w2"]
    await put(seat.store, nodes=[builders.node(node) for node in nodes])
    swarm = Swarm(seat, Lead(seat, LOOPS))
    view = seat.store.view
    try:
        agents = [Obedient(await swarm.connect(node, cpus=4)) for node in nodes]
        await Stacks(seat).deploy_stack(DeployStackRequest(spec=STACK))
        await until_quiet(swarm, agents)
        running = [task for task in view.tasks if task.status.state == TASK_STATE_RUNNING]
        assert sorted(task.node_id for task in running) == ["w1", "w1", "w2", "w2"]
        (service,) = view.services
        assert all(agent.routes == {service.id} for agent in agents)

        await Services(seat).scale_service(ScaleServiceRequest(service="shop_web", replicas=1))
        await until_quiet(swarm, agents)
        live = [task for task in view.tasks if task.status.state == TASK_STATE_RUNNING]
        assert len(live) == 1

        await Stacks(seat).remove_stack(RemoveStackRequest(stack="shop"))
        await until_quiet(swarm, agents)
        assert (len(view.tasks), len(view.services), len(view.stacks)) == (0, 0, 0)
    finally:
        await swarm.close()
