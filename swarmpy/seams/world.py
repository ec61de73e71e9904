"""Time, managers that agree, calls between nodes, and traffic."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Protocol

import grpc

from swarmpy.core.routing import RoutingTable


class Clock(Protocol):
    """Time, so that tests can own it."""

    def now(self) -> float:
        """Seconds since the Unix epoch. For people and logs; may jump."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start. For timeouts; never goes back."""

    async def sleep(self, seconds: float) -> None: ...


# --- consensus -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads, as one manager sees it."""

    term: int
    leader_id: str | None
    is_self: bool
    """This manager leads and has applied everything that was committed before its term."""


class StateMachine(Protocol):
    """What consensus replicates, told in the order of the log."""

    def apply(self, index: int, entry: bytes) -> None:
        """Deterministic; never raises."""

    async def snapshot(self) -> Iterable[bytes]:
        """Return the state as it is at this call, made when read. Equal states, equal bytes."""

    def restore(self, pieces: Iterable[bytes]) -> None: ...


class Consensus(Protocol):
    """A replicated log. Entries acknowledged by `propose` survive kill -9 of every member."""

    @property
    def node_id(self) -> str: ...

    @property
    def leadership(self) -> Leadership: ...

    def watch_leadership(self) -> AsyncIterator[Leadership]:
        """Yield what holds now, then every change."""

    def members(self) -> Mapping[str, str]:
        """Return node id -> Raft address of every voting member, this one included."""

    def reachable(self) -> frozenset[str]:
        """Return the members that this one has heard from within an election timeout."""

    async def propose(self, entry: bytes) -> int:
        """Return the entry's index once a quorum holds it durably and it is applied here.

        Raises:
            NotLeader: another member leads, or none; nothing was written.
            OutcomeUnknown: leadership was lost meanwhile; the entry may yet be applied.
            StorageFull: the disk is full; nothing was written.
        """

    async def read_barrier(self) -> None:
        """Return once the state machine holds every write acknowledged before the call.

        Raises:
            NotLeader: this member does not lead, or can no longer prove it.
        """

    async def add_member(self, node_id: str, address: str) -> None:
        """Make a listening node a voter. Raises as `propose` does."""

    async def remove_member(self, node_id: str) -> None:
        """Take a voter out, this one too. Raises as `propose` does."""

    async def transfer_leadership(self) -> None:
        """Hand the lead to the most up-to-date follower."""


class PeerNetwork(Protocol):
    """Frames between managers: whole, in order while a link lasts, from whom they say.

    At most one link is live between two nodes; both ends may send on it.
    """

    def set_handlers(
        self,
        on_frames: Callable[[str, Sequence[bytes]], None],
        on_link: Callable[[str, bool], None],
    ) -> None:
        """Set who is told of (peer id, frames that came together) and (peer id, link is up)."""

    async def start(self) -> None: ...

    def set_peers(self, peers: Mapping[str, str], *, open_to_others: bool = False) -> None:
        """Keep links to exactly these (node id -> host:port); drop and refuse all others.

        Until the first call, and while `open_to_others`, every manager that dials is let in.
        """

    def send(self, peer_id: str, frame: bytes) -> bool:
        """Queue a frame; False when there is no link or too much waits on it already."""

    async def close(self) -> None: ...


# --- gRPC ------------------------------------------------------------------------------------


class RpcServer(Protocol):
    @property
    def address(self) -> str:
        """host:port (or unix:/path) that it answers on."""

    async def stop(self, grace_s: float) -> None: ...


class Transport(Protocol):
    """gRPC between nodes; both ends hold certificates of the swarm's authority."""

    def channel(self, address: str) -> grpc.aio.Channel:
        """Return a channel to a manager's API port; the caller closes it."""

    async def serve(self, address: str, register: Callable[[grpc.aio.Server], None]) -> RpcServer:
        """Serve what `register` adds. Raises WrongState when the address is taken."""


# --- traffic ---------------------------------------------------------------------------------


class DataPlane(Protocol):
    """Carries service traffic as a routing table says."""

    async def start(self) -> None: ...

    async def install(self, table: RoutingTable) -> Mapping[tuple[str, int], str]:
        """Make the table true: connections that are open go on, new ones follow it.

        Returns: (protocol, port) -> why, for each port that could not be opened here.
        """

    async def close(self) -> None: ...


Propose = Callable[[bytes], Awaitable[int]]
"""`Consensus.propose`, for those who need no more of it."""
