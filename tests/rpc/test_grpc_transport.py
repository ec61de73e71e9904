import asyncio
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from swarmpy.errors import InvalidInput, Unavailable, WrongState
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.rpc.address import split_address
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.rpc.grpc_transport import REQUEST_MAX_BYTES, GrpcTransport, serve_local
from swarmpy.rpc.peer import LOCAL, Peer, peer_of
from swarmpy.security.certificates import NodeIdentity
from tests.security.certificate_makers import node

MANAGER = node("manager1")
WORKER = node("worker1", NODE_ROLE_WORKER)
WHO = "/test.Who/Who"


def register(server: grpc.aio.Server) -> None:
    async def who(_request: bytes, context: Any) -> bytes:
        return repr(peer_of(context)).encode()

    handlers = {"Who": grpc.unary_unary_rpc_method_handler(who)}
    handler = grpc.method_handlers_generic_handler("test.Who", handlers)
    server.add_generic_rpc_handlers((handler,))


@asynccontextmanager
async def served(identity: Callable[[], NodeIdentity] = lambda: MANAGER) -> AsyncIterator[str]:
    server = await GrpcTransport(identity).serve("127.0.0.1:0", register)
    try:
        yield server.address
    finally:
        await server.stop(0)


def dial(identity: NodeIdentity, address: str) -> Any:
    return GrpcTransport(lambda: identity).channel(address)


async def who_am_i(channel: Any, **kwargs: Any) -> str:
    with errors_from_the_wire():
        answer: bytes = await channel.unary_unary(WHO)(b"", timeout=5, **kwargs)
    return answer.decode()


@pytest.mark.parametrize("identity", [WORKER, MANAGER], ids=["worker", "manager"])
async def test_a_caller_is_known_by_its_certificate(identity: NodeIdentity) -> None:
    async with served() as address, dial(identity, address) as channel:
        expected = Peer(identity.node_id, identity.role, "cluster1")
        assert await who_am_i(channel) == repr(expected)


async def test_a_caller_cannot_say_to_be_somebody_else() -> None:
    metadata = [
        ("swarmpy_node_id", "manager1"),
        ("swarmpy_role", "manager"),
        ("x509_pem_cert", "no"),
        ("x509_common_name", "manager1"),
    ]
    async with served() as address, dial(WORKER, address) as channel:
        assert "node_id='worker1', role=1" in await who_am_i(channel, metadata=metadata)


async def test_a_server_without_a_managers_certificate_is_not_talked_to() -> None:
    async with served(lambda: WORKER) as address, dial(MANAGER, address) as channel:
        with pytest.raises(Unavailable):
            await who_am_i(channel)


async def test_a_node_of_another_swarm_gets_nowhere() -> None:
    foreign = node("manager1", cluster_id="cluster2")
    mixed = NodeIdentity(
        "manager1",
        "cluster1",
        foreign.role,
        foreign.certificate_pem,
        foreign.key_pem,
        MANAGER.ca_certificate_pem,
    )
    for caller in (foreign, mixed):
        async with served() as address, dial(caller, address) as channel:
            with pytest.raises(Unavailable):
                await who_am_i(channel)


async def test_a_caller_without_a_certificate_gets_nowhere() -> None:
    credentials = grpc.ssl_channel_credentials(MANAGER.ca_certificate_pem)
    name = [("grpc.ssl_target_name_override", "manager.swarmpy")]
    async with served() as address:
        async with grpc.aio.secure_channel(address, credentials, options=name) as channel:
            with pytest.raises(Unavailable):
                await who_am_i(channel)
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(Unavailable):
                await who_am_i(channel)


@pytest.mark.parametrize(
    ("version", "spoken"),
    [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)],
    ids=["1.2", "1.3"],
)
async def test_tls_1_3_is_spoken_and_nothing_older(
    version: ssl.TLSVersion, spoken: bool, tmp_path: Path
) -> None:
    pem = tmp_path / "worker.pem"
    pem.write_bytes(WORKER.key_pem + WORKER.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=MANAGER.ca_certificate_pem.decode())
    context.load_cert_chain(pem)
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version

    def first_bytes(address: str) -> bytes:
        with (
            socket.create_connection(split_address(address), timeout=5) as raw,
            context.wrap_socket(raw, server_hostname="manager.swarmpy") as tls,
        ):
            return tls.recv(9)

    async with served() as address:
        if spoken:
            assert len(await asyncio.to_thread(first_bytes, address)) == 9
        else:
            with pytest.raises(ssl.SSLError):
                await asyncio.to_thread(first_bytes, address)


def test_the_limit_to_tls_1_3_is_set_before_grpc_is_imported() -> None:
    program = (
        "import sys, swarmpy, os; assert 'grpc' not in sys.modules;"
        "print(os.environ['GRPC_SSL_CIPHER_SUITES'])"
    )
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GRPC_")}
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "ECDHE-RSA-AES128-GCM-SHA256\n"


async def test_a_renewed_certificate_is_shown_without_a_restart() -> None:
    shown = [MANAGER]
    async with served(lambda: shown[-1]) as address:
        leaves = []
        for identity in (MANAGER, node("manager1")):
            shown.append(identity)
            async with dial(WORKER, address) as channel:
                await who_am_i(channel)
            pem = await asyncio.to_thread(ssl.get_server_certificate, split_address(address))
            leaves.append(pem.encode())
    assert leaves == [identity.certificate_pem for identity in shown[1:]]


async def test_health_and_reflection_are_served() -> None:
    async with served() as address, dial(WORKER, address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert (await check).status == health_pb2.HealthCheckResponse.SERVING
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {"swarmpy.v1.Control", "swarmpy.v1.Dispatcher", "grpc.health.v1.Health"} <= names


async def test_a_request_has_a_bound() -> None:
    async with served() as address, dial(WORKER, address) as channel:
        with pytest.raises(InvalidInput, match="larger than max"), errors_from_the_wire():
            await channel.unary_unary(WHO)(b"x" * (REQUEST_MAX_BYTES + 1), timeout=5)


async def test_a_taken_address_says_so() -> None:
    async with served() as address:
        with pytest.raises(WrongState, match="cannot listen on 127") as caught:
            await GrpcTransport(lambda: MANAGER).serve(address, register)
    assert caught.value.remedy


# --- the socket file


async def test_whoever_may_open_the_socket_file_is_local(tmp_path: Path) -> None:
    path = tmp_path / "swarmpy.sock"
    server = await serve_local(path, register)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with grpc.aio.insecure_channel(server.address) as channel:
            forged = [("swarmpy_node_id", "worker1"), ("swarmpy_role", "worker")]
            assert await who_am_i(channel, metadata=forged) == repr(LOCAL)
    finally:
        await server.stop(0)


async def test_a_stale_socket_file_is_replaced_but_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "swarmpy.sock"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))
    server = await serve_local(path, register)
    try:
        with pytest.raises(WrongState, match="a swarmpy daemon serves"):
            await serve_local(path, register)
        async with grpc.aio.insecure_channel(server.address) as channel:
            assert await who_am_i(channel) == repr(LOCAL)
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("name", "message"), [("x" * 108, "too long"), ("none/s", "cannot listen on")]
)
async def test_a_path_that_cannot_be_served_says_why(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongState, match=message) as caught:
        await serve_local(tmp_path / name, register)
    assert caught.value.remedy
