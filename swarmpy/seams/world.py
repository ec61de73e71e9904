"""Machines, engines, and managers that agree: all seams but disks and gossip."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import Protocol

import grpc

from swarmpy.core.container import Container, Exit
from swarmpy.core.routing import RoutingTable
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, LogLine, LogOptions
from swarmpy.pb.objects_pb2 import Config, Network, NodeDescription, Secret, Task, Volume


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


# --- containers ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a task's spec refers to, by id."""

    configs: Mapping[str, Config]
    secrets: Mapping[str, Secret]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    """By what the task's mounts call them; a mount of no such volume is the node's own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What containers use now."""

    cpu_seconds: float
    memory_bytes: int
    pids: int

    def __add__(self, other: Usage) -> Usage:
        """Return what both use together."""
        return Usage(
            self.cpu_seconds + other.cpu_seconds,
            self.memory_bytes + other.memory_bytes,
            self.pids + other.pids,
        )


class Runtime(Protocol):
    """Runs one task's containers. Every call is idempotent: after a crash the agent calls
    again without knowing how far the last call got. Containers belong to one node: two
    runtimes with different node ids may share an engine and never see each other's.

    `container` names one of a pod's (core.pod); "" is the only one of a plain task, the first one
    of a pod's, or, where something ends, all of the task.
    """

    async def describe(self) -> NodeDescription:
        """Return what the engine and its machine are.

        Raises:
            EngineUnavailable: it does not answer.
        """

    async def containers(self) -> list[Container]:
        """Return every container of this node, also those that have ended."""

    async def prepare(self, task: Task, needs: Dependencies) -> None:
        """Fetch the images unless they are present, and create the containers.

        Raises:
            ImageMissing: no registry has the image.
            TaskRefused: the engine refuses the spec; trying again will not help.
            EngineUnavailable: it did not answer in time; trying again may help.
        """

    async def start(self, task_id: str, container: str = "") -> Container:
        """Start what was never started, and return what runs now, with the ports it answers on."""

    async def restart(self, task_id: str, container: str) -> Container:
        """Start a container of a pod that has ended again; one that runs is left alone."""

    async def inspect(self, task_id: str) -> Container | None:
        """Return the container of a plain task."""

    async def inspect_pod(self, task_id: str) -> Mapping[str, Container]:
        """Return the containers of a pod by name; the sandbox is one where there is any."""

    async def wait(self, task_id: str, container: str = "") -> Exit:
        """Return once the container has ended or is gone."""

    def health(self, task_id: str, container: str = "") -> AsyncGenerator[Container, None]:
        """Yield the container whenever its health changes, beginning with now, until it ends."""

    async def stop(self, task_id: str, grace_s: float, container: str = "") -> None:
        """Send its stop signal; kill after the grace. Return when it has ended."""

    async def remove(self, task_id: str) -> None:
        """Kill if needed and forget, with its anonymous and ephemeral volumes."""

    async def remove_volume(self, volume: Volume) -> None:
        """Remove a volume of this node and what is in it; containers that have ended and would
        keep it are removed with it. Nothing happens where there is none.

        Raises:
            WrongState: a container runs with it.
            EngineUnavailable: the engine does not answer, or cannot do it now.
        """

    def logs(self, task_id: str, options: LogOptions) -> AsyncGenerator[LogLine, None]:
        """Yield lines, those of each container in order; `options.container` names one.

        Those that are followed end when the container does.
        """

    async def usage(self, task_id: str) -> Usage:
        """Return what all containers of the task use together."""

    def exec(
        self,
        task_id: str,
        argv: Sequence[str],
        stdin: AsyncIterator[ExecInput] | None,
        tty: bool,
        container: str = "",
    ) -> AsyncGenerator[ExecOutput, None]:
        """Run argv in the container; the last item carries the exit code.

        Raises:
            WrongState: the container does not run.
            TaskRefused: it could not be run, e.g. there is no such program.
        """

    async def close(self) -> None: ...


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
