"""Links between managers over the cluster port: TLS 1.3, both ends with certificates.

The node with the greater id dials, so two nodes do not make two links. A new manager may not
know the others yet and cannot dial; so when no link comes for a while, the other end dials
too. Should both succeed at once, the link that the greater id dialled stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import structlog

from swarmpy.errors import InvalidInput, Unavailable
from swarmpy.raft.peer_link import PeerLink
from swarmpy.rpc.peer import Peer
from swarmpy.seams import Clock
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

PROTOCOL: Final = "swarmpy-raft/1"
REDIAL_S: Final = 0.5
"""Between two attempts to reach a peer. Raised: a manager that returns is found later."""
PATIENCE_S: Final = 2.0
"""How long the lesser id waits to be dialled before it dials."""

Handler: TypeAlias = Callable[[asyncio.Transport, Peer | None], Awaitable[None]]


class ClusterPort(Protocol):
    """What is needed of the port that all nodes reach each other by."""

    def register(self, protocol: str, handler: Handler, /) -> None:
        """Say who serves a protocol; the connection is closed when the handler returns."""

    async def dial(self, address: str, protocol: str, expected_node_id: str) -> asyncio.Transport:
        """Connect to a node; what it sends is read from `resume_reading` on. Raises Unavailable."""


class TlsPeerNetwork:
    """Implements `seams.PeerNetwork`. `run` in a task of its owner's TaskGroup.

    Until the first `set_peers`, and while it is open to others, every manager of the swarm is
    let in: a member that is new, or was away, learns from its leader who the others are.
    """

    def __init__(self, node_id: str, port: ClusterPort, clock: Clock) -> None:
        self._node_id = node_id
        self._port = port
        self._clock = clock
        self._peers: dict[str, str] | None = None
        self._open_to_others = False
        self._links: dict[str, PeerLink] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._tasks: TaskGroup | None = None
        self._on_frames: Callable[[str, Sequence[bytes]], None] = lambda _peer, _frames: None
        self._on_link: Callable[[str, bool], None] = lambda _peer, _up: None

    # --- seams.PeerNetwork

    def set_handlers(
        self,
        on_frames: Callable[[str, Sequence[bytes]], None],
        on_link: Callable[[str, bool], None],
    ) -> None:
        self._on_frames = on_frames
        self._on_link = on_link

    async def start(self) -> None:
        self._port.register(PROTOCOL, self._serve)

    def set_peers(self, peers: Mapping[str, str], *, open_to_others: bool = False) -> None:
        wanted = {peer: address for peer, address in peers.items() if peer != self._node_id}
        known = self._peers or {}
        for peer in [p for p in self._keepers if wanted.get(p) != known.get(p)]:
            self._keepers.pop(peer).cancel()
        for peer in [p for p in self._links if p not in wanted and not open_to_others]:
            self._end(self._links[peer])
        self._peers, self._open_to_others = wanted, open_to_others
        self._keep_all()

    def send(self, peer_id: str, frame: bytes) -> bool:
        link = self._links.get(peer_id)
        return link is not None and link.send(frame)

    async def close(self) -> None:
        """Let go of everybody; nobody is let in any more."""
        self.set_peers({})

    # --- dialling

    async def run(self) -> None:
        """Keep links to all peers until cancelled."""
        async with TaskGroup() as tasks:
            self._tasks = tasks
            try:
                self._keep_all()
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def _keep_all(self) -> None:
        if self._tasks is None:
            return
        for peer, address in (self._peers or {}).items():
            if peer not in self._keepers:
                self._keepers[peer] = self._tasks.create_task(self._keep(peer, address))

    async def _keep(self, peer: str, address: str) -> None:
        """Dial a peer whenever there is no link to it."""
        pause_s = REDIAL_S if self._node_id > peer else PATIENCE_S
        if self._node_id < peer:
            await self._clock.sleep(PATIENCE_S)
        while True:
            if peer not in self._links:
                await self._dial(peer, address)
            await self._clock.sleep(pause_s)

    async def _dial(self, peer: str, address: str) -> None:
        try:
            transport = await self._port.dial(address, PROTOCOL, peer)
        except Unavailable as error:
            log.debug("raft_peer_unreachable", peer=peer, address=address, error=str(error))
            return
        try:
            await self._live(PeerLink(peer, transport, preferred=self._node_id > peer))
        finally:
            transport.abort()

    # --- links

    async def _serve(self, transport: asyncio.Transport, peer: Peer | None) -> None:
        """Take a connection that somebody else has dialled."""
        if peer is None or not peer.is_manager or not self._is_wanted(peer.node_id):
            log.warning("raft_peer_refused", peer=peer.node_id if peer else None)
            return
        await self._live(PeerLink(peer.node_id, transport, preferred=peer.node_id > self._node_id))

    def _is_wanted(self, peer: str) -> bool:
        is_open = self._peers is None or self._open_to_others
        return peer != self._node_id and (is_open or peer in (self._peers or {}))

    async def _live(self, link: PeerLink) -> None:
        """Pass on frames until the link ends."""
        old = self._links.get(link.peer_id)
        if old is not None:
            if old.preferred and not link.preferred:
                return
            self._end(old)
        self._links[link.peer_id] = link
        self._on_link(link.peer_id, True)
        try:
            await link.live(self._on_frames)
        except (OSError, InvalidInput) as error:
            log.info("raft_link_broke", peer=link.peer_id, error=str(error))
        finally:
            self._end(link)

    def _end(self, link: PeerLink) -> None:
        if self._links.get(link.peer_id) is link:
            del self._links[link.peer_id]
            self._on_link(link.peer_id, False)
        link.abort()
