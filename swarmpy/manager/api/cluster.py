"""The swarm itself. Its authority's key never leaves the managers."""

from __future__ import annotations

from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import GetClusterRequest
from swarmpy.pb.objects_pb2 import Cluster


class Clusters:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def get_cluster(self, _request: GetClusterRequest) -> Cluster:
        cluster = Cluster()
        cluster.CopyFrom((await self._seat.read()).cluster)
        cluster.ClearField("ca_key_pem")
        return cluster
