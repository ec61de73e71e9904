import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from swarmpy.testing.connection import Socket
from swarmpy.testing.memory_network import (
    CONNECT_TIMEOUT_S,
    DETECTION_S,
    ConnectFailed,
    MemoryNetwork,
)
from swarmpy.testing.virtual_loop import run

Story = list[tuple[str, float]]


class Wire:
    """A network with hosts a and b, a connection from a to b, and what b saw of it."""

    def __init__(self, rng: random.Random) -> None:
        self.network = MemoryNetwork(rng)
        self.network.add_host("a")
        self.network.add_host("b")
        self.seen: list[object] = []
        self.closed_s: dict[str, float] = {}
        self.a: Socket
        self.b: Socket

    async def open(self) -> None:
        def accept(socket: Socket) -> None:
            self.b = socket
            socket.on_message = self.seen.append
            socket.on_close = lambda: self._closed("b")

        self.network.listen("b:1", accept)
        self.a = await self.network.connect("a", "b:1")
        self.a.on_close = lambda: self._closed("a")

    def _closed(self, end: str) -> None:
        self.closed_s[end] = asyncio.get_running_loop().time()


def on_a_wire(test: Callable[[Wire], Awaitable[None]], seed: int = 1) -> None:
    async def main(rng: random.Random) -> None:
        wire = Wire(rng)
        await wire.open()
        await test(wire)

    run(main, seed)


@pytest.mark.parametrize("loss", [0.0, 0.5])
def test_messages_arrive_all_and_in_order_whatever_is_lost(loss: float) -> None:
    async def test(wire: Wire) -> None:
        wire.network.lose("a", "b", loss)
        for n in range(100):
            wire.a.send(n)
        await asyncio.sleep(60)
        assert wire.seen == list(range(100))

    on_a_wire(test)


def test_a_slow_link_delays_and_a_healed_one_does_not() -> None:
    async def test(wire: Wire) -> None:
        wire.network.slow("a", "b", 2.0)
        wire.a.send("slow")
        await asyncio.sleep(1.9)
        assert wire.seen == []
        await asyncio.sleep(0.2)
        assert wire.seen == ["slow"]
        wire.network.heal()
        wire.a.send("fast")
        await asyncio.sleep(0.1)
        assert wire.seen == ["slow", "fast"]

    on_a_wire(test)


def test_what_a_short_cut_holds_back_arrives_when_it_heals() -> None:
    async def test(wire: Wire) -> None:
        wire.network.partition("a", "b")
        wire.a.send("held")
        await asyncio.sleep(DETECTION_S - 1)
        assert wire.seen == []
        wire.network.heal()
        await asyncio.sleep(60)
        assert (wire.seen, wire.closed_s) == (["held"], {})

    on_a_wire(test)


@pytest.mark.parametrize("one_way", [False, True])
def test_a_long_cut_breaks_the_connection_on_both_sides(one_way: bool) -> None:
    async def test(wire: Wire) -> None:
        cut_s = asyncio.get_running_loop().time()
        wire.network.partition("a", "b", one_way=one_way)
        await asyncio.sleep(60)
        assert wire.closed_s == {"a": cut_s + DETECTION_S, "b": cut_s + DETECTION_S}
        assert not wire.a.send("too late")

    on_a_wire(test)


def test_a_one_way_cut_lets_the_other_way_through() -> None:
    async def test(wire: Wire) -> None:
        wire.network.partition("b", "a", one_way=True)
        wire.a.send("passes")
        await asyncio.sleep(1)
        assert wire.seen == ["passes"]

    on_a_wire(test)


def test_a_closed_connection_delivers_what_was_sent_before() -> None:
    async def test(wire: Wire) -> None:
        wire.a.send("last words")
        wire.a.close()
        await asyncio.sleep(1)
        assert wire.seen == ["last words"]
        assert list(wire.closed_s) == ["b"]

    on_a_wire(test)


def test_a_crashed_host_is_noticed_by_silence() -> None:
    async def test(wire: Wire) -> None:
        crashed_s = asyncio.get_running_loop().time()
        wire.network.crash("b")
        await asyncio.sleep(60)
        assert wire.closed_s == {"a": crashed_s + DETECTION_S}

    on_a_wire(test)


def test_a_host_that_is_back_soon_knows_none_of_its_connections() -> None:
    async def test(wire: Wire) -> None:
        crashed_s = asyncio.get_running_loop().time()
        wire.network.crash("b")
        await asyncio.sleep(1)
        wire.network.restart("b")
        await asyncio.sleep(60)
        assert crashed_s + 1 < wire.closed_s["a"] < crashed_s + 1.1
        with pytest.raises(ConnectFailed, match="nothing listens"):
            await wire.network.connect("a", "b:1")

    on_a_wire(test)


def test_connecting_through_a_cut_fails_after_a_while() -> None:
    async def test(wire: Wire) -> None:
        began_s = asyncio.get_running_loop().time()
        wire.network.partition("a", "b")
        with pytest.raises(ConnectFailed, match="does not answer"):
            await wire.network.connect("a", "b:1")
        assert asyncio.get_running_loop().time() == began_s + CONNECT_TIMEOUT_S

    on_a_wire(test)


def test_two_listeners_cannot_share_an_address() -> None:
    async def test(wire: Wire) -> None:
        with pytest.raises(OSError, match="in use"):
            wire.network.listen("b:1", lambda _socket: None)

    on_a_wire(test)
