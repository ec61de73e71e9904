"""Objects through our control API, 100 a call, beside single puts to etcd's API."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time

from bench.raft.etcd import Etcd
from bench.raft.report import row
from bench.raft.slices import VALUE_BYTES
from swarmpy import Client
from swarmpy.pb.specs_pb2 import ConfigSpec, StackSpec

OBJECTS = 100
CALLERS = 4


async def bulk(client: Client, etcd: Etcd, rounds: int, seconds: float) -> None:
    numbers = itertools.count()
    await _deploy_on(client, numbers, seconds)
    await etcd.load(OBJECTS, seconds)
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        mine.append(await _deploy_on(client, numbers, seconds))
        theirs.append((await etcd.load(OBJECTS, seconds)).commits_per_s)
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    row(f"{OBJECTS} objects a call", _words(mine), _words(theirs), ratio, ">= 2x")


async def _deploy_on(client: Client, numbers: itertools.count[int], seconds: float) -> float:
    """Deploy new stacks of configs for a while; return the objects written in a second."""
    began = time.perf_counter()
    end = began + seconds
    deployed = 0

    async def one() -> None:
        nonlocal deployed
        while time.perf_counter() < end:
            await client.deploy(_stack(f"stack{next(numbers)}"))
            deployed += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(one())
    return deployed * OBJECTS / (time.perf_counter() - began)


def _stack(name: str) -> StackSpec:
    contents = name.encode().ljust(VALUE_BYTES, b".")
    return StackSpec(
        name=name,
        configs=[
            ConfigSpec(name=f"{name}-config{number}", data=contents) for number in range(OBJECTS)
        ],
    )


def _words(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} objects/s"
