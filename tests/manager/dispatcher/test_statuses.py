"""What agents report is stored many at a time, and nothing is believed that is not theirs."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.manager.dispatcher.session import Session
from swarmpy.manager.dispatcher.statuses import STATUSES_PER_TRANSACTION, Statuses
from swarmpy.pb.dispatcher_pb2 import TaskReport
from swarmpy.pb.objects_pb2 import TaskStatus
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_WORKER,
    TASK_STATE_ASSIGNED,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_ORPHANED,
    TASK_STATE_PENDING,
    TASK_STATE_PREPARING,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    TaskState,
)
from swarmpy.testing import builders
from tests.manager.fake_agent import Swarm
from tests.manager.one_manager import put
from tests.manager.stopped_clock import settle

BATCH_S = 0.06


async def have_task(
    swarm: Swarm, task_id: str, on: str, state: TaskState.ValueType = TASK_STATE_ASSIGNED
) -> None:
    await put(swarm.seat.store, tasks=[builders.task(task_id, on=on, state=state)])


def state_of(swarm: Swarm, task_id: str) -> TaskState.ValueType:
    return swarm.seat.store.view.tasks.get(task_id).status.state


async def test_reports_of_all_agents_within_50_ms_are_one_commit(swarm: Swarm) -> None:
    for number, node in enumerate(["w1", "w2"] * 5):
        await have_task(swarm, f"t{number}", node)
    one, other = await swarm.connect("w1"), await swarm.connect("w2")
    one.report("t0", TASK_STATE_STARTING, sequence=1)  # the first is stored at once
    await settle()
    before = swarm.seat.store.index
    for number in range(10):
        agent = one if number % 2 == 0 else other
        agent.report(f"t{number}", TASK_STATE_PREPARING, sequence=10 + number)
        agent.report(f"t{number}", TASK_STATE_RUNNING, sequence=20 + number)
    await swarm.clock.advance(BATCH_S)
    assert swarm.seat.store.index == before + 1
    assert {state_of(swarm, f"t{number}") for number in range(10)} == {TASK_STATE_RUNNING}
    assert one.last("acknowledged").sequence == 28
    assert other.last("acknowledged").sequence == 29


async def test_nothing_is_acknowledged_before_it_is_stored(swarm: Swarm) -> None:
    await have_task(swarm, "t1", "w1")
    agent = await swarm.connect("w1")
    stored_when_heard = []
    tell = swarm.seat.store.observers.append
    tell(lambda _: stored_when_heard.append("acknowledged" in agent.kinds()))
    agent.report("t1", TASK_STATE_RUNNING, sequence=1)
    await swarm.clock.advance(BATCH_S)
    assert stored_when_heard == [False]
    assert "acknowledged" in agent.kinds()


async def test_a_report_about_another_nodes_task_is_refused(swarm: Swarm) -> None:
    await have_task(swarm, "t1", "w2")
    thief, owner = await swarm.connect("w1"), await swarm.connect("w2")
    thief.report("t1", TASK_STATE_FAILED, sequence=1)
    owner.report("t1", TASK_STATE_STARTING, sequence=1)
    await swarm.clock.advance(BATCH_S)
    assert state_of(swarm, "t1") == TASK_STATE_STARTING


@pytest.mark.parametrize(
    ("stored", "reported", "after"),
    [
        pytest.param(TASK_STATE_RUNNING, TASK_STATE_STARTING, TASK_STATE_RUNNING, id="never back"),
        pytest.param(
            TASK_STATE_FAILED, TASK_STATE_SHUTDOWN, TASK_STATE_FAILED, id="ended is ended"
        ),
        pytest.param(TASK_STATE_ASSIGNED, TASK_STATE_NEW, TASK_STATE_ASSIGNED, id="managers' own"),
        pytest.param(TASK_STATE_ASSIGNED, TASK_STATE_PENDING, TASK_STATE_ASSIGNED, id="managers'"),
        pytest.param(TASK_STATE_RUNNING, TASK_STATE_REMOVE, TASK_STATE_RUNNING, id="only desired"),
        pytest.param(TASK_STATE_RUNNING, TASK_STATE_ORPHANED, TASK_STATE_RUNNING, id="not its own"),
        pytest.param(TASK_STATE_RUNNING, TASK_STATE_COMPLETE, TASK_STATE_COMPLETE, id="onward"),
    ],
)
async def test_states_only_grow(
    swarm: Swarm,
    stored: TaskState.ValueType,
    reported: TaskState.ValueType,
    after: TaskState.ValueType,
) -> None:
    await have_task(swarm, "t1", "w1", stored)
    agent = await swarm.connect("w1")
    agent.report("t1", reported, sequence=7)
    await swarm.clock.advance(BATCH_S)
    assert state_of(swarm, "t1") == after
    assert agent.last("acknowledged").sequence == 7, "so that it is not sent for ever"


async def test_a_report_about_a_forgotten_task_is_acknowledged(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    agent.report("gone", TASK_STATE_RUNNING, sequence=3)
    await swarm.clock.advance(BATCH_S)
    assert agent.last("acknowledged").sequence == 3


async def test_a_batch_that_lost_a_race_is_stored_with_the_next(swarm: Swarm) -> None:
    await have_task(swarm, "t1", "w1")
    agent = await swarm.connect("w1")
    store = swarm.seat.store
    async with asyncio.TaskGroup() as group:
        agent.report("t1", TASK_STATE_RUNNING, sequence=1)

        async def want_it_gone() -> None:
            async with store.update() as tx:
                with tx.tasks.edit("t1") as task:
                    task.desired_state = TASK_STATE_SHUTDOWN

        group.create_task(want_it_gone())
    await swarm.clock.advance(2 * BATCH_S)
    task = store.view.tasks.get("t1")
    assert (task.status.state, task.desired_state) == (TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN)
    assert agent.last("acknowledged").sequence == 1


async def test_one_transaction_is_bounded(swarm: Swarm) -> None:
    many = STATUSES_PER_TRANSACTION + 1
    await put(
        swarm.seat.store,
        tasks=[builders.task(f"t{n}", on="w1", state=TASK_STATE_ASSIGNED) for n in range(many)],
    )
    statuses, session = Statuses(swarm.seat), Session("w1", NODE_ROLE_WORKER)
    statuses.report(
        session,
        [
            TaskReport(task_id=f"t{n}", status=TaskStatus(state=TASK_STATE_RUNNING), sequence=n)
            for n in range(many)
        ],
    )
    before = swarm.seat.store.index
    swarm.run(statuses.run())
    await settle()
    assert swarm.seat.store.index == before + 2
    assert state_of(swarm, f"t{many - 1}") == TASK_STATE_RUNNING
