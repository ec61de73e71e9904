"""Makes the authority and the nodes that tests of TLS need."""

import time
from functools import cache

from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NodeRole
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr


def authority(cluster_id: str = "cluster1") -> Authority:
    """Return the same one every time."""
    return _authority(cluster_id)


@cache
def _authority(cluster_id: str) -> Authority:
    return Authority.create(cluster_id, time.time())


def node(
    node_id: str, role: NodeRole.ValueType = NODE_ROLE_MANAGER, cluster_id: str = "cluster1"
) -> NodeIdentity:
    """Return a node with a new key."""
    ca = authority(cluster_id)
    key, csr = new_key_and_csr()
    certificate = ca.sign(
        csr, node_id=node_id, role=role, cluster_id=cluster_id, ttl_s=3600, now_s=time.time()
    )
    return NodeIdentity.read(certificate, key, ca.ca_certificate_pem)
