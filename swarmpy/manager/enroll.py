"""Admits a node: checks its join token, makes its row, signs its certificate."""

from __future__ import annotations

from swarmpy.errors import TokenRefused, WrongState
from swarmpy.manager.events import tell_of_node
from swarmpy.manager.seat import Seat
from swarmpy.pb.join_pb2 import JoinRequest, JoinResponse, QuorumMember
from swarmpy.pb.objects_pb2 import JoinToken, Node, NodeStatus
from swarmpy.pb.specs_pb2 import NodeSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    NODE_ROLE_MANAGER,
    NODE_STATE_UNKNOWN,
    NodeRole,
)
from swarmpy.security.tokens import matches
from swarmpy.store.editor import Editor
from swarmpy.store.view import View

CERTIFICATE_TTL_S = 90 * 86400.0
REMEDY = "make a new one on a manager: swarmpy token create"


class Enrollment:
    """For the leader: who leads not asks it."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def admit(self, request: JoinRequest) -> JoinResponse:
        """Use the token up once, and return what the new node needs.

        Raises:
            TokenRefused: unknown, expired or used up; nothing was written.
            WrongState: the clocks are too far apart.
            InvalidInput: the certificate request is faulty.
            NotLeader, OutcomeUnknown: as every write.
        """
        seat = self._seat
        self._check_clock(request)
        node_id = seat.ids.new_id()
        role = usable_token(seat.store.view, request, seat.now_ms).role
        certificate_pem = sign(seat, request.csr_pem, node_id, role)

        def decide(tx: Editor) -> None:
            token = usable_token(tx.view, request, seat.now_ms)
            with tx.join_tokens.edit(token.id) as used:
                used.uses_left -= 1
            node = tx.nodes.create(_new_node(node_id, role, seat.now_ms))
            tell_of_node(seat, tx, node, "NodeJoined", f"with token {token.id}")

        await seat.write(decide)
        return JoinResponse(
            node_id=node_id,
            cluster_id=seat.store.view.cluster.id,
            role=role,
            certificate_pem=certificate_pem,
            api_addresses=seat.api_addresses(),
            members=self._members() if role == NODE_ROLE_MANAGER else (),
        )

    def _check_clock(self, request: JoinRequest) -> None:
        skew_s = (request.now_ms - self._seat.now_ms) / 1000
        limit_s = self._seat.settings.join_clock_skew_s
        if abs(skew_s) > limit_s:
            raise WrongState(
                f"the joining node's clock is {abs(skew_s):.0f} s "
                f"{'ahead of' if skew_s > 0 else 'behind'} the manager's; {limit_s:.0f} s are "
                "allowed, because certificates are checked against the clock",
                remedy="set both clocks (NTP), then join again; the token is still good",
            )

    def _members(self) -> list[QuorumMember]:
        members = self._seat.consensus.members()
        return [
            QuorumMember(node_id=node_id, raft_address=address)
            for node_id, address in sorted(members.items())
        ]


def usable_token(view: View, request: JoinRequest, now_ms: int) -> JoinToken:
    """Return the token that a request shows. Raises TokenRefused.

    Only who knows the secret learns what is wrong with a token.
    """
    token = view.join_tokens.find(request.token_id)
    if token is None or not matches(request.secret, token.secret_hash):
        raise TokenRefused("this join token is unknown or was revoked", remedy=REMEDY)
    if now_ms >= token.expires_at_ms:
        late_s = (now_ms - token.expires_at_ms) // 1000
        late = f"{late_s // 60} min" if late_s >= 60 else f"{late_s} s"
        raise TokenRefused(f"this join token expired {late} ago", remedy=REMEDY)
    if not token.uses_left:
        raise TokenRefused("this join token is used up", remedy=REMEDY)
    return token


def sign(seat: Seat, csr_pem: bytes, node_id: str, role: NodeRole.ValueType) -> bytes:
    """Return a certificate of this swarm. Raises InvalidInput for a faulty request."""
    cluster = seat.store.view.cluster
    return seat.authority().sign(
        csr_pem,
        node_id=node_id,
        role=role,
        cluster_id=cluster.id,
        ttl_s=cluster.spec.node_certificate_ttl_s or CERTIFICATE_TTL_S,
        now_s=seat.clock.now(),
    )


def _new_node(node_id: str, role: NodeRole.ValueType, now_ms: int) -> Node:
    return Node(
        id=node_id,
        spec=NodeSpec(role=role, availability=AVAILABILITY_ACTIVE),
        status=NodeStatus(
            state=NODE_STATE_UNKNOWN,
            message="joined; its agent has not called yet",
            since_ms=now_ms,
        ),
        role=role,
    )
