"""Answers nodes about what they are: certificates, the quorum, and joins passed on."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from swarmpy.errors import InvalidInput
from swarmpy.manager.dispatcher.session import role_due
from swarmpy.manager.enroll import Enrollment, sign
from swarmpy.manager.events import tell_of_node
from swarmpy.manager.lead import Lead
from swarmpy.manager.permission import require_manager, require_node
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import (
    JoinQuorumRequest,
    JoinQuorumResponse,
    RenewCertificateRequest,
    RenewCertificateResponse,
)
from swarmpy.pb.join_pb2 import JoinRequest, JoinResponse
from swarmpy.rpc.peer import Peer
from swarmpy.store.editor import Editor

log = structlog.get_logger()


class Membership:
    """The nodes' side of the dispatcher, beside their sessions."""

    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def renew_certificate(
        self, peer: Peer, request: RenewCertificateRequest
    ) -> RenewCertificateResponse:
        """Sign a certificate for the node that asks, with the role it shall have now."""
        self._lead()
        view = await self._seat.read()
        node = require_node(view, peer)
        certificate_pem = sign(self._seat, request.csr_pem, node.id, role_due(node))
        log.info("certificate_renewed", node=node.id)
        return RenewCertificateResponse(
            certificate_pem=certificate_pem, ca_certificate_pem=view.cluster.ca_certificate_pem
        )

    async def join_quorum(self, peer: Peer, request: JoinQuorumRequest) -> JoinQuorumResponse:
        """Make a manager a voter. Asking again does no harm."""
        self._lead()
        manager = request.manager
        node = require_manager(await self._seat.read(), peer)
        if not manager.raft_address or not manager.api_address:
            raise InvalidInput("a manager joins the quorum with its Raft and its API address")
        consensus = self._seat.consensus
        if consensus.members().get(node.id) != manager.raft_address:
            await consensus.add_member(node.id, manager.raft_address)

        def decide(tx: Editor) -> None:
            with tx.nodes.edit(peer.node_id) as joined:
                if not joined.HasField("manager"):
                    tell_of_node(self._seat, tx, joined, "ManagerJoined", "it votes from now on")
                joined.manager.CopyFrom(manager)
                joined.role = peer.role

        await self._seat.write(decide)
        return JoinQuorumResponse()

    async def join(self, peer: Peer, request: JoinRequest) -> JoinResponse:
        """Admit a node that asked another manager."""
        self._lead()
        require_manager(self._seat.store.view, peer)
        return await Enrollment(self._seat).admit(request)
