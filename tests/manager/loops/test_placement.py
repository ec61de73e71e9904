"""The allocator and the scheduler over a real store whose log is a list."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from swarmpy.ids import IdSource
from swarmpy.manager.loops.placement import PLACEMENT_LOOPS
from swarmpy.pb.objects_pb2 import Cluster, Service, Task
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_PAUSE,
    TASK_STATE_ASSIGNED,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_SHUTDOWN,
)
from swarmpy.store.editor import Editor
from swarmpy.store.store import Store
from tests.core.placement_rows import mesh, network, node, service, task
from tests.manager.hand_clock import HandClock, settle


class Manager:
    """A store, and how often it was written to."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.ids = IdSource(random.Random(1))
        self.store = Store(self.clock, self.ids, guarded=True)
        self.store.connect(self._propose)
        self.commits = 0
        self.loops = [loop(self.store, self.clock, self.ids) for loop in PLACEMENT_LOOPS]

    async def _propose(self, entry: bytes) -> int:
        await asyncio.sleep(0)
        self.commits += 1
        self.store.apply(self.commits, entry)
        return self.commits

    def task(self, task_id: str) -> Task:
        return self.store.view.tasks.get(task_id)

    def nodes_of_tasks(self) -> Counter[str]:
        return Counter(
            row.node_id for row in self.store.view.tasks if row.status.state == TASK_STATE_ASSIGNED
        )

    async def end(self, task_id: str) -> None:
        async with self.store.update() as tx:
            with tx.tasks.edit(task_id) as row:
                row.status.state = TASK_STATE_SHUTDOWN
        await settle()


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    it = Manager()
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(loop.run()) for loop in it.loops]
        yield it
        for one in running:
            one.cancel()


def create(tx: Editor, *rows: Service | Task) -> None:
    for row in rows:
        if isinstance(row, Task):
            tx.tasks.create(row)
        else:
            tx.services.create(row)


def new(task_id: str, *, cpus: float = 0, on: str = "", network_name: str = "") -> Task:
    row = task(task_id, state=TASK_STATE_NEW, cpus=cpus, on=on)
    if network_name:
        row.spec.networks.add(network=network_name)
    return row


async def test_fifty_tasks_are_allocated_and_placed_in_a_few_transactions(
    manager: Manager,
) -> None:
    async with manager.store.update() as tx:
        for i in range(5):
            tx.nodes.create(node(f"n{i}"))
        tx.networks.create(network("back"))
        create(
            tx, service("web", mesh(80)), *(new(f"t{i}", network_name="back") for i in range(50))
        )
    await settle()
    assert manager.nodes_of_tasks() == {f"n{i}": 10 for i in range(5)}
    assert manager.store.view.services.get("web").ports_allocated
    assert len({row.addresses[0].address for row in manager.store.view.tasks}) == 50
    assert manager.commits <= 4


async def test_more_tasks_than_fit_into_one_entry_are_placed_in_turn(manager: Manager) -> None:
    async with manager.store.update() as tx:
        tx.nodes.create(node("a"))
        create(tx, service("web"), *(new(f"t{i}") for i in range(1200)))
    for _ in range(5):
        await manager.clock.advance(0.001)
    assert manager.nodes_of_tasks() == {"a": 1200}


async def test_a_waiting_task_is_placed_when_another_leaves_room(manager: Manager) -> None:
    async with manager.store.update() as tx:
        tx.nodes.create(node("a", cpus=1))
        create(tx, service("web"), new("t1", cpus=1), new("t2", cpus=1))
    await settle()
    assert manager.task("t1").node_id == "a"
    assert manager.task("t2").status.state == TASK_STATE_PENDING
    assert manager.task("t2").pending_reason == (
        "no node takes it; needs 1.0 cpus (missing on 1 of 1)"
    )
    await manager.end("t1")
    assert manager.task("t2").node_id == "a"
    assert manager.task("t2").pending_reason == ""


async def test_a_node_that_comes_or_is_activated_gets_what_waits(manager: Manager) -> None:
    async with manager.store.update() as tx:
        create(tx, service("web"), new("t1"), new("t2", on="b"))
    await settle()
    assert manager.task("t1").pending_reason == "the swarm has no nodes"
    async with manager.store.update() as tx:
        tx.nodes.create(node("b", availability=AVAILABILITY_PAUSE))
    await settle()
    assert not manager.nodes_of_tasks()
    async with manager.store.update() as tx:
        with tx.nodes.edit("b") as row:
            row.spec.availability = AVAILABILITY_ACTIVE
    await settle()
    assert manager.nodes_of_tasks() == {"b": 2}


async def test_an_exhausted_network_is_told_of_once_and_ends_when_an_address_is_free(
    manager: Manager,
) -> None:
    async with manager.store.update() as tx:
        tx.nodes.create(node("a"))
        tx.networks.create(network("back", asks="10.5.0.0/26"))
        create(tx, service("web"), *(new(f"t{i}", network_name="back") for i in range(33)))
    await settle()
    waiting = [row.id for row in manager.store.view.tasks if row.status.state == TASK_STATE_NEW]
    assert waiting == ["t31", "t32"]
    assert "all 31 that tasks can have" in manager.task("t31").pending_reason
    await manager.end("t0")
    assert manager.task("t31").addresses[0].address == "10.5.0.1/26"
    assert manager.task("t32").status.state == TASK_STATE_NEW
    assert [event.reason for event in manager.store.view.events] == ["NoAddress"]


async def test_a_port_is_handed_on_when_its_service_is_gone(manager: Manager) -> None:
    async with manager.store.update() as tx:
        create(tx, service("old", mesh(80)), service("new", mesh(80)))
    await settle()
    assert manager.store.view.services.get("new").allocation_error == (
        "port 80/tcp is published by service old"
    )
    async with manager.store.update() as tx:
        tx.services.delete("old")
    await settle()
    assert manager.store.view.services.get("new").ports_allocated
    assert manager.store.view.services.get("new").allocation_error == ""


async def test_subnets_are_cut_from_the_clusters_own_pools(manager: Manager) -> None:
    async with manager.store.update() as tx:
        cluster = Cluster(id="c")
        cluster.spec.address_pools.append("192.168.0.0/16")
        tx.clusters.create(cluster)
        tx.networks.create(network("back"))
    await settle()
    assert manager.store.view.networks.get("id-back").subnet == "192.168.0.0/24"


async def test_nothing_is_written_once_everything_is_in_place(manager: Manager) -> None:
    async with manager.store.update() as tx:
        tx.nodes.create(node("a", cpus=1))
        tx.networks.create(network("back"))
        create(tx, service("web", mesh()), new("t1", cpus=1), new("t2", cpus=1))
    await settle()
    written = manager.commits
    async with manager.store.update() as tx:
        with tx.nodes.edit("a") as row:
            row.spec.labels["a"] = "b"
    await settle()
    assert manager.commits == written + 1, "only the test's own"
