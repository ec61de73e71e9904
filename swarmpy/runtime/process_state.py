"""Tells how a process task is, from its directory and the machine's processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from swarmpy.core.container import Container, Exit
from swarmpy.runtime import cgroup
from swarmpy.runtime.health import Health, schedule_of
from swarmpy.runtime.process_table import is_supervisor_of
from swarmpy.runtime.task_directory import TaskDirectory

SIGKILL_CODE = 128 + signal.SIGKILL


def container_of(directory: TaskDirectory, health: Health) -> Container:
    """Return what a directory and the process table say of one process."""
    ended = exit_of(directory)
    started = directory.started()
    running = started is not None and ended is None
    checked = schedule_of(directory.task().spec.containers[0].health_check) is not None
    return Container(
        task_id=directory.task_id,
        container_id=f"process-{started.pid}" if started else "",
        running=running,
        exit=ended,
        healthy=(health.healthy and running) if checked else None,
        unhealthy=health.unhealthy,
        ports=directory.ports() if running else (),
        name=directory.container,
        run_id=f"{started.pid}-{started.at_ms}" if started else "",
    )


def exit_of(directory: TaskDirectory) -> Exit | None:
    """Return how a task ended. One whose supervisor was killed is ended here."""
    found = directory.ended()
    started = directory.started()
    if not found and started and not is_supervisor_of(started.supervisor, directory.path):
        found = directory.ended()  # it may have written its last word meanwhile
        if not found:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            directory.set_ended(SIGKILL_CODE, "its supervisor was killed")
            found = directory.ended()
    if not found:
        return None
    code = int(found["code"])
    killed_for_memory = code == SIGKILL_CODE and cgroup.ran_out_of_memory(
        cgroup.find(directory.path.name)
    )
    error = str(found.get("refused") or found.get("error") or "")
    return Exit(code, oom_killed=killed_for_memory, error=error)


def signal_of(name: str) -> signal.Signals:
    """Return the signal of "SIGTERM", "TERM" or "15"."""
    if name.isdecimal():
        return signal.Signals(int(name))
    return signal.Signals["SIG" + name.upper().removeprefix("SIG")]


async def process_end(pid: int) -> None:
    """Return once a process, which need not be a child of ours, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
