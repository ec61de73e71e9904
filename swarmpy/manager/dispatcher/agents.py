"""Answers `Session`: lets a node in, tells it what it must hold, hears what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from swarmpy.core.tell import port_name
from swarmpy.errors import InvalidInput, TimedOut
from swarmpy.manager.dispatcher.liveness import store_state
from swarmpy.manager.dispatcher.session import Session
from swarmpy.manager.events import tell_of_node
from swarmpy.manager.lead import Lead
from swarmpy.manager.leash import until_first_ends
from swarmpy.manager.permission import require_node
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.dispatcher_pb2 import (
    AgentMessage,
    Hello,
    ManagerMessage,
    VolumesRemoved,
    Welcome,
)
from swarmpy.pb.objects_pb2 import ClosedPort, NodeDescription
from swarmpy.pb.types_pb2 import NODE_STATE_READY
from swarmpy.rpc.peer import Peer
from swarmpy.store.editor import Editor

log = structlog.get_logger()


class Agents:
    """The agents' side of the dispatcher."""

    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def session(self, peer: Peer, messages: AsyncIterator[AgentMessage], send: Send) -> None:
        """Serve one agent until it goes, is removed, or this manager stops leading."""
        lead = self._lead()
        store = self._seat.store
        require_node(store.view, peer)
        hello = await self._first(messages)
        with lead.roster.opened(peer) as session:
            async with session.leash.held():
                await self._enlist(peer, hello)
                lead.liveness.heard(peer.node_id)
                log.info("session_opened", node=peer.node_id)
                await send(self._welcome(peer))
                await until_first_ends(
                    session.write(
                        store.view, lead.roster.balancers, self._seat.api_addresses, send
                    ),
                    self._listen(lead, session, messages),
                )
        log.info("session_ended", node=peer.node_id)

    async def _first(self, messages: AsyncIterator[AgentMessage]) -> Hello:
        timeout_s = self._seat.settings.hello_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                async for message in messages:
                    if message.HasField("hello"):
                        return message.hello
                    break
        except TimeoutError:
            raise TimedOut(
                f"the agent opened a session and said nothing for {timeout_s} s"
            ) from None
        raise InvalidInput("a session begins with a Hello")

    async def _enlist(self, peer: Peer, hello: Hello) -> None:
        """Store what the node says of itself, and that it is up."""

        def decide(tx: Editor) -> None:
            require_node(tx.view, peer)
            with tx.nodes.edit(peer.node_id) as node:
                node.description.CopyFrom(hello.description)
                node.status.address = hello.address
                node.status.gossip_address = hello.gossip_address
                node.role = peer.role
                if hello.HasField("manager") and peer.node_id in self._seat.consensus.members():
                    node.manager.CopyFrom(hello.manager)
            store_state(self._seat, tx, peer.node_id, NODE_STATE_READY)

        await self._seat.write(decide)

    def _welcome(self, peer: Peer) -> ManagerMessage:
        return ManagerMessage(
            welcome=Welcome(
                heartbeat_s=self._seat.heartbeat_s,
                node_id=peer.node_id,
                now_ms=self._seat.now_ms,
            )
        )

    async def _listen(
        self, lead: Lead, session: Session, messages: AsyncIterator[AgentMessage]
    ) -> None:
        async for message in messages:
            lead.liveness.heard(session.node_id)
            match message.WhichOneof("message"):
                case "statuses":
                    lead.statuses.report(session, message.statuses.reports)
                case "heartbeat":
                    lead.liveness.table_hashes[session.node_id] = message.heartbeat.table_hash
                    await lead.liveness.clock_of(session.node_id, message.heartbeat.sent_at_ms)
                case "description":
                    await self._describe(session.node_id, message.description)
                case "probes":
                    lead.probes.reported(session.node_id, message.probes)
                case "usage":
                    lead.autoscaler.reported(session.node_id, message.usage)
                case "volumes_removed":
                    await self._volumes_removed(session.node_id, message.volumes_removed)
                case "closed_ports":
                    await self._close_ports(session.node_id, message.closed_ports.ports)
                case _:
                    raise InvalidInput("an agent says Hello once, and nothing that is unknown")

    async def _describe(self, node_id: str, description: NodeDescription) -> None:
        def decide(tx: Editor) -> None:
            with tx.nodes.edit(node_id) as node:
                node.description.CopyFrom(description)

        await self._seat.write(decide)

    async def _volumes_removed(self, node_id: str, removed: VolumesRemoved) -> None:
        def decide(tx: Editor) -> None:
            for volume_id in removed.volume_ids:
                row = tx.view.volumes.find(volume_id)
                if row is not None and row.removing and node_id in row.node_ids:
                    with tx.volumes.edit(volume_id) as volume:
                        volume.node_ids.remove(node_id)

        await self._seat.write(decide)

    async def _close_ports(self, node_id: str, ports: Sequence[ClosedPort]) -> None:
        """Store which published ports do not answer on a node, and tell people of new ones."""

        def decide(tx: Editor) -> None:
            with tx.nodes.edit(node_id) as node:
                for port in ports:
                    if port not in node.status.closed_ports:
                        name = port_name(port.protocol, port.port)
                        said = f"port {name} does not answer here: {port.reason}"
                        tell_of_node(self._seat, tx, node, "PortNotOpened", said, warning=True)
                del node.status.closed_ports[:]
                node.status.closed_ports.extend(ports)

        await self._seat.write(decide)
