"""Certificates of one authority for a manager and a worker, for transports that check them."""

from __future__ import annotations

import time

from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr

CLUSTER_ID = "swarm"


class SwarmIdentities:
    """Node m1 is a manager, node w1 a worker."""

    def __init__(self) -> None:
        self._authority = Authority.create(CLUSTER_ID, time.time())
        self.manager = self.of("m1", NODE_ROLE_MANAGER)
        self.worker = self.of("w1", NODE_ROLE_WORKER)

    def of(self, node_id: str, role: NodeRole.ValueType) -> NodeIdentity:
        key_pem, csr_pem = new_key_and_csr()
        certificate_pem = self._authority.sign(
            csr_pem,
            node_id=node_id,
            role=role,
            cluster_id=CLUSTER_ID,
            ttl_s=3600,
            now_s=time.time(),
        )
        return NodeIdentity.read(certificate_pem, key_pem, self._authority.ca_certificate_pem)
