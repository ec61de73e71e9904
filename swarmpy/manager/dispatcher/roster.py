"""Every session that is open, and who wakes them: the store's commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from swarmpy.errors import PermissionDenied, Unavailable, WrongState
from swarmpy.manager.dispatcher.balancers import Balancers
from swarmpy.manager.dispatcher.session import Session
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import ManagerMessage
from swarmpy.pb.objects_pb2 import Node
from swarmpy.rpc.peer import Peer
from swarmpy.store.watch import Commit, RowChange

TABLES = ("tasks", "services", "nodes", "configs", "secrets", "networks", "clusters", "volumes")
FOR_ALL = frozenset({"configs", "secrets", "networks", "clusters"})
"""Tables that change seldom: every session looks when they do."""


class Roster:
    """At most one session per node."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._sessions: dict[str, Session] = {}
        self.balancers = Balancers()
        # The first session's first set must have the routes in it: without them a node would
        # close every published port until the next diff.
        self.balancers.follow(seat.store.view, [Commit(seat.store.index, resync=True)])

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._sessions

    @contextmanager
    def opened(self, peer: Peer) -> Iterator[Session]:
        """Count a session in for the length of a block; an older one of its node is ended."""
        session = Session(peer.node_id, peer.role)
        older = self._sessions.get(peer.node_id)
        if older is not None:
            older.leash.pull(WrongState(f"node {peer.node_id} opened another session"))
        self._sessions[peer.node_id] = session
        try:
            yield session
        finally:
            if self._sessions.get(peer.node_id) is session:
                del self._sessions[peer.node_id]

    def ask(self, node_id: str, request: ManagerMessage) -> None:
        """Send a log or exec request to a node's agent.

        Raises:
            Unavailable: its agent holds no session, or does not keep up.
        """
        session = self._sessions.get(node_id)
        if session is None:
            raise Unavailable(
                f"node {node_id} is not connected",
                remedy="see swarmpy node ls; it comes back when its daemon runs",
            )
        session.ask(request)

    async def run(self) -> None:
        """Follow the store until cancelled; commits close together are looked at together.

        The more sessions were woken, the longer: then each is told of several tasks at once.
        """
        store, settings = self._seat.store, self._seat.settings
        woken = 0
        with store.watching(TABLES) as watch:
            while True:
                await watch.ready()
                delay_s = max(settings.diff_delay_s, woken * settings.diff_delay_per_session_s)
                await self._seat.clock.sleep(delay_s)
                woken = self.follow(watch.take())

    def follow(self, commits: Iterable[Commit]) -> int:
        """Wake the sessions that these commits may concern; return how many."""
        commits = list(commits)
        self._end_removed()
        changes = [change for commit in commits for change in commit.changes]
        everybody = (
            self.balancers.follow(self._seat.store.view, commits)
            or any(commit.resync for commit in commits)
            or any(_concerns_all(change) for change in changes)
        )
        woken: set[str] = set()
        for change in changes:
            for node_id in _nodes_of(change) & self._sessions.keys():
                woken.add(node_id)
                if change.table == "tasks":
                    self._sessions[node_id].changed(change.id)
                else:
                    self._sessions[node_id].refresh()
        if everybody:
            for session in self._sessions.values():
                session.refresh()
        return len(self._sessions) if everybody else len(woken)

    def _end_removed(self) -> None:
        for session in self._sessions.values():
            if session.node_id not in self._seat.store.view.nodes:
                session.leash.pull(
                    PermissionDenied(
                        f"node {session.node_id} was removed from this swarm",
                        remedy="on that node: swarmpy leave",
                    )
                )


def _concerns_all(change: RowChange) -> bool:
    if change.table == "nodes":
        return _manages_otherwise(change.old, change.new)
    return change.table in FOR_ALL


def _nodes_of(change: RowChange) -> set[str]:
    """Return the ids of the nodes that a change is about, or is of a task or volume of."""
    rows = [row for row in (change.old, change.new) if row is not None]
    match change.table:
        case "nodes":
            return {change.id}
        case "tasks":
            return {row.node_id for row in rows}
        case "volumes":
            return {node_id for row in rows for node_id in row.node_ids}
        case _:
            return set()


def _manages_otherwise(old: Node | None, new: Node | None) -> bool:
    """Say whether agents find another list of managers from now on."""
    managers = [
        node.manager if node is not None and node.HasField("manager") else None
        for node in (old, new)
    ]
    return managers[0] != managers[1]
