"""Asks every node that this one's gossip knows for a sign of life."""

from __future__ import annotations

import asyncio

from swarmpy.errors import NotFound, Unavailable
from swarmpy.pb.dispatcher_pb2 import NodeProbe, ProbeReport
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_LEFT
from swarmpy.seams import Neighbours
from swarmpy.task_group import TaskGroup

AT_ONCE = 32


async def probe_all(neighbours: Neighbours, request_id: str, own_id: str) -> ProbeReport:
    """Return how long every other node took to answer, dead ones too."""
    places = asyncio.Semaphore(AT_ONCE)

    async def probe(node_id: str) -> NodeProbe:
        async with places:
            try:
                found = await neighbours.probe(node_id)
            except (NotFound, Unavailable):
                return NodeProbe(from_id=own_id, to_id=node_id)
        return NodeProbe(
            from_id=own_id,
            to_id=node_id,
            datagram_s=found.datagram_s,
            stream_s=found.stream_s,
        )

    others = [
        node_id
        for node_id, one in neighbours.picture.members.items()
        if node_id != own_id and one.state != GOSSIP_STATE_LEFT
    ]
    async with TaskGroup() as group:
        probes = [group.create_task(probe(node_id)) for node_id in others]
    return ProbeReport(request_id=request_id, probes=[each.result() for each in probes])
