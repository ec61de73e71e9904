"""What a `seams.PeerNetwork` promises to Raft."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from swarmpy.seams import PeerNetwork

SOON_S = 20.0
"""Far more than a link takes to come up on any network."""
FRAMES = 50


@dataclass(slots=True)
class Ear:
    """One node's network, and what it has heard."""

    node_id: str
    address: str
    network: PeerNetwork
    frames: list[tuple[str, bytes]] = field(default_factory=list)
    links: list[tuple[str, bool]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.network.set_handlers(self._on_frames, self._on_link)

    def _on_frames(self, peer: str, frames: Sequence[bytes]) -> None:
        self.frames += [(peer, frame) for frame in frames]
        self.heard.set()

    def _on_link(self, peer: str, up: bool) -> None:
        self.links.append((peer, up))
        self.heard.set()

    @property
    def linked(self) -> set[str]:
        """The peers whose link is up, by what was told last."""
        return {peer for peer, up in dict(self.links).items() if up}

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not condition():
                self.heard.clear()
                await self.heard.wait()


Promise: TypeAlias = Callable[[Ear, Ear], Awaitable[None]]
"""Takes the networks of two nodes that are not started yet."""


async def introduce(a: Ear, b: Ear) -> None:
    """Start both, make them peers, and return when each has a link to the other."""
    peers = {a.node_id: a.address, b.node_id: b.address}
    for ear in (a, b):
        await ear.network.start()
        ear.network.set_peers(peers)
    await a.until(lambda: b.node_id in a.linked)
    await b.until(lambda: a.node_id in b.linked)


async def close(a: Ear, b: Ear) -> None:
    await a.network.close()
    await b.network.close()


async def frames_arrive_whole_and_in_order_both_ways(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    sent = [bytes([n]) * (n * 400) for n in range(FRAMES)]
    for frame in sent:
        assert a.network.send(b.node_id, frame)
        assert b.network.send(a.node_id, frame)
    await b.until(lambda: len(b.frames) == FRAMES)
    await a.until(lambda: len(a.frames) == FRAMES)
    assert b.frames == [(a.node_id, frame) for frame in sent]
    assert a.frames == [(b.node_id, frame) for frame in sent]
    await close(a, b)


async def nothing_is_sent_without_a_link(a: Ear, b: Ear) -> None:
    await a.network.start()
    a.network.set_peers({b.node_id: b.address})
    assert not a.network.send(b.node_id, b"nobody is there")
    assert not a.network.send("stranger", b"nobody knows it")
    await close(a, b)


async def each_link_that_comes_up_is_told_once(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    await asyncio.sleep(0.2)
    assert a.links == [(b.node_id, True)]
    assert b.links == [(a.node_id, True)]
    await close(a, b)


async def a_peer_that_closes_takes_the_link_down(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    await b.network.close()
    await a.until(lambda: b.node_id not in a.linked)
    assert not a.network.send(b.node_id, b"too late")
    await close(a, b)


async def a_peer_that_is_no_more_wanted_is_dropped(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    a.network.set_peers({a.node_id: a.address})
    await b.until(lambda: a.node_id not in b.linked)
    assert not a.network.send(b.node_id, b"dropped")
    await close(a, b)


async def a_dropped_peer_comes_back_when_it_is_wanted_again(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    peers = {a.node_id: a.address, b.node_id: b.address}
    a.network.set_peers({a.node_id: a.address})
    await b.until(lambda: a.node_id not in b.linked)
    a.network.set_peers(peers)
    await a.until(lambda: b.node_id in a.linked)
    await b.until(lambda: a.node_id in b.linked)
    assert a.network.send(b.node_id, b"again")
    await b.until(lambda: bool(b.frames))
    await close(a, b)


async def a_peer_that_is_not_known_is_let_in_while_open_to_others(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    a.network.set_peers({a.node_id: a.address})
    await b.until(lambda: a.node_id not in b.linked)
    a.network.set_peers({a.node_id: a.address}, open_to_others=True)
    await a.until(lambda: b.node_id in a.linked)
    assert a.network.send(b.node_id, b"come in")
    await b.until(lambda: bool(b.frames))
    await close(a, b)


async def peers_that_are_set_again_keep_their_links(a: Ear, b: Ear) -> None:
    await introduce(a, b)
    a.network.set_peers({a.node_id: a.address, b.node_id: b.address})
    assert a.network.send(b.node_id, b"still here")
    await b.until(lambda: bool(b.frames))
    assert a.links == [(b.node_id, True)]
    await close(a, b)


PROMISES: tuple[Promise, ...] = (
    frames_arrive_whole_and_in_order_both_ways,
    nothing_is_sent_without_a_link,
    each_link_that_comes_up_is_told_once,
    a_peer_that_closes_takes_the_link_down,
    a_peer_that_is_no_more_wanted_is_dropped,
    a_dropped_peer_comes_back_when_it_is_wanted_again,
    a_peer_that_is_not_known_is_let_in_while_open_to_others,
    peers_that_are_set_again_keep_their_links,
)
