"""What the contexts allow; handshakes over real sockets are in tests/rpc."""

import ssl
import time

import pytest
from cryptography.hazmat.primitives import serialization

from swarmpy.errors import InvalidInput, PermissionDenied, SwarmPyError, TokenRefused
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.security.certificates import NodeIdentity, digest_of, read_certificate
from swarmpy.security.tls import verify_offer
from swarmpy.security.tls_context import client_context, join_context, server_context
from tests.security.certificate_makers import authority, node


def der(identity: NodeIdentity) -> bytes:
    certificate = read_certificate(identity.certificate_pem)
    return certificate.public_bytes(serialization.Encoding.DER)


def test_nothing_older_than_tls_1_3_is_spoken() -> None:
    identity = node("node1")
    for context in (
        server_context(identity, ["a"]),
        client_context(identity, "a"),
        join_context("a"),
    ):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3


def test_a_manager_of_the_tokens_swarm_is_believed() -> None:
    ca = authority().ca_certificate_pem
    verify_offer(ca, digest_of(ca), der(node("node1")), time.time())


@pytest.mark.parametrize(
    ("digest_swarm", "leaf", "ahead_s", "error", "message"),
    [
        pytest.param(
            "cluster2", node("node1"), 0, TokenRefused, "for another swarm", id="another swarm"
        ),
        pytest.param(
            "cluster1",
            node("node1", cluster_id="cluster2"),
            0,
            PermissionDenied,
            "without being of it",
            id="shows an authority that did not sign it",
        ),
        pytest.param(
            "cluster1", node("w1", NODE_ROLE_WORKER), 0, PermissionDenied, "a worker", id="worker"
        ),
        pytest.param(
            "cluster1", node("node1"), 86400, InvalidInput, "is valid from", id="clock ahead"
        ),
        pytest.param(
            "cluster1", node("node1"), -86400, InvalidInput, "is valid from", id="clock behind"
        ),
    ],
)
def test_whoever_cannot_prove_to_be_a_manager_of_it_learns_no_secret(
    digest_swarm: str, leaf: NodeIdentity, ahead_s: float, error: type[SwarmPyError], message: str
) -> None:
    digest = authority(digest_swarm).digest
    offered = authority().ca_certificate_pem
    with pytest.raises(error, match=message) as caught:
        verify_offer(offered, digest, der(leaf), time.time() + ahead_s)
    assert caught.value.remedy
