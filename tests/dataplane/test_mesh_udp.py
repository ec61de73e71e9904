import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from swarmpy.core.routing import Endpoint, RoutingTable
from swarmpy.daemon.clock import SystemClock
from swarmpy.dataplane.mesh import MeshRouter, udp_listener
from tests.dataplane.backends import HOST, free_port, table, udp_task


class Speaker:
    """One UDP client."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect((host, port))

    async def ask(self, data: bytes = b"hello") -> bytes:
        """Return the answer. Raises OSError or TimeoutError when there is none."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.sock, data)
        async with asyncio.timeout(1):
            return await loop.sock_recv(self.sock, 65536)

    async def name(self) -> str:
        return (await self.ask()).split()[0].decode()


@pytest.fixture
def port() -> int:
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture
async def mesh() -> AsyncIterator[MeshRouter]:
    router = MeshRouter("0.0.0.0", SystemClock(), random.Random(1), drain_s=0.2)
    await router.start()
    yield router
    await router.close()


@pytest.fixture
def speak(port: int) -> Iterator[Callable[..., Speaker]]:
    made: list[Speaker] = []

    def make(host: str = HOST) -> Speaker:
        made.append(Speaker(port, host))
        return made[-1]

    yield make
    for speaker in made:
        speaker.sock.close()


Speak = Callable[..., Speaker]


async def test_clients_are_spread_and_each_keeps_its_endpoint(
    mesh: MeshRouter, port: int, speak: Speak
) -> None:
    async with udp_task("a") as a, udp_task("b") as b:
        assert await mesh.install(table("udp", port, a, b)) == {}
        speakers = [speak() for _ in range(10)]
        names = [await speaker.name() for speaker in speakers]
        assert set(names) == {"a", "b"}
        assert [await speaker.name() for speaker in speakers] == names


@pytest.mark.parametrize("size", [0, 1, 60_000])
async def test_datagrams_arrive_whole(mesh: MeshRouter, port: int, speak: Speak, size: int) -> None:
    data = random.Random(3).randbytes(size)
    async with udp_task("a") as task:
        await mesh.install(table("udp", port, task))
        assert await speak().ask(data) == b"a " + data


async def test_the_answer_comes_from_the_address_that_was_asked(
    mesh: MeshRouter, port: int, speak: Speak
) -> None:
    """A connected socket drops answers from any other of the machine's addresses."""
    async with udp_task("a") as task:
        await mesh.install(table("udp", port, task))
        assert await speak("127.0.0.5").name() == "a"


async def test_a_client_of_an_endpoint_that_left_finds_another(
    mesh: MeshRouter, port: int, speak: Speak
) -> None:
    async with udp_task("old") as old, udp_task("new") as new:
        await mesh.install(table("udp", port, old))
        speaker = speak()
        assert await speaker.name() == "old"
        await mesh.install(table("udp", port, new))
        assert await speaker.name() == "new"


async def test_a_client_of_an_endpoint_that_died_finds_another(
    mesh: MeshRouter, port: int, speak: Speak
) -> None:
    dead = Endpoint(HOST, free_port(socket.SOCK_DGRAM), "dead")
    async with udp_task("alive") as task:
        await mesh.install(table("udp", port, dead, task))
        speakers, lost = [speak() for _ in range(6)], 0
        for speaker in speakers:
            try:
                await speaker.name()
            except TimeoutError:
                lost += 1
            assert await speaker.name() == "alive"
        assert lost <= 1


async def test_without_endpoints_datagrams_are_dropped(
    mesh: MeshRouter, port: int, speak: Speak
) -> None:
    await mesh.install(table("udp", port))
    with pytest.raises(TimeoutError):
        await speak().ask()


async def test_silent_clients_are_forgotten(
    mesh: MeshRouter, port: int, speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_listener, "IDLE_S", 0.1)
    monkeypatch.setattr(udp_listener, "SWEEP_S", 0.02)
    async with udp_task("old") as old:
        await mesh.install(table("udp", port, old))
        speaker = speak()
        await speaker.name()
        [listener] = mesh._switchboard._ports.values()
        assert isinstance(listener, udp_listener.UdpListener)
        async with asyncio.timeout(5):
            while listener._associations:
                await asyncio.sleep(0.01)
        assert await speaker.name() == "old"


async def test_the_table_of_clients_has_a_bound(
    mesh: MeshRouter, port: int, speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_listener, "CLIENTS_MAX", 3)
    async with udp_task("a") as task:
        await mesh.install(table("udp", port, task))
        speakers = [speak() for _ in range(5)]
        assert [await speaker.name() for speaker in [*speakers, *speakers]] == ["a"] * 10
        [listener] = mesh._switchboard._ports.values()
        assert isinstance(listener, udp_listener.UdpListener)
        assert len(listener._associations) == 3


async def test_a_port_that_is_taken_is_reported(mesh: MeshRouter, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, port))
        unopened = await mesh.install(table("udp", port))
    assert unopened == {("udp", port): f"port {port}/udp is in use by another program"}


async def test_a_port_that_leaves_is_given_back(mesh: MeshRouter, port: int) -> None:
    await mesh.install(table("udp", port))
    await mesh.install(RoutingTable())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind((HOST, port))
