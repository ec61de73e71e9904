"""Join tokens: the right to join, with an end. Secrets are shown once and stored hashed."""

from __future__ import annotations

from swarmpy.errors import InvalidInput
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateTokenRequest,
    CreateTokenResponse,
    ListTokensRequest,
    ListTokensResponse,
    RevokeTokenRequest,
    RevokeTokenResponse,
)
from swarmpy.pb.objects_pb2 import JoinToken
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.security.tokens import SECRET_BYTES, hash_secret, mint
from swarmpy.store.editor import Editor

TTL_S = 3600.0
TTL_MAX_S = 365 * 86400.0
USES_MAX = 10_000


class Tokens:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_token(self, request: CreateTokenRequest) -> CreateTokenResponse:
        """Make a token; its secret is in the answer and nowhere else."""
        seat = self._seat
        ttl_s, uses = request.ttl_s or TTL_S, request.uses or 1
        if request.role not in {NODE_ROLE_WORKER, NODE_ROLE_MANAGER}:
            raise InvalidInput("role: is missing, expected worker or manager")
        if not 0 < ttl_s <= TTL_MAX_S:
            raise InvalidInput(f"ttl_s: is {ttl_s:g}, expected more than 0 and at most a year")
        if uses > USES_MAX:
            raise InvalidInput(f"uses: is {uses}, expected at most {USES_MAX}")
        secret = seat.rng.randbytes(SECRET_BYTES)
        token = JoinToken(
            id=seat.ids.new_id(),
            role=request.role,
            secret_hash=hash_secret(secret),
            expires_at_ms=seat.now_ms + int(ttl_s * 1000),
            uses_left=uses,
        )

        def decide(tx: Editor) -> None:
            tx.join_tokens.create(token)

        await seat.write(decide)
        here_first = sorted(seat.managers(), key=lambda node: node.id != seat.node_id)
        return CreateTokenResponse(
            token=_shown(seat.store.view.join_tokens.get(token.id)),
            secret=mint(request.role, seat.authority().digest, token.id, secret),
            join_addresses=[node.manager.raft_address for node in here_first],
        )

    async def list_tokens(self, _request: ListTokensRequest) -> ListTokensResponse:
        view = await self._seat.read()
        return ListTokensResponse(tokens=[_shown(token) for token in view.join_tokens])

    async def revoke_token(self, request: RevokeTokenRequest) -> RevokeTokenResponse:
        def decide(tx: Editor) -> None:
            tx.join_tokens.delete(tx.view.join_tokens.resolve(request.id).id)

        await self._seat.write(decide)
        return RevokeTokenResponse()


def _shown(token: JoinToken) -> JoinToken:
    copy = JoinToken()
    copy.CopyFrom(token)
    copy.ClearField("secret_hash")
    return copy
