"""A leader asks the nodes what autoscaled tasks use, and gives their services another size."""

from __future__ import annotations

from swarmpy.manager.autoscaler import PATIENCE_S
from swarmpy.pb.dispatcher_pb2 import TaskUsage, UsageReport
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, AutoscaleConfig
from swarmpy.testing import builders
from tests.manager.fake_agent import FakeAgent, Swarm
from tests.manager.one_manager import put
from tests.manager.stopped_clock import settle

EVERY_S = 15


async def with_web(swarm: Swarm, *, replicas: int = 2) -> None:
    """Store a service that aims at half a core of one each, and its tasks, on w1."""
    spec = builders.service_spec("web", replicas=replicas, task=builders.task_spec(cpus=1.0))
    spec.autoscale.CopyFrom(AutoscaleConfig(min_replicas=1, max_replicas=9, cpu_ratio=0.5))
    row = builders.service("s1", spec)
    tasks = [
        builders.task(
            f"t{n}", of=row, slot=n, on="w1", state=TASK_STATE_RUNNING, desired=TASK_STATE_RUNNING
        )
        for n in range(1, replicas + 1)
    ]
    await put(swarm.seat.store, services=[row], tasks=tasks)


async def look(swarm: Swarm, agent: FakeAgent, *, cpu_seconds: float) -> None:
    """Let the leader look once more; the agent says how much each task has used so far."""
    await swarm.clock.advance(EVERY_S)
    await settle()
    asked = agent.last("usage")
    usages = [
        TaskUsage(task_id=task_id, cpu_seconds=cpu_seconds, at_ms=swarm.seat.now_ms)
        for task_id in asked.task_ids
    ]
    agent.say(usage=UsageReport(request_id=asked.id, usages=usages))
    await settle()


def size(swarm: Swarm) -> int:
    return swarm.seat.store.view.services.get("s1").spec.replicated.replicas


async def test_the_size_follows_what_was_used_between_two_looks(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await with_web(swarm)
    await look(swarm, agent, cpu_seconds=100.0)
    assert sorted(agent.last("usage").task_ids) == ["t1", "t2"]
    assert size(swarm) == 2, "of a first sample nothing is known"
    await look(swarm, agent, cpu_seconds=100.0 + EVERY_S)
    assert size(swarm) == 4
    (event,) = [one for one in swarm.seat.store.view.events if one.reason == "Scaled"]
    assert event.message == (
        "from 2 to 4 replicas: its tasks use 100% of their cpu, the aim is 50%"
    )


async def test_a_node_that_says_nothing_changes_nothing(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await with_web(swarm)
    for _ in range(3):
        await swarm.clock.advance(EVERY_S + PATIENCE_S)
    assert agent.kinds().count("usage") >= 2
    assert size(swarm) == 2


async def test_a_calm_takes_replicas_away_only_when_it_lasts(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await with_web(swarm, replicas=4)
    for _ in range(20):
        await look(swarm, agent, cpu_seconds=0.0)
    assert size(swarm) == 4
    for _ in range(3):
        await look(swarm, agent, cpu_seconds=0.0)
    assert size(swarm) == 1


async def test_without_autoscaled_services_nobody_is_asked(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await swarm.clock.advance(EVERY_S + 1)
    assert "usage" not in agent.kinds()
