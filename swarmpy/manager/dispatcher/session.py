"""What one connected agent was told, and what it is still to be told.

Nothing is queued for an agent but requests: a diff is made when the stream has room, from
what the agent was told last to what holds now. So an agent that lags costs no memory; when
its diff would be longer than everything it must hold, it gets that instead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from swarmpy.errors import Unavailable
from swarmpy.manager.dispatcher.assignments import (
    Held,
    addition,
    difference,
    held_by,
    only_adds,
    whole_set,
)
from swarmpy.manager.dispatcher.gossip_access import access_of, addresses_for
from swarmpy.manager.leash import Leash
from swarmpy.manager.serving import Send
from swarmpy.pb.dispatcher_pb2 import (
    GossipAccess,
    LoadBalancer,
    ManagerMessage,
    Managers,
    StatusAck,
)
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    NODE_ROLE_UNSPECIFIED,
    NODE_ROLE_WORKER,
    NodeRole,
)
from swarmpy.store.view import View

REQUESTS_WAITING = 64
"""Log and exec requests that may wait for one agent's stream to have room."""
DIFF_ENTRIES = 32
"""A diff of up to so many entries goes as a diff, however little the agent holds."""


class Session:
    """One agent's stream, as the manager keeps it."""

    def __init__(self, node_id: str, role: NodeRole.ValueType) -> None:
        self.node_id = node_id
        self.leash = Leash()
        self._told_role = role
        self._told_managers = Managers()
        self._told_gossip = GossipAccess()
        self._told: Held | None = None
        self._version = 0
        self._acknowledged = 0
        self._told_acknowledged = 0
        self._requests: deque[ManagerMessage] = deque()
        self._refresh = True
        self._changed: dict[str, None] = {}
        """Tasks of the node to look at, where nothing else has changed."""
        self._wake = asyncio.Event()

    def refresh(self) -> None:
        """Look, when the stream has room, whether the agent must be told something."""
        self._refresh = True
        self._wake.set()

    def changed(self, task_id: str) -> None:
        """Look, when the stream has room, whether the agent must be told of one of its tasks."""
        self._changed[task_id] = None
        self._wake.set()

    def acknowledge(self, sequence: int) -> None:
        """Tell the agent that its reports up to this one are stored."""
        self._acknowledged = max(self._acknowledged, sequence)
        self._wake.set()

    def ask(self, request: ManagerMessage) -> None:
        """Send a log or exec request.

        Raises:
            Unavailable: too many wait already.
        """
        if len(self._requests) >= REQUESTS_WAITING:
            raise Unavailable(
                f"node {self.node_id} does not keep up: {REQUESTS_WAITING} requests wait for it",
                remedy="try again when fewer logs are followed",
            )
        self._requests.append(request)
        self._wake.set()

    async def write(
        self,
        view: View,
        balancers: Iterable[LoadBalancer],
        managers: Callable[[], list[str]],
        send: Send,
    ) -> None:
        """Write what is to be told, for as long as the stream lives.

        `view` and `balancers` are live: each message is made from what they hold just then.
        """
        while True:
            for message in self.due(view, balancers, managers()):
                await send(message)
            await self._wake.wait()
            self._wake.clear()

    def due(
        self, view: View, balancers: Iterable[LoadBalancer], managers: list[str]
    ) -> Iterator[ManagerMessage]:
        """Yield what the agent must be told; each message counts as told when it is taken."""
        if self._changed and not self._refresh:
            yield from self._additions(view)
        if self._refresh:
            self._refresh = False
            self._changed.clear()
            yield from self._assignments(view, balancers)
            yield from self._managers(managers)
            yield from self._role(view.nodes.find(self.node_id))
            yield from self._gossip(view)
        if self._acknowledged > self._told_acknowledged:
            self._told_acknowledged = self._acknowledged
            yield ManagerMessage(acknowledged=StatusAck(sequence=self._acknowledged))
        while self._requests:
            yield self._requests.popleft()

    def _assignments(
        self, view: View, balancers: Iterable[LoadBalancer]
    ) -> Iterator[ManagerMessage]:
        before, held = self._told, held_by(self.node_id, view, balancers)
        self._told = held
        diff = None if before is None else difference(before, held, self._version)
        if before is not None and diff is None:
            return
        self._version += 1
        if diff is None or len(diff.changed) + len(diff.removed) > max(len(held), DIFF_ENTRIES):
            yield ManagerMessage(assignments=whole_set(held, self._version))
        else:
            yield ManagerMessage(diff=diff)

    def _additions(self, view: View) -> Iterator[ManagerMessage]:
        """Tell of tasks that came or are wanted otherwise; of any other change tell by looking
        at everything.
        """
        tasks = [view.tasks.find(task_id) for task_id in self._changed]
        if self._told is None or not only_adds(self.node_id, tasks):
            self._refresh = True
            return
        self._changed.clear()
        diff = addition(self._told, tasks, view, self._version)
        if diff is not None:
            self._version += 1
            yield ManagerMessage(diff=diff)

    def _managers(self, addresses: list[str]) -> Iterator[ManagerMessage]:
        managers = Managers(api_addresses=addresses)
        if managers != self._told_managers:
            self._told_managers = managers
            yield ManagerMessage(managers=managers)

    def _gossip(self, view: View) -> Iterator[ManagerMessage]:
        """Tell what is new, but for addresses: gossip itself knows those."""
        access = access_of(view)
        if access is None or access == self._told_gossip:
            return
        self._told_gossip = access
        message = ManagerMessage(gossip=access)
        message.gossip.addresses.extend(addresses_for(self.node_id, view))
        yield message

    def _role(self, node: Node | None) -> Iterator[ManagerMessage]:
        role = NODE_ROLE_UNSPECIFIED if node is None else role_due(node)
        if role not in {NODE_ROLE_UNSPECIFIED, self._told_role}:
            self._told_role = role
            yield ManagerMessage(role=role)


def role_due(node: Node) -> NodeRole.ValueType:
    """Return the role that a node's certificate shall have now.

    A manager that is to be a worker stays one until it has left the quorum.
    """
    leaves = node.spec.role == NODE_ROLE_WORKER and node.HasField("manager")
    return NODE_ROLE_MANAGER if leaves else node.spec.role
