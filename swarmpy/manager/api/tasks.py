"""Tasks: listed and looked at. Only control loops make them."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.task_life import is_live
from swarmpy.manager.api.find import find_node, find_task
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import GetTaskRequest, ListTasksRequest, ListTasksResponse
from swarmpy.pb.objects_pb2 import Task
from swarmpy.store.view import View


class Tasks:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def list_tasks(self, request: ListTasksRequest) -> ListTasksResponse:
        """Return the tasks that fit every filter, oldest first."""
        tasks = _matching(await self._seat.read(), request)
        return ListTasksResponse(tasks=[task for task in tasks if request.all or is_live(task)])

    async def get_task(self, request: GetTaskRequest) -> Task:
        return find_task(await self._seat.read(), request.task)


def _matching(view: View, request: ListTasksRequest) -> Iterable[Task]:
    tasks: Iterable[Task] = view.tasks
    if request.service:
        tasks = view.tasks.by("service_id", view.services.resolve(request.service).id)
    if request.node:
        node_id = find_node(view, request.node).id
        tasks = [task for task in tasks if task.node_id == node_id]
    if request.stack:
        stack_id = view.stacks.resolve(request.stack).id
        services = {service.id for service in view.services.by("stack_id", stack_id)}
        tasks = [task for task in tasks if task.service_id in services]
    return tasks
