"""What it costs to find a node for a task, with every kind of filter on.

    python bench/scheduler.py [--nodes 1000] [--tasks 100000]

The first row is the decision alone (core/schedule), the second the leader's loop: decisions of
some hundreds of tasks each, written as transactions and applied. Raft and agents are not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import time
from collections.abc import Iterator
from itertools import islice

from swarmpy.core.actions import ACTIONS_AT_ONCE
from swarmpy.core.schedule.node_tally import tally
from swarmpy.core.schedule.place import place
from swarmpy.daemon.clock import SystemClock
from swarmpy.ids import IdSource
from swarmpy.manager.loops.scheduler import Scheduler
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_ASSIGNED, TASK_STATE_PENDING, Platform
from swarmpy.store.store import Store
from swarmpy.testing import builders

SERVICES = 100
GOAL_US = 25.0
"""SwarmKit needs 95 to 111 us for each task on such a machine."""


def nodes(count: int) -> list[Node]:
    labels = ({"disk": "ssd" if n % 4 else "hdd", "zone": f"z{n % 3}"} for n in range(count))
    return [
        builders.node(f"n{n:06d}", cpus=64, memory_bytes=512 * builders.GIBIBYTE, labels=one)
        for n, one in enumerate(labels)
    ]


def service(number: int, replicas: int) -> Service:
    task = builders.task_spec(
        cpus=0.1, memory_bytes=64 << 20, constraints=["node.labels.disk==ssd"]
    )
    task.placement.spread.append("node.labels.zone")
    task.placement.max_replicas_per_node = 1000
    task.placement.platforms.append(Platform(os="linux", architecture="amd64"))
    spec = builders.service_spec(f"service{number}", replicas=replicas, task=task)
    return builders.service(f"s{number}", spec)


def pending(count: int) -> Iterator[Task]:
    """Yield tasks of many services that wait for a node."""
    each = max(1, count // SERVICES)
    for number in range(count // each):
        owner = service(number, each)
        for slot in range(1, each + 1):
            yield builders.task(f"t{number}.{slot}", of=owner, slot=slot, state=TASK_STATE_PENDING)


def decision_us(node_count: int, task_count: int) -> float:
    tasks = list(pending(task_count))
    tallies = tally(nodes(node_count), (), 0)
    started_s = time.process_time()
    placed = sum(1 for _ in place(tasks, tallies))
    assert placed == len(tasks)
    return (time.process_time() - started_s) / placed * 1e6


def batched(tasks: Iterator[Task], size: int) -> Iterator[list[Task]]:
    while batch := list(islice(tasks, size)):
        yield batch


async def loop_us(node_count: int, task_count: int) -> float:
    store = Store(SystemClock(), IdSource(random.Random(1)))
    index = 0

    async def propose(entry: bytes) -> int:
        nonlocal index
        index += 1
        store.apply(index, entry)
        return index

    store.connect(propose)
    for node in nodes(node_count):
        store.view.nodes.put(node.id, node)
    for batch in batched(pending(task_count), ACTIONS_AT_ONCE):
        async with store.update() as tx:
            for task in batch:
                tx.tasks.create(task)
    loop = Scheduler(store, SystemClock(), IdSource(random.Random(2)))
    started_s = time.process_time()
    running = asyncio.create_task(loop.run())
    while any(task.status.state != TASK_STATE_ASSIGNED for task in store.view.tasks):
        await asyncio.sleep(1)
    spent_s = time.process_time() - started_s
    running.cancel()
    return spent_s / task_count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=100_000)
    wanted = parser.parse_args()
    in_loop = asyncio.run(loop_us(wanted.nodes, wanted.tasks))
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    alone = decision_us(wanted.nodes, wanted.tasks)
    print(f"{wanted.nodes} nodes, {wanted.tasks} tasks; goal {GOAL_US:g} us of CPU a task")
    print(f"  the decision alone   {alone:6.1f} us a task")
    print(f"  the leader's loop    {in_loop:6.1f} us a task, transactions and all")
    print(f"  the loop's memory    {peak_bytes / 1e9:6.2f} GB at its peak, all rows included")


if __name__ == "__main__":
    main()
