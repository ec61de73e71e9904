"""Control groups for process tasks: memory, pids and cpu, in version 1 or 2 (cgroups(7))."""

from __future__ import annotations

import contextlib
from pathlib import Path

from swarmpy.pb.types_pb2 import Resources

ROOT = Path("/sys/fs/cgroup")
PARENT = "swarmpy"
CPU_PERIOD_US = 100_000


def make(task_id: str, limits: Resources) -> list[Path]:
    """Make the groups that hold `limits` and return them; [] when there is nothing to hold, or
    when this machine or user may not make groups.
    """
    wanted = _settings(limits, unified=_is_unified())
    groups: list[Path] = []
    try:
        for controller, values in wanted.items():
            group = _group(controller, task_id)
            group.mkdir(parents=True, exist_ok=True)
            groups.append(group)
            for name, value in values.items():
                (group / name).write_text(value)
    except OSError:
        remove(groups)
        return []
    return groups


def find(task_id: str) -> list[Path]:
    """Return the groups of a task that are there."""
    own = [ROOT / PARENT / task_id]
    own += [ROOT / controller / PARENT / task_id for controller in ("memory", "pids", "cpu")]
    return [group for group in own if group.is_dir()]


def remove(groups: list[Path]) -> None:
    """Remove groups whose processes have ended; others stay."""
    for group in groups:
        with contextlib.suppress(OSError):
            group.rmdir()


def ran_out_of_memory(groups: list[Path]) -> bool:
    """Tell whether the kernel killed a process of these groups for want of memory."""
    for group in groups:
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                for line in (group / name).read_text().splitlines():
                    key, _, count = line.partition(" ")
                    if key == "oom_kill" and int(count):
                        return True
    return False


def _is_unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _group(controller: str, task_id: str) -> Path:
    if not _is_unified():
        return ROOT / controller / PARENT / task_id
    parent = ROOT / PARENT
    parent.mkdir(exist_ok=True)
    for place in (ROOT, parent):
        (place / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    return parent / task_id


def _settings(limits: Resources, *, unified: bool) -> dict[str, dict[str, str]]:
    """Return controller -> file -> value. In version 2 all files are in one group."""
    quota = str(limits.nano_cpus * CPU_PERIOD_US // 1_000_000_000)
    wanted: dict[str, dict[str, str]] = {}
    if limits.memory_bytes:
        name = "memory.max" if unified else "memory.limit_in_bytes"
        wanted["memory"] = {name: str(limits.memory_bytes)}
    if limits.pids:
        wanted["pids"] = {"pids.max": str(limits.pids)}
    if limits.nano_cpus:
        value = f"{quota} {CPU_PERIOD_US}" if unified else quota
        wanted["cpu"] = {"cpu.max" if unified else "cpu.cfs_quota_us": value}
    return wanted
