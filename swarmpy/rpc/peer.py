"""Who is on the other end of a call or a connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import grpc
from cryptography import x509

from swarmpy.errors import PermissionDenied
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.security.certificates import read_certificate, subject_of


@dataclass(frozen=True, slots=True)
class Peer:
    """A node, or with `local` somebody who may open this node's own socket file."""

    node_id: str
    """Empty for local callers."""
    role: NodeRole.ValueType
    cluster_id: str
    local: bool = False

    @property
    def is_manager(self) -> bool:
        return self.role == NODE_ROLE_MANAGER


NODE_ID_KEY = "swarmpy_node_id"
ROLE_KEY = "swarmpy_role"
CLUSTER_ID_KEY = "swarmpy_cluster_id"
"""What a transport inside one process, without certificates, puts into `auth_context()`."""

LOCAL = Peer("", NODE_ROLE_MANAGER, "", local=True)
"""Whoever may open the socket file (mode 0600) owns this node, and is trusted as it is."""


def peer_of(context: grpc.aio.ServicerContext[Any, Any]) -> Peer:
    """Return who makes a call, as the transport proved it; request metadata counts nothing.

    Raises:
        PermissionDenied: the transport proved nothing, or with less than TLS 1.3.
    """
    proofs = context.auth_context()
    if certificates := proofs.get("x509_pem_cert"):
        if b"TLSv1.3" not in proofs.get("ssl_tls_version", ()):
            raise PermissionDenied("this swarm speaks TLS 1.3 and nothing older")
        return _peer_of_pem(bytes(next(iter(certificates))))
    if "transport_security_type" not in proofs and NODE_ID_KEY in proofs:
        return _peer_in_memory(proofs)
    if str(context.peer()).startswith("unix:"):
        return LOCAL
    raise PermissionDenied("this call came without a certificate")


def peer_of_certificate(certificate: x509.Certificate) -> Peer:
    """Return the node of a certificate whose signature TLS has checked."""
    subject = subject_of(certificate)
    return Peer(subject.node_id, subject.role, subject.cluster_id)


@lru_cache(maxsize=1024)
def _peer_of_pem(pem: bytes) -> Peer:
    return peer_of_certificate(read_certificate(pem))


def _peer_in_memory(proofs: Mapping[str, Iterable[bytes]]) -> Peer:
    """Trust what a transport without sockets says of its callers.

    gRPC itself can never come here: it fills in `transport_security_type` for every
    connection, encrypted or not, and callers cannot add or take away a key.
    """
    node_id, role, cluster_id = (
        b"".join(proofs.get(key, ())).decode() for key in (NODE_ID_KEY, ROLE_KEY, CLUSTER_ID_KEY)
    )
    is_manager = role.lower().endswith("manager")
    return Peer(node_id, NODE_ROLE_MANAGER if is_manager else NODE_ROLE_WORKER, cluster_id)
