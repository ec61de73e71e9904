import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from swarmpy.errors import TimedOut, Unavailable
from swarmpy.pb.control_pb2 import GetNodeRequest, WatchRequest
from swarmpy.pb.control_pb2_grpc import ControlStub
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.rpc.peer import Peer
from swarmpy.testing.conformance.echo_servicer import Servicer
from swarmpy.testing.conformance.transport import Ends, raised_by, serving
from swarmpy.testing.memory_network import DETECTION_S, MemoryNetwork
from swarmpy.testing.memory_transport import GRPC_CONNECT_S, MemoryTransport
from swarmpy.testing.rpc_frames import WINDOW
from swarmpy.testing.virtual_loop import run

if TYPE_CHECKING:
    from swarmpy.pb.control_pb2_grpc import ControlAsyncStub

Test = Callable[[MemoryNetwork, Servicer, "ControlAsyncStub"], Awaitable[None]]


def while_serving(test: Test) -> None:
    """Run a test on a network where m1 serves and w1 calls."""

    async def main(rng: random.Random) -> None:
        network = MemoryNetwork(rng)
        for host in ("m1", "w1"):
            network.add_host(host)
        ends = Ends(
            server=MemoryTransport(network, "m1", lambda: Peer("m1", NODE_ROLE_MANAGER, "s")),
            client=MemoryTransport(network, "w1", lambda: Peer("w1", NODE_ROLE_WORKER, "s")),
            address="m1:4243",
            client_node_id="w1",
        )
        async with serving(ends) as (servicer, channel):
            await test(network, servicer, ControlStub(channel))

    run(main, seed=1)


async def read_to_the_end(stub: "ControlAsyncStub") -> None:
    async for _ in stub.Watch(WatchRequest(service="forever")):
        pass


def test_a_partition_breaks_a_stream_on_both_sides_after_detection() -> None:
    async def test(network: MemoryNetwork, servicer: Servicer, stub: "ControlAsyncStub") -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(raised_by(read_to_the_end(stub)))
            await asyncio.sleep(1)
            cut_s = loop.time()
            network.partition("m1", "w1")
            assert isinstance(await reading, Unavailable)
            assert loop.time() == cut_s + DETECTION_S
        await servicer.cancelled.wait()

    while_serving(test)


def test_a_stream_hangs_through_a_short_partition_and_goes_on() -> None:
    async def test(network: MemoryNetwork, _servicer: Servicer, stub: "ControlAsyncStub") -> None:
        network.partition("m1", "w1", one_way=True)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(raised_by(stub.GetNode(GetNodeRequest(), timeout=60)))
            await asyncio.sleep(GRPC_CONNECT_S / 2)
            assert not asking.done()
            assert isinstance(await asking, Unavailable), "it was cut before it could connect"
        network.heal()
        assert (await stub.GetNode(GetNodeRequest(), timeout=60)).id == "w1"

    while_serving(test)


def test_a_server_that_loses_power_is_noticed_by_silence() -> None:
    async def test(network: MemoryNetwork, _servicer: Servicer, stub: "ControlAsyncStub") -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(raised_by(read_to_the_end(stub)))
            await asyncio.sleep(1)
            network.crash("m1")
            crashed_s = loop.time()
            assert isinstance(await reading, Unavailable)
            assert loop.time() == crashed_s + DETECTION_S

    while_serving(test)


def test_a_daemon_that_ends_is_noticed_at_once() -> None:
    async def test(network: MemoryNetwork, _servicer: Servicer, stub: "ControlAsyncStub") -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(raised_by(read_to_the_end(stub)))
            await asyncio.sleep(1)
            network.hang_up("m1")
            ended_s = loop.time()
            assert isinstance(await reading, Unavailable)
            assert loop.time() < ended_s + 0.1

    while_serving(test)


def test_a_deadline_counts_while_nobody_answers() -> None:
    async def test(network: MemoryNetwork, _servicer: Servicer, stub: "ControlAsyncStub") -> None:
        network.partition("m1", "w1")
        error = await raised_by(stub.GetNode(GetNodeRequest(), timeout=GRPC_CONNECT_S / 2))
        assert isinstance(error, TimedOut)

    while_serving(test)


def test_a_writer_waits_for_a_reader_that_lags() -> None:
    async def test(_network: MemoryNetwork, servicer: Servicer, stub: "ControlAsyncStub") -> None:
        call = stub.Watch(WatchRequest(service="endless"))
        await asyncio.sleep(10)
        assert servicer.written == WINDOW
        await call.read()
        await asyncio.sleep(10)
        assert servicer.written == WINDOW + 1
        call.cancel()

    while_serving(test)
