"""A task is placed where its volumes are, and says what it waits for there."""

from __future__ import annotations

import pytest

from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_PINNED, VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.pb.types_pb2 import AVAILABILITY_DRAIN, NODE_STATE_DOWN, NODE_STATE_READY
from swarmpy.testing import builders
from tests.manager.hand_clock import settle
from tests.manager.loops.test_placement import Manager, manager
from tests.manager.one_manager import put

__all__ = ["manager"]

DATA = Volume(id="v-data", spec=VolumeSpec(name="data", scope=VOLUME_SCOPE_SLOT))


def of_slot(on: str) -> Volume:
    row = Volume(id="v0", service_id="s1", slot=1, node_ids=[on], spec=DATA.spec)
    row.spec.name = "data-db-0"
    return row


def db_task(task_id: str = "t1") -> Task:
    spec = builders.stateful_spec("db")
    spec.task.containers[0].mounts.add(source="data", target="/data")
    row = builders.task(task_id, of=builders.service("s1", spec))
    row.name = "db-0"
    return row


async def test_the_first_task_decides_where_its_volume_is(manager: Manager) -> None:
    await put(manager.store, nodes=[builders.node("a")], volumes=[DATA], tasks=[db_task()])
    await settle()
    [own] = [row for row in manager.store.view.volumes if row.service_id]
    assert (own.spec.name, list(own.node_ids)) == ("data-db-0", ["a"])
    assert dict(manager.task("t1").volumes) == {"data": own.id}


async def test_a_later_task_goes_there_however_empty_other_nodes_are(manager: Manager) -> None:
    nodes = [builders.node(name) for name in ("a", "b", "c")]
    await put(manager.store, nodes=nodes, volumes=[DATA, of_slot("b")], tasks=[db_task()])
    await settle()
    assert manager.task("t1").node_id == "b"


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("down", "volume data-db-0 is on node b, which is down; bring it back, or "
         "`swarmpy volume rm --force data-db-0` to begin with new data"),
        ("drained", "volume data-db-0 is on node b, which is drained; "
         "`swarmpy node update --availability active b`, or "
         "`swarmpy volume rm --force data-db-0` to begin with new data"),
        ("gone", "volume data-db-0 is on node b, which is not in the swarm any more; "
         "`swarmpy volume rm --force data-db-0` to begin with new data"),
    ],
)  # fmt: skip
async def test_a_task_that_waits_for_its_volume_s_node_says_what_would_help(
    manager: Manager, where: str, reason: str
) -> None:
    b = builders.node("b", state=NODE_STATE_DOWN if where == "down" else NODE_STATE_READY)
    if where == "drained":
        b.spec.availability = AVAILABILITY_DRAIN
    nodes = [builders.node("a"), *([b] if where != "gone" else [])]
    await put(manager.store, nodes=nodes, volumes=[DATA, of_slot("b")], tasks=[db_task()])
    await settle()
    assert manager.task("t1").pending_reason == reason


async def test_of_tasks_with_a_pinned_volume_one_is_placed_first(manager: Manager) -> None:
    pinned = Volume(id="v-data", spec=VolumeSpec(name="data", scope=VOLUME_SCOPE_PINNED))
    tasks = [db_task(f"t{n}") for n in range(4)]
    for slot, task in enumerate(tasks, start=1):
        task.slot, task.name = slot, ""
    await put(manager.store, volumes=[pinned], tasks=tasks)
    await settle()
    waiting = [task.pending_reason for task in manager.store.view.tasks]
    assert sum("will be where db.1 is placed first" in reason for reason in waiting) == 3
    await put(manager.store, nodes=[builders.node(name) for name in ("a", "b", "c")])
    await settle()
    [home] = manager.store.view.volumes.get("v-data").node_ids
    assert manager.nodes_of_tasks() == {home: 4}
