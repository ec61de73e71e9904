"""Volumes: data that outlives the tasks that use it."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateVolumeRequest,
    GetVolumeRequest,
    ListVolumesRequest,
    RemoveVolumeRequest,
    VolumeSummary,
)
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.pb.specs_pb2 import VolumeSpec


class VolumeCalls(Calls):
    """Each is named by its id, a unique prefix of it, or its name."""

    async def create_volume(self, spec: VolumeSpec) -> Volume:
        """Declare a volume; it is made when the first task needs it. Raises AlreadyExists."""
        request = CreateVolumeRequest(spec=spec)
        return await self._connection.write(lambda c: c.CreateVolume, request)

    async def volumes(self, *, node: str = "", stack: str = "") -> list[VolumeSummary]:
        """Return the volumes, with who uses them; of one node or one stack if given."""
        request = ListVolumesRequest(node=node, stack=stack)
        return list((await self._connection.read(lambda c: c.ListVolumes, request)).volumes)

    async def volume(self, ref: str) -> VolumeSummary:
        """Return one volume, with who uses it. Raises NotFound."""
        return await self._connection.read(lambda c: c.GetVolume, GetVolumeRequest(volume=ref))

    async def remove_volume(self, ref: str, *, force: bool = False) -> None:
        """Remove a volume and the data in it; a node that is down does so when it is back.

        With `force` also one that is used, unless a task runs with it: tasks begin anew.

        Raises:
            InUse: somebody uses it.
        """
        request = RemoveVolumeRequest(volume=ref, force=force)
        await self._connection.write(lambda c: c.RemoveVolume, request)
