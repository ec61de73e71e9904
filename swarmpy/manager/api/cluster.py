"""The swarm itself. Its authority's key never leaves the managers."""

from __future__ import annotations

from swarmpy.core.gossip.profile import check_profile
from swarmpy.core.validate import validate_cluster_update
from swarmpy.errors import WrongState
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.control_pb2 import (
    BackupChunk,
    GetBackupRequest,
    GetClusterRequest,
    GetUnlockKeyRequest,
    RotateUnlockKeyRequest,
    UnlockKey,
    UpdateClusterRequest,
)
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.security.operator_keys import UNLOCK_KEY
from swarmpy.store.editor import Editor

CHUNK_BYTES = 1 << 20
"""Of a backup on its way; well below what gRPC lets through at once."""


class Clusters:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def get_cluster(self, _request: GetClusterRequest) -> Cluster:
        return _shown((await self._seat.read()).cluster)

    async def update_cluster(self, request: UpdateClusterRequest) -> Cluster:
        """Change what the request sets. Autolock that is on already keeps its key."""
        validate_cluster_update(request)
        fresh = self._key(request.unlock_key)
        if request.gossip_profile:
            check_profile(request.gossip_profile)

        def decide(tx: Editor) -> None:
            with tx.clusters.edit(tx.view.cluster.id) as cluster:
                if request.HasField("autolock") and request.autolock != cluster.spec.autolock:
                    cluster.spec.autolock = request.autolock
                    cluster.unlock_key = fresh if request.autolock else b""
                if request.gossip_profile:
                    cluster.spec.gossip_profile = request.gossip_profile
                if request.strategy:
                    cluster.spec.strategy = request.strategy
                if request.HasField("rebalance"):
                    cluster.spec.rebalance.CopyFrom(request.rebalance)

        await self._seat.write(decide)
        return _shown(self._seat.store.view.cluster)

    async def get_unlock_key(self, _request: GetUnlockKeyRequest) -> UnlockKey:
        key = (await self._seat.read()).cluster.unlock_key
        return UnlockKey(key=UNLOCK_KEY.shown(key) if key else "")

    async def rotate_unlock_key(self, request: RotateUnlockKeyRequest) -> UnlockKey:
        """Take a new unlock key; every manager wraps new data keys with it when it sees it.

        Whoever brings the key has it also when the answer is lost; the managers may have locked
        themselves with it by then.
        """
        fresh = self._key(request.key)

        def decide(tx: Editor) -> None:
            with tx.clusters.edit(tx.view.cluster.id) as cluster:
                if not cluster.spec.autolock:
                    raise WrongState(
                        "autolock is off: there is no unlock key to rotate",
                        remedy="turn it on: swarmpy cluster update --autolock",
                    )
                cluster.unlock_key = fresh

        await self._seat.write(decide)
        return UnlockKey(key=UNLOCK_KEY.shown(fresh))

    def _key(self, given: str) -> bytes:
        """Return the key that was given, or a new one. Raises InvalidInput."""
        return UNLOCK_KEY.parse(given) if given else UNLOCK_KEY.create(self._seat.rng)

    async def get_backup(self, _request: GetBackupRequest, send: Send) -> None:
        """Send everything that was acknowledged before the call, as of one moment."""
        seat = self._seat
        await seat.read()
        content = BackupContent(
            index=seat.store.index,
            term=seat.consensus.leadership.term,
            state=b"".join(seat.store.as_bytes()),
        ).SerializeToString()
        for start in range(0, len(content), CHUNK_BYTES):
            await send(BackupChunk(data=content[start : start + CHUNK_BYTES]))


def _shown(cluster: Cluster) -> Cluster:
    copy = Cluster()
    copy.CopyFrom(cluster)
    copy.ClearField("ca_key_pem")
    copy.ClearField("unlock_key")
    copy.ClearField("gossip_keys")
    return copy
