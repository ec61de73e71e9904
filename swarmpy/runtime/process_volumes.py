"""The volumes of a node without an engine: directories that outlive the tasks that see them."""

from __future__ import annotations

import shutil
from pathlib import Path

from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.types_pb2 import MOUNT_TYPE_VOLUME
from swarmpy.runtime.task_files import KeptFile
from swarmpy.runtime.volume_name import volume_name
from swarmpy.seams import Dependencies


def keep_volumes(task: Task, needs: Dependencies, root: Path) -> list[KeptFile]:
    """Make every named volume of a task below `root`; return where its task wants to see each."""
    kept = []
    for mount in task.spec.containers[0].mounts:
        if mount.type != MOUNT_TYPE_VOLUME or not mount.source:
            continue
        volume = needs.volumes.get(mount.source)
        path = root / (mount.source if volume is None else volume_name(volume))
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.append(KeptFile(mount.target, path))
    return kept


def uses(task: Task, volume: Volume) -> bool:
    return volume.id in task.volumes.values()


def remove_volume(volume: Volume, root: Path) -> None:
    shutil.rmtree(root / volume_name(volume), ignore_errors=True)
