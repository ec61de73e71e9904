"""A client on another machine: mutual TLS with the identity that it is given."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest

from swarmpy.client.client import Client
from swarmpy.client.identity import read_identity
from swarmpy.errors import DaemonUnreachable
from swarmpy.pb.control_pb2_grpc import add_ControlServicer_to_server
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.rpc.grpc_transport import GrpcTransport
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr
from tests.client.fake_control import FakeControl


def issue(authority: Authority, node_id: str) -> NodeIdentity:
    key, csr = new_key_and_csr()
    certificate = authority.sign(
        csr,
        node_id=node_id,
        role=NODE_ROLE_MANAGER,
        cluster_id="c1",
        ttl_s=3600,
        now_s=time.time(),
    )
    return NodeIdentity.read(certificate, key, authority.ca_certificate_pem)


async def test_it_speaks_with_its_swarm_and_with_no_other(
    control: FakeControl, tmp_path: Path
) -> None:
    authority = Authority.create("c1", time.time())
    server_identity, own = issue(authority, "n1"), issue(authority, "n2")
    stranger = issue(Authority.create("c1", time.time()), "n2")
    parts = (own.key_pem, own.certificate_pem, own.ca_certificate_pem)
    (tmp_path / "node.pem").write_bytes(b"".join(parts))
    assert read_identity(tmp_path) == own

    def register(server: grpc.aio.Server) -> None:
        add_ControlServicer_to_server(control, server)

    server = await GrpcTransport(lambda: server_identity).serve("127.0.0.1:0", register)
    try:
        async with await Client.connect(server.address, identity=tmp_path) as client:
            assert len((await client.nodes()).nodes) == 2
        with pytest.raises(DaemonUnreachable):
            await Client.connect(server.address, identity=stranger)
    finally:
        await server.stop(0)
