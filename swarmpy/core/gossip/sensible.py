"""What is refused of what others send: it is authentic, but its sender may be broken or newer."""

from __future__ import annotations

from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_LEFT,
    GossipEndpoint,
    GossipMember,
    GossipRumour,
)

TEXT_MOST = 128
"""Characters of an id or address."""
ENDPOINT_BYTES = 1024
"""Of one endpoint: about sixty ports. It has to fit into a packet beside what else is in it."""
NUMBER_MOST = 1 << 62
"""Of epochs, incarnations and sequences: something must be left to answer with."""


def is_member(said: GossipMember) -> bool:
    """Whether a member could have said this of itself."""
    return (
        0 < len(said.node_id) <= TEXT_MOST
        and 0 < len(said.address) <= TEXT_MOST
        and len(said.api_address) <= TEXT_MOST
        and len(said.leader_id) <= TEXT_MOST
        and 0 < said.epoch < NUMBER_MOST
        and said.incarnation < NUMBER_MOST
    )


def is_rumour(rumour: GossipRumour) -> bool:
    """Whether this can be told of a member."""
    told = rumour.member
    if rumour.state == GOSSIP_STATE_ALIVE or told.address:
        if not is_member(told):
            return False
    elif not (0 < len(told.node_id) <= TEXT_MOST and 0 < told.epoch < NUMBER_MOST):
        return False
    return (
        GOSSIP_STATE_ALIVE <= rumour.state <= GOSSIP_STATE_LEFT
        and told.incarnation < NUMBER_MOST
        and len(rumour.source) <= TEXT_MOST
    )


def is_endpoint(endpoint: GossipEndpoint) -> bool:
    """Whether an owner could have put this."""
    return (
        0 < len(endpoint.task_id) <= TEXT_MOST
        and 0 < len(endpoint.owner_id) <= TEXT_MOST
        and len(endpoint.network_id) <= TEXT_MOST
        and len(endpoint.service_id) <= TEXT_MOST
        and len(endpoint.address) <= TEXT_MOST
        and len(endpoint.vxlan_address) <= TEXT_MOST
        and endpoint.ByteSize() <= ENDPOINT_BYTES
        and 0 < endpoint.version.epoch < NUMBER_MOST
        and 0 < endpoint.version.sequence < NUMBER_MOST
    )
