"""Takes a pod apart into plain tasks of one process each: processes share their machine anyway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from swarmpy.core.pod import is_pod
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import MOUNT_TYPE_EPHEMERAL
from swarmpy.runtime.task_directory import APART
from swarmpy.runtime.task_files import KeptFile


def alone_of(task: Task) -> Iterator[tuple[str, Task]]:
    """Yield, for each container, what comes after the task's id in its directory's name, and the
    task of that container alone.
    """
    if not is_pod(task.spec):
        yield "", task
        return
    for spec in (*task.spec.containers, *task.spec.init_containers):
        alone = Task()
        alone.CopyFrom(task)
        del alone.spec.containers[:]
        del alone.spec.init_containers[:]
        alone.spec.containers.add().CopyFrom(spec)
        yield APART + spec.name, alone


def ephemeral_volumes(task: Task, root: Path) -> list[KeptFile]:
    """Make the ephemeral volumes that a container mounts, below `root`; return where they are."""
    kept = []
    for mount in task.spec.containers[0].mounts:
        if mount.type == MOUNT_TYPE_EPHEMERAL:
            directory = root / mount.source
            directory.mkdir(parents=True, exist_ok=True, mode=0o777)
            kept.append(KeptFile(mount.target, directory))
    return kept
