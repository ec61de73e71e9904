"""The gossip process as its daemon meets it: small, obedient, mortal."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from swarmpy.core.gossip_keys import due_at_ms, next_ring
from swarmpy.daemon.clock import SystemClock
from swarmpy.errors import InvalidInput, Unavailable
from swarmpy.gossip.child import child
from swarmpy.gossip.epoch import EpochFile
from swarmpy.gossip.neighbours import Place, ProcessNeighbours
from swarmpy.pb.gossip_local_pb2 import GossipOrder, GossipStart
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_ALIVE, GossipMember
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER, GossipKey, GossipKeyRing
from swarmpy.raft.disk import LocalDisk
from swarmpy.seams import GossipPicture
from swarmpy.testing.conformance.neighbours import endpoint
from tests.conformance.identities import CLUSTER_ID, SwarmIdentities
from tests.gossip.ports import free_address

RING = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(range(32)))], primary_id=1)
SOON_S = 20.0


class Nodes:
    """Some nodes' ends of gossip, all of one swarm."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._identities = SwarmIdentities()
        self.addresses: list[str] = []

    def node(self, node_id: str) -> ProcessNeighbours:
        identity = self._identities.of(node_id, NODE_ROLE_WORKER)
        clock, address = SystemClock(), free_address()
        neighbours = ProcessNeighbours(
            Place(node_id, CLUSTER_ID, address),
            lambda: identity,
            EpochFile(LocalDisk(), self._directory / node_id, clock),
            clock,
            random.Random(1),
        )
        neighbours.set_keys(RING)
        neighbours.join(self.addresses)
        self.addresses.append(address)
        return neighbours


@asynccontextmanager
async def running(*nodes: ProcessNeighbours) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.run()) for node in nodes]
        yield
        for task in tasks:
            task.cancel()


async def sees(node: ProcessNeighbours, condition: Callable[[GossipPicture], bool]) -> None:
    async with asyncio.timeout(SOON_S), aclosing(node.watch()) as pictures:
        async for picture in pictures:
            if condition(picture):
                return


def children() -> list[int]:
    """Return the process ids of this process's gossip processes."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "swarmpy.gossip"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(line) for line in found.stdout.split()]


def test_it_loads_neither_grpc_nor_the_store_nor_an_engine() -> None:
    code = "import sys, swarmpy.gossip.process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = ("grpc", "docker", "structlog", "swarmpy.store", "swarmpy.seams", "cryptography.x509")
    assert [name for name in heavy if name in loaded] == []


async def test_a_process_that_is_killed_is_replaced_and_told_everything(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    a, b = nodes.node("a"), nodes.node("b")
    async with running(a):
        a.put_all([endpoint("t1")])
        a.describe(api_address="10.0.0.1:2378", term=3, leader_id="a")
        await sees(a, lambda seen: len(seen.endpoints) == 1)
        (first,) = children()
        async with running(b):
            await sees(b, lambda seen: len(seen.endpoints) == 1)
            before = b.picture.members["a"].member.epoch
            os.kill(first, signal.SIGKILL)
            await sees(
                b,
                lambda seen: (
                    seen.members["a"].member.epoch > before
                    and seen.members["a"].member.term == 3
                    and seen.members["a"].state == GOSSIP_STATE_ALIVE
                    and len(seen.endpoints) == 1
                ),
            )
            assert first not in children()


async def test_the_last_picture_is_shown_until_the_new_process_knows_as_much(
    tmp_path: Path,
) -> None:
    nodes = Nodes(tmp_path)
    a, b = nodes.node("a"), nodes.node("b")
    async with running(a):
        (first,) = await one_child()
        async with running(b):
            b.put_all([endpoint("t1")])
            await sees(a, lambda seen: len(seen.endpoints) == 1)
            os.kill(first, signal.SIGKILL)
            async with asyncio.timeout(SOON_S):
                while len(children()) < 2 or first in children():
                    assert len(a.picture.endpoints) == 1
                    await asyncio.sleep(0.01)
            assert len(a.picture.endpoints) == 1


async def one_child() -> list[int]:
    async with asyncio.timeout(SOON_S):
        while not (found := children()):
            await asyncio.sleep(0.01)
    return found


async def test_no_packet_is_refused_while_keys_are_rotated_under_way(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    a, b = nodes.node("a"), nodes.node("b")
    ring = RING
    async with running(a, b):
        await sees(b, lambda seen: "a" in seen.members)
        for number in range(6):
            after = next_ring(ring, bytes([number]) * 32, due_at_ms(ring))
            assert after is not None
            ring = after
            a.set_keys(ring)
            a.put_all([endpoint(f"t{number}")])
            await sees(b, partial(is_told, f"t{number}"))
            b.set_keys(ring)
        for node in (a, b):
            assert node.picture.dropped["foreign"] == 0
            assert node.picture.dropped["forged"] == 0


def is_told(task_id: str, seen: GossipPicture) -> bool:
    return [one.task_id for one in seen.endpoints] == [task_id]


async def test_nobody_can_be_probed_before_there_is_a_process(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await Nodes(tmp_path).node("a").probe("b")


async def test_an_address_that_is_taken_is_told_and_tried_again(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    a = nodes.node("a")
    order = GossipStart(
        me=GossipMember(node_id="x", address=nodes.addresses[0], epoch=1),
        listen_address=nodes.addresses[0],
        cluster_id=CLUSTER_ID,
        keys=RING,
    )
    async with child() as other:
        other.send(GossipOrder(start=order))
        assert (await other.read()).HasField("started")
        async with child() as late:
            late.send(GossipOrder(start=order))
            assert "cannot listen" in (await late.read()).refusal.message
    async with running(a):
        await sees(a, lambda seen: "a" in seen.members)


async def test_it_ends_when_its_daemon_does() -> None:
    async with child():
        await one_child()
    assert children() == []


async def test_whoever_is_cancelled_while_it_ends_leaves_no_process_behind() -> None:
    async def live() -> None:
        async with child():
            (pid,) = await one_child()
            os.kill(pid, signal.SIGSTOP)  # it will not end by itself
            living.set()

    living = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(live())
        await living.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
    assert children() == []


async def test_another_pace_starts_the_process_anew_and_loses_nothing(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    a, b = nodes.node("a"), nodes.node("b")
    b.put_all([endpoint("t1")])
    async with running(a, b):
        await sees(a, lambda picture: len(picture.endpoints) == 1)
        epoch = a.picture.members["b"].member.epoch
        for name in ("default", "lan"):
            b.set_profile(name)
        await sees(a, lambda picture: picture.members["b"].member.epoch > epoch)
        await sees(a, lambda picture: len(picture.endpoints) == 1)
        assert a.picture.members["b"].state == GOSSIP_STATE_ALIVE
        with pytest.raises(InvalidInput, match="expected one of default, lan, wan"):
            b.set_profile("fast")
