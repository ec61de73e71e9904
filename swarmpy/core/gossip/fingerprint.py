"""Numbers that stand for what is known: equal on every node for equal content.

Tables are compared by the XOR of 64-bit fingerprints, their entries by the lower 32 bits. Two
entries share those once in 4e9: the lists then miss a difference, which owners' sums find.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember, GossipState

SHORT = 0xFFFFFFFF


@lru_cache(maxsize=1 << 14)
def of_node(node_id: str) -> int:
    """Return 32 bits for a node id."""
    return int.from_bytes(blake2b(node_id.encode(), digest_size=4).digest(), "little")


def of_member(member: GossipMember, state: GossipState.ValueType) -> int:
    """Return 64 bits for what a member said of itself last, and for its end."""
    return _of_statement(member.node_id, member.epoch, member.incarnation, state)


@lru_cache(maxsize=1 << 14)
def _of_statement(node_id: str, epoch: int, incarnation: int, state: int) -> int:
    text = f"{node_id} {epoch} {incarnation} {state}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def of_endpoint(endpoint: GossipEndpoint) -> int:
    """Return 64 bits for the whole content of an endpoint."""
    content = endpoint.SerializeToString(deterministic=True)
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")
