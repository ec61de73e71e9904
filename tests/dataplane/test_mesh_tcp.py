import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from swarmpy.core.routing import Endpoint, Listener, RoutingTable
from swarmpy.daemon.clock import SystemClock
from swarmpy.dataplane.mesh import MeshRouter, attempt, tcp_listener, traffic
from tests.dataplane.backends import HOST, Caller, free_port, table, tcp_task, who


@pytest.fixture
async def mesh() -> AsyncIterator[MeshRouter]:
    router = MeshRouter(HOST, SystemClock(), random.Random(1), drain_s=0.2)
    await router.start()
    yield router
    await router.close()


@pytest.fixture
def port() -> int:
    return free_port()


async def test_connections_are_spread_over_all_endpoints(mesh: MeshRouter, port: int) -> None:
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(tcp_task(name)) for name in "abc"]
        assert await mesh.install(table("tcp", port, *tasks)) == {}
        callers = [await Caller.connect(port) for _ in range(30)]
        spread = Counter([await caller.name() for caller in callers])
        for caller in callers:
            await caller.close()
    assert spread.keys() == set("abc")
    assert max(spread.values()) <= 13


@pytest.mark.parametrize("size", [1, 10_000, 5_000_000], ids=["byte", "page", "bulk"])
async def test_bytes_arrive_whole_and_in_order(mesh: MeshRouter, port: int, size: int) -> None:
    data = random.Random(2).randbytes(size)
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        await caller.name()
        caller.writer.write(data)
        caller.writer.write_eof()
        assert await caller.reader.read(-1) == data
        await caller.close()


async def test_an_end_is_passed_on_one_way_at_a_time(mesh: MeshRouter, port: int) -> None:
    """A client that has said all still hears the answer; `curl` and databases rely on it."""

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(len(await reader.read(-1))).encode())
        writer.close()

    server = await asyncio.start_server(count, HOST, 0)
    async with server:
        task = Endpoint(HOST, server.sockets[0].getsockname()[1], "a")
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        caller.writer.write(b"x" * 12345)
        caller.writer.write_eof()
        assert await caller.reader.read(-1) == b"12345"
        await caller.close()


async def test_a_server_that_ends_first_still_hears_the_rest(mesh: MeshRouter, port: int) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        heard.set_result(await reader.read(-1))
        writer.close()

    server = await asyncio.start_server(bye, HOST, 0)
    async with server:
        task = Endpoint(HOST, server.sockets[0].getsockname()[1], "a")
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        assert await caller.reader.read(-1) == b""
        caller.writer.write(b"last words")
        await caller.close()
        assert await heard == b"last words"


async def send_until_stuck(sock: socket.socket) -> int:
    """Return how many bytes were taken before a tenth of a second passed without progress."""
    sent, stuck = 0, 0
    while stuck < 10:
        try:
            sent += sock.send(bytes(1 << 16))
            stuck = 0
        except BlockingIOError:
            stuck += 1
            await asyncio.sleep(0.01)
        assert sent < 500_000_000, "nothing slows this writer down"
    return sent


async def test_a_slow_reader_slows_the_writer_down(mesh: MeshRouter, port: int) -> None:
    taken = asyncio.Event()
    read = 0

    async def lazy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        await taken.wait()
        while data := await reader.read(1 << 20):
            read += len(data)
        writer.close()

    server = await asyncio.start_server(lazy, HOST, 0, limit=1024)
    async with server:
        task = Endpoint(HOST, server.sockets[0].getsockname()[1], "a")
        await mesh.install(table("tcp", port, task))
        with socket.create_connection((HOST, port)) as sock:
            sock.setblocking(False)
            sent = await send_until_stuck(sock)
            taken.set()
            sock.shutdown(socket.SHUT_WR)
            assert await asyncio.get_running_loop().sock_recv(sock, 1) == b""
    assert sent < 50_000_000
    assert read == sent


async def test_an_endpoint_that_refuses_is_passed_over(mesh: MeshRouter, port: int) -> None:
    dead = [Endpoint(HOST, free_port(), f"dead{i}") for i in range(2)]
    async with tcp_task("alive") as task:
        await mesh.install(table("tcp", port, *dead, task))
        assert {await who(port) for _ in range(20)} == {"alive"}


async def test_an_endpoint_that_does_not_answer_is_passed_over(
    mesh: MeshRouter, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "CONNECT_TIMEOUT_S", 0.1)
    with socket.socket() as deaf:  # a full backlog drops further connections in silence
        deaf.bind((HOST, 0))
        deaf.listen(0)
        queued = [socket.socket() for _ in range(3)]
        for sock in queued:
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
        silent = Endpoint(HOST, deaf.getsockname()[1], "silent")
        async with tcp_task("alive") as task:
            await mesh.install(table("tcp", port, silent, task))
            assert {await who(port) for _ in range(10)} == {"alive"}
        for sock in queued:
            sock.close()


async def test_when_no_endpoint_answers_the_client_sees_an_error(
    mesh: MeshRouter, port: int
) -> None:
    dead = [Endpoint(HOST, free_port(), f"dead{i}") for i in range(5)]
    await mesh.install(table("tcp", port, *dead))
    with pytest.raises(ConnectionResetError):
        await who(port)


