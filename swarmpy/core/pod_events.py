"""Says what people are told of the inside of a pod when its node reports on it."""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core.actions import Tell
from swarmpy.core.tell import of_task
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.types_pb2 import ContainerStatus


def pod_events(task: Task, status: TaskStatus) -> Iterator[Tell]:
    """Yield an event for each restart in place, and each container that its node ended, that
    `status` tells of and the task's row does not yet.
    """
    before = {one.name: one for one in task.status.containers}
    for now in status.containers:
        known = before.get(now.name, ContainerStatus())
        if now.restarts > known.restarts:
            message = f"container {now.name} is restarted in place ({now.restarts}): {now.message}"
            yield of_task(task, "ContainerRestarted", message, warning=True)
        elif now.killed_because and not known.killed_because:
            message = f"container {now.name} is ended: {now.killed_because}"
            yield of_task(task, "ContainerUnhealthy", message, warning=True)
