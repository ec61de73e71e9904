"""Makes a new swarm: its Cluster row and its first Node, in one transaction."""

from __future__ import annotations

from swarmpy.core.gossip_keys import first_ring
from swarmpy.errors import WrongState
from swarmpy.manager.enroll import CERTIFICATE_TTL_S
from swarmpy.manager.seat import HEARTBEAT_S
from swarmpy.pb.dispatcher_pb2 import Hello
from swarmpy.pb.objects_pb2 import Cluster, Node, NodeStatus
from swarmpy.pb.specs_pb2 import ClusterSpec, NodeSpec
from swarmpy.pb.types_pb2 import AVAILABILITY_ACTIVE, NODE_ROLE_MANAGER, NODE_STATE_UNKNOWN
from swarmpy.security.certificates import Authority
from swarmpy.store.store import Store

DEFAULT_SPEC = ClusterSpec(
    heartbeat_s=HEARTBEAT_S,
    task_history=5,
    node_certificate_ttl_s=CERTIFICATE_TTL_S,
    address_pools=["10.128.0.0/9"],
)


async def bootstrap_cluster(  # noqa: PLR0913  what a swarm begins with
    store: Store,
    authority: Authority,
    *,
    cluster_id: str,
    node_id: str,
    hello: Hello,
    gossip_key: bytes,
    now_ms: int,
    unlock_key: bytes = b"",
    gossip_profile: str = "default",
) -> None:
    """Write what a swarm begins with. Its only member must lead already.

    `hello` is what the first node says of itself; its `manager` must be set. With an
    `unlock_key` autolock is on.

    Raises:
        WrongState: there is a swarm in this store.
        Unavailable: as every write.
    """
    assert hello.HasField("manager"), "the first node is a manager"
    if len(store.view.clusters):
        raise WrongState(
            "this node belongs to a swarm already", remedy="swarmpy leave --force first"
        )
    cluster = Cluster(
        id=cluster_id,
        spec=DEFAULT_SPEC,
        ca_certificate_pem=authority.ca_certificate_pem,
        ca_key_pem=authority.ca_key_pem,
        unlock_key=unlock_key,
        gossip_keys=first_ring(gossip_key, now_ms),
    )
    cluster.spec.autolock = bool(unlock_key)
    cluster.spec.gossip_profile = gossip_profile
    node = Node(
        id=node_id,
        spec=NodeSpec(role=NODE_ROLE_MANAGER, availability=AVAILABILITY_ACTIVE),
        description=hello.description,
        status=NodeStatus(
            state=NODE_STATE_UNKNOWN, message="its agent has not called yet", address=hello.address
        ),
        role=NODE_ROLE_MANAGER,
        manager=hello.manager,
    )
    async with store.update() as tx:
        tx.clusters.create(cluster)
        tx.nodes.create(node)
