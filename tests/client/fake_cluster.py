# ruff: noqa: N802  gRPC names its methods
"""The make-believe swarm as a whole: its settings, its unlock key, its backup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from swarmpy.errors import WrongState
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.pb.transaction_pb2 import Change, StoreSnapshot
from tests.client.fake_swarm import FakeSwarm


class FakeCluster(FakeSwarm):
    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(id="c00000000000001", version=1)
        self.key = ""

    async def GetCluster(self, request: Any, context: Any) -> Cluster:
        self.called("GetCluster")
        return self.cluster

    async def UpdateCluster(self, request: Any, context: Any) -> Cluster:
        self.called("UpdateCluster")
        if request.HasField("autolock"):
            self.cluster.spec.autolock = request.autolock
            self.key = request.unlock_key if request.autolock else ""
        if request.gossip_profile:
            self.cluster.spec.gossip_profile = request.gossip_profile
        if request.strategy:
            self.cluster.spec.strategy = request.strategy
        if request.HasField("rebalance"):
            self.cluster.spec.rebalance.CopyFrom(request.rebalance)
        return self.cluster

    async def GetUnlockKey(self, request: Any, context: Any) -> api.UnlockKey:
        self.called("GetUnlockKey")
        return api.UnlockKey(key=self.key)

    async def RotateUnlockKey(self, request: Any, context: Any) -> api.UnlockKey:
        self.called("RotateUnlockKey")
        if not self.cluster.spec.autolock:
            raise WrongState("autolock is off")
        self.key = request.key or "SWMKEY-1-ours"
        return api.UnlockKey(key=self.key)

    async def GetBackup(self, request: Any, context: Any) -> AsyncIterator[api.BackupChunk]:
        self.called("GetBackup")
        rows = StoreSnapshot(index=7, rows=[Change(cluster=self.cluster)])
        whole = BackupContent(index=7, term=2, state=rows.SerializeToString()).SerializeToString()
        yield api.BackupChunk(data=whole[:5])
        yield api.BackupChunk(data=whole[5:])