async def test_a_listener_without_endpoints_refuses(mesh: MeshRouter, port: int) -> None:
    assert await mesh.install(table("tcp", port)) == {}
    with pytest.raises(ConnectionRefusedError):
        await who(port)
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        assert await who(port) == "a"
        await mesh.install(table("tcp", port))
        with pytest.raises(ConnectionRefusedError):
            await who(port)
        await mesh.install(table("tcp", port, task))
        assert await who(port) == "a"


async def test_an_endpoint_that_leaves_keeps_its_connections_and_gets_no_new_ones(
    mesh: MeshRouter, port: int
) -> None:
    async with tcp_task("old") as old, tcp_task("new") as new:
        await mesh.install(table("tcp", port, old))
        caller = await Caller.connect(port)
        assert await caller.name() == "old"
        await mesh.install(table("tcp", port, new))
        assert {await who(port) for _ in range(10)} == {"new"}
        assert await caller.echo(b"still there") == b"still there"
        await caller.close()


async def test_a_listener_that_leaves_lets_its_connections_finish(
    mesh: MeshRouter, port: int
) -> None:
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        await caller.name()
        await mesh.install(RoutingTable())
        with pytest.raises(ConnectionRefusedError):
            await who(port)
        assert await caller.echo(b"still there") == b"still there"
        await caller.close()


async def test_closing_waits_for_the_last_connection(port: int) -> None:
    mesh = MeshRouter(HOST, SystemClock(), random.Random(1), drain_s=5)
    await mesh.start()
    async with tcp_task("a") as task, asyncio.TaskGroup() as group:
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        await caller.name()
        closing = group.create_task(mesh.close())
        assert await caller.echo(b"one more") == b"one more"
        assert not closing.done()
        await caller.close()


async def test_closing_waits_no_longer_than_it_may(port: int) -> None:
    mesh = MeshRouter(HOST, SystemClock(), random.Random(1), drain_s=0.05)
    await mesh.start()
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        caller = await Caller.connect(port)
        await caller.name()
        await mesh.close()
        with pytest.raises(ConnectionResetError):
            await caller.reader.readexactly(1)
        await caller.close()


async def test_a_router_that_never_started_closes(port: int) -> None:
    await MeshRouter(HOST, SystemClock(), random.Random(1)).close()


async def test_a_port_that_is_taken_is_reported_and_tried_again(
    mesh: MeshRouter, port: int
) -> None:
    async with tcp_task("a") as task:
        with socket.create_server((HOST, port)):
            unopened = await mesh.install(table("tcp", port, task))
            assert unopened == {("tcp", port): f"port {port}/tcp is in use by another program"}
        assert await mesh.install(table("tcp", port, task)) == {}
        assert await who(port) == "a"


async def test_one_port_that_cannot_be_opened_does_not_harm_the_others(
    mesh: MeshRouter, port: int
) -> None:
    async with tcp_task("a") as task:
        with socket.create_server((HOST, 0)) as taken:
            other = Listener("tcp", taken.getsockname()[1])
            both = RoutingTable({other: (task,), Listener("tcp", port): (task,)})
            assert (await mesh.install(both)).keys() == {("tcp", other.port)}
            assert await who(port) == "a"


async def test_a_foreign_address_is_explained(port: int) -> None:
    mesh = MeshRouter("192.0.2.1", SystemClock(), random.Random(1))
    await mesh.start()
    try:
        unopened = await mesh.install(table("tcp", port))
        assert "192.0.2.1 is no address of this machine" in unopened["tcp", port]
    finally:
        await mesh.close()


async def test_hosts_are_names_too_and_a_name_that_is_none_harms_nobody(
    mesh: MeshRouter, port: int
) -> None:
    async with tcp_task("a") as task:
        named = Endpoint("localhost", task.port, "a")
        nowhere = Endpoint("no-such-host.invalid", 80, "b")
        await mesh.install(table("tcp", port, named, nowhere))
        assert {await who(port) for _ in range(5)} == {"a"}


async def test_the_wildcard_of_ipv6_answers_ipv4_too(port: int) -> None:
    mesh = MeshRouter("::", SystemClock(), random.Random(1), drain_s=0.2)
    await mesh.start()
    try:
        async with tcp_task("a") as task:
            await mesh.install(table("tcp", port, task))
            assert [await who(port, host) for host in ("127.0.0.1", "::1")] == ["a", "a"]
    finally:
        await mesh.close()


async def test_too_many_connections_wait_instead_of_failing(
    mesh: MeshRouter, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(tcp_listener, "PAUSE_S", 0.01)
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        first, second, waiting = [await Caller.connect(port) for _ in range(3)]
        assert [await first.name(), await second.name()] == ["a", "a"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await waiting.reader.readline()
        await first.close()
        assert await waiting.name() == "a"
        for caller in (second, waiting):
            await caller.close()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_clients_that_vanish_leave_nothing_behind(mesh: MeshRouter, port: int) -> None:
    async with tcp_task("a") as task:
        await mesh.install(table("tcp", port, task))
        before = open_descriptors()
        for turn in range(50):
            caller = await Caller.connect(port)
            if turn % 2:
                await caller.name()
            caller.writer.transport.abort()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while open_descriptors() > before:
                await asyncio.sleep(0.01)
        [listener] = mesh._switchboard._ports.values()
        assert [target.open for target in listener.balancer._targets.values()] == [0]
