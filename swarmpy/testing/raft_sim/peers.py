"""A member's end of the hostile network; while it is paused, everything waits at its door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from swarmpy.testing.raft_sim.network import HostileNetwork


class HostilePeers:
    """Implements `seams.PeerNetwork` and `network.End`."""

    def __init__(self, network: HostileNetwork, name: str, before_send: Callable[[], None]) -> None:
        self._network = network
        self._name = name
        self._before_send = before_send
        """Called within the member's turn, whenever it says something."""
        self._on_frames: Callable[[str, Sequence[bytes]], None] = lambda _peer, _frames: None
        self._on_link: Callable[[str, bool], None] = lambda _peer, _up: None
        self._peers: Mapping[str, str] | None = None
        self._open_to_others = False
        self._waiting: list[Callable[[], None]] | None = None
        """What came in a pause; None while there is none."""

    @property
    def name(self) -> str:
        return self._name

    # --- seams.PeerNetwork

    def set_handlers(
        self,
        on_frames: Callable[[str, Sequence[bytes]], None],
        on_link: Callable[[str, bool], None],
    ) -> None:
        self._on_frames = on_frames
        self._on_link = on_link

    async def start(self) -> None:
        self._network.open(self)

    def set_peers(self, peers: Mapping[str, str], *, open_to_others: bool = False) -> None:
        self._peers, self._open_to_others = dict(peers), open_to_others
        self._network.review(self._name)

    def send(self, peer_id: str, frame: bytes) -> bool:
        self._before_send()
        return self._network.send(self._name, peer_id, frame)

    async def close(self) -> None:
        self._network.close(self._name)

    # --- network.End

    def wants(self, peer: str) -> bool:
        return self._peers is None or self._open_to_others or peer in self._peers

    def knows(self, peer: str) -> bool:
        return self._peers is not None and peer in self._peers

    def arrived(self, peer: str, frame: bytes) -> None:
        self._let_in(lambda: self._on_frames(peer, [frame]))

    def link_changed(self, peer: str, *, up: bool) -> None:
        self._let_in(lambda: self._on_link(peer, up))

    # --- pauses

    def pause(self) -> None:
        if self._waiting is None:
            self._waiting = []

    def resume(self, delay_s: float) -> None:
        """Let in what waits, after a delay: a process that goes on may think, and hear its
        clients, before it reads what its peers have said.
        """
        asyncio.get_running_loop().call_later(delay_s, self._let_all_in)

    def _let_all_in(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for event in waiting:
            event()

    def _let_in(self, event: Callable[[], None]) -> None:
        if self._waiting is None:
            event()
        else:
            self._waiting.append(event)
