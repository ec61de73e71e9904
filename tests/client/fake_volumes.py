# ruff: noqa: N802  gRPC names its methods
"""The volumes of the make-believe swarm."""

from __future__ import annotations

from typing import Any

from swarmpy.errors import InUse
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.objects_pb2 import Volume
from tests.client.fake_swarm import FakeSwarm


class FakeVolumes(FakeSwarm):
    async def CreateVolume(self, request: Any, context: Any) -> Volume:
        self.called("CreateVolume")
        return self.put("volumes", Volume(spec=request.spec))  # type: ignore[no-any-return]

    async def ListVolumes(self, request: Any, context: Any) -> api.ListVolumesResponse:
        self.called("ListVolumes")
        node_id = self.find("nodes", request.node).id if request.node else ""
        rows = [
            self._volume_summary(row)
            for row in self.rows["volumes"].values()
            if not node_id or node_id in row.node_ids
        ]
        return api.ListVolumesResponse(volumes=rows)

    async def GetVolume(self, request: Any, context: Any) -> api.VolumeSummary:
        self.called("GetVolume")
        return self._volume_summary(self.find("volumes", request.volume))

    async def RemoveVolume(self, request: Any, context: Any) -> api.RemoveVolumeResponse:
        self.called("RemoveVolume")
        row = self.find("volumes", request.volume)
        if self._volume_summary(row).users and not request.force:
            raise InUse(f"volume {row.spec.name!r} is used by db")
        self.drop("volumes", row.id)
        return api.RemoveVolumeResponse()

    def _volume_summary(self, row: Volume) -> api.VolumeSummary:
        """One that is somewhere is a slot's of service db."""
        used = bool(row.node_ids)
        users, tasks = (["db"], ["db-0"]) if used else ([], [])
        return api.VolumeSummary(volume=row, users=users, tasks=tasks)
