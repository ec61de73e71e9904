"""The swarm as a whole: its settings, the key that unlocks its managers, its backup."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    GetBackupRequest,
    GetUnlockKeyRequest,
    RotateUnlockKeyRequest,
    UpdateClusterRequest,
)
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_UNSPECIFIED,
    PlacementStrategy,
    RebalancePolicy,
)


class ClusterCalls(Calls):
    async def update_cluster(
        self,
        *,
        autolock: bool | None = None,
        unlock_key: str = "",
        strategy: PlacementStrategy.ValueType = PLACEMENT_STRATEGY_UNSPECIFIED,
        gossip_profile: str = "",
        rebalance: RebalancePolicy | None = None,
    ) -> Cluster:
        """Change what is given and nothing else; return the swarm as it is then.

        `unlock_key` is what autolock begins with: whoever made it has it even if the answer is
        lost. Without one the managers make it. `gossip_profile` is "default", "lan" or "wan".

        Raises:
            InvalidInput: there is no such profile.
        """
        request = UpdateClusterRequest(
            autolock=autolock,
            unlock_key=unlock_key,
            gossip_profile=gossip_profile,
            strategy=strategy,
            rebalance=rebalance,
        )
        return await self._connection.write(lambda c: c.UpdateCluster, request)

    async def unlock_key(self) -> str:
        """Return the key that opens locked managers; "" while autolock is off."""
        answer = await self._connection.read(lambda c: c.GetUnlockKey, GetUnlockKeyRequest())
        return answer.key

    async def rotate_unlock_key(self, key: str = "") -> str:
        """Let another one, yours or one that the managers make, take its place; return it.

        Raises:
            WrongState: autolock is off.
        """
        request = RotateUnlockKeyRequest(key=key)
        return (await self._connection.write(lambda c: c.RotateUnlockKey, request)).key

    async def backup(self) -> BackupContent:
        """Return everything that the swarm knows, its secrets too: encrypt it before it is
        written anywhere.
        """
        chunks = self._connection.stream(lambda c: c.GetBackup, GetBackupRequest())
        return BackupContent.FromString(b"".join([chunk.data async for chunk in chunks]))
