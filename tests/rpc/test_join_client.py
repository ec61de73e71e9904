import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from swarmpy.errors import (
    InvalidInput,
    NoLeader,
    PermissionDenied,
    SwarmPyError,
    TokenRefused,
    Unavailable,
)
from swarmpy.pb.join_pb2 import JoinOffer, JoinRequest, JoinResponse
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.rpc.cluster_port import JOIN_PROTOCOL, ClusterPort
from swarmpy.rpc.frames import read_frame, write_frame
from swarmpy.rpc.join_client import join
from swarmpy.rpc.peer import Peer
from swarmpy.rpc.streams import on_streams
from swarmpy.security.certificates import NodeIdentity, new_key_and_csr
from swarmpy.security.tokens import mint
from tests.rpc.open_port import opened
from tests.security.certificate_makers import authority, node

SECRET = b"0123456789abcdef"
KEY, CSR = new_key_and_csr()
TOKEN = mint(NODE_ROLE_WORKER, authority().digest, "token1", SECRET)

Answer = Callable[[JoinRequest], JoinResponse]


def granted(request: JoinRequest) -> JoinResponse:
    ca = authority()
    certificate = ca.sign(
        request.csr_pem,
        node_id="new1",
        role=NODE_ROLE_WORKER,
        cluster_id="cluster1",
        ttl_s=60,
        now_s=time.time(),
    )
    return JoinResponse(node_id="new1", cluster_id="cluster1", certificate_pem=certificate)


@asynccontextmanager
async def manager(
    answer: Answer, identity: NodeIdentity | None = None
) -> AsyncIterator[tuple[str, list[JoinRequest]]]:
    """Yield the address of a manager, and the requests that it got to see."""
    identity, seen = identity or node("manager1"), list[JoinRequest]()

    async def serve(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _peer: Peer | None
    ) -> None:
        await write_frame(writer, JoinOffer(ca_certificate_pem=authority().ca_certificate_pem))
        seen.append(await read_frame(reader, JoinRequest))
        await write_frame(writer, answer(seen[-1]))

    port = ClusterPort(lambda: identity)
    port.register(JOIN_PROTOCOL, on_streams(serve), needs_certificate=False)
    async with opened(port) as address:
        yield address, seen


def now_ms() -> int:
    return int(time.time() * 1000)


async def test_a_token_buys_a_certificate() -> None:
    async with manager(granted) as (address, seen):
        response = await join(address, TOKEN, CSR, now_ms())
    assert (seen[0].token_id, seen[0].secret) == ("token1", SECRET)
    identity = NodeIdentity.read(response.certificate_pem, KEY, response.ca_certificate_pem)
    assert identity.node_id == "new1"


@pytest.mark.parametrize(
    ("identity", "token_swarm", "ahead_ms", "error", "message"),
    [
        pytest.param(
            node("m"), "cluster2", 0, TokenRefused, "another swarm", id="token of another swarm"
        ),
        pytest.param(
            node("w", NODE_ROLE_WORKER), "cluster1", 0, PermissionDenied, "worker", id="worker"
        ),
        pytest.param(
            node("x", cluster_id="cluster2"),
            "cluster1",
            0,
            PermissionDenied,
            "without being of it",
            id="impostor",
        ),
        pytest.param(
            node("m"), "cluster1", 10**8, InvalidInput, "here it is", id="clock a day ahead"
        ),
    ],
)
async def test_the_secret_is_shown_to_the_right_swarm_only(
    identity: NodeIdentity,
    token_swarm: str,
    ahead_ms: int,
    error: type[SwarmPyError],
    message: str,
) -> None:
    token = mint(NODE_ROLE_WORKER, authority(token_swarm).digest, "token1", SECRET)
    async with manager(granted, identity) as (address, seen):
        with pytest.raises(error, match=message) as caught:
            await join(address, token, CSR, now_ms() + ahead_ms)
    assert not seen
    assert caught.value.remedy


@pytest.mark.parametrize(
    "refused",
    [
        TokenRefused("this token was used up", remedy="make another"),
        NoLeader.counted(1, 3),
        InvalidInput("the clocks differ by 400 s", remedy="set them"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_managers_refusal_arrives_as_it_was_raised(refused: SwarmPyError) -> None:
    told = JoinResponse(
        error=refused.message, remedy=refused.remedy, error_class=type(refused).__name__
    )
    async with manager(lambda _: told) as (address, _seen):
        with pytest.raises(type(refused)) as caught:
            await join(address, TOKEN, CSR, now_ms())
    assert (caught.value.message, caught.value.remedy) == (refused.message, refused.remedy)


async def test_a_certificate_for_another_key_is_not_taken() -> None:
    other = JoinRequest(csr_pem=new_key_and_csr()[1])
    async with manager(lambda _: granted(other)) as (address, _seen):
        with pytest.raises(InvalidInput, match="for another key"):
            await join(address, TOKEN, CSR, now_ms())


async def test_a_certificate_of_another_authority_is_not_taken() -> None:
    foreign = JoinResponse(certificate_pem=node("new1", cluster_id="cluster2").certificate_pem)
    async with manager(lambda _: foreign) as (address, _seen):
        with pytest.raises(PermissionDenied, match="another authority"):
            await join(address, TOKEN, CSR, now_ms())


async def test_a_manager_that_dies_meanwhile_is_unavailable() -> None:
    def die(_: JoinRequest) -> JoinResponse:
        raise ConnectionResetError

    async with manager(die) as (address, _seen):
        with pytest.raises(Unavailable, match="hung up"):
            await join(address, TOKEN, CSR, now_ms())


async def test_a_token_that_is_none_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(TokenRefused, match="lacks SWMPY-1"):
        await join("192.0.2.1:4242", "hello", CSR, now_ms())
