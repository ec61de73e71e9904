from collections.abc import Mapping
from typing import Any

import pytest

from swarmpy.errors import PermissionDenied
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER
from swarmpy.rpc.peer import LOCAL, Peer, peer_of
from tests.security.certificate_makers import node

MEMORY = {"swarmpy_node_id": [b"m1"], "swarmpy_role": [b"manager"], "swarmpy_cluster_id": [b"c1"]}
TLS = {
    "transport_security_type": [b"ssl"],
    "ssl_tls_version": [b"TLSv1.3"],
    "x509_pem_cert": [node("w1", NODE_ROLE_WORKER).certificate_pem],
}
INSECURE = {"transport_security_type": [b"insecure"]}


class Context:
    """What a transport knows of a caller."""

    def __init__(self, proofs: Mapping[str, list[bytes]], address: str) -> None:
        self._proofs, self._address = proofs, address

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return self._proofs

    def peer(self) -> str:
        return self._address


def peer(proofs: Mapping[str, list[bytes]], address: str = "ipv4:10.0.0.1:5") -> Peer:
    context: Any = Context(proofs, address)
    return peer_of(context)


@pytest.mark.parametrize(
    ("proofs", "address", "expected"),
    [
        pytest.param(TLS, "ipv4:1.2.3.4:5", Peer("w1", NODE_ROLE_WORKER, "cluster1"), id="tls"),
        pytest.param(MEMORY, "memory:m1", Peer("m1", NODE_ROLE_MANAGER, "c1"), id="in memory"),
        pytest.param(
            MEMORY | {"swarmpy_role": [b"worker"]},
            "memory:m1",
            Peer("m1", NODE_ROLE_WORKER, "c1"),
            id="worker in memory",
        ),
        pytest.param(INSECURE, "unix:", LOCAL, id="socket file"),
        pytest.param(
            TLS | MEMORY,
            "ipv4:1.2.3.4:5",
            Peer("w1", NODE_ROLE_WORKER, "cluster1"),
            id="a certificate beats all",
        ),
        pytest.param(
            INSECURE | MEMORY, "unix:", LOCAL, id="plain keys count nothing on a real transport"
        ),
    ],
)
def test_a_peer_is_who_the_transport_proved(
    proofs: Mapping[str, list[bytes]], address: str, expected: Peer
) -> None:
    assert peer(proofs, address) == expected


@pytest.mark.parametrize(
    "proofs",
    [
        pytest.param({}, id="nothing"),
        pytest.param(INSECURE, id="plain TCP"),
        pytest.param(INSECURE | MEMORY, id="plain TCP with plain keys"),
        pytest.param({"transport_security_type": [b"ssl"]}, id="TLS without a certificate"),
        pytest.param({"transport_security_type": [b"ssl"], **MEMORY}, id="TLS with plain keys"),
        pytest.param(TLS | {"ssl_tls_version": [b"TLSv1.2"]}, id="TLS 1.2"),
    ],
)
def test_without_proof_nobody_is_let_in(proofs: Mapping[str, list[bytes]]) -> None:
    with pytest.raises(PermissionDenied):
        peer(proofs)
