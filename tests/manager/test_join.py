"""A node without a certificate gets one for a good token, and a clear reason otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest

from swarmpy.errors import InvalidInput, PermissionDenied, TokenRefused, Unavailable, WrongState
from swarmpy.manager.api.tokens import Tokens
from swarmpy.manager.dispatcher.membership import Membership
from swarmpy.manager.enroll import Enrollment
from swarmpy.manager.join_server import FAILURES_ALLOWED, JoinServer
from swarmpy.manager.seat import Seat
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.control_pb2 import CreateTokenRequest
from swarmpy.pb.dispatcher_pb2 import JoinQuorumRequest, RenewCertificateRequest
from swarmpy.pb.join_pb2 import JoinOffer, JoinRequest, JoinResponse
from swarmpy.pb.objects_pb2 import ManagerStatus
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NODE_STATE_UNKNOWN, NodeRole
from swarmpy.rpc.frames import read_frame, write_frame
from swarmpy.seams import RpcServer
from swarmpy.security.certificates import new_key_and_csr, read_certificate, subject_of
from swarmpy.security.tokens import Token, parse
from swarmpy.testing import builders
from tests.manager.fake_agent import Swarm
from tests.manager.one_manager import AUTHORITY, leading_seat, manager_peer, put, worker
from tests.manager.stopped_clock import StoppedClock

_, CSR_PEM = new_key_and_csr()


class NoTransport:
    """For managers that need not call anybody."""

    def channel(self, address: str) -> grpc.aio.Channel:
        raise AssertionError(f"nobody should be called, least of all {address}")

    async def serve(self, address: str, register: Callable[[grpc.aio.Server], None]) -> RpcServer:
        raise AssertionError(f"nothing should be served on {address}")


@dataclass
class Joining:
    """A token, and what one does with it."""

    seat: Seat
    clock: StoppedClock
    token: Token

    def request(self, **changes: object) -> JoinRequest:
        request = JoinRequest(
            token_id=self.token.token_id,
            secret=self.token.secret,
            csr_pem=CSR_PEM,
            now_ms=self.seat.now_ms,
        )
        request.MergeFrom(JoinRequest(**changes))  # type: ignore[arg-type]
        return request

    async def join(self, **changes: object) -> JoinResponse:
        return await Enrollment(self.seat).admit(self.request(**changes))

    def uses_left(self) -> int:
        return self.seat.store.view.join_tokens.get(self.token.token_id).uses_left


async def joining(role: NodeRole.ValueType = NODE_ROLE_WORKER, uses: int = 1) -> Joining:
    clock = StoppedClock()
    seat = await leading_seat(clock)
    made = await Tokens(seat).create_token(CreateTokenRequest(role=role, uses=uses))
    return Joining(seat, clock, parse(made.secret))


async def test_a_good_token_gives_a_node_row_and_a_certificate() -> None:
    one = await joining()
    response = await one.join()
    subject = subject_of(read_certificate(response.certificate_pem))
    assert (subject.node_id, subject.cluster_id) == (response.node_id, "c1")
    assert subject.role == response.role == NODE_ROLE_WORKER
    assert list(response.api_addresses) == ["m1:2378"]
    assert not response.members, "only managers need to know the quorum"
    node = one.seat.store.view.nodes.get(response.node_id)
    assert (node.status.state, node.spec.role) == (NODE_STATE_UNKNOWN, NODE_ROLE_WORKER)
    assert one.uses_left() == 0


async def test_a_manager_token_gives_a_managers_certificate_and_the_quorum() -> None:
    one = await joining(NODE_ROLE_MANAGER)
    response = await one.join()
    assert subject_of(read_certificate(response.certificate_pem)).role == NODE_ROLE_MANAGER
    assert [(m.node_id, m.raft_address) for m in response.members] == [("m1", "m1:2377")]


async def test_a_token_is_good_for_as_many_nodes_as_it_says() -> None:
    one = await joining(uses=2)
    first, second = await one.join(), await one.join()
    assert first.node_id != second.node_id
    with pytest.raises(TokenRefused, match="used up"):
        await one.join()


async def test_two_joins_at_once_cannot_share_the_last_use() -> None:
    one = await joining()
    results = await asyncio.gather(*(one.join() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, JoinResponse) for result in results) == 1
    assert len(one.seat.store.view.nodes) == 2


async def test_an_expired_token_is_refused() -> None:
    one = await joining()
    await one.clock.advance(3601)
    with pytest.raises(TokenRefused, match="expired") as refused:
        await one.join()
    assert "swarmpy token create" in refused.value.remedy
    assert one.uses_left() == 1


@pytest.mark.parametrize(
    "changes", [{"secret": bytes(16)}, {"token_id": "unknown"}], ids=["wrong secret", "unknown id"]
)
async def test_who_does_not_know_the_secret_learns_nothing(changes: dict[str, object]) -> None:
    one = await joining()
    with pytest.raises(TokenRefused, match="unknown or was revoked"):
        await one.join(**changes)
    assert one.uses_left() == 1


@pytest.mark.parametrize(("skew_s", "refused"), [(59, False), (61, True), (-61, True)])
async def test_a_joiner_whose_clock_is_far_off_is_refused(skew_s: int, refused: bool) -> None:
    one = await joining()
    now_ms = one.seat.now_ms + skew_s * 1000
    if not refused:
        await one.join(now_ms=now_ms)
        return
    with pytest.raises(WrongState, match="clock") as error:
        await one.join(now_ms=now_ms)
    assert "NTP" in error.value.remedy
    assert one.uses_left() == 1


async def test_a_faulty_certificate_request_does_not_use_the_token_up() -> None:
    one = await joining()
    with pytest.raises(InvalidInput):
        await one.join(csr_pem=b"not a request")
    assert one.uses_left() == 1


# --- on the cluster port


async def served(seat: Seat, *requests: JoinRequest) -> tuple[JoinOffer, list[JoinResponse]]:
    """Join over real sockets, one connection per request; return the offer and the answers."""
    server = JoinServer(seat, NoTransport())

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.handle(reader, writer, None)
        finally:
            writer.close()
            await writer.wait_closed()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    offer, answers = JoinOffer(), []
    async with listener:
        for request in requests:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            offer = await read_frame(reader, JoinOffer)
            await write_frame(writer, request)
            answers.append(await read_frame(reader, JoinResponse))
            writer.close()
            await writer.wait_closed()
    return offer, answers


async def test_the_server_shows_its_authority_before_it_sees_a_secret() -> None:
    one = await joining()
    offer, (answer,) = await served(one.seat, one.request())
    assert offer.ca_certificate_pem == AUTHORITY.ca_certificate_pem
    assert not answer.error
    assert answer.node_id in one.seat.store.view.nodes


async def test_a_refusal_names_its_error_and_remedy() -> None:
    one = await joining()
    _, (answer,) = await served(one.seat, one.request(secret=bytes(16)))
    assert answer.error_class == "TokenRefused"
    assert answer.remedy


async def test_a_host_that_fails_often_has_to_wait() -> None:
    one = await joining()
    bad = one.request(secret=bytes(16))
    _, answers = await served(one.seat, *[bad] * FAILURES_ALLOWED, one.request())
    assert answers[-1].error_class == "PermissionDenied"
    assert one.uses_left() == 1


async def test_who_says_nothing_is_hung_up_on() -> None:
    seat = await leading_seat(settings=ManagerSettings(join_timeout_s=0.05))
    reader = asyncio.StreamReader()
    listener = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(Unavailable):
            await JoinServer(seat, NoTransport()).handle(reader, writer, None)
        writer.close()
        await writer.wait_closed()


# --- afterwards


async def test_a_renewed_certificate_has_the_role_that_is_wanted(swarm: Swarm) -> None:
    membership = Membership(swarm.seat, lambda: swarm.lead)
    request = RenewCertificateRequest(csr_pem=CSR_PEM)
    renewed = await membership.renew_certificate(worker("w1"), request)
    assert subject_of(read_certificate(renewed.certificate_pem)).role == NODE_ROLE_WORKER
    async with swarm.seat.store.update() as tx:
        with tx.nodes.edit("w1") as node:
            node.spec.role = NODE_ROLE_MANAGER
    renewed = await membership.renew_certificate(worker("w1"), request)
    assert subject_of(read_certificate(renewed.certificate_pem)).role == NODE_ROLE_MANAGER


async def test_a_removed_node_gets_no_certificate(swarm: Swarm) -> None:
    membership = Membership(swarm.seat, lambda: swarm.lead)
    with pytest.raises(PermissionDenied):
        await membership.renew_certificate(
            worker("stranger"), RenewCertificateRequest(csr_pem=CSR_PEM)
        )


async def test_a_new_manager_becomes_a_voter(swarm: Swarm) -> None:
    await put(swarm.seat.store, nodes=[builders.node("m2", role=NODE_ROLE_MANAGER)])
    membership = Membership(swarm.seat, lambda: swarm.lead)
    status = ManagerStatus(raft_address="m2:2377", api_address="m2:2378")
    for _ in range(2):
        await membership.join_quorum(manager_peer("m2"), JoinQuorumRequest(manager=status))
    assert swarm.seat.consensus.members()["m2"] == "m2:2377"
    assert swarm.seat.store.view.nodes.get("m2").manager == status
    assert swarm.seat.api_addresses() == ["m1:2378", "m2:2378"]


async def test_a_worker_cannot_join_the_quorum_nor_let_nodes_in(swarm: Swarm) -> None:
    membership = Membership(swarm.seat, lambda: swarm.lead)
    status = ManagerStatus(raft_address="w1:2377", api_address="w1:2378")
    with pytest.raises(PermissionDenied):
        await membership.join_quorum(worker("w1"), JoinQuorumRequest(manager=status))
    with pytest.raises(PermissionDenied):
        await membership.join(worker("w1"), JoinRequest())
    with pytest.raises(PermissionDenied, match="not a manager"):
        await membership.join_quorum(manager_peer("w1"), JoinQuorumRequest(manager=status))
