"""One process task on disk: what to launch, what runs, how it ended. A pod has one for each of its
containers, as if that was a task.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import PortBinding

PRIVATE = ("task.pb", "launch.json")
"""Files with the task's environment in them."""
APART = "@"
"""Between the task and the container in the names of a pod's directories."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What the task's supervisor is told; `task_supervisor.py` reads it as JSON."""

    argv: list[str]
    environment: dict[str, str]
    working_dir: str
    uid: int | None = None
    gid: int | None = None
    cgroups: list[str] = field(default_factory=list)
    """`cgroup.procs` files to enter."""
    address_space_bytes: int = 0
    """RLIMIT_AS, where there is no control group to hold the memory; 0 is unlimited."""


@dataclass(frozen=True, slots=True)
class Started:
    pid: int
    """Of the task's first process, which leads its session and its process group."""
    supervisor: int
    at_ms: int


class TaskDirectory:
    """The files of one task. Whole files are written by rename, so none is ever half there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def task_id(self) -> str:
        return self.path.name.partition(APART)[0]

    @property
    def container(self) -> str:
        """Which of a pod's it is; "" in a plain task."""
        return self.path.name.partition(APART)[2]

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def log_files(self) -> tuple[Path, Path]:
        """The older log, then the newer."""
        return self.path / "log.1", self.path / "log"

    @property
    def order(self) -> int:
        """0 for the first of a pod's containers."""
        try:
            return int((self.path / "order").read_text())
        except FileNotFoundError:
            return 0

    def set_order(self, order: int) -> None:
        (self.path / "order").write_text(str(order))

    def exists(self) -> bool:
        return (self.path / "task.pb").exists()

    def create(self, task: Task, memory: Path) -> None:
        """Write the task down. What holds its environment is kept below `memory`, not on disk:
        links lead there, and after a boot they lead nowhere, as the process is nowhere.
        """
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        memory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in PRIVATE:
            link = self.path / name
            link.unlink(missing_ok=True)
            link.symlink_to(memory / name)
        self._replace("task.pb", task.SerializeToString())

    def task(self) -> Task:
        return Task.FromString((self.path / "task.pb").read_bytes())

    def set_ports(self, ports: list[PortBinding]) -> None:
        bindings = Task()
        bindings.status.ports.extend(ports)
        self._replace("ports.pb", bindings.SerializeToString())

    def ports(self) -> tuple[PortBinding, ...]:
        try:
            return tuple(Task.FromString((self.path / "ports.pb").read_bytes()).status.ports)
        except FileNotFoundError:
            return ()

    def set_launch(self, launch: Launch) -> None:
        self._replace("launch.json", json.dumps(asdict(launch)).encode())

    def launch(self) -> Launch:
        return Launch(**self._read("launch.json"))

    def started(self) -> Started | None:
        """Return what runs, or ran; None before it was started."""
        found = self._read("started.json")
        return Started(**found) if found else None

    def ended(self) -> dict[str, Any]:
        """Return what the supervisor wrote at the end; {} before it."""
        return self._read("exit.json")

    def set_ended(self, code: int, error: str) -> None:
        """Write down the end that no supervisor could."""
        self._replace("exit.json", json.dumps({"code": code, "error": error}).encode())

    def forget_run(self) -> None:
        """Be as before the start, but for the log."""
        for name in ("exit.json", "started.json"):
            (self.path / name).unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def _replace(self, name: str, data: bytes) -> None:
        path = self.path / name
        if path.is_symlink():
            path = path.readlink()
        new = path.with_name(f"{name}.new")
        new.touch(mode=0o600)
        new.write_bytes(data)
        new.rename(path)


def directories_of(root: Path, task_id: str) -> list[TaskDirectory]:
    """Return the directories of one task, the first container's first."""
    alone = TaskDirectory(root / task_id)
    if alone.exists():
        return [alone]
    found = [TaskDirectory(path.parent) for path in root.glob(f"{task_id}{APART}*/task.pb")]
    return sorted(found, key=lambda one: one.order)


def task_directories(root: Path) -> Iterator[TaskDirectory]:
    """Yield the directory of every task, in the order of their ids."""
    for path in sorted(root.glob("*/task.pb")):
        yield TaskDirectory(path.parent)
