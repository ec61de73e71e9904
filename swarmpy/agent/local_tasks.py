"""What this node was told to run and how far it is, on disk: one file per task.

A status is written here before managers hear of it, and a task before anything is done for it.
So an agent that restarts with no manager in sight goes on where it was. Every file is sealed, for
a task's environment may hold anything; it refers to its secrets by id.
"""

from __future__ import annotations

import errno
from pathlib import Path

import structlog
from google.protobuf.message import DecodeError

from swarmpy.errors import StorageCorrupt, StorageFull
from swarmpy.pb.objects_pb2 import Task
from swarmpy.seams import Disk
from swarmpy.security.sealed import Seal

log = structlog.get_logger()

SUFFIX = ".task"


class LocalTasks:
    """Keeps `<directory>/<task id>.task`. To write and to remove raise OSError as disks do."""

    def __init__(self, disk: Disk, directory: Path, seal: Seal) -> None:
        self._disk = disk
        self._directory = directory
        self._seal = seal

    def load(self) -> list[Task]:
        """Return every task written down. A file that makes no sense is dropped and logged:
        managers tell of its task again.

        Raises:
            StorageFull, StorageCorrupt: the disk does not let this node begin.
        """
        try:
            self._disk.make_dir(self._directory)
            names = self._disk.list_dir(self._directory)
            found = [self._read(self._directory / n) for n in names if n.endswith(SUFFIX)]
        except OSError as error:
            kind = StorageFull if error.errno == errno.ENOSPC else StorageCorrupt
            raise kind(
                f"the tasks of this node cannot be read from {self._directory}: {error}",
                remedy="mend the disk, or move the node's state to another one",
            ) from error
        return [task for task in found if task is not None]

    def _read(self, path: Path) -> Task | None:
        data = self._disk.read(path)
        try:
            return Task.FromString(self._seal.open(data, path.name))
        except (DecodeError, StorageCorrupt):
            log.warning("local_task_unreadable", path=str(path))
            self._disk.remove(path)
            return None

    def write(self, task: Task) -> None:
        """Put a task, with the status it has here, on disk."""
        path, plain = self._path(task.id), task.SerializeToString(deterministic=True)
        self._disk.replace(path, self._seal.close(plain, path.name))

    def remove(self, task_id: str) -> None:
        self._disk.remove(self._path(task_id))

    def _path(self, task_id: str) -> Path:
        assert task_id.isalnum(), "a task's id becomes a file's name"
        return self._directory / f"{task_id}{SUFFIX}"
