"""Links between managers over the memory network, for Raft."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from swarmpy.rpc.address import split_address
from swarmpy.testing.connection import Socket
from swarmpy.testing.memory_network import ConnectFailed, MemoryNetwork

REDIAL_S = 0.5
"""Between two attempts to reach a peer. Lower finds it sooner and knocks more often."""

PATIENCE_S = 2.0
"""How long the lesser id waits to be dialled before it dials."""


@dataclass(frozen=True, slots=True)
class _Link:
    socket: Socket
    preferred: bool
    """The greater id dialled it."""
    over: asyncio.Event


class MemoryPeerNetwork:
    """Implements `seams.PeerNetwork`. The node with the greater id dials; the other does too when
    no link comes. Until the first `set_peers` everybody is let in, as the real one does it.
    """

    def __init__(self, network: MemoryNetwork, node_id: str, address: str) -> None:
        self._network = network
        self._node_id = node_id
        self._address = address
        self._host = split_address(address)[0]
        self._on_frames: Callable[[str, Sequence[bytes]], None] = lambda _peer, _frames: None
        self._on_link: Callable[[str, bool], None] = lambda _peer, _up: None
        self._peers: dict[str, str] | None = None
        self._open_to_others = False
        self._links: dict[str, _Link] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stop_listening: Callable[[], None] | None = None

    def set_handlers(
        self,
        on_frames: Callable[[str, Sequence[bytes]], None],
        on_link: Callable[[str, bool], None],
    ) -> None:
        self._on_frames = on_frames
        self._on_link = on_link

    async def start(self) -> None:
        self._stop_listening = self._network.listen(self._address, self._accept)
        self._keep_all()

    def set_peers(self, peers: Mapping[str, str], *, open_to_others: bool = False) -> None:
        wanted = {peer: address for peer, address in peers.items() if peer != self._node_id}
        known = self._peers or {}
        for peer in [p for p in self._keepers if wanted.get(p) != known.get(p)]:
            self._keepers.pop(peer).cancel()
        for peer in [p for p in self._links if p not in wanted and not open_to_others]:
            self._drop(peer)
        self._peers, self._open_to_others = wanted, open_to_others
        self._keep_all()

    def send(self, peer_id: str, frame: bytes) -> bool:
        link = self._links.get(peer_id)
        return link is not None and link.socket.send(frame)

    async def close(self) -> None:
        self.set_peers({})
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    # --- dialling

    def _keep_all(self) -> None:
        if self._stop_listening is None:
            return
        for peer, address in (self._peers or {}).items():
            if peer not in self._keepers:
                keeping = self._keep(peer, address)
                self._keepers[peer] = asyncio.get_running_loop().create_task(keeping)

    async def _keep(self, peer: str, address: str) -> None:
        """Dial a peer whenever there is no link to it, until cancelled."""
        greater = self._node_id > peer
        if not greater:
            await asyncio.sleep(PATIENCE_S)
        while True:
            if peer not in self._links:
                await self._dial(peer, address, preferred=greater)
            if (link := self._links.get(peer)) is not None:
                await link.over.wait()
            await asyncio.sleep(REDIAL_S if greater else PATIENCE_S)

    async def _dial(self, peer: str, address: str, *, preferred: bool) -> None:
        try:
            socket = await self._network.connect(self._host, address)
        except ConnectFailed:
            return
        socket.send(self._node_id)
        self._take(peer, socket, preferred=preferred)

    def _accept(self, socket: Socket) -> None:
        """Wait for the caller's name, which comes first; who is not wanted is hung up on."""

        def on_name(name: str) -> None:
            if not self._is_wanted(name):
                socket.close()
            else:
                self._take(name, socket, preferred=name > self._node_id)

        socket.on_message = on_name

    def _is_wanted(self, peer: str) -> bool:
        return self._peers is None or self._open_to_others or peer in self._peers

    # --- links

    def _take(self, peer: str, socket: Socket, *, preferred: bool) -> None:
        """Make a connection the one link to a peer, unless a better one is there."""
        old = self._links.get(peer)
        if old is not None and old.preferred and not preferred:
            socket.close()
            return
        self._drop(peer)
        socket.on_message = lambda frame: self._on_frames(peer, [frame])
        socket.on_close = lambda: self._ended(peer, socket)
        self._links[peer] = _Link(socket, preferred, asyncio.Event())
        self._on_link(peer, True)

    def _ended(self, peer: str, socket: Socket) -> None:
        link = self._links.get(peer)
        if link is not None and link.socket is socket:
            del self._links[peer]
            link.over.set()
            self._on_link(peer, False)

    def _drop(self, peer: str) -> None:
        link = self._links.get(peer)
        if link is not None:
            link.socket.close()
            self._ended(peer, link.socket)
