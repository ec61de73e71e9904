"""Tasks: what runs where, and why something does not."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    ExplainRequest,
    Explanation,
    GetTaskRequest,
    ListEventsRequest,
    ListTasksRequest,
)
from swarmpy.pb.objects_pb2 import Event, Task


class TaskCalls(Calls):
    """A task is named by its id, a unique prefix of it, or `service.slot`."""

    async def tasks(
        self, *, service: str = "", node: str = "", stack: str = "", ended: bool = False
    ) -> list[Task]:
        """Return the tasks of a service, node or stack, or all; `ended` adds the history."""
        request = ListTasksRequest(service=service, node=node, stack=stack, all=ended)
        answer = await self._connection.read(lambda c: c.ListTasks, request)
        return list(answer.tasks)

    async def task(self, ref: str) -> Task:
        """Return one task. Raises NotFound or Ambiguous."""
        return await self._connection.read(lambda c: c.GetTask, GetTaskRequest(task=ref))

    async def explain(self, ref: str) -> Explanation:
        """Return why a service's tasks, or one task, are where they are, or nowhere."""
        return await self._connection.read(lambda c: c.Explain, ExplainRequest(target=ref))

    async def events(self, ref: str = "") -> list[Event]:
        """Return what happened to one object, or to all, oldest first."""
        request = ListEventsRequest(object=ref)
        answer = await self._connection.read(lambda c: c.ListEvents, request)
        return list(answer.events)
