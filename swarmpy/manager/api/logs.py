"""Logs: lines that only the nodes that run the tasks have."""

from __future__ import annotations

from collections.abc import Callable

from swarmpy.core.pod import container_key
from swarmpy.errors import NotFound
from swarmpy.manager.api.find import find_target
from swarmpy.manager.lead import Lead
from swarmpy.manager.log_answer import LogTarget
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.control_pb2 import LogsRequest
from swarmpy.pb.dispatcher_pb2 import LogOptions
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_ACCEPTED
from swarmpy.store.view import View


class Logs:
    def __init__(self, seat: Seat, lead: Callable[[], Lead]) -> None:
        self._seat = seat
        self._lead = lead

    async def logs(self, request: LogsRequest, send: Send) -> None:
        """Send the lines of a service's or a task's containers, also of those that ended."""
        view = await self._seat.read()
        target = find_target(view, request.target)
        options = LogOptions()
        options.CopyFrom(request.options)
        if not options.stdout and not options.stderr:
            options.stdout = options.stderr = True
        spec = target.spec.task if isinstance(target, Service) else target.spec
        if container_key(spec, options.container) is None:
            raise NotFound.named("container", options.container)
        wanted = _of_service(target) if isinstance(target, Service) else _of_task(target)
        await self._lead().logs.logs(wanted, options, send)


def _of_service(service: Service) -> LogTarget:
    return LogTarget(
        tasks=lambda view: view.tasks.by("service_id", service.id),
        may_grow=lambda view: service.id in view.services,
    )


def _of_task(task: Task) -> LogTarget:
    def rows(view: View) -> list[Task]:
        return [row for row in [view.tasks.find(task.id)] if row is not None]

    return LogTarget(
        tasks=rows,
        may_grow=lambda view: any(row.status.state < TASK_STATE_ACCEPTED for row in rows(view)),
    )
